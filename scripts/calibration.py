"""`chatbot calibration`: how often replies of a certain confidence were right, by the team's verdicts. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from scripts.options import DataOption, JsonOption, print_json, run, settings_from
from storage.cases import Bin, Calibration
from storage.opening import open_store


def main(ctx: typer.Context, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Shows, by confidence, how many of the judged replies were right, with 95 % intervals.

    The estimate is of replies that the review queue drew by chance, with those that its draw passed over because they had been
    judged; verdicts on replies that were looked for are shown apart,
    because they are worse than the rest.
    """
    settings = settings_from(ctx, data)
    url = settings.database_url.get_secret_value() if settings.database_url else None
    with open_store(url, settings.data) as store:
        found = store.cases.calibration()
    if as_json:
        print_json({"uniform": _view(found, found.uniform), "all": _view(found, found.all)})
        return
    _show(found, found.uniform, "Replies drawn by chance (the estimate)", settings.answer_threshold)
    _show(found, found.all, "All judged replies (looked for where mistakes are likely)", settings.answer_threshold)


def _view(found: Calibration, bins: Sequence[Bin]) -> dict[str, Any]:
    rows = [
        {"from": one.start, "to": one.end, "judged": one.judged, "right": one.right, "interval": list(one.interval)}
        for one in bins
    ]
    return {"judged": sum(one.judged for one in bins), "error": found.error(bins), "bins": rows}


def _show(found: Calibration, bins: Sequence[Bin], title: str, threshold: float) -> None:
    console = Console(highlight=False, soft_wrap=True)
    judged = [one for one in bins if one.judged]
    if not judged:
        console.print(f"{title}: nobody has judged one yet.")
        return
    table = Table("confidence", "right", "of", "share", "95 % interval", title=title, title_justify="left")
    for one in judged:
        low, high = one.interval
        mark = " answered" if one.start >= threshold else ""
        share = f"{one.right / one.judged:.0%}"
        table.add_row(
            f"{one.start:.1f} to {one.end:.1f}{mark}",
            str(one.right),
            str(one.judged),
            share,
            f"{low:.0%} to {high:.0%}",
        )
    console.print(table)
    console.print(
        f"Mean distance between confidence and share: {found.error(bins):.2f} ({sum(one.judged for one in judged)} judged)."
    )


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
