"""The table of text vectors of an index version, filled from the version before it; must not know FAISS or passages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.protocols import Embedder
from chatbot.retrieval.reading import TEXTS, VECTORS

Vectors = npt.NDArray[np.float16]
Progress = Callable[[str, int, int], None]
_CHUNK = 8192  # between two reports of progress; long, so that texts of like length fill the encoder's batches


class TextTable:
    """Distinct texts in order of arrival and, once filled, a unit vector for each. Lives for one build."""

    def __init__(self) -> None:
        self._row_of: dict[bytes, int] = {}
        self._texts: list[str] = []

    def add(self, text: str) -> int:
        """The text's row."""
        row = self._row_of.setdefault(_digest(text), len(self._texts))
        if row == len(self._texts):
            self._texts.append(text)
        return row

    def __len__(self) -> int:
        return len(self._texts)

    def fill(self, embedder: Embedder, previous: Path | None, progress: Progress) -> tuple[Vectors, int]:
        """(texts, dim) float16 and how many of them were embedded rather than copied from the `previous` version.

        float16 halves the file and moves a cosine by less than .0005. Raises ModelError.
        """
        vectors = np.zeros((len(self._texts), embedder.dim), dtype=np.float16)
        missing = np.asarray(sorted(set(range(len(self._texts))) - self._copy(vectors, previous)), dtype=np.int64)
        for start in range(0, len(missing), _CHUNK):
            progress("embed", start, len(missing))
            rows = missing[start : start + _CHUNK]
            vectors[rows] = embedder.encode([self._texts[row] for row in rows])
        progress("embed", len(missing), len(missing))
        return vectors, len(missing)

    def save(self, folder: Path, vectors: Vectors) -> None:
        """Writes the vectors and, row by row, the digests of their texts."""
        np.save(folder / VECTORS, vectors)
        digests = np.frombuffer(b"".join(self._row_of), dtype=np.uint8).reshape(-1, 16)
        np.save(folder / TEXTS, digests)

    def _copy(self, vectors: Vectors, previous: Path | None) -> set[int]:
        if previous is None:
            return set()
        digests = np.load(previous / TEXTS)
        known = [(row, self._row_of[key]) for row, key in enumerate(map(bytes, digests)) if key in self._row_of]
        if known:
            old, new = np.asarray(known, dtype=np.int64).T
            vectors[new] = np.load(previous / VECTORS, mmap_mode="r")[old]
        return {new for _, new in known}


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def no_progress(stage: str, done: int, total: int) -> None:
    """Says nothing."""
