"""`chatbot bench learning` on a corpus made here and a tiny encoder: the same asks before and after, gone on with when stopped."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest

from chatbot.errors import UsageError
from scripts import bench_learning, bench_learning_encoder
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
    strict, wide = list(part["rows"])[:2], list(part["rows"])[2:]
    assert strict == ["R@1", "R, best of 5"]
    for name, other in zip(strict, wide, strict=True):
        assert part["rows"][other]["after"]["mean"] >= part["rows"][name]["after"]["mean"]
    first = part["rows"]["R@1"]
    assert first["before"]["n"] == first["after"]["n"] == 158
    assert first["difference"]["mean"] == pytest.approx(first["after"]["mean"] - first["before"]["mean"], abs=2e-4)
    assert first["after"]["mean"] > 0.5
    assert result["goals"] == {"covid_faq: R@1 >= .72": first["after"]["mean"] >= 0.72}
    again = bench_learning.run(corpus, tmp_path / "work", ("covid_faq",))
    assert again["parts"] == result["parts"]
    assert "covid_faq: train" in stages
    assert stages[-1] == "covid_faq: measure"


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no part 'weather'"):
        bench_learning.run(tmp_path, tmp_path, ("weather",))
    absent = typed("bench", "learning", "--data-folder", tmp_path / "absent", "--part", "covid_faq", "--work", tmp_path)
    refused(absent, "covid_faq.jsonl.gz is not there, so nothing was measured", code=2)
