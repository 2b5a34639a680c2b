"""The order of the review queue: the share of chance, what a verdict is worth, nothing twice."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.reviewing import Candidate, arrange

THRESHOLD = 0.63


def plain(*keys: int) -> list[Candidate]:
    return [Candidate(key) for key in keys]


def disliked(*keys: int) -> list[Candidate]:
    return [Candidate(key, thumbs_down=True) for key in keys]


@pytest.mark.parametrize("done", range(7))
def test_one_place_in_five_is_chance_over_the_whole_day(done: int) -> None:
    order = arrange(plain(*range(100, 140)), disliked(*range(40)), THRESHOLD, done=done)
    places = [done + at for at, pick in enumerate(order[:40]) if pick.why == "uniform"]
    assert places == [place for place in range(done, done + 40) if place % 5 == 0]


def test_judging_one_at_a_time_with_a_reload_each_time_keeps_the_share() -> None:
    uniform, others, why = plain(*range(100, 140)), disliked(*range(60)), []
    for done in range(50):
        pick = arrange(uniform, others, THRESHOLD, done=done)[0]
        why.append(pick.why)
        uniform = [one for one in uniform if one.key != pick.candidate.key]
        others = [one for one in others if one.key != pick.candidate.key]
    assert why.count("uniform") == 10


def test_worth_falls_from_thumbs_down_to_groups_and_signs_add_up() -> None:
    others = [
        Candidate(1, 0.9, group=60),
        Candidate(2, 0.9, agreement=0.0),
        Candidate(3, THRESHOLD),
        Candidate(4, 0.9, thumbs_down=True),
        Candidate(5, THRESHOLD, thumbs_down=True),
        Candidate(6, 0.9, agreement=0.9),
    ]
    order = arrange([], others, THRESHOLD)
    assert [(pick.candidate.key, pick.why) for pick in order] == [
        (5, "thumbs_down"), (4, "thumbs_down"), (3, "near_threshold"), (2, "disagreement"), (1, "refused_group"),
    ]  # fmt: skip
    assert order[0].signs == ("thumbs_down", "near_threshold")


def test_closer_to_the_threshold_and_larger_groups_come_first() -> None:
    near = [Candidate(key, confidence) for key, confidence in ((1, 0.55), (2, 0.64), (3, 0.71), (4, 0.1))]
    assert [pick.candidate.key for pick in arrange([], near, THRESHOLD)] == [2, 3, 1]
    groups = [Candidate(key, group=size) for key, size in ((1, 4), (2, 40), (3, 2))]
    assert [pick.candidate.key for pick in arrange([], groups, THRESHOLD)] == [2, 1]


def test_one_reply_with_several_signs_is_one_place() -> None:
    order = arrange(
        [], [Candidate(1, thumbs_down=True), Candidate(1, group=9), Candidate(1, superseded=True)], THRESHOLD
    )
    assert [(pick.candidate.key, pick.signs) for pick in order] == [
        (1, ("thumbs_down", "disagreement", "refused_group"))
    ]


def test_a_small_store_keeps_its_places_by_worth() -> None:
    """Where chance would draw every reply there is, the share holds all the same."""
    order = arrange(plain(5, 4, 3, 2, 1), disliked(1, 2, 3, 4, 5), THRESHOLD)
    assert [pick.why for pick in order] == ["uniform", *["thumbs_down"] * 4]
    assert order[0].candidate.key == 5


def test_what_another_agent_looks_at_comes_last() -> None:
    order = arrange(plain(10, 11), disliked(1, 2, 3), THRESHOLD, taken={10, 3})
    keys = [pick.candidate.key for pick in order]
    assert keys.index(11) < keys.index(10)
    assert keys.index(3) > max(keys.index(1), keys.index(2))


candidates = st.builds(
    Candidate,
    st.integers(0, 30),
    st.floats(0, 1),
    st.none() | st.floats(0, 1),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)


@given(st.lists(st.integers(0, 30), unique=True), st.lists(candidates), st.integers(0, 99))
def test_each_reply_comes_once_and_none_is_lost(uniform: list[int], others: list[Candidate], done: int) -> None:
    order = arrange(plain(*uniform), others, THRESHOLD, done=done)
    keys = [pick.candidate.key for pick in order]
    assert len(keys) == len(set(keys))
    assert set(uniform) <= set(keys) <= set(uniform) | {one.key for one in others}
    assert all(pick.why == "uniform" or pick.why in pick.signs for pick in order)


def test_the_order_of_the_draw_is_kept() -> None:
    drawn = random.Random(1).sample(range(1000), 50)
    picks = arrange(plain(*drawn), [], THRESHOLD)
    assert [pick.candidate.key for pick in picks] == drawn
