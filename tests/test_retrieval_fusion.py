"""Fusing ranks, electing a reply, and fitting the weights to a corpus: arithmetic that can be checked by hand."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from chatbot.retrieval.fusion import SIGNALS, Fusion, agreement, elect, fuse
from chatbot.retrieval.index import build_index
from chatbot.retrieval.reading import best_of
from chatbot.types import Passage
from tests.fakes_retrieval import FakeEmbedder, passage


def test_rrf_by_hand() -> None:
    fusion = Fusion(window=1, question=1, reply=0, window_words=0, question_words=0, k=60)
    fused = fuse({"window": np.array([7, 8]), "question": np.array([8, 9, -1])}, fusion)
    assert list(fused.ids) == [8, 7, 9]
    best = 2 / 61
    assert fused.scores == pytest.approx([(1 / 62 + 1 / 61) / best, (1 / 61) / best, (1 / 62) / best])


def test_first_everywhere_scores_one_and_failed_signals_do_not_count() -> None:
    fusion = Fusion()
    lists = {name: np.array([4, 5]) for name in SIGNALS}
    assert fuse(lists, fusion).scores[0] == pytest.approx(1.0)
    words_only = {name: np.array([4, 5]) for name in SIGNALS if name.endswith("_words")}
    working = np.array([name.endswith("_words") for name in SIGNALS])
    assert fuse(words_only, fusion, working).scores[0] == pytest.approx(1.0)
    only_dense = Fusion(window=1, question=0, reply=0, window_words=0, question_words=0)
    assert fuse(words_only, only_dense, working).scores[0] == pytest.approx(1.0)


def test_nothing_found_is_nothing() -> None:
    assert len(fuse({"window": np.array([-1])}, Fusion()).ids) == 0


def test_the_elected_reply_is_the_one_that_the_others_agree_with() -> None:
    likeness = np.array([[1, 0.1, 0.1], [0.1, 1, 0.9], [0.1, 0.9, 1]], dtype=np.float32)
    scores = np.array([1, 0.95, 0.9], dtype=np.float32)
    assert elect(likeness, scores, Fusion(pool=3, power=1), 3) == 1
    assert elect(likeness, scores, Fusion(pool=1), 3) == 0
    assert elect(likeness, scores, Fusion(pool=3, power=1), 1) == 0


def test_equal_replies_leave_the_better_hit_in_front() -> None:
    assert elect(np.ones((4, 4), dtype=np.float32), np.array([1, 0.9, 0.8, 0.7], dtype=np.float32), Fusion(), 4) == 0


def test_agreement_is_the_mean_pair() -> None:
    likeness = np.array([[1, 0.6, -0.5], [0.6, 1, 0.3], [-0.5, 0.3, 1]], dtype=np.float32)
    assert agreement(likeness) == pytest.approx(0.3)
    assert agreement(likeness, top=2) == pytest.approx(0.6)
    assert agreement(likeness[:1, :1]) == 0.0


def test_best_of_is_in_order_with_ties_by_id() -> None:
    scores = np.array([0, 3, 1, 3, 2, 0], dtype=np.float32)
    assert list(best_of(scores, 3)) == [1, 3, 4]
    assert list(best_of(scores, 10)) == [1, 3, 4, 2]


def test_the_fit_follows_the_corpus(tmp_path: Path) -> None:
    """Where the window tells and the question misleads, the window gains weight over a corpus where it is reversed."""
    by_question = build_index(_corpus(window_tells=False), FakeEmbedder(), tmp_path / "question").fusion or {}
    by_window = build_index(_corpus(window_tells=True), FakeEmbedder(), tmp_path / "window").fusion or {}
    assert _share(by_window["en"], "window") > _share(Fusion().as_dict(), "window")
    assert _share(by_window["en"], "window") > _share(by_question["en"], "window")


def test_small_corpora_keep_the_default_and_small_languages_take_the_largest_ones_fit(tmp_path: Path) -> None:
    few = build_index(_corpus(window_tells=True)[:40], FakeEmbedder(), tmp_path / "few").fusion or {}
    assert few["en"] == Fusion().as_dict()
    german = passage(9999, "Wo ist mein Paket?", "Unterwegs.", "de")
    both = build_index([*_corpus(window_tells=True), german], FakeEmbedder(), tmp_path / "both").fusion or {}
    assert both["de"] == both["en"] != Fusion().as_dict()


def _share(fusion: Mapping[str, float], field: str) -> float:
    told = sum(value for name, value in fusion.items() if name in (field, f"{field}_words"))
    return float(told) / sum(fusion[name] for name in SIGNALS)


def _corpus(window_tells: bool) -> list[Passage]:
    """Either the window or the question names the matter; the other one names one at random, just as clearly."""
    rng = random.Random(1)
    topics = ["parcel delivery", "boot return", "tent repair", "stove safety", "jacket wash", "invoice payment"]
    made = []
    for number in range(150):
        topic, other = topics[number % len(topics)], rng.choice(topics)
        question, window = (other, topic) if window_tells else (topic, other)
        answer = hashlib.sha256(topic.encode()).hexdigest()  # shares no word with what was asked
        made.append(passage(number, question, answer, window=f"customer: {window}"))
    return made
