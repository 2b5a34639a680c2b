"""What `chatbot models` shows: the list, the verdict, whom it reaches, the table of a compression. Must not change anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Column, Table

from chatbot.generation.tuned import pinned
from chatbot.learning.cards import base_of, headline
from chatbot.learning.registry import Card, Entry, Kind
from chatbot.settings import Settings
from chatbot.types import Mode

if TYPE_CHECKING:  # the core of learning is imported by the commands that need it
    from chatbot.learning.compressing import Compressed
    from chatbot.learning.gate import Part, Verdict

_LATEST = 10


def listed(
    cards: Sequence[Card], now: Mapping[Kind, str | None], broken: Mapping[str, str], past: Sequence[Entry]
) -> list[Any]:
    """Versions, then what is broken, then the latest of the history."""
    table = Table(Column("version", no_wrap=True), Column("made", no_wrap=True), "how", "scores", show_lines=True)
    for card in cards:
        mark = "\n[green]published[/green]" if card.name in now.values() else ""
        how = f"{card.method}, " + (f"from {card.parent}" if card.parent else f"on {card.base}")
        told = "\n".join(f"{name} {value}" for name, value in headline(card).items())
        table.add_row(
            escape(card.name) + mark, escape(card.created_at[:10]), escape(f"{how}, data: {card.dataset}"), escape(told)
        )
    parts: list[Any] = [table] if cards else []
    parts += [f"[red]{escape(name)}[/red]: {escape(why)}" for name, why in broken.items()]
    if past:
        log = Table("when", "what", "from", "to", "by", "reason")
        for entry in past[-_LATEST:]:
            what = "rolled back" if entry.action == "rollback" else "forced" if entry.forced else "published"
            moved = (entry.previous or base_of(entry.kind), entry.version or base_of(entry.kind))
            log.add_row(*map(escape, (entry.at[:16], what, *moved, entry.by, entry.reason or "")))
        parts.append(log)
    return parts


def pin(settings: Settings, kind: Kind) -> dict[str, str | None]:
    """For JSON: the setting that keeps customers from what is published; only generators have one."""
    return {"pinned": pinned(settings)} if kind == "generator" else {}


def reach(settings: Settings, kind: Kind) -> str:
    """Whether customers get what is published now, by these settings."""
    if kind == "generator" and (named := pinned(settings)):
        return (
            f"Customers do not get it: {named} in the settings goes before it; take that out and start the server anew."
        )
    if kind == "generator" and settings.reply_mode is Mode.PRECEDENT:
        return "Running servers take it over; replies stay past answers word for word while reply_mode = precedent."
    return "Running servers take it over."


def verdict_table(verdict: Verdict) -> list[Any]:
    """The parts of a verdict, then its sentences."""
    table = Table(
        "part", "measure", verdict.champion or "base", verdict.challenger, "difference (95 %)", "turns", "verdict"
    )
    for part in verdict.parts:
        table.add_row(
            part.name, part.measure, _number(part, part.champion), _number(part, part.challenger), _span(part), str(part.turns),
            f"[red]{part.outcome}[/red]" if part.refuses else part.outcome,
        )  # fmt: skip
    frozen = f"{verdict.dataset}, frozen turns {verdict.frozen[:16]}"
    result = "[green]passed[/green]" if verdict.passed else "[red]refused[/red]"
    sentences = [*(f"[red]{escape(one)}[/red]" for one in verdict.reasons), *map(escape, verdict.told)]
    return [table, f"{frozen}: {result}", *sentences]


def encoder_table(view: Mapping[str, Any]) -> list[Any]:
    """What `models_encoder.encoder_view` gives, then its reasons."""
    table = Table("part", "measure", "against", "there", view["challenger"], "difference (95 %)", "turns")
    for line in view["parts"]:
        gain = line["difference"]
        table.add_row(
            line["part"], line["measure"], escape(line["against"]), _figure(line["champion"], 3), _figure(line["challenger"], 3),
            f"{gain['mean']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})", str(line["turns"]),
        )  # fmt: skip
    result = "[green]passed[/green]" if view["passed"] else "[red]refused[/red]"
    return [table, f"{view['challenger']}: {result}", *(f"[red]{escape(one)}[/red]" for one in view["reasons"])]


def compressed_table(made: Compressed) -> list[Any]:
    """Size, speed and quality before and after."""
    table = Table(
        "model", "MB", "tok/s, 1 chat", "8 chats", "first token s", "evidence", "chrF", "handed over", "same replies"
    )
    for row in made.rows:
        table.add_row(
            escape(row.name), f"{row.megabytes:.0f}", f"{row.speed.one:.0f}", f"{row.speed.eight:.0f}", f"{row.speed.first_s:.2f}",
            _figure(row.evidence, 3), _figure(row.chrf, 1), _figure(row.refused, 2), f"{row.same:.0%}",
        )  # fmt: skip
    parts: list[Any] = [table, f"{made.turns} held-out turns."]
    if made.recipe.prune:
        parts.append(
            f"{made.zeros:.0%} of the linear layers' weights are zero; the engines store and multiply zeros like other weights."
        )
    if made.card:
        parts.append(
            f"{made.card.name} is made ({made.card.seconds:.0f} s, {made.card.peak_memory_mb:.0f} MB at most)."
        )
    return [*parts, f"[red]Refused:[/red] {escape(made.refused)}"] if made.refused else parts


def _number(part: Part, value: float) -> str:
    return f"{value:.0f} of {part.turns}" if part.difference is None else f"{value:.3f}"


def _span(part: Part) -> str:
    one = part.difference
    return "" if one is None else f"{one.mean:+.3f} ({one.low:+.3f} to {one.high:+.3f})"


def _figure(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
