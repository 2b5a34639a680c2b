"""BM25 over one field of one language as memory-mapped arrays; must not know passages, vectors or how words are cut."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

K1, B = 1.2, 0.75  # Robertson & Zaragoza 2009, section 3: the usual middle values
_TERM = np.dtype([("key", "<u8"), ("start", "<i8"), ("idf", "<f4")])
Floats = npt.NDArray[np.float32]


class Bm25:
    """Postings of one field with their BM25 weights worked out. Lives with its index version; any thread may call."""

    def __init__(self, terms: npt.NDArray[np.void], docs: npt.NDArray[np.int32], impacts: Floats, count: int) -> None:
        self._keys = np.ascontiguousarray(terms["key"])
        self._starts = np.append(terms["start"], len(docs))
        self._idf = np.ascontiguousarray(terms["idf"])
        self._docs, self._impacts, self.count = docs, impacts, count

    @classmethod
    def build(cls, texts: Iterable[Sequence[str]]) -> Bm25:
        """From each document's words. Idf is the one that cannot turn negative (Lucene's)."""
        vocabulary: dict[str, int] = {}
        term, doc, often, lengths = [], [], [], []
        for number, cut in enumerate(texts):
            lengths.append(len(cut))
            for word, times in Counter(cut).items():
                term.append(vocabulary.setdefault(word, len(vocabulary)))
                doc.append(number)
                often.append(times)
        keys = np.fromiter((_key(word) for word in vocabulary), dtype=np.uint64, count=len(vocabulary))
        order_of_keys = np.argsort(keys, kind="stable")
        position = np.empty_like(order_of_keys)
        position[order_of_keys] = np.arange(len(keys))
        terms_of = position[np.asarray(term, dtype=np.int64)]
        docs, times_of = np.asarray(doc, dtype=np.int32), np.asarray(often, dtype=np.float32)
        order = np.argsort(terms_of, kind="stable")
        terms_of, docs, times_of = terms_of[order], docs[order], times_of[order]
        found_in = np.bincount(terms_of, minlength=len(keys))
        idf = np.log1p((len(lengths) - found_in + 0.5) / (found_in + 0.5)).astype(np.float32)
        size = np.asarray(lengths, dtype=np.float32)
        norm = K1 * (1 - B + B * size / max(float(size.mean()) if len(size) else 0.0, 1e-9))
        impacts = idf[terms_of] * times_of * (K1 + 1) / (times_of + norm[docs])
        table = np.zeros(len(keys), dtype=_TERM)
        table["key"], table["idf"] = keys[order_of_keys], idf
        table["start"] = np.concatenate([[0], np.cumsum(found_in)[:-1]]) if len(keys) else []
        return cls(table, docs, impacts.astype(np.float32), len(lengths))

    def save(self, stem: Path) -> list[Path]:
        """Writes `<stem>.terms.npy`, `.docs.npy` and `.impacts.npy`; returns their paths."""
        table = np.zeros(len(self._keys), dtype=_TERM)
        table["key"], table["start"], table["idf"] = self._keys, self._starts[:-1], self._idf
        parts = {"terms": table, "docs": self._docs, "impacts": self._impacts}
        paths = [stem.with_name(f"{stem.name}.{part}.npy") for part in parts]
        for path, array in zip(paths, parts.values(), strict=True):
            np.save(path, array)
        return paths

    @classmethod
    def load(cls, stem: Path, count: int) -> Bm25:
        """Opens what `save` wrote; postings stay on disk until they are read. Raises OSError or ValueError."""
        terms = np.load(stem.with_name(f"{stem.name}.terms.npy"))
        docs = np.load(stem.with_name(f"{stem.name}.docs.npy"), mmap_mode="r")
        impacts = np.load(stem.with_name(f"{stem.name}.impacts.npy"), mmap_mode="r")
        return cls(terms, docs, impacts, count)

    def scores(self, query: Sequence[str]) -> Floats:
        """BM25 of every document, (count,) float32, 0 where no word is shared; a repeated word counts once."""
        total = np.zeros(self.count, dtype=np.float32)
        for at in self._find(query):
            span = slice(self._starts[at], self._starts[at + 1])
            total[self._docs[span]] += self._impacts[span]  # a document stands once in a term's postings
        return total

    def postings(self, word: str) -> tuple[npt.NDArray[np.int32], Floats, float]:
        """The documents that hold a word, what it adds to the score of each, and its idf; empty and 0 for an unknown word."""
        at = self._find([word])
        span = slice(self._starts[at[0]], self._starts[at[0] + 1]) if at else slice(0, 0)
        return self._docs[span], self._impacts[span], float(self._idf[at[0]]) if at else 0.0

    def idf(self, word: str) -> float:
        """Weight of a word; one that no document holds weighs the most."""
        key = _key(word)
        at = int(np.searchsorted(self._keys, np.uint64(key)))
        if at < len(self._keys) and int(self._keys[at]) == key:
            return float(self._idf[at])
        return math.log1p((self.count + 0.5) / 0.5)

    def _find(self, query: Sequence[str]) -> list[int]:
        wanted = np.fromiter({_key(word) for word in query}, dtype=np.uint64)
        at = np.searchsorted(self._keys, wanted)
        return [int(i) for i, key in zip(at, wanted, strict=True) if i < len(self._keys) and self._keys[i] == key]


def _key(word: str) -> int:
    """64 bits of a word: fixed width keeps the vocabulary sorted and mapped; two of a million words collide at 3e-8."""
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
