"""The query that stands alone: follow-ups carry what they lean on, new questions do not."""

import pytest

from chatbot.privacy import Masker
from chatbot.types import Role, Turn
from chatbot.understanding import is_follow_up, understand


@pytest.mark.parametrize(
    "text",
    [
        "and to Switzerland?",
        "what about gift cards",
        "how long does that take?",
        "und nach Österreich?",
        "¿y a Portugal?",
        "et en Suisse ?",
        "那英国呢？",
    ],
)
def test_follow_ups_lean_on_what_was_said(text):
    assert is_follow_up(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I wash the Fjell jacket at home?",
        "Wie lange dauert die Lieferung nach Berlin normalerweise?",
        "帐篷可以放进洗衣机里洗吗，会不会坏？",
    ],
)
def test_whole_questions_stand_alone(text):
    assert not is_follow_up(text)


def _understand(*turns):
    return understand(turns, "en", lambda _, prior: prior, Masker())


def test_a_follow_up_is_searched_with_the_question_before_it():
    turn = _understand(
        Turn(Role.CUSTOMER, "How much is shipping?"), Turn(Role.BOT, "4.90 EUR."), Turn(Role.CUSTOMER, "and to Norway?")
    )
    assert turn.query.text == "and to Norway?\nHow much is shipping?"
    assert turn.alone.text == "and to Norway?"
    assert "4.90 EUR" in turn.query.window


def test_a_new_question_drops_the_old_one():
    turn = _understand(
        Turn(Role.CUSTOMER, "How much is shipping?"),
        Turn(Role.BOT, "4.90 EUR."),
        Turn(Role.CUSTOMER, "Which detergent do I need for the Fjell jacket?"),
    )
    assert turn.query.text == "Which detergent do I need for the Fjell jacket?"
    assert "shipping" not in turn.query.window


def test_messages_in_a_row_are_one():
    turn = _understand(
        Turn(Role.CUSTOMER, "My boots are too small"), Turn(Role.CUSTOMER, "How do I exchange the pair?")
    )
    assert turn.text == "My boots are too small\nHow do I exchange the pair?"


def test_small_talk_before_is_nothing_to_lean_on():
    turn = _understand(Turn(Role.CUSTOMER, "hello"), Turn(Role.BOT, "Hello!"), Turn(Role.CUSTOMER, "is it waterproof?"))
    assert not turn.follow_up


def test_what_the_customer_gave_is_known_and_the_latest_holds():
    turn = _understand(
        Turn(Role.CUSTOMER, "Order NP-2024-000001"), Turn(Role.BOT, "?"), Turn(Role.CUSTOMER, "sorry, NP-2024-000002")
    )
    assert turn.known["ORDER"] == "NP-2024-000002"
