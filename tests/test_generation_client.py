"""Deadlines, retries and the breaker of the client, against servers that misbehave in every way we know."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest
import stamina

from chatbot.errors import GenerationError
from chatbot.generation.client import Endpoint, HttpChatModel
from chatbot.types import ChatMessage

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
ASK = [ChatMessage("user", "Where is my parcel?")]


@pytest.fixture(autouse=True)
def _no_waiting_between_tries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


class MisbehavingServer:
    """A raw TCP server that runs the next behaviour of its script for each request, the last one for ever."""

    def __init__(self, *script: Behave) -> None:
        self.script = list(script)
        self.requests: list[tuple[str, dict[str, object]]] = []
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:"))
        self.requests.append((head, json.loads(await reader.readexactly(length))))
        self.asked.set()
        behave = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        try:
            await behave(reader, writer)
            await writer.drain()
        finally:
            writer.close()
            self.gone.set()


@asynccontextmanager
async def talking_to(server: MisbehavingServer, **options: object) -> AsyncIterator[HttpChatModel]:
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    model = HttpChatModel.following(lambda: Endpoint(url, "m", "secret"), name="m", engine="remote", **options)  # type: ignore[arg-type]
    try:
        yield model
    finally:
        await model.close()
        listening.close()


def event(text: object, finish: str | None = None) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}, 'finish_reason': finish}]})}\n\n".encode()


def sends(*parts: bytes) -> Behave:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(parts))

    return behave


def status(code: int, headers: str = "") -> Behave:
    return sends(f"HTTP/1.1 {code} X\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n".encode())


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the caller hangs up


async def hangs_after_a_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + event("Hello"))
    await reader.read()


GOOD = sends(HEAD, event("Hello"), event(" there"), event("", "stop"), b"data: [DONE]\n\n")


async def say(model: HttpChatModel, deadline_s: float = 10.0) -> str:
    return "".join([delta.text async for delta in model.stream(ASK, max_tokens=9, deadline_s=deadline_s)])


async def test_the_reply_comes_in_pieces_and_the_request_is_the_protocols() -> None:
    server = MisbehavingServer(GOOD)
    async with talking_to(server) as model:
        deltas = [delta async for delta in model.stream(ASK, max_tokens=9, deadline_s=5, temperature=0.3)]
    assert [(delta.text, delta.finish_reason) for delta in deltas] == [("Hello", None), (" there", None), ("", "stop")]
    head, body = server.requests[0]
    assert head.startswith("POST /v1/chat/completions ")
    assert "authorization: bearer secret" in head.lower()
    assert (body["model"], body["max_tokens"], body["temperature"], body["stream"]) == ("m", 9, 0.3, True)
    assert body["messages"] == [{"role": "user", "content": "Where is my parcel?"}]


@pytest.mark.parametrize(
    "bad",
    [
        status(500),
        status(503),
        status(429),
        status(429, "Retry-After: 1\r\n"),
        resets,
        sends(),
        sends(HEAD),
        sends(HEAD, b"data: {\n\n"),
        sends(HEAD, b"data: [DONE]\n\n"),
        sends(HEAD, event(float("nan"))),
        sends(HEAD, event(["x"])),
        sends(HEAD, b"data: \xff\xff\n\n"),
        sends(HEAD, b"data: 5\n\n"),
        sends(HEAD, b'data: {"error": {"message": "boom"}}\n\n'),
        sends(HEAD, b"x" * 1_100_000),
        sends(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"),
        sends(b"SSH-2.0-OpenSSH\r\n"),
    ],
)
async def test_a_bad_start_is_tried_again_and_three_are_enough(bad: Behave) -> None:
    server = MisbehavingServer(bad, bad, GOOD)
    async with talking_to(server) as model:
        assert await say(model) == "Hello there"
    assert len(server.requests) == 3
    server = MisbehavingServer(bad)
    async with talking_to(server) as model:
        with pytest.raises(GenerationError, match=r"^The (connection to the )?model server .*\.$"):
            await say(model)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "refusal", [status(400), status(401), status(404), status(429, "Retry-After: 30\r\n"), status(302)]
)
async def test_a_refusal_is_not_tried_again(refusal: Behave) -> None:
    server = MisbehavingServer(refusal)
    async with talking_to(server) as model:
        for _ in range(7):  # nor does it open the breaker
            with pytest.raises(GenerationError, match=r"refuse|busy"):
                await say(model)
    assert len(server.requests) == 7


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (sends(HEAD, event("Hello")), "broke off"),
        (sends(HEAD, event("Hello"), b"data: nonsense\n\n"), "no JSON"),
        (sends(HEAD, event(" "), event("", "stop")), "empty"),
        (sends(HEAD, event("", "stop")), "empty"),
    ],
)
async def test_after_the_first_token_nothing_is_tried_again(bad: Behave, sentence: str) -> None:
    server = MisbehavingServer(bad)
    async with talking_to(server) as model:
        with pytest.raises(GenerationError, match=sentence):
            await say(model)
    assert len(server.requests) == 1


async def test_a_server_that_hangs_costs_the_first_token_deadline() -> None:
    server = MisbehavingServer(hangs)
    async with talking_to(server, first_token_s=0.2) as model:
        with pytest.raises(GenerationError, match=r"did not begin to answer within 0\.2 s"):
            await say(model)
    await server.gone.wait()


async def test_a_server_that_hangs_later_costs_the_whole_deadline() -> None:
    server = MisbehavingServer(hangs_after_a_word)
    async with talking_to(server) as model:
        with pytest.raises(GenerationError, match=r"did not finish within 0\.3 s"):
            await say(model, deadline_s=0.3)
    await server.gone.wait()


async def test_closing_the_iterator_hangs_up() -> None:
    server = MisbehavingServer(hangs_after_a_word)
    async with talking_to(server) as model:
        async with aclosing(model.stream(ASK, max_tokens=9, deadline_s=60)) as deltas:  # type: ignore[type-var]
            async for _ in deltas:
                break
        await server.gone.wait()


async def test_cancelling_the_task_hangs_up_and_does_not_count_as_failure() -> None:
    server = MisbehavingServer(*[hangs_after_a_word] * 8, GOOD)
    async with talking_to(server) as model:
        for _ in range(8):
            server.gone.clear()
            asking = asyncio.create_task(say(model))
            await server.asked.wait()
            server.asked.clear()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await server.gone.wait()
        assert await say(model) == "Hello there"


async def test_after_five_failures_the_server_is_left_alone_then_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server = MisbehavingServer(sends(HEAD, event("Hello")))
    async with talking_to(server) as model:
        for _ in range(5):
            with pytest.raises(GenerationError, match="broke off"):
                await say(model)
        with pytest.raises(GenerationError, match="left alone"):
            await say(model)
        assert len(server.requests) == 5
        server.script = [GOOD]
        later = time.time() + 6
        monkeypatch.setattr("purgatory.domain.model.time.time", lambda: later)
        assert await say(model) == "Hello there"


async def test_nobody_listening_is_a_sentence() -> None:
    model = HttpChatModel("http://127.0.0.1:9", "m")
    with pytest.raises(GenerationError, match="cannot be reached"):
        await say(model)
    await model.close()


@pytest.mark.parametrize(
    ("url", "chat_url"),
    [("http://h:1", "http://h:1/v1/chat/completions"), ("http://h/x/v1/", "http://h/x/v1/chat/completions")],
)
def test_urls_with_and_without_v1(url: str, chat_url: str) -> None:
    assert Endpoint(url, "m").chat_url == chat_url
