"""The fusion's fit: rewards are those of the product's own choice, noise keeps the default."""

from __future__ import annotations

import numpy as np
import pytest

from chatbot.retrieval import fitting
from chatbot.retrieval.fusion import SIGNALS, Fusion, elect, rrf
from chatbot.retrieval.lexical import Bm25
from chatbot.retrieval.vectors import Limits, VectorIndex

DRAW = np.random.default_rng(3)
NAMES = ("window", "question", "reply")


def unit(count: int) -> np.ndarray:
    vectors = DRAW.normal(size=(count, 16)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def corpus(vectors: dict[str, np.ndarray]) -> fitting.Corpus:
    count = len(vectors["window"])
    cut = {name: [[f"w{DRAW.integers(50)}" for _ in range(6)] for _ in range(count)] for name in ("window", "question")}
    return fitting.Corpus(
        [f"c{row}" for row in range(count)],
        [f"answer {row}" for row in range(count)],
        cut,
        vectors,
        {name: VectorIndex.build(vectors[name], Limits()) for name in NAMES},
        {name: Bm25.build(texts) for name, texts in cut.items()},
    )


@pytest.mark.parametrize(
    "fusion", [Fusion(), Fusion(pool=1), Fusion(pool=20, power=32, k=60), Fusion(window=0, reply=2, power=1)]
)
def test_the_reward_is_that_of_the_reply_which_the_product_would_elect(fusion: Fusion) -> None:
    replies, found, expected = unit(200), [], []
    spelt = fitting._spelt([f"answer {DRAW.integers(30)} of {DRAW.integers(9)}" for _ in range(200)])
    for row in range(25):
        ids = np.sort(DRAW.choice(200, DRAW.integers(3, 40), replace=False)).astype(np.int64)
        ranks = np.full((len(ids), len(SIGNALS)), np.inf, dtype=np.float32)
        for column in range(len(SIGNALS)):
            ranks[DRAW.permutation(len(ids)), column] = np.arange(1, len(ids) + 1)
        found.append((row, ids, ranks))
        scores = rrf(ranks, fusion)
        order = np.argsort(-scores, kind="stable")[: max(5, int(fusion.pool))]
        own = replies[ids[order]]
        chosen = elect(own @ own.T, scores[order], fusion, 5)
        meaning, spelling = (
            max(0.0, float(own[chosen] @ replies[row])),
            (spelt[ids[order]][chosen] @ spelt[row].T).sum(),
        )
        expected.append(((meaning + spelling) / 2) ** 4)
    turns = fitting._together(found, replies, spelt)
    assert fitting._rewards(turns, fusion) == pytest.approx(np.array(expected), abs=1e-5)


def test_spelling_tells_answers_apart_in_any_language() -> None:
    spelt = fitting._spelt(["退货需要30天。", "退货需要14天。", "我们周一送货", "Rückgabe in 30 Tagen", ""])
    likeness = (spelt @ spelt.T).toarray()
    assert likeness.diagonal() == pytest.approx([1, 1, 1, 1, 0])
    assert likeness[0, 1] > 0.3 > likeness[0, 2]
    assert likeness[0, 3] < 0.1


def test_where_nothing_tells_the_default_stays() -> None:
    assert fitting.fit(corpus({name: unit(240) for name in NAMES})) == Fusion()
