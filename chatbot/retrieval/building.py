"""Writes one index version into a folder; must not know which is current or how one is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.protocols import Embedder
from chatbot.retrieval.embedding import Progress, TextTable
from chatbot.retrieval.fitting import ENOUGH, Corpus, fit
from chatbot.retrieval.fusion import DENSE, Fusion, from_dict
from chatbot.retrieval.lexical import Bm25
from chatbot.retrieval.manifest import Manifest, Part, read_manifest, seal_files, write_manifest
from chatbot.retrieval.passages import to_line, write_lines
from chatbot.retrieval.popular import most_asked
from chatbot.retrieval.reading import ROWS
from chatbot.retrieval.vectors import Limits, VectorIndex, kind_for
from chatbot.retrieval.words import language_of, words
from chatbot.types import Passage

_OTHERS = 0.1  # share of the passages that must be others before the lists are weighed anew


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a version is made with. `previous` is a sound version by the same encoder: its vectors may be copied, and how it
    weighs its lists holds until a tenth of the passages are others."""

    embedder: Embedder
    limits: Limits
    previous: Path | None
    progress: Progress


@dataclass(frozen=True, slots=True)
class _Fit:
    """A fusion, and how many passages it was fitted on."""

    fusion: Fusion
    on: int = 0

    def holds_for(self, count: int) -> bool:
        """Another fit would mostly find another chance: with it one correction would change the answers to everything else."""
        return abs(count - self.on) < _OTHERS * self.on


@dataclass(frozen=True, slots=True)
class _Rows:
    """Row of the text table for each passage's window, question and reply, (n, 3), and the table's vectors."""

    of: npt.NDArray[np.int32]
    vectors: npt.NDArray[np.float16]


def write_version(folder: Path, version: str, passages: Sequence[Passage], content: str, recipe: Recipe) -> Manifest:
    """Fills an empty folder; the manifest comes last, after everything else is on the disk.

    passages: sorted by language. content: their digest. Raises ModelError, OSError.
    """
    write_lines(folder, [to_line(passage) for passage in passages])
    table = TextTable()
    rows = [[table.add(text) for text in (one.window, one.question, one.searched)] for one in passages]
    vectors, embedded = table.fill(recipe.embedder, recipe.previous, recipe.progress)
    table.save(folder, vectors)
    known = _Rows(np.asarray(rows, dtype=np.int32).reshape(-1, len(DENSE)), vectors)
    np.save(folder / ROWS, known.of)
    before = _before(recipe.previous) if embedded < _OTHERS * len(table) else {}
    parts = _write_parts(folder, passages, known, before, recipe)
    seen = sorted(time.isoformat() for one in passages if (time := one.last_seen or one.resolved_at))
    manifest = Manifest(
        version=version,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        encoder=recipe.embedder.name,
        dim=recipe.embedder.dim,
        passages=len(passages),
        conversations=len({(one.source, one.conversation_id) for one in passages}),
        texts=len(table),
        embedded=embedded,
        content=content,
        sources=dict(Counter(one.source for one in passages)),
        first_seen=seen[0] if seen else None,
        last_seen=seen[-1] if seen else None,
        parts=parts,
        files=seal_files(folder),
    )
    write_manifest(folder, manifest)
    return manifest


def _write_parts(
    folder: Path, passages: Sequence[Passage], rows: _Rows, before: Mapping[str, _Fit], recipe: Recipe
) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    fits: dict[str, _Fit] = {}
    start = 0
    for language, group in groupby(passages, key=lambda passage: language_of(passage.language)):
        recipe.progress("index", start, len(passages))
        members = list(group)
        span = _Rows(rows.of[start : start + len(members)], rows.vectors)
        corpus = _write_slice(folder / language, language, members, span, recipe.limits)
        if len(members) >= ENOUGH:
            held = before.get(language)
            fits[language] = held if held and held.holds_for(len(members)) else _Fit(fit(corpus), len(members))
        kind = kind_for(len(members), recipe.limits)
        parts[language] = Part(start, len(members), kind, popular=most_asked(members))
        start += len(members)
    recipe.progress("index", start, len(passages))
    largest = max(fits, key=lambda language: parts[language].count, default=None)
    fallback = _Fit(fits[largest].fusion if largest else Fusion())
    chosen = {name: fits.get(name, fallback) for name in parts}
    return {
        name: replace(part, fusion=chosen[name].fusion.as_dict(), fitted=chosen[name].on)
        for name, part in parts.items()
    }


def _before(previous: Path | None) -> dict[str, _Fit]:
    """How the version before weighs its lists, by language; what a program of another age wrote there counts for nothing."""
    if previous is None:
        return {}
    parts = read_manifest(previous).parts
    try:
        return {name: _Fit(from_dict(part.fusion), part.fitted) for name, part in parts.items() if part.fitted}
    except TypeError:
        return {}


def _write_slice(stem: Path, language: str, members: Sequence[Passage], rows: _Rows, limits: Limits) -> Corpus:
    vectors: dict[str, npt.NDArray[np.float32]] = {}
    dense: dict[str, VectorIndex] = {}
    for column, name in enumerate(DENSE):
        vectors[name] = rows.vectors[rows.of[:, column]].astype(np.float32)
        dense[name] = VectorIndex.build(vectors[name], limits)
        dense[name].save(stem.with_name(f"{language}.{name}.faiss"))
    cut = {
        "window": [words(one.window, language) for one in members],
        "question": [words(one.question, language) for one in members],
    }
    lexical = {name: Bm25.build(texts) for name, texts in cut.items()}
    for name, one in lexical.items():
        one.save(stem.with_name(f"{language}.{name}"))
    conversations = [f"{one.source}\n{one.conversation_id}" for one in members]
    return Corpus(conversations, [one.searched for one in members], cut, vectors, dense, lexical)
