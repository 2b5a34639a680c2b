"""Greetings, thanks, goodbyes and the wish for a person, in five languages; questions are none of them."""

import pytest

from chatbot.smalltalk import Intent, recognise


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hi", Intent.GREETING),
        ("Hello there!", Intent.GREETING),
        ("Guten Tag", Intent.GREETING),
        ("buenas tardes", Intent.GREETING),
        ("Bonjour !", Intent.GREETING),
        ("你好", Intent.GREETING),
        ("thanks a lot", Intent.THANKS),
        ("Thank you, that is what I wanted to know", Intent.THANKS),
        ("Danke, genau das wollte ich wissen", Intent.THANKS),
        ("谢谢，这就是我想知道的", Intent.THANKS),
        ("vielen Dank für die Hilfe!", Intent.THANKS),
        ("谢谢你", Intent.THANKS),
        ("ok thanks, bye", Intent.GOODBYE),
        ("谢谢，再见", Intent.GOODBYE),
        ("ok", Intent.ACKNOWLEDGE),
        ("are you a bot?", Intent.ARE_YOU_A_BOT),
        ("Sind Sie ein Mensch?", Intent.ARE_YOU_A_BOT),
        ("你是机器人吗", Intent.ARE_YOU_A_BOT),
        ("I want to talk to a human", Intent.PERSON),
        ("agent please", Intent.PERSON),
        ("Kann ich mit einem Menschen sprechen?", Intent.PERSON),
        ("quiero hablar con una persona", Intent.PERSON),
        ("je veux parler à un conseiller", Intent.PERSON),
        ("转人工", Intent.PERSON),
        ("help", Intent.UNCLEAR),
        ("???", Intent.UNCLEAR),
        ("😀😀", Intent.UNCLEAR),
        ("Hilfe!", Intent.UNCLEAR),
    ],
)
def test_a_turn_without_a_question_is_recognised(text, intent):
    assert recognise(text) is intent


@pytest.mark.parametrize(
    "text",
    [
        "hi, where is my parcel",
        "refund",
        "your agent told me it would arrive yesterday",
        "I need a person-sized tent",
        "thanks, but how long does the refund take?",
        "Danke, und was kostet der Versand?",
        "退款要多久",
        "ok, and to Switzerland?",
    ],
)
def test_a_question_is_left_to_the_search(text):
    assert recognise(text) is None


def test_a_long_message_is_read_in_linear_time():
    assert recognise("hi " * 20_000) is None
    assert recognise("a" * 60_000) is None
