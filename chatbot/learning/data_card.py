"""The card of a data set: what is counted, and how it reads. Must not know how examples are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatbot import __version__
from chatbot.learning.datasets import SPLITS, DataCard
from chatbot.learning.examples import Example
from chatbot.learning.splitting import Parting

REASONS = {
    "low_rated": "the customer rated the conversation 2 of 5 or worse",
    "unresolved": "the conversation ended without a solution",
    "says_nothing": "a greeting, a hold, a transfer, thanks or a bare yes or no",
    "nothing_asked": "no customer had spoken",
    "asked_again": "the customer asked the same again, or said that it was no answer",
    "retired": "somebody of the team took this answer out of use",
    "superseded": "a newer answer to the same says otherwise",
    "single_case": "nothing in it may be said to anybody else",
    "duplicate": "a near-duplicate of an earlier example",
    "too_common": "the same words were there often enough",
    "no_precedent": "no earlier conversation that was found says the same",
    "facts_unsupported": "it states a figure or a name that neither the passages nor the customer gave",
    "too_long": "longer than a reply may be",
    "cut_by_the_budget": "its passages do not fit the prompt",
    "judged_wrong": "somebody of the team judged this reply of the assistant to be wrong",
    "thumb_down": "the customer gave this reply of the assistant a thumb down",
}
_FEW, _RARE = 50, 10


@dataclass(frozen=True, slots=True)
class Tally:
    """What a build counted beside its examples."""

    dropped: Counter[str]
    conversations: int
    replies: int
    promoted: int
    settings: Mapping[str, Any]
    expected: tuple[str, ...] = ()


def card_of(
    parts: Mapping[str, Sequence[Example]], tally: Tally, parting: Parting, files: Mapping[str, str]
) -> DataCard:
    """Counts are sorted by name, so that equal data sets have equal cards."""
    every = [example for split in SPLITS for example in parts[split]]
    return DataCard(
        examples={split: len(parts[split]) for split in SPLITS},
        conversations={split: len({(one.source, one.conversation_id) for one in parts[split]}) for split in SPLITS},
        languages=_counted(one.language for one in every),
        topics=_counted(one.topic or "(none)" for one in every),
        kinds=_counted(one.kind for one in every),
        origins=_counted(one.origin for one in every),
        augmented=_counted(one.augmented for one in every if one.augmented),
        dropped={reason: count for reason, count in sorted(tally.dropped.items()) if count},
        split={"by": parting.by, "starts": {name: at.isoformat() for name, at in sorted(parting.starts.items())}},
        settings=dict(tally.settings),
        files=dict(sorted(files.items())),
        warnings=tuple(_warnings(every, tally, parting)),
        facts={
            "conversations_read": tally.conversations,
            "replies_read": tally.replies,
            "passages_taken_from_further_down": tally.promoted,
        },
        made_by=f"precedent {__version__}",
    )


def _warnings(every: Sequence[Example], tally: Tally, parting: Parting) -> list[str]:
    found = []
    languages = Counter(one.language for one in every)
    if len(languages) == 1 and len(tally.expected) > 1:
        found.append(
            f"All examples are in one language, {next(iter(languages))}; what is tuned on them learns nothing for the others that "
            f"you serve ({', '.join(sorted(set(tally.expected) - set(languages)))})."
        )
    for language, count in sorted(languages.items()):
        if count < _FEW:
            found.append(f"There are only {count} examples in {language}: too few to learn from or to judge by.")
    if parting.by == "chance":
        found.append(
            "Most conversations have no time: they are parted by chance, and passages are from any other conversation of the same "
            "split or of one before it, not from earlier ones only."
        )
    if not any(one.topic for one in every):
        found.append("No conversation names its topic: nothing can be told by topic.")
    return found


def _counted(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def readme(card: DataCard) -> str:
    """The card for people, Markdown."""
    total = sum(card.examples.values())
    starts = card.split.get("starts", {})
    began = "".join(f"; {name} from {starts[name][:10]}" for name in ("validation", "test") if name in starts)
    lines = [
        "# Data card",
        "",
        f"{total} examples from {sum(card.conversations.values())} conversations, made by {card.made_by}. Personal data is "
        "replaced by typed placeholders. Each example: the last three turns and passages of other, earlier conversations -> the "
        "human reply, or the hand-over where the passages do not answer.",
        "",
        "| split | examples | conversations |",
        "| --- | --- | --- |",
        *(f"| {split} | {card.examples[split]} | {card.conversations[split]} |" for split in SPLITS),
        "",
        f"Parted by {'time' if card.split['by'] == 'time' else 'chance'}, conversation by conversation{began}.",
        "",
    ]
    for title, counts in (
        ("Kind", card.kinds),
        ("Origin", card.origins),
        ("Language", card.languages),
        ("Altered", card.augmented),
    ):
        if counts:
            lines += [f"**{title}**: {', '.join(f'{name} {count}' for name, count in counts.items())}", ""]
    lines += ["**Topics**: " + ", ".join(f"{name} {count}" for name, count in _most(card.topics)), ""]
    lines += [
        f"## Left out ({sum(card.dropped.values())} of {card.facts['replies_read']} replies)",
        "",
        "| reason | replies | |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {reason} | {count} | {REASONS.get(reason, '')} |" for reason, count in _most(card.dropped)]
    if card.warnings:
        lines += ["", "## Mind", "", *(f"- {warning}" for warning in card.warnings)]
    lines += ["", "## Settings", "", *(f"- {name}: {_shown(value)}" for name, value in card.settings.items())]
    lines += ["", "## Files", "", *(f"- `{name}` {digest}" for name, digest in card.files.items()), ""]
    return "\n".join(lines)


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _shown(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
