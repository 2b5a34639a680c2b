"""The OpenAI chat protocol as values: requests in; chunks, responses and errors out. Pure; must not know HTTP.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatbot.generation.engine import Piece, Prompt
from chatbot.types import ChatMessage


class _TextPart(BaseModel):
    type: Literal["text"]
    text: str


class _Message(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_TextPart]

    def plain(self) -> ChatMessage:
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return ChatMessage("system" if self.role == "developer" else self.role, text)


class _StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """Body of POST /v1/chat/completions. Fields of the protocol that change nothing here are ignored."""

    model_config = ConfigDict(extra="ignore")

    model: str
    messages: list[_Message] = Field(min_length=1, max_length=256)
    stream: bool = False
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(1.0, ge=0, le=2, allow_inf_nan=False)
    top_p: float = Field(1.0, gt=0, le=1, allow_inf_nan=False)
    seed: int | None = Field(None, ge=0, le=2**32 - 1)
    stop: str | list[str] | None = None
    n: Literal[1] = 1

    def prompt(self, most_tokens: int) -> Prompt:
        """The request for an engine; a reply longer than `most_tokens` is cut there ("length")."""
        asked = self.max_completion_tokens or self.max_tokens or most_tokens
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Prompt(
            messages=tuple(message.plain() for message in self.messages),
            max_tokens=min(asked, most_tokens),
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            stop=tuple(stop for stop in stops if stop)[:4],
        )


class RefusalError(Exception):
    """A request that is answered with an error object. Retry-After is sent where retry_after_s is set."""

    def __init__(self, status: int, message: str, kind: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.kind, self.code, self.param = status, kind, code, param
        self.retry_after_s: int | None = None


def parse(body: bytes) -> ChatRequest:
    """Raises RefusalError (400) naming the first field that is wrong."""
    try:
        return ChatRequest.model_validate_json(body)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise RefusalError(400, f"{where}: {first['msg']}.", "invalid_request_error", "invalid_value", where) from exc


def error_object(message: str, kind: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """https://platform.openai.com/docs/guides/error-codes"""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(slots=True)
class Completion:
    """One answer on its way out: its id, and what has been counted. Lives as long as the request."""

    model: str
    prompt_tokens: int
    completion_tokens: int = 0
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunk(self, piece: Piece, *, first: bool) -> bytes:
        """One SSE event."""
        delta: dict[str, str] = {"role": "assistant"} if first else {}
        if piece.text:
            delta["content"] = piece.text
        choice = {"index": 0, "delta": delta, "finish_reason": piece.finish_reason}
        return sse_event({**self._head("chat.completion.chunk"), "choices": [choice]})

    def usage_chunk(self) -> bytes:
        """The event that `stream_options.include_usage` asks for."""
        return sse_event({**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()})

    def whole(self, text: str, finish_reason: str) -> dict[str, Any]:
        """The body of an answer that is not streamed."""
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _usage(self) -> dict[str, int]:
        total = self.prompt_tokens + self.completion_tokens
        counts = {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}
        return {**counts, "total_tokens": total}


def sse_event(body: dict[str, Any]) -> bytes:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


SSE_DONE = b"data: [DONE]\n\n"
