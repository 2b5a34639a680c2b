"""Measures how much personal data the masker finds, by type, on an annotated public corpus. Prints counts, never
texts.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from chatbot.privacy import Masker, Span
from scripts.machine import machine
from scripts.options import JsonOption

CORPUS = "pii_synthetic_en.jsonl.gz"
GOALS = {"EMAIL_ADDRESS": 0.99, "IBAN_CODE": 0.99, "CREDIT_CARD": 0.99, "PHONE_NUMBER": 0.95}
# The corpus's types that a placeholder of ours stands for; the others are reported as they come, without a goal.
OURS = {"EMAIL_ADDRESS": "EMAIL", "IBAN_CODE": "IBAN", "CREDIT_CARD": "CARD", "PHONE_NUMBER": "PHONE", "PERSON": "NAME"}


def run(data_folder: Path = Path("../shared/data")) -> dict[str, Any]:
    """Recall: spans covered entirely by our finds, of whatever type. Precision: our finds that overlap a span of
    their own type.

    Raises FileNotFoundError when the corpus is not there.
    """
    rows = _rows(data_folder / CORPUS)
    masker = Masker()
    total, covered, typed = Counter[str](), Counter[str](), Counter[str]()
    found, right, any_span = Counter[str](), Counter[str](), Counter[str]()
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
    return {
        "corpus": CORPUS,
        "machine": machine(),
        "texts": len(rows),
        "texts_per_s": round(len(rows) / seconds),
        "recall": {
            kind: {
                "spans": n,
                "covered": covered[kind],
                "recall": round(covered[kind] / n, 4),
                "as_own_type": typed[kind],
                "goal": GOALS.get(kind),
                "met": covered[kind] / n >= GOALS[kind] if kind in GOALS else None,
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


def _rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _covers(spans: list[Span], true: dict[str, Any], kind: str | None) -> bool:
    return any(s.start <= true["start"] and true["end"] <= s.end for s in spans if kind in (None, s.type))


def main(data_folder: Path = Path("../shared/data"), as_json: JsonOption = False) -> None:
    """How much personal data the masker finds, by type. Exit code 2 when the corpus is absent, 1 when a goal is missed."""
    from rich.console import Console
    from rich.table import Table

    try:
        result = run(data_folder)
    except FileNotFoundError as exc:
        print(f"{data_folder / CORPUS} is not there; nothing was measured. Give --data-folder.", file=sys.stderr)
        raise typer.Exit(2) from exc
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        console = Console()
        console.print(f"{result['machine']}; {result['texts']} texts, {result['texts_per_s']} texts/s")
        recall = Table("type", "spans", "covered", "recall", "as own type", "goal", title="recall")
        for kind, row in result["recall"].items():
            goal = "" if row["goal"] is None else f">= {row['goal']} {'met' if row['met'] else 'MISSED'}"
            recall.add_row(
                kind, str(row["spans"]), str(row["covered"]), f"{row['recall']:.3f}", str(row["as_own_type"]), goal
            )
        precision = Table("placeholder", "found", "own type", "precision", "any personal data", title="precision")
        for kind, row in result["precision"].items():
            cells = (row["found"], row["own_type"], f"{row['precision']:.3f}", row["any_personal_data"])
            precision.add_row(kind, *map(str, cells))
        console.print(recall, precision)
    if any(row["met"] is False for row in result["recall"].values()):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
