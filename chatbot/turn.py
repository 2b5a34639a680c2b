"""What goes into a turn and comes out of it: the customer's checked text, what the conversation tells, marks on the reply. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from chatbot.answering import Context
from chatbot.errors import BadInput, TooLarge
from chatbot.phrases import phrase
from chatbot.policy import Reason
from chatbot.types import Action, Decision, Message, Mode, Reply

_UNPRINTABLE = re.compile("[\u0000\ud800-\udfff]")


def check_message(text: str, longest: int) -> str:
    """The text as it will be stored. Raises BadInput or TooLarge with a sentence for the customer."""
    if len(text) > longest:
        raise TooLarge(f"Your message has {len(text)} characters; please keep it to {longest}.")
    if _UNPRINTABLE.search(text):
        raise BadInput("Your message contains a character that cannot be stored; please write it as plain text.")
    stripped = text.strip()
    if not stripped:
        raise BadInput("Your message is empty; please write something.")
    return stripped


def context_of(messages: Sequence[Message], *, busy: bool = False) -> Context:
    """What the stored conversation tells the next turn."""
    replies = [message.reply for message in messages if message.reply]
    failures = 0
    for reply in reversed(replies):
        if reply.decision.action not in (Action.ASK_BACK, Action.HAND_OVER) or reply.decision.reason == Reason.ATTACK:
            break
        failures += 1
    last = replies[-1] if replies else None
    return Context(
        prior=last.language if last else None,
        failures=failures,
        offered=last is not None and last.decision.action is Action.HAND_OVER and last.decision.offered,
        busy=busy,
    )


def hands_over(decision: Decision) -> bool:
    """Whether the conversation waits for a person from now on; where one was merely offered it does not."""
    return decision.action is Action.HAND_OVER and not decision.offered


def timed(reply: Reply, first_s: float) -> Reply:
    """With the time to the reply's first words, which the team's figures show."""
    return replace(reply, timings_ms={**reply.timings_ms, "first": round(first_s * 1000, 2)})


def partial(written: str, context: Context) -> Reply:
    """What was shown of a reply that the customer stopped."""
    language = context.prior or "en"
    text = written.strip() or phrase("stopped", language)
    decision = Decision(Action.ANSWER, Reason.PRECEDENT, 0.0)
    return Reply(text, decision, Mode.ADAPTED if written.strip() else Mode.FIXED, language, partial=True)


def facts(reply: Reply) -> dict[str, object]:
    """What a log line may say of a reply: never its words."""
    return {
        "action": reply.decision.action.value,
        "reason": str(reply.decision.reason),
        "mode": reply.mode.value,
        "language": reply.language,
        "degraded": len(reply.provenance.degraded),
    }
