"""Bytes of a chat-completion stream become deltas, or Garbage. Pure; must not know HTTP.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from chatbot.types import Delta

_LONGEST_LINE = 1_000_000
_PREFIX = "data:"


class Garbage(Exception):  # noqa: N818 - describes the stream, and is translated by the client
    """The stream is not what the protocol says. The text is a sentence and quotes nothing of the stream."""


async def lines_of(parts: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines without their ends. Raises Garbage on one that is endless or no UTF-8."""
    rest = b""
    async for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield _decoded(line)
        if len(rest) > _LONGEST_LINE:
            raise Garbage("The model server sent a line without an end.")
    if rest:
        yield _decoded(rest)


async def deltas_of(lines: AsyncIterator[str]) -> AsyncIterator[Delta]:
    """The deltas that carry text or the end; stops after the one with a finish_reason, or at [DONE]."""
    async for line in lines:
        if not line.startswith(_PREFIX):
            continue  # comments, event names and empty lines of the SSE format
        data = line[len(_PREFIX) :].strip()
        if data == "[DONE]":
            return
        delta = _delta(data)
        if delta.text or delta.finish_reason:
            yield delta
        if delta.finish_reason:
            return


def _decoded(line: bytes) -> str:
    try:
        return line.decode().rstrip("\r")
    except UnicodeDecodeError as exc:
        raise Garbage("The model server sent bytes that are no UTF-8.") from exc


def _delta(data: str) -> Delta:
    try:
        event = json.loads(data)
    except (json.JSONDecodeError, RecursionError) as exc:
        raise Garbage("The model server sent something that is no JSON.") from exc
    if isinstance(event, dict) and event.get("error"):
        raise Garbage("The model server reported an error in the middle of its reply.")
    choices = event.get("choices") if isinstance(event, dict) else None
    if choices == []:
        return Delta("")  # the chunk with the usage
    choice: Any = choices[0] if isinstance(choices, list) else None
    content = choice.get("delta", {}) if isinstance(choice, dict) else None
    if not isinstance(content, dict) or not isinstance(content.get("content") or "", str):
        raise Garbage("The model server sent a chunk of another shape.")
    return Delta(content.get("content") or "", _reason(choice.get("finish_reason")))


def _reason(given: object) -> str | None:
    if given is None or given == "":
        return None
    return given if given in ("stop", "length", "cancelled") else "stop"
