"""`chatbot bench learning` on a corpus made here and a tiny encoder: the same asks before and after, gone on with when stopped."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest

from chatbot.errors import UsageError
from chatbot.types import Passage, Query
from scripts import bench_learning, bench_learning_encoder
from scripts.bench_corpora import Ask, Corpus
from scripts.bench_learning_ceiling import beside, ceiling, fair
from tests.commands import refused, typed
from tests.tiny_encoder import conversations, make_encoder


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Six answers, 320 questions, as covid_faq has them; the settings name the tiny encoder."""
    folder = tmp_path / "corpora"
    folder.mkdir()
    with gzip.open(folder / "covid_faq.jsonl.gz", "wt", encoding="utf-8") as out:
        for one in conversations(320):
            record = {
                "id": one.id,
                "language": "en",
                "question": one.question,
                "answer": one.answer,
                "intent": one.answer,
            }
            out.write(json.dumps(record) + "\n")
    make_encoder(tmp_path / "tiny")
    monkeypatch.setenv("CHATBOT_ENCODER", str(tmp_path / "tiny"))
    monkeypatch.setenv("CHATBOT_DEVICE", "cpu")
    quick = dataclasses.replace(bench_learning_encoder.COVID, epochs=2, rate=3e-3, batch=12)
    monkeypatch.setattr(bench_learning_encoder, "COVID", quick)
    return folder


@pytest.mark.models
def test_the_same_asks_before_and_after_and_a_run_that_is_over_is_only_measured(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages: list[str] = []
    result = bench_learning.run(
        corpus, tmp_path / "work", ("covid_faq",), progress=lambda stage, *_: stages.append(stage)
    )
    part = result["parts"]["covid_faq"]
    strict, wide, (rest,) = list(part["rows"])[:2], list(part["rows"])[2:4], list(part["rows"])[4:]
    assert strict == ["R@1", "R, best of 5"]
    for name, other in zip(strict, wide, strict=True):
        assert part["rows"][other]["after"]["mean"] >= part["rows"][name]["after"]["mean"]
    first = part["rows"]["R@1"]
    assert first["before"]["n"] == first["after"]["n"] == 158
    assert first["difference"]["mean"] == pytest.approx(first["after"]["mean"] - first["before"]["mean"], abs=2e-4)
    assert first["after"]["mean"] > 0.5
    assert part["rows"][rest] == first  # no question stands in this corpus twice
    assert part["ceiling"] == 1.0
    assert f"reaches R@1 1.000 at most: untuned {first['before']['mean']:.0%} of it" in part["training"]
    assert result["goals"] == {"covid_faq: R@1 >= .72": first["after"]["mean"] >= 0.72}
    again = bench_learning.run(corpus, tmp_path / "work", ("covid_faq",))
    assert again["parts"] == result["parts"]
    assert "covid_faq: train" in stages
    assert stages[-1] == "covid_faq: measure"


def _asked(truth: str, question: str) -> Ask:
    return Ask(Query(text=question, window=f"customer: {question}", language="en"), truth, f"c{truth}{question}")


def _standing(**questions: tuple[str, ...]) -> tuple[list[Passage], dict[str, str]]:
    """Passages of each answer's questions, and the answer of each."""
    of = {
        f"{answer}/{number}": (answer, one) for answer, all_of in questions.items() for number, one in enumerate(all_of)
    }
    made = [Passage(key, key, 1, "en", one, f"customer: {one}", answer) for key, (answer, one) in of.items()]
    return made, {key: answer for key, (answer, _) in of.items()}


def test_the_ceiling_counts_what_a_search_may_answer() -> None:
    passages, label = _standing(A=("What is it?", "Where"), B=("what is  IT?", "who"), C=("how",))
    asks = [
        *(_asked("A", "what is it?") for _ in range(2)),  # under A and B: twice A, once B, so A
        _asked("B", "What is it?"),
        *(_asked("C", "WHAT IS it?") for _ in range(3)),  # under other answers alone
        _asked("A", "who"),  # under B alone
        _asked("B", "who"),
        _asked("A", "when"),  # not indexed, and two answers: one of them
        _asked("B", "When"),
    ]
    corpus = Corpus(passages, asks, label)
    assert ceiling(corpus) == (2 + 1 + 1) / 10
    assert fair(corpus) == [0, 1, 2, 7, 8, 9]
    assert beside(corpus, {"before": {"mean": 0.2}, "after": {"mean": 0.3}}) == (
        "4 of the 10 asked are indexed word for word under other answers alone; a search that gives an indexed question one of its "
        "answers reaches R@1 0.400 at most: untuned 50% of it, tuned 75%. An oracle that answers against its index reaches 0.500."
    )


def test_the_ceiling_of_questions_that_stand_once_is_one() -> None:
    passages, label = _standing(A=("one",), B=("two",))
    corpus = Corpus(passages, [_asked("A", "one"), _asked("B", "three")], label)
    assert ceiling(corpus) == 1.0
    assert fair(corpus) == [0, 1]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no part 'weather'"):
        bench_learning.run(tmp_path, tmp_path, ("weather",))
    absent = typed("bench", "learning", "--data-folder", tmp_path / "absent", "--part", "covid_faq", "--work", tmp_path)
    refused(absent, "covid_faq.jsonl.gz is not there, so nothing was measured", code=2)
