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

from chatbot.answering import HITS, mended
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
from chatbot.settings import Settings
from chatbot.types import Hit
from chatbot.understanding import understand
from scripts.bench_questions import says_what_it_must
from scripts.init import load_demo
from scripts.options import print_json, run
from scripts.questions import read_questions

Floats = npt.NDArray[np.float64]
_RANK_PENALTY, _CONFIDENCE_PENALTY = 3.0, 1.0
_STEPS = 60
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
        examples = [_example(assistant, row, questions[str(row["id"])].turns) for row in rows if _counts(row)]
        fitted: dict[str, Any] = {
            "rank": {},
            "confidence": {},
            "fitted_on": {"sha256": digest, "questions": len(examples)},
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
    return row["expect"] in ("answer", "no_answer") and row["kind"] not in ("attack", "other_language")


def _example(assistant: Assistant, row: dict[str, Any], turns: Sequence[Any]) -> Example:
    answerer = assistant.answerer
    query = understand(turns, None, answerer.detect, answerer.masker).query
    query = mended(assistant.retriever, query)
    hits = tuple(hit for hit in assistant.retriever.search(query, HITS).hits if reusable(hit.passage))
    table = np.array([list(signals_of(hit, reusable(hit.passage)).values()) for hit in hits]).reshape(-1, len(SIGNALS))
    right = np.array(
        [row["expect"] == "answer" and says_what_it_must(row, reusable(hit.passage)) for hit in hits], bool
    )
    return Example(row, query.language in answerer.encoder_languages, hits, table, right, query)


def _fit_rank(examples: Sequence[Example]) -> dict[str, Any]:
    """Right candidates against the others of the same question; every question weighs the same.

    A candidate that says what it must but is filed under another topic is neither: its figures may fit by chance.
    """
    tables, labels, weights = [], [], []
    for one in examples:
        topic = np.array([hit.passage.topic == one.question["topic"] for hit in one.hits])
        right = one.right & topic
        if not right.any():
            continue
        used = right | ~one.right
        tables.append(one.signals[used])
        labels.append(right[used])
        weights.append(np.where(right[used], 1 / right.sum(), 1 / max(1, (~one.right).sum())))
    coefficients, bias = logistic(
        np.vstack(tables), np.concatenate(labels), np.concatenate(weights), _RANK_PENALTY, _rising(SIGNALS)
    )
    return {"weights": dict(zip(SIGNALS, coefficients, strict=True)), "bias": bias}


def _fit_confidence(assistant: Assistant, examples: Sequence[Example], rank: dict[str, Any]) -> dict[str, Any]:
    names = CONFIDENCE_SIGNALS[bool(examples) and examples[0].trusted]
    table, labels = [], []
    for one in examples:
        scores = one.signals @ np.array(list(rank["weights"].values())) + rank["bias"]
        order = np.argsort(-scores)
        matches = [Match(one.hits[at], reusable(one.hits[at].passage), float(scores[at])) for at in order]
        supports = assistant.retriever.support(one.query, [match.hit.passage for match in matches[:WEIGHED]])
        signals = confidence_signals(matches, supports or (), one.query)
        table.append([signals[name] for name in names])
        choice = choose(matches)
        right = choice is not None and says_what_it_must(one.question, choice.text)
        labels.append(one.question["expect"] == "answer" and right)
    coefficients, bias = logistic(
        np.array(table), np.array(labels), np.ones(len(labels)), _CONFIDENCE_PENALTY, _rising(names)
    )
    return {"weights": dict(zip(names, coefficients, strict=True)), "bias": bias, "questions": len(labels)}


def _rising(names: Sequence[str]) -> list[bool]:
    return [name not in _FREE for name in names]


def logistic(
    table: Floats, labels: npt.NDArray[np.bool_], weights: Floats, penalty: float, rising: Sequence[bool]
) -> tuple[list[float], float]:
    """Weighted logistic regression with an L2 penalty on standardised columns; returns raw coefficients and the bias.

    table: (rows, columns). rising: columns whose coefficient may not be negative; the most negative one is left out until none
    is. A question that matches better must never count as matching worse, however the sample falls.
    """
    used = list(range(table.shape[1]))
    while True:
        found, bias = _newton(table[:, used], labels, weights, penalty)
        negative = [(value, at) for at, value in enumerate(found) if value < 0 and rising[used[at]]]
        if not negative:
            break
        del used[min(negative)[1]]
    coefficients = np.zeros(table.shape[1])
    coefficients[used] = found
    return [round(float(value), 4) for value in coefficients], round(bias, 4)


def _newton(table: Floats, labels: npt.NDArray[np.bool_], weights: Floats, penalty: float) -> tuple[Floats, float]:
    mean, scale = table.mean(axis=0), table.std(axis=0) + 1e-6
    rows = np.hstack([(table - mean) / scale, np.ones((len(table), 1))])
    ridge = np.diag([penalty] * table.shape[1] + [1e-6])
    beta = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(rows @ beta, -30, 30)))
        slope = rows.T @ (weights * (labels - chance)) - ridge @ beta
        curve = rows.T @ (rows * (weights * chance * (1 - chance) + 1e-9)[:, None]) + ridge
        step = np.linalg.solve(curve, slope)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    coefficients = beta[:-1] / scale
    return coefficients, float(beta[-1] - coefficients @ mean)


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
