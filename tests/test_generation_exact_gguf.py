"""OpenVINO gets the weights that a .gguf means: 4-bit kinds whose zero points it rounds are rewritten, the others left alone."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chatbot.errors import ModelError
from chatbot.generation.catalogue import SMOLLM2_SHA256, embedded_path
from chatbot.generation.exact_gguf import exact_gguf, rewrite, takes_amx
from chatbot.generation.gguf_header import read_header

ROWS, WIDTH = 64, 128


def _write(path: Path, kind: str) -> np.ndarray[Any, Any]:
    """A file with one matrix of this kind, far from zero, and what the kind makes of it."""
    import gguf

    made = gguf.GGMLQuantizationType[kind]
    weights = np.random.default_rng(1).normal(0.3, 1.0, (ROWS, WIDTH)).astype(np.float32)
    raw = gguf.quants.quantize(weights, made)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(64)
    writer.add_token_list(["a", "b"])
    writer.add_tensor("blk.0.attn_q.weight", raw, raw_dtype=made)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    for step in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file, writer.close):
        step()
    return np.asarray(gguf.quants.dequantize(raw, made))


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    import gguf

    reader = gguf.GGUFReader(str(path))
    weights = {one.name: gguf.quants.dequantize(one.data, one.tensor_type) for one in reader.tensors}
    return weights, {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_0"])
def test_what_is_read_exactly_is_served_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m.gguf"
    _write(path, kind)
    assert exact_gguf(path, tmp_path / "models", "q8_0") == path
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(("bits", "worst"), [("q8_0", 0.02), ("f16", 0.002)])
def test_the_weights_and_all_that_is_said_of_them_stay(tmp_path: Path, bits: Any, worst: float) -> None:
    path, out = tmp_path / "m.gguf", tmp_path / "exact.gguf"
    meant = _write(path, "Q4_1")
    rewrite(path, out, bits)
    weights, fields = _read(out)
    assert np.abs(weights["blk.0.attn_q.weight"] - meant).max() < worst
    assert (weights["output_norm.weight"] == 1).all()
    before = _read(path)[1]
    assert {name: fields[name] for name in before} == before
    assert exact_gguf(out, tmp_path / "models", bits) == out


def test_it_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    _write(path, "Q4_1")
    made = exact_gguf(path, tmp_path / "models", "q8_0")
    at = made.stat().st_mtime_ns
    assert exact_gguf(path, tmp_path / "models", "q8_0") == made
    assert made.stat().st_mtime_ns == at


def test_the_head_is_read_as_the_formats_own_library_reads_it() -> None:
    import gguf

    header, reader = read_header(embedded_path()), gguf.GGUFReader(str(embedded_path()))
    array = gguf.GGUFValueType.ARRAY
    fields = {name: field for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    assert header.fields == {name: field.contents() for name, field in fields.items() if field.types[0] != array}
    assert header.kinds == {tensor.tensor_type.name for tensor in reader.tensors} == {"F32", "Q4_1", "Q8_0"}
    assert (header.number("context_length"), header.number("no_such_field")) == (8192, None)


@pytest.mark.parametrize("length", [0, 7, 23, 60, 200])
def test_a_head_that_is_cut_is_refused_in_a_sentence(tmp_path: Path, length: int) -> None:
    path = tmp_path / "m.gguf"
    _write(path, "Q4_1")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ModelError, match=r"cannot read the model file .*m\.gguf; use another GGUF"):
        read_header(path)


def test_a_length_beyond_any_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 2**64 - 1) + bytes(64))
    with pytest.raises(ModelError, match=r"cannot read the model file .*m\.gguf"):
        read_header(path)


def test_what_is_no_gguf_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match=r"cannot read the model file .*m\.gguf; use another GGUF"):
        exact_gguf(path, tmp_path / "models", "q8_0")


def test_amx_gets_small_models_of_its_widths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gguf

    def sized(name: str, width: int) -> Path:
        writer = gguf.GGUFWriter(str(tmp_path / name), "llama")
        writer.add_embedding_length(width)
        writer.add_feed_forward_length(4 * width)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        return tmp_path / name

    fit, odd, large = sized("fit.gguf", 576), sized("odd.gguf", 72), tmp_path / "large.gguf"
    with large.open("wb") as file:
        file.truncate(300_000_000)
    flags = "flags : amx_bf16 amx_tile"
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: flags)
    assert [takes_amx(path) for path in (fit, odd, large)] == [True, False, False]
    flags = "flags : avx512_bf16"
    assert not takes_amx(fit)


@pytest.mark.models
def test_openvino_writes_what_the_embedded_model_means(embedded_safetensors: Path, converted_models: Path) -> None:
    """Beside torch on the same weights; as OpenVINO reads the file by itself the two share not one of 48 replies."""
    import openvino_genai
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from scripts.bench_turn_prompts import prompts

    tokenizer = AutoTokenizer.from_pretrained(embedded_safetensors)
    model = AutoModelForCausalLM.from_pretrained(embedded_safetensors, dtype=torch.float32).eval()
    exact = exact_gguf(embedded_path(), converted_models, "q8_0", sha256=SMOLLM2_SHA256)
    pipeline = openvino_genai.LLMPipeline(str(exact), "CPU", INFERENCE_PRECISION_HINT="f32")
    config = openvino_genai.GenerationConfig(max_new_tokens=8, do_sample=False, apply_chat_template=False)
    same = 0
    for chat in prompts(6, 3):
        told = [{"role": one.role, "content": one.content} for one in chat]
        text = tokenizer.apply_chat_template(told, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
        with torch.inference_mode():
            meant = model.generate(**ids, max_new_tokens=8, do_sample=False)[0, ids["input_ids"].shape[1] :]
        same += (
            tokenizer.decode(meant, skip_special_tokens=True).strip() == str(pipeline.generate(text, config)).strip()
        )
    assert same >= 4


def test_a_rewriting_that_fails_is_told_in_a_sentence(tmp_path: Path) -> None:
    path, models = tmp_path / "m.gguf", tmp_path / "models"
    _write(path, "Q4_1")
    whole = path.read_bytes()
    path.write_bytes(whole[: -ROWS * WIDTH // 4])  # the matrix is cut
    with pytest.raises(ModelError, match=r"m\.gguf"):
        exact_gguf(path, models, "q8_0")
    assert not list(models.glob("*q8_0"))
