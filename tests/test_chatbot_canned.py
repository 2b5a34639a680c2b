"""Gaps of canned answers: filled where known, visible where not."""

from __future__ import annotations

from chatbot.canned import fill_gaps

KNOWN = {"customer_name": "Mia", "agent_name": "Ann", "company": "Northpine"}


def test_known_gaps_are_filled():
    text = "Hello {customer_name}, I am {agent_name} of {company}."
    assert fill_gaps(text, KNOWN) == ("Hello Mia, I am Ann of Northpine.", ())


def test_unknown_gaps_stay_visible_and_are_named_once():
    text = "Hello {customer_name}, your refund comes on {date}. Bye, {customer_name}!"
    assert fill_gaps(text, {"customer_name": ""}) == (text, ("customer_name", "date"))


def test_other_braces_are_text():
    assert fill_gaps("{} { name } {{company}}", KNOWN) == ("{} { name } {Northpine}", ())
