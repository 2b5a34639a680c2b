"""Turns errors into JSON with the right status: {"error": {"code", "message"}}. Never a traceback, never the input."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.errors import (
    BadInput,
    Busy,
    ChatbotError,
    Conflict,
    NotAllowed,
    NotFound,
    NotSignedIn,
    PersonalData,
    StorageError,
    TooLarge,
    UsageError,
)
from ui.guard import NOTHING_HERE
from ui.unknown import allowed_methods

_log = structlog.get_logger(__name__)
_KNOWN: tuple[tuple[type[ChatbotError], int, str], ...] = (  # the first that fits
    (TooLarge, 413, "too_large"),
    (PersonalData, 422, "personal_data"),
    (BadInput, 422, "bad_input"),
    (UsageError, 422, "bad_input"),
    (NotFound, 404, "not_found"),
    (Conflict, 409, "conflict"),
    (Busy, 429, "busy"),
    (StorageError, 503, "storage"),
    (NotSignedIn, 401, "not_signed_in"),
    (NotAllowed, 403, "not_allowed"),
)
_PLAIN = {404: "not_found", 405: "method_not_allowed", 422: "bad_input"}


def code_of(error: ChatbotError) -> tuple[int, str]:
    """HTTP status and the word that programs and the page's strings know the error by."""
    return next(((status, code) for kind, status, code in _KNOWN if isinstance(error, kind)), (503, "unavailable"))


@dataclass(frozen=True)
class Contained:
    """Around everything: what no handler took, Gradio's own slips included, is one log line and a plain 500."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            if scope["type"] != "http":
                raise
            last = traceback.extract_tb(error.__traceback__)[-1]  # where, but not the message: it may quote a customer
            where = f"{last.filename}:{last.lineno}"
            _log.error("request_crashed", path=scope["path"], error=type(error).__name__, where=where)
            if not started:
                await _answer(500, "internal", "Something went wrong on our side.")(scope, receive, send)


def install_faults(app: FastAPI) -> None:
    app.add_exception_handler(ChatbotError, answer_fault)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, answer_http)


def _answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers=headers)


async def answer_fault(_request: Request, error: Exception) -> JSONResponse:
    """The answer to one of our own errors."""
    assert isinstance(error, ChatbotError)
    status, code = code_of(error)
    wait = {"retry-after": f"{max(1, round(error.retry_after_s))}"} if isinstance(error, Busy) else None
    if status >= 500:
        _log.error("request_failed", code=code, error=type(error).__name__)
    return _answer(status, code, str(error), wait)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _answer(422, "bad_input", _sentence(error.errors()[0]).encode("ascii", "replace").decode())


def _sentence(first: dict[str, Any]) -> str:
    """What is wrong, from one of pydantic's errors (https://docs.pydantic.dev/latest/errors/validation_errors/)."""
    kind, (side, *parts) = first["type"], first["loc"]
    if kind == "json_invalid":
        why = str(first.get("ctx", {}).get("error", "")) or "it ends too early"
        return f"The body is not valid JSON: {why[0].lower()}{why[1:]}, near character {int(parts[0]) + 1}."
    if not parts and side == "body":
        return 'The body must be a JSON object, sent with "Content-Type: application/json".'
    name = ".".join(map(str, parts))
    if kind == "missing":
        return f"{name} is missing in the {side}."
    if kind == "extra_forbidden":
        return f"There is no field {name!r}; leave it out."
    return f"{name}: {first['msg']}."


async def answer_http(request: Request, error: Exception) -> JSONResponse:
    """The answer to what the framework refuses: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)
    code, headers = _PLAIN.get(error.status_code, "refused"), dict(error.headers or {})
    if error.status_code == 404:
        return _answer(404, code, NOTHING_HERE, headers)
    if error.status_code == 405:
        allowed = ", ".join(allowed_methods(request.app.routes, request.url.path))
        return _answer(405, code, f"{request.method} is not possible here; use {allowed}.", {"allow": allowed})
    return _answer(error.status_code, code, str(error.detail), headers)
