"""Refused questions in groups: what belongs together, its name, its trend, and what one reader may learn from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from chatbot.clustering import FEW, Labels, Vectors, cluster, cluster_apart
from chatbot.gaps import Group, Trend, describe, known_vectors, sort_out, trend
from chatbot.naming import names
from chatbot.protocols import Embedder
from chatbot.retrieval.embedder import open_embedder
from chatbot.settings import load_settings
from chatbot.types import Question
from tests.embedded import link_models
from tests.fakes_retrieval import FakeEmbedder

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=365)
TOPICS = {
    "gift": (
        "Do you sell gift cards?",
        "can I buy a gift voucher for a friend",
        "I would like to get a gift card worth 50 euros",
        "do you have gift vouchers",
        "where can I order a gift card",
        "Is there a gift card I can send by mail?",
        "how do I redeem a gift voucher",
        "is a gift card valid forever",
    ),
    "wholesale": (
        "Do you offer wholesale prices?",
        "wholesale terms for retailers",
        "can our store buy in bulk with a discount",
        "bulk order discount for a company",
        "minimum quantity for wholesale orders",
        "who do I talk to about wholesale",
    ),
    "repair": (
        "my zipper broke, can you repair it",
        "do you repair ripped tents",
        "How much does a zipper repair cost?",
        "can I send in my jacket for repair",
        "tent pole snapped, is there a repair service",
        "do you mend holes in down jackets",
        "repair of a broken buckle on my backpack",
    ),
    "job": (
        "are you hiring?",
        "do you have open jobs in your store",
        "how can I apply for a job",
        "I want to work for you, where do I send my job application",
        "job application status",
        "are there any job vacancies right now",
    ),
}
NOISE = (
    "what is the capital of Peru",
    "my cat likes your boxes",
    "who won the football match",
    "is the moon made of cheese",
    "tell me about quantum physics",
    "when was your boss born",
)


def asked(texts: Sequence[str], first: int = 1, language: str = "en", days: float = 1) -> list[Question]:
    """Each by a customer of its own, that many days ago."""
    at = NOW - timedelta(days=days)
    return [
        Question(number, text, language, at, f"customer {number}", f"conversation {number}", 1)
        for number, text in enumerate(texts, first)
    ]


def grouped(questions: Sequence[Question], oldest: datetime | None = LONG_AGO) -> list[Group]:
    found = sort_out(questions, FakeEmbedder(dim=384), cluster, known_vectors())
    return describe(questions, found, NOW, oldest)


def together(texts: Sequence[str], groups: Sequence[Group]) -> float:
    """The share of the texts that lie in the one group that holds most of them."""
    return max(len({one.text for one in group.questions} & set(texts)) for group in groups) / len(set(texts))


# --- grouping ----------------------------------------------------------------------------------------------


def test_no_question_is_no_group() -> None:
    assert grouped([]) == []
    assert grouped(asked(["Do you sell gift cards?"])) == []


def test_few_questions_are_grouped_too_and_strangers_left_out() -> None:
    questions = asked(
        ["do you sell gift cards", "do you sell a gift card", "gift cards, do you sell them", "zzz qqq xxx"]
    )
    (group,) = grouped(questions)
    assert {one.id for one in group.questions} == {1, 2, 3}
    assert (group.customers, group.recent, group.before) == (3, 3, 0)


def test_one_person_asking_ten_times_is_no_group() -> None:
    same = [replace(one, customer="one") for one in asked(["do you sell gift cards"] * 10)]
    assert grouped(same) == []
    (group,) = grouped([*same, *asked(["do you sell gift cards"], first=20)])
    assert (group.customers, len(group.questions)) == (2, 11)
    assert len(group.examples()) == 1


def test_languages_are_never_mixed() -> None:
    questions = asked(["gift card"] * 3) + asked(["gift card"] * 4, first=10, language="de")
    assert [(group.language, len(group.questions)) for group in grouped(questions)] == [("de", 4), ("en", 3)]


def test_the_same_questions_give_the_same_groups_in_any_order() -> None:
    questions = asked([text for texts in TOPICS.values() for text in texts])
    assert [g.id for g in grouped(questions)] == [g.id for g in grouped(questions[::-1])]


def test_a_reader_learns_nothing_of_questions_that_are_not_given() -> None:
    questions = asked(["gift card for anna", "gift card for anna", "gift card secretword", "gift card secretword"])
    found = sort_out(questions, FakeEmbedder(), cluster, known_vectors())
    (group,) = describe(questions[:2], found, NOW, LONG_AGO)
    assert "secretword" not in group.name
    assert (group.customers, len(group.questions)) == (2, 2)
    assert describe(questions[:1], found, NOW, LONG_AGO) == []


def test_what_is_known_is_not_encoded_again_and_progress_is_told() -> None:
    questions, encoder, known = asked(TOPICS["gift"]), FakeEmbedder(), known_vectors()
    told: list[tuple[int, int]] = []
    sort_out(questions, encoder, cluster, known, lambda done, all_: told.append((done, all_)))
    sort_out(questions + asked(["new"], first=90), encoder, cluster, known)
    assert told == [(8, 8)]
    assert encoder.encoded == 9


def test_the_process_apart_gives_the_same_labels() -> None:
    vectors = FakeEmbedder().encode([text for texts in TOPICS.values() for text in texts])
    assert len(vectors) >= FEW
    assert cluster_apart(vectors).tolist() == cluster(vectors).tolist()


def test_many_questions_are_grouped_on_fewer_axes() -> None:
    draw = np.random.default_rng(5)
    middles = draw.normal(size=(10, 96))
    vectors: Vectors = (middles.repeat(250, axis=0) + 0.05 * draw.normal(size=(2500, 96))).astype(np.float32)
    labels: Labels = cluster(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    assert len({tuple(set(labels[at : at + 250].tolist())) for at in range(0, 2500, 250)}) == 10


# --- trend -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recent", "before", "expected"),
    [
        (0, 0, Trend.FEW),
        (5, 0, Trend.FEW),  # p = 0.0625
        (6, 0, Trend.UP),  # p = 0.03125
        (0, 6, Trend.DOWN),
        (8, 2, Trend.LEVEL),  # p = 0.109
        (9, 1, Trend.UP),  # p = 0.021
        (20, 20, Trend.LEVEL),
        (3, 20, Trend.DOWN),
        (5000, 5100, Trend.LEVEL),
        (5000, 5300, Trend.DOWN),
    ],
)
def test_a_trend_is_told_only_where_chance_hardly_makes_it(recent: int, before: int, expected: Trend) -> None:
    assert trend(recent, before) is expected


def test_a_trend_counts_customers_of_two_periods_and_needs_both() -> None:
    questions = [
        *asked(["gift card"] * 9, days=3),
        *asked(["gift card"] * 2, first=20, days=40),
        *asked(["gift card"] * 5, first=40, days=70),
    ]
    (group,) = grouped(questions)
    assert (group.recent, group.before, group.customers, group.trend) == (9, 2, 16, Trend.LEVEL)
    assert (group.first_seen, group.last_seen) == (NOW - timedelta(days=70), NOW - timedelta(days=3))
    (group,) = grouped(questions[:9])
    assert group.trend is Trend.UP
    for oldest in (None, NOW - timedelta(days=59)):
        (group,) = grouped(questions[:9], oldest)
        assert group.trend is Trend.UNKNOWN


# --- names -------------------------------------------------------------------------------------------------


def test_a_name_is_what_sets_a_group_apart_and_not_what_all_say() -> None:
    groups = [
        [f"Hello, can I get {thing}" for thing in ("a gift card", "a gift card please", "gift cards")],
        [f"Hello, can I get {thing}" for thing in ("a zipper repair", "my zipper repair done", "repair of a zipper")],
    ]
    gift, repair = names(groups, "en")
    assert gift.startswith("gift card")
    assert "zipper repair" in repair
    assert "hello" not in (gift + repair).lower().split(" · ")[:1]


def test_a_name_holds_no_placeholder_and_each_word_once() -> None:
    (name,) = names([["where is [ORDER] gift card", "gift card [ORDER] is where", "gift card [EMAIL]"]], "en")
    assert "order" not in name.lower()
    assert name.lower().count("gift") == 1


def test_names_in_chinese_and_of_nothing() -> None:
    assert "礼品" in names([["你们有礼品卡吗", "礼品卡多少钱", "我想买礼品卡"]], "zh")[0]
    assert names([["the of and", "?"]], "en") == [""]
    assert names([], "en") == []


# --- the real encoder --------------------------------------------------------------------------------------


@pytest.mark.models
def test_four_topics_and_noise_with_the_real_encoder(converted_models: Path, tmp_path: Path) -> None:
    embedder = open_embedder(load_settings(data=link_models(converted_models, tmp_path), device="cpu"))
    texts = [text for texts in TOPICS.values() for text in texts]
    _check_topics(asked([*texts, *NOISE]), embedder)
    _check_topics(asked([*texts * 3, *NOISE]), embedder)  # one wording repeated by many stays with its likes


def _check_topics(questions: Sequence[Question], embedder: Embedder) -> None:
    groups = describe(questions, sort_out(questions, embedder, cluster, known_vectors()), NOW, LONG_AGO)
    assert together(TOPICS["gift"], groups) == 1
    assert min(together(texts, groups) for texts in TOPICS.values()) >= 0.5
    by_topic = {text: topic for topic, texts in TOPICS.items() for text in texts}
    for group in groups:
        found = [by_topic.get(one.text, "noise") for one in group.questions]
        assert max(found.count(topic) for topic in TOPICS) / len(found) >= 0.75
    assert "gift" in next(group.name for group in groups if "gift" in group.centre.text.lower())
    left_out = {one.text for one in questions} - {one.text for group in groups for one in group.questions}
    assert len(left_out & set(NOISE)) >= len(NOISE) - 1
