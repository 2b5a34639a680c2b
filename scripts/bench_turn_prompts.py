"""Chats to write replies for, made up from a few texts: the same for the same seed. Measures nothing."""

from __future__ import annotations

import random

from chatbot.types import ChatMessage

_SYSTEM = (
    "You write the next message of a customer-service chat for Northpine Outdoor, an online shop for "
    "hiking and cycling gear. Use only what stands in the past answers below; keep every number, date, "
    "price and link as it is. If they do not answer the question, say that a colleague will help. Two to "
    "four sentences, friendly, no greeting."
)
_ANSWERS = (
    "You can return anything unused within 30 days of delivery. Open Orders, choose Return and print the "
    "label; it costs 4.90 EUR and is free for faulty goods. The refund takes 3-5 working days after the "
    "parcel has reached us.",
    "A size exchange is free once per order: go to Orders, then Exchange, pick the new size, and it "
    "leaves our warehouse as soon as the carrier has scanned the old one.",
    "Standard delivery takes 2-4 working days and costs 4.90 EUR, free from 60 EUR. Express is 12.90 EUR "
    "and arrives the next working day when you order before 14:00.",
    "If the tracking shows no movement for 5 working days we start a search with the carrier. After 8 "
    "working days you get a replacement or your money back, whichever you prefer.",
    "The Fjell jacket is washed at 30 C with technical detergent and no softener; tumble-dry it low for "
    "20 minutes to wake up the water repellency, and re-proof it every 10 washes.",
    "Our own tents, packs and jackets carry 5 years of warranty, everything else 2 years. Wear and misuse "
    "are not covered, but the repair service fixes most things for 15-35 EUR in 2-3 weeks.",
    "The second charge is nearly always a reservation that drops off within 7 days. If it is really "
    "booked, send us the statement and we refund it in 2 days.",
    "You can change the address under Orders, Edit, until the order says packing; after that the "
    "carrier's app lets you choose a pick-up point.",
)
_QUESTIONS = (
    "my tent pole broke on the second trip, is that covered?",
    "i ordered boots in 42 but need 43, what now",
    "how long until I get my money back for the jacket I sent last week?",
    "the parcel has not moved since monday and we leave on saturday",
    "can I still change the address, the order is from this morning",
    "you charged me twice!!",
)


def prompts(number: int, seed: int) -> list[list[ChatMessage]]:
    """`number` chats: the same system text; three past answers and a window of three turns, different in each."""
    rng = random.Random(seed)  # noqa: S311 - a benchmark wants the same chats each time
    return [_prompt(rng) for _ in range(number)]


def _prompt(rng: random.Random) -> list[ChatMessage]:
    evidence = "\n".join(f"[{i}] {answer}" for i, answer in enumerate(rng.sample(_ANSWERS, 3), start=1))
    order = f"NP-2025-{rng.randrange(10**6):06d}"
    window = (
        f"customer: hello, this is about order {order}\nagent: Sure, what happened?\ncustomer: {rng.choice(_QUESTIONS)}"
    )
    return [
        ChatMessage("system", _SYSTEM),
        ChatMessage("user", f"Past answers:\n{evidence}\n\nChat:\n{window}\n\nThe agent's next message:"),
    ]
