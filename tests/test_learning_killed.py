"""`chatbot evaluate` and `chatbot models publish` killed five times: the same command then ends as an unbroken one does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from chatbot.half_made import ALL, leftovers
from chatbot.learning import registry
from chatbot.learning.published import POINTER
from tests import gated
from tests.commands import Done, typed

pytestmark = pytest.mark.chaos

EVALUATE = ("evaluate", "generator-0001", "--limit", 30, "--rounds", 100, "--json")
PUBLISH = ("models", "publish", "generator-0001", "--json")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A version that is better than its base, and a data set of 60 test turns."""
    made = tmp_path / "data"
    gated.dataset(made, gated.turns(60, 1000, topics=("boots", "tents")), gated.turns(60))
    gated.version(made, "tuned", learnt=[f"c{number}" for number in range(30)])
    return made


def said(data: Path, *words: object) -> Done:
    with gated.speaking():
        return typed("--data", data, *words)


def lines(data: Path) -> list[tuple[str, str]]:
    """Whose reply to which example is kept; raises for a line that is none but was cut short."""
    found = []
    for path in sorted((data / "evaluations" / "replies").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                found.append((path.name, json.loads(line)["id"]))
            except ValueError:
                assert not line.endswith("}")
    return found


def half_written(data: Path) -> list[str]:
    return [str(path.relative_to(data)) for path in data.rglob("*") if path.name.endswith((".part", ".new"))]


def lasting(figures: dict[str, Any]) -> dict[str, Any]:
    """Without the hour and the folder."""
    return {name: value for name, value in figures.items() if name not in ("made", "files")}


def test_an_evaluation_killed_five_times_ends_with_the_same_report(data: Path, tmp_path: Path) -> None:
    whole = shutil.copytree(data, tmp_path / "whole")
    unbroken = said(whole, *EVALUATE)
    assert unbroken.code == 0, unbroken.err
    report = Path("evaluations") / "generator-0001-on-ds-0001"
    for where in ("kept 3", "half 9", "kept 25", "index", "file report.html"):
        gated.killed(data, where, *EVALUATE)
        assert not (data / report / "report.html").exists()
        assert not (data / report / "turns.jsonl").exists()
    assert leftovers(data / "evaluations", *ALL), (
        "of the last one: its files, out of which nothing was taken for a report"
    )
    again = said(data, *EVALUATE)
    assert again.code == 0, again.err
    assert lasting(again.json) == lasting(unbroken.json)
    assert lasting(json.loads((data / report / "result.json").read_bytes())) == lasting(unbroken.json)
    for name in ("turns.jsonl", "picture.svg"):
        assert (data / report / name).read_bytes() == (whole / report / name).read_bytes()
    assert sorted(lines(data)) == sorted(lines(whole)), "nobody was asked twice"
    assert half_written(data) == leftovers(data / "evaluations", *ALL) == []


def test_a_publish_killed_five_times_ends_with_the_same_verdict(data: Path, tmp_path: Path) -> None:
    models, whole = data / "models", shutil.copytree(data, tmp_path / "whole")
    unbroken = said(whole, *PUBLISH)
    assert (unbroken.code, unbroken.json["published"]) == (0, "generator-0001"), unbroken.err
    for where in ("kept 3", "half 40", "kept 50", "judged", f"file {POINTER}"):
        gated.killed(data, where, *PUBLISH)
        assert registry.published(models, "generator") is None
        assert (registry.history(models), registry.problems(models)) == ((), {})
    again = said(data, *PUBLISH)
    assert again.code == 0, again.err
    assert again.json == unbroken.json
    assert registry.published(models, "generator") == "generator-0001"
    assert len(registry.history(models)) == 1
    assert sorted(lines(data)) == sorted(lines(whole))
    assert half_written(data) == []
