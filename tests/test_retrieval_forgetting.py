"""Conversations taken out of every version of an index, without an encoder."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chatbot.errors import Conflict, IndexBroken
from chatbot.retrieval.forgetting import forget, older_than
from chatbot.retrieval.index import build_index, list_versions, verify
from chatbot.retrieval.retriever import open_retriever
from chatbot.retrieval.versions import building_lock
from chatbot.types import CORRECTION
from tests.fakes_retrieval import SHOP, FakeEmbedder, passage, query, shop

GONE = passage(9000, "Where is the zqcanary parcel", "Behind the zqcanary shed.", count=1)


def c9000(source: str | None, conversation: str) -> bool:
    return (source, conversation) == ("test", "c9000")


def _holding(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.rglob("*.jsonl") if b"zqcanary" in path.read_bytes())


def test_every_version_that_held_it_goes_and_the_rest_is_served_on(tmp_path: Path) -> None:
    embedder = FakeEmbedder()
    for passages in (shop(), [*shop(), GONE], [*shop(copies=2), GONE]):
        build_index(passages, embedder, tmp_path)
    retriever = open_retriever(tmp_path, embedder)
    assert _holding(tmp_path) == ["v000002", "v000003"]
    gone = forget(tmp_path, c9000)
    assert (gone.passages, gone.versions, gone.published, gone.shared) == (1, ("v000003", "v000002"), "v000004", 0)
    assert [version.name for version in list_versions(tmp_path)] == ["v000004", "v000001"]
    assert _holding(tmp_path) == []
    assert verify(tmp_path).passages == 2 * len(SHOP)
    retriever.refresh()
    found = retriever.search(query("Where is the zqcanary parcel"))
    assert found.index_version == "v000004"
    assert all("zqcanary" not in hit.passage.answer for hit in found.hits)


def test_an_answer_of_the_team_goes_from_under_a_question_of_the_gone_conversation(tmp_path: Path) -> None:
    ours = passage(1, "How are sheds painted", "Green, all of them.", source=CORRECTION)
    place = replace(ours, id=f"{ours.id}~c9000", question=GONE.question, window=GONE.window)
    taken = replace(place, asked_in=("test", "c9000"), found_by=GONE.answer)
    build_index([*shop(), ours, taken], FakeEmbedder(), tmp_path)
    assert _holding(tmp_path) == ["v000001"]
    assert forget(tmp_path, c9000).passages == 1
    assert _holding(tmp_path) == []
    hits = open_retriever(tmp_path, FakeEmbedder()).search(query("How are sheds painted")).hits
    assert (hits[0].passage.id, hits[0].passage.asked_in) == (ours.id, None)


def test_counting_changes_nothing(tmp_path: Path) -> None:
    build_index([*shop(), GONE], FakeEmbedder(), tmp_path)
    gone = forget(tmp_path, c9000, dry_run=True)
    assert (gone.passages, gone.versions, gone.published) == (1, ("v000001",), None)
    assert _holding(tmp_path) == ["v000001"]


def test_an_index_of_others_stays_as_it_is(tmp_path: Path) -> None:
    build_index(shop(), FakeEmbedder(), tmp_path)
    assert forget(tmp_path, c9000).versions == ()
    assert [version.name for version in list_versions(tmp_path)] == ["v000001"]
    assert forget(tmp_path / "nowhere", c9000).passages == 0


def test_the_last_passage_leaves_an_empty_index(tmp_path: Path) -> None:
    build_index([GONE], FakeEmbedder(), tmp_path)
    assert forget(tmp_path, c9000).published == "v000002"
    assert verify(tmp_path).passages == 0
    assert open_retriever(tmp_path, FakeEmbedder()).search(query("parcel")).hits == ()


def test_an_answer_that_stood_for_others_is_said(tmp_path: Path) -> None:
    shared = passage(9000, "Where is the zqcanary parcel", "Behind the zqcanary shed.", count=3)
    build_index([*shop(), shared], FakeEmbedder(), tmp_path)
    assert forget(tmp_path, c9000).shared == 1


def test_a_version_that_cannot_be_read_goes_too(tmp_path: Path) -> None:
    build_index(shop(), FakeEmbedder(), tmp_path)
    build_index([*shop(), GONE], FakeEmbedder(), tmp_path)
    (tmp_path / "v000001" / "passages.jsonl").write_bytes(b"{half")
    assert set(forget(tmp_path, c9000).versions) == {"v000001", "v000002"}
    assert verify(tmp_path).version == "v000003"


def test_a_broken_current_version_is_deleted_and_none_is_made_of_it(tmp_path: Path) -> None:
    build_index([*shop(), GONE], FakeEmbedder(), tmp_path)
    (tmp_path / "v000001" / "manifest.json").write_bytes(b"{}")
    assert forget(tmp_path, c9000).published is None
    assert _holding(tmp_path) == []
    with pytest.raises(IndexBroken):
        verify(tmp_path)


def test_a_build_that_does_not_end_is_a_conflict(tmp_path: Path) -> None:
    build_index([*shop(), GONE], FakeEmbedder(), tmp_path)
    with building_lock(tmp_path), pytest.raises(Conflict, match="wait until it is done"):
        forget(tmp_path, c9000, patience_s=0)


def test_a_version_older_than_an_erasure_is_noticed(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert not older_than(tmp_path, now)
    build_index(shop(), FakeEmbedder(), tmp_path)
    assert older_than(tmp_path, now + timedelta(minutes=1))
    assert not older_than(tmp_path, now - timedelta(minutes=1))
