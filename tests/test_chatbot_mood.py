"""The mood of a message: a sign that orders a queue, in five languages; and what counts as an e-mail address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.addresses import check_address
from chatbot.errors import BadInput
from chatbot.mood import mood


@pytest.mark.parametrize(
    "text",
    [
        "This is unacceptable!", "I am very disappointed", "not good at all", "Das ist eine Frechheit", "Ich bin verärgert",
        "Estoy muy decepcionado", "C'est inadmissible", "太差了，我要投诉", "HALLO WO IST MEIN GELD", "where is it!!!",
    ],
)  # fmt: skip
def test_anger_is_below_zero(text: str) -> None:
    assert mood(text) < 0


@pytest.mark.parametrize(
    "text", ["Thanks, that was great", "Perfekt, danke", "Muchas gracias", "Merci, parfait", "非常满意，谢谢"]
)
def test_thanks_are_above_zero(text: str) -> None:
    assert mood(text) > 0


@pytest.mark.parametrize(
    "text", ["Where is my parcel?", "", "12345", "Wie lange habe ich Zeit?", "退货", "🙂", "NASA GPS"]
)
def test_what_tells_nothing_is_zero(text: str) -> None:
    assert mood(text) == 0


def test_more_is_stronger_and_negation_turns() -> None:
    assert (
        mood("This is horrible, unacceptable!!")
        < mood("This is bad")
        < mood("not bad")
        < mood("good")
        < mood("excellent")
    )


def test_a_word_of_one_language_is_not_read_in_another() -> None:
    assert mood("Ich suche ein Handtuch für das Bad") == 0  # "Bad" is a bathroom here
    assert mood("Ich bin sehr zufrieden mit dem Bad") > 0


@given(st.text(max_size=300))
def test_any_text_has_a_mood_between_minus_one_and_one(text: str) -> None:
    assert -1 <= mood(text) <= 1


@pytest.mark.parametrize(
    "text", [" kim@mail.example ", "kim.o'neil+x@mail.example", "ä@müller.de", "a@b.co", "x_y@a-b.example.org"]
)
def test_addresses_are_taken_without_the_blanks_around_them(text: str) -> None:
    assert check_address(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "", "kim", "kim@", "@mail.example", "kim@mail", "kim at mail.example", "kim@mail..example", ".kim@mail.example",
        "kim.@mail.example", "k im@mail.example", "kim@mail.example\nBcc: x@y.example", "<kim@mail.example>", "kim@-mail.example",
        f"{'k' * 65}@mail.example", f"kim@{'m' * 250}.example", "kim@mail.example,x@y.example", "kim@mail.exam\x00ple",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadInput, match="must look like name@example"):
        check_address(text)
