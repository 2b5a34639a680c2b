"""The generator in `chatbot bench learning`: the embedded model tuned on star_wizard_of_oz, and the five methods side by side.

The documented commands themselves, each in a process of its own, so that time and memory are a run's and not this one's. What is
done already (data set, run, replies) is kept in the work folder and taken up again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatbot.errors import UsageError
from chatbot.learning.generator_options import METHODS, Method
from chatbot.learning.registry import versions

if TYPE_CHECKING:
    from scripts.bench_learning import Ground

CORPUS = "star_wizard_of_oz"
STEPS, SHORT = 60, 8
_ASKED = 120
_ALWAYS = ("--batch", 4, "--accumulation", 1, "--max-reply", 48, "--hand-over-weight", 0.25, "--canaries", 0)
_LONG, _BRIEF = ("--evaluations", 1, "--sample", 24), ("--evaluations", 1, "--sample", 8)
_FIGURES = {
    "evidence_score": "evidence score",
    "chrf": "chrF",
    "refusal_recall": "refused as it should",
    "grounded": "grounded",
}


def generator(ground: Ground) -> Mapping[str, Any]:
    """The tuned model beside the untuned one on held-out conversations."""
    data = _prepared(ground)
    version = _tuned(ground, data, "lora", STEPS)
    told = _command(
        ground, data, "evaluate", version["name"], "--limit", _ASKED, "--no-search", "--max-tokens", 64, "--json"
    )
    tuned, *_, base = told["systems"]
    rows = {
        shown: {
            "before": told["systems"][base]["figures"].get(name),
            "after": told["systems"][tuned]["figures"].get(name),
            "difference": told["differences"][f"{tuned} minus {base}"].get(name),
        }
        for name, shown in _FIGURES.items()
    }
    goals = {
        f"{shown} raised": (rows[shown]["difference"] or {"low": 0})["low"] > 0 for shown in ("evidence score", "chrF")
    }
    return {"rows": rows, "training": _words(version), "goals": goals}


def methods(ground: Ground) -> Mapping[str, Any]:
    """All methods with one budget: the same examples, steps and seed; validation loss and evidence score before and after."""
    data = _prepared(ground)
    made = {method: _tuned(ground, data, method, SHORT) for method in METHODS}
    rows = {
        f"{method}, {figure}": {
            when: _point(version["scores"][f"validation_{key}"][name]) for when, key in _WHEN.items()
        }
        for method, version in made.items()
        for figure, name in (("evidence score", "evidence"), ("validation loss", "loss"))
    }
    return {"rows": rows, "training": " ".join(f"{method}: {_words(one)}" for method, one in made.items()), "goals": {}}


_WHEN = {"before": "untuned", "after": "tuned"}


def _prepared(ground: Ground) -> Path:
    """The work folder with the corpus imported and a data set built. Raises UsageError where the corpus is absent."""
    corpus = ground.data_folder / f"{CORPUS}.jsonl.gz"
    if not corpus.is_file():
        raise UsageError(f"{corpus} is not there; give the folder that holds it with --data-folder.")
    data = ground.work / "generator"
    if not any((data / "datasets").glob("ds-*/card.json")):
        _command(ground, data, "import", corpus, parse=False)
        _command(ground, data, "dataset", "build", parse=False)
    return data


def _tuned(ground: Ground, data: Path, method: Method, steps: int) -> Mapping[str, Any]:
    """The card of the run `<method>-<steps>`, which is begun, gone on with, or taken as it is."""
    name = f"{method}-{steps}"
    run = data / "runs" / name
    if not (run / "done.json").is_file():
        judged = _LONG if steps == STEPS else _BRIEF
        own: Sequence[object] = ("--method", method, "--run", name, "--max-steps", steps, *_ALWAYS, *judged)
        words = ("--resume", name) if (run / "run.json").is_file() else own
        _command(ground, data, "finetune", *words, "--json")
    wanted = json.loads((run / "done.json").read_bytes())["version"]
    card = next(card for card in versions(data / "models", "generator") if card.name == wanted)
    return {"name": card.name, "seconds": card.seconds, "memory": card.peak_memory_mb, "scores": card.scores,
            "options": card.hyperparameters}  # fmt: skip


def _command(ground: Ground, data: Path, *words: object, parse: bool = True) -> Any:
    """One command of ours in a process of its own; its JSON. Raises UsageError with its own sentence."""
    line = [sys.executable, "-m", "scripts.cli", "--data", str(data), *map(str, words)]
    ground.progress(f"chatbot {' '.join(map(str, words[:3]))}", 0, 0)
    done = subprocess.run(line, check=False, capture_output=True, text=True)  # noqa: S603 - our own command
    if done.returncode:
        raise UsageError(f"`chatbot {words[0]}` ended with {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout) if parse else None


def _point(value: float) -> dict[str, Any]:
    """A figure without an interval."""
    return {"mean": value, "low": None, "high": None}


def _words(version: Mapping[str, Any]) -> str:
    told = version["options"]
    return (
        f"{told['steps']} steps of {told['batch'] * told['accumulation']}, {told['trained_parameters']:,} weights trained, "
        f"{version['seconds']:.0f} s, {version['memory']:.0f} MB."
    )
