"""Every kind of FAISS index finds nearly what exact search finds, is written and read back, and is chosen by size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from chatbot.retrieval.index import Limits, build_index, verify
from chatbot.retrieval.retriever import open_retriever
from chatbot.retrieval.vectors import VectorIndex, kind_for
from tests.fakes_retrieval import FakeEmbedder, query, shop

KINDS = {
    "Flat": Limits(),
    "SQ8": Limits(flat=1),
    "IVF75,SQ8": Limits(flat=1, sq8=2),
    "IVF75,RaBitQ,Refine(SQ8)": Limits(flat=1, sq8=2, ivf=3),
}


@pytest.fixture(scope="module")
def vectors() -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(3)
    mixed = rng.normal(size=(3000, 96)) + 1.2 * rng.normal(size=(40, 96))[rng.integers(0, 40, 3000)]
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_finds_nearly_what_exact_search_finds(
    kind: str, vectors: npt.NDArray[np.float32], tmp_path: Path
) -> None:
    assert kind_for(len(vectors), KINDS[kind]) == kind
    VectorIndex.build(vectors, KINDS[kind]).save(tmp_path / "x.faiss")
    index = VectorIndex.load(tmp_path / "x.faiss")
    asked = vectors[::30]
    exact = np.argsort(-(asked @ vectors.T), axis=1)[:, :10]
    ids, cosines = index.nearest(asked, 10)
    recall = np.mean([len(set(found) & set(true)) / 10 for found, true in zip(ids, exact, strict=True)])
    assert recall >= (1.0 if kind == "Flat" else 0.93)
    assert np.abs(cosines[:, 0] - 1).max() < 0.02
    assert len(index) == len(vectors)


def test_the_same_vectors_come_last_first_also_where_the_list_ends_among_them(vectors: npt.NDArray[np.float32]) -> None:
    asked = vectors[:1]
    index = VectorIndex.build(np.concatenate([vectors[:5], np.repeat(asked, 9, axis=0)]), Limits())
    for k in range(1, 11):
        ids, cosines = index.nearest(asked, k)
        assert ids[0].tolist() == [*range(13, 4, -1), 0][:k]
        assert cosines[0] == pytest.approx(np.ones(k), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_serves_a_whole_index(kind: str, tmp_path: Path) -> None:
    fake, limits = FakeEmbedder(), KINDS[kind]
    version = build_index(shop(60), fake, tmp_path, limits=limits)
    assert verify(tmp_path).parts["en"].kind == kind_for(360, limits)
    found = open_retriever(tmp_path, fake).search(query("can I get an invoice"))
    assert found.hits[found.medoid].passage.answer.startswith("Yes, invoice is possible")
    grown = build_index(shop(61), fake, tmp_path, limits=limits)
    assert grown.passages == version.passages + 6


def test_the_kind_grows_with_the_number() -> None:
    kinds = [kind_for(count, Limits()) for count in (1, 20_000, 20_001, 200_000, 200_001, 5_000_000, 5_000_001)]
    assert kinds[:4] == ["Flat", "Flat", "SQ8", "SQ8"]
    assert kinds[4].startswith("IVF")
    assert kinds[5].endswith(",SQ8")
    assert "RaBitQ,Refine" in kinds[6]


def test_fewer_vectors_than_asked_for_are_marked(vectors: npt.NDArray[np.float32]) -> None:
    ids, _ = VectorIndex.build(vectors[:3], Limits()).nearest(vectors[:1], 5)
    assert list(ids[0][3:]) == [-1, -1]
