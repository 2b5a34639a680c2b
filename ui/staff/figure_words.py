"""The overview's shares and what every figure means, in words. Must not know numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """A figure that is a part of another one; `count` and `of` are fields of `Counts`."""

    key: str
    title: str
    count: str
    of: str
    of_title: str
    means: str


SHARES = (
    Share(
        "involved",
        "Involved",
        "involved",
        "conversations",
        "conversations",
        "The assistant wrote at least one reply, of any kind.",
    ),
    Share(
        "attempted",
        "Attempted",
        "attempted",
        "conversations",
        "conversations",
        "The assistant gave at least one answer; greetings, questions back and hand-overs are none.",
    ),
    Share(
        "confirmed",
        "Confirmed",
        "confirmed",
        "attempted",
        "attempted",
        (
            "The customer said that it helped: a thumb up on the last answer, a rating of 4 or 5, or nothing but "
            "thanks after it. No thumb down on an answer, no rating of 1 or 2, and never handed over. Silence is "
            "no confirmation."
        ),
    ),
    Share(
        "durable",
        "Durable",
        "durable",
        "attempted_known",
        "attempted, at least 7 days old",
        (
            "Confirmed, and the same customer began no other conversation within 7 days of its last message, nor went on "
            "with this one after a pause of 12 hours, but to say thanks or goodbye. "
            "Conversations younger than that are not known yet: they are in neither number."
        ),
    ),
    Share(
        "refuted",
        "Refuted",
        "refuted",
        "attempted",
        "attempted",
        "A thumb down on an answer or a rating of 1 or 2, and never handed over.",
    ),
    Share(
        "silent",
        "Not known",
        "silent",
        "attempted",
        "attempted",
        (
            "The customer said nothing about the answer. It may have helped or not; it is never counted as "
            "solved, however the conversation was closed."
        ),
    ),
    Share(
        "answered_then_handed",
        "Answered, then a person",
        "answered_then_handed",
        "attempted",
        "attempted",
        "The assistant answered, and the conversation went to a person all the same.",
    ),
    Share(
        "handed",
        "Hand-over",
        "handed",
        "conversations",
        "conversations",
        "A person was asked for, by the customer or by the assistant, or stepped in.",
    ),
    Share(
        "rated",
        "Rated",
        "ratings",
        "conversations",
        "conversations",
        "The customer gave 1 to 5 stars.",
    ),
)
"""Each counted over the conversations of the period."""
MEANS = {
    "conversations": (
        "Conversations that began in the period (days are UTC) and in which something was said. Everything else "
        "is counted over them, whenever it happened."
    ),
    "messages": (
        "Messages of customers, the assistant and agents in these conversations; notes and notices are not counted."
    ),
    "wait": (
        "From the moment a person was asked for until one took over. Hand-overs that nobody took are counted "
        "apart, and so are those where a person stepped in unasked: they would make the wait look shorter. A transfer "
        "while somebody waits is part of that wait; one from person to person is no hand-over."
    ),
    "csat": (
        "Mean of the customers' ratings, 1 to 5, with a 95 % interval (Student); below 5 ratings there is none. "
        "Only those who rate are in it."
    ),
    "mood": (
        "Mean of the conversations' mood, -1 to 1, a word list's guess from what customers wrote. Good for "
        "comparing weeks, not people."
    ),
    "topics": (
        "Of conversations answered from a source: the topic of the past conversation that the first source of an "
        "answer comes from. A conversation with two topics counts in both."
    ),
    "first": (
        "From the start of the assistant's turn until the first words of the reply are shown, nearest-rank quantiles."
    ),
}
"""The figures that are no shares."""
