"""`chatbot bench retrieval`: does the retrieved reply fit, on public corpora, beside two baselines in the same run?

Every corpus goes the product's own way: passages, `build_index`, `open_retriever`, and the reply that `search` elects.
The baselines see the customer's last message only: BM25 (bm25s' own tokenizer and defaults) and MiniLM's cosine.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from chatbot.protocols import Embedder
from chatbot.retrieval.embedder import open_embedder
from chatbot.retrieval.index import build_index
from chatbot.retrieval.retriever import open_retriever
from chatbot.settings import load_settings
from chatbot.types import Passage
from scripts.bench_corpora import CORPORA, DATA_FOLDER, Ask, Corpus, DataFolder, load_corpus
from scripts.bench_report import report, run_alone
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent

_SEED = 20_260_101
_FIVE = 5
_OURS = "Precedent"
_MULTILINGUAL = "support_chat_multilingual"
_LEAST = {"covid_faq": 0.60, "star_wizard_of_oz": 0.50}


@dataclass(frozen=True, slots=True)
class Found:
    """What one system gave for each ask: passage ids best first, the reply it would send in front."""

    ids: list[list[str]]
    ms: float


def run(
    data_folder: Path,
    corpora: Sequence[str] = CORPORA,
    seed: int = _SEED,
    limit: int | None = None,
    *,
    progress: ProgressSink = silent,
) -> dict[str, Any]:
    """Figures of every corpus, by system. limit: asks per corpus, for a quick look. Raises UsageError."""
    progress("read the corpora", 0, 0)
    loaded = {name: load_corpus(data_folder, name, seed) for name in corpora}
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        embedder = open_embedder(load_settings(data=Path(work)))
        results = {name: _measure(name, corpus, embedder, limit, progress) for name, corpus in loaded.items()}
    return {
        "machine": machine(),
        "goals": goals(results),
        "encoder": embedder.name,
        "seed": seed,
        "corpora": results,
    }


def goals(corpora: dict[str, Any]) -> dict[str, bool]:
    """The issue's aims for the corpora that were measured."""
    met = {}
    for name, least in _LEAST.items():
        if name in corpora:
            systems = {system: figures["@1"] for system, figures in corpora[name]["systems"].items()}
            met[f"{name}: @1 >= {least:.2f}"] = systems[_OURS] >= least
            met[f"{name}: @1 above both baselines"] = systems[_OURS] == max(systems.values())
    if _MULTILINGUAL in corpora:
        systems = corpora[_MULTILINGUAL]["systems"]
        languages = [name for name in systems[_OURS] if name != "ms"]
        best = {name: max(figures[name] for figures in systems.values()) for name in languages}
        above = all(systems[_OURS][name] == best[name] for name in languages)
        met[f"{_MULTILINGUAL}: chrF above both baselines in every language"] = above
    return met


def main(
    data_folder: DataFolder = DATA_FOLDER,
    corpus: Annotated[str, typer.Option(help=f"Only one of {', '.join(CORPORA)}.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=0, help="Asks per corpus, for a quick look; 0: all.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Whether the retrieved reply fits, on three public corpora, beside BM25 and MiniLM on the last message."""
    names = (corpus,) if corpus else CORPORA
    report(partial(run, data_folder, names, limit=limit or None), _show, as_json=as_json)


def _measure(
    name: str, corpus: Corpus, embedder: Embedder, limit: int | None, progress: ProgressSink
) -> dict[str, Any]:
    if limit:
        asks = corpus.asks[:: max(1, len(corpus.asks) // limit)][:limit]
        corpus = Corpus(corpus.passages, asks, corpus.label)
    with tempfile.TemporaryDirectory(prefix="bench-index-") as folder:
        progress(f"{name}: index", 0, 0)
        started = time.perf_counter()
        version = build_index(corpus.passages, embedder, Path(folder))
        built = time.perf_counter() - started
        ways = {
            "BM25, last message": partial(_bm25, corpus),
            "MiniLM, last message": partial(_minilm, corpus, embedder),
            _OURS: partial(_precedent, corpus, Path(folder), embedder),
        }
        systems = {}
        for label, way in ways.items():
            progress(f"{name}: {label}", 0, 0)
            systems[label] = way()
    score = _by_language if name == _MULTILINGUAL else _by_label
    return {
        "passages": version.passages,
        "asked": len(corpus.asks),
        "build_s": round(built, 1),
        "fusion": version.fusion,
        "systems": {label: score(corpus, found) | {"ms": round(found.ms, 1)} for label, found in systems.items()},
    }


# --- systems ---------------------------------------------------------------------------------------------


def _precedent(corpus: Corpus, folder: Path, embedder: Embedder) -> Found:
    retriever = open_retriever(folder, embedder)
    ids, started = [], time.perf_counter()
    for ask in corpus.asks:
        result = retriever.search(ask.query, _FIVE)
        order = [result.medoid, *(at for at in range(len(result.hits)) if at != result.medoid)]
        ids.append([result.hits[at].passage.id for at in order if result.hits])
    return Found(ids, 1000 * (time.perf_counter() - started) / len(corpus.asks))


def _bm25(corpus: Corpus) -> Found:
    import bm25s

    def rank(passages: list[Passage], asks: list[Ask]) -> list[list[str]]:
        index = bm25s.BM25()
        index.index(
            bm25s.tokenize([one.question for one in passages], stopwords=None, show_progress=False), show_progress=False
        )
        cut = bm25s.tokenize([ask.query.text for ask in asks], stopwords=None, show_progress=False)
        rows, _ = index.retrieve(cut, k=min(_FIVE, len(passages)), show_progress=False)
        return [[passages[int(row)].id for row in line] for line in rows]

    return _baseline(corpus, rank)


def _minilm(corpus: Corpus, embedder: Embedder) -> Found:
    def rank(passages: list[Passage], asks: list[Ask]) -> list[list[str]]:
        vectors = embedder.encode([one.question for one in passages])
        likeness = embedder.encode([ask.query.text for ask in asks]) @ vectors.T
        rows = np.argsort(-likeness, axis=1, kind="stable")[:, :_FIVE]
        return [[passages[int(row)].id for row in line] for line in rows]

    return _baseline(corpus, rank)


def _baseline(corpus: Corpus, rank: Callable[[list[Passage], list[Ask]], list[list[str]]]) -> Found:
    """Ranks within each language, as the product does."""
    ids: list[list[str]] = [[] for _ in corpus.asks]
    started = time.perf_counter()
    for language in sorted({ask.query.language for ask in corpus.asks}):
        at = [number for number, ask in enumerate(corpus.asks) if ask.query.language == language]
        found = rank(
            [one for one in corpus.passages if one.language == language], [corpus.asks[number] for number in at]
        )
        for number, line in zip(at, found, strict=True):
            ids[number] = line
    return Found(ids, 1000 * (time.perf_counter() - started) / len(corpus.asks))


# --- figures ---------------------------------------------------------------------------------------------


def _by_label(corpus: Corpus, found: Found) -> dict[str, float]:
    """Share of asks whose label the reply carries, and share where one of five does."""
    pairs = [(ask.truth, [corpus.label[one] for one in ids]) for ask, ids in zip(corpus.asks, found.ids, strict=True)]
    first = sum(labels[:1] == [truth] for truth, labels in pairs) / len(pairs)
    return {"@1": round(first, 4), "best of 5": round(sum(truth in labels for truth, labels in pairs) / len(pairs), 4)}


def _by_language(corpus: Corpus, found: Found) -> dict[str, float]:
    """chrF (sacrebleu's defaults) of the reply against the true one, by language with at least 100 asks."""
    from sacrebleu.metrics.chrf import CHRF

    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for ask, ids in zip(corpus.asks, found.ids, strict=True):
        pairs[ask.query.language].append((corpus.label[ids[0]] if ids else "", ask.truth))
    return {
        f"chrF {language}": round(CHRF().corpus_score([one for one, _ in both], [[true for _, true in both]]).score, 2)
        for language, both in sorted(pairs.items())
        if len(both) >= 100
    }


def _show(console: Console, result: dict[str, Any]) -> None:
    console.print(f"{result['encoder']}, seed {result['seed']}")
    for name, figures in result["corpora"].items():
        title = f"{name}: {figures['passages']} passages, {figures['asked']} asked, built in {figures['build_s']} s"
        table = Table("system", *next(iter(figures["systems"].values())), title=title)
        for system, values in figures["systems"].items():
            table.add_row(system, *(f"{value:.1f}" if key == "ms" else f"{value:g}" for key, value in values.items()))
        console.print(table)


if __name__ == "__main__":
    run_alone(main)
