"""The demo company's data folder, made once a run with the real command, and copies of it for tests that write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.embedded import link_models
from tests.once import made_once

COMMAND = (sys.executable, "-m", "scripts.cli")
REPOSITORY = Path(__file__).parent.parent
_NEVER_WRITTEN = {"ballast", "models"}


def environment(**more: str) -> dict[str, str]:
    """This process's environment without any setting of ours, so that a developer's own change no test."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CHATBOT_")}
    return plain | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"} | more


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory, converted_models: Path) -> Path:
    """What `chatbot init --demo` makes where the models have been opened before. Read only: tests that write take `demo_copy`."""

    def make(folder: Path) -> None:
        command = [*COMMAND, "--data", str(link_models(converted_models, folder)), "init", "--demo"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment(), cwd=folder.parent, timeout=150
        )
        assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "demo", make)


@pytest.fixture
def demo_copy(demo_folder: Path, tmp_path: Path) -> Path:
    """A copy to write to."""
    return copy_of(demo_folder, tmp_path / "data")


@pytest.fixture(scope="session")
def copy_demo(demo_folder: Path) -> Callable[[Path], Path]:
    """Makes a copy at the given path, for fixtures of a wider scope than a test's."""
    return lambda target: copy_of(demo_folder, target)


def copy_of(folder: Path, target: Path) -> Path:
    """A copy of a data folder; the big files that nothing writes to are linked, not copied."""
    shutil.copytree(folder, target, copy_function=_copy)
    return target


def _copy(source: str, target: str) -> None:
    if _NEVER_WRITTEN & {*Path(source).parts[-4:]}:
        os.link(source, target)
    else:
        shutil.copy2(source, target)
