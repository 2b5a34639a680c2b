"""Training examples and kept exports without the conversations that were erased; and which models learnt from them."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatbot.erasing import Copies, forget_texts
from chatbot.retrieval.recent import Recent
from chatbot.retrieval.words import words
from chatbot.settings import Settings
from chatbot.trained import models_trained_on, remove_examples
from chatbot.transcripts.exporting import export
from chatbot.types import Role, Transcript, Turn

ROWS = [{"conversation_id": f"c{number % 10}", "text": f"text {number}"} for number in range(100)]


def c3(source: str | None, conversation: str) -> bool:
    return conversation == "c3" and source in (None, "shop")


def _lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "datasets" / "a" / "b").mkdir(parents=True)
    (tmp_path / "datasets" / "a" / "train.jsonl").write_bytes(_lines(ROWS))
    (tmp_path / "datasets" / "a" / "b" / "more.jsonl.gz").write_bytes(gzip.compress(_lines(ROWS)))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "datasets" / "train.parquet", row_group_size=7)
    return tmp_path


def test_examples_go_from_every_kind_of_file_and_the_others_stay_in_order(files: Path) -> None:
    removed = remove_examples(files, c3)
    assert (removed.examples, len(removed.files), removed.unreadable) == (30, 3, ())
    left = [row for row in ROWS if row["conversation_id"] != "c3"]
    assert (files / "datasets" / "a" / "train.jsonl").read_bytes() == _lines(left)
    assert gzip.decompress((files / "datasets" / "a" / "b" / "more.jsonl.gz").read_bytes()) == _lines(left)
    assert pq.read_table(files / "datasets" / "train.parquet").to_pylist() == left
    assert [path.name for path in files.rglob(".*")] == []


def test_a_dry_run_counts_and_touches_nothing(files: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in files.rglob("*") if path.is_file()}
    assert remove_examples(files, c3, dry_run=True).examples == 30
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in files.rglob("*") if path.is_file()} == before


def test_a_file_without_them_is_not_rewritten(files: Path) -> None:
    before = {path: path.stat().st_ino for path in files.rglob("*") if path.is_file()}
    assert remove_examples(files, lambda _source, _id: False).files == ()
    assert {path: path.stat().st_ino for path in files.rglob("*") if path.is_file()} == before


def test_the_source_counts_where_an_example_names_it(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    rows: list[dict[str, object]] = [{"conversation_id": "c3", "source": source} for source in ("shop", "elsewhere")]
    rows.append({"conversation_ids": ["c1", "c3"], "source": "shop"})
    (tmp_path / "datasets" / "x.jsonl").write_bytes(_lines(rows))
    assert remove_examples(tmp_path, c3).examples == 2
    assert json.loads((tmp_path / "datasets" / "x.jsonl").read_text())["source"] == "elsewhere"


def test_exports_kept_in_the_data_folder_lose_them_too(tmp_path: Path) -> None:
    told = [Transcript(key, "shop", (Turn(Role.CUSTOMER, f"=said by {key}"),)) for key in ("c3", "c4")]
    (tmp_path / "exports").mkdir()
    for kind in ("jsonl", "csv", "parquet"):
        (tmp_path / "exports" / f"all.{kind}").write_bytes(b"".join(export(told, kind)))
    assert remove_examples(tmp_path, c3).examples == 3
    (tmp_path / "fresh").mkdir()
    for kind in ("jsonl", "csv"):
        wanted = b"".join(export(told[1:], kind))
        assert (tmp_path / "exports" / f"all.{kind}").read_bytes().lstrip(b"\xef\xbb\xbf") == wanted.lstrip(
            b"\xef\xbb\xbf"
        )
    assert [row["conversation_id"] for row in pq.read_table(tmp_path / "exports" / "all.parquet").to_pylist()] == ["c4"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("x.jsonl", b'{"conversation_id": "c3"}\nhalf {'),
        ("x.jsonl.gz", b"no gzip"),
        ("x.parquet", b"no parquet"),
        ("x.csv", b"a,b\n\xff\xfe\n"),
    ],
)
def test_what_cannot_be_read_is_named_and_left(tmp_path: Path, name: str, body: bytes) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / name).write_bytes(body)
    removed = remove_examples(tmp_path, c3)
    assert (removed.examples, removed.unreadable) == (0, (f"datasets/{name}",))
    assert (tmp_path / "datasets" / name).read_bytes() == body
    assert len(list((tmp_path / "datasets").iterdir())) == 1


def test_models_name_what_they_were_trained_on(tmp_path: Path) -> None:
    for name, card in {
        "v1": {"conversations_sha256": [hashlib.sha256(b"c3").hexdigest()]},
        "v2": {"conversations_sha256": [hashlib.sha256(b"c4").hexdigest()]},
        "v3": {"base": "other"},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").write_text(json.dumps(card))
    assert models_trained_on(tmp_path, ["c3", "c9"]) == ["v1"]
    assert models_trained_on(tmp_path / "nowhere", ["c3"]) == []


def test_files_that_are_not_the_products_are_named(tmp_path: Path) -> None:
    for name in (
        "precedent.sqlite3",
        "precedent.sqlite3-wal",
        "cookie.key",
        "server.lock",
        "backup.sqlite3",
        "notes.txt",
    ):
        (tmp_path / name).touch()
    assert Copies(Settings(data=tmp_path)).strange_files() == ["backup.sqlite3", "notes.txt"]


def test_the_process_forgets_texts() -> None:
    kept: Recent[str, int] = Recent(8)
    kept.keep([("zqcanary", 1)])
    words("where is the zqcanary", "en")
    forget_texts()
    assert kept.find(["zqcanary"]) == {}
    caches = [part for part in (getattr(words, "cache_info", None),) if part]
    assert all(cache().currsize == 0 for cache in caches)
