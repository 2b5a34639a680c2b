"""The picture of an evaluation: each figure with its interval, system by system. Must not know how anything was measured."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_INK, _SOFT, _GRID = "#1d2b27", "#5b6b66", "#e3e8e6"
COLOURS = ("#0f6b52", "#b4662a", "#3f5f9e", "#8a5a86", "#6b7a2a", "#777777")
_WIDTH, _PANEL, _ROW, _ROOM = 4.6, 0.68, 0.24, 0.3
_LONGEST = 24  # characters of a name
_GAP = 0.09  # inches above and below a panel: titles stay clear of the scale above


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of all systems. rows: (system, mean, low, high); the bounds None where the interval is not known."""

    title: str
    top: float
    rows: Sequence[tuple[str, float, float | None, float | None]]


def draw(panels: Sequence[Panel], colours: Mapping[str, str]) -> Any:
    """A matplotlib figure, one panel under another; made without a display. Needs at least one panel."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    heights = [_PANEL + _ROW * len(panel.rows) for panel in panels]
    figure = Figure(
        figsize=(_WIDTH, sum(heights) + _ROOM), facecolor="white", layout=ConstrainedLayoutEngine(h_pad=_GAP)
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        _panel(axis, panel, colours)
    return figure


def save(figure: Any, kind: str) -> bytes:
    """The figure as "png" (200 dots an inch) or "svg" (text as outlines, no date, so that the same figure gives the same bytes)."""
    import matplotlib

    out = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": "precedent"}), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing from font"
        )  # a name in a script that the font lacks
        metadata: dict[str, Any] = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        figure.savefig(out, format=kind, dpi=200, metadata=metadata)
    return out.getvalue()


def colours_of(systems: Sequence[str]) -> dict[str, str]:
    """A colour for each system, in their order."""
    return {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(systems)}


def _panel(axis: Any, panel: Panel, colours: Mapping[str, str]) -> None:
    names = [_short(row[0]) for row in panel.rows]
    for place, (system, mean, low, high) in enumerate(panel.rows):
        colour = colours[system]
        if low is not None and high is not None:
            axis.plot([low, high], [place, place], color=colour, linewidth=5, alpha=0.28, solid_capstyle="round")
        axis.plot([mean], [place], "o", color=colour, markersize=6, clip_on=False)  # whole at 0, too
        told = f"{mean:.2f}" if panel.top <= 1 else f"{mean:.1f}"
        beyond = max(mean, high if high is not None else mean)
        axis.annotate(told, (beyond, place), (7, 0), textcoords="offset points", va="center", fontsize=8.5, color=_INK)
    axis.set_xlim(0, panel.top * 1.16)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_yticks(range(len(names)), names, fontsize=9, color=_INK, parse_math=False)
    axis.set_xticks([panel.top * part / 4 for part in range(5)])
    axis.tick_params(axis="x", labelsize=8, colors=_SOFT, length=0)
    axis.tick_params(axis="y", length=0, pad=8)
    axis.grid(axis="x", color=_GRID, linewidth=0.8)
    axis.set_axisbelow(True)
    for side in axis.spines.values():
        side.set_visible(False)
    axis.set_title(panel.title, fontsize=10.5, color=_INK, loc="left", fontweight="bold", parse_math=False)


def _short(name: str) -> str:
    """Without an encoder's digest, which the tables tell."""
    name = name.partition("@")[0]
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
