"""A .gguf in the form that OpenVINO reads as it is meant, and that the processor multiplies fastest. Must not load a model.

GenAI 2026.4 keeps the zero point of 4-bit blocks as a whole number, where Q4_1 and the K kinds hold any: of the embedded model
so read only 65 % of the likeliest next tokens are its own (divergence .34 nats, 2,552 tokens of English), of the same weights
in 8 bits 98 % (.001), in 16 bits all. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Container
from functools import partial
from pathlib import Path
from typing import Any, Literal

from chatbot.errors import ModelError
from chatbot.generation.converted import converted
from chatbot.generation.gguf_header import read_header

Bits = Literal["q8_0", "f16"]
_PLAIN = ("F32", "F16")
_EXACT = (*_PLAIN, "Q8_0", "Q4_0")
_KEPT = {"q8_0": _EXACT, "f16": _PLAIN}
_FILE = "model.gguf"
_OURS = ("general.architecture", "general.file_type", "general.quantization_version", "general.alignment")
_SMALL = 256_000_000  # bytes; beyond, a step waits for memory, and fewer bits are worth more than faster products
_TILE = 64  # widths that AMX's fused MLP takes are multiples of it


def takes_amx(gguf: Path) -> bool:
    """Whether this processor has AMX for bf16, and the model is small enough and of widths that gain from it.

    Raises ModelError for a file that is no .gguf.
    """
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:  # no Linux: no AMX that anybody could ask for
        return False
    if "amx_bf16" not in flags or gguf.stat().st_size > _SMALL:
        return False
    header = read_header(gguf)
    widths = (header.number("embedding_length"), header.number("feed_forward_length"))
    return all(width % _TILE == 0 for width in widths if width is not None)


def exact_gguf(gguf: Path, models_folder: Path, bits: Bits, *, sha256: str | None = None) -> Path:
    """The file itself where nothing in it is to be written anew (see `rewrite`), else one with its weights, made once in seconds.

    Raises ModelError."""
    if read_header(gguf).kinds <= set(_KEPT[bits]):
        return gguf
    try:
        return converted(gguf, models_folder, f"-{bits}", partial(_into, gguf, bits), sha256=sha256) / _FILE
    except OSError as exc:
        raise ModelError(f"What {gguf} becomes cannot be written to {models_folder}: {exc.strerror}.") from exc


def rewrite(gguf: Path, out: Path, bits: Bits) -> None:
    """Writes `out` with the same fields and weights: in 16 bits all, in 8 bits those that OpenVINO would not read exactly.

    Raises ModelError, OSError.
    """
    import gguf as files

    kinds = files.GGMLQuantizationType
    wanted, file_type = {
        "q8_0": (kinds.Q8_0, files.LlamaFileType.MOSTLY_Q8_0),
        "f16": (kinds.F16, files.LlamaFileType.MOSTLY_F16),
    }[bits]
    reader = _opened(gguf)
    writer = files.GGUFWriter(str(out), str(reader.fields["general.architecture"].contents()), use_temp_file=True)
    copy_fields(reader, writer)
    writer.add_file_type(file_type)
    writer.add_quantization_version(files.GGML_QUANT_VERSION)
    for tensor in reader.tensors:
        if tensor.tensor_type.name in _KEPT[bits]:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        try:
            weights = files.quants.dequantize(tensor.data, tensor.tensor_type)
            raw = files.quants.quantize(weights, wanted)
        except (NotImplementedError, files.quants.QuantError) as exc:
            raise ModelError(
                f"OpenVINO cannot read the kind {tensor.tensor_type.name} in the model file {gguf}; use one in Q8_0, or set "
                'engine = "transformers".'
            ) from exc
        writer.add_tensor(tensor.name, raw, raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def copy_fields(reader: Any, writer: Any, without: Container[str] = ()) -> None:
    """What a file's head says, into another that names its kind of weights itself; `without` some."""
    import gguf as files

    for name, found in reader.fields.items():
        if name.startswith("GGUF.") or name in _OURS or name in without:
            continue
        kind = found.types[0]
        inner = found.types[-1] if kind == files.GGUFValueType.ARRAY else None
        writer.add_key_value(name, found.contents(), kind, sub_type=inner)


def _into(gguf: Path, bits: Bits, folder: Path) -> None:
    """In a process of its own: half a gigabyte of floats would stay with the model server for good."""
    line = [sys.executable, "-m", "chatbot.generation.exact_gguf", str(gguf), str(folder / _FILE), bits]
    done = subprocess.run(line, check=False, capture_output=True, text=True)  # noqa: S603 - this module
    if done.returncode:
        told = done.stderr.strip().splitlines() or ["it was killed"]
        raise ModelError(f"The model file {gguf} could not be rewritten for OpenVINO: {told[-1]}")


def _opened(gguf: Path) -> Any:
    from gguf import GGUFReader

    try:
        return GGUFReader(str(gguf))
    except (OSError, ValueError, IndexError, KeyError) as exc:
        raise ModelError(
            f'OpenVINO cannot read the model file {gguf}; use another GGUF, or set engine = "transformers".'
        ) from exc


def _main(source: str, out: str, bits: Bits) -> int:
    try:
        rewrite(Path(source), Path(out), bits)
    except (ModelError, OSError) as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], sys.argv[2], sys.argv[3]))  # type: ignore[arg-type]  # `_into` gives one of Bits
