"""Facts in texts: what a draft may say, and which past answers contradict each other."""

import pytest

from chatbot.evidence import contradicts, facts, quantities, unsupported


def test_facts_are_normalised():
    found = facts("4,90 EUR or 1,299.00; order NP-2024-004711, https://x.example/a, two weeks, 14:00")
    assert {"4.9", "1299", "np-2024-004711", "https://x.example/a", "2", "14:00"} <= found


@pytest.mark.parametrize(
    ("draft", "missing"),
    [
        ("You have 30 days.", ()),
        ("You have thirty days.", ()),
        ("You have 45 days.", ("45",)),
        ("Write to evil@example.net.", ("evil@example.net",)),
        ("See https://evil.example/x", ("https://evil.example/x",)),
        ("Ask Bob about the tent.", ("bob",)),
        ("iDEADSLF is taken.", ("ideadslf",)),
        ("The label costs 4,90 EUR.", ()),
    ],
)
def test_a_draft_may_state_only_what_its_evidence_states(draft, missing):
    assert unsupported(draft, ["Within 30 days of delivery; the label costs 4.90 EUR."], "en") == missing


def test_german_nouns_are_no_names():
    assert unsupported("Die Frist beträgt 30 Tage ab Zustellung.", ["30 Tage"], "de") == ()


def test_quantities_carry_their_unit():
    assert quantities("3-5 working days, 4.90 EUR, 30 天") == {"day": {"3", "5", "30"}, "money": {"4.9"}}


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("14 days from delivery", "30 days from delivery", True),
        ("3-5 working days", "5 days", False),
        ("30 days", "4.90 EUR", False),
        ("within 30 days; label 4.90 EUR", "within 30 days; label 5.90 EUR", True),
    ],
)
def test_answers_with_other_figures_of_one_unit_contradict(one, other, clash):
    assert contradicts(one, other) is clash
