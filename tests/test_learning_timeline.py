"""A turn finds what an index of its moment would have given it: nothing of its own conversation, later, or held out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.learning.finding import find
from chatbot.learning.grading import Graded, key_of, said_again
from chatbot.learning.splitting import RANK
from chatbot.learning.timeline import DEPTH, Moments, open_timeline
from chatbot.retrieval.fusion import DENSE, Fusion, fuse
from chatbot.retrieval.lexical import Bm25
from chatbot.retrieval.words import words
from chatbot.types import Passage
from tests.fakes_retrieval import FakeEmbedder
from tests.learning_corpus import BEGAN, distilled, transcripts

PASSAGES = distilled(transcripts())
SPLITS = {key_of(one): ("train", "validation", "test")[number // 20] for number, one in enumerate(PASSAGES)}


def told(passages: list[Passage]) -> list[Graded]:
    return [Graded(one, said_again(one), key_of(one)) for one in passages]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PASSAGES), st.integers(-5, 70), st.integers(0, 4)), min_size=1, max_size=30))
def test_nothing_own_later_or_held_out_is_ever_found(drawn: list[tuple[Passage, int, int]]) -> None:
    moved = []
    for number, (one, day, conversation) in enumerate(drawn):
        at = BEGAN + timedelta(days=day) if day >= 0 else None
        moved.append(replace(one, id=f"p{number}", conversation_id=f"c{conversation}", resolved_at=at))
    splits = {("own", f"c{n}"): ("train", "train", "validation", "test", "test")[n] for n in range(5)}
    found = dict(zip(range(len(moved)), find(told(moved), moved, splits, FakeEmbedder(), lambda *_: None), strict=True))
    for graded, candidates in found.values():
        for one in candidates:
            shown = one.passage
            assert key_of(shown) != graded.conversation
            assert RANK[splits[key_of(shown)]] <= RANK[splits[graded.conversation]]
            assert shown.resolved_at is None or graded.at is None or shown.resolved_at < graded.at


def test_a_turn_finds_what_an_index_without_the_rest_would_find() -> None:
    """Against a search over the allowed passages alone, list by list, for every turn."""
    random = np.random.default_rng(3)  # vectors without ties, whose order would hang on rounding
    of = {name: random.standard_normal((60, 16)).astype(np.float32) for name in DENSE}
    at = np.arange(60, dtype=float)
    split = np.asarray([RANK[SPLITS[key_of(one)]] for one in PASSAGES], dtype=np.int8)
    moments = Moments(at, np.arange(60) // 2, split)
    timeline = open_timeline("en", PASSAGES, of, moments, Fusion())
    found = list(
        timeline.search(PASSAGES, {"window": of["window"], "question": of["question"]}, moments, lambda _: None)
    )
    lexical = {
        field: Bm25.build([words(getattr(one, field), "en") for one in PASSAGES]) for field in ("window", "question")
    }
    for row, ids in enumerate(found):
        allowed = [
            other
            for other in range(60)
            if at[other] < at[row] and other // 2 != row // 2 and split[other] <= split[row]
        ]
        lists = {}
        for name, side in (("window", "window"), ("question", "question"), ("reply", "window")):
            scores = of[side][row] @ of[name].T
            lists[name] = np.asarray(sorted(allowed, key=lambda o: (-scores[o], o))[:DEPTH], dtype=np.int64)
        for name in ("window", "question"):
            scores = lexical[name].scores(words(getattr(PASSAGES[row], name), "en"))
            hits = [o for o in allowed if scores[o] > 0]
            lists[f"{name}_words"] = np.asarray(sorted(hits, key=lambda o: (-scores[o], o))[:DEPTH], dtype=np.int64)
        expected = fuse(lists, Fusion()).ids
        assert list(ids) == list(expected)


def test_what_holds_for_one_customer_only_is_not_shown_and_other_languages_stay_out() -> None:
    personal = replace(PASSAGES[0], id="p", conversation_id="p", answer="I have refunded you.", resolved_at=BEGAN)
    german = replace(PASSAGES[1], id="g", conversation_id="g", language="de", resolved_at=BEGAN)
    asked = told(PASSAGES[40:])
    found = find(asked, [*PASSAGES, personal, german], SPLITS, FakeEmbedder(), lambda *_: None)
    shown = {one.passage.id for _, candidates in found for one in candidates}
    assert shown
    assert not shown & {"p", "g"}
