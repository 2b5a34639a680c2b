"""What a server makes ready beside its chats: the right passages, within bounds, and no answer changes by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatbot import warming
from chatbot.matching import reusable
from chatbot.retrieval.index import build_index
from chatbot.retrieval.reading import OpenIndex
from chatbot.retrieval.recent import Recent
from chatbot.retrieval.retriever import IndexRetriever, open_retriever
from chatbot.searching import answers_like
from chatbot.types import Changes
from chatbot.warming import Warming, likeliest
from tests.fakes_retrieval import SHOP, FakeEmbedder, passage, query, shop


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)


@pytest.fixture
def began(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Warming]]:
    """A warming that has begun; closed at the end."""
    monkeypatch.setattr(warming, "_LOOKS_EVERY_S", 0.01)
    made: list[Warming] = []

    def begin(retriever: IndexRetriever, most: int = 100) -> Warming:
        made.append(Warming(retriever, most))
        made[-1].start()
        return made[-1]

    yield begin
    for one in made:
        one.close()


def test_the_first_turn_after_it_encodes_its_question_only(tmp_path: Path, began: Callable[..., Warming]) -> None:
    fake = FakeEmbedder()
    build_index(shop(), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    wait_until(began(retriever).done)
    hits = retriever.search(query("Do you ship to Norway"), k=6).hits
    able = [hit.passage for hit in hits if reusable(hit.passage)]
    figures = next(one for one in able if "30 days" in one.answer)
    fake.encoded = 0
    retriever.support(query("ship to Norway"), able)
    assert fake.encoded == 3  # the words of the question
    retriever.search(answers_like(reusable(figures), "en"))
    assert fake.encoded == 3


def test_nothing_that_is_found_or_weighed_changes(tmp_path: Path, began: Callable[..., Warming]) -> None:
    build_index(shop(3), FakeEmbedder(), tmp_path)
    cold, warm = (open_retriever(tmp_path, FakeEmbedder()) for _ in range(2))
    wait_until(began(warm).done)
    for question, _ in SHOP:
        found = cold.search(query(question), k=9)
        assert warm.search(query(question), k=9) == found
        passages = [hit.passage for hit in found.hits]
        assert warm.support(query(question), passages) == cold.support(query(question), passages)


def test_a_new_version_is_made_ready_too(tmp_path: Path, began: Callable[..., Warming]) -> None:
    fake = FakeEmbedder()
    build_index(shop(), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    one = began(retriever)
    wait_until(one.done)
    new = passage(900, "Do you rent out kayaks", "We rent out kayaks from May to September, by the day.")
    build_index([*shop(), new], fake, tmp_path)
    retriever.refresh()
    assert not one.done()
    wait_until(one.done)
    fake.encoded = 0
    retriever.support(query("kayaks"), [new])
    assert fake.encoded == 1


class _Taught:
    """One passage that the team has added."""

    def __init__(self) -> None:
        self.changes_now = Changes()

    def stamp(self) -> int:
        return len(self.changes_now.added)

    def changes(self) -> Changes:
        return self.changes_now


def test_what_the_team_adds_comes_first(tmp_path: Path, began: Callable[..., Warming]) -> None:
    fake, team = FakeEmbedder(), _Taught()
    build_index(shop(), fake, tmp_path)
    retriever = IndexRetriever(tmp_path, fake, team)
    retriever.follow()
    one = began(retriever, most=1)
    wait_until(one.done)
    added = passage(901, "Do you lend snow shoes", "We lend snow shoes from December to March, by the week.")
    team.changes_now = Changes(added=(added,))
    retriever.follow()
    wait_until(one.done)
    fake.encoded = 0
    retriever.support(query("snow"), [added])
    assert fake.encoded == 1


def test_no_more_than_the_likeliest(tmp_path: Path, began: Callable[..., Warming]) -> None:
    fake = FakeEmbedder()
    build_index(shop(), fake, tmp_path)
    retriever = open_retriever(tmp_path, fake)
    wait_until(began(retriever, most=2).done)
    ready = list(likeliest(OpenIndex(tmp_path / str(retriever.version))))
    fake.encoded = 0
    retriever.support(query("boots"), ready[:2])
    assert fake.encoded == 1
    retriever.support(query("boots"), ready[2:3])
    assert fake.encoded > 2


def test_the_likeliest_can_answer_anybody_and_come_once(tmp_path: Path) -> None:
    private = passage(902, "Where is order 7", "I have refunded you.")
    often = passage(903, "Which size fits me", "The size table is on the page of each product.", count=9)
    build_index([*shop(), private, often], FakeEmbedder(), tmp_path)
    retriever = open_retriever(tmp_path, FakeEmbedder())
    found = [one.id for one in likeliest(OpenIndex(tmp_path / str(retriever.version)))]
    assert len(found) == len(set(found))
    assert often.id in found
    assert private.id not in found


def test_it_ends_at_once_and_never_begins_by_itself(tmp_path: Path, began: Callable[..., Warming]) -> None:
    build_index(shop(20), FakeEmbedder(), tmp_path)
    open_retriever(tmp_path, FakeEmbedder())
    assert "warming" not in {thread.name for thread in threading.enumerate()}
    one = began(open_retriever(tmp_path, FakeEmbedder()))
    one.close()
    assert "warming" not in {thread.name for thread in threading.enumerate()}


def test_without_an_index_or_an_encoder_it_waits(tmp_path: Path, began: Callable[..., Warming]) -> None:
    fake = FakeEmbedder()
    retriever = open_retriever(tmp_path, fake)
    one = began(retriever)
    assert not one.done()
    build_index(shop(), fake, tmp_path)
    fake.broken = True
    retriever.refresh()
    wait_until(one.done)  # given up: the turns say what is wrong
    fake.broken = False
    assert retriever.support(query("boots"), [shop()[0]])


def test_what_is_remembered_stays_within_its_room() -> None:
    held: Recent[str, bytes] = Recent(10, len)
    held.keep([("a", b"1234"), ("b", b"1234")])
    held.find(["a"])
    held.keep([("c", b"1234")])
    assert set(held.find("abc")) == {"a", "c"}
    held.keep([("a", b"1"), ("d", b"12345")])
    assert set(held.find("acd")) == {"a", "c", "d"}
