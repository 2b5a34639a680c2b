"""`chatbot bench heads`: intents of Banking77 by a head on the encoder as it is, with all examples and with ten each."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from chatbot.learning.bootstrap import interval
from chatbot.learning.heads_fitting import Rows, fit, macro_f1
from chatbot.protocols import Embedder
from chatbot.retrieval.embedder import open_embedder, open_files
from chatbot.retrieval.encoder_files import describe
from chatbot.settings import load_settings
from scripts.bench_corpora import DATA_FOLDER, DataFolder, read_corpus
from scripts.bench_report import report, run_alone
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent, tracked

_LEAST, _LEAST_TEN_SHOT = 0.92, 0.80
_SEEDS = (0, 1, 2)


def run(data_folder: Path, encoder: Path | None = None, *, progress: ProgressSink = silent) -> dict[str, Any]:
    """Accuracy on the test questions. encoder: a tuned one's folder, beside the untuned. Raises UsageError."""
    train, test = (read_corpus(data_folder, f"banking77_{part}") for part in ("train", "test"))
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        settings = load_settings(data=Path(work))
        encoders: dict[str, Embedder] = {"untuned": open_embedder(settings)}
        if encoder:
            encoders["tuned"] = open_files(describe(encoder, encoder.name), settings)
        for name, embedder in encoders.items():
            progress(f"{name}: encode", 0, 0)
            known, asked = (embedder.encode([one["question"] for one in part]) for part in (train, test))
            truth = np.asarray([one["intent"] for one in test])
            labels = [one["intent"] for one in train]
            progress(f"{name}: all examples", 0, 0)
            rows[f"{name}, all examples"] = _score(known, labels, asked, truth)
            rows |= {
                f"{name}, ten each, draw {seed + 1}": _few(known, labels, (asked, truth), seed)
                for seed in tracked(_SEEDS, f"{name}: draws of ten each", progress)
            }
    return {"machine": machine(), "train": len(train), "test": len(test), "rows": rows, "goals": goals(rows)}


def goals(rows: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """The issue's aims."""
    whole = max(one["accuracy"] for name, one in rows.items() if name.endswith("all examples"))
    few: dict[str, list[float]] = defaultdict(list)
    for name, one in rows.items():
        if "ten each" in name:
            few[name.partition(",")[0]].append(one["accuracy"])
    return {
        f"accuracy >= {_LEAST:.2f}": whole >= _LEAST,
        f"ten-shot, mean of {len(_SEEDS)} draws >= {_LEAST_TEN_SHOT:.2f}": max(map(np.mean, few.values()))
        >= _LEAST_TEN_SHOT,
    }


def main(
    data_folder: DataFolder = DATA_FOLDER,
    encoder: Annotated[Path | None, typer.Option(help="Folder of a tuned encoder, to stand beside.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Intents of Banking77: 77 labels, 10,003 examples, 3,080 questions; a head on the frozen encoder."""
    report(partial(run, data_folder, encoder), _show, as_json=as_json)


def _few(known: Any, labels: list[str], test: tuple[Any, Any], seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    names = np.asarray(labels)
    chosen = np.concatenate([rng.permutation(np.flatnonzero(names == name))[:10] for name in np.unique(names)])
    return _score(known[chosen], [labels[at] for at in chosen], *test)


def _score(known: Any, labels: list[str], asked: Any, truth: Any) -> dict[str, Any]:
    """Each question is a conversation of its own."""
    begun = time.perf_counter()
    own = [str(at) for at in range(len(labels))]
    fitted = fit(Rows(known, labels, own, [1.0] * len(labels)))
    shares = fitted.head.probabilities(asked)
    read = np.asarray(fitted.head.labels)[shares.argmax(axis=1)]
    found = interval(read == truth, list(range(len(truth))))
    sure = shares.max(axis=1) >= fitted.head.threshold
    return {
        "examples": len(labels),
        "accuracy": round(found.mean, 4),
        "low": round(found.low, 4),
        "high": round(found.high, 4),
        "macro_f1": round(macro_f1(truth, read), 4),
        "sure": round(float(sure.mean()), 4),
        "right_when_sure": round(float((read == truth)[sure].mean()), 4) if sure.any() else None,
        "C": fitted.strength,
        "fit_s": round(time.perf_counter() - begun, 1),
    }


def _show(console: Console, result: dict[str, Any]) -> None:
    columns = ("examples", "accuracy", "95 %", "macro-F1", "sure of", "right when sure", "C", "s")
    table = Table("head", *columns, title=f"Banking77, {result['test']} questions")
    for name, one in result["rows"].items():
        shown = [one["accuracy"], f"{one['low']:.3f}-{one['high']:.3f}", one["macro_f1"], one["sure"]]
        table.add_row(name, *map(str, [one["examples"], *shown, one["right_when_sure"], one["C"], one["fit_s"]]))
    console.print(table)


if __name__ == "__main__":
    run_alone(main)
