"""The model prepared for AMX says what the .gguf says, is made once, and only where the processor has AMX."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.errors import ModelError
from chatbot.generation.catalogue import SMOLLM2_SHA256, embedded_path
from chatbot.generation.matrices import MARKER, matrices_of, worthwhile


def test_a_large_file_and_a_processor_without_amx_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small, flags = tmp_path / "large.gguf", tmp_path / "small.gguf", "flags : amx_bf16 amx_tile amx_int8"
    small.write_bytes(b"GGUF")
    with large.open("wb") as file:
        file.truncate(300_000_000)
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: flags)
    assert worthwhile(small)
    assert not worthwhile(large)
    flags = "flags : avx512_bf16"
    assert not worthwhile(small)


@pytest.mark.models
def test_it_is_made_once_and_holds_the_same_weights(tmp_path: Path) -> None:
    import numpy as np
    import openvino

    folder = matrices_of(embedded_path(), tmp_path, sha256=SMOLLM2_SHA256)
    made_at = (folder / "openvino_model.xml").stat().st_mtime_ns
    assert matrices_of(embedded_path(), tmp_path, sha256=SMOLLM2_SHA256) == folder
    assert (folder / "openvino_model.xml").stat().st_mtime_ns == made_at
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [folder.name]
    model = openvino.Core().read_model(folder / "openvino_model.xml")
    kinds = [
        node.get_element_type().get_type_name()
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Constant" and len(node.get_shape()) == 2 and np.prod(node.get_shape()) > 100_000
    ]
    assert (kinds.count("i8"), kinds.count("f16")) == (60, 151)  # gate and up of 30 layers; q, k, v, o, down and head
    (folder / MARKER).unlink()  # a folder without its marker is trusted by nobody
    matrices_of(embedded_path(), tmp_path, sha256=SMOLLM2_SHA256)
    assert (folder / MARKER).is_file()


@pytest.mark.models
def test_what_openvino_cannot_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match=r"cannot read the model file .*broken\.gguf; use another GGUF"):
        matrices_of(broken, tmp_path / "models")
    assert not any((tmp_path / "models").glob("*amx*"))
