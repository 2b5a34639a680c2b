"""Which replies become knowledge, with which question and window, and which passages are one."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.privacy import Masker
from chatbot.transcripts.distil import collapse, distil
from chatbot.transcripts.emptiness import is_empty
from chatbot.transcripts.reading import read_transcripts
from chatbot.transcripts.window import render_window
from chatbot.types import Passage, Role, Transcript, Turn

FIXTURES = Path(__file__).parent / "fixtures"
MASKER = Masker()
START = datetime(2025, 3, 1, tzinfo=UTC)


def talk(*said: tuple[Role, str], **about: object) -> Transcript:
    turns = tuple(Turn(role, text) for role, text in said)
    return replace(Transcript("t1", "own", turns, language="en"), **about)  # type: ignore[arg-type]


def passage(answer: str, question: str = "How long may I return it?", day: int = 0, **about: object) -> Passage:
    moment = START + timedelta(days=day)
    made = Passage(f"{day:016x}", f"c{day}", 1, "en", question, f"customer: {question}", answer)
    return replace(made, resolved_at=moment, last_seen=moment, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "Hello, how can I help?",
        "Hi [NAME]!",
        "One moment please, I'll check that for you.",
        "I'll transfer you to my colleague in the billing team.",
        "Hello Rosalind, thanks for asking! One moment please.",
        "Thank you for your question, let me check.",
        "Thank you and goodbye.",
        "You're welcome! Have a great day!",
        "Yes.",
        "Hallo Frau [NAME], einen Moment bitte, ich schaue kurz nach.",
        "Ich verbinde Sie mit einem Kollegen.",
        "Gern geschehen! Schönen Tag noch.",
        "Bonjour Mme [NAME], merci de nous avoir contactés. Comment puis-je vous aider ?",
        "Un instant, je vérifie.",
        "Je vous transfère à un collègue.",
        "Je vous en prie, bonne journée !",
        "Hola [NAME], ¿en qué puedo ayudarte?",
        "Un momento, por favor.",
        "Le paso con un compañero.",
        "De nada, ¡que tenga un buen día!",
        "您好，请问有什么可以帮您？",
        "请稍等，我帮您查一下。",
        "为您转接人工客服",
        "不客气，祝您生活愉快！",
        "👍",
    ],
)
def test_empty_replies(text: str) -> None:
    assert is_empty(text)


@pytest.mark.parametrize(
    "text",
    [
        "You can return it within 30 days.",
        "Hi [NAME], the label costs 4.90 EUR.",
        "What is your order number?",
        "Thank you for waiting, the label costs 4.90 EUR.",
        "Thanks for your patience - your refund was booked today",
        "Sorry, we cannot reserve stock.",
        "I will send you a new label right away.",
        "Ja, der Versand in die Schweiz ist möglich.",
        "Danke für Ihre Geduld, das Paket ist unterwegs",
        "Merci pour votre patience, le colis est parti",
        "Je suis désolé, nous ne livrons pas aux États-Unis.",
        "Gracias por esperar, el paquete sale mañana",
        "可以的，退货运费由我们承担。",
        "感谢您的耐心等待，包裹明天送达。",
    ],
)
def test_replies_that_say_something(text: str) -> None:
    assert not is_empty(text)


def test_a_passage_per_useful_human_turn_with_masked_question_and_window() -> None:
    first = next(item for item in read_transcripts(FIXTURES / "own.jsonl") if isinstance(item, Transcript))
    (found,) = distil(first, MASKER, lambda text: None)
    assert (found.conversation_id, found.turn_id, found.language, found.topic) == ("c-1", 5, "en", "returns")
    assert found.question == "Hi, my name is [NAME]. Can I return the jacket? Order [ORDER]"
    assert found.window == f"customer: {found.question}"
    assert found.answer.startswith("Hi [NAME], you can return it within 30 days")
    assert found.resolved_at == datetime(2025, 5, 2, 9, 2, tzinfo=UTC)
    assert found.id == distil(first, MASKER, lambda text: None)[0].id
    assert len(found.id) == 16


def test_bad_ratings_and_unresolved_conversations_teach_nothing() -> None:
    ids = {
        found.conversation_id
        for item in read_transcripts(FIXTURES / "own.jsonl")
        if isinstance(item, Transcript)
        for found in distil(item, MASKER, lambda text: None)
    }
    assert ids == {"c-1"}
    said = ((Role.CUSTOMER, "Warranty?"), (Role.AGENT, "Two years."))
    assert distil(talk(*said, csat=2.0), MASKER, lambda text: None) == []
    assert len(distil(talk(*said, csat=2.5), MASKER, lambda text: None)) == 1
    assert len(distil(talk(*said, csat=5.0, status="unresolved"), MASKER, lambda text: None)) == 1


def test_notes_bots_and_events_never_become_knowledge() -> None:
    secret = [(role, f"secret {role} words") for role in (Role.BOT, Role.NOTE, Role.SYSTEM)]
    told = talk((Role.CUSTOMER, "Is the Ridge tent dry?"), *secret, (Role.AGENT, "Yes, 3,000 mm."), *secret)
    (found,) = distil(told, MASKER, lambda text: None)
    assert found.turn_id == 4
    assert "secret" not in found.question + found.window + found.answer


def test_the_question_is_the_customers_last_run_that_says_something() -> None:
    told = talk(
        (Role.CUSTOMER, "Can I change my address?"),
        (Role.CUSTOMER, "The parcel is not packed yet"),
        (Role.AGENT, "Let me check."),
        (Role.CUSTOMER, "ok, thanks"),
        (Role.AGENT, "You can edit it under Orders until it says packing."),
        (Role.AGENT, "After that the carrier's app redirects it."),
    )
    one, two = distil(told, MASKER, lambda text: None)
    assert one.question == two.question == "Can I change my address?\nThe parcel is not packed yet"
    assert (
        one.window == two.window == "customer: The parcel is not packed yet\nagent: Let me check.\ncustomer: ok, thanks"
    )
    assert (one.turn_id, two.turn_id) == (4, 5)
    assert distil(talk((Role.AGENT, "We ship to Norway.")), MASKER, lambda text: None) == []


def test_names_that_were_found_once_are_masked_throughout() -> None:
    told = talk(
        (Role.CUSTOMER, "Do you sell Walter mugs?"),
        (Role.AGENT, "Hi Walter, the mugs are sold out."),
        (Role.AGENT, "We noted it: Walter gets 10 points."),
    )
    found = distil(told, MASKER, lambda text: None)
    assert [item.answer for item in found] == [
        "Hi [NAME], the mugs are sold out.",
        "We noted it: [NAME] gets 10 points.",
    ]
    assert found[0].question == "Do you sell [NAME] mugs?"


def test_language_is_the_transcripts_else_detected_else_und() -> None:
    told = talk((Role.CUSTOMER, "Wie lange?"), (Role.AGENT, "Zwei Jahre auf alles."), language=None)
    assert distil(told, MASKER, lambda text: "de" if "Wie" in text else None)[0].language == "de"
    assert distil(told, MASKER, lambda text: None)[0].language == "und"


def test_window_speaks_the_same_for_queries() -> None:
    turns = [
        Turn(Role.CUSTOMER, "a"),
        Turn(Role.NOTE, "n"),
        Turn(Role.BOT, "b\nc"),
        Turn(Role.CUSTOMER, " "),
        Turn(Role.AGENT, "d"),
    ]
    assert render_window(turns) == "customer: a\nagent: b c\nagent: d"
    assert render_window(turns, 1) == "agent: d"
    assert render_window(turns, 0) == render_window([], 3) == ""


def test_duplicates_become_one_in_the_newest_wording() -> None:
    old = passage(
        "You can return unused items within 30 days of delivery; the label is in your account under Orders, then Return.",
        day=1,
    )
    new = passage(
        "You can return unused items within 30 days of delivery; the label is in your account, under Orders then Returns.",
        day=9,
    )
    same = replace(passage(old.answer.upper() + "!", day=5), count=2)
    (one,) = collapse([old, new, same])
    assert (one.answer, one.count, one.last_seen) == (new.answer, 4, new.last_seen)
    assert collapse([old, new], lambda found: found.conversation_id)[0].agents == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("You can return it within 14 days of delivery.", "You can return it within 30 days of delivery."),
        ("You can return opened gas cartridges to us.", "You cannot return opened gas cartridges to us."),
        ("您可以在14天内退货。", "您可以在30天内退货。"),
        ("Sie können das Seil zurückgeben.", "Sie können das Seil nicht zurückgeben."),
        ("Two years on everything.", "Five years on tents."),
    ],
)
def test_an_answer_that_supersedes_another_is_no_duplicate(one: str, other: str) -> None:
    assert len(collapse([passage(one, day=1), passage(other, day=2)])) == 2


def test_the_same_answer_to_other_questions_and_in_other_languages_stays() -> None:
    same = [
        passage("Two years.", "How long is the warranty?", 1),
        passage("Two years.", "When do Pine Points expire?", 2),
    ]
    assert len(collapse(same)) == 2
    assert len(collapse([same[0], replace(same[0], id="x", language="de")])) == 2
    assert collapse([]) == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["a b c d e f g h", "a b c d e f g i", "x 1", "x 2"]), st.integers(0, 9)), max_size=12
    ),
    st.randoms(),
)
def test_collapse_does_not_depend_on_the_order(items: list[tuple[str, int]], order: random.Random) -> None:
    passages = [replace(passage(text, day=day), id=f"{n:016x}", turn_id=n) for n, (text, day) in enumerate(items)]
    first = collapse(passages)
    order.shuffle(passages)
    assert collapse(passages) == first
    assert sum(found.count for found in first) == len(passages)
    assert collapse(first) == first


def test_collapse_is_the_same_in_every_process() -> None:
    code = (
        "from chatbot.transcripts.distil import collapse; from chatbot.types import Passage\n"
        "answers = [f'an answer of many words {n % 5} again' for n in range(200)]\n"
        "made = [Passage(str(n), 'c', n, 'en', f'q {n % 7} here', '', answer) for n, answer in enumerate(answers)]\n"
        "print([(p.id, p.count) for p in collapse(made)])"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout) > 100
