"""A deterministic encoder without weights, and passages to search with it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from chatbot.errors import ModelError
from chatbot.types import Passage, Query, TokenVectors


class FakeEmbedder:
    """Character trigrams hashed into a bag: like texts, like vectors. Counts what it encodes; `broken` fails."""

    def __init__(self, name: str = "fake@1", dim: int = 96) -> None:
        self.name, self.dim = name, dim
        self.encoded = 0
        self.broken = False

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if self.broken:
            raise ModelError("The fake encoder was told to fail.")
        self.encoded += len(texts)
        bags = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            folded = f"  {text.casefold()}  "
            for at in range(len(folded) - 2):
                bags[row, zlib.crc32(folded[at : at + 3].encode("utf-8", "surrogatepass")) % self.dim] += 1.0
        bags -= bags.mean(axis=1, keepdims=True)
        bags /= np.maximum(np.linalg.norm(bags, axis=1, keepdims=True), 1e-9)
        return bags

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """One token a word, with the vector of the word alone."""
        found = []
        for text in texts:
            spans = tuple(match.span() for match in re.finditer(r"\w+", text))
            found.append(TokenVectors(spans, self.encode([text[start:end] for start, end in spans])))
        return found


def passage(number: int, question: str, answer: str, language: str = "en", **more: object) -> Passage:
    """A one-question conversation."""
    made = Passage(
        id=f"{number:016x}",
        conversation_id=f"c{number}",
        turn_id=1,
        language=language,
        question=question,
        window=f"customer: {question}",
        answer=answer,
        source="test",
    )
    return replace(made, **more)  # type: ignore[arg-type]


def query(text: str, language: str = "en") -> Query:
    """A first message."""
    return Query(text=text, window=f"customer: {text}", language=language)


SHOP = (
    ("Where is my parcel? It was due on Monday", "Your parcel is on its way; the tracking link is in your e-mail."),
    ("How do I return the boots I bought", "You can return them within 30 days with the label in the box."),
    ("Can I pay by invoice", "Yes, invoice is possible for orders below 500 euros."),
    (
        "My tent has a hole in the fly sheet",
        "I am sorry about the hole; please send a photo and we send a new fly sheet.",
    ),
    ("Do you ship to Norway", "We ship to Norway in five to seven working days."),
    ("How do I wash a down jacket", "Wash it at 30 degrees with down detergent and dry it with tennis balls."),
)


def shop(copies: int = 1, language: str = "en") -> list[Passage]:
    """Passages of a small shop, `copies` conversations for each question."""
    return [
        passage(number * 100 + copy, f"{question}{' please' * copy}", answer, language)
        for number, (question, answer) in enumerate(SHOP)
        for copy in range(copies)
    ]
