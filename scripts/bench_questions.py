"""`chatbot bench questions`: held-out questions through the product's own path, against what is expected of each."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.answering import Answerer
from chatbot.assembly import build_assistant
from chatbot.settings import Settings
from chatbot.types import Action, Reply
from scripts.ask import answer
from scripts.bench_report import report, run_alone
from scripts.init import load_demo
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent, tracked
from scripts.questions import Question, read_questions

NO_ANSWER = {Action.ASK_BACK, Action.HAND_OVER}


def main(
    file: Annotated[
        Path | None, typer.Option("--file", help="Questions (default: the demo company's).", show_default=False)
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show every question that did not go as expected.")] = False,
    as_json: JsonOption = False,
) -> None:
    """How many held-out questions to the demo company are answered as expected, by kind and language."""
    report(partial(run, file), partial(_show, misses=show), as_json=as_json)


def _show(console: Console, result: dict[str, Any], *, misses: bool) -> None:
    console.print(
        f"{result['as_expected']} of {result['asked']} as expected ({result['share']:.1%}); unanswerable ones answered: "
        f"{result['unanswerable_answered']} of {result['unanswerable']}"
    )
    for by in ("kind", "language"):
        table = Table(by, "as expected", "of")
        for name, (good, count) in sorted(result[by].items()):
            table.add_row(name, str(good), str(count))
        console.print(table)
    for miss in result["misses"] if misses else ():
        console.print(json.dumps(miss, ensure_ascii=False), markup=False)


def run(file: Path | None = None, *, progress: ProgressSink = silent) -> dict[str, Any]:
    """The demo company is loaded and asked: counts by kind and language, and each miss with what was said instead."""
    held_out = read(file)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), engine="none")
        progress("load the demo company", 0, 0)
        load_demo(settings, quiet=True)
        return asked(settings, held_out, progress=progress)


def read(file: Path | None = None) -> tuple[list[dict[str, Any]], list[Question]]:
    """What is expected and what is asked, line by line; None: the demo company's. Raises UsageError."""
    with resources.as_file(resources.files("chatbot.demo") / "questions.jsonl") as shipped:
        path = file or Path(shipped)
        questions = read_questions(path)
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return rows, questions


def asked(
    settings: Settings,
    held_out: tuple[list[dict[str, Any]], list[Question]],
    *,
    progress: ProgressSink = silent,
) -> dict[str, Any]:
    """`run` with a company that is loaded, and what `read` gave."""
    rows, questions = held_out
    replies = asyncio.run(_ask(build_assistant(settings).answerer, questions, progress))
    return _count(rows, replies)


async def _ask(answerer: Answerer, questions: list[Question], progress: ProgressSink) -> list[Reply]:
    return [await answer(answerer, question) for question in tracked(questions, "questions", progress)]


def _count(rows: list[dict[str, Any]], replies: list[Reply]) -> dict[str, Any]:
    good: dict[str, Counter[str]] = {"kind": Counter(), "language": Counter()}
    every: dict[str, Counter[str]] = {"kind": Counter(), "language": Counter()}
    misses = []
    unanswerable = answered = 0
    for row, reply in zip(rows, replies, strict=True):
        right = as_expected(row, reply)
        for by, counts in good.items():
            every[by][row[by]] += 1
            counts[row[by]] += right
        if row["expect"] == "no_answer":
            unanswerable += 1
            answered += reply.decision.action is Action.ANSWER
        if not right:
            said = {
                "said": reply.text,
                "did": reply.decision.action.value,
                "confidence": round(reply.decision.confidence, 3),
            }
            misses.append({**row, **said, "source": reply.sources[0].conversation_id if reply.sources else None})
    goals = {
        ">= 90 % as expected": len(rows) - len(misses) >= 0.9 * len(rows),
        "no unanswerable one answered": not answered,
    }
    return {
        "machine": machine(),
        "goals": goals,
        "asked": len(rows),
        "as_expected": len(rows) - len(misses),
        "share": (len(rows) - len(misses)) / len(rows),
        "unanswerable": unanswerable,
        "unanswerable_answered": answered,
        **{by: {name: (good[by][name], every[by][name]) for name in every[by]} for by in good},
        "misses": misses,
    }


def as_expected(row: dict[str, Any], reply: Reply) -> bool:
    """Whether the reply does what is expected and, where it should answer, says all that it must and nothing it must not."""
    text, expected = reply.text.casefold(), str(row["expect"])
    if any(wrong.casefold() in text for wrong in row.get("must_not", ())):
        return False
    if expected == "no_answer":
        return reply.decision.action in NO_ANSWER
    if expected != "answer":
        return reply.decision.action.value == expected
    return reply.decision.action is Action.ANSWER and says_what_it_must(row, reply.text)


def says_what_it_must(row: dict[str, Any], text: str) -> bool:
    """Whether the text has every `must` (alternatives stand between bars) and no `must_not`, whatever the case."""
    folded = text.casefold()
    if any(wrong.casefold() in folded for wrong in row.get("must_not", ())):
        return False
    return all(any(way.casefold() in folded for way in must.split("|")) for must in row.get("must", ()))


if __name__ == "__main__":
    run_alone(main)
