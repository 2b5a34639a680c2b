"""The model that a generator is tuned from: found, checked, its licence read, as a folder of safetensors. Must not know data sets.

Nothing here loads weights, except the one conversion of a .gguf.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError, UsageError
from chatbot.generation.catalogue import SMOLLM2, ModelSpec, resolve, sha256_of, verify
from chatbot.generation.conversion import safetensors_of
from chatbot.generation.gguf_header import read_header
from chatbot.generation.tuned import untuned
from chatbot.learning.generator_options import TuningOptions
from chatbot.learning.model_check import check_generator
from chatbot.settings import Settings

_FREE = re.compile(
    r"apache-2\.0|mit|bsd(-\d-clause)?|isc|unlicense|cc0-1\.0|cc-by-\d\.\d|cc-by-sa-\d\.\d|mpl-2\.0|artistic-2\.0", re.I
)
_FORBIDS = re.compile(r"(^|[- ])(nc|nd)(-|,|$)|research|non-?commercial|no-?deriv", re.I)
_AND = ", "  # between the licences of a model that declares several
_MARGIN = 200 * 2**20
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")
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
    """The model that `name` means, or the settings (of a version that they name, its base), its files checked, and its licence;
    nothing is converted yet.

    Raises UsageError for what cannot be tuned, also for a missing, tampered or pickled model, NotFound for a version that is not
    there.
    """
    changed: dict[str, Any] = {"model_url": None, "adapter": None, "engine": "auto", "device": "cpu"}
    local = settings.model_copy(update=changed)
    try:
        spec = resolve(local.model_copy(update={"model": name})) if name else untuned(local)
        spec = verify(spec, allow_download=settings.allow_download)
    except ModelError as exc:
        raise UsageError(str(exc)) from exc
    assert spec.path is not None  # only a remote model has none, and model_url was taken out
    return spec, spec.licence if spec.licence != "unknown" else declared_licence(spec.path)


def check_licence(name: str, licence: str, accepted: str | None) -> None:
    """Raises UsageError unless the licence is known to allow tuning and use, or was accepted by its very name."""
    free = all(_FREE.fullmatch(one) for one in licence.split(_AND))
    if free or (accepted is not None and accepted.casefold() == licence.casefold()):
        return
    quoted = f"'{licence}'" if " " in licence else licence
    remedy = f"read it and give `--accept-licence {quoted}` if it allows yours, or take another base"
    if _FORBIDS.search(licence):
        raise UsageError(f"The licence of {name}, {licence}, forbids commercial use or derived models; {remedy}.")
    if licence == "unknown":
        raise UsageError(f"{name} declares no licence; {remedy}.")
    raise UsageError(f"The licence of {name}, {licence}, has terms of its own; {remedy}.")


def open_base(spec: ModelSpec, licence: str, models: Path) -> Base:
    """The base as safetensors; a .gguf is converted on the first call (20 s and 270 MB for 135M).

    Raises UsageError for weights or a configuration that cannot be opened, ModelError where the conversion cannot be written.
    """
    assert spec.path is not None
    folder = _converted(spec.path, models, spec.sha256) if spec.kind == "gguf" else spec.path
    check_generator(folder, *(["remove that folder, it is made anew"] if spec.kind == "gguf" else []))
    digest = spec.sha256 or (sha256_of(spec.path) if spec.kind == "gguf" else _folder_sha256(folder))
    name = spec.name if spec.name == SMOLLM2 or spec.kind == "hub" else str(spec.path)
    return Base(name, folder, digest, licence, spec.languages, parameters(folder))


def check_gguf_head(path: Path) -> None:
    """Raises UsageError for a .gguf whose head cannot be read or has no chat template; reads nothing else."""
    try:
        head = read_header(path)
    except ModelError as exc:
        raise UsageError(
            f"The model file {path} is damaged or of an unknown version of GGUF; copy or fetch it again."
        ) from exc
    if not head.fields.get("tokenizer.chat_template"):
        raise UsageError(
            f"The model file {path} has no chat template, so it cannot tell who speaks; take its instruction-tuned version."
        )


def open_tokenizer(folder: Path) -> Any:
    """Raises UsageError for a tokenizer that cannot be read or has no chat template."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as exc:  # tokenizers raises Exception itself, transformers a dozen kinds
        there = any((folder / name).is_file() for name in _TOKENIZERS)
        found = "is damaged" if there else f"is missing (none of {', '.join(_TOKENIZERS)} is there)"
        raise UsageError(
            f"The tokenizer of the model in {folder} {found}; copy the tokenizer's files there from where the model is from."
        ) from exc
    if not tokenizer.chat_template:
        raise UsageError(
            f"The model in {folder} has no chat template, so it cannot tell who speaks; take its instruction-tuned version, "
            "or put its chat_template.jinja into the folder."
        )
    return tokenizer


def parameters(folder: Path) -> int:
    """Weights in the folder's safetensors, from their headers alone."""
    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(str(path), framework="numpy") as file:
            total += sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 - no mapping
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


def declared_licence(path: Path) -> str:
    """From a hub model's README front matter, several joined by ", "; "unknown" without one."""
    try:
        with (path / "README.md").open(encoding="utf-8", errors="replace") as file:
            head = file.read(8192)
    except OSError:
        return "unknown"
    front = head.split("---", 2)[1] if head.startswith("---") else ""
    named = _values(front, "licen[sc]e")
    if named == ["other"]:
        named = _values(front, "licen[sc]e_name") or named
    return _AND.join(named) or "unknown"


def _converted(gguf: Path, models: Path, sha256: str | None) -> Path:
    """Raises UsageError for a .gguf that cannot be converted, ModelError where the disk refuses."""
    try:
        return safetensors_of(gguf, models, sha256=sha256)
    except ModelError as exc:
        if isinstance(exc.__cause__, OSError):
            raise
        raise UsageError(str(exc)) from exc


def _values(front: str, key: str) -> list[str]:
    """What front matter says of a key: a plain value, or a list on its line or on those below it."""
    found = re.search(rf"^{key}:[ \t]*(.*(?:\n[ \t]*-[ \t].*)*)", front, re.M | re.I)
    if found is None:
        return []
    plain = re.sub(r"(^|\s)#.*", "", found[1], flags=re.M)
    values = (part.strip(" \t'\"-") for part in re.split(r"\n[ \t]*-[ \t]|,", plain.strip().strip("[]")))
    return [value for value in values if value]


def _weights(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix == ".safetensors")


def _folder_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".json", ".jinja", ".model", ".txt"):
            digest.update(f"{path.name}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()
