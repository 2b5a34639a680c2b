"""Whether a model's folder holds the weights that its configuration speaks of, by headers alone. Must not load a weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chatbot.errors import ModelError, UsageError
from chatbot.generation.folders import check_adapter_folder, check_model_folder
from chatbot.generation.quiet import quiet

_REMEDY = "copy or fetch the model again"
_OPTIONAL = ("pooler.",)  # some encoders are saved without it, and none of ours asks for it


def check_folder(folder: Path, what: str) -> None:
    """The check that suits a folder that a person named. what: "generator" (whole or adapter) or "encoder"; others pass.

    Raises UsageError.
    """
    if what == "encoder":
        check_encoder(folder)
    elif what == "generator" and (folder / "adapter_config.json").is_file():
        check_adapter(folder)
    elif what == "generator" and (folder / "config.json").is_file():
        check_generator(folder)


def check_generator(folder: Path, remedy: str = _REMEDY) -> None:
    """Raises UsageError unless a language model can be opened from this folder. remedy: what mends it."""
    from transformers import AutoModelForCausalLM

    _refused(check_model_folder, folder)
    _check_headers(folder, remedy)
    _check_shapes(folder, AutoModelForCausalLM, remedy)


def check_encoder(folder: Path) -> None:
    """Raises UsageError unless a sentence encoder and its tokenizer can be opened from this folder."""
    from tokenizers import Tokenizer
    from transformers import AutoModel

    _check_headers(folder, _REMEDY)
    _check_shapes(folder, AutoModel, _REMEDY)
    try:
        Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as exc:  # the library raises Exception itself
        raise UsageError(f"{folder / 'tokenizer.json'} cannot be read ({_first_line(exc)}); {_REMEDY}.") from exc


def check_adapter(folder: Path) -> None:
    """Raises UsageError unless an adapter's weights and its configuration can be read."""
    _refused(check_adapter_folder, folder)
    _check_headers(folder, "copy the adapter again")


def _refused(check: Any, folder: Path) -> None:
    try:
        check(folder)
    except ModelError as exc:
        raise UsageError(str(exc)) from exc


def _check_headers(folder: Path, remedy: str) -> None:
    """safetensors itself holds that the header is whole and covers the file to its last byte."""
    from safetensors import SafetensorError, safe_open

    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(str(path), framework="numpy"):
                pass
        except (OSError, SafetensorError) as exc:
            raise UsageError(f"The weights {path} are damaged or cut short ({_first_line(exc)}); {remedy}.") from exc


def _check_shapes(folder: Path, kind: Any, remedy: str) -> None:
    """What transformers would load, with no memory behind it."""
    quiet()
    try:
        _, told = kind.from_pretrained(
            folder,
            device_map="meta",
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as exc:  # a configuration can make transformers raise anything
        raise UsageError(
            f"The model in {folder} cannot be opened as its config.json says ({_why(exc)}); {remedy}."
        ) from exc
    if told["mismatched_keys"]:
        name, found, wanted = min(told["mismatched_keys"])
        raise UsageError(
            f"The weights in {folder} are not those that its config.json describes ({name} is {_by(found)}, not {_by(wanted)}); "
            f"{remedy}."
        )
    if missing := sorted(name for name in told["missing_keys"] if not name.startswith(_OPTIONAL)):
        raise UsageError(
            f"The weights in {folder} are not all that its config.json describes ({missing[0]} is missing); {remedy}."
        )


def _by(shape: Any) -> str:
    return " x ".join(map(str, shape))


def _why(exc: Exception) -> str:
    """What is wrong with a configuration: of a validator's two lines the second says it."""
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    if isinstance(exc, KeyError):
        return f"it knows no {lines[0]}" if lines else "KeyError"
    told = lines[1] if len(lines) > 1 and lines[0].endswith(":") else lines[0] if lines else type(exc).__name__
    return told.partition(". ")[0].rstrip(".")


def _first_line(exc: Exception) -> str:
    told = next(iter(str(exc).splitlines()), type(exc).__name__)
    return told.removeprefix("Error while deserializing header: ").rstrip(".")
