"""Which model writes replies: a version of the registry, or what a version's card names as its base. Must not know scores."""

from __future__ import annotations

import hashlib
from pathlib import Path

from chatbot.generation.catalogue import ModelSpec, verify
from chatbot.generation.tuned import base_spec, spec_of
from chatbot.learning.registry import read_card
from chatbot.learning.replying import Writer


def writer_for(models: Path, name: str, *, on_gpu: bool = False) -> Writer:
    """The version's model as it is served, every byte checked. Raises NotFound, ModelError naming the file that was changed."""
    card = read_card(models, name)
    spec = verify(spec_of(models, card, on_gpu=on_gpu))
    decides = [card.base_sha256, *(f"{file} {digest}" for file, digest in sorted(card.files.items()))]
    return Writer(name, spec, hashlib.sha256("\n".join(decides).encode()).hexdigest())


def base_writer_for(base: str, *, on_gpu: bool = False) -> Writer:
    """What a card names as its base, as it writes untuned. Raises ModelError."""
    spec = verify(base_spec(base, on_gpu=on_gpu))
    return Writer(spec.name, spec, spec.sha256 or _named(spec))


def _named(spec: ModelSpec) -> str:
    """For files that nobody vouches for: what they are called, how large they are and when they were changed."""
    assert spec.path is not None
    files = [spec.path] if spec.path.is_file() else sorted(spec.path.rglob("*"))
    facts = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()
