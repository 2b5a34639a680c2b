"""The card of a model version: what it was made from, how, and how well it does. Must not know where versions lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from chatbot.learning.sealing import UnsealedError, seal, unseal

Kind = Literal["generator", "encoder", "heads"]
Format = Literal["adapter", "safetensors", "gguf", "heads"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CARD, READABLE = "card.json", "card.md"


@dataclass(frozen=True, slots=True)
class Card:
    """One version of a model, as `registry.add` sealed it.

    base: what it was tuned from (catalogue name, hub id, folder or version); base_sha256: of its weights. dataset, data_sha256:
    name and hash of the data set. curves: name -> list of [step, value]. scores: what the makers measured, by name.
    conversations_sha256: hex SHA-256 of each conversation id that it learnt from, for erasure. files: path -> SHA-256.
    parent: the version that this one was made from. seconds: of making it. fit: reply modes that an evaluation found it good
    for, `translate` among them. prompt: "generate" when it was trained on `prompts.generate_prompt`, for whichever mode.
    """

    name: str
    kind: Kind
    created_at: str
    base: str
    base_sha256: str
    licence: str
    languages: tuple[str, ...]
    dataset: str
    data_sha256: str
    method: str
    format: Format
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    conversations_sha256: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    machine: str = ""
    notes: str = ""
    fit: tuple[str, ...] = ()
    prompt: Literal["generate"] | None = None


_NAMES = frozenset(one.name for one in fields(Card))
TUPLES = ("languages", "conversations_sha256", "fit")


def base_of(kind: Kind) -> str:
    """What stands where no version of the kind is published. There are no heads but fitted ones."""
    return "no heads" if kind == "heads" else f"the base {kind}"


def to_bytes(card: Card) -> bytes:
    """The content of card.json, with its own digest."""
    return seal(asdict(card))


def from_bytes(data: bytes) -> Card:
    """Raises UnsealedError when it is not a card as `to_bytes` writes it."""
    raw = unseal(data)
    if strange := sorted(raw.keys() ^ _NAMES):
        raise UnsealedError(f"another version of this program wrote it: {', '.join(strange)}")
    return Card(**(raw | {name: tuple(raw[name]) for name in TUPLES}))


def strange_fields(given: Mapping[str, Any]) -> list[str]:
    """Names among `given` that a card does not have."""
    return sorted(given.keys() - _NAMES)


def headline(card: Card) -> dict[str, str]:
    """The few figures that tell how well a version does, by what they are, for lists; the card holds them all."""
    scores = card.scores
    told = {name: f"{value:.3g}" for name, value in scores.items() if isinstance(value, int | float)}
    if "validation_tuned" in scores:
        told |= _change("evidence score", scores.get("validation_untuned"), scores["validation_tuned"], "evidence")
    for name, what in (("reply", "R@1 of 100"), ("window", "hit@1")):
        if isinstance(scores.get(name), Mapping):
            told |= _change(what, scores[name].get("before"), scores[name].get("after"), "mean")
    for task in ("topic", "mood"):
        if isinstance(scores.get(task), Mapping) and scores[task].get("kept"):
            told[f"{task} macro-F1"] = f"{scores[task]['macro_f1']['mean']:.3f}"
    if "gate" in scores:
        told["gate"] = "passed" if scores["gate"].get("passed") else "not passed"
    if (
        isinstance(scores.get("held_out"), Mapping) and scores["held_out"]
    ):  # of a compressed version: base, tuned, itself
        told |= _change("evidence score", None, list(scores["held_out"].values())[-1], "evidence")
    return told


def _change(what: str, before: Any, after: Any, name: str) -> dict[str, str]:
    if not isinstance(after, Mapping) or after.get(name) is None:
        return {}
    first = f"{before[name]:.3f} -> " if isinstance(before, Mapping) and before.get(name) is not None else ""
    return {what: f"{first}{after[name]:.3f}"}


def readable(card: Card) -> str:
    """The card for people, in Markdown: what it is, where it comes from, how well it does, what it was made of."""
    facts = {
        "kind": f"{card.kind} ({card.format})",
        "made": f"{card.created_at}, {card.seconds:.0f} s, {card.peak_memory_mb:.0f} MB at most",
        "on": card.machine or "not recorded",
        "base": f"{card.base} ({card.base_sha256[:16] or 'no hash'})",
        "made from version": card.parent or "none",
        "licence": card.licence,
        "languages": ", ".join(card.languages) or "not declared",
        "good for": ", ".join(card.fit) or "not declared",
        "data set": f"{card.dataset} ({card.data_sha256[:16]}), {len(card.conversations_sha256)} conversations",
        "method": card.method,
    }
    parts = [f"# {card.name}", _table("", "", facts)]
    if card.notes:
        parts.append(card.notes)
    for title, values in (("Scores", card.scores), ("Options", card.hyperparameters)):
        if values:
            parts.append(f"## {title}\n\n{_table('what', 'value', _flat(values))}")
    return "\n\n".join(parts) + "\n"


def _table(left: str, right: str, rows: Mapping[str, Any]) -> str:
    lines = [f"| {left} | {right} |", "| --- | --- |", *(f"| {key} | {_cell(value)} |" for key, value in rows.items())]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    shown = f"{value:.4g}" if isinstance(value, float) else str(value)
    return shown.replace("|", "\\|").replace("\n", " ")


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
