"""Which passages support a reply, which leave it without an answer, and what neither may say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.evidence import facts
from chatbot.learning.augmenting import with_noise, with_rare
from chatbot.learning.grading import Graded
from chatbot.learning.making import Maker, Writing, turns_of, with_hand_overs
from chatbot.learning.noise import mistyped, neighbours
from chatbot.learning.supporting import (
    Candidate,
    Evidence,
    is_right,
    said_in,
    supported,
    wanted,
    without_answer,
    word_set,
)
from chatbot.privacy import Masker
from chatbot.prompts import NO_ANSWER, generate_prompt
from chatbot.types import CORRECTION, Passage, Role
from tests.fakes_retrieval import passage

ASKED = passage(1, "How long may I return boots?", "You can return boots within 30 days, unused.")
REPLY = Graded(ASKED, ASKED.answer, ("test", "c1"))
SAME = passage(2, "Can boots go back?", "Boots can be returned unused within 30 days of delivery.")
OLD = replace(
    SAME,
    id="old",
    conversation_id="c8",
    answer="Boots can be returned unused within 14 days of delivery.",
    resolved_at=datetime(2024, 1, 1, tzinfo=UTC),
)
LABEL = passage(3, "Who pays for the label?", "The label costs 4.90 EUR, free for faulty goods.")
NORWAY = passage(4, "Do you ship to Norway?", "We ship to Norway with duties prepaid.")
WASH = passage(5, "How do I wash a jacket?", "Wash the jacket at a low temperature without softener.")


def found(one: Passage, reply: float = 0.1, question: float = 0.1) -> Candidate:
    return Candidate(one, word_set(one.answer, "en"), said_in(one), reply, question)


WANT = wanted(REPLY, True, "Shop")


@pytest.mark.parametrize(
    ("one", "right"),
    [
        (found(SAME, 0.9), True),
        (found(OLD, 0.9), True),  # it says the same but for the figure, which the facts decide
        (found(LABEL, 0.5), False),
        (found(replace(LABEL, answer="Within 30 days that is fine."), 0.6), True),
        (found(replace(LABEL, answer="It is fine."), 0.6), False),
    ],
)
def test_a_right_passage_says_what_the_reply_says(one: Candidate, right: bool) -> None:
    assert is_right(WANT, one) is right


def test_where_the_encoder_is_not_trusted_words_decide() -> None:
    untrusted = wanted(REPLY, False, "Shop")
    assert not is_right(untrusted, found(replace(LABEL, answer="It is 30 EUR."), 0.99))
    assert is_right(untrusted, found(SAME, 0.0))


def test_a_prompt_holds_what_the_reply_says_or_is_none() -> None:
    assert supported([found(LABEL), found(NORWAY)], 3, WANT) == "no_precedent"
    assert supported([found(OLD, 0.9), found(LABEL)], 3, WANT) == "facts_unsupported"
    assert supported([found(LABEL), found(SAME, 0.9)], 3, WANT) == Evidence((LABEL, SAME))


def test_a_right_passage_further_down_takes_the_last_place() -> None:
    every = [found(LABEL), found(NORWAY), found(WASH), found(SAME, 0.9)]
    assert supported(every, 3, WANT) == Evidence((LABEL, NORWAY, SAME), promoted=True)
    assert supported(every, 1, WANT) == Evidence((SAME,), promoted=True)


def test_a_fact_that_is_missing_is_fetched_and_what_is_outdated_left_out() -> None:
    undated = [found(OLD, 0.9), found(LABEL), found(NORWAY), found(SAME, 0.9)]
    assert supported(undated, 3, WANT) == "superseded"  # of two that disagree the undated one does not hold
    newer = replace(SAME, resolved_at=datetime(2025, 6, 1, tzinfo=UTC))
    assert supported([*undated[:3], found(newer, 0.9)], 3, WANT) == Evidence((LABEL, newer), promoted=True)
    assert supported([found(newer, 0.9), found(OLD, 0.9), found(LABEL)], 3, WANT) == Evidence((newer, LABEL))


def test_a_hand_over_shows_nothing_that_answers() -> None:
    shown = without_answer([found(SAME, 0.9), found(LABEL), found(NORWAY, question=0.9), found(WASH)], 3, WANT)
    assert shown == Evidence((LABEL, WASH))
    sharing = found(replace(WASH, answer="Wash it at 30 degrees."))
    assert without_answer([sharing], 3, WANT) is None


def maker(**more: object) -> Maker:
    return Maker(Writing("Shop", **more), Masker())  # type: ignore[arg-type]


def test_an_example_is_the_products_own_prompt_and_names_all_it_is_from() -> None:
    window = "customer: Hi\nagent: Hello\ncustomer: How long may I return boots?"
    reply = replace(REPLY, passage=replace(ASKED, window=window), others=(("live", "l1"),))
    made = maker().example(reply, [SAME, replace(LABEL, source="faq")], "answer")
    assert not isinstance(made, str)
    assert list(made.prompt) == generate_prompt(turns_of(window), [SAME, LABEL], "Shop", "en", 1500)
    assert [turn.role for turn in turns_of(window)] == [Role.CUSTOMER, Role.BOT, Role.CUSTOMER]
    assert made.target == ASKED.answer
    assert list(zip(made.conversation_sources, made.conversation_ids, strict=True)) == [
        ("test", "c1"),
        ("live", "l1"),
        ("test", "c2"),
        ("faq", "c3"),
    ]


def test_what_was_stored_unmasked_is_masked_now() -> None:
    told = "Write to bob@home.example or call +49 151 23456789."
    leaky = replace(ASKED, question=told, window=f"customer: {told}", answer=told, topic="bob@home.example")
    made = maker().example(replace(REPLY, passage=leaky, target=told, rejected=told), [leaky], "answer")
    assert not isinstance(made, str)
    text = repr(made)
    assert "home.example" not in text
    assert "151" not in text
    assert "[EMAIL]" in made.target


def test_too_long_and_too_much_are_reasons() -> None:
    assert maker(most_tokens=2).example(REPLY, [SAME], "answer") == "too_long"
    huge = replace(SAME, answer="word " * 2000)
    assert maker().example(REPLY, [SAME, huge], "answer") == "cut_by_the_budget"


def test_a_hand_over_stands_beside_the_answer_to_the_same_turn() -> None:
    replies = [
        replace(
            REPLY,
            passage=replace(ASKED, id=f"p{n}", turn_id=n, conversation_id=f"c{n}"),
            conversation=("test", f"c{n}"),
        )
        for n in range(40)
    ]
    made = maker().make((one, [found(SAME, 0.9), found(LABEL), found(WASH)]) for one in replies)
    parts = with_hand_overs(made, {one.conversation: "train" for one in replies}, 0.2, 1)
    train = parts["train"]
    assert (len(train), [one.kind for one in train].count("hand_over")) == (50, 10)
    for before, one in pairwise(train):
        if one.kind == "hand_over":
            assert (one.target, before.kind, before.conversation_id) == (NO_ANSWER, "answer", one.conversation_id)
            assert SAME.answer not in one.messages[1].content
    other = with_hand_overs(made, {one.conversation: "train" for one in replies}, 0.2, 2)["train"]
    assert [one.id for one in other] != [one.id for one in train]
    assert with_hand_overs(made, {one.conversation: "train" for one in replies}, 0.0, 1)["train"] == made.answers


def test_an_answer_of_the_team_is_learnt_from_itself_where_nothing_earlier_says_so() -> None:
    written = replace(REPLY, passage=replace(ASKED, source=CORRECTION), origin="correction")
    [one] = maker().make([(written, [found(OLD, 0.9), found(NORWAY)])]).answers
    assert one.evidence[0] == f"{ASKED.question}\n{ASKED.answer}"
    assert all(OLD.answer not in shown for shown in one.evidence)


LATIN = st.text("abcdefghij xyzäöüßéñ,.'?ABC[]0123456789", max_size=80)


@settings(max_examples=200)
@given(
    st.one_of(LATIN, st.text(max_size=40)), st.sampled_from(["en", "de", "fr", "es", "zh", "und"]), st.integers(0, 99)
)
def test_slips_leave_facts_and_placeholders_alone(text: str, language: str, seed: int) -> None:
    text = f"Order [ORDER] within 30 days, NP-2024 at 4.90 EUR? {text}"
    noisy = mistyped(text, language, Random(seed))
    assert facts(noisy) >= facts("within 30 days, NP-2024 at 4.90 EUR?")
    assert "[ORDER]" in noisy
    assert mistyped(text, language, Random(seed)) == noisy


def test_keys_are_those_of_the_languages_keyboard() -> None:
    assert "z" in neighbours("de")["t"]
    assert "a" in neighbours("fr")["z"]
    assert "ñ" in neighbours("es")["l"]
    assert "y" in neighbours("en")["t"]
    assert mistyped("请问，怎么退货？", "zh", Random(1)) in {"请问 怎么退货", "请问怎么退货"}
    assert "Rückgabe" not in {mistyped("Wie geht die Rückgabe?", "de", Random(seed)) for seed in range(30)}


def test_noise_and_rare_add_to_what_is_there_and_say_so() -> None:
    make = maker()
    replies = [
        replace(
            REPLY,
            passage=replace(
                ASKED, turn_id=n, topic="rare" if n < 2 else f"often{n % 2}", window=f"customer: {ASKED.question}"
            ),
        )
        for n in range(42)
    ]
    plain = make.make((one, [found(SAME, 0.9), found(LABEL), found(WASH)]) for one in replies).answers
    noisy = with_noise(plain, make.rebuild, 1)
    added = [one for one in noisy if one.augmented]
    assert [one for one in noisy if not one.augmented] == plain
    assert 4 <= len(added) <= 20
    assert all(one.window != plain[0].window and one.target == plain[0].target for one in added)
    assert all(one.window.partition(": ")[2] in one.messages[1].content for one in added)
    assert all(one.question == one.window.partition(": ")[2] for one in added)
    more = with_rare(noisy, make.rebuild, 1)
    rare = [one for one in more if one.augmented == "rare"]
    assert 1 <= len(rare) <= 6
    assert {one.topic for one in rare} == {"rare"}
    assert len({one.id for one in more}) == len(more)
    assert all(sorted(one.evidence) == sorted(plain[0].evidence) for one in rare)
    assert all(one.conversation_ids == plain[0].conversation_ids for one in [*added, *rare])
