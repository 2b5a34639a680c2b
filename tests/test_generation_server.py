"""The model server's protocol, queue and cancelling, over a real socket and a scripted engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from chatbot.generation.app import Limits, ModelServer
from tests.scripted_engine import CONTEXT, ScriptedEngine

KEY = "a-key"


@asynccontextmanager
async def serving(engine: ScriptedEngine, limits: Limits, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    app = ModelServer(engine, "tiny", limits, key).app()
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has a flag and no event
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False) as http:
        yield http
    engine.close()
    server.should_exit = True
    await task


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def http(engine: ScriptedEngine) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(engine, Limits(slots=2, queue=1, max_tokens=50)) as client:
        yield client


def body(text: str, **more: object) -> dict[str, object]:
    return {"model": "tiny", "messages": [{"role": "user", "content": text}], **more}


async def chat(http: httpx.AsyncClient, text: str, **more: object) -> httpx.Response:
    return await http.post("/v1/chat/completions", json=body(text, **more))


async def until(http: httpx.AsyncClient, name: str, value: int) -> Any:
    """Polls /health; the test's timeout ends a wait in vain."""
    while (health := (await http.get("/health")).json())[name] != value:  # noqa: ASYNC110 - a URL is polled
        await asyncio.sleep(0.01)
    return health


async def test_an_answer_in_one_piece(http: httpx.AsyncClient) -> None:
    answer = (await chat(http, "say one two three")).json()
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "one two three"}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"] == {"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7}


async def test_a_streamed_answer(http: httpx.AsyncClient) -> None:
    response = await chat(http, "say one two", stream=True, stream_options={"include_usage": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, done = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    chunks = [json.loads(event) for event in events]
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "one"}
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1]) == "one two"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None, None, "stop"]
    assert chunks[-1]["usage"]["completion_tokens"] == 2


async def test_what_the_request_says_reaches_the_engine(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    parts = [{"type": "text", "text": "say "}, {"type": "text", "text": "x"}]
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": parts}]
    given = {"max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 3, "stop": "END"}
    await http.post("/v1/chat/completions", json={"model": "tiny", "messages": messages, **given})
    (prompt,) = engine.prompts
    assert [(message.role, message.content) for message in prompt.messages] == [
        ("system", "Be brief."),
        ("user", "say x"),
    ]
    assert (prompt.max_tokens, prompt.temperature, prompt.top_p, prompt.seed) == (7, 0.5, 0.9, 3)
    assert prompt.stop == ("END",)


async def test_a_reply_is_never_longer_than_the_server_allows(http: httpx.AsyncClient) -> None:
    answer = (await chat(http, "forever", max_tokens=100_000)).json()
    assert answer["usage"]["completion_tokens"] == 50
    assert answer["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"messages": []}, 400, "messages"),
        ({"messages": "hi"}, 400, "messages"),
        ({"temperature": 3}, 400, "temperature"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"n": 2}, 400, "n"),
        ({"model": "other"}, 404, "model"),
        ({"messages": [{"role": "user", "content": "word " * CONTEXT}]}, 400, "messages"),
    ],
)
async def test_bad_requests_get_an_error_object_that_names_the_field(
    http: httpx.AsyncClient, change: dict[str, object], status: int, param: str
) -> None:
    response = await http.post("/v1/chat/completions", json=body("x") | change)
    assert response.status_code == status
    assert response.json()["error"]["param"].startswith(param)
    assert response.json()["error"]["message"].endswith(".")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"model": "tiny", "temperature": NaN}', b"[" * 100_000])
async def test_garbage_is_a_400(http: httpx.AsyncClient, content: bytes) -> None:
    response = await http.post("/v1/chat/completions", content=content)
    assert response.status_code == 400
    assert "error" in response.json()


async def test_a_body_that_is_too_large_is_a_413(http: httpx.AsyncClient) -> None:
    assert (await http.post("/v1/chat/completions", content=b"x" * 1_500_000)).status_code == 413


async def test_an_engine_error_is_a_500_and_in_a_stream_an_error_event(http: httpx.AsyncClient) -> None:
    assert (await chat(http, "fail")).status_code == 500
    assert '"type":"server_error"' in (await chat(http, "fail", stream=True)).text
    await until(http, "failed", 2)


async def test_models_and_health(http: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    assert (await http.get("/v1/models")).json()["data"][0]["id"] == "tiny"
    await chat(http, "say a b")
    health = (await http.get("/health")).json()
    assert (health["status"], health["engine"], health["model"]) == ("ok", "scripted", "tiny")
    assert (health["finished"], health["tokens"], health["running"], health["waiting"]) == (1, 2, 0, 0)
    assert health["memory_bytes"] > 1_000_000
    engine.pulse.failure = "The model engine failed (Crash)."
    ill = await http.get("/health")
    assert (ill.status_code, ill.json()["failure"]) == (503, "The model engine failed (Crash).")
    assert (await chat(http, "say a")).status_code == 503


async def test_a_stuck_engine_is_ill(engine: ScriptedEngine) -> None:
    async with serving(engine, Limits(stuck_s=0.0)) as http:
        engine.pulse.begin()
        assert (await http.get("/health")).status_code == 503


async def test_the_key_guards_everything_but_health(engine: ScriptedEngine) -> None:
    async with serving(engine, Limits(), KEY) as http:
        assert (await chat(http, "say a")).status_code == 401
        assert (await http.get("/v1/models", headers={"Authorization": "Bearer wrong"})).status_code == 401
        assert (await http.get("/v1/models", headers={"Authorization": f"Bearer {KEY}"})).status_code == 200
        assert (await http.get("/health")).status_code == 200


async def test_beyond_slots_and_queue_it_says_429_with_retry_after(http: httpx.AsyncClient) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(3):  # 2 slots + 1 in the queue
            group.create_task(chat(http, "forever", max_tokens=50))
        health = await until(http, "waiting", 1)
        assert health["running"] == 2
        refused = await chat(http, "say no")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["type"] == "rate_limit_error"
    assert (await chat(http, "say yes")).status_code == 200


@pytest.mark.parametrize("stream", [True, False])
async def test_a_caller_who_leaves_cancels_the_work(
    http: httpx.AsyncClient, engine: ScriptedEngine, stream: bool
) -> None:
    left = asyncio.create_task(chat(http, "forever", stream=stream, max_tokens=50))
    await until(http, "running", 1)
    left.cancel()
    await until(http, "cancelled", 1)
    assert (await http.get("/health")).json()["running"] == 0
    assert engine.cancelled == 1


async def test_nothing_that_anybody_wrote_is_logged(http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await chat(http, "say canary-4711")
    await chat(http, "say canary-4711", temperature="canary-4711")
    logged = [record for record in caplog.records if record.name == "chatbot.generation.server"]
    assert "prompt=2 completion=1" in logged[0].getMessage()
    assert all("canary" not in record.getMessage() for record in caplog.records)
