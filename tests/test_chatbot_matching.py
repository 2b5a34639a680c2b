"""The fitted models: what raises a candidate and a confidence, and what the shipped file must hold."""

from dataclasses import replace

import pytest

from chatbot.matching import SIGNALS, confidence, confidence_signals, models, rank, signals_of
from chatbot.types import Query, SearchResult, Support
from tests.fakes_dialogue import hit

GOOD = hit("You can return unused items with tags within 30 days of delivery.")
ASKED = Query("How long can I return a jacket?", "customer: How long can I return a jacket?", "en")


def weaker(number, factor):
    signals = {name: value * factor for name, value in GOOD.signals.items()}
    passage = replace(GOOD.passage, id=f"{number:016x}")
    return replace(GOOD, passage=passage, score=GOOD.score * factor, coverage=factor, signals=signals)


@pytest.mark.parametrize("trusted", [True, False])
def test_candidates_that_match_better_come_first(trusted):
    order = rank(SearchResult((weaker(3, 0.1), GOOD, weaker(2, 0.5))), trusted)
    assert [match.hit.passage.id[-1] for match in order] == ["1", "2", "3"]


@pytest.mark.parametrize("trusted", [True, False])
def test_confidence_lies_between_nought_and_one_and_follows_the_score(trusted):
    best, worst = rank(SearchResult((GOOD, weaker(2, 0.05))), trusted)
    supports = [Support(0.8, 0.8)]
    assert 0 < confidence([worst], supports, ASKED, trusted) < confidence([best], supports, ASKED, trusted) < 1


def test_a_question_whose_words_are_nowhere_covered_is_less_sure():
    (best,) = rank(SearchResult((GOOD,)), True)
    assert confidence([best], [Support(0.4, 0.2)], ASKED, True) < confidence([best], [Support(0.9, 0.9)], ASKED, True)


def test_without_an_encoder_the_words_decide():
    (best,) = rank(SearchResult((GOOD,)), True)
    assert confidence([best], None, ASKED, True) == confidence([best], None, ASKED, False)


def test_every_shipped_weight_has_a_signal():
    (best,) = rank(SearchResult((GOOD,)), True)
    for (kind, _), model in models().items():
        names = SIGNALS if kind == "rank" else confidence_signals([best], (), ASKED)
        assert set(model.weights) <= set(names)
    assert tuple(signals_of(GOOD, "x")) == SIGNALS


def test_the_very_question_asked_before_comes_first():
    same = replace(weaker(4, 0.2), signals={"cos_question": 1.0, "trigrams_question": 1.0})
    assert rank(SearchResult((GOOD, same)), True)[0].hit is same


@pytest.mark.parametrize("trusted", [True, False])
def test_an_answer_without_the_fact_that_is_asked_for_is_never_sure(trusted):
    (best,) = rank(SearchResult((GOOD,)), trusted, "How heavy is the jacket?", "How heavy is the jacket?")
    sure = [Support(1.0, 1.0)]
    assert best.fact == 0.0
    assert confidence([best], sure, ASKED, trusted) <= 0.5
    assert confidence([replace(best, score=best.score + 50)], sure, ASKED, trusted) <= 0.5
    assert confidence([replace(best, fact=1.0, score=best.score + 50)], sure, ASKED, trusted) >= confidence(
        [best], sure, ASKED, trusted
    )
