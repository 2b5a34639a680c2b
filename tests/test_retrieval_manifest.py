"""Whatever bit of a published index turns, it is refused by the file's name with the command that mends it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from chatbot.errors import IndexBroken, NotFound
from chatbot.retrieval.index import build_index, verify
from chatbot.retrieval.manifest import read_manifest
from chatbot.retrieval.retriever import open_retriever
from tests.fakes_retrieval import FakeEmbedder, passage, query, shop

FLIPS = 100


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    build_index([*shop(4), passage(7, "Wo ist mein Paket?", "Unterwegs.", "de")], FakeEmbedder(), folder)
    return folder


def test_every_flipped_bit_is_refused_by_the_files_name(published: Path) -> None:
    rng = random.Random(5)
    paths = [*(published / "v000001").iterdir(), published / "current"]
    assert len(paths) > 20
    for path in paths:
        sound = path.read_bytes()
        for _ in range(FLIPS):
            at, bit = rng.randrange(len(sound)), rng.randrange(8)
            path.write_bytes(sound[:at] + bytes([sound[at] ^ (1 << bit)]) + sound[at + 1 :])
            with pytest.raises((IndexBroken, NotFound)) as refused:
                verify(published)
            assert str(path.name) in str(refused.value) or path.name == "current"
            assert "chatbot index" in str(refused.value)
        path.write_bytes(sound)
    verify(published)


@pytest.mark.parametrize("name", ["vectors.npy", "passages.jsonl", "en.window.faiss", "en.question.terms.npy"])
def test_missing_and_cut_files_are_refused_by_name(published: Path, name: str) -> None:
    path = published / "v000001" / name
    sound = path.read_bytes()
    path.write_bytes(sound[:-1])
    with pytest.raises(IndexBroken, match=name):
        verify(published)
    path.unlink()
    with pytest.raises(IndexBroken, match=name):
        verify(published)
    retriever = open_retriever(published, FakeEmbedder())
    with pytest.raises(IndexBroken, match=name):
        retriever.search(query("parcel"))
    path.write_bytes(sound)


def test_a_check_tells_how_many_bytes_it_has_read(published: Path) -> None:
    told: list[tuple[str, int, int]] = []
    manifest = verify(published, progress=lambda *now: told.append(now))
    assert (
        manifest.size
        == sum(path.stat().st_size for path in (published / "v000001").iterdir())
        - (published / "v000001" / "manifest.json").stat().st_size
    )
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1] == ("check bytes", manifest.size, manifest.size)


def test_no_index_is_said_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(IndexBroken, match="run `chatbot index`"):
        verify(tmp_path)
    with pytest.raises(IndexBroken, match="run `chatbot index`"):
        open_retriever(tmp_path / "none", FakeEmbedder()).search(query("parcel"))


def test_an_unknown_version_is_not_found(published: Path) -> None:
    with pytest.raises(NotFound, match="v000099"):
        verify(published, "v000099")
    with pytest.raises(NotFound):
        verify(published, "../v000001")


GARBAGE = [b"", b"\x00\xff\xfe", b"v000001", b"one two three", b"../v000001 abc", "v00000１ abc".encode(), b"\n" * 9]


@pytest.mark.parametrize("content", GARBAGE)
def test_garbage_in_the_pointer_is_told_in_words_of_ours(published: Path, content: bytes) -> None:
    pointer = published / "current"
    sound = pointer.read_bytes()
    pointer.write_bytes(content)
    told = r"^The index file \S+/current is broken \(it does not name a version\); run `chatbot index` .* rollback`\.$"
    try:
        with pytest.raises(IndexBroken, match=told):
            verify(published)
        with pytest.raises(IndexBroken, match=told):
            open_retriever(published, FakeEmbedder()).search(query("parcel"))
    finally:
        pointer.write_bytes(sound)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"manifest": 1}', b'{"manifest": 1, "sha256": 2}', b"\xff"])
def test_garbage_in_a_manifest_is_told_in_words_of_ours(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(IndexBroken, match=r"manifest\.json is broken \(it is not what an index build writes\); run `"):
        read_manifest(tmp_path)
