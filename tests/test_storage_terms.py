"""Search terms: words without accents, characters and pairs where no word breaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.terms import MAX_TERM_CHARS, document_terms, query_terms


def test_words_are_folded() -> None:
    assert document_terms("Die RÜCKGABE, die Straße; café NP-2024") == "die ruckgabe strasse cafe np 2024"


def test_scripts_without_word_breaks_give_characters_and_pairs() -> None:
    assert document_terms("退款 ok") == "退 款 退款 ok"
    assert query_terms("退款政策") == ["退款", "款政", "政策"]
    assert query_terms("退") == ["退"]
    assert query_terms("ご返品") == ["ご返", "返品"]


def test_a_very_long_word_is_cut_alike_on_both_sides() -> None:
    assert query_terms("x" * 500) == ["x" * MAX_TERM_CHARS] == document_terms("x" * 500).split()


@given(st.text(max_size=200))
def test_terms_hold_no_syntax_and_are_found_again(text: str) -> None:
    terms = document_terms(text).split()
    assert not [c for term in terms for c in term if c.isascii() and not c.isalnum()]
    assert set(query_terms(text)) <= set(terms)
    assert query_terms(" ".join(query_terms(text))) == query_terms(text)
