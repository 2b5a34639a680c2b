"""Which language a customer writes: support-like short texts, the conversation as prior, oddities."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.language import Guess, detect
from chatbot.language_data import LETTERS, SCRIPTS
from chatbot.language_evidence import plain_code, profile_scores, words
from chatbot.language_words import WORDS
from chatbot.scripts_of_writing import clean, dominant_script, letter_scores

SAID = [
    ("Where is my parcel?", "en"),
    ("how do i return these boots", "en"),
    ("Wo bleibt mein Paket?", "de"),
    ("Koennen Sie mir das Geld zurueck geben", "de"),
    ("¿Cuánto tarda el envío?", "es"),
    ("donde esta mi pedido", "es"),
    ("Où est mon colis ?", "fr"),
    ("je veux annuler ma commande", "fr"),
    ("Onde está a minha encomenda?", "pt"),
    ("quero trocar o tamanho", "pt"),
    ("Dov'è il mio pacco?", "it"),
    ("vorrei restituire le scarpe", "it"),
    ("Waar blijft mijn pakket?", "nl"),
    ("ik wil graag ruilen", "nl"),
    ("Gdzie jest moja paczka?", "pl"),
    ("chcę zwrócić buty", "pl"),
    ("Siparişim nerede?", "tr"),
    ("Pesanan saya belum sampai", "id"),
    ("Đơn hàng của tôi ở đâu?", "vi"),
    ("don hang cua toi o dau", "vi"),
    ("Var är mitt paket?", "sv"),
    ("Hvor er pakken min? Jeg venter ennå", "no"),
    ("Missä tilaukseni on?", "fi"),
    ("Hol van a csomagom?", "hu"),
    ("Unde este comanda mea?", "ro"),
    ("Где мой заказ?", "ru"),
    ("Де моє замовлення?", "uk"),
    ("Къде е поръчката ми?", "bg"),
    ("我的包裹在哪里?", "zh"),
    ("我想退貨,請問怎麼辦", "zh"),
    ("退款", "zh"),
    ("hola", "es"),
    ("Hallo", "de"),
    ("ciao", "it"),
    ("bonjour", "fr"),
    ("hello", "en"),
    ("iPhone 15 Pro Max 保护壳有货吗", "zh"),
    ("荷物はいつ届きますか", "ja"),
    ("価格", "ja"),
    ("배송 언제 와요?", "ko"),
    ("ㅋㅋㅋ", "ko"),
    ("أين طلبي؟", "ar"),
    ("سفارش من کجاست؟", "fa"),
    ("میرا آرڈر کہاں ہے؟", "ur"),
    ("मेरा ऑर्डर कहाँ है?", "hi"),
    ("Πού είναι το δέμα μου;", "el"),
    ("איפה החבילה שלי?", "he"),
    ("พัสดุอยู่ที่ไหน", "th"),
]


@pytest.mark.parametrize(("text", "language"), SAID)
def test_a_short_message_is_told_without_any_hint(text: str, language: str) -> None:
    assert detect(text).language == language


@pytest.mark.parametrize(
    "text",
    ["", " ", "12345", "👍🎉", "?!", "ok", "OK!", "NP-2024-004711", "jane.doe@example.com", "https://example.com/de/was",
     "[ORDER]", "#NAME#", "DHL?", "+49 30 1234567", "\x00", "\ud800"],
)  # fmt: skip
def test_a_message_without_a_word_keeps_the_conversations_language_or_none(text: str) -> None:
    assert detect(text) == Guess(None, 0.0)
    assert detect(text, "fr").language == "fr"


@pytest.mark.parametrize(
    ("text", "prior"),
    [("Danke", "en"), ("Merci", "en"), ("no", "es"), ("yes", "de"), ("refund", "de"), ("hello", "zh"), ("return", "ja"),
     ("Osprey Atmos AG 65", "zh"), ("Osprey Atmos AG 65", "de"), ("送料無料", "ja"), ("cancel", "es"), ("Tom", "pl")],
)  # fmt: skip
def test_a_name_a_loan_or_a_courtesy_does_not_overturn_the_conversation(text: str, prior: str) -> None:
    assert detect(text, prior).language == prior


@pytest.mark.parametrize(
    ("text", "prior", "language"),
    [
        ("Where is my order?", "de", "en"),
        ("Wo ist meine Bestellung?", "en", "de"),
        ("Merci beaucoup, où est ma commande ?", "en", "fr"),
        ("where is my order", "zh", "en"),
        ("je veux un remboursement", "ja", "fr"),
        ("¿Y cuánto tarda?", "pt", "es"),
        ("де моє замовлення", "ru", "uk"),
        ("можно вернуть?", "uk", "ru"),
        ("请问可以退货吗", "en", "zh"),
        ("ありがとう", "zh", "ja"),
        ("I don't speak German", "de", "en"),
    ],
)
def test_a_clear_sentence_switches_the_language(text: str, prior: str, language: str) -> None:
    assert detect(text, prior).language == language


def test_the_prior_makes_its_own_language_surer_and_others_less_sure() -> None:
    text = "Hallo"
    assert detect(text, "de", ("de", "nl")).confidence > detect(text, None, ("de", "nl")).confidence
    assert detect(text, "de", ("de", "nl")).language == "de"
    assert detect(text, "nl", ("de", "nl")).language == "nl"


def test_only_allowed_languages_are_answered() -> None:
    assert detect("Waar is mijn pakket?", None, ("en", "de")).language in ("en", "de")
    assert detect("สวัสดี", None, ("en", "de")) == Guess(None, 0.0)
    assert detect("ok", "fr", ("en", "de")) == Guess(None, 0.0)
    assert detect("Wo ist mein Paket?", "fr", ("en", "de")).language == "de"


def test_tags_with_regions_and_old_codes_are_understood() -> None:
    assert [plain_code(tag) for tag in ("pt-BR", "zh_Hant", "yue", "nb", "iw", "EN")] == [
        "pt",
        "zh",
        "zh",
        "no",
        "he",
        "en",
    ]
    assert detect("ok", "pt-BR").language == "pt"
    assert detect("我要退货", None, ("zh-CN", "en-GB")).language == "zh"


def test_capitals_do_not_change_the_language() -> None:
    assert detect("MI PEDIDO NO HA LLEGADO").language == "es"
    assert detect("WO IST MEIN PAKET").language == "de"


def test_the_same_text_gives_the_same_guess_from_many_threads() -> None:
    texts = [text for text, _ in SAID] * 5
    alone = [detect(text, "en") for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: detect(text, "en"), texts)) == alone


def test_a_long_text_costs_no_more_than_its_beginning() -> None:
    assert len(clean("wort " * 300_000)) <= 600
    assert detect("Das ist ein langer Brief. " * 40_000).language == "de"


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.characters(), max_size=80),
    st.sampled_from([None, "en", "zh", "ar", "xx"]),
    st.sampled_from([None, ("en", "de", "zh")]),
)
def test_no_text_raises_and_every_guess_is_well_formed(
    text: str, prior: str | None, allowed: tuple[str, ...] | None
) -> None:
    guess = detect(text, prior, allowed)
    assert 0.0 <= guess.confidence <= 1.0
    assert (guess.language is None) == (guess.confidence == 0.0)
    assert allowed is None or guess.language is None or guess.language in allowed
    assert guess == detect(text, prior, allowed)


def test_no_allowed_language_at_all_is_no_error() -> None:
    assert detect("Where is my parcel?", "en", ()) == Guess(None, 0.0)


def test_a_script_is_told_by_what_carries_the_text() -> None:
    assert dominant_script("我的order在哪里") == "HAN"
    assert dominant_script("環境にやさしい") == "KANA"
    assert dominant_script("环保の每日") == "HAN"
    assert dominant_script("Where is γ?") == "LATIN"
    assert dominant_script("42 + 1 = 👍") is None


def test_letters_that_a_language_does_not_write_speak_against_it() -> None:
    scores = letter_scores("їжак", "CYRILLIC")
    assert scores["uk"] == 0.0
    assert scores["ru"] < 0.0
    assert letter_scores("straße", "LATIN")["de"] > letter_scores("straße", "LATIN")["en"]


def test_what_was_pasted_says_nothing() -> None:
    assert clean("Bestellung NP-2024-004711 von a.b@example.com [NAME] https://example.com/x") == "Bestellung von"
    assert words("ok DHL iPhone bitte") == ["bitte"]


def test_text_without_a_known_letter_has_no_profile() -> None:
    assert profile_scores("\u1d25\u1d26") == {}


def test_the_tables_name_only_languages_that_can_be_answered() -> None:
    known = {code for row in SCRIPTS.values() for code in row}
    assert set(WORDS) <= known
    assert set(LETTERS) <= known
