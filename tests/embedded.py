"""The embedded models in the forms that they are converted to on first use, made once for all processes of a test run: the
generator's safetensors take 20 seconds of processor time, the encoder 10."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.once import made_once


@pytest.fixture(scope="session")
def embedded_safetensors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generator's folder, to be read only."""
    from chatbot.generation.catalogue import SMOLLM2_SHA256, embedded_path
    from chatbot.generation.conversion import safetensors_of

    folder = made_once(
        tmp_path_factory, "embedded", lambda new: safetensors_of(embedded_path(), new, sha256=SMOLLM2_SHA256)
    )
    return safetensors_of(embedded_path(), folder, sha256=SMOLLM2_SHA256)


@pytest.fixture(scope="session")
def converted_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `models` folder that has served with OpenVINO before. Read only: `link_models` puts it into a data folder."""
    return made_once(tmp_path_factory, "converted", _convert)


def link_models(models: Path, data: Path) -> Path:
    """The data folder, with links to all that is in `models`."""
    shutil.copytree(models, data / "models", copy_function=os.link, ignore=shutil.ignore_patterns("*.lock"))
    return data


def _convert(models: Path) -> None:
    from chatbot.generation.catalogue import SMOLLM2_SHA256, embedded_path
    from chatbot.generation.exact_gguf import exact_gguf, takes_amx
    from chatbot.retrieval.convert import cached_ir
    from chatbot.retrieval.encoder_files import locate
    from chatbot.settings import Settings

    generator = embedded_path()
    cached_ir(locate(Settings(data=models)), models)
    exact_gguf(generator, models, "f16" if takes_amx(generator) else "q8_0", sha256=SMOLLM2_SHA256)
