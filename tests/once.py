"""What a test run makes once for all its processes. Must not know what that is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` of this run; `make` fills it in the process that comes first, the others wait. To be read only."""
    own = factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, begun = shared / name, shared / f"{name}.begun"
    with FileLock(shared / f"{name}.lock"):
        if not folder.exists():
            begun.mkdir()
            make(begun)
            begun.rename(folder)
    return folder
