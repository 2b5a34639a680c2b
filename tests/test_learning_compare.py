"""`chatbot models compare` as typed, for every kind of model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from chatbot.learning import registry
from chatbot.learning.heads import Heads, save_heads
from scripts import models_encoder, models_heads, reindex
from tests import gated
from tests.commands import refused, typed
from tests.fakes_retrieval import FakeEmbedder
from tests.full_disk import full
from tests.test_learning_heads import CARD
from tests.test_learning_heads_gate import _Encoder, head, texts
from tests.tiny_encoder import conversations

GAIN = {"mean": 0.1, "low": 0.05, "high": 0.15, "n": 90, "conversations": 80}
FIGURE = {"before": {"mean": 0.5}, "after": {"mean": 0.6}, "difference": GAIN, "languages": {"en": GAIN}}


class Blind(FakeEmbedder):
    """All texts are alike to it."""

    def encode(self, texts: Any) -> Any:
        return super().encode(["the same"] * len(texts))


@pytest.fixture
def encoders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three tuned encoders, the second blind, the third not passed; the store and their weights are stand-ins."""
    data = tmp_path / "data"
    passed: dict[str, Any] = {"window": FIGURE, "gate": {"passed": True, "reasons": []}}
    failed = {"window": FIGURE, "gate": {"passed": False, "reasons": ["it fell in de"]}}
    for content, scores in (("sees", passed), ("blind", passed), ("failed", failed)):
        gated.version(data, content, kind="encoder", format="safetensors", scores=scores, learnt=["en-0", "en-1"])
    monkeypatch.setattr(models_encoder, "passages_until", lambda settings, at: conversations(240))
    monkeypatch.setattr(models_encoder, "open_base", lambda settings: FakeEmbedder())
    monkeypatch.setattr(
        models_encoder, "open_tuned", lambda settings, name: Blind() if name == "encoder-v0002" else FakeEmbedder()
    )
    learnt = {one.conversation_id for one in conversations(240)[:180]}
    marks = {hashlib.sha256(one.encode()).hexdigest() for one in learnt}
    monkeypatch.setattr(models_encoder, "learnt_by", lambda models, *names: frozenset(marks))
    return data


def test_encoders_are_compared(encoders: Path) -> None:
    base = typed("--data", encoders, "models", "compare", "encoder-v0001", "--json")
    assert base.code == 0, base.err
    assert (base.json["passed"], base.json["champion"], base.json["challenger"]) == (True, None, "encoder-v0001")
    assert [(one["against"], one["part"], one["challenger"], one["turns"]) for one in base.json["parts"]] == [
        ("its base", "overall", 0.6, 90),
        ("its base", "en", None, 90),
    ]
    better = typed("--data", encoders, "models", "compare", "encoder-v0001", "encoder-v0002", "--json")
    assert (better.code, better.json["passed"]) == (0, True), better.err
    worse = typed("--data", encoders, "models", "compare", "encoder-v0002", "encoder-v0001", "--json")
    assert (worse.code, worse.json["passed"]) == (1, False)
    assert worse.json["reasons"][0].startswith("against encoder-v0001, named as champion: ")
    assert {one["against"] for one in worse.json["parts"]} == {"its base", "encoder-v0001"}
    shown = typed("--data", encoders, "models", "compare", "encoder-v0003", "base")
    assert shown.code == 1
    assert "encoder-v0003: refused" in shown.out
    assert "it fell in de" in shown.out
    assert registry.history(encoders / "models") == ()


def test_heads_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, blind in enumerate(((), ("stoves",))):
        made = tmp_path / f"made{place}"
        made.mkdir()
        save_heads(made, Heads("e@1", {"topic": head(*blind)}))
        registry.add(tmp_path / "models", "heads", made, CARD)
    monkeypatch.setattr(models_heads, "rows_of", lambda settings: texts())
    monkeypatch.setattr(models_heads, "open_named", lambda settings, name: _Encoder())
    none = typed("--data", tmp_path, "models", "compare", "heads-0001", "--json")
    assert (none.code, none.json["passed"], none.json["champion"]) == (0, True, None), none.err
    worse = typed("--data", tmp_path, "models", "compare", "heads-0002", "heads-0001")
    assert worse.code == 1
    assert "The macro-F1 of the topic is worse" in worse.out
    full(monkeypatch, tmp_path / "models")
    refused(
        typed("--data", tmp_path, "models", "publish", "heads-0001"), "Publishing needs about 1 MB", "0 MB are free"
    )


def test_generators_are_compared_and_two_kinds_are_not(encoders: Path) -> None:
    gated.dataset(encoders, gated.turns(60, 1000), gated.turns(20))
    gated.version(encoders, "tuned")
    with gated.speaking():
        done = typed("--data", encoders, "models", "compare", "generator-0001", "--json")
    assert (done.code, done.json["passed"], done.json["champion"]) == (0, True, None), done.err
    mixed = typed("--data", encoders, "models", "compare", "generator-0001", "encoder-v0001")
    refused(
        mixed, "encoder-v0001 is of the kind encoder and generator-0001 of the kind generator; compare two of one kind"
    )
    for command, option, value in (("compare", "--dataset", "ds-0001"), ("publish", "--turns", 30)):
        other = typed("--data", encoders, "models", command, "encoder-v0001", option, value)
        refused(other, f"{option} is for generators, and encoder-v0001 is of the kind encoder", f"leave {option} out")


def test_an_encoder_is_not_published_onto_a_full_disk(encoders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindex, "compared_encoder", lambda *_: pytest.fail("it was judged"))
    monkeypatch.setattr(reindex, "build_published", lambda *_, **more: pytest.fail("an index was built"))
    full(monkeypatch, encoders / "index")
    for command in (("models", "publish", "encoder-v0001"), ("index", "--encoder", "encoder-v0001")):
        refused(typed("--data", encoders, *command), f"MB in {encoders}/index, and 0 MB are free")
