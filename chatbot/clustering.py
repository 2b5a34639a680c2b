"""Which vectors lie together: HDBSCAN, in a process of its own. Must not know what the vectors mean.

`python -m chatbot.clustering` reads an .npy array from its standard input and writes the labels to its output. scikit-learn's
HDBSCAN holds Python's global lock for seconds at a few thousand vectors (measured: 4 s at 5,000), which would hold up every chat.
"""

from __future__ import annotations

import io
import subprocess
import sys
from math import isqrt

import numpy as np
import numpy.typing as npt

from chatbot.errors import ModelError

FEW = 20
"""Below, densities mean nothing: groups are joined by average linkage instead."""
_FAR = (
    0.6  # cosine distance of two groups that are about different matters; measured on short questions, all-MiniLM-L6-v2
)
_WIDE = 2000  # vectors that HDBSCAN takes with all their dimensions; more are reduced first, or it takes minutes
_DIMENSIONS = 32
_SMALLEST, _SMALLEST_OF_FEW = 3, 2
_LONGEST_S = 600.0
Vectors = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def cluster(vectors: Vectors) -> Labels:
    """A label from 0 for each unit vector, -1 for those that lie with no others. The same vectors give the same labels.

    HDBSCAN (Campello, Moulavi and Sander 2013) with leaves cut by excess of mass; from 2,000 vectors on after a reduction to
    32 principal axes. Fewer than 20 are joined by average linkage at cosine distance 0.6.
    """
    if len(vectors) < _SMALLEST_OF_FEW:
        return np.full(len(vectors), -1, dtype=np.int64)
    if len(vectors) < FEW:
        return _linked(vectors)
    from sklearn.cluster import HDBSCAN  # type: ignore[import-untyped]

    smallest = max(_SMALLEST, isqrt(len(vectors)) // 5)
    found = HDBSCAN(min_cluster_size=smallest, min_samples=2, copy=True).fit(_reduced(vectors))
    return np.asarray(found.labels_, dtype=np.int64)


def cluster_apart(vectors: Vectors) -> Labels:
    """`cluster` in a child process; blocks until it is done. Raises ModelError when the child fails."""
    given = io.BytesIO()
    np.save(given, vectors)
    command = [sys.executable, "-m", "chatbot.clustering"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, nothing of anybody's in the command
            command, input=given.getvalue(), capture_output=True, check=True, timeout=_LONGEST_S
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as exc:
        raise ModelError(f"The questions could not be grouped: {type(exc).__name__} in the grouping process.") from exc
    return np.asarray(np.load(io.BytesIO(done.stdout), allow_pickle=False), dtype=np.int64)


def _linked(vectors: Vectors) -> Labels:
    from sklearn.cluster import AgglomerativeClustering

    joined = AgglomerativeClustering(n_clusters=None, distance_threshold=_FAR, metric="cosine", linkage="average")
    labels = np.asarray(joined.fit(vectors).labels_, dtype=np.int64)
    sizes = np.bincount(labels)
    return np.where(sizes[labels] >= _SMALLEST_OF_FEW, labels, -1)


def _reduced(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Unit vectors on the principal axes, where there are too many for all their dimensions."""
    plain = vectors.astype(np.float64)
    if len(plain) < _WIDE or plain.shape[1] <= _DIMENSIONS:
        return plain
    centred = plain - plain.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    turned = centred @ axes[:, -_DIMENSIONS:]
    return np.asarray(turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9))


def main() -> None:
    """The child: vectors in, labels out."""
    labels = cluster(np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False))
    out = io.BytesIO()
    np.save(out, labels)
    sys.stdout.buffer.write(out.getvalue())


if __name__ == "__main__":
    main()
