"""`chatbot bench privacy`: how much personal data the masker finds on an annotated corpus. Prints counts, never texts."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chatbot.privacy import Masker, Span
from scripts.bench_corpora import DATA_FOLDER, DataFolder, read_corpus
from scripts.bench_report import report, run_alone
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent

CORPUS = "pii_synthetic_en"
GOALS = {"EMAIL_ADDRESS": 0.99, "IBAN_CODE": 0.99, "CREDIT_CARD": 0.99, "PHONE_NUMBER": 0.95}
# The corpus's types that a placeholder of ours stands for; the others are reported as they come, without a goal.
OURS = {"EMAIL_ADDRESS": "EMAIL", "IBAN_CODE": "IBAN", "CREDIT_CARD": "CARD", "PHONE_NUMBER": "PHONE", "PERSON": "NAME"}


def run(data_folder: Path = DATA_FOLDER, *, progress: ProgressSink = silent) -> dict[str, Any]:
    """Recall: spans covered entirely by our finds, of whatever type. Precision: our finds that overlap a span of
    their own type.

    Raises UsageError when the corpus is not there.
    """
    rows = read_corpus(data_folder, CORPUS)
    masker = Masker()
    total, covered, typed = Counter[str](), Counter[str](), Counter[str]()
    found, right, any_span = Counter[str](), Counter[str](), Counter[str]()
    progress("find personal data", 0, 0)
    start = time.perf_counter()
    finds = [masker.find(row["text"]) for row in rows]
    seconds = time.perf_counter() - start
    for row, spans in zip(rows, finds, strict=True):
        for true in row["spans"]:
            kind = true["type"]
            total[kind] += 1
            covered[kind] += _covers(spans, true, None)
            typed[kind] += _covers(spans, true, OURS.get(kind, "-"))
        for span in spans:
            found[span.type] += 1
            overlapping = {
                true["type"] for true in row["spans"] if true["start"] < span.end and span.start < true["end"]
            }
            right[span.type] += any(OURS.get(kind) == span.type for kind in overlapping)
            any_span[span.type] += bool(overlapping)
    met = {
        f"recall of {kind} >= {least}": covered[kind] >= least * total[kind]
        for kind, least in GOALS.items()
        if total[kind]
    }
    return {
        "machine": machine(),
        "goals": met,
        "corpus": CORPUS,
        "texts": len(rows),
        "texts_per_s": round(len(rows) / seconds),
        "recall": {
            kind: {
                "spans": n,
                "covered": covered[kind],
                "recall": round(covered[kind] / n, 4),
                "as_own_type": typed[kind],
            }
            for kind, n in total.most_common()
        },
        "precision": {
            kind: {
                "found": n,
                "own_type": right[kind],
                "precision": round(right[kind] / n, 4),
                "any_personal_data": any_span[kind],
            }
            for kind, n in found.most_common()
        },
    }


def _covers(spans: list[Span], true: dict[str, Any], kind: str | None) -> bool:
    return any(s.start <= true["start"] and true["end"] <= s.end for s in spans if kind in (None, s.type))


def main(data_folder: DataFolder = DATA_FOLDER, as_json: JsonOption = False) -> None:
    """How much personal data the masker finds and how much of what it finds is some, by type."""
    report(partial(run, data_folder), _show, as_json=as_json)


def _show(console: Console, result: dict[str, Any]) -> None:
    console.print(f"{result['texts']} texts, {result['texts_per_s']} texts/s")
    recall = Table("type", "spans", "covered", "recall", "as own type", title="recall")
    for kind, row in result["recall"].items():
        cells = (row["spans"], row["covered"], f"{row['recall']:.3f}", row["as_own_type"])
        recall.add_row(kind, *map(str, cells))
    precision = Table("placeholder", "found", "own type", "precision", "any personal data", title="precision")
    for kind, row in result["precision"].items():
        cells = (row["found"], row["own_type"], f"{row['precision']:.3f}", row["any_personal_data"])
        precision.add_row(kind, *map(str, cells))
    console.print(recall, precision)


if __name__ == "__main__":
    run_alone(main)
