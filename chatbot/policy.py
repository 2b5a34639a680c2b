"""Answer, ask back, or hand over: the whole decision in one pure function. Must not know models, stores or wording."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chatbot.smalltalk import Intent
from chatbot.types import Action, Decision

POLICY_VERSION = "2026-11-2"


class Reason(StrEnum):
    """Why the policy decided as it did; stored with every reply."""

    PRECEDENT = "precedent"  # a past answer fits
    NEAR = "near"  # past answers are close; ask which one is meant
    NOTHING_FITS = "nothing_fits"
    NOT_SURE = "not_sure"
    ONLY_PERSONAL = "only_personal"  # what fits was about one customer's own order or account
    UNCLEAR = "unclear"
    ATTACK = "attack"
    CUSTOMER_ASKED = "customer_asked"
    PERSON_TOPIC = "person_topic"  # about a topic that the company leaves to people
    REPEATED = "repeated"  # the bot failed before and fails again
    NO_KNOWLEDGE = "no_knowledge"  # no index, or none in this language
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    ACKNOWLEDGE = "acknowledge"
    ARE_YOU_A_BOT = "are_you_a_bot"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the search and the matching say. confidence: that the best candidate answers, [0, 1]; 0 where there is none.
    found_any: whether anything was found; personal: whether only what held for one customer was."""

    confidence: float = 0.0
    found_any: bool = False
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the decision depends on. `failures` counts the bot's last turns in a row that did not answer;
    `terse`: the message has hardly a word with a meaning of its own; `person_topic`: it is about a topic of `person_topics`."""

    intent: Intent | None
    attacks: tuple[str, ...]
    evidence: Evidence
    failures: int = 0
    accepted_offer: bool = False
    terse: bool = False
    person_topic: bool = False
    answer_threshold: float = 0.63
    ask_threshold: float = 0.35


_FAILURES_BEFORE_HAND_OVER = 2
_SMALL_TALK = {
    Intent.GREETING: Reason.GREETING,
    Intent.THANKS: Reason.THANKS,
    Intent.GOODBYE: Reason.GOODBYE,
    Intent.ACKNOWLEDGE: Reason.ACKNOWLEDGE,
    Intent.ARE_YOU_A_BOT: Reason.ARE_YOU_A_BOT,
}


def decide(situation: Situation) -> Decision:
    """One decision for one turn; the first rule that applies wins."""
    if situation.intent is Intent.PERSON or situation.accepted_offer:
        return Decision(Action.HAND_OVER, Reason.CUSTOMER_ASKED, 1.0)
    if situation.attacks:
        return Decision(Action.ASK_BACK, Reason.ATTACK, 1.0)
    if situation.intent in _SMALL_TALK:
        return Decision(Action.SMALL_TALK, _SMALL_TALK[situation.intent], 1.0)
    if situation.intent is Intent.UNCLEAR:
        return Decision(Action.ASK_BACK, Reason.UNCLEAR, 1.0)
    if situation.person_topic:
        return Decision(Action.HAND_OVER, Reason.PERSON_TOPIC, 1.0)
    return _by_evidence(situation)


def _by_evidence(situation: Situation) -> Decision:
    sure = situation.evidence.confidence
    if sure >= situation.answer_threshold:
        return Decision(Action.ANSWER, Reason.PRECEDENT, sure)
    if situation.failures >= _FAILURES_BEFORE_HAND_OVER:
        return Decision(Action.HAND_OVER, Reason.REPEATED, sure)
    if situation.evidence.personal:
        return Decision(Action.HAND_OVER, Reason.ONLY_PERSONAL, sure, offered=True)
    if sure >= situation.ask_threshold and situation.failures == 0:
        return Decision(Action.ASK_BACK, Reason.NEAR, sure)
    if situation.terse and situation.evidence.found_any and situation.failures == 0:
        return Decision(Action.ASK_BACK, Reason.UNCLEAR, sure)
    reason = Reason.NOTHING_FITS if situation.evidence.found_any else Reason.NO_KNOWLEDGE
    return Decision(Action.HAND_OVER, reason, sure, offered=True)
