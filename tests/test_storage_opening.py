"""Opening a data folder: locks, checks, sentences for what stands in the way, and erased text that is really gone."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.erasing import Copies
from chatbot.errors import ChatbotError, SettingsError, StorageError
from chatbot.settings import Settings
from chatbot.types import Role, Transcript, Turn
from storage.ballast import Ballast
from storage.engines import place_of, read_url
from storage.opening import open_store
from storage.subjects import By, Subject

SMALL_BALLAST = 1 << 20
ROOT = Path(__file__).parents[1]


def test_one_server_a_folder_but_scripts_beside_it(tmp_path: Path) -> None:
    with open_store(None, tmp_path, server=True, ballast_bytes=SMALL_BALLAST):
        with pytest.raises(StorageError, match=f"Another server already runs on the data folder {tmp_path}"):
            open_store(None, tmp_path, server=True, ballast_bytes=SMALL_BALLAST)
        with open_store(None, tmp_path, ballast_bytes=SMALL_BALLAST) as script:
            assert script.transcripts.counts().transcripts == 0
    with open_store(None, tmp_path, server=True, ballast_bytes=SMALL_BALLAST):
        pass


def test_a_killed_server_leaves_its_folder_free(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib\nfrom storage.opening import open_store\n"
        "store = open_store(None, pathlib.Path(sys.argv[1]), server=True, ballast_bytes=1 << 20)\n"
        "print('open', flush=True)\ntime.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"open\n"
    with pytest.raises(StorageError, match="Another server"):
        open_store(None, tmp_path, server=True, ballast_bytes=SMALL_BALLAST)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    with open_store(None, tmp_path, server=True, ballast_bytes=SMALL_BALLAST) as store:
        assert store.transcripts.counts().transcripts == 0


def test_closing_twice_is_closing_once_and_then_it_refuses(tmp_path: Path) -> None:
    store = open_store(None, tmp_path, ballast_bytes=SMALL_BALLAST)
    store.check()
    store.close()
    store.close()
    for attempt in (store.conversations.create_conversation("o"), store.conversations.conversations_of("o")):
        with pytest.raises(StorageError, match="closing"):
            asyncio.run(attempt)


@pytest.mark.parametrize("damage", ["not a database", "a page overwritten"])
def test_a_damaged_database_is_named(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "precedent.sqlite3"
    if damage == "not a database":
        file.write_bytes(b"this is no database, whatever its name says" * 200)
    else:
        with (
            open_store(None, tmp_path, ballast_bytes=SMALL_BALLAST) as store,
            store.transcripts.importing("f", "x") as b,
        ):
            for number in range(50):
                b.add(Transcript(str(number), "own", (Turn(Role.CUSTOMER, "some words " * 40),)), [])
            b.commit()
        content = bytearray(file.read_bytes())
        for page in range(4, len(content) // 4096, 2):
            content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
        file.write_bytes(content)
    with pytest.raises(StorageError, match=r"precedent\.sqlite3 is damaged"):
        open_store(None, tmp_path, server=True, ballast_bytes=SMALL_BALLAST)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match=f"{tmp_path}/file"):
        open_store(None, tmp_path / "file" / "data", ballast_bytes=SMALL_BALLAST)


def test_a_server_does_not_start_on_a_disk_without_room(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(StorageError, match="MB are needed"):
        open_store(None, tmp_path, server=True, ballast_bytes=2 * free)
    assert not (tmp_path / "ballast").exists()
    with open_store(None, tmp_path, ballast_bytes=2 * free) as script, pytest.raises(StorageError, match="full"):
        asyncio.run(script.conversations.create_conversation("o"))


@pytest.mark.parametrize(
    "url",
    ["mysql://joe:hunter2@db/shop", "sqlite://", "hunter2", "postgresql+asyncpg2//joe:hunter2@", "sqlite:///:memory:"],
)
def test_a_database_that_we_do_not_speak_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="database_url") as caught:
        open_store(url, tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"127\.0\.0\.1:1/shop cannot be reached") as caught:
        open_store("postgresql://joe:hunter2@127.0.0.1:1/shop", tmp_path)
    told: BaseException | None = caught.value
    while told is not None:
        assert "hunter2" not in str(told)
        told = told.__cause__ or told.__context__


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_every_spelling_of_postgresql_is_psycopg(url: str) -> None:
    parsed = read_url(url, Path("data"))
    assert (parsed.drivername, place_of(parsed)) == ("postgresql+psycopg", "h:5432/d")


def test_a_sqlite_url_is_taken_as_it_is(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/elsewhere/a.db", tmp_path / "data", ballast_bytes=SMALL_BALLAST):
        assert (tmp_path / "elsewhere" / "a.db").exists()


def test_the_ballast_takes_real_room_and_gives_it_back(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", 1 << 20)
    assert ballast.restore()
    assert ballast.restore()
    assert ballast.is_held()
    assert ballast.path.stat().st_blocks * 512 >= 1 << 20
    ballast.release()
    ballast.release()
    assert not ballast.is_held()
    assert list(tmp_path.iterdir()) == []


def test_erased_text_is_in_no_file_of_the_folder(tmp_path: Path) -> None:
    """Rows, search terms, freed pages and the write-ahead log."""
    canary, kept = "zanzibarcanary", "keptwitness"
    with open_store(None, tmp_path, ballast_bytes=SMALL_BALLAST) as store:

        async def chat(owner: str, word: str) -> None:
            made = await store.conversations.create_conversation(owner)
            for number in range(40):
                await store.conversations.add_customer_message(made.id, owner, f"{word} {number} " * 30, str(number))

        asyncio.run(chat("gone", canary))
        asyncio.run(chat("stays", kept))
        with store.transcripts.importing("f", "own") as batch:
            batch.add(Transcript("1", "own", (Turn(Role.CUSTOMER, f"{canary} in the past"),)), [])
            batch.commit()
        assert asyncio.run(store.conversations.delete_owner("gone")) == 1
        store.rights.erase(Subject(By.TRANSCRIPT, "1", "own"), Copies(Settings(data=tmp_path)))
        files = [f for f in tmp_path.iterdir() if f.name.startswith("precedent")]
        content = b"".join(file.read_bytes() for file in files)
        assert kept.encode() in content
        assert canary.encode() not in content


def test_every_error_is_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "server.lock").mkdir()
    with pytest.raises(ChatbotError):
        open_store(None, tmp_path, server=True, ballast_bytes=SMALL_BALLAST)
