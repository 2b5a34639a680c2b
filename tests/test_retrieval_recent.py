"""The bounded memory: what was used last stays, and a search for several tells which are missing."""

from __future__ import annotations

from chatbot.retrieval.recent import Recent


def test_what_was_not_used_for_longest_gives_way() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.keep([("a", 1), ("b", 2)])
    assert recent.find(["a"]) == {"a": 1}
    recent.keep([("c", 3)])
    assert recent.find(["a", "b", "c"]) == {"a": 1, "c": 3}


def test_more_than_there_is_room_for_leaves_the_last() -> None:
    recent: Recent[int, int] = Recent(3)
    recent.keep((number, -number) for number in range(10))
    assert recent.find(range(10)) == {7: -7, 8: -8, 9: -9}
