"""Fifty customers erased from everything that a deployment keeps: no byte of them, and no vector, stays in the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from chatbot.erasing import Copies
from chatbot.settings import Settings
from storage.audit import COMMAND
from storage.opening import Store, open_store
from storage.people import User
from storage.subjects import By, Subject
from tests.erased import Customer, fill_gap, index, make_customer, traces, write_examples
from tests.fakes_retrieval import FakeEmbedder
from tests.staff import done

CUSTOMERS = 50
SMALL_BALLAST = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(None, tmp_path, ballast_bytes=SMALL_BALLAST) as opened:
        yield opened


def admin(store: Store) -> User:
    return done(store.people.add_user("ada@shop.example", "Ada Boss", "admin", COMMAND))


def _vectors(customers: list[Customer], embedder: FakeEmbedder) -> list[bytes]:
    texts = [f"Look behind the {one.words['answered']}." for one in customers]
    texts += [f"Where is the {one.words['asked']}?" for one in customers]
    texts += [f"customer: {one.words['window']}" for one in customers]
    texts += [f"Do you rent {one.words['gap']}?" for one in customers]
    texts += [f"We rent {one.words['filled']}." for one in customers]
    halves = embedder.encode(texts).astype(np.float16)  # as the index keeps them, and as FAISS gets them
    return [row.tobytes() for row in halves] + [row.tobytes() for row in halves.astype(np.float32)]


def _holding(folder: Path, needles: list[bytes]) -> int:
    bodies = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return sum(needle in body for body in bodies for needle in needles)


def test_of_fifty_erased_customers_no_trace_is_left(store: Store, tmp_path: Path) -> None:
    boss, embedder, settings = admin(store), FakeEmbedder(), Settings(data=tmp_path)
    stays, *customers = [fill_gap(store, boss, make_customer(store, boss, n)) for n in (900, *range(CUSTOMERS))]
    write_examples(tmp_path, customers)
    index(store, settings.index_folder, embedder)
    canaries = [word for one in customers for word in one.words.values()]
    vectors = _vectors(customers, embedder)
    before = traces(tmp_path, canaries)
    assert {word for _, word in before} == set(canaries)
    assert {path.partition("/")[0] for path, _ in before} >= {"index", "datasets", "exports"}
    assert _holding(settings.index_folder, vectors) >= len(vectors)
    for one in customers:
        receipt = store.rights.erase(Subject(By.OWNER, one.owner), Copies(settings))
        assert receipt.settled
    assert traces(tmp_path, canaries) == set()
    assert _holding(settings.index_folder, vectors) == 0
    kept = [word for place, word in stays.words.items() if place != "example"]
    assert {word for _, word in traces(tmp_path, kept)} == set(kept)
