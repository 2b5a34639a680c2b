"""Typos mended by the passages' own words; what is no typo is left alone."""

import pytest

from chatbot.retrieval.spelling import Speller

SPELLER = Speller(
    ["Student discount with points", "the student discount, points expire", "jacket washing temperature"] * 2
)


@pytest.mark.parametrize(
    ("typed", "mended"),
    [
        ("studnet discout", "student discount"),
        ("do poinst expire", "do points expire"),
        ("jaket temprature", "jacket temperature"),
        ("kayak rental", "kayak rental"),
        ("[ORDERX] POINST", "[ORDERX] POINST"),
        ("mail poinst@example.com", "mail points@example.com"),
        ("", ""),
    ],
)
def test_slips_are_mended(typed, mended):
    assert SPELLER.mend(typed) == mended


def test_a_word_seen_once_is_no_target():
    assert Speller(["zipper", "jackets jackets"]).mend("zippre") == "zippre"
