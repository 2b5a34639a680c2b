"""Which model the settings mean, and that nothing tampered with, pickled or with code of its own is loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from chatbot.errors import ModelError, SettingsError
from chatbot.generation.catalogue import SMOLLM2, SMOLLM2_FILE, embedded_path, resolve, verify
from chatbot.settings import Settings
from chatbot.types import Mode


def settings(tmp_path: Path, **given: object) -> Settings:
    return Settings(data=tmp_path, device="cpu", **given)  # type: ignore[arg-type]


def saved_model(folder: Path, **config: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_the_embedded_model_is_the_default_and_fit_for_precedents_only(tmp_path: Path) -> None:
    spec = resolve(settings(tmp_path))
    assert (spec.name, spec.kind, spec.engine, spec.context) == (SMOLLM2, "gguf", "openvino", 8192)
    assert spec.licence == "Apache-2.0"
    assert spec.languages == ("en",)
    assert spec.fit == {Mode.PRECEDENT}


def test_settings_overrule_what_a_model_is_declared_good_for(tmp_path: Path) -> None:
    spec = resolve(settings(tmp_path, model_languages="de,fr", model_fit="precedent,adapted"))
    assert spec.languages == ("de", "fr")
    assert spec.fit == {Mode.PRECEDENT, Mode.ADAPTED}


def test_a_mode_that_does_not_exist_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"model_fit.*brilliant"):
        resolve(settings(tmp_path, model_fit="brilliant"))


@pytest.mark.parametrize(
    ("model", "kind", "engine"),
    [("owner/name", "hub", "transformers"), ("./here", "folder", "transformers"), ("/x/y.gguf", "gguf", "openvino")],
)
def test_hub_ids_folders_and_gguf_files(tmp_path: Path, model: str, kind: str, engine: str) -> None:
    spec = resolve(settings(tmp_path, model=model))
    assert (spec.kind, spec.engine) == (kind, engine)


def test_a_remote_server_needs_no_files(tmp_path: Path) -> None:
    spec = resolve(settings(tmp_path, model="qwen", model_url="http://gpu:8000/v1", model_languages="en"))
    assert (spec.kind, spec.name, spec.languages) == ("remote", "qwen", ("en",))
    assert verify(spec) == spec


def test_an_unknown_name_says_what_would_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"'gpt-9'.*smollm2-135m.*hub id"):
        resolve(settings(tmp_path, model="gpt-9"))


def test_an_adapter_moves_the_model_to_transformers_unless_openvino_was_asked_for(tmp_path: Path) -> None:
    assert resolve(settings(tmp_path, adapter=tmp_path)).engine == "transformers"
    with pytest.raises(SettingsError, match=r"adapter.*openvino"):
        resolve(settings(tmp_path, adapter=tmp_path, engine="openvino"))


def test_openvino_reads_no_folders(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\.gguf"):
        resolve(settings(tmp_path, model=str(tmp_path), engine="openvino"))


@pytest.mark.models
def test_the_embedded_file_is_what_it_was(tmp_path: Path) -> None:
    assert verify(resolve(settings(tmp_path))).path == embedded_path()


@pytest.mark.chaos
@pytest.mark.models
@pytest.mark.parametrize("position", [4, 5_000_000, -1])
def test_one_flipped_bit_in_the_gguf_is_refused_by_name_with_the_remedy(tmp_path: Path, position: int) -> None:
    from dataclasses import replace

    copy = tmp_path / SMOLLM2_FILE
    shutil.copy(embedded_path(), copy)
    with copy.open("r+b") as file:
        file.seek(position, 2 if position < 0 else 0)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(ModelError, match=rf"{SMOLLM2_FILE} was changed.*make models"):
        verify(replace(resolve(settings(tmp_path)), path=copy))


def test_a_missing_gguf_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.gguf does not exist.*`model`"):
        verify(resolve(settings(tmp_path, model=str(tmp_path / "absent.gguf"))))


def test_a_file_that_only_says_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match="not a GGUF file"):
        verify(resolve(settings(tmp_path, model=str(tmp_path / "x.gguf"))))


def test_a_safetensors_folder_is_accepted(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "model")
    assert verify(resolve(settings(tmp_path, model=str(folder)))).path == folder


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.PT", "sub/x.pkl", "modeling_evil.py"])
def test_pickles_and_code_are_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = saved_model(tmp_path / "model")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    with pytest.raises(ModelError, match=Path(name).name):
        verify(resolve(settings(tmp_path, model=str(folder))))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_configs_that_ask_for_remote_code_are_refused(tmp_path: Path, name: str) -> None:
    folder = saved_model(tmp_path / "model")
    (folder / name).write_text(json.dumps({"auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(ModelError, match=rf"{name}.*auto_map"):
        verify(resolve(settings(tmp_path, model=str(folder))))


def test_a_folder_without_weights_or_with_a_broken_config_is_named(tmp_path: Path) -> None:
    folder = saved_model(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no \.safetensors"):
        verify(resolve(settings(tmp_path, model=str(folder))))
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json cannot be read"):
        verify(resolve(settings(tmp_path, model=str(folder))))


def test_an_adapter_folder_is_checked_as_well(tmp_path: Path) -> None:
    folder, adapter = saved_model(tmp_path / "model"), tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"adapter_model\.bin"):
        verify(resolve(settings(tmp_path, model=str(folder), adapter=adapter)))


def test_a_hub_model_is_not_fetched_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"owner/absent-model.*allow_download"):
        verify(resolve(settings(tmp_path, model="owner/absent-model")))
