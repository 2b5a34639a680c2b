"""Heads are published when they read held-out texts no worse than the published ones, overall and in each language."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chatbot.errors import Conflict, ModelError, NotFound, UsageError
from chatbot.learning import registry
from chatbot.learning.cards import base_of
from chatbot.learning.gating import Refused
from chatbot.learning.heads import CONTENT, UPSET, Head, Heads, Task, Vectors, save_heads
from chatbot.learning.heads_gate import Side, judge_heads
from chatbot.learning.heads_labels import Labelled
from chatbot.settings import Settings
from scripts import models_heads
from tests.test_learning_heads import CARD

AT = datetime(2026, 1, 1, tzinfo=UTC)
TOPICS = ("invoice", "returns", "stoves")


def encode(texts: Sequence[str]) -> Vectors:
    """One dimension a topic that the text names, and one for German."""
    return np.asarray([[*(topic in text for topic in TOPICS), "bitte" in text] for text in texts], dtype=np.float32)


def head(*blind: str, german: float = 0.0, labels: tuple[str, ...] = TOPICS) -> Head:
    """Reads each topic by its word, but for those it is blind to: they read as the first. german: how far German confuses it."""
    weights = np.eye(len(labels), 4, dtype=np.float32)
    for topic in blind:
        weights[:, labels.index(topic)] = 0
    weights[0, 3] = german
    return Head(labels, weights, np.asarray([0.1, *[0.0] * (len(labels) - 1)], dtype=np.float32))


def side(name: str, *blind: str, german: float = 0.0, learnt: Sequence[str] = (), mood: bool = False) -> Side:
    tasks: dict[Task, Head] = {"topic": head(*blind, german=german)}
    if mood:
        tasks["mood"] = Head((CONTENT, UPSET), np.ones((2, 4), dtype=np.float32), np.zeros(2, dtype=np.float32))
    return Side(
        name, Heads("e@1", tasks), encode, frozenset(hashlib.sha256(one.encode()).hexdigest() for one in learnt)
    )


def texts(each: int = 40) -> dict[Task, list[Labelled]]:
    """A third in German."""
    said = [(topic, number, "de" if number % 3 == 0 else "en") for topic in TOPICS for number in range(each)]
    return {
        "topic": [
            Labelled(f"{topic}{' bitte' if language == 'de' else ''} {n}", topic, f"own:{topic}{n}", language, AT)
            for topic, n, language in said
        ],
        "mood": [],
    }


def test_heads_that_read_alike_pass_and_better_ones_too() -> None:
    for champion in (side("heads-0001"), side("heads-0001", "stoves"), Side(None)):
        verdict = judge_heads(side("heads-0002"), champion, texts())
        assert verdict.passed, verdict.reasons
        assert [part.name for part in verdict.parts] == ["topic", "topic", "topic, en", "topic, de"]
    assert verdict.champion is None
    assert verdict.parts[1].champion == pytest.approx(1 / 3, abs=0.01), "no heads: the commonest topic"


def test_worse_overall_is_refused_with_the_figures() -> None:
    verdict = judge_heads(side("heads-0002", "stoves"), side("heads-0001"), texts())
    assert not verdict.passed
    assert verdict.reasons[0].startswith("The macro-F1 of the topic is worse: 0.556 against 1.000, difference -0.")


def test_worse_in_one_language_is_refused_by_its_name() -> None:
    """In one of six texts, all German: that overall figures fall, too, is not what this looks at."""
    verdict = judge_heads(side("heads-0002", german=5.0), side("heads-0001"), texts())
    assert any(reason.startswith("The accuracy of the topic, de is worse: 0.333") for reason in verdict.reasons)
    assert not any("topic, en" in reason for reason in verdict.reasons)


def test_a_head_that_would_be_lost_is_refused() -> None:
    verdict = judge_heads(side("heads-0002"), side("heads-0001", mood=True), texts())
    assert verdict.reasons == (
        "heads-0001 reads the mood and heads-0002 does not, so it would be lost; fit both tasks with `chatbot finetune --heads`.",
    )
    told = judge_heads(side("heads-0002", mood=True), side("heads-0001"), texts()).told
    assert "mood: no head is published; when this one was made it was kept for beating the word list." in told


def test_only_conversations_that_neither_learnt_from_are_asked() -> None:
    rows = texts()
    known = [row.conversation.partition(":")[2] for row in rows["topic"]]
    verdict = judge_heads(side("heads-0002", learnt=known[:30]), side("heads-0001", learnt=known[20:60]), rows)
    assert verdict.parts[0].turns == 60
    few = judge_heads(side("heads-0002", learnt=known[:-29]), side("heads-0001"), rows)
    assert few.reasons[0].startswith("29 texts with a topic were held out from both, and a comparison needs 30")
    same = [judge_heads(side("heads-0002"), side("heads-0001"), rows).frozen for _ in range(2)]
    assert same[0] == same[1] != verdict.frozen


# --- published ------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """heads-0001 reads all, heads-0002 is blind to stoves; the store and the encoder are stand-ins."""
    settings = Settings(data=tmp_path)
    for place, blind in enumerate(((), ("stoves",))):
        made = tmp_path / f"made{place}"
        made.mkdir()
        save_heads(made, Heads("e@1", {"topic": head(*blind)}))
        registry.add(settings.models_folder, "heads", made, CARD)
    monkeypatch.setattr(models_heads, "rows_of", lambda settings: texts())
    monkeypatch.setattr(models_heads, "open_named", lambda settings, name: _Encoder())
    return settings


class _Encoder:
    def encode(self, texts: Sequence[str]) -> Any:
        return encode(texts)


def test_worse_heads_are_published_by_force_and_reason_alone(settings: Settings) -> None:
    models = settings.models_folder
    entry, verdict = models_heads.publish_heads(settings, "heads-0001", None, force=False)
    assert verdict is not None
    assert (entry.forced, entry.previous, verdict.passed) == (False, None, True)
    assert entry.gate is not None
    assert entry.gate["frozen_turns_sha256"] == verdict.frozen
    with pytest.raises(Refused, match=r"heads-0002 is not published\. The macro-F1 of the topic is worse"):
        models_heads.publish_heads(settings, "heads-0002", None, force=False)
    assert registry.published(models, "heads") == "heads-0001"
    with pytest.raises(UsageError, match="needs a reason"):
        models_heads.publish_heads(settings, "heads-0002", " ", force=True)
    forced, _ = models_heads.publish_heads(settings, "heads-0002", "stoves are gone", force=True)
    assert (forced.forced, forced.reason, registry.published(models, "heads")) == (
        True,
        "stoves are gone",
        "heads-0002",
    )
    with pytest.raises(Conflict, match="published already"):
        models_heads.publish_heads(settings, "heads-0002", None, force=False)
    assert models_heads.judged_heads(settings, "heads-0001", "heads-0002").passed


def test_published_heads_that_cannot_be_opened_do_not_block_their_replacement(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = settings.models_folder
    made = tmp_path / "made0"
    save_heads(made, Heads("gone@1", {"topic": head()}))
    registry.add(models, "heads", made, CARD)

    def named(_: Settings, name: str) -> Any:
        if name == "gone@1":
            raise ModelError("the settings name the encoder e@1; run `chatbot index` to build the index with it.")
        return _Encoder()

    monkeypatch.setattr(models_heads, "open_named", named)
    registry.publish(models, "heads-0003", "ada", champion=None)
    entry, verdict = models_heads.publish_heads(settings, "heads-0001", None, force=False)
    assert verdict is not None
    assert (entry.previous, verdict.champion, verdict.passed) == ("heads-0003", None, True)
    assert verdict.told[0].startswith("heads-0003 reads nothing and counts as no heads: ")
    with pytest.raises(ModelError, match=r"heads-0003 was fitted on vectors of gone@1, .*finetune --heads"):
        models_heads.publish_heads(settings, "heads-0003", None, force=False)
    weights = next((models / "heads-0001").glob("*.safetensors"))
    weights.chmod(0o644)
    weights.write_bytes(b"flipped")
    with pytest.raises(ModelError, match=r"models rollback --kind heads`"):
        models_heads.publish_heads(settings, "heads-0002", None, force=False)
    forced, none = models_heads.publish_heads(settings, "heads-0002", "the old ones are broken", force=True)
    assert (none, forced.forced, registry.published(models, "heads")) == (None, True, "heads-0002")
    assert weights.name in str(forced.gate)


def test_where_no_heads_are_published_none_are_called_the_base(settings: Settings) -> None:
    with pytest.raises(NotFound, match="No heads are published; there is nothing to go back to"):
        registry.rollback(settings.models_folder, "heads", "ada")
    assert (base_of("heads"), base_of("generator")) == ("no heads", "the base generator")
