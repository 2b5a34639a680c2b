"""Training examples and their files: one JSON object a line, in the ChatML shape of the OpenAI protocol. Must not know how
examples are made or what learns from them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal, cast, get_args

from chatbot.errors import UsageError
from chatbot.types import ChatMessage

Kind = Literal["answer", "hand_over"]
Origin = Literal["transcript", "live", "copilot", "review", "correction"]
Augmented = Literal["noise", "rare"]


@dataclass(frozen=True, slots=True)
class Example:
    """One turn to learn from, personal data masked.

    id: 16 hex digits, the same for the same turn and passages. conversation_id, source: the conversation that the reply stands in.
    conversation_ids, conversation_sources: all conversations that any of its texts is from, its own first, in step; erasing one of
    them takes the example. at: when the reply was given. kind: "hand_over" where no passage answers, so that the target is
    `prompts.NO_ANSWER`. messages: the product's own prompt, and as the last one (assistant) the target. question: as it stands
    alone. window: the last three turns. evidence: "question\\nanswer" of each passage of the prompt, best first. origin: what the
    target was taken from. augmented: how it was altered, None for one that happened. weight: of its loss.
    rejected: what was said in its place and put right by a person, for preference tuning.
    """

    id: str
    conversation_id: str
    source: str
    conversation_ids: tuple[str, ...]
    conversation_sources: tuple[str, ...]
    language: str
    topic: str | None
    at: datetime | None
    kind: Kind
    messages: tuple[ChatMessage, ...]
    question: str
    window: str
    evidence: tuple[str, ...]
    origin: Origin = "transcript"
    augmented: Augmented | None = None
    weight: float = 1.0
    rejected: str | None = None

    @property
    def prompt(self) -> tuple[ChatMessage, ...]:
        """What the model is given."""
        return self.messages[:-1]

    @property
    def target(self) -> str:
        """What it is to say."""
        return self.messages[-1].content


def to_record(example: Example) -> dict[str, Any]:
    """The example as plain JSON, `messages` first as ChatML readers expect it."""
    said = [{"role": message.role, "content": message.content} for message in example.messages]
    rest = {field.name: getattr(example, field.name) for field in dataclasses.fields(example)}
    lists = {name: list(value) for name, value in rest.items() if isinstance(value, tuple)}
    return {"messages": said} | rest | lists | {"messages": said, "at": example.at and example.at.isoformat()}


def to_line(example: Example) -> bytes:
    """One line of a file, with its line feed."""
    body = json.dumps(to_record(example), ensure_ascii=False, separators=(",", ":"))
    return body.encode("utf-8", "backslashreplace") + b"\n"


def from_record(record: Mapping[str, Any]) -> Example:
    """Raises ValueError, saying what is wrong, for what is no example."""
    names = {field.name for field in dataclasses.fields(Example)}
    wanted = {field.name for field in dataclasses.fields(Example) if field.default is dataclasses.MISSING}
    if missing := sorted(wanted - record.keys()):
        raise ValueError(f"it has no {missing[0]!r}")
    known = {name: value for name, value in record.items() if name in names}
    for name in ("conversation_ids", "conversation_sources", "evidence"):
        known[name] = tuple(_strings(known[name], name))
    known["messages"] = _messages(known["messages"])
    known["at"] = None if known["at"] is None else datetime.fromisoformat(str(known["at"]))
    for name in ("id", "conversation_id", "source", "language", "question", "window"):
        if not isinstance(known[name], str):
            raise ValueError(f"its {name!r} is no text")
    if known["kind"] not in get_args(Kind):
        raise ValueError(f"its 'kind' is {known['kind']!r}, not answer or hand_over")
    if len(known["conversation_ids"]) != len(known["conversation_sources"]):
        raise ValueError("'conversation_ids' and 'conversation_sources' are not in step")
    return Example(**known)


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Writes a JSON Lines file, replacing one that is there; returns how many. Raises OSError."""
    count = 0
    with path.open("wb") as file:
        for example in examples:
            file.write(to_line(example))
            count += 1
    return count


def read_examples(path: Path) -> Iterator[Example]:
    """Examples in the file's order. Raises UsageError naming the file and the line."""
    try:
        with path.open("rb") as file:
            yield from _examples(file, path)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror or exc}; run `chatbot dataset build`.") from exc


def _examples(file: IO[bytes], path: Path) -> Iterator[Example]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("it is no JSON object")
            yield from_record(record)
        except (ValueError, TypeError) as exc:
            raise UsageError(f"{path}, line {number}: this is no training example: {exc}. Build it anew.") from exc


def _messages(raw: object) -> tuple[ChatMessage, ...]:
    if not isinstance(raw, list) or not raw or not all(isinstance(one, dict) for one in raw):
        raise ValueError("its 'messages' are no list of messages")
    for one in raw:
        if one.get("role") not in {"system", "user", "assistant"} or not isinstance(one.get("content"), str):
            raise ValueError("one of its 'messages' has no role or no content")
    if raw[-1]["role"] != "assistant":
        raise ValueError("the last of its 'messages' is not the assistant's")
    return tuple(ChatMessage(one["role"], one["content"]) for one in raw)


def _strings(raw: object, name: str) -> list[str]:
    if not isinstance(raw, list) or not all(isinstance(one, str) for one in raw):
        raise ValueError(f"its {name!r} are no list of texts")
    return cast("list[str]", raw)
