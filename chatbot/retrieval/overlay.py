"""What people have changed in the knowledge, laid over an open index version, so that it holds at once and without a build.

Removed rows are left out, added passages are searched beside the version's own, and word weights are those of the whole: a search
finds what it would find after a full build. Must not know SQL, or which version is current.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chatbot.protocols import Embedder
from chatbot.retrieval.fusion import DENSE, Fusion
from chatbot.retrieval.lexical import K1, B, Bm25
from chatbot.retrieval.reading import LEXICAL, OpenIndex, Slice, best_of
from chatbot.retrieval.spelling import Speller
from chatbot.retrieval.vectors import ALIKE, VectorIndex
from chatbot.retrieval.words import language_of, words
from chatbot.transcripts.collapse import age, alike
from chatbot.types import CORRECTION, Changes, Passage

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
_SHORT = K1 * (1 - B)  # BM25's norm of a document without length
_CANDIDATES = 50  # passages with like questions among which a retired one's stand-in is looked for


class Overlaid:
    """An index version and the changes of people, with the face of `OpenIndex`. Lives until either changes; any thread may call.

    known: vectors by text of an earlier overlay, to encode only what is new. Raises ModelError.
    """

    def __init__(
        self, base: OpenIndex, changes: Changes, embedder: Embedder, known: Mapping[str, Vectors] | None = None
    ) -> None:
        self.base, self.manifest = base, base.manifest
        located = base.locate({*changes.gone, *(one.id for one in changes.added)})
        removed = _removed(base, changes, located)
        self.added = _missing(base, changes, located, removed)
        self.vectors_by_text = _encoded(self.added, embedder, known or {})
        self._removed: dict[str, Rows] = {
            language: np.asarray(sorted(rows), dtype=np.int64) for language, rows in removed.items() if rows
        }
        self._by_language: dict[str, list[Passage]] = defaultdict(list)
        for one in self.added:
            self._by_language[language_of(one.language)].append(one)
        self._slices = {language: self._widen(language) for language in {*self._removed, *self._by_language}}
        self._spellers: dict[str, Speller] = {}

    @property
    def removed(self) -> int:
        """How many passages of the version are left out."""
        return sum(len(rows) for rows in self._removed.values())

    def slice_of(self, language: str) -> Slice | None:
        return self._slices.get(language) or self.base.slice_of(language)

    def passage(self, language: str, row: int) -> Passage:
        own = self._own(language)
        return self.base.passage(language, row) if row < own else self._by_language[language][row - own]

    def vectors_of(self, language: str, rows: Rows, signal: str) -> Vectors:
        own, added = self._own(language), self._by_language.get(language, [])
        if not added:
            return self.base.vectors_of(language, rows, signal)
        found = np.zeros((len(rows), self.manifest.dim), dtype=np.float32)
        inside = rows < own
        if inside.any():
            found[inside] = self.base.vectors_of(language, rows[inside], signal)
        for at in np.flatnonzero(~inside):
            found[at] = self.vectors_by_text[_text(added[int(rows[at]) - own], signal)]
        return found

    def speller(self, language: str) -> Speller | None:
        speller, added = self.base.speller(language), self._by_language.get(language)
        if not added or speller is None:
            return speller
        if language not in self._spellers:
            self._spellers[language] = speller.knowing(f"{one.window}\n{one.answer}" for one in added)
        return self._spellers[language]

    def _own(self, language: str) -> int:
        """How many rows of a language are the version's own; added ones come after them."""
        part = self.base.slice_of(language)
        return part.count if part else 0

    def _widen(self, language: str) -> Slice:
        part, added = self.base.slice_of(language), self._by_language.get(language, [])
        gone = self._removed.get(language, np.zeros(0, dtype=np.int64))
        count = (part.count if part else 0) + len(added)
        dense: dict[str, Any] = {}
        for signal in DENSE:
            rows = [self.vectors_by_text[_text(one, signal)] for one in added]
            vectors = np.asarray(rows, dtype=np.float32).reshape(len(added), self.manifest.dim)
            dense[signal] = NearestOf(part.dense[signal] if part else None, gone, vectors)
        lexical: dict[str, Any] = {}
        for field in LEXICAL.values():
            left = [words(getattr(self.base.passage(language, int(row)), field), language) for row in gone]
            come = [words(getattr(one, field), language) for one in added]
            mean = self.base.mean_words(language, field) if part else 0.0
            lexical[field] = WordsOf(part.lexical[field] if part else None, (gone, left), come, mean)
        if part is None:
            return Slice(language, 0, count, dense, lexical, self._largest_fusion(), ())
        left_out = set(gone.tolist())
        popular = tuple(row for row in part.popular if row not in left_out)
        return replace(part, count=count, dense=dense, lexical=lexical, popular=popular)

    def _largest_fusion(self) -> Fusion:
        parts = (self.base.slice_of(language) for language in self.manifest.parts)
        largest = max((part for part in parts if part), key=lambda part: part.count, default=None)
        return largest.fusion if largest else Fusion()


class NearestOf:
    """Nearest unit vectors among an index without its removed rows and some added ones, which get the numbers after the last."""

    def __init__(self, base: VectorIndex | None, removed: Rows, added: Vectors) -> None:
        self._base, self._removed, self._added = base, removed, added

    def nearest(self, queries: Vectors, k: int) -> tuple[Rows, Vectors]:
        """As `VectorIndex.nearest`."""
        own = len(self._base) if self._base is not None else 0
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        cosines = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for line, query in enumerate(queries):
            names, scores = self._own(query[None, :], min(k + len(self._removed), own))
            names = np.concatenate([names, np.arange(own, own + len(self._added), dtype=np.int64)])
            scores = np.concatenate([scores, self._added @ query]).astype(np.float32)
            best = np.lexsort((-names, -np.round(scores, ALIKE)))[:k]  # as `VectorIndex.nearest`
            ids[line, : len(best)], cosines[line, : len(best)] = names[best], scores[best]
        return ids, cosines

    def _own(self, query: Vectors, k: int) -> tuple[Rows, Vectors]:
        if self._base is None or k < 1:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        ids, scores = self._base.nearest(query, k)
        kept = (ids[0] >= 0) & ~np.isin(ids[0], self._removed)
        return ids[0][kept], scores[0][kept]


class WordsOf:
    """BM25 over a field without its removed rows and with added ones, each word weighed as in the whole.

    removed: rows, and the words of each. mean: words in a document of the base, whose weights hold it: they are brought to the
    mean of the whole, exactly where a document has a word once.
    """

    def __init__(
        self, base: Bm25 | None, removed: tuple[Rows, list[list[str]]], added: list[list[str]], mean: float
    ) -> None:
        self._base, self._removed = base, removed[0]
        self._added = [(Counter(cut), len(cut)) for cut in added]
        self._shift = Counter(word for cut in added for word in set(cut))
        self._shift.subtract(word for cut in removed[1] for word in set(cut))
        self._own = base.count if base else 0
        self._size = self._own - len(self._removed) + len(added)
        come, gone = sum(length for _, length in self._added), sum(map(len, removed[1]))
        self._mean = max(1e-9, (mean * self._own - gone + come) / max(1, self._size))
        self._stretch = mean / self._mean
        self.count = self._own + len(added)

    def scores(self, query: Sequence[str]) -> Vectors:
        """As `Bm25.scores`; 0 for removed rows."""
        total = np.zeros(self.count, dtype=np.float32)
        for word in dict.fromkeys(query):
            idf = self.idf(word)
            if self._base is not None:
                docs, impacts, old = self._base.postings(word)
                if old:
                    norms = (K1 + 1) * old / impacts - 1  # a document's length against the mean, out of its weight
                    norms = _SHORT + (norms - _SHORT) * self._stretch
                    total[docs] += idf * (K1 + 1) / (1 + norms)
            for at, (counts, length) in enumerate(self._added, self._own):
                if often := counts[word]:
                    norm = _SHORT + K1 * B * length / self._mean
                    total[at] += idf * often * (K1 + 1) / (often + norm)
        total[self._removed] = 0
        return np.round(total, ALIKE)

    def idf(self, word: str) -> float:
        """As `Bm25.idf`."""
        held = len(self._base.postings(word)[0]) if self._base is not None else 0
        held = max(0, held + self._shift[word])
        return math.log1p((self._size - held + 0.5) / (held + 0.5))


def _removed(base: OpenIndex, changes: Changes, located: Mapping[str, tuple[str, int]]) -> dict[str, set[int]]:
    """Rows by language: what was retired, and what stands for it."""
    removed: dict[str, set[int]] = defaultdict(set)
    for name in changes.gone:
        if name in located:
            language, row = located[name]
            removed[language].add(row)
    for passage in changes.retired:
        if passage.id not in located and passage.source != CORRECTION:
            for row in _stand_ins(base, passage):
                removed[language_of(passage.language)].add(row)
    return removed


def _missing(
    base: OpenIndex,
    changes: Changes,
    located: Mapping[str, tuple[str, int]],
    removed: Mapping[str, set[int]],
) -> list[Passage]:
    """The added passages that neither the version holds nor another of its passages stands for, in the order of a build."""
    found = []
    for passage in changes.added:
        if passage.id in located or passage.id in changes.gone:
            continue
        if passage.source != CORRECTION:
            left_out = removed.get(language_of(passage.language), set())
            stand_ins = [row for row in _stand_ins(base, passage) if row not in left_out]
            if stand_ins or any(alike(passage, other) for other in changes.retired if other.source != CORRECTION):
                continue
        found.append(passage)
    return sorted(found, key=age)


def _stand_ins(base: OpenIndex, passage: Passage) -> list[int]:
    """Rows whose passages stand for this one: near-duplicates are kept once, in their newest wording."""
    language = language_of(passage.language)
    part = base.slice_of(language)
    if part is None:
        return []
    scores = part.lexical["question"].scores(words(passage.question, language))
    rows = best_of(scores, min(_CANDIDATES, part.count))
    return [
        int(row)
        for row in rows
        if (other := base.passage(language, int(row))).source != CORRECTION and alike(passage, other)
    ]


def _encoded(added: Iterable[Passage], embedder: Embedder, known: Mapping[str, Vectors]) -> dict[str, Vectors]:
    """The vector of every text of the added passages, rounded as a version rounds them."""
    texts = list(dict.fromkeys(_text(one, signal) for one in added for signal in DENSE))
    found = {text: known[text] for text in texts if text in known}
    missing = [text for text in texts if text not in found]
    if missing:
        made = np.asarray(embedder.encode(missing), dtype=np.float16).astype(np.float32)
        found.update(zip(missing, made, strict=True))
    return found


def _text(passage: Passage, signal: str) -> str:
    return {"window": passage.window, "question": passage.question, "reply": passage.searched}[signal]
