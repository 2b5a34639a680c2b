"""The embedded model as safetensors, converted once for all processes of a test run: it takes 20 seconds of processor time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock


@pytest.fixture(scope="session")
def embedded_safetensors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its folder, to be read only."""
    from chatbot.generation.catalogue import SMOLLM2_SHA256, embedded_path
    from chatbot.generation.conversion import safetensors_of

    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with FileLock(shared / "embedded.lock"):
        return safetensors_of(embedded_path(), shared / "embedded", sha256=SMOLLM2_SHA256)
