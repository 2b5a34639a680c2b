"""A generator's weights in torch, its adapter merged, and as a folder of safetensors. Must not know settings or engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chatbot.errors import ModelError, UsageError
from chatbot.generation.adapters import merge
from chatbot.generation.catalogue import ModelSpec, forbid_downloads, verify
from chatbot.generation.conversion import safetensors_of
from chatbot.generation.quiet import quiet
from chatbot.generation.tuned import base_spec
from chatbot.learning.registry import Version

_SMALL = 3_000_000_000  # parameters up to which a merge is done in float32


def torch_folder(spec: ModelSpec, models: Path) -> Path:
    """The folder of safetensors behind a spec; a .gguf is converted once. Raises ModelError."""
    checked = verify(spec)
    assert checked.path is not None  # only a remote model has none, and a card never names one as its base
    return safetensors_of(checked.path, models, sha256=checked.sha256) if checked.kind == "gguf" else checked.path


def merged(version: Version, models: Path) -> tuple[Any, Any]:
    """(model, tokenizer) of a tuned version, the adapter merged into its base; float32 for all but large ones.

    Raises UsageError for a version that is compressed already, ModelError for files that are not what they should be.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    card = version.card
    if card.format not in ("adapter", "safetensors"):
        raise UsageError(
            f"{card.name} is {card.format} already and has no weights to start from; compress "
            f"{card.parent or 'the version that it was made from'} instead."
        )
    forbid_downloads(False)
    quiet()
    folder = version.folder if card.format == "safetensors" else torch_folder(base_spec(card.base), models)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype="auto", use_safetensors=True, trust_remote_code=False
        )
        if model.num_parameters() <= _SMALL:
            model = model.to(torch.float32)
        if card.format == "adapter":
            model = merge(model, version.folder)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as exc:
        raise ModelError(f"{card.name} cannot be put together with {folder}: {str(exc).splitlines()[0]}") from exc
    return model.eval(), tokenizer


def save_bf16(model: Any, tokenizer: Any, folder: Path) -> None:
    """The model for a GPU: safetensors in bfloat16, with tokenizer and configuration. Raises OSError."""
    import torch

    model.to(torch.bfloat16).save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)


def prune(model: Any, share: float) -> float:
    """Sets the smallest `share` of every linear layer's weights to zero, in place; returns the share of zeros among them.

    Magnitude pruning, each matrix by itself (Han et al. 2015, arXiv:1506.02626); embeddings and the output layer stay whole.
    """
    import torch

    zeros = total = 0
    head = model.get_output_embeddings()
    with torch.no_grad():
        for module in model.modules():
            if not isinstance(module, torch.nn.Linear) or module is head:
                continue
            weight = module.weight
            count = int(weight.numel() * share)
            if count:
                limit = weight.abs().flatten().float().kthvalue(count).values
                weight[weight.abs().float() <= limit] = 0
            zeros += int((weight == 0).sum())
            total += weight.numel()
    return zeros / max(total, 1)
