"""What a folder with model weights may hold: safetensors and plain configuration, no pickle and no code.

Must not load anything; reads only names and JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError, UsageError

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".msgpack", ".h5", ".joblib", ".npy", ".npz")
_CODE = (".py", ".pyc", ".so", ".dll", ".sh")
_REMEDY = (
    "convert it with `save_pretrained(..., safe_serialization=True)` on a machine that you trust, or remove the file"
)


def check_model_folder(folder: Path) -> None:
    """Raises ModelError naming the first file that must not be there or that is missing."""
    _check_names(folder)
    config = _read_json(folder / "config.json")
    _refuse_remote_code(folder / "config.json", config)
    for optional in ("tokenizer_config.json", "processor_config.json", "generation_config.json"):
        if (folder / optional).exists():
            _refuse_remote_code(folder / optional, _read_json(folder / optional))
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"The model folder {folder} holds no .safetensors file; give the folder of a saved model.")


def check_adapter_folder(folder: Path) -> None:
    """The same for a PEFT adapter (adapter_config.json and adapter_model.safetensors)."""
    _check_names(folder)
    _refuse_remote_code(folder / "adapter_config.json", _read_json(folder / "adapter_config.json"))
    if not (folder / "adapter_model.safetensors").is_file():
        raise ModelError(
            f"The adapter folder {folder} holds no adapter_model.safetensors; give the folder that PEFT saved."
        )


def _check_names(folder: Path) -> None:
    if not folder.is_dir():
        raise ModelError(f"The model folder {folder} does not exist; check the settings `model` and `adapter`.")
    refuse_unsafe_names(folder)


def refuse_unsafe_names(folder: Path) -> None:
    """Raises ModelError naming the first file that may hold a pickle or code."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _PICKLES:
            raise ModelError(f"The model file {path} may hold a pickle, and only safetensors are loaded; {_REMEDY}.")
        if path.suffix.lower() in _CODE:
            raise ModelError(
                f"The model folder holds code ({path}), which is never run; remove it if you trust the rest."
            )


def has_chat_template(folder: Path) -> bool:
    """Whether a saved model's tokenizer knows how a chat is written; in either of the places where transformers keeps it."""
    if any(folder.glob("*.jinja")) or (folder / "chat_template.json").is_file():
        return True
    try:
        return bool(json.loads((folder / "tokenizer_config.json").read_bytes()).get("chat_template"))
    except (OSError, ValueError, AttributeError):
        return False


def check_gguf(path: Path) -> None:
    """Raises UsageError for a file that is none: missing, or of another kind whatever its name says."""
    try:
        with path.open("rb") as file:
            begins = file.read(4)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}; give a .gguf file.") from exc
    if begins != b"GGUF":
        raise UsageError(
            f"{path} is no .gguf file, whatever its name says; give one that llama.cpp or Ollama would read."
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise ModelError(
            f"The model folder {path.parent} has no {path.name}; give the folder of a saved model."
        ) from exc
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise ModelError(f"The model file {path} cannot be read as JSON ({exc}); save the model again.") from exc
    if not isinstance(content, dict):
        raise ModelError(f"The model file {path} is not a JSON object; save the model again.")
    return content


def _refuse_remote_code(path: Path, config: dict[str, Any]) -> None:
    if "auto_map" in config:
        raise ModelError(
            f"The model file {path} asks for code of its own (auto_map), which is never run; "
            "use a model whose architecture the transformers library brings itself."
        )
