"""The measures of learning: intervals by conversation, wording in every script, grounding. Values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from chatbot.errors import UsageError
from chatbot.learning.bootstrap import interval, interval_of, paired, paired_of, ratio
from chatbot.learning.grounding import ground, refuses, rests_on
from chatbot.learning.wording import (
    bleu_rows,
    bleu_score,
    broken,
    chrf_rows,
    chrf_score,
    corpus_wording,
    rouge_l,
    tokens,
    turn_wording,
    wording_intervals,
)

turns = st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 6)), min_size=1, max_size=40)


# --- intervals -------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(turns)
def test_mean_lies_in_its_interval_and_the_interval_in_the_values(given_turns: list[tuple[float, int]]) -> None:
    values, groups = [value for value, _ in given_turns], [group for _, group in given_turns]
    found = interval(values, groups, rounds=200)
    assert found.mean == pytest.approx(float(np.mean(values)), abs=1e-9)
    assert (found.n, found.groups) == (len(values), len(set(groups)))
    if found.groups == 1:
        assert (found.low, found.high) == (-math.inf, math.inf)
    else:
        assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


@settings(max_examples=40, deadline=None)
@given(turns, st.floats(-3, 3))
def test_a_shift_of_every_turn_is_found_exactly_by_the_paired_difference(
    given_turns: list[tuple[float, int]], shift: float
) -> None:
    values, groups = [value for value, _ in given_turns], [group for _, group in given_turns]
    found = paired([value + shift for value in values], values, groups, rounds=100)
    assert found.mean == pytest.approx(shift, abs=1e-9)
    if found.groups > 1:
        assert [found.low, found.high] == pytest.approx([shift, shift], abs=1e-9)


def test_the_order_of_turns_does_not_matter_and_the_seed_gives_the_same_again() -> None:
    values, groups = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0], ["a", "a", "b", "b", "c", "c"]
    assert interval(values, groups) == interval(values, groups)
    uneven = [0.13, 0.92, 0.45, 0.27, 0.71, 0.33]
    assert interval(uneven, list(range(6))) != interval(uneven, list(range(6)), seed=1)
    assert interval(values[::-1], groups[::-1]).mean == interval(values, groups).mean


def test_alike_turns_of_one_conversation_widen_the_interval() -> None:
    """50 conversations of 10 equal turns say no more than 50 turns do."""
    rng = np.random.default_rng(1)
    values = np.repeat(rng.integers(0, 2, 50), 10).astype(float)
    by_conversation = interval(values, np.repeat(np.arange(50), 10).tolist())
    by_turn = interval(values, list(range(500)))
    assert by_conversation.high - by_conversation.low > 2.5 * (by_turn.high - by_turn.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        rate = rng.beta(2, 2, 60)  # each conversation has its own rate; their mean is .5
        values = rng.binomial(1, np.repeat(rate, 4)).astype(float)
        found = interval(values, np.repeat(np.arange(60), 4).tolist(), rounds=300)
        covered += found.low <= 0.5 <= found.high
    assert 180 <= covered <= 200


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    rng = np.random.default_rng(3)
    hard = rng.normal(0, 1, 200)
    champion, challenger = hard, hard + rng.normal(0.1, 0.05, 200)
    found = paired(challenger, champion, list(range(200)))
    assert 0 < found.low < found.mean < found.high < 0.2


def test_a_ratio_is_that_of_sums_and_undefined_rounds_do_not_count() -> None:
    rows = [[1, 2], [0, 0], [3, 4]]  # 4 of 6
    found = interval_of(rows, ["a", "b", "c"], ratio)
    assert found.mean == pytest.approx(4 / 6)
    assert 0.5 <= found.low <= found.high <= 0.75
    assert paired_of(rows, rows, ["a", "b", "c"], ratio).high == 0


def test_no_turns_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(UsageError, match="There is no turn"):
        interval([], [])
    with pytest.raises(UsageError, match="2 values for 1 turns"):
        interval([1.0, 2.0], ["a"])


# --- wording ---------------------------------------------------------------------------------------------

REPLIES = ["the cat sat on the mat", "您好，退货期为三十天", "Die Lieferung dauert drei Tage."]
HUMANS = ["the cat is on the mat", "您好，退货期限为三十天。", "Die Lieferung dauert etwa drei Tage."]


def test_scores_from_sums_are_sacrebleus_own() -> None:
    chrf = CHRF().corpus_score(REPLIES, [HUMANS]).score
    assert chrf_score(chrf_rows(REPLIES, HUMANS).sum(axis=0)[None])[0] == pytest.approx(chrf)
    cut = [broken(text) for text in REPLIES], [broken(text) for text in HUMANS]
    bleu = BLEU().corpus_score(cut[0], [cut[1]]).score
    assert bleu_score(bleu_rows(REPLIES, HUMANS).sum(axis=0)[None])[0] == pytest.approx(bleu)
    whole = corpus_wording(REPLIES, HUMANS)
    assert [whole.chrf, whole.bleu] == pytest.approx([chrf, bleu])
    found = wording_intervals(REPLIES, HUMANS, ["a", "b", "c"])
    assert [found["chrf"].mean, found["bleu"].mean] == pytest.approx([chrf, bleu])
    assert found["rouge_l"].mean == pytest.approx(whole.rouge_l)


def test_rouge_l_by_hand() -> None:
    # common subsequence: the cat on the mat, 5 of 6 tokens on either side
    assert rouge_l(REPLIES[0], HUMANS[0]) == pytest.approx(100 * 5 / 6)
    # nine characters, all of them among the reference's ten, in order
    assert tokens(REPLIES[1]) == list("您好退货期为三十天")
    assert rouge_l(REPLIES[1], HUMANS[1]) == pytest.approx(100 * 2 * 9 / (9 + 10))
    assert tokens("Größe ประเทศ A-1") == ["größe", *"ประเทศ", "a", "1"]


def test_bleu_by_hand() -> None:
    # 4-grams of six tokens: matches 5/6, 3/5, 1/4 and none; one match of smoothed 0.5/3; no brevity penalty
    by_hand = 100 * (5 / 6 * 3 / 5 * 1 / 4 * (1 / 2) / 3) ** 0.25
    assert turn_wording(REPLIES[0], HUMANS[0]).bleu == pytest.approx(by_hand)


def test_chinese_is_compared_by_character() -> None:
    """13a tokens alone would see each sentence as one word and score 0 for a reply that is nearly right."""
    near, far = turn_wording("退货期为三十天", "退货期限为三十天"), turn_wording("今天天气很好啊", "退货期限为三十天")
    assert near.bleu > 40 > far.bleu
    assert near.rouge_l > 80 > far.rouge_l


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_reply_that_is_the_humans_scores_full_or_has_nothing_to_compare(text: str) -> None:
    found = turn_wording(text, text)
    assert found.rouge_l == (pytest.approx(100) if tokens(text) else 0)
    assert found.chrf == pytest.approx(100) or not "".join(text.split())


def test_an_empty_reply_scores_nothing() -> None:
    found = turn_wording("", "Thirty days.")
    assert (found.chrf, found.bleu, found.rouge_l) == (0, 0, 0)


# --- grounding -------------------------------------------------------------------------------------------

RETURNS = "Question: How long can I return boots? Answer: You may return unworn boots within 30 days for 4.90 euros."
STOVES = "Question: Do you rent stoves? Answer: We rent camping stoves for 12 euros a week at the Leeds store."


def test_a_reply_from_the_right_passage_is_right_and_grounded() -> None:
    found = ground(
        "You may return boots within 30 days.", "Return unworn boots within 30 days.", [STOVES, RETURNS], [], "en"
    )
    assert found.grounded
    assert found.chosen
    assert found.score > 0.7


def test_an_invented_figure_is_named_and_costs() -> None:
    target = "Return unworn boots within 30 days."
    right = ground("You may return boots within 30 days.", target, [STOVES, RETURNS], [], "en")
    wrong = ground("You may return boots within 45 days.", target, [STOVES, RETURNS], [], "en")
    assert wrong.missing == ("45",)
    assert wrong.score < right.score / 2
    told = ground("You may return boots within 45 days.", target, [STOVES, RETURNS], ["Is it 45 days?"], "en")
    assert told.grounded


def test_the_wrong_passage_is_seen() -> None:
    found = ground("We rent stoves for 12 euros a week.", "Boots: return within 30 days.", [STOVES, RETURNS], [], "en")
    assert found.chosen is False
    assert found.grounded  # what it says is true of stoves
    assert found.score == 0


def test_either_of_two_equal_passages_is_right() -> None:
    again = RETURNS.replace("within 30 days", "in 30 days")
    found = ground("You may return boots in 30 days", "Return unworn boots within 30 days.", [again, RETURNS], [], "en")
    assert found.chosen


def test_refusing_is_right_only_where_it_should_be() -> None:
    assert ground("NO ANSWER", None, [STOVES], [], "en").score == 1
    assert ground("NO ANSWER.", "NO ANSWER", [STOVES], [], "en").score == 1
    assert ground("We rent stoves.", None, [STOVES], [], "en").score == 0
    wrongly = ground("NO ANSWER", "Return unworn boots within 30 days.", [RETURNS], [], "en")
    assert (wrongly.score, wrongly.refused, wrongly.chosen, wrongly.stated) == (0, True, False, 0)
    assert not refuses("There is no answer to that, sadly.")
    assert refuses("  ")


def test_copying_everything_scores_less_than_answering() -> None:
    target = "Return unworn boots within 30 days."
    copied = ground(f"{STOVES} {RETURNS}", target, [STOVES, RETURNS], [], "en")
    answered = ground("Return unworn boots within 30 days.", target, [STOVES, RETURNS], [], "en")
    assert answered.score == pytest.approx(1)
    assert copied.score < 0.6


def test_chinese_evidence_is_read() -> None:
    evidence = ["问题：可以退货吗？回答：您可以在30天内退货。", "问题：有帐篷吗？回答：我们出租帐篷，每周12欧元。"]
    assert rests_on("30天内可以退货", evidence, "zh") == 0
    found = ground("您可以在45天内退货。", "您可以在30天内退货。", evidence, [], "zh")
    assert found.missing == ("45",)
    assert found.chosen


def test_text_without_evidence_rests_on_none() -> None:
    assert rests_on("Thank you!", [], "en") is None
    found = ground("Happy to help.", "Glad to help.", [], [], "en")
    assert found.chosen is None
