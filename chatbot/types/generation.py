"""What goes to a chat model and what comes back, in the words of the OpenAI chat protocol. Must not know a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the OpenAI chat protocol."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Skill:
    """What a model was made for: languages (none named: any), and the prompt that it was trained on, if it was tuned here."""

    languages: frozenset[str] = frozenset()
    prompt: Literal["generate"] | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a generated text; `finish_reason` is set on the last one only: stop, length or cancelled."""

    text: str
    finish_reason: str | None = None
