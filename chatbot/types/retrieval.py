"""What is searched for and what is found. Must not know how an index is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chatbot.types.transcripts import Passage


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for. `text` stands alone; `window` holds the last three turns, in a passage's window format."""

    text: str
    window: str
    language: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found. `score` is the fused score; `dense` and `lexical` are the raw ones, None where that side missed it.

    dense: cosine in [-1, 1], the better of window and question vectors. lexical: BM25, >= 0. coverage: share of the
    query's idf mass that stands in the passage, [0, 1]. signals: every single one by name (`retrieval.signals`, and the
    cosines cos_window, cos_question, cos_reply where the encoder worked). said: those of the text once more, of what is said, where
    the passage is found by other words.
    """

    passage: Passage
    score: float
    dense: float | None = None
    lexical: float | None = None
    coverage: float = 0.0
    ranks: Mapping[str, int] = field(default_factory=dict)
    signals: Mapping[str, float] = field(default_factory=dict)
    said: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """A text's tokens. spans: (start, end) of each in the text, characters. vectors: (tokens, dim) float32, rows of length 1."""

    spans: tuple[tuple[int, int], ...]
    vectors: Any


@dataclass(frozen=True, slots=True)
class Support:
    """How far a passage covers the content words of a query, each by its MaxSim (`protocols.Retriever.support`), in [-1, 1].

    mean: over all words, weighted by idf. elsewhere: mean over the words that the passage does not itself hold, 1.0 when it
    holds them all.
    """

    mean: float
    elsewhere: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits best first. `agreement` is the mean pairwise similarity of the top replies, [0, 1]; `medoid` the position of the
    reply that the others agree with most. `degraded` names parts that did not work (an encoder that failed, say)."""

    hits: tuple[Hit, ...]
    agreement: float = 0.0
    medoid: int = 0
    index_version: str | None = None
    encoder: str | None = None
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What people of the team have changed in the knowledge, whichever index version serves.

    gone: ids of all passages that they have retired; retired: those of them that are still kept, for what they stood for.
    added: answers that they wrote, also under the questions of what those replaced, and passages that they gave back; a version
    that holds one already stays as it is.
    """

    gone: frozenset[str] = frozenset()
    retired: tuple[Passage, ...] = ()
    added: tuple[Passage, ...] = ()
