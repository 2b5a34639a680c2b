"""Searching: within the language, with every degradation said, and taking over new versions by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatbot.errors import IndexBroken, ModelError
from chatbot.retrieval.index import build_index, rollback
from chatbot.retrieval.retriever import IndexRetriever, open_retriever
from chatbot.types import Changes, Passage, Query, SearchResult
from tests.fakes_retrieval import FakeEmbedder, passage, query, shop


@pytest.fixture
def fake() -> FakeEmbedder:
    return FakeEmbedder()


def until(found: Callable[[], bool]) -> None:
    """Waits for the background reload; the test's own time limit ends it when that never comes."""
    while not found():
        time.sleep(0.005)


def test_the_fitting_passage_comes_first_with_comparable_scores(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(1), fake, tmp_path)
    result = open_retriever(tmp_path, fake).search(query("do you ship to Norway"), k=3)
    best = result.hits[0]
    assert best.passage.answer.startswith("We ship to Norway")
    assert len(result.hits) == 3
    assert best.score == max(hit.score for hit in result.hits) <= 1.0
    assert best.dense == pytest.approx(1.0, abs=0.05)
    assert best.lexical is not None
    assert best.lexical > 0
    assert best.coverage == 1.0
    assert best.ranks["question"] == 1
    assert (result.index_version, result.encoder, result.degraded) == ("v000001", "fake@1", ())


def test_coverage_is_the_share_of_the_querys_weight_that_is_found(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(1), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    half = retriever.search(query("ship submarines")).hits
    coverage = {hit.passage.question: hit.coverage for hit in half}
    assert 0.2 < coverage["Do you ship to Norway"] < 0.5  # "submarines" is unknown, so it weighs more than "ship"
    assert coverage["Can I pay by invoice"] == 0.0
    assert all(hit.coverage == 0.0 for hit in retriever.search(query("?!")).hits)


def test_languages_never_mix(tmp_path: Path, fake: FakeEmbedder) -> None:
    german = passage(50, "Do you ship to Norway", "Wir liefern nach Norwegen.", "de")
    build_index([*shop(1), german], fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    for tag, expected in (("de", {"de"}), ("de-CH", {"de"}), ("en", {"en"})):
        found = retriever.search(query("do you ship to Norway", tag), k=50)
        assert {hit.passage.language for hit in found.hits} == expected


def test_a_language_without_passages_is_empty_and_said(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(1), fake, tmp_path)
    result = open_retriever(tmp_path, fake).search(query("livrez-vous en Norvège", "fr"))
    assert result.hits == ()
    assert result.degraded == ("language",)
    assert result.index_version == "v000001"


def test_agreement_is_high_among_equal_answers_and_low_among_strangers(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(6), fake, tmp_path)
    agreed = open_retriever(tmp_path, fake).search(query("How do I return the boots I bought"))
    build_index(shop(1), fake, tmp_path / "one")
    alone = open_retriever(tmp_path / "one", fake).search(query("How do I return the boots I bought"))
    assert agreed.agreement > 0.95
    assert alone.agreement < 0.6
    assert 0 <= agreed.medoid < len(agreed.hits)


def test_one_passage_has_nobody_to_agree_with(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(1)[:1], fake, tmp_path)
    result = open_retriever(tmp_path, fake).search(query("where is my parcel"))
    assert len(result.hits) == 1
    assert (result.agreement, result.medoid) == (0.0, 0)


def test_a_failing_encoder_leaves_search_by_words(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(2), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    fake.broken = True
    result = retriever.search(query("how to wash a down jacket"))
    assert result.degraded == ("encoder",)
    assert result.hits[0].passage.answer.startswith("Wash it at 30 degrees")
    assert result.hits[0].dense is None
    fake.broken = False
    assert retriever.search(query("how to wash a down jacket")).degraded == ()


def test_words_alone_find_nothing_for_strange_words(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(2), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    fake.broken = True
    assert retriever.search(query("zzyzx qwrtk")).hits == ()


def test_a_new_version_is_taken_over_by_itself(tmp_path: Path, fake: FakeEmbedder) -> None:
    retriever = open_retriever(tmp_path, fake)
    with pytest.raises(IndexBroken):
        retriever.search(query("parcel"))
    build_index(shop(1), fake, tmp_path)
    assert retriever.search(query("parcel")).index_version == "v000001"
    build_index(shop(2), fake, tmp_path)
    until(lambda: retriever.search(query("parcel")).index_version == "v000002")
    assert retriever.problem is None


def test_a_broken_new_version_is_refused_while_the_old_one_serves(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(1), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    version = build_index(shop(2), fake, tmp_path)
    (version.folder / "vectors.npy").write_bytes(b"rubbish")
    until(lambda: "new_index" in retriever.search(query("parcel")).degraded)
    assert retriever.search(query("parcel")).index_version == "v000001"
    assert retriever.problem is not None
    assert "vectors.npy" in retriever.problem
    build_index(shop(3), fake, tmp_path)
    until(lambda: retriever.search(query("parcel")).degraded == ())
    assert retriever.version == "v000003"


def test_an_index_of_another_encoder_is_refused(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(1), fake, tmp_path)
    with pytest.raises(IndexBroken, match=r"built with the encoder fake@1.*run `chatbot index`"):
        open_retriever(tmp_path, FakeEmbedder("fake@2")).search(query("parcel"))


def test_searches_of_many_threads_agree_while_versions_change(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(1), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    found: list[SearchResult] = []
    threads = [threading.Thread(target=_search_often, args=(retriever, found)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for copies in (2, 3, 4):
        build_index(shop(copies), FakeEmbedder(), tmp_path)
    for thread in threads:
        thread.join()
    assert len(found) == 4 * 60
    assert all(result.hits[0].passage.answer.startswith("We ship to Norway") for result in found)
    assert all(result.degraded == () for result in found)


def _search_often(retriever: IndexRetriever, found: list[SearchResult]) -> None:
    for _ in range(60):
        found.append(retriever.search(query("do you ship to Norway")))


def test_the_window_decides_where_the_last_message_says_little(tmp_path: Path, fake: FakeEmbedder) -> None:
    boots = passage(
        1,
        "yes please",
        "Your boots come back on Friday.",
        window="customer: my boots broke\nagent: new ones?\ncustomer: yes please",
    )
    tent = passage(
        2,
        "yes please",
        "The tent pole is sent today.",
        window="customer: the tent pole snapped\nagent: a new pole?\ncustomer: yes please",
    )
    build_index([boots, tent], fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    for one in (boots, tent):
        assert retriever.search(Query("yes please", one.window, "en")).hits[0].passage == one


def test_popular_are_the_most_asked_that_stand_alone(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(
        [
            passage(1, "Where is my parcel now?", "On its way.", count=9),
            passage(2, "where is my parcel now", "It is on its way.", count=8),
            passage(3, "do you ship to norway or sweden", "Yes.", count=3),
            passage(4, "My mail is [EMAIL], where is the refund?", "Soon.", count=20),
            passage(5, "ok", "Anything else?", count=50),
            passage(6, "Wo ist denn mein Paket?", "Unterwegs.", "de"),
            passage(7, "My parcel came with a broken zip.", "Sorry!", count=30),
            passage(8, "And how much is it for two of them?", "Double.", count=31),
            passage(9, "Good morning, hello? hello?", "Hello!", count=2),
            passage(10, "退货的运费由谁承担", "4.90 欧元。", "zh"),
        ],
        fake,
        tmp_path,
    )
    retriever = open_retriever(tmp_path, fake)
    assert retriever.popular("en", 4) == ["Where is my parcel now?", "do you ship to norway or sweden"]
    assert retriever.popular("zh", 4) == ["退货的运费由谁承担"]
    assert retriever.popular("de", 4) == ["Wo ist denn mein Paket?"]
    assert retriever.popular("fr", 4) == []


class _Encoders:
    """Opens fakes by name; counts, and refuses the names that are missing."""

    def __init__(self, *names: str) -> None:
        self.fakes = {name: FakeEmbedder(name) for name in names}
        self.opened: list[str] = []

    def __call__(self, name: str) -> FakeEmbedder:
        self.opened.append(name)
        if name not in self.fakes:
            raise ModelError(f"The model file {name}/model.safetensors was changed or is broken.")
        return self.fakes[name]


def test_a_version_of_another_encoder_comes_with_it_and_goes_with_it(tmp_path: Path, fake: FakeEmbedder) -> None:
    encoders = _Encoders("tuned@2")
    build_index(shop(1), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake, open_encoder=encoders)
    build_index(shop(1), FakeEmbedder("tuned@2"), tmp_path)
    until(lambda: retriever.search(query("parcel")).encoder == "tuned@2")
    assert retriever.embedder is encoders.fakes["tuned@2"]
    assert encoders.fakes["tuned@2"].encoded > 0
    before = fake.encoded
    assert retriever.search(query("do you ship to Norway")).hits[0].passage.answer.startswith("We ship to Norway")
    assert retriever.support(query("do you ship to Norway"), shop(1)[:2])
    assert fake.encoded == before
    rollback(tmp_path)
    until(lambda: retriever.search(query("parcel")).encoder == fake.name)
    assert retriever.embedder is fake
    assert encoders.opened == ["tuned@2"]


def test_an_encoder_that_cannot_be_opened_is_refused_by_name_while_the_old_version_serves(
    tmp_path: Path, fake: FakeEmbedder
) -> None:
    build_index(shop(1), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake, open_encoder=_Encoders())
    build_index(shop(2), FakeEmbedder("tuned@2"), tmp_path)
    until(lambda: retriever.search(query("parcel")).degraded == ("new_index",))
    assert retriever.search(query("parcel")).index_version == "v000001"
    assert "tuned@2, which cannot be opened: The model file tuned@2/model.safetensors" in str(retriever.problem)
    rollback(tmp_path)
    until(lambda: retriever.search(query("parcel")).degraded == ())


def test_no_search_is_lost_or_mixed_while_encoders_change(tmp_path: Path, fake: FakeEmbedder) -> None:
    """Vectors of 96 numbers beside an index of 64 would fail loudly."""
    encoders = _Encoders()
    encoders.fakes = {"small@1": FakeEmbedder("small@1", 64), "large@1": FakeEmbedder("large@1", 128)}
    build_index(shop(1), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake, open_encoder=encoders)
    found: list[SearchResult] = []
    threads = [threading.Thread(target=_search_often, args=(retriever, found)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for name in ("small@1", "large@1", "small@1"):
        build_index(shop(1), encoders.fakes[name], tmp_path)
    for thread in threads:
        thread.join()
    assert len(found) == 4 * 60
    assert all(result.hits[0].passage.answer.startswith("We ship to Norway") for result in found)
    assert all(result.degraded == () for result in found)


def test_what_people_added_is_encoded_anew_for_a_new_encoder(tmp_path: Path, fake: FakeEmbedder) -> None:
    encoders = _Encoders()
    encoders.fakes["small@1"] = FakeEmbedder("small@1", 64)
    added = passage(900, "Do you repair zips", "We repair zips for 20 euros.", source="correction")
    build_index(shop(1), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake, _Added(added), encoders)
    assert retriever.search(query("Do you repair zips")).hits[0].passage == added
    build_index(shop(1), encoders.fakes["small@1"], tmp_path)
    until(lambda: retriever.search(query("parcel")).encoder == "small@1")
    assert retriever.search(query("Do you repair zips")).hits[0].passage == added


def test_vectors_of_an_encoder_that_no_longer_serves_are_not_kept(tmp_path: Path, fake: FakeEmbedder) -> None:
    build_index(shop(1), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    assert retriever.prepare(shop(1), [], FakeEmbedder("other@1", 64)) == 0
    assert retriever.prepare(shop(1), [], fake) > 0


class _Added:
    """Knowledge with one passage that a person wrote."""

    def __init__(self, one: Passage) -> None:
        self._one = one

    def stamp(self) -> int:
        return 1

    def changes(self) -> Changes:
        return Changes(added=(self._one,))
