"""Building: only the new is embedded, the deleted is gone, nothing new publishes nothing, old versions come back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.errors import Conflict, IndexBroken, ModelError, NotFound, StorageError
from chatbot.retrieval.fusion import Fusion
from chatbot.retrieval.index import build_index, list_versions, rollback, verify
from chatbot.retrieval.retriever import open_retriever
from chatbot.retrieval.versions import building_lock
from chatbot.types import Passage
from tests.fakes_retrieval import FakeEmbedder, passage, query, shop

TEXTS_EACH = 3  # a passage's window, question and reply


def test_first_build_embeds_every_distinct_text_once(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    version = build_index(shop(3), fake, tmp_path)
    distinct = {text for one in shop(3) for text in (one.window, one.question, one.answer)}
    assert version.published
    assert version.passages == 18
    assert fake.encoded == version.embedded == len(distinct)


def test_nothing_new_publishes_nothing_and_embeds_nothing(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    first = build_index(shop(2), fake, tmp_path)
    before = fake.encoded
    again = build_index(reversed(shop(2)), fake, tmp_path)
    assert not again.published
    assert again.name == first.name
    assert fake.encoded == before
    assert len(list_versions(tmp_path)) == 1


def test_only_new_and_changed_texts_are_embedded(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    build_index(shop(2), fake, tmp_path)
    before = fake.encoded
    changed = [replace(shop(2)[0], answer="The parcel left our house yesterday."), *shop(2)[1:]]
    build_index([*changed, passage(900, "Is the stove allowed on a plane?", "Only without fuel.")], fake, tmp_path)
    assert fake.encoded - before == 1 + TEXTS_EACH


def test_copied_vectors_are_the_embedded_ones(tmp_path: Path) -> None:
    fake, extra = FakeEmbedder(), passage(900, "Is the stove allowed on a plane?", "Only without fuel.")
    build_index(shop(2), fake, tmp_path / "grown")
    build_index([*shop(2), extra], fake, tmp_path / "grown")
    build_index([*shop(2), extra], fake, tmp_path / "fresh")
    ask = query("can I take my stove on the plane")
    grown, fresh = (open_retriever(tmp_path / name, fake).search(ask) for name in ("grown", "fresh"))
    assert [hit.score for hit in grown.hits] == [hit.score for hit in fresh.hits]
    assert grown.hits[0].passage == fresh.hits[0].passage == extra


def test_lists_are_weighed_as_before_until_a_tenth_of_the_passages_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = iter([Fusion(reply=2.0), Fusion(k=20.0)])
    monkeypatch.setattr("chatbot.retrieval.building.fit", lambda _corpus: next(fits))
    grown = [*shop(16), *(passage(900 + at, f"Is stove {at} allowed?", "Only without fuel.") for at in range(12))]

    def weighed(passages: list[Passage]) -> dict[str, float]:
        return dict((build_index(passages, FakeEmbedder(), tmp_path).fusion or {})["en"])

    assert weighed(shop(16)) == Fusion(reply=2.0).as_dict()
    assert weighed(grown[:-3]) == Fusion(reply=2.0).as_dict()  # 9 more
    assert weighed(grown) == Fusion(k=20.0).as_dict()  # 12 more than were fitted on
    assert weighed(grown[:-1]) == Fusion(k=20.0).as_dict()


def test_deleted_passages_are_gone_from_every_file(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    secret = passage(901, "My membership is XQZ-77, is it valid?", "Membership XQZ-77 is valid.")
    build_index([*shop(1), secret], fake, tmp_path)
    version = build_index(shop(1), fake, tmp_path, keep=1)
    assert version.passages == 6
    found = open_retriever(tmp_path, fake).search(query("membership XQZ-77"), k=20)
    assert secret.id not in {hit.passage.id for hit in found.hits}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"XQZ-77" in path.read_bytes()]


def test_another_encoder_embeds_everything_again(tmp_path: Path) -> None:
    first, second = FakeEmbedder("fake@1"), FakeEmbedder("fake@2", dim=64)
    build_index(shop(1), first, tmp_path)
    assert build_index(shop(1), second, tmp_path).published
    assert second.encoded == first.encoded


def test_a_broken_current_version_is_built_anew_from_nothing(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    version = build_index(shop(1), fake, tmp_path)
    (version.folder / "vectors.npy").write_bytes(b"rubbish")
    before = fake.encoded
    mended = build_index(shop(1), fake, tmp_path)
    assert mended.published
    assert fake.encoded == 2 * before
    verify(tmp_path)


def test_old_versions_are_kept_up_to_five_and_names_only_go_up(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    for copies in range(1, 8):
        build_index(shop(copies), fake, tmp_path)
    names = [version.name for version in list_versions(tmp_path)]
    assert names == ["v000007", "v000006", "v000005", "v000004", "v000003"]
    rollback(tmp_path)
    assert build_index(shop(9), fake, tmp_path).name == "v000008"


def test_with_one_to_keep_only_the_current_version_stays_also_after_a_rollback(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    build_index(shop(1), fake, tmp_path)
    build_index([*shop(1), passage(901, "Is XQZ-77 valid?", "XQZ-77 is valid.")], fake, tmp_path)
    rollback(tmp_path)
    version = build_index(shop(1), fake, tmp_path, keep=1)
    assert (version.name, version.published) == ("v000001", False)
    assert [found.name for found in list_versions(tmp_path)] == ["v000001"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"XQZ-77" in path.read_bytes()]


def test_rollback_serves_the_older_answers_again(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    build_index([passage(1, "How long may I return a tent?", "Within 14 days.")], fake, tmp_path)
    build_index([passage(1, "How long may I return a tent?", "Within 30 days.")], fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    assert retriever.search(query("return a tent")).hits[0].passage.answer == "Within 30 days."
    assert rollback(tmp_path).name == "v000001"
    retriever.refresh()
    assert retriever.search(query("return a tent")).hits[0].passage.answer == "Within 14 days."
    assert [version.name for version in list_versions(tmp_path) if version.current] == ["v000001"]
    with pytest.raises(NotFound, match="no older sound index version"):
        rollback(tmp_path)


def test_rollback_passes_over_a_broken_version(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    for copies in (1, 2, 3):
        build_index(shop(copies), fake, tmp_path)
    (tmp_path / "v000002" / "rows.npy").write_bytes(b"")
    assert rollback(tmp_path).name == "v000001"
    with pytest.raises(IndexBroken, match=r"rows\.npy"):
        rollback(tmp_path, "v000002")
    assert rollback(tmp_path, "v000003").name == "v000003"


def test_rollback_mends_a_destroyed_current_version(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    for copies in (1, 2):
        build_index(shop(copies), fake, tmp_path)
    (tmp_path / "v000002" / "manifest.json").unlink()
    with pytest.raises(IndexBroken, match="v000002"):
        verify(tmp_path)
    assert rollback(tmp_path).name == "v000001"
    assert verify(tmp_path).version == "v000001"


def test_a_failing_encoder_leaves_the_old_version(tmp_path: Path) -> None:
    fake = FakeEmbedder()
    build_index(shop(1), fake, tmp_path)
    fake.broken = True
    with pytest.raises(ModelError):
        build_index(shop(2), fake, tmp_path)
    assert verify(tmp_path).version == "v000001"
    assert not list(tmp_path.glob(".building-*"))


def test_a_second_build_at_once_is_refused_by_name(tmp_path: Path) -> None:
    with building_lock(tmp_path), pytest.raises(Conflict, match="Another process is changing the index"):
        build_index(shop(1), FakeEmbedder(), tmp_path)
    assert build_index(shop(1), FakeEmbedder(), tmp_path).published


def test_a_folder_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be written"):
        build_index(shop(1), FakeEmbedder(), tmp_path / "file" / "index")


def test_an_empty_index_is_sound_and_finds_nothing(tmp_path: Path) -> None:
    build_index([], FakeEmbedder(), tmp_path)
    assert verify(tmp_path).passages == 0
    assert open_retriever(tmp_path, FakeEmbedder()).search(query("anything")).hits == ()


def test_progress_tells_every_stage(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    build_index(shop(2), FakeEmbedder(), tmp_path, lambda *one: told.append(one))
    assert [stage for stage, done, total in told if done == total] == ["embed", "index", "publish"]
    assert all(0 <= done <= total for _, done, total in told)


def test_the_manifest_says_what_is_in_it(tmp_path: Path) -> None:
    build_index([*shop(2), passage(7, "Wo ist mein Paket?", "Unterwegs.", "de-AT")], FakeEmbedder(), tmp_path)
    manifest = verify(tmp_path)
    assert {name: part.count for name, part in manifest.parts.items()} == {"de": 1, "en": 12}
    assert manifest.sources == {"test": 13}
    assert manifest.encoder == "fake@1"
    assert manifest.conversations == 13
    assert set(manifest.files) == {path.name for path in (tmp_path / manifest.version).iterdir()} - {"manifest.json"}
