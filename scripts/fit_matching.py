"""Fits `chatbot/matching.json` on labelled questions over the demo company; prints the fit, writes the file when asked."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from chatbot.assembly import Assistant, build_assistant
from chatbot.choosing import choose
from chatbot.matching import (
    CONFIDENCE_SIGNALS,
    SIGNALS,
    WEIGHED,
    Match,
    confidence_signals,
    models,
    reusable,
    signals_of,
)
from chatbot.searching import HITS, mended
from chatbot.settings import Settings
from chatbot.types import Hit
from chatbot.understanding import understand
from scripts.bench_questions import says_what_it_must
from scripts.init import load_demo
from scripts.logistic import Floats, listwise, logistic
from scripts.options import print_json, run
from scripts.questions import read_questions

_RANK_PENALTY, _CONFIDENCE_PENALTY = 3.0, 1.0
_NEEDLESS = 3.0  # an answer that should not have been given weighs as much as three that should have been
_FREE = {"length", "question_length", "general_share", "early", "margin"}  # may count either way


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled question: signals (candidates, SIGNALS), which candidates are right, and what the best one needs."""

    question: dict[str, Any]
    trusted: bool
    hits: tuple[Hit, ...]
    signals: Floats
    right: npt.NDArray[np.bool_]
    query: Any
    searched: bool  # attacks that are recognised as such never get as far as a candidate


def main(
    file: Annotated[
        Path | None, typer.Option("--file", help="Labelled questions (default: the shipped development set).")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Replace chatbot/matching.json.")] = False,
) -> None:
    """Fits both models for both kinds of language and prints them with their figures on the same questions."""
    with resources.as_file(resources.files("chatbot.demo") / "development.jsonl") as shipped:
        path = file or Path(shipped)
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        questions = {question.id: question for question in read_questions(path)}
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), engine="none")
        load_demo(settings, quiet=False)
        assistant = build_assistant(settings)
        every = [_example(assistant, row, questions[str(row["id"])].turns) for row in rows if _counts(row)]
        examples = [one for one in every if one.searched]
        fitted: dict[str, Any] = {
            "rank": {},
            "confidence": {},
            "fitted_on": {
                "encoder": assistant.retriever.embedder.name,
                "sha256": digest,
                "questions": len(examples),
            },
        }
        for name, trusted in (("trusted", True), ("others", False)):
            part = [one for one in examples if one.trusted is trusted and len(one.hits)]
            if not part:  # an encoder that knows every language leaves no question for the others: their model stays
                kept = models()
                for kind in ("rank", "confidence"):
                    fitted[kind][name] = {
                        "weights": dict(kept[kind, trusted].weights),
                        "bias": kept[kind, trusted].bias,
                    }
                continue
            rank = _fit_rank(part)
            fitted["rank"][name] = rank
            fitted["confidence"][name] = _fit_confidence(assistant, part, rank)
    print_json(fitted)
    if write:
        text = json.dumps(fitted, indent=2) + "\n"
        (Path(__file__).parents[1] / "chatbot" / "matching.json").write_text(text, encoding="utf-8")


def _counts(row: dict[str, Any]) -> bool:
    return row["expect"] in ("answer", "no_answer") and row["kind"] != "other_language"


def _example(assistant: Assistant, row: dict[str, Any], turns: Sequence[Any]) -> Example:
    answerer = assistant.answerer
    turn = understand(turns, None, answerer.detect, answerer.masker)
    query = mended(assistant.retriever, turn.query)
    asked = turn.alone.text
    hits = tuple(hit for hit in assistant.retriever.search(query, HITS).hits if reusable(hit.passage))
    table = np.array(
        [list(signals_of(hit, reusable(hit.passage), asked, query.text).values()) for hit in hits]
    ).reshape(-1, len(SIGNALS))
    right = np.array(
        [row["expect"] == "answer" and says_what_it_must(row, reusable(hit.passage)) for hit in hits], bool
    )
    return Example(
        row,
        query.language in answerer.encoder_languages,
        hits,
        table,
        right,
        query,
        turn.intent is None and not turn.attacks,
    )


def _fit_rank(examples: Sequence[Example]) -> dict[str, Any]:
    """Right candidates before the others of the same question; every question weighs the same.

    A candidate that says what it must but is filed under another topic is neither: its figures may fit by chance.
    """
    lists = []
    for one in examples:
        topic = np.array([hit.passage.topic == one.question["topic"] for hit in one.hits])
        right = one.right & topic
        if right.any():
            used = right | ~one.right
            lists.append((one.signals[used], right[used]))
    return {"weights": dict(zip(SIGNALS, listwise(lists, _RANK_PENALTY, _rising(SIGNALS)), strict=True)), "bias": 0.0}


def _fit_confidence(assistant: Assistant, examples: Sequence[Example], rank: dict[str, Any]) -> dict[str, Any]:
    names = CONFIDENCE_SIGNALS[bool(examples) and examples[0].trusted]
    table, labels, weights = [], [], []
    for one in examples:
        scores = one.signals @ np.array(list(rank["weights"].values())) + rank["bias"]
        order = np.argsort(-scores)
        facts = one.signals[:, SIGNALS.index("fact")]
        matches = [
            Match(one.hits[at], reusable(one.hits[at].passage), float(scores[at]), float(facts[at])) for at in order
        ]
        if not matches[0].fact:  # never answered, whatever the model says
            continue
        supports = assistant.retriever.support(one.query, [match.hit.passage for match in matches[:WEIGHED]])
        signals = confidence_signals(matches, supports or (), one.query)
        table.append([signals[name] for name in names])
        choice = choose(matches)
        right = choice is not None and says_what_it_must(one.question, choice.text)
        labels.append(one.question["expect"] == "answer" and right)
        weights.append(1.0 if labels[-1] else _NEEDLESS)
    coefficients, bias = logistic(
        np.array(table), np.array(labels), np.array(weights), _CONFIDENCE_PENALTY, _rising(names)
    )
    return {"weights": dict(zip(names, coefficients, strict=True)), "bias": bias, "questions": len(labels)}


def _rising(names: Sequence[str]) -> list[bool]:
    return [name not in _FREE for name in names]


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
