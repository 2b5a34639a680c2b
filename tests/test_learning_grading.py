"""Which replies may be learnt and which words of them: every reason to leave one out has its case."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chatbot.learning.grading import Graded, grade, said_again
from chatbot.learning.live_replies import CONFIRMED, live_replies, opinions
from chatbot.learning.material import Material, harvest, public_contacts, thin_out
from chatbot.learning.superseding import superseded
from chatbot.privacy import Masker
from chatbot.types import CORRECTION, Transcript
from tests.fakes_retrieval import passage
from tests.learning_corpus import conversation, distilled, transcripts

ASKED = "How long may I return the boots?"
ANSWER = "You can return them unused within 30 days of delivery."


def graded(transcript: Transcript, retired: frozenset[int] = frozenset()) -> list[str]:
    known = {one.turn_id: one for one in distilled([transcript])}
    return [one if isinstance(one, str) else one.target for one in grade(transcript, known, retired)]


@pytest.mark.parametrize(
    ("said", "told", "expected"),
    [
        ((("customer", ASKED), ("agent", ANSWER)), {}, [ANSWER]),
        ((("customer", ASKED), ("agent", ANSWER)), {"csat": 2}, ["low_rated"]),
        ((("customer", ASKED), ("agent", ANSWER)), {"status": "unresolved"}, ["unresolved"]),
        ((("customer", "Hi"), ("agent", "Hello, how can I help?")), {}, ["says_nothing"]),
        ((("customer", ASKED), ("agent", "One moment, I will transfer you.")), {}, ["says_nothing"]),
        ((("agent", ANSWER), ("customer", "thanks")), {}, ["nothing_asked"]),
        ((("customer", ASKED), ("agent", "I have refunded you.")), {}, ["single_case"]),
        ((("customer", ASKED), ("agent", ANSWER), ("customer", "That's not what I asked")), {}, ["asked_again"]),
        ((("customer", ASKED), ("agent", ANSWER), ("customer", "How long may I return the boots then")), {}, ["asked_again"]),
        ((("customer", ASKED), ("agent", ANSWER), ("customer", "Great, and can I wash them?")), {}, [ANSWER]),
        ((("customer", ASKED), ("agent", f"I've refunded you. {ANSWER}")), {}, [ANSWER]),
        ((("customer", "I want a refund"), ("agent", "What is your order number?")), {}, ["What is your order number?"]),
        ((("customer", ASKED), ("bot", "Wait."), ("agent", ANSWER), ("note", "x")), {}, [ANSWER]),
    ],
)  # fmt: skip
def test_a_reply_is_learnt_or_left_out_for_a_reason(
    said: tuple[tuple[str, str], ...], told: dict[str, object], expected: list[str]
) -> None:
    assert graded(conversation("c", *said, **told)) == expected


def test_what_an_agent_writes_in_two_turns_is_one_reply() -> None:
    both = conversation("c", ("customer", ASKED), ("agent", ANSWER), ("agent", "The label costs 4.90 EUR, by the way."))
    [one] = [one for one in grade(both, {p.turn_id: p for p in distilled([both])}) if isinstance(one, Graded)]
    assert one.target == f"{ANSWER}\nThe label costs 4.90 EUR, by the way."
    assert one.passage.turn_id == 1


def test_what_somebody_took_back_is_not_learnt() -> None:
    assert graded(conversation("c", ("customer", ASKED), ("agent", ANSWER)), frozenset({1})) == ["retired"]


def test_near_duplicates_of_what_was_taken_back_go_with_it() -> None:
    found = transcripts()
    passages = distilled(found)
    first = passages[0]
    twin = replace(first, id="twin", conversation_id="elsewhere")
    taken = harvest(Material(found, passages, [twin]), Masker(), lambda _: "en", lambda _: None)
    assert (taken.dropped["retired"], len(taken.replies), taken.seen) == (1, 59, 60)


def test_a_sentence_that_runs_on_from_one_left_out_goes_too() -> None:
    cut = passage(1, ASKED, "I found a ride for you\nthat could pick you up in 8 minutes. Should it be booked?")
    assert said_again(cut) == "Should it be booked?"


@pytest.mark.parametrize("source", ["faq", CORRECTION])
def test_what_was_written_for_all_is_learnt_whole(source: str) -> None:
    whole = "I have looked it up: ask for it."
    assert said_again(passage(1, ASKED, whole, source=source)) == whole


def test_duplicates_go_and_common_replies_are_few() -> None:
    found = transcripts()
    again = [replace(one, id=f"x{one.id}") for one in found]
    taken = harvest(Material([*found, *again], distilled([*found, *again])), Masker(), lambda _: "en", lambda _: None)
    thin_out(taken, most=2)
    assert taken.dropped["duplicate"] == 60
    targets = [one.target for one in taken.replies]
    assert max(targets.count(target) for target in targets) == 2
    assert len(targets) + taken.dropped["too_common"] == 60
    assert all(not one.conversation[1].startswith("x") for one in taken.replies)  # the first of each stays


def test_an_old_rule_is_overtaken_and_a_single_other_figure_is_not() -> None:
    old, new = transcripts(days=14)[:8], transcripts(days=30)
    late = [
        replace(
            one,
            id=f"n{one.id}",
            turns=tuple(replace(t, time=t.time and t.time + timedelta(days=200)) for t in one.turns),
        )
        for one in new
    ]
    for later, many in ((late, True), ([one for one in late if one.id == "nc000"], False)):
        every = [*old, *later]
        taken = harvest(Material(every, distilled(every)), Masker(), lambda _: "en", lambda _: None)
        gone = {taken.replies[number] for number in superseded(taken.replies, distilled(every))}
        assert {"14 days" in one.target for one in gone} == ({True} if many else set())
        assert bool(gone) is many


LIVE = replace(
    conversation(
        "live-1",
        ("customer", ASKED),
        ("bot", "You can return them unused within 14 days of delivery."),
        ("customer", "And how do I wash the down jacket?"),
        ("bot", "Wash it at 30 degrees with down detergent."),
        ("customer", "Where do I find the invoice for my order?"),
        ("agent", "The invoice is a PDF under Orders > Invoice in the account."),
    ),
    source="live",
)


def judged(verdict: str | None, thumb: int | None = None) -> tuple[str | None, int | None, str]:
    return verdict, thumb, "answer"


def test_of_the_assistants_own_replies_only_those_judged_right_are_learnt() -> None:
    said = opinions({("live-1", 2): judged("wrong"), ("live-1", 4): judged("right", -1)}, {})
    found = list(live_replies(LIVE, said, Masker(), lambda _: "en"))
    learnt = {one.target: one for one in found if isinstance(one, Graded)}
    assert [one for one in found if isinstance(one, str)] == ["judged_wrong"]
    assert {one.origin: one.weight for one in learnt.values()} == {"review": CONFIRMED, "live": 1.0}
    assert "Wash it at 30 degrees with down detergent." in learnt


def test_a_thumb_down_counts_where_nobody_of_the_team_has_judged() -> None:
    said = opinions({("live-1", 2): judged(None, -1), ("live-1", 4): judged("harmless", -1)}, {})
    assert next(iter(live_replies(LIVE, said, Masker(), lambda _: "en"))) == "thumb_down"
    fixed = opinions({("live-1", 4): ("right", None, "hand_over")}, {})
    assert not fixed.right  # only answers


@pytest.mark.parametrize(
    ("sent", "weight", "rejected"), [("It is a PDF.", CONFIRMED, "Look there."), ("Look  there.", 1.0, None)]
)
def test_what_an_agent_made_of_a_draft_is_kept_beside_it(sent: str, weight: float, rejected: str | None) -> None:
    said = opinions({}, {("live-1", 6): ("Look there.", sent)})
    [one] = [one for one in live_replies(LIVE, said, Masker(), lambda _: "en") if isinstance(one, Graded)]
    assert (one.origin, one.weight, one.rejected) == ("copilot", weight, rejected)


def test_an_answer_of_the_team_names_the_conversation_that_taught_it() -> None:
    made = passage(7, ASKED, ANSWER, source=CORRECTION, conversation_id="correction-7")
    told = replace(conversation("correction-7", ("customer", ASKED), ("agent", ANSWER)), source=CORRECTION)
    material = Material([told], [made], written={made.id: ("live-9", "14 days")})
    [one] = harvest(material, Masker(), lambda _: "en", lambda _: None).replies
    assert (one.origin, one.others, one.rejected) == ("correction", (("live", "live-9"),), "14 days")


def test_the_help_centres_contacts_are_public() -> None:
    shown = passage(1, "q", "Write to help@shop.example.", source="faq")
    said = passage(2, "q", "Write to bob@home.example.")
    assert public_contacts([shown, said], Masker()) == ("help@shop.example",)
