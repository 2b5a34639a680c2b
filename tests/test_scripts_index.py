"""`chatbot init` and `chatbot index ...` as a user types them: twice is once, tampering is named, Ctrl-C leaves the old one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.opening import open_store
from tests.commands import AT_A_TERMINAL, begun, refused, shell, typed
from tests.demo import REPOSITORY, environment

pytestmark = pytest.mark.models


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in (folder / "index").iterdir() if item.is_dir())


def add(folder: Path, tmp_path: Path, count: int, word: str = "gadget") -> None:
    export = tmp_path / "export.jsonl"
    with export.open("w", encoding="utf-8") as out:
        for number in range(count):
            turns = [
                {"role": "customer", "text": f"How heavy is the {word} number {number} of last year's catalogue?"},
                {
                    "role": "agent",
                    "text": f"The {word} with number {number} weighs {number + 100} grams without its bag.",
                },
            ]
            out.write(json.dumps({"id": f"{word}-{number}", "language": "en", "turns": turns}) + "\n")
    done = typed("--data", folder, "import", export, "--json")
    assert done.json["conversations"] == {"new": count}


def test_init_demo_a_second_time_changes_nothing(demo_copy: Path) -> None:
    before = (demo_copy / "index" / "current").read_bytes(), names(demo_copy)
    exported = typed("--data", demo_copy, "export").out
    done = typed("--data", demo_copy, "init", "--demo", "--json").json
    assert done["transcripts_before"] == len(exported.splitlines()) >= done["conversations"] >= 200
    assert done["index"] == "v000001"
    assert ((demo_copy / "index" / "current").read_bytes(), names(demo_copy)) == before
    assert typed("--data", demo_copy, "export").out == exported


def test_init_if_empty_leaves_a_history_that_is_there_alone(tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    turns = '[{"role":"customer","text":"Do you rent kayaks?"},{"role":"agent","text":"Yes, at the lake, for 40 EUR a day."}]'
    own.write_text(f'{{"id":"c1","turns":{turns}}}\n', encoding="utf-8")
    assert typed("--data", tmp_path / "data", "import", own).code == 0
    done = typed("--data", tmp_path / "data", "init", "--demo", "--if-empty")
    assert "not empty: the demo company was not loaded" in done.out
    assert len(typed("--data", tmp_path / "data", "export").out.splitlines()) == 1


def test_init_without_demo_makes_the_folder_and_says_what_comes_next(tmp_path: Path) -> None:
    done = shell("--data", tmp_path / "new [bold] one", "init")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"The data folder is {tmp_path}/new [bold] one.",
        "Next: chatbot import PATH, then chatbot index",
    ]
    assert (tmp_path / "new [bold] one").stat().st_mode & 0o077 == 0


def test_with_nothing_new_no_index_is_published(demo_copy: Path) -> None:
    done = typed("--data", demo_copy, "index", "--json").json
    assert (done["name"], done["published"]) == ("v000001", False)
    assert names(demo_copy) == ["v000001"]


def test_what_is_new_is_indexed_listed_searched_and_rolled_back(demo_copy: Path, tmp_path: Path) -> None:
    add(demo_copy, tmp_path, 3, "zorbulator")
    before = typed("--data", demo_copy, "index", "list", "--json").json
    made = typed("--data", demo_copy, "index")
    assert made.code == 0
    assert made.out.startswith(f"Index v000002 published {before[0]['passages'] + 3} passages (")
    assert len(made.out.splitlines()) == 1
    listed = typed("--data", demo_copy, "index", "list", "--json").json
    assert [(row["name"], row["current"]) for row in listed] == [("v000002", True), ("v000001", False)]
    assert typed("--data", demo_copy, "index", "verify").out == (
        "Index v000002 is whole: every file matches its manifest.\n"
    )
    found = typed("--data", demo_copy, "search", "weight of the zorbulator number 2", "--json").json
    assert found["index_version"] == "v000002"
    assert found["hits"][0]["conversation_id"] == "zorbulator-2"
    back = typed("--data", demo_copy, "index", "rollback")
    assert back.out == f"Index v000001 is current again ({before[0]['passages']} passages).\n"
    found = typed("--data", demo_copy, "search", "weight of the zorbulator number 2", "--json").json
    assert found["index_version"] == "v000001"
    assert "zorbulator-2" not in {hit["conversation_id"] for hit in found["hits"]}
    refused(typed("--data", demo_copy, "index", "rollback", "v000077"), "v000077")


@pytest.fixture
def small(demo_folder: Path, tmp_path: Path) -> Path:
    """A folder with little in it, and with the encoder that the demo's has converted."""
    folder = tmp_path / "small"
    shutil.copytree(demo_folder / "models", folder / "models", copy_function=os.link)
    add(folder, tmp_path, 20, "widget")
    assert typed("--data", folder, "index").code == 0
    return folder


def test_a_tampered_file_is_named_with_what_mends_it(small: Path) -> None:
    target = small / "index" / "v000001" / "en.reply.faiss"
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(bytes(content))
    done = typed("--data", small, "index", "verify")
    refused(done, "en.reply.faiss", "chatbot index", code=1)
    listed = typed("--data", small, "index", "list")
    assert listed.code == 0
    asked = typed("--data", small, "ask", "How heavy is widget number 7?", "--json")
    assert asked.code == 1
    assert asked.json["sources"] == []
    assert any("en.reply.faiss" in problem for problem in asked.json["provenance"]["degraded"])
    assert typed("--data", small, "index").code == 0
    assert typed("--data", small, "index", "verify").code == 0


def test_a_whole_index_is_told_as_json_and_how_far_the_look_is(small: Path) -> None:
    files = [path for path in (small / "index" / "v000001").iterdir() if path.name != "manifest.json"]
    size = sum(path.stat().st_size for path in files)
    done = typed("--data", small, "index", "verify", "--json", **AT_A_TERMINAL)
    assert (done.code, done.err) == (0, "")
    assert done.json == {"version": "v000001", "files": len(files), "bytes": size, "whole": True}
    shown = typed("--data", small, "index", "verify", **AT_A_TERMINAL)
    assert "check bytes" in shown.err
    assert f"{size}/{size}" in shown.err
    assert typed("--data", small, "index", "verify").err == ""
    (small / "index" / "v000001" / "passages.jsonl").write_bytes(b"")
    refused(typed("--data", small, "index", "verify", "--json"), "passages.jsonl", code=1)


def test_without_an_index_every_command_says_so(tmp_path: Path) -> None:
    assert typed("--data", tmp_path, "index", "list").out == "There is no index yet; run `chatbot index`.\n"
    refused(typed("--data", tmp_path, "index", "verify"), "chatbot index", code=1)
    refused(typed("--data", tmp_path, "index", "rollback"), "index")


def test_the_index_counts_the_different_agents_who_gave_an_answer(tmp_path: Path) -> None:
    export, folder = tmp_path / "same.jsonl", tmp_path / "d"
    for number, agent in enumerate(("Ann", "Bob", "ann ", None)):
        said = {"role": "agent", "text": "The tent weighs two kilos without its bag.", "author": agent}
        row = {"id": f"c-{number}", "turns": [{"role": "customer", "text": "How heavy is the tent?"}, said]}
        with export.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
    assert typed("--data", folder, "import", export, "--index").code == 0
    (passage,) = map(json.loads, (folder / "index/v000001/passages.jsonl").read_text(encoding="utf-8").splitlines())
    assert (passage["count"], passage["agents"]) == (4, 2)


def holding(folder: Path, word: str) -> list[str]:
    """The files of the data folder in which the bytes of a word stand."""
    found = (path for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes().lower())
    return sorted(path.name for path in found)


def test_what_is_deleted_stands_nowhere_in_the_data_folder(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    add(folder, tmp_path, 3, "gadget")
    add(folder, tmp_path, 2, "zorblax")
    assert typed("--data", folder, "index").code == 0
    add(folder, tmp_path, 1, "widget")
    assert typed("--data", folder, "index").code == 0
    assert names(folder) == ["v000001", "v000002"]
    assert {"passages.jsonl", "precedent.sqlite3"} <= set(holding(folder, "zorblax"))
    refused(typed("--data", folder, "transcripts", "delete", "own", "zorblax-0", "none"), "'none'", "'own'")
    assert holding(folder, "zorblax")
    done = typed("--data", folder, "transcripts", "delete", "own", "zorblax-0", "zorblax-1", "--json")
    assert (done.code, done.json["conversations"], done.json["outside"]["index"]["passages"]) == (0, 2, 2)
    with open_store(None, folder) as store:
        assert [one["receipt"] for one in store.rights.receipts()] == [done.json["id"]]
    assert holding(folder, "zorblax") == []
    assert names(folder) == ["v000003"]
    assert typed("--data", folder, "index", "verify").code == 0
    hits = typed("--data", folder, "search", "How heavy is the gadget?", "--json").json["hits"]
    assert {hit["conversation_id"] for hit in hits} == {"gadget-0", "gadget-1", "gadget-2", "widget-0"}


def test_a_restored_backup_does_not_bring_back_what_was_deleted(tmp_path: Path) -> None:
    folder, backup = tmp_path / "d", tmp_path / "backup.sqlite3"
    add(folder, tmp_path, 2, "zorblax")
    with open_store(None, folder) as store:
        assert store.database.settle(compact_below=1 << 40)
    shutil.copy(folder / "precedent.sqlite3", backup)
    shown = typed("--data", folder, "transcripts", "delete", "own", "zorblax-0").out
    assert shown.startswith("Erased, receipt ")
    assert "1 conversation.\n" in shown
    for left in folder.glob("precedent.sqlite3*"):
        left.unlink()
    shutil.copy(backup, folder / "precedent.sqlite3")
    with open_store(None, folder) as store:
        assert [one.id for one in store.transcripts.transcripts()] == ["zorblax-1"]


@pytest.mark.chaos
def test_ctrl_c_while_indexing_leaves_the_old_index_in_service(small: Path, tmp_path: Path) -> None:
    add(small, tmp_path, 4_000)
    process = begun("--data", small, "index")
    wait_until(lambda: len(list((small / "index").iterdir())) > 3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "Interrupted: the step that was running left nothing behind; what was finished before it stays.\n"
    assert names(small) == ["v000001"]
    assert typed("--data", small, "index", "verify").code == 0


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(1500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to pass within 30 seconds")


def test_each_script_runs_by_itself(demo_folder: Path, tmp_path: Path) -> None:
    lines: dict[str, tuple[list[object], str]] = {
        "reindex.py": (["--data", demo_folder, "list"], "v000001"),
        "import_transcripts.py": ([REPOSITORY / "tests/fixtures/faq.jsonl", "--dry-run"], "Would import faq"),
        "export.py": (["--data", tmp_path / "d"], ""),
        "init.py": (["--data", tmp_path / "d"], "The data folder is"),
        "search.py": (["--help"], "passages found"),
        "ask.py": (["--help"], "Answers a question"),
        "doctor.py": (["--help"], "Exit code 0"),
        "serve.py": (["--help"], "Ctrl-C"),
        "transcripts.py": (["--help"], "delete"),
    }
    running = {
        name: subprocess.Popen(
            [sys.executable, str(REPOSITORY / "scripts" / name), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env={key: value for key, value in environment().items() if key != "PYTHONPATH"},
        )
        for name, (words, _) in lines.items()
    }
    for name, process in running.items():
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, (name, out)
        assert lines[name][1] in out, (name, out)
