"""Writes a model's weights as a .gguf file, in 4, 8 or 16 bits, for engines that read such files. Must not load a model itself.

Names and layout are llama.cpp's (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): the rows of q and k of Llama
models are reordered, because its rotary embedding pairs neighbouring rows where transformers' pairs halves of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from chatbot.errors import ModelError
from chatbot.generation.exact_gguf import copy_fields

Bits = Literal["q4_0", "q4_1", "q8_0", "f16"]
BITS: tuple[Bits, ...] = get_args(Bits)
ARCHITECTURES = (
    "llama",
    "qwen2",
    "qwen3",
)  # that OpenVINO GenAI 2026.4 reads from a .gguf without its preview front end
_REORDERED = "llama"
_TOKENS = "tokenizer.ggml.tokens"
_BLOCK = 32  # weights that share a scale

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a model's configuration the file depends on. sizes: the values that an engine builds the model from."""

    architecture: str
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    tied: bool
    sizes: Mapping[str, int | float]


def shape_of(config: Any) -> Shape:
    """From a transformers configuration. Raises ModelError for an architecture that the CPU engine does not read."""
    if config.model_type not in ARCHITECTURES:
        raise ModelError(
            f"A {config.model_type} model cannot be written for the CPU engine, which reads {', '.join(ARCHITECTURES)}; "
            "compress it to safetensors for a GPU with --to bf16."
        )
    heads, kv_heads = config.num_attention_heads, getattr(config, "num_key_value_heads", None)
    head = getattr(config, "head_dim", None) or config.hidden_size // heads
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type", "default") != "default":
        raise ModelError(
            f"The CPU engine does not know this model's rotary scaling ({rope['rope_type']}); compress it with --to bf16."
        )
    sizes: dict[str, int | float] = {
        "block_count": config.num_hidden_layers,
        "context_length": config.max_position_embeddings,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": heads,
        "attention.head_count_kv": kv_heads or heads,
        "attention.key_length": head,
        "attention.value_length": head,
        "attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "rope.freq_base": float(rope.get("rope_theta", 10_000.0)),
        "rope.dimension_count": head,
        "vocab_size": config.vocab_size,
    }
    return Shape(
        config.model_type,
        config.num_hidden_layers,
        heads,
        kv_heads or heads,
        config.vocab_size,
        bool(config.tie_word_embeddings),
        sizes,
    )


def write_gguf(
    weights: Iterable[tuple[str, Array]],
    shape: Shape,
    like: Path,
    out: Path,
    bits: Bits,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Writes `out` with tokenizer and chat template of the file `like`, the sizes of `shape`, and these weights.

    weights: transformers' names with float32 arrays, one after the other, so that only one stands in memory as floats.
    Matrices get `bits`, embeddings at least 8; vectors stay float32. Raises ModelError, OSError.
    """
    import gguf

    reader = gguf.GGUFReader(str(like))
    if (found := _text(reader, "general.architecture")) != shape.architecture:
        raise ModelError(
            f"{like} describes a {found} model and the weights are a {shape.architecture} one; give its own."
        )
    if len(reader.fields[_TOKENS].data) > shape.vocabulary:
        raise ModelError(
            f"{like} has more tokens than the model has ({shape.vocabulary}): the tokenizer of another model."
        )
    names = gguf.get_tensor_name_map(_architecture(shape.architecture), shape.layers)
    writer = gguf.GGUFWriter(str(out), shape.architecture, use_temp_file=True)
    _copy_metadata(reader, writer, shape)
    writer.add_file_type(_file_type(bits))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for done, (name, weight) in enumerate(weights, 1):
        if name == "lm_head.weight" and shape.tied:
            continue
        target = _target(names, name)
        raw, kind = _quantized(_reordered(target, weight, shape), target, bits)
        writer.add_tensor(target, raw, raw_dtype=kind)
        progress(done)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def weights_of(model: Any) -> Iterable[tuple[str, Array]]:
    """A torch model's weights as float32 arrays, one at a time."""
    for name, weight in model.state_dict().items():
        yield name, weight.detach().float().cpu().numpy()


def _target(names: Any, name: str) -> str:
    found = names.get_name(name, try_suffixes=(".weight", ".bias"))
    if found is None:
        raise ModelError(f"The weight {name} has no place in a .gguf file; only plain language models can be written.")
    return str(found)


def _reordered(target: str, weight: Array, shape: Shape) -> Array:
    heads = {"attn_q": shape.heads, "attn_k": shape.kv_heads}.get(target.split(".")[-2])
    if heads is None or shape.architecture != _REORDERED:
        return weight
    split = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return split.swapaxes(1, 2).reshape(weight.shape)


def _quantized(weight: Array, target: str, bits: Bits) -> tuple[Array, Any]:
    import gguf

    kinds = {bit: gguf.GGMLQuantizationType[bit.upper()] for bit in BITS}
    kind = kinds[bits]
    if weight.ndim == 1:
        kind = gguf.GGMLQuantizationType.F32
    elif target in ("token_embd.weight", "output.weight") and bits in ("q4_0", "q4_1"):
        kind = kinds["q8_0"]  # also the output layer where the two are tied, and the one whose errors show most
    if weight.ndim > 1 and weight.shape[-1] % _BLOCK:
        kind = kinds["f16"]
    data = np.ascontiguousarray(weight, dtype=np.float32)
    if kind == kinds["f16"] and np.abs(data).max(initial=0) > np.finfo(np.float16).max:
        raise ModelError(f"{target} holds weights that 16 bits of this kind cannot; compress with --to q8_0.")
    return gguf.quants.quantize(data, kind), kind


def _copy_metadata(reader: Any, writer: Any, shape: Shape) -> None:
    import gguf

    sizes = {f"{shape.architecture}.{key}": value for key, value in shape.sizes.items()}
    copy_fields(reader, writer, without=sizes)
    for key, value in sizes.items():
        kind = gguf.GGUFValueType.FLOAT32 if isinstance(value, float) else gguf.GGUFValueType.UINT32
        writer.add_key_value(key, value, kind)


def _architecture(name: str) -> Any:
    import gguf

    return next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == name)


def _file_type(bits: Bits) -> int:
    import gguf

    kinds: Mapping[Bits, Any] = {
        "q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
        "q4_1": gguf.LlamaFileType.MOSTLY_Q4_1,
        "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
        "f16": gguf.LlamaFileType.MOSTLY_F16,
    }
    return int(kinds[bits])


def _text(reader: Any, key: str) -> str:
    field = reader.fields.get(key)
    return "" if field is None else str(field.contents())
