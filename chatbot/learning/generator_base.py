"""The model that a generator is tuned from: found, checked, its licence read, as a folder of safetensors. Must not know data sets.

Nothing here loads weights, except the one conversion of a .gguf.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError, UsageError
from chatbot.generation.catalogue import SMOLLM2, ModelSpec, resolve, sha256_of, verify
from chatbot.generation.conversion import safetensors_of
from chatbot.learning.generator_options import TuningOptions
from chatbot.settings import Settings

_FREE = re.compile(
    r"apache-2\.0|mit|bsd(-\d-clause)?|isc|unlicense|cc0-1\.0|cc-by-\d\.\d|cc-by-sa-\d\.\d|mpl-2\.0|artistic-2\.0", re.I
)
_FORBIDS = re.compile(r"(^|-)(nc|nd)(-|$)|research|non-?commercial|no-?deriv", re.I)
_MARGIN = 200 * 2**20
_CHECKPOINTS = 4  # three are kept, and a fourth is being written


@dataclass(frozen=True, slots=True)
class Base:
    """name: what opens it again: a catalogue name, a hub id, or a path. folder: its safetensors.
    sha256: of the .gguf, or over all weight and tokenizer files. parameters: weights, tied once."""

    name: str
    folder: Path
    sha256: str
    licence: str
    languages: tuple[str, ...]
    parameters: int


def find_base(settings: Settings, name: str | None = None) -> tuple[ModelSpec, str]:
    """The model that the settings (or `name`) mean, its files checked, and its licence; nothing is converted yet.

    Raises UsageError for what cannot be tuned, also for a missing, tampered or pickled model.
    """
    changed: dict[str, Any] = {"model_url": None, "adapter": None, "engine": "auto", "device": "cpu"}
    try:
        spec = resolve(settings.model_copy(update=changed | ({"model": name} if name else {})))
        spec = verify(replace(spec, adapter=None), allow_download=settings.allow_download)
    except ModelError as exc:
        raise UsageError(str(exc)) from exc
    assert spec.path is not None  # only a remote model has none, and model_url was taken out
    return spec, spec.licence if spec.licence != "unknown" else _declared_licence(spec.path)


def check_licence(name: str, licence: str, accepted: str | None) -> None:
    """Raises UsageError unless the licence is known to allow tuning and use, or was accepted by its very name."""
    if _FREE.fullmatch(licence) or (accepted is not None and accepted.casefold() == licence.casefold()):
        return
    remedy = f"read it and give `--accept-licence {licence}` if it allows yours, or take another base"
    if _FORBIDS.search(licence):
        raise UsageError(f"The licence of {name}, {licence}, forbids commercial use or derived models; {remedy}.")
    if licence == "unknown":
        raise UsageError(f"{name} declares no licence; {remedy}.")
    raise UsageError(f"The licence of {name}, {licence}, has terms of its own; {remedy}.")


def open_base(spec: ModelSpec, licence: str, models: Path) -> Base:
    """The base as safetensors; a .gguf is converted on the first call (20 s and 270 MB for 135M). Raises UsageError, ModelError."""
    assert spec.path is not None
    folder = safetensors_of(spec.path, models, sha256=spec.sha256) if spec.kind == "gguf" else spec.path
    digest = spec.sha256 or (sha256_of(spec.path) if spec.kind == "gguf" else _folder_sha256(folder))
    name = spec.name if spec.name == SMOLLM2 or spec.kind == "hub" else str(spec.path)
    return Base(name, folder, digest, licence, spec.languages, parameters(folder))


def open_tokenizer(folder: Path) -> Any:
    """Raises UsageError for a tokenizer that cannot be read or has no chat template."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as exc:
        raise UsageError(f"The tokenizer in {folder} cannot be read: {str(exc).splitlines()[0]}") from exc
    if not tokenizer.chat_template:
        raise UsageError(
            f"The model in {folder} has no chat template, so it cannot tell who speaks; take its instruction-tuned version, "
            "or put its chat_template.jinja into the folder."
        )
    return tokenizer


def parameters(folder: Path) -> int:
    """Weights in the folder's safetensors, from their headers alone."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        total += sum(prod(entry["shape"]) for key, entry in header.items() if key != "__metadata__")
    return total


def needed_bytes(options: TuningOptions, spec: ModelSpec, models: Path) -> int:
    """Disk that a run takes at most, counted high: its checkpoints with the optimizer's state, the version, the conversion."""
    assert spec.path is not None
    weights = (
        spec.path.stat().st_size * 4 if spec.kind == "gguf" else sum(p.stat().st_size for p in _weights(spec.path))
    )
    count = weights // 2  # bf16 takes two bytes a weight
    trained = count if options.method == "full" else min(count, int(count * options.adapter_rank * 0.003) + 2**20)
    state = {"adamw": 3, "adafactor": 1.1}[options.optimizer]  # of the trained weights, in float32
    to_convert = weights if spec.kind == "gguf" and not any(models.glob(f"{spec.path.stem.lower()}-*")) else 0
    return int(trained * 4 * state * _CHECKPOINTS) + trained * 4 + to_convert + _MARGIN


def _declared_licence(path: Path) -> str:
    """From a hub model's README front matter; "unknown" without one."""
    try:
        with (path / "README.md").open(encoding="utf-8", errors="replace") as file:
            head = file.read(8192)
    except OSError:
        return "unknown"
    front = head.split("---", 2)[1] if head.startswith("---") else ""
    found = {match[1]: match[2] for match in re.finditer(r"^(licen[sc]e(?:_name)?):\s*['\"]?([\w.+-]+)", front, re.M)}
    named = found.get("license", found.get("licence", "unknown"))
    return found.get("license_name", named) if named == "other" else named


def _weights(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix == ".safetensors")


def _folder_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".json", ".jinja", ".model", ".txt"):
            digest.update(f"{path.name}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()
