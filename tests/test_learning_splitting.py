"""No conversation is in two splits, later splits are later, and chance is the seed's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chatbot.learning.splitting import RANK, part

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
keys = st.tuples(st.sampled_from(["own", "faq", "live"]), st.integers(0, 60).map(str))
moments = st.one_of(st.none(), st.integers(0, 500).map(lambda hours: BEGAN + timedelta(hours=hours)))
shares = st.sampled_from([0.0, 0.1, 0.2, 0.25])


@given(st.dictionaries(keys, moments, max_size=60), shares, shares, st.integers(0, 5))
def test_each_conversation_has_one_split_and_time_only_goes_on(
    conversations: dict[tuple[str, str], datetime | None], validation: float, test: float, seed: int
) -> None:
    found = part(conversations, validation, test, seed)
    assert found.of.keys() == conversations.keys()
    assert set(found.of.values()) <= set(RANK)
    assert all(split == "train" for key, split in found.of.items() if key[0] == "faq")
    assert part(conversations, validation, test, seed) == found
    if found.by == "time":
        told = [(at, RANK[found.of[key]]) for key, at in conversations.items() if at and key[0] != "faq"]
        for split in (1, 2):
            before = [at for at, rank in told if rank < split]
            after = [at for at, rank in told if rank >= split]
            assert not before or not after or max(before) <= min(after)


def test_shares_are_of_the_conversations() -> None:
    dated = {("own", str(n)): BEGAN + timedelta(days=n) for n in range(100)}
    found = part(dated, 0.1, 0.2, 1)
    assert [list(found.of.values()).count(split) for split in RANK] == [70, 10, 20]
    assert found.starts == {"test": BEGAN + timedelta(days=80), "validation": BEGAN + timedelta(days=70)}
    undated = part(dict.fromkeys(dated), 0.1, 0.2, 1)
    assert (undated.by, [list(undated.of.values()).count(split) for split in RANK]) == ("chance", [70, 10, 20])
    assert part(dict.fromkeys(dated), 0.1, 0.2, 2).of != undated.of


def test_a_few_without_a_time_train() -> None:
    dated: dict[tuple[str, str], datetime | None] = {("own", str(n)): BEGAN + timedelta(days=n) for n in range(95)}
    found = part(dated | {("own", f"x{n}"): None for n in range(5)}, 0.1, 0.1, 1)
    assert found.by == "time"
    assert {found.of["own", f"x{n}"] for n in range(5)} == {"train"}
