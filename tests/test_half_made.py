"""What a killed command left is known, told and cleared; what a living one makes stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.erasing import Copies
from chatbot.half_made import ALL, COMPRESSING, CONVERTING, SEARCHING, half_made, leftovers, under_lock
from chatbot.settings import Settings
from scripts.doctor import CHECKS

MAKER = """
import sys, time
from pathlib import Path
from chatbot.half_made import half_made
with half_made(Path(sys.argv[1]), sys.argv[2]) as made:
    (made / "weights").write_bytes(b"half" * 500_000)
    print("made", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with started(tmp_path / "models", COMPRESSING) as process:
        yield process
        process.kill()


def started(folder: Path, prefix: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MAKER, str(folder), prefix]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "made\n"
    return process


def test_a_killed_makers_folder_is_told_and_goes_with_the_next_of_its_kind(
    tmp_path: Path, maker: subprocess.Popen[str]
) -> None:
    models = tmp_path / "models"
    look = CHECKS["left by killed commands"]
    settings = Settings(data=tmp_path)
    (held,) = models.glob(f"{COMPRESSING}*")
    assert leftovers(models, *ALL) == []
    assert look(settings) == "nothing", "it is alive"
    maker.kill()
    maker.wait()
    assert leftovers(models, *ALL) == [held.name]
    assert look(settings).startswith(f"2 MB in models/{held.name}; the next command of that kind clears it")
    with half_made(models, CONVERTING):
        assert held.is_dir(), "another kind's"
    with half_made(models, COMPRESSING) as made:
        assert list(made.iterdir()) == []
        assert not held.exists()
    assert look(settings) == "nothing"
    assert [path.name for path in models.iterdir()] == [".making.lock"]


def test_two_makers_leave_each_other_alone(tmp_path: Path) -> None:
    with half_made(tmp_path, COMPRESSING) as one, half_made(tmp_path, COMPRESSING) as other:
        (one / "a").touch()
        (other / "b").touch()
        assert leftovers(tmp_path, COMPRESSING) == []
    assert not list(tmp_path.glob(f"{COMPRESSING}*"))


def test_a_folder_of_an_older_version_of_this_program_is_a_leftover(tmp_path: Path) -> None:
    (tmp_path / f"{COMPRESSING}abc123").mkdir()
    (tmp_path / f"{COMPRESSING}abc123" / "model.gguf").write_bytes(b"GGUF")
    with half_made(tmp_path, COMPRESSING):
        assert [path.name for path in tmp_path.glob(f"{COMPRESSING}*") if path.name.endswith("abc123")] == []


def test_what_is_made_under_a_lock_is_a_leftover_when_nobody_holds_it(tmp_path: Path) -> None:
    from filelock import FileLock

    (tmp_path / ".building-1").mkdir()
    with FileLock(tmp_path / "build.lock"):
        assert under_lock(tmp_path, ".building-", "build.lock") == []
    assert under_lock(tmp_path, ".building-", "build.lock") == [tmp_path / ".building-1"]


def test_an_erasure_takes_the_index_that_a_killed_evaluation_left(tmp_path: Path) -> None:
    left = tmp_path / "evaluations" / f"{SEARCHING}1" / "made"
    left.mkdir(parents=True)
    (left / "passages.bin").write_bytes(b"Mira Holm")
    copies = Copies(Settings(data=tmp_path))
    copies.sweep(lambda source, conversation: False, index=False, dry_run=True)
    assert left.is_dir()
    copies.sweep(lambda source, conversation: False, index=False, dry_run=False)
    assert not left.parent.exists()
