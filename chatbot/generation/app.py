"""The model server's HTTP side: the OpenAI chat protocol over any Engine. Must not know which engine or model it is."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from chatbot.generation.counters import Counters
from chatbot.generation.engine import Engine, Job, Piece, PromptTooLongError
from chatbot.generation.loop_turn import LoopTurn
from chatbot.generation.openai_protocol import (
    SSE_DONE,
    ChatRequest,
    Completion,
    RefusalError,
    error_object,
    parse,
    sse_event,
)

_LOG = logging.getLogger("chatbot.generation.server")
_MAX_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """slots: replies at once; queue: more that may wait; max_tokens: longest reply; stuck_s: longest healthy step."""

    slots: int = 8
    queue: int = 32
    max_tokens: int = 512
    stuck_s: float = 30.0


class ModelServer:
    """The routes over one engine. Lives as long as the process; event loop only."""

    def __init__(self, engine: Engine, model: str, limits: Limits, api_key: str | None = None) -> None:
        self._engine, self._model, self._limits = engine, model, limits
        self._key = api_key
        self._counters = Counters(limits.slots, limits.queue)
        self._created = int(time.time())

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/health", self.health),
        ]
        return Starlette(routes=routes, exception_handlers={RefusalError: _refused})

    async def health(self, request: Request) -> Response:
        """200 while the engine works; 503 when its thread is dead or stuck. Needs no key, holds no text."""
        stuck = self._engine.pulse.stuck_s
        well = self._engine.pulse.failure is None and stuck < self._limits.stuck_s
        body = {"status": "ok" if well else "ill", "engine": self._engine.name, "model": self._model}
        counts = {"failure": self._engine.pulse.failure, "stuck_s": round(stuck, 1), **self._counters.view()}
        return JSONResponse({**body, **counts}, status_code=200 if well else 503)

    async def models(self, request: Request) -> Response:
        self._check_key(request)
        entry = {"id": self._model, "object": "model", "created": self._created, "owned_by": "local"}
        return JSONResponse({"object": "list", "data": [entry]})

    async def chat(self, request: Request) -> Response:
        begun = time.monotonic()
        self._check_key(request)
        asked = parse(await _body(request))
        if asked.model != self._model:
            raise RefusalError(
                404, f"There is no model {asked.model!r} here.", "invalid_request_error", "model_not_found", "model"
            )
        if self._counters.full:
            self._counters.refused += 1
            busy = RefusalError(429, "All places are taken; try again soon.", "rate_limit_error", "server_busy")
            busy.retry_after_s = self._counters.retry_after_s
            raise busy
        turn = _Turn(self._submit(asked), self._model, self._counters, begun)
        return _Stream(turn, asked) if asked.stream else _Whole(turn)

    def _submit(self, asked: ChatRequest) -> _Running:
        loop = asyncio.get_running_loop()
        self._engine.pulse.between_steps = LoopTurn(loop)
        pieces: asyncio.Queue[Piece] = asyncio.Queue()

        def emit(piece: Piece) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

        try:
            return _Running(self._engine.submit(asked.prompt(self._limits.max_tokens), emit), pieces)
        except PromptTooLongError as exc:
            raise RefusalError(400, str(exc), "invalid_request_error", "context_length_exceeded", "messages") from exc
        except RuntimeError as exc:
            raise RefusalError(503, "The model engine is not working.", "server_error", "engine_down") from exc

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if self._key is not None and not hmac.compare_digest(given.encode(), f"Bearer {self._key}".encode()):
            raise RefusalError(401, "The API key is missing or wrong.", "invalid_request_error", "invalid_api_key")


@dataclass(frozen=True, slots=True)
class _Running:
    job: Job
    pieces: asyncio.Queue[Piece]


class _Turn:
    """One reply from admission to its last piece: counts it, logs it, and cancels it when the caller has gone."""

    def __init__(self, running: _Running, model: str, counters: Counters, begun: float) -> None:
        self._running, self._counters, self._begun = running, counters, begun
        self.completion = Completion(model, running.job.prompt_tokens)
        self._first_s: float | None = None
        self._over = False
        counters.in_flight += 1

    @asynccontextmanager
    async def watched(self, receive: Receive) -> AsyncIterator[AsyncIterator[Piece]]:
        """The pieces; leaving the block, or the caller's disconnecting, cancels the job."""
        watcher = asyncio.create_task(self._cancel_when_gone(receive))
        try:
            yield self._pieces()
        finally:
            watcher.cancel()
            self._running.job.cancel()
            self._end("cancelled")

    async def _pieces(self) -> AsyncIterator[Piece]:
        while True:
            piece = await self._running.pieces.get()
            self._first_s = self._first_s or time.monotonic() - self._begun
            self.completion.completion_tokens += piece.tokens
            self._counters.count_tokens(piece.tokens)
            if piece.finish_reason is not None:
                self._end(piece.finish_reason)
            yield piece
            if piece.finish_reason is not None:
                return

    async def _cancel_when_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            continue
        self._running.job.cancel()

    def _end(self, finish_reason: str) -> None:
        if self._over:
            return
        self._over = True
        seconds = time.monotonic() - self._begun
        self._counters.end(finish_reason, seconds)
        _LOG.info(
            "%s %s prompt=%d completion=%d first=%.3fs all=%.3fs",
            self.completion.id,
            finish_reason,
            self.completion.prompt_tokens,
            self.completion.completion_tokens,
            self._first_s or seconds,
            seconds,
        )


class _Whole(Response):
    """A reply in one JSON object."""

    def __init__(self, turn: _Turn) -> None:
        super().__init__()
        self._turn = turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text, last = "", Piece("")
        async with self._turn.watched(receive) as pieces:
            async for last in pieces:
                text += last.text
        if last.finish_reason == "error":
            response = JSONResponse(_failure(last), status_code=500)
        else:
            response = JSONResponse(self._turn.completion.whole(text, last.finish_reason or "cancelled"))
        await response(scope, receive, send)


class _Stream(Response):
    """A reply as server-sent events."""

    def __init__(self, turn: _Turn, asked: ChatRequest) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._turn = turn
        self._with_usage = asked.stream_options is not None and asked.stream_options.include_usage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._turn.watched(receive) as pieces:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            first = True
            async for piece in pieces:
                event = sse_event(_failure(piece)) if piece.error else self._turn.completion.chunk(piece, first=first)
                await send({"type": "http.response.body", "body": event, "more_body": True})
                first = False
            end = (self._turn.completion.usage_chunk() if self._with_usage else b"") + SSE_DONE
            await send({"type": "http.response.body", "body": end, "more_body": False})


def _failure(piece: Piece) -> dict[str, object]:
    return error_object(piece.error or "The model failed.", "server_error", "engine_error")


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MAX_BODY:
            raise RefusalError(413, f"The request exceeds {_MAX_BODY} bytes.", "invalid_request_error", "too_large")
    return body


async def _refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RefusalError)
    headers = {} if exc.retry_after_s is None else {"retry-after": str(exc.retry_after_s)}
    return JSONResponse(error_object(str(exc), exc.kind, exc.code, exc.param), status_code=exc.status, headers=headers)
