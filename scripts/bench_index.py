"""`chatbot bench index`: what building an index costs, beside sentence-transformers' own encode of the same texts.

Dialogues of star_wizard_of_oz; the whole of `build_index` counts on our side (encoding, FAISS, BM25, fitting, hashing),
the bare `encode` on the other.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from chatbot.protocols import Embedder
from chatbot.retrieval.embedder import open_embedder
from chatbot.retrieval.encoder_files import locate
from chatbot.retrieval.index import build_index
from chatbot.retrieval.retriever import open_retriever
from chatbot.settings import load_settings
from chatbot.types import Passage, Query
from scripts.bench_corpora import DATA_FOLDER, DataFolder, load_corpus
from scripts.bench_report import percentiles, report, run_alone
from scripts.machine import machine
from scripts.options import JsonOption, ProgressSink, silent

_CORPUS = "star_wizard_of_oz"
_QUERIES = 200


def run(
    data_folder: Path, passages: int = 5000, encoder: str = "minilm-l6", *, progress: ProgressSink = silent
) -> dict[str, Any]:
    """passages/s of a first build, of sentence-transformers on the same texts, of a build with nothing new and of one
    with 1 % new, and the latency of single searches. Raises UsageError without the data."""
    progress("read the corpus", 0, 0)
    corpus = load_corpus(data_folder, _CORPUS, seed=1)
    chosen, new = corpus.passages[:passages], corpus.passages[passages : passages + passages // 100]
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        settings = load_settings(data=Path(work), encoder=encoder)
        embedder = open_embedder(settings)
        embedder.encode([one.window for one in chosen[:64]])  # compiles both forms of the model
        folder = Path(work) / "index"
        progress("first build", 0, 0)
        first = _timed(chosen, embedder, folder)
        progress("build with nothing new", 0, 0)
        nothing = _timed(chosen, embedder, folder)
        progress("searches", 0, 0)
        latency = _latency([ask.query for ask in corpus.asks[:_QUERIES]], embedder, folder)
        progress("build with 1 % new", 0, 0)
        grown = _timed([*chosen, *new], embedder, folder)
        progress("encoding alone, theirs and ours", 0, 0)
        theirs, ours, cosine = _encode_alone(chosen, embedder, locate(settings).folder)
    goals = {"a re-index with nothing new costs < 5 % of the first": nothing < 0.05 * first}
    if getattr(embedder, "engine", "").endswith("bf16"):
        goals[">= 2.5 x sentence-transformers' passages/s"] = theirs >= 2.5 * first
    return {
        "machine": machine(),
        "goals": goals,
        "encoder": embedder.name,
        "engine": getattr(embedder, "engine", ""),
        "passages": len(chosen),
        "texts": len(_texts(chosen)),
        "first_s": round(first, 2),
        "passages_per_s": round(len(chosen) / first, 1),
        "sentence_transformers_s": round(theirs, 2),
        "sentence_transformers_passages_per_s": round(len(chosen) / theirs, 1),
        "times_faster": round(theirs / first, 2),
        "times_faster_encoding_alone": round(theirs / ours, 2),
        "cosine_to_sentence_transformers": round(cosine, 5),
        "nothing_new_s": round(nothing, 3),
        "nothing_new_percent": round(100 * nothing / first, 2),
        "one_percent_new_s": round(grown, 2),
        "search_ms": latency,
    }


def main(
    data_folder: DataFolder = DATA_FOLDER,
    passages: Annotated[int, typer.Option(min=100, help="How many to index.")] = 5000,
    as_json: JsonOption = False,
) -> None:
    """Passages indexed a second beside sentence-transformers, the price of an index with nothing new, search latency."""
    report(partial(run, data_folder, passages), _show, as_json=as_json)


def _timed(passages: Sequence[Passage], embedder: Embedder, folder: Path) -> float:
    started = time.perf_counter()
    build_index(passages, embedder, folder)
    return time.perf_counter() - started


def _latency(queries: Sequence[Query], embedder: Embedder, folder: Path) -> dict[str, float]:
    retriever = open_retriever(folder, embedder)
    for query in queries[:10]:
        retriever.search(query)
    took = []
    for query in queries:
        started = time.perf_counter()
        retriever.search(query)
        took.append(1000 * (time.perf_counter() - started))
    return percentiles(took)


def _encode_alone(passages: Sequence[Passage], embedder: Embedder, model: Path) -> tuple[float, float, float]:
    """Seconds of sentence-transformers' encode with its own defaults on the same device, of ours, and the least cosine."""
    from sentence_transformers import SentenceTransformer

    texts = _texts(passages)
    reference = SentenceTransformer(str(model), device="cuda" if "cuda" in getattr(embedder, "engine", "") else "cpu")
    reference.encode(texts[:64], show_progress_bar=False)
    started = time.perf_counter()
    theirs = reference.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    took = time.perf_counter() - started
    started = time.perf_counter()
    ours = embedder.encode(texts)
    return took, time.perf_counter() - started, float((theirs * ours).sum(1).min())


def _texts(passages: Sequence[Passage]) -> list[str]:
    """What the index embeds: every distinct window, question and reply. Theirs is spared the repeated ones too."""
    return sorted({text for one in passages for text in (one.window, one.question, one.answer)})


def _show(console: Console, result: dict[str, Any]) -> None:
    console.print(f"{result['encoder']} on {result['engine']}")
    table = Table("measured", "value")
    for name, value in result.items():
        if name not in ("machine", "goals", "encoder", "engine"):
            table.add_row(name.replace("_", " "), str(value))
    console.print(table)


if __name__ == "__main__":
    run_alone(main)
