"""The decision, rule by rule."""

from dataclasses import replace

import pytest

from chatbot.policy import Evidence, Reason, Situation, decide
from chatbot.smalltalk import Intent
from chatbot.types import Action

SURE = Evidence(0.9, found_any=True)
NONE = Evidence(0.05, found_any=True)
PLAIN = Situation(intent=None, attacks=(), evidence=SURE)


@pytest.mark.parametrize(
    ("situation", "action", "reason", "offered"),
    [
        (PLAIN, Action.ANSWER, Reason.PRECEDENT, False),
        (replace(PLAIN, intent=Intent.PERSON), Action.HAND_OVER, Reason.CUSTOMER_ASKED, False),
        (replace(PLAIN, accepted_offer=True), Action.HAND_OVER, Reason.CUSTOMER_ASKED, False),
        (replace(PLAIN, attacks=("override",)), Action.ASK_BACK, Reason.ATTACK, False),
        (replace(PLAIN, intent=Intent.GREETING), Action.SMALL_TALK, Reason.GREETING, False),
        (replace(PLAIN, intent=Intent.UNCLEAR), Action.ASK_BACK, Reason.UNCLEAR, False),
        (replace(PLAIN, evidence=NONE), Action.HAND_OVER, Reason.NOTHING_FITS, True),
        (replace(PLAIN, evidence=NONE, failures=2), Action.HAND_OVER, Reason.REPEATED, False),
        (
            replace(PLAIN, evidence=Evidence(found_any=True, personal=True)),
            Action.HAND_OVER,
            Reason.ONLY_PERSONAL,
            True,
        ),
        (replace(PLAIN, evidence=Evidence()), Action.HAND_OVER, Reason.NO_KNOWLEDGE, True),
    ],
)
def test_each_rule(situation, action, reason, offered):
    decision = decide(situation)
    assert (decision.action, decision.reason, decision.offered) == (action, reason, offered)


def test_an_attack_is_never_answered_however_well_it_matches():
    assert decide(replace(PLAIN, attacks=("sql",))).action is not Action.ANSWER


def test_a_near_miss_asks_back_once():
    near = replace(PLAIN, answer_threshold=0.95, ask_threshold=0.5)
    assert decide(near).action is Action.ASK_BACK
    assert decide(replace(near, failures=1)).action is Action.HAND_OVER
