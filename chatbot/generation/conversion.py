"""Turns a .gguf file into a safetensors folder, once, for the transformers engine. Must not know settings."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from chatbot.errors import ModelError
from chatbot.generation.converted import converted
from chatbot.generation.quiet import quiet


def safetensors_of(gguf: Path, models_folder: Path, *, sha256: str | None = None) -> Path:
    """The folder with the same weights in bfloat16; made on the first call (20 s and 270 MB for 135M parameters).

    Raises ModelError.
    """
    try:
        return converted(gguf, models_folder, "", partial(_convert, gguf), sha256=sha256)
    except (OSError, ValueError, RuntimeError, KeyError) as exc:
        raise ModelError(f"The model file {gguf} cannot be converted for the transformers engine: {exc}.") from exc


def _convert(gguf: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    quiet()
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):  # names the .gguf, which the new folder does not hold
        del config.quantization_config
    # the loaded object calls itself quantised and refuses save_pretrained
    fresh = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    fresh.load_state_dict(loaded.state_dict())
    fresh.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    fresh.save_pretrained(target)
    tokenizer.save_pretrained(target)
