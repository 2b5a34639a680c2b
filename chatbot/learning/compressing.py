"""A tuned version made smaller: merged, pruned if wished, written in fewer bits, and tried before it counts. Must not print.

A smaller version is a version of its own, with the tuned one as its parent. It is added only after it has written replies to
held-out examples in the engine that will serve it, beside the tuned version and the base.
"""

from __future__ import annotations

import re
import resource
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from chatbot.errors import StorageError, UsageError
from chatbot.generation.catalogue import ModelSpec, verify
from chatbot.generation.folders import check_gguf
from chatbot.generation.tuned import base_spec, spec_of
from chatbot.half_made import COMPRESSING, half_made
from chatbot.learning import registry
from chatbot.learning.canaries import CANARIES
from chatbot.learning.examples import Example
from chatbot.learning.generator_base import parameters
from chatbot.learning.gguf_writing import BITS, Bits, shape_of, weights_of, write_gguf
from chatbot.learning.registry import Card, Version
from chatbot.learning.replying import Writer, room_to_open
from chatbot.learning.trial import Progress, Row, Trial, lost_tuning
from chatbot.learning.weights import merged, prune, save_bf16
from chatbot.room import need_room

BF16 = "bf16"
LEAST_TURNS = 8
_PRUNE = re.compile(r"prune:(0?\.\d+)")
_HALF = 2.0  # bytes of a weight in 16 bits
_EIGHT = 1.0625  # with its scale; embeddings take no fewer in any file, so that what has fewer bits is counted high
_COLLECTED = 256 * 2**20  # bytes up to which gguf collects a file in memory
_MARGIN = 10_000_000  # bytes: tokenizer, card


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make: `bits` of a .gguf for the CPU engine, or "bf16" safetensors for a GPU; the share of weights to prune."""

    bits: str = "q8_0"
    prune: float = 0.0

    def __str__(self) -> str:
        return self.bits + (f"+prune:{self.prune:g}" if self.prune else "")


@dataclass(frozen=True, slots=True)
class Compressed:
    """What came of it. card: None when the version was refused; then `refused` says why, in a sentence."""

    recipe: Recipe
    rows: tuple[Row, ...]
    turns: int
    zeros: float
    card: Card | None
    refused: str | None


def recipe_of(words: Sequence[str]) -> Recipe:
    """From what was asked for: one of q8_0 (the default), q4_0, q4_1, f16, bf16, and `prune:0.2` beside it. Raises UsageError."""
    bits, share = "", 0.0
    for word in (part for given in words for part in given.split("+")):
        if match := _PRUNE.fullmatch(word):
            share = float(match[1])
        elif word in (*BITS, BF16) and not bits:
            bits = word
        else:
            raise UsageError(
                f"--to {word} is not known{' beside ' + bits if bits else ''}: take one of {', '.join(BITS)} (for a CPU) or "
                f"{BF16} (for a GPU), and prune:0.2 beside it if a fifth of the weights shall go."
            )
    if not 0 <= share <= 0.9:
        raise UsageError(f"prune:{share:g} leaves nothing of the model; take at most 0.9.")
    return Recipe(bits or "q8_0", share)


def compress(  # noqa: PLR0913 - what it is made from, where, how, and on what it is tried
    models: Path,
    name: str,
    recipe: Recipe,
    examples: Sequence[Example],
    *,
    kept: Path | None = None,
    like: Path | None = None,
    on_gpu: bool = False,
    machine: str = "",
    progress: Progress = lambda stage, done, total: None,
) -> Compressed:
    """Makes the smaller version and tries it on held-out `examples`; it is added unless it lost its tuning.

    kept: folder of earlier replies (see `replying.replies`). like: a .gguf of the same model, for its tokenizer and template;
    needed where the base is no .gguf. on_gpu: it will be served on one, so it is tried in the engine of those.

    Raises UsageError, ModelError, StorageError before or during the work; then nothing is added.
    """
    begun = time.monotonic()
    version = registry.open_version(models, name)
    _check(version, recipe, examples)
    source = None if recipe.bits == BF16 else _metadata_source(version.card, like)
    _check_room(models, version, recipe, on_gpu=on_gpu)
    try:
        with half_made(models, COMPRESSING) as made:
            zeros = _write(version, models, recipe, source, made, progress)
            if (version.folder / CANARIES).is_file():
                shutil.copy(version.folder / CANARIES, made / CANARIES)
            small = _writer(version.card, recipe, made, on_gpu=on_gpu)
            rows, judged = Trial(models, examples, kept, on_gpu, progress).run(version, small)
            refused = lost_tuning(*judged)
            card = None
            if refused is None:
                fields = _fields(version.card, recipe, rows, zeros) | {
                    "seconds": time.monotonic() - begun,
                    "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                    "machine": machine,
                }
                card = registry.add(models, "generator", made, fields)
    except OSError as exc:
        raise StorageError(f"{models} cannot be written: {exc.strerror or exc}; nothing was added.") from exc
    return Compressed(recipe, rows, len(examples), zeros, card, refused)


# --- writing -----------------------------------------------------------------------------------------------------


def _write(version: Version, models: Path, recipe: Recipe, like: Path | None, made: Path, progress: Progress) -> float:
    progress("merging", 0, 0)
    model, tokenizer = merged(version, models)
    zeros = prune(model, recipe.prune) if recipe.prune else 0.0
    if recipe.bits == BF16:
        progress("writing safetensors", 0, 0)
        save_bf16(model, tokenizer, made)
        return zeros
    assert like is not None  # _metadata_source has raised otherwise
    bits: Bits = next(one for one in get_args(Bits) if one == recipe.bits)
    total = len(model.state_dict())
    write_gguf(
        weights_of(model),
        shape_of(model.config),
        like,
        made / f"{version.card.name}-{recipe.bits}.gguf",
        bits,
        lambda done: progress(f"writing {recipe.bits}", done, total),
    )
    return zeros


def _writer(card: Card, recipe: Recipe, made: Path, *, on_gpu: bool) -> Writer:
    name = f"{card.name} {recipe}"
    if recipe.bits == BF16:
        return Writer(name, verify(ModelSpec(name, "folder", "transformers", made)), "")
    path = next(made.glob("*.gguf"))
    return Writer(name, verify(ModelSpec(name, "gguf", "transformers" if on_gpu else "openvino", path)), "")


def _fields(parent: Card, recipe: Recipe, rows: Sequence[Row], zeros: float) -> dict[str, Any]:
    size = {
        row.name: {"megabytes": round(row.megabytes, 1), "tokens_s_8_chats": round(row.speed.eight)} for row in rows
    }
    figures = {
        row.name: {"evidence": row.evidence, "chrf": row.chrf, "refused": row.refused, "same_words": row.same}
        for row in rows
    }
    return {
        "base": parent.base,
        "base_sha256": parent.base_sha256,
        "licence": parent.licence,
        "languages": parent.languages,
        "dataset": parent.dataset,
        "data_sha256": parent.data_sha256,
        "method": f"{parent.method}, then {recipe}",
        "format": "safetensors" if recipe.bits == BF16 else "gguf",
        "hyperparameters": {"bits": recipe.bits, "pruned": recipe.prune, "zeros": zeros},
        "scores": {"size_and_speed": size, "held_out": figures},
        "conversations_sha256": parent.conversations_sha256,
        "parent": parent.name,
        "fit": parent.fit,
        "prompt": parent.prompt,
    }


# --- what is refused before any work -----------------------------------------------------------------------------


def _check(version: Version, recipe: Recipe, examples: Sequence[Example]) -> None:
    card = version.card
    if card.kind != "generator":
        raise UsageError(
            f"{card.name} is of the kind {card.kind}, and only generators are compressed; name a generator."
        )
    if card.format not in ("adapter", "safetensors"):
        raise UsageError(
            f"{card.name} is {card.format} already; compress {card.parent or 'the version it was made from'} instead."
        )
    if len(examples) < LEAST_TURNS:
        raise UsageError(
            f"{len(examples)} held-out examples cannot show whether {card.name} keeps its tuning as {recipe}; build a data set "
            f"with at least {LEAST_TURNS} test examples."
        )


def _metadata_source(card: Card, like: Path | None) -> Path:
    spec = base_spec(card.base)
    if like is not None:
        check_gguf(like)
        return like
    if spec.kind == "gguf" and spec.path is not None:
        return spec.path
    raise UsageError(
        f"The base {card.base} is no .gguf, so the tokenizer for the CPU engine is missing: give a .gguf of the same base with "
        f"--like FILE, or compress for a GPU with --to {BF16}."
    )


def _check_room(models: Path, version: Version, recipe: Recipe, *, on_gpu: bool) -> None:
    """Raises UsageError where the disk cannot hold the new file, its copy in the registry, and what engines make of model files."""
    weights = _weights(version)
    size = int(weights * (_HALF if recipe.bits in (BF16, "f16") else _EIGHT)) + _MARGIN
    specs = base_spec(version.card.base, on_gpu=on_gpu), spec_of(models, version.card, on_gpu=on_gpu)
    opened = room_to_open([Writer(spec.name, spec, "") for spec in specs], models)
    if recipe.bits != BF16:
        opened += int(weights * _HALF)
        place = Path(tempfile.gettempdir())  # where the writer of the file collects what is large
        need_room(
            place,
            size if size > _COLLECTED else 0,
            "Compressing",
            "make room there, or name another folder with TMPDIR",
        )
    need_room(models, 2 * size + opened, "Compressing")


def _weights(version: Version) -> int:
    """How many the whole model has, from the heads of its files."""
    path = version.folder if version.card.format == "safetensors" else base_spec(version.card.base).path
    assert path is not None  # a card never names a remote model as its base
    if path.is_dir():
        return parameters(path)
    from gguf import GGUFReader

    return sum(int(tensor.n_elements) for tensor in GGUFReader(str(path)).tensors)
