"""An opened, verified index version: per language the lists that its signals give; must not know how they are fused."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.retrieval.fusion import DENSE, Fusion, from_dict
from chatbot.retrieval.lexical import Bm25
from chatbot.retrieval.manifest import Manifest, Part, broken, check_files, read_manifest
from chatbot.retrieval.passages import PassageFile
from chatbot.retrieval.spelling import Speller
from chatbot.retrieval.vectors import VectorIndex
from chatbot.retrieval.words import words
from chatbot.types import Passage

Vectors = npt.NDArray[np.float32]
LEXICAL = {"window_words": "window", "question_words": "question"}
VECTORS, ROWS, TEXTS = "vectors.npy", "rows.npy", "texts.npy"
DEPTH = 50
_SAMPLED = 2_000
_VOCABULARY_FROM = 20_000  # passages: by then a language's everyday words have been seen
_NO_WORD_BREAKS = frozenset({"zh", "ja", "th", "lo", "km", "my", "ko"})


@dataclass(frozen=True, slots=True)
class Slice:
    """One language of an index version: rows [start, start + count) of it, addressed from 0."""

    language: str
    start: int
    count: int
    dense: Mapping[str, VectorIndex]
    lexical: Mapping[str, Bm25]
    fusion: Fusion
    popular: tuple[int, ...]

    def lists(
        self, vectors: Mapping[str, Vectors], window: str, question: str, depth: int = DEPTH
    ) -> tuple[dict[str, npt.NDArray[np.int64]], dict[str, npt.NDArray[np.float32]]]:
        """Ranked ids of each signal, and each lexical signal's score of every row.

        vectors: a query vector (dim,) for each dense signal that works; a missing one gives no list.
        """
        depth = min(depth, self.count)
        ranked = {
            name: self.dense[name].nearest(vector[None, :], depth)[0][0]
            for name, vector in vectors.items()
            if getattr(self.fusion, name) > 0
        }
        scores = {}
        for name, field in LEXICAL.items():
            text = window if field == "window" else question
            scores[name] = self.lexical[field].scores(words(text, self.language))
            ranked[name] = best_of(scores[name], depth)
        return ranked, scores


class OpenIndex:
    """A version that passed its checks. Lives until a newer one replaces it; any thread may call."""

    def __init__(self, folder: Path) -> None:
        """Raises IndexBroken naming the file that is missing, changed, or unreadable."""
        self.manifest: Manifest = read_manifest(folder)
        check_files(folder, self.manifest)
        self._folder = folder
        try:
            self.passages = PassageFile(folder)
            self.rows = np.load(folder / ROWS)
            self.vectors = np.load(folder / VECTORS, mmap_mode="r")
        except (OSError, ValueError) as exc:
            raise broken(folder, str(exc)) from exc
        self._slices: dict[str, Slice] = {}
        self._spellers: dict[str, Speller] = {}
        self._spelling = threading.Lock()
        self._mean_words: dict[tuple[str, str], float] = {}
        for language in self.manifest.parts:
            self._slices[language] = self._load(language, self.manifest.parts[language])

    def slice_of(self, language: str) -> Slice | None:
        """The passages in a language, None where there are none."""
        return self._slices.get(language)

    def passage(self, language: str, row: int) -> Passage:
        """A passage by its language and its row in that slice."""
        return self.passages[self._slices[language].start + row]

    def locate(self, ids: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Language and row of those passages that this version holds, by id."""
        found = {}
        for name, row in self.passages.locate(ids).items():
            part = next(part for part in self._slices.values() if part.start <= row < part.start + part.count)
            found[name] = part.language, row - part.start
        return found

    def mean_words(self, language: str, field: str) -> float:
        """Words of an average passage's field, from evenly spread passages where there are many."""
        key = language, field
        if key not in self._mean_words:
            count = self._slices[language].count
            rows = range(0, count, max(1, count // _SAMPLED))
            lengths = [len(words(getattr(self.passage(language, row), field), language)) for row in rows]
            self._mean_words[key] = sum(lengths) / max(1, len(lengths))
        return self._mean_words[key]

    def speller(self, language: str) -> Speller | None:
        """The vocabulary of a language's passages, made at the first call; None for one without passages or word breaks."""
        part = self._slices.get(language)
        if part is None or language in _NO_WORD_BREAKS:
            return None
        with self._spelling:
            if language not in self._spellers:
                rows = range(part.start, part.start + min(part.count, _VOCABULARY_FROM))
                passages = (self.passages[row] for row in rows)
                self._spellers[language] = Speller(f"{one.window}\n{one.answer}" for one in passages)
            return self._spellers[language]

    def vectors_of(self, language: str, rows: npt.NDArray[np.int64], signal: str) -> Vectors:
        """(len(rows), dim) float32: the exact vectors of a slice's rows, whatever FAISS kept of them."""
        at = self.rows[rows + self.manifest.parts[language].start, DENSE.index(signal)]
        return np.asarray(self.vectors[at], dtype=np.float32)

    def _load(self, language: str, part: Part) -> Slice:
        stem = self._folder / language
        try:
            dense = {name: VectorIndex.load(stem.with_name(f"{language}.{name}.faiss")) for name in DENSE}
            lexical = {
                field: Bm25.load(stem.with_name(f"{language}.{field}"), part.count) for field in LEXICAL.values()
            }
            fusion = from_dict(part.fusion)
        except (OSError, ValueError, RuntimeError, TypeError) as exc:
            raise broken(stem, str(exc)) from exc
        if any(len(index) != part.count for index in dense.values()):
            raise broken(stem, "it holds another number of vectors than the manifest says")
        return Slice(language, part.start, part.count, dense, lexical, fusion, part.popular)


def best_of(scores: npt.NDArray[np.float32], depth: int) -> npt.NDArray[np.int64]:
    """Ids of the best positive scores, best first, ties by id."""
    found = np.flatnonzero(scores > 0)
    if len(found) > depth:
        floor = np.partition(scores[found], len(found) - depth)[len(found) - depth]
        found = found[scores[found] >= floor]
    return np.asarray(found[np.lexsort((found, -scores[found]))][:depth], dtype=np.int64)
