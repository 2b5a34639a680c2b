"""FAISS indexes of unit vectors, their kind chosen by how many there are; must not know passages or files' checks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
_PER_CELL = 40  # faiss warns below 39 training vectors a cell
_LARGEST_TRAINING = 64
ALIKE = 5  # digits: the same text must tie, whoever computed its score
_TIED = 16  # more than asked for, so that it is not chance which of several alike is the last
_CORES = faiss.omp_get_max_threads()


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest number of vectors for each kind; beyond the last one, IVF + RaBitQ with refine.

    Measured at 100k x 384 on one core: Flat 14.1 ms, SQ8 6.8 ms (recall@10 .994), IVF .36 ms (.988),
    RaBitQ with tenfold refine 2.0 ms (.998).
    """

    flat: int = 20_000
    sq8: int = 200_000
    ivf: int = 5_000_000


def kind_for(count: int, limits: Limits) -> str:
    """FAISS' own name for the kind of index that fits `count` vectors."""
    cells = max(1, min(int(4 * math.sqrt(count)), count // _PER_CELL, 65_536))
    if count <= limits.flat:
        return "Flat"
    if count <= limits.sq8:
        return "SQ8"
    return f"IVF{cells},SQ8" if count <= limits.ivf else f"IVF{cells},RaBitQ,Refine(SQ8)"


class VectorIndex:
    """Nearest unit vectors by cosine. Lives with its index version; any thread may call."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors, limits: Limits) -> VectorIndex:
        """vectors: (n, dim) float32 of length 1; their positions are their ids. Same input, same index."""
        count, dim = vectors.shape
        index = faiss.index_factory(dim, kind_for(count, limits), faiss.METRIC_INNER_PRODUCT)
        cells = _cells(index)
        if not index.is_trained:
            wanted = min(count, max(_LARGEST_TRAINING * (cells.nlist if cells else 1), 10_000))
            chosen = np.random.default_rng(7).choice(count, wanted, replace=False) if wanted < count else slice(None)
            index.train(np.ascontiguousarray(vectors[chosen]))
        index.add(np.ascontiguousarray(vectors))
        if cells:
            cells.nprobe = max(8, cells.nlist // 16)
        if isinstance(index, faiss.IndexRefine):
            index.k_factor = 10
        return cls(index)

    def save(self, path: Path) -> None:
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> VectorIndex:
        """Opens what `save` wrote; the caller has checked the file. Raises RuntimeError."""
        return cls(faiss.read_index(str(path)))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def nearest(self, queries: Vectors, k: int) -> tuple[npt.NDArray[np.int64], Vectors]:
        """ids and cosines, each (len(queries), k), best first, of the same vectors the last first; id -1 where there are fewer."""
        # One query is a millisecond's work: waking OpenMP's threads beside the encoder's tripled it (measured).
        faiss.omp_set_num_threads(1 if len(queries) == 1 else _CORES)
        scores, ids = self._index.search(np.ascontiguousarray(queries, dtype=np.float32), k + _TIED)
        key = -np.round(np.maximum(scores, -2), ALIKE)
        order = np.lexsort((-ids, key))[:, :k]  # FAISS leaves ties as its heap has them
        return np.take_along_axis(ids, order, 1), np.take_along_axis(scores, order, 1)


def _cells(index: Any) -> Any:
    try:
        return faiss.extract_index_ivf(index.base_index if isinstance(index, faiss.IndexRefine) else index)
    except RuntimeError:
        return None
