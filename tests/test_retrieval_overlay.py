"""What people change in the knowledge holds at the next search, and a search finds what it would find after a full build."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chatbot.errors import StorageError
from chatbot.retrieval.index import build_index
from chatbot.retrieval.retriever import IndexRetriever
from chatbot.transcripts.collapse import collapse
from chatbot.types import CORRECTION, Changes, Hit, Passage
from tests.fakes_retrieval import SHOP, FakeEmbedder, passage, query, shop

ANSWERS = ("Only in June.", "Ask the harbour office.", "Twelve euros.", "Yes, with a stamp.", "Bring both keys along.")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Written:
    """People's changes, in memory. `away` fails."""

    known: list[Passage]
    retired: list[str]
    added: list[Passage]
    version: int = 0
    away: bool = False

    def stamp(self) -> int:
        if self.away:
            raise StorageError("The database is away.")
        return self.version

    def changes(self) -> Changes:
        gone = frozenset(self.retired)
        return Changes(gone, tuple(one for one in self.known if one.id in gone), tuple(self.added))

    def now(self) -> list[Passage]:
        """What a full build would index."""
        gone = set(self.retired)
        everything = [*self.known, *(one for one in self.added if one.id not in {old.id for old in self.known})]
        kept = [one for one in everything if one.id not in gone]
        return collapse(kept, retired=[one for one in self.known if one.id in gone])


def correction(number: int, question: str, answer: str, language: str = "en") -> Passage:
    name = f"correction-{number}"
    when = NOW + timedelta(minutes=number)
    made = passage(number, question, answer, language, source=CORRECTION, last_seen=when, resolved_at=when)
    return replace(made, id=name, conversation_id=name)


def laid(folder: Path, written: Written, embedder: FakeEmbedder | None = None) -> IndexRetriever:
    """A retriever over an index of what was known, with the changes laid over it."""
    used = embedder or FakeEmbedder()
    build_index(collapse(written.known), used, folder)
    return IndexRetriever(folder, used, written)


def rebuilt(folder: Path, written: Written) -> IndexRetriever:
    build_index(written.now(), FakeEmbedder(), folder)
    return IndexRetriever(folder, FakeEmbedder())


def shown(hits: Sequence[Hit]) -> list[tuple[str, float | None]]:
    """What a search found, with the cosines. BM25 may differ a little: a few documents more or less move the mean length."""
    return [(hit.passage.id, hit.dense and round(hit.dense, 3)) for hit in hits]


def test_a_correction_is_found_at_the_next_search_and_what_it_replaces_is_not(tmp_path: Path) -> None:
    written = Written(shop(), [], [])
    retriever = laid(tmp_path, written)
    asked = query(SHOP[1][0])
    wrong = retriever.search(asked).hits[0].passage
    assert wrong.answer == SHOP[1][1]
    right = correction(1, SHOP[1][0], "You can return them within 60 days.")
    written.added.append(right)
    written.retired.append(wrong.id)
    written.version += 1
    found = [hit.passage for hit in retriever.search(asked).hits]
    assert found[0] == right
    assert wrong not in found
    assert retriever.overlay() == (1, 1)
    written.added.clear()
    written.retired.clear()
    written.version += 1
    assert retriever.search(asked).hits[0].passage == wrong


@pytest.mark.parametrize("seed", range(6))
def test_a_search_finds_what_it_would_find_after_a_build(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    known = [
        replace(one, language=language, id=f"{language}{one.id}", last_seen=NOW - timedelta(days=chance.randrange(900)))
        for language in ("en", "de")
        for one in shop(chance.choice([6, 8]), language)
    ]
    retired = [one.id for one in chance.sample(known, chance.randrange(1, 4))]
    asked = [f"{question} {more}" for question, _ in SHOP for more in ("in winter", "abroad", "today")]
    added = [
        correction(n, question, ANSWERS[n], chance.choice(["en", "de", "fr"]))
        for n, question in enumerate(chance.sample(asked, chance.randrange(1, 6)))
    ]
    written = Written(known, retired, added, 1)
    over, built = laid(tmp_path / "over", written), rebuilt(tmp_path / "built", written)
    for language in ("en", "de", "fr"):
        for text in (*(question for question, _ in SHOP), "parcel abroad", "boots", "invoice today"):
            one, other = over.search(query(text, language), 3), built.search(query(text, language), 3)
            assert shown(one.hits) == shown(other.hits), (language, text)


def test_retiring_one_of_several_near_duplicates_retires_what_stands_for_them(tmp_path: Path) -> None:
    old = replace(
        passage(1, "How long may I return it?", "You have 14 days to return it."), last_seen=NOW - timedelta(days=9)
    )
    new = replace(old, id="newer", conversation_id="c2", last_seen=NOW)
    for retired in (old, new):  # the one that is indexed, and the one that it stands for
        written = Written([old, new, *shop()], [retired.id], [], 1)
        folder = tmp_path / retired.id
        found = laid(folder, written).search(query("How long may I return it?"), 20).hits
        assert not {old.id, new.id} & {hit.passage.id for hit in found}
        assert not {old.id, new.id} & {one.id for one in written.now()}


def test_a_later_import_of_the_wrong_answer_stays_out_too() -> None:
    wrong = passage(1, "How long may I return it?", "You have 14 days to return it.")
    again = replace(wrong, id="again", conversation_id="other-chat", last_seen=NOW)
    assert collapse([again], retired=[wrong]) == []
    other = replace(again, id="other", answer="You have 30 days to return it.")
    assert collapse([other], retired=[wrong]) == [other]
    written = correction(1, wrong.question, wrong.answer)
    assert collapse([written], retired=[wrong]) == [written]  # what the team writes stands for itself
    assert collapse([again], retired=[written]) == [again]


def test_a_passage_that_is_given_back_is_found_again_after_a_build_without_it(tmp_path: Path) -> None:
    known = shop()
    wrong = known[0]
    build_index([one for one in known if one.id != wrong.id], FakeEmbedder(), tmp_path)
    written = Written(known, [], [wrong], 1)
    assert IndexRetriever(tmp_path, FakeEmbedder(), written).search(query(SHOP[0][0])).hits[0].passage == wrong


def test_an_indexed_correction_is_not_added_twice(tmp_path: Path) -> None:
    right = correction(1, "Do you sell kayaks?", "No, only paddles.")
    written = Written([*shop(), right], [], [right], 1)
    retriever = laid(tmp_path, written)
    found = [hit.passage.id for hit in retriever.search(query("Do you sell kayaks?"), 20).hits]
    assert found.count(right.id) == 1
    assert retriever.overlay() == (0, 0)


def test_words_that_only_a_correction_uses_are_no_typos(tmp_path: Path) -> None:
    written = Written(shop(2), [], [], 0)
    retriever = laid(tmp_path, written)
    assert retriever.mend("parcet", "en") == "parcel"
    written.added.append(correction(1, "What is a parcet?", "A small tent."))
    written.version += 1
    assert retriever.mend("parcet", "en") == "parcet"


def test_without_the_store_or_the_encoder_the_index_serves_on_and_says_so(tmp_path: Path) -> None:
    written, embedder = Written(shop(), [], [], 0), FakeEmbedder()
    retriever = laid(tmp_path, written, embedder)
    assert retriever.search(query("parcel")).degraded == ()
    written.away = True
    found = retriever.search(query("parcel"))
    assert found.hits
    assert found.degraded == ("knowledge",)
    written.away, embedder.broken = False, True
    written.added.append(correction(1, "Do you sell kayaks?", "No."))
    written.version += 1
    assert set(retriever.search(query("a new question")).degraded) == {"knowledge", "encoder"}
    embedder.broken = False
    assert retriever.search(query("Do you sell kayaks?")).hits[0].passage.answer == "No."
    assert retriever.search(query("Do you sell kayaks?")).degraded == ()


def test_only_new_texts_are_encoded(tmp_path: Path) -> None:
    written, embedder = Written(shop(), [], [correction(1, "Kayaks?", "No.")], 0), FakeEmbedder()
    retriever = laid(tmp_path, written, embedder)
    retriever.follow()
    before = embedder.encoded
    written.added.append(correction(2, "Paddles?", "Yes."))
    written.version += 1
    retriever.follow()
    assert embedder.encoded - before == 3  # window, question and answer of the second
    retriever.follow()
    assert embedder.encoded - before == 3


def test_ids_are_found_whatever_they_hold(tmp_path: Path) -> None:
    odd = ["a", "ab", 'quo"te', "ünïcode-退货", "correction-1", "correction-11", "\\u0041", "x" * 200]
    known = [replace(passage(n, f"Question {n}", f"Answer {n}"), id=name) for n, name in enumerate(odd)]
    written = Written(known, [], [], 0)
    retriever = laid(tmp_path, written)
    for name in odd:
        written.retired[:] = [name]
        written.version += 1
        found = {hit.passage.id for hit in retriever.search(query("Question"), 20).hits}
        assert found == set(odd) - {name}
