"""Training examples and the folders that hold them: read back as written, and nothing that was changed is taken for whole."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from chatbot.errors import NotFound, StorageError, UsageError
from chatbot.learning.dataset_files import building, publish, write_split
from chatbot.learning.datasets import (
    SPLITS,
    DataCard,
    Dataset,
    delete_dataset,
    list_datasets,
    names,
    open_dataset,
)
from chatbot.learning.examples import Example, read_examples, to_record, write_examples
from chatbot.trained import remove_examples
from chatbot.types import ChatMessage

SAID = (ChatMessage("system", "Be kind."), ChatMessage("user", "a\nb 你好 \u2028"), ChatMessage("assistant", "Gladly."))
ONE = Example(
    id="e1",
    conversation_id="c1",
    source="own",
    conversation_ids=("c1", "f1"),
    conversation_sources=("own", "faq"),
    language="en",
    topic=None,
    at=datetime(2025, 1, 2, tzinfo=UTC),
    kind="answer",
    messages=SAID,
    question="b",
    window="customer: b",
    evidence=("q\na",),
    rejected="no",
)


def test_examples_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    other = replace(ONE, id="e2", at=None, topic="t", kind="hand_over", augmented="noise", weight=2.0, rejected=None)
    assert write_examples(tmp_path / "x.jsonl", [ONE, other]) == 2
    assert list(read_examples(tmp_path / "x.jsonl")) == [ONE, other]
    first = json.loads((tmp_path / "x.jsonl").read_bytes().split(b"\n")[0])
    assert first["messages"][-1] == {"role": "assistant", "content": "Gladly."}
    assert (ONE.prompt, ONE.target) == (SAID[:2], "Gladly.")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"messages": []}, "'messages'"),
        ({"messages": [{"role": "user", "content": "x"}]}, "assistant"),
        ({"messages": [{"role": "assistant"}]}, "no role or no content"),
        ({"kind": "guess"}, "'kind'"),
        ({"conversation_ids": ["a"]}, "in step"),
        ({"evidence": "text"}, "'evidence'"),
        ({"at": "yesterday"}, "isoformat"),
        ({"language": 3}, "'language'"),
    ],
)
def test_a_bad_line_is_named(change: dict[str, object], why: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    write_examples(path, [ONE])
    with path.open("a") as file:
        file.write(json.dumps(to_record(ONE) | change) + "\n")
    with pytest.raises(UsageError, match=rf"x\.jsonl, line 2.*{why}"):
        list(read_examples(path))


@pytest.mark.parametrize("line", ["{", "[]", "{}"])
def test_what_is_no_example_at_all_is_named_too(line: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(line)
    with pytest.raises(UsageError, match="line 1"):
        list(read_examples(tmp_path / "x.jsonl"))
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_examples(tmp_path / "away.jsonl"))


def made(data: Path, name: str | None = None) -> Dataset:
    examples = [
        replace(ONE, id=f"e{number}", conversation_id=f"c{number}", conversation_ids=(f"c{number}", "f1"))
        for number in range(12)
    ]
    with building(data, name) as (folder, named):
        files = {}
        for split, some in zip(SPLITS, (examples[:8], examples[8:10], examples[10:]), strict=True):
            files |= write_split(folder, split, some)
        counts, none = {"train": 8, "validation": 2, "test": 2}, dict[str, int]()
        card = DataCard(counts, counts, {"en": 12}, none, none, none, none, none, {"by": "time"}, {}, files)
        publish(folder, data, named, card, "# card\n")
    return open_dataset(data, named)


def test_names_count_up_and_the_newest_is_taken(tmp_path: Path) -> None:
    assert [made(tmp_path).name, made(tmp_path).name, made(tmp_path, "mine").name] == ["ds-0001", "ds-0002", "mine"]
    assert open_dataset(tmp_path).name == "mine"
    assert names(tmp_path)[0] == "mine"
    assert [one.examples for one in list_datasets(tmp_path)] == [12, 12, 12]
    delete_dataset(tmp_path, "ds-0002")
    assert made(tmp_path).name == "ds-0002"
    with pytest.raises(NotFound, match="ds-0009"):
        delete_dataset(tmp_path, "ds-0009")


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    dataset = made(tmp_path)
    rows = pq.read_table(dataset.folder / "train.parquet").to_pylist()
    assert rows == [to_record(one) for one in read_examples(dataset.train)]


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b", "x" * 80])
def test_a_name_is_a_plain_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot name a data set"):
        open_dataset(tmp_path, name)


def test_what_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="chatbot dataset build"):
        open_dataset(tmp_path)
    with pytest.raises(NotFound, match="chatbot dataset list"):
        open_dataset(tmp_path, "ds-0001")


@pytest.mark.parametrize("file", ["train.jsonl", "test.parquet", "validation.digests"])
def test_a_changed_file_is_named(file: str, tmp_path: Path) -> None:
    path = made(tmp_path).folder / file
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))
    with pytest.raises(UsageError, match=file):
        open_dataset(tmp_path)


def test_lines_in_another_order_are_no_erasure(tmp_path: Path) -> None:
    dataset = made(tmp_path)
    lines = dataset.train.read_bytes().splitlines(keepends=True)
    dataset.train.write_bytes(b"".join([lines[1], lines[0]]))
    with pytest.raises(UsageError, match=r"train\.jsonl"):
        open_dataset(tmp_path)


def test_a_damaged_card_and_a_missing_file_are_named(tmp_path: Path) -> None:
    dataset = made(tmp_path)
    dataset.test.unlink()
    with pytest.raises(UsageError, match=r"test\.jsonl"):
        open_dataset(tmp_path)
    (dataset.folder / "card.json").write_text("{")
    with pytest.raises(UsageError, match=r"card\.json is damaged"):
        open_dataset(tmp_path)
    assert list_datasets(tmp_path)[0].problem


def test_an_erasure_takes_examples_out_and_the_rest_stays_whole(tmp_path: Path) -> None:
    before = made(tmp_path)
    removed = remove_examples(tmp_path, lambda source, id: (source, id) == ("own", "c3"))
    assert removed.examples == 2  # the line and the row
    after = open_dataset(tmp_path)
    assert (after.erased, after.card) == (1, before.card)
    assert after.sha256 != before.sha256
    assert [one.id for one in read_examples(after.train)] == ["e0", "e1", "e2", "e4", "e5", "e6", "e7"]


def test_an_erasure_reaches_an_example_through_its_passages_by_source(tmp_path: Path) -> None:
    made(tmp_path)
    assert remove_examples(tmp_path, lambda source, id: (source, id) == ("own", "f1")).examples == 0
    assert remove_examples(tmp_path, lambda source, id: (source, id) == ("faq", "f1")).examples == 24
    assert open_dataset(tmp_path).erased == 12


def test_a_build_that_fails_leaves_nothing_and_two_cannot_run(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No space left"):
        fill_the_disk(tmp_path)
    with pytest.raises(KeyboardInterrupt), building(tmp_path, None):
        raise KeyboardInterrupt
    left = tmp_path / "datasets" / ".building-killed"
    left.mkdir()
    made(tmp_path)
    assert sorted(path.name for path in (tmp_path / "datasets").iterdir() if path.name != ".build.lock") == ["ds-0001"]
    with pytest.raises(UsageError, match="already"):
        made(tmp_path, "ds-0001")


def fill_the_disk(data: Path) -> None:
    with building(data, None) as (folder, _):
        write_split(folder, "train", [ONE])
        raise OSError(28, "No space left on device")
