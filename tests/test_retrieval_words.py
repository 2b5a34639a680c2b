"""Words of every kind of script, and BM25 over them against its written formula."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from chatbot.retrieval.lexical import K1, B, Bm25
from chatbot.retrieval.words import language_of, words


@pytest.mark.parametrize(
    ("tag", "language"),
    [("pt-BR", "pt"), ("zh_Hans", "zh"), ("DE", "de"), ("", "und"), (None, "und"), ("x", "und"), ("../a", "und")],
)
def test_language_tags_are_brought_to_one_form(tag: str | None, language: str) -> None:
    assert language_of(tag) == language


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "Returning parcels", "returned parcel"),
        ("de", "Rücksendungen der Zelte", "Rücksendung des Zeltes"),
        ("fr", "les commandes livrées", "la commande livrée"),
        ("es", "las devoluciones pagadas", "la devolución pagada"),
        ("en", "ＩＮＶＯＩＣＥ", "invoice"),
    ],
)
def test_forms_of_a_word_meet(language: str, one: str, other: str) -> None:
    shared = set(words(one, language)) & set(words(other, language))
    assert len(shared) >= len(set(words(other, language))) - (language == "es")
    assert shared


def test_chinese_is_cut_into_words_and_latin_in_it_is_kept() -> None:
    cut = words("请问怎么退货？我的iPhone15坏了", "zh")
    assert "退货" in cut
    assert "iphone15" in cut
    assert "的" not in cut


@pytest.mark.parametrize(
    ("language", "text", "part"),
    [
        ("ja", "返品したいです", "返品"),
        ("th", "อยากคืนสินค้า", "คื"),
        ("ko", "환불하고 싶어요", "환불"),
        ("und", "退货政策", "退货"),
    ],
)
def test_scripts_without_word_breaks_become_bigrams(language: str, text: str, part: str) -> None:
    assert part in words(text, language)


def test_role_labels_and_function_words_do_not_count() -> None:
    assert words("customer: the tent\nagent: which tent?", "en") == ["tent", "tent"]
    assert words("?! … 😀", "en") == []


def test_bm25_is_the_published_formula(tmp_path: Path) -> None:
    texts = [["tent", "pole", "pole"], ["tent"], ["stove", "gas", "tent", "tent"]]
    Bm25.build(texts).save(tmp_path / "en.window")
    index = Bm25.load(tmp_path / "en.window", 3)
    mean_length = 8 / 3
    idf = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    expected = idf * 2 * (K1 + 1) / (2 + K1 * (1 - B + B * 3 / mean_length))
    assert index.scores(["pole", "unknown"]) == pytest.approx([expected, 0, 0], rel=1e-5)
    assert index.idf("pole") == pytest.approx(idf)
    assert index.idf("unknown") > index.idf("pole") > index.idf("tent")


def test_a_repeated_word_of_the_query_counts_once_and_empty_corpora_work() -> None:
    index = Bm25.build([["tent"], ["stove"]])
    assert np.array_equal(index.scores(["tent", "tent"]), index.scores(["tent"]))
    assert Bm25.build([]).scores(["tent"]).shape == (0,)
    assert list(Bm25.build([[], []]).scores(["tent"])) == [0.0, 0.0]
