"""The fits: they find what separates, and no column that should help may count against."""

import numpy as np

from scripts.logistic import listwise, logistic


def test_the_column_that_tells_right_from_wrong_gets_the_weight():
    noise = np.random.default_rng(1).normal(size=(200, 2))
    labels = noise[:, 0] > 0.2
    weights, bias = logistic(noise, labels, np.ones(200), 1.0, [True, True])
    assert weights[0] > 5 * abs(weights[1])
    assert bias < 0


def test_right_candidates_come_before_wrong_ones_of_the_same_question():
    rng = np.random.default_rng(2)
    lists = []
    for _ in range(60):
        table = (
            rng.normal(size=(6, 3)) + rng.normal() * 5
        )  # questions differ in level; only the order inside one counts
        right = table[:, 1] >= np.sort(table[:, 1])[-2]
        lists.append((table, right))
    weights = listwise(lists, 1.0, [True, True, True])
    assert weights[1] > 5 * max(abs(weights[0]), abs(weights[2]))


def test_a_rising_column_never_counts_against():
    rng = np.random.default_rng(3)
    table = rng.normal(size=(200, 2))
    labels = table[:, 0] - table[:, 1] > 0
    assert logistic(table, labels, np.ones(200), 1.0, [True, True])[0][1] == 0.0
    assert logistic(table, labels, np.ones(200), 1.0, [True, False])[0][1] < 0
    lists = [(rows := rng.normal(size=(5, 2)), (rows[:, 0] - rows[:, 1]) >= np.max(rows[:, 0] - rows[:, 1]))] * 1
    assert listwise(lists, 1.0, [True, True])[1] >= 0.0
