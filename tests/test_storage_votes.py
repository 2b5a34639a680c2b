"""Votes between two models' answers, over SQLite and a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.errors import BadInput, NotFound
from storage.audit import COMMAND
from storage.opening import Store, open_store
from storage.people import User
from storage.votes import BOTH, NEITHER, Vote

A, B, C = "generator-0001", "generator-0002", "precedent"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_store(url, tmp_path) as opened:
        yield opened


def admin(store: Store, name: str = "Ada") -> User:
    return asyncio.run(store.people.add_user(f"{name.lower()}@shop.example", name, "admin", COMMAND))


def cast(store: Store, user: User, left: str, right: str, winner: str, blind: bool = True) -> int:
    return asyncio.run(store.votes.cast(user, COMMAND, Vote("Where is it?", "en", (left, right), winner, blind)))


def test_a_pair_stands_the_same_whichever_side_each_was_on(store: Store) -> None:
    user = admin(store)
    cast(store, user, A, B, A)
    cast(store, user, B, A, A, blind=False)
    cast(store, user, A, B, B)
    cast(store, user, B, A, BOTH)
    cast(store, user, A, B, NEITHER)
    cast(store, user, C, A, C)
    pair, other = asyncio.run(store.votes.standings())
    assert (pair.first, pair.second, pair.for_first, pair.for_second, pair.both, pair.neither) == (A, B, 2, 1, 1, 1)
    assert (pair.votes, pair.blind) == (5, 4)
    low, high = pair.interval
    assert 0 < low < 2 / 3 < high < 1
    assert (other.first, other.second, other.for_second) == (A, C, 1)


def test_only_ones_own_vote_is_taken_back(store: Store) -> None:
    user, other = admin(store), admin(store, "Bea")
    vote = cast(store, user, A, B, A)
    with pytest.raises(NotFound):
        asyncio.run(store.votes.take_back(other, COMMAND, vote))
    asyncio.run(store.votes.take_back(user, COMMAND, vote))
    assert asyncio.run(store.votes.standings()) == []
    trail = [entry.action for entry in asyncio.run(store.audit.entries(target=f"vote:{vote}"))]
    assert trail == ["models.vote_taken_back", "models.vote"]


@pytest.mark.parametrize(("left", "right", "winner"), [(A, A, A), (A, B, C), (A, B, "")])
def test_a_vote_that_decides_nothing_is_refused(store: Store, left: str, right: str, winner: str) -> None:
    user = admin(store)
    with pytest.raises(BadInput):
        cast(store, user, left, right, winner)
    assert asyncio.run(store.votes.standings()) == []
