"""A ChatModel over any OpenAI-compatible URL, with deadlines, retries and a breaker. Must not know processes.

Only what happens before the first token is retried (twice, with jitter); after that a failure is a failure.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
import stamina
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from chatbot.errors import GenerationError
from chatbot.generation.sse import Garbage, deltas_of, lines_of
from chatbot.types import ChatMessage, Delta
from chatbot.types.generation import Skill

_T = TypeVar("_T")
_CONNECT_S = 3.0
_FAILURES_TO_OPEN = 5
_OPEN_S = 5.0
_LONGEST_WAIT_S = 1.0  # a server that asks for more than this is busy as far as a chat is concerned


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is: `url` without /v1 or with it, and the key to show; which model it serves, on what, and its skill."""

    url: str
    model: str
    api_key: str | None = None
    engine: str = "remote"
    skill: Skill = field(default_factory=Skill)

    @property
    def chat_url(self) -> str:
        root = self.url.rstrip("/")
        return f"{root}/chat/completions" if root.endswith("/v1") else f"{root}/v1/chat/completions"


class _Transient(Exception):  # noqa: N818 - an event between two tries, not an error that anyone sees
    """Worth another try while no token has come. Its text is the sentence for the end."""


class HttpChatModel:
    """Implements protocols.ChatModel. Lives as long as the process; any task of one event loop may call; then `close`.

    first_token_s: seconds until the first token, all tries together.
    """

    def __init__(
        self, url: str, model: str, api_key: str | None = None, *, first_token_s: float = 5.0, engine: str = "remote"
    ) -> None:
        endpoint = Endpoint(url, model, api_key, engine)
        self._endpoint: Callable[[], Endpoint] = lambda: endpoint
        self._last, self._first_token_s = endpoint, first_token_s
        self._streams: Counter[str] = Counter()
        self._breakers = AsyncCircuitBreakerFactory(
            default_threshold=_FAILURES_TO_OPEN,
            default_ttl=_OPEN_S,
            exclude=[GeneratorExit, asyncio.CancelledError, _Refused],
        )
        self._http: httpx.AsyncClient | None = None
        self._trust_env = True

    @classmethod
    def following(
        cls, endpoint: Callable[[], Endpoint], *, name: str, engine: str, first_token_s: float = 5.0
    ) -> HttpChatModel:
        """A model whose address may change, and with it the model: `endpoint` is asked at every call and may raise GenerationError.

        name, engine: what it is called until there is an endpoint.
        """
        model = cls("", name, first_token_s=first_token_s, engine=engine)
        model._endpoint = endpoint
        model._trust_env = False  # a proxy of the environment has no business between us and our own child
        return model

    @property
    def name(self) -> str:
        """See ChatModel."""
        return self._now().model

    @property
    def engine(self) -> str:
        """See ChatModel."""
        return self._now().engine

    @property
    def skill(self) -> Skill:
        """What the model of the moment was made for."""
        return self._now().skill

    def streams(self, url: str) -> int:
        """How many replies are being read from this address, or asked for."""
        return self._streams[url]

    def _now(self) -> Endpoint:
        with suppress(GenerationError):
            self._last = self._endpoint()
        return self._last

    async def close(self) -> None:
        """Closes idle connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def stream(
        self, messages: Sequence[ChatMessage], *, max_tokens: int, deadline_s: float, temperature: float = 0.0
    ) -> AsyncIterator[Delta]:
        """See ChatModel. Raises GenerationError by deadline_s at the latest."""
        self._last = endpoint = self._endpoint()
        self._streams[endpoint.url] += 1  # before anything is awaited: a swap waits for this reply from here on
        try:
            async with aclosing(self._stream(endpoint, messages, max_tokens, deadline_s, temperature)) as deltas:
                async for delta in deltas:
                    yield delta
        finally:
            self._streams[endpoint.url] -= 1

    async def _stream(
        self,
        endpoint: Endpoint,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        deadline_s: float,
        temperature: float,
    ) -> AsyncGenerator[Delta, None]:
        clock = _Clock(min(self._first_token_s, deadline_s), deadline_s)
        request = self._request(endpoint, messages, max_tokens, temperature)
        try:
            async with await self._breakers.get_breaker(endpoint.url):
                reply = await clock.first(self._begin(request, clock))
                try:
                    async with aclosing(self._rest(reply, clock)) as deltas:
                        async for delta in deltas:
                            yield delta
                finally:
                    await reply.response.aclose()
        except OpenedState as exc:
            raise GenerationError(
                f"The model server failed {_FAILURES_TO_OPEN} times in a row and is left alone for {_OPEN_S:.0f} s."
            ) from exc
        except (_Transient, _Refused) as exc:
            raise GenerationError(str(exc)) from exc

    def _request(
        self, endpoint: Endpoint, messages: Sequence[ChatMessage], max_tokens: int, temperature: float
    ) -> httpx.Request:
        if self._http is None:
            timeout = httpx.Timeout(None, connect=_CONNECT_S)
            self._http = httpx.AsyncClient(timeout=timeout, trust_env=self._trust_env, follow_redirects=False)
        body = {
            "model": endpoint.model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": True,
        }
        headers = {} if endpoint.api_key is None else {"Authorization": f"Bearer {endpoint.api_key}"}
        return self._http.build_request("POST", endpoint.chat_url, json=body, headers=headers)

    async def _begin(self, request: httpx.Request, clock: _Clock) -> _Reply:
        """The reply with its first delta read; tries three times at most."""
        retries = stamina.retry_context(
            on=_Transient, attempts=3, timeout=clock.first_s, wait_initial=0.1, wait_max=1.0, wait_jitter=0.2
        )
        async for attempt in retries:
            with attempt:
                return await self._try(request)
        raise AssertionError("retry_context ends by returning or raising")

    async def _try(self, request: httpx.Request) -> _Reply:
        assert self._http is not None
        try:
            response = await self._http.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            raise _Transient(f"The model server cannot be reached ({type(exc).__name__}).") from exc
        try:
            _check(response)
            deltas = deltas_of(lines_of(response.aiter_bytes()))
            return _Reply(response, deltas, await anext(deltas))
        except StopAsyncIteration as exc:
            await response.aclose()
            raise _Transient("The model server answered with nothing.") from exc
        except (httpx.HTTPError, httpx.StreamError, OSError, Garbage) as exc:
            await response.aclose()
            raise _Transient(_broken(exc)) from exc
        except BaseException:
            await response.aclose()
            raise

    async def _rest(self, reply: _Reply, clock: _Clock) -> AsyncGenerator[Delta, None]:
        delta = reply.first
        seen = False
        while True:
            seen = seen or bool(delta.text.strip())
            if delta.finish_reason is not None and not seen:
                raise _Transient("The model server's reply was empty.")
            yield delta
            if delta.finish_reason is not None:
                return
            try:
                delta = await clock.rest(anext(reply.deltas))
            except StopAsyncIteration as exc:
                raise _Transient("The model server broke off in the middle of its reply.") from exc
            except (httpx.HTTPError, httpx.StreamError, OSError, Garbage) as exc:
                raise _Transient(_broken(exc)) from exc


class _Refused(Exception):  # noqa: N818 - becomes a GenerationError; it says nothing against the server's health
    """The server answered and said no: 4xx."""


@dataclass(frozen=True, slots=True)
class _Reply:
    response: httpx.Response
    deltas: AsyncIterator[Delta]
    first: Delta


class _Clock:
    """The two deadlines of a call, from now on."""

    def __init__(self, first_s: float, whole_s: float) -> None:
        self.first_s, self._whole_s = first_s, whole_s
        self._begun = time.monotonic()

    async def first(self, work: Awaitable[_T]) -> _T:
        return await self._within(work, self.first_s, f"did not begin to answer within {self.first_s:g} s")

    async def rest(self, work: Awaitable[_T]) -> _T:
        return await self._within(work, self._whole_s, f"did not finish within {self._whole_s:g} s")

    async def _within(self, work: Awaitable[_T], limit_s: float, what: str) -> _T:
        try:
            return await asyncio.wait_for(work, limit_s - (time.monotonic() - self._begun))
        except TimeoutError as exc:
            raise _Transient(f"The model server {what}.") from exc


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if status == 429:
        after = _seconds(response.headers.get("retry-after"))
        if after is not None and after > _LONGEST_WAIT_S:
            raise _Refused(f"The model server is busy and asks to wait {after:.0f} s.")
        raise _Transient("The model server is busy (429).")
    if status >= 500:
        raise _Transient(f"The model server failed (HTTP {status}).")
    if status in (401, 403):
        raise _Refused(f"The model server refuses the key (HTTP {status}); check model_api_key.")
    if status != 200:
        raise _Refused(f"The model server refused the request (HTTP {status}); check model and model_url.")
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        raise _Transient("The model server answered with something that is no stream; check model_url.")


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else float(header)
    except ValueError:  # an HTTP date: nobody who sends one means "in a second"
        return _OPEN_S


def _broken(exc: Exception) -> str:
    return str(exc) if isinstance(exc, Garbage) else f"The connection to the model server broke ({type(exc).__name__})."
