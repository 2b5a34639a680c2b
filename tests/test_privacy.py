"""What is masked, what stays visible, and that masking is safe on any text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.errors import SettingsError
from chatbot.privacy import Masker, Span
from chatbot.privacy.spans import TYPES

MASKER = Masker()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Write to anna.weber+shop@mail.example.com, please", "Write to [EMAIL], please"),
        ("我的邮箱是wang@example.com谢谢", "我的邮箱是[EMAIL]谢谢"),
        ("anna (at) example.org", "[EMAIL]"),
        ("Call +49 30 901820 or (555) 123-4567", "Call [PHONE] or [PHONE]"),
        ("Meine Nummer: 0151 23456789", "Meine Nummer: [PHONE]"),
        ("appelez le 06 12 34 56 78", "appelez le [PHONE]"),
        ("电话13812345678", "电话[PHONE]"),
        ("card 4111 1111 1111 1111 exp 12/26", "card [CARD] exp 12/26"),
        ("4111-1111-1111-1111", "[CARD]"),
        ("378282246310005", "[CARD]"),
        ("IBAN DE89 3704 0044 0532 0130 00 bitte", "IBAN [IBAN] bitte"),
        ("nl91abna0417164300", "[IBAN]"),
        ("IBAN DE88370400440532013000", "IBAN [IBAN]"),
        ("order 48213 is late", "order [ORDER] is late"),
        ("my order NP-2024-004711", "my order [ORDER]"),
        ("Bestellnr. 12345678", "Bestellnr. [ORDER]"),
        ("Bestellnummer: AB12345", "Bestellnummer: [ORDER]"),
        ("commande n° 884512", "commande n° [ORDER]"),
        ("订单号NP-2024-004711什么时候发货", "订单号[ORDER]什么时候发货"),
        ("ticket #48213", "ticket #[ORDER]"),
        ("A tent to Oslo? Ingunn Berge, ingunn@example.org", "A tent to Oslo? [NAME], [EMAIL]"),
        ("Kindly, Max Muster <m.muster@example.org>", "Kindly, [NAME] <[EMAIL]>"),
        ("Write Lamps at help@example.org", "Write Lamps at [EMAIL]"),
        ("Email support@example.org", "Email [EMAIL]"),
        ("Hi Anna, it is on its way.", "Hi [NAME], it is on its way."),
        ("hello anna!", "hello [NAME]!"),
        ("Noted, Walter. All the best", "Noted, [NAME]. All the best"),
        ("Gern geschehen, Frau Weber!", "Gern geschehen, Frau [NAME]!"),
        ("Dear Mrs. Weber,", "Dear Mrs. [NAME],"),
        ("Hallo Frau Weber, gern.", "Hallo Frau [NAME], gern."),
        ("Sehr geehrter Herr Dr. Müller,", "Sehr geehrter Herr Dr. [NAME],"),
        ("Bonjour M. Durand, votre colis", "Bonjour M. [NAME], votre colis"),
        ("Estimada Sra. García:", "Estimada Sra. [NAME]:"),
        ("您好，王先生，已发货", "您好，[NAME]先生，已发货"),
        ("my name is Anna Weber and I", "my name is [NAME] and I"),
        ("ich heiße Jürgen", "ich heiße [NAME]"),
        ("Hola, me llamo María López.", "Hola, me llamo [NAME]."),
        ("je m'appelle Zoé Petit", "je m'appelle [NAME]"),
        ("我叫王小明，想退货", "我叫[NAME]，想退货"),
        ("Viele Grüße\nAnna Weber", "Viele Grüße\n[NAME]"),
    ],
)
def test_personal_data_becomes_typed_placeholders(text: str, masked: str) -> None:
    assert MASKER.mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "It costs 1,299.00 EUR or 4.90 EUR.",
        "delivered on 2025-04-01 between 10:00 and 14:30",
        "am 01.04.2025 um 12:30 Uhr",
        "3,000 mm fly, 5,000 mm floor, 8.7 mm poles",
        "batch SP24-07 and SP24-08",
        "Moor 45 pack, Lyng 400, EN 417 cartridges",
        "30 days, 8-20 on weekdays, 10-16 Saturdays",
        "version 192.168.0.1 of 2024",
        "Hi there, how can I help?",
        "Hello again!",
        "danke, hat geklappt!",
        "Hi, I'm writing about returns.",
        "Perfect, thanks.",
        "Hallo zusammen, wie kann ich helfen?",
        "Bonjour madame, votre colis arrive.",
        "您好，请问有什么可以帮您？",
        "这位先生您好",
        "Thanks for the order, it ships soon.",
        "I am Happy with the 2024/2025 catalogue",
        "order 2025 is our year",
    ],
)
def test_what_is_no_personal_data_stays(text: str) -> None:
    assert MASKER.mask(text) == text


def test_own_contact_data_stays_visible() -> None:
    masker = Masker(keep=("northpine.example", "+31 13 555 0142", "help@shop.example", "Ann"))
    own = "Write to help@northpine.example or help@shop.example, call +31 13 555 0142 or 013 555 0142."
    assert masker.mask(own) == own
    assert masker.mask("x@evil-northpine.example, joe@shop.example") == "[EMAIL], [EMAIL]"
    assert masker.mask("Hi Ann, hi!") == "Hi Ann, hi!"


def test_known_participants_are_masked_wherever_they_stand() -> None:
    names = ("Anna Weber", "王小明", "Will Smith", "support@x.example", "5001")
    assert (
        MASKER.mask("We told Anna and ANNA WEBER that Weber waits", names)
        == "We told [NAME] and [NAME] that [NAME] waits"
    )
    assert MASKER.mask("请王小明查收", names) == "请[NAME]查收"
    assert MASKER.mask("Will it arrive? size 5001", names) == "Will it arrive? size 5001"


def test_a_companys_own_order_pattern() -> None:
    masker = Masker(order_patterns=(r"\bZX\d{3}\b",))
    assert masker.find("ask for ZX123 now") == [Span("ORDER", 8, 13, "ZX123")]
    with pytest.raises(SettingsError, match=r"order number pattern '\('"):
        Masker(order_patterns=("(",))


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=300) | st.text(alphabet="0123456789 -+().@:#/aAHi,王先生\n", max_size=120))
def test_finds_are_true_slices_in_order_and_masking_twice_changes_nothing(text: str) -> None:
    spans = MASKER.find(text)
    for span in spans:
        assert span.type in TYPES
        assert text[span.start : span.end] == span.value
    assert all(one.end <= two.start for one, two in pairwise(spans))
    masked = MASKER.mask(text)
    assert MASKER.mask(masked).count("[") == masked.count("[")


@settings(max_examples=200, deadline=None)
@given(
    digits=st.lists(st.integers(0, 9), min_size=15, max_size=15),
    gap=st.sampled_from(["", " ", "-", "."]),
)
def test_every_card_number_with_a_right_check_digit_is_found(digits: list[int], gap: str) -> None:
    body = [4, *digits[1:]]
    doubled = [d * 2 - 9 if d * 2 > 9 else d * 2 for d in body[::-1][::2]]
    check = -(sum(doubled) + sum(body[::-1][1::2])) % 10
    number = "".join(map(str, [*body, check]))
    shown = gap.join(number[i : i + 4] for i in range(0, 16, 4))
    assert MASKER.mask(f"pay with {shown} now") == "pay with [CARD] now"


@pytest.mark.parametrize("piece", ["a", "1", "1 ", "a@", "A", "Hi A ", "4111 ", "+", "(", "x.", "#1", "DE89 ", "王先"])
def test_no_text_takes_quadratic_time(piece: str) -> None:
    """Under pytest's time-out only if no pattern backtracks without bound."""
    text = piece * (60_000 // len(piece))
    assert len(MASKER.mask(text)) <= len(text) * 4
