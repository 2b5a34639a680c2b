"""The product as it is delivered: `python -m ui` over the demo company with the real encoder and the real model server,
asked by a real Chromium and over REST, and killed in between."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.chromium import chromium
from tests.demo import environment
from tests.product import Customer, Product
from tests.test_ui_browser import bots, say

pytestmark = [pytest.mark.models, pytest.mark.chaos]

GERMAN = "Was kostet der Versand und ab wann ist er gratis?"
RETURNS = "How many days do I have to send something back?"
NOT_OURS = "can i rent a kayak from you for the weekend"


@pytest.fixture(scope="module")
def product(copy_demo: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One served product for the whole module; the model writes, so that it takes part in every answer in English."""
    served = Product(copy_demo(tmp_path_factory.mktemp("product") / "data"), {"CHATBOT_REPLY_MODE": "adapted"})
    served.start()
    yield served
    assert served.stop(signal.SIGINT) == 0
    assert "Traceback" not in served.log


@pytest.fixture
def customer(product: Product) -> Iterator[Customer]:
    asking = Customer(product)
    yield asking
    asking.close()


def final(events: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The bot's message at the end of a reply's events."""
    name, data = events[-1]
    assert name == "final"
    message: dict[str, Any] = data["message"]
    return message


def test_rest_conversation_with_streamed_replies_and_sources(product: Product, customer: Customer) -> None:
    events = customer.asks(RETURNS)
    assert events[0][0] == "message"
    assert {name for name, _ in events[1:-1]} == {"delta"}
    reply = final(events)
    assert "30" in reply["text"]
    assert reply["reply"]["decision"] == "answer"
    assert reply["reply"]["sources"][0]["conversation_id"].startswith("np-en-")
    german = final(customer.asks(GERMAN))["reply"]
    assert (german["language"], german["mode"]) == ("de", "precedent")
    assert "60 EUR" in german["answer"]
    nothing = final(customer.asks(NOT_OURS))["reply"]
    assert (nothing["decision"], nothing["offers_person"], nothing["sources"]) == ("hand_over", True, [])
    stored = customer.messages()
    assert [m["role"] for m in stored] == ["customer", "bot"] * 3
    assert [m["seq"] for m in stored] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("text", ["", "   ", "\u0000", "a\ud800b", "x" * 4001, "y" * 1_000_000])
def test_what_is_no_message_is_refused_and_nothing_is_stored(product: Product, customer: Customer, text: str) -> None:
    path = f"conversations/{customer.id}/messages"
    body = json.dumps({"text": text, "client_message_id": "k"})
    headers = {**customer.headers, "content-type": "application/json"}
    answer = customer.http.post(path, content=body, headers=headers)
    assert answer.status_code in (413, 422)
    assert answer.json()["error"]["message"]
    assert customer.messages() == []


def test_only_emoji_get_a_proper_turn_and_the_same_message_twice_is_one(product: Product, customer: Customer) -> None:
    reply = final(customer.asks("🏔️🥾🎒"))
    assert reply["text"]
    assert reply["reply"]["sources"] == []
    body = {"text": "🏔️🥾🎒", "client_message_id": "m1"}
    again = customer.http.post(f"conversations/{customer.id}/messages", json=body, headers=customer.headers)
    assert again.status_code == 200
    assert [m["seq"] for m in customer.messages()] == [1, 2]


def test_the_model_is_used_and_says_so_or_the_reason_why_not_is_kept(product: Product, customer: Customer) -> None:
    product.until(lambda: product.ready()["checks"]["model"] == "ok")
    final(customer.asks(RETURNS))
    kept = provenance_of(product, customer)[-1]
    assert kept["provenance"]["model"] == "smollm2-135m"
    assert kept["provenance"]["prompt_sha256"]
    assert kept["timings_ms"]["generate"] > 0
    if kept["mode"] == "adapted":
        assert kept["provenance"]["checks"] == ["evidence: passed"]
    else:
        assert kept["mode"] == "precedent"
        assert kept["provenance"]["finish_reason"] == "fallback"
        assert kept["provenance"]["degraded"][0].startswith("generator: ")


def provenance_of(product: Product, customer: Customer) -> list[dict[str, Any]]:
    """What is kept of each reply, as the team sees it: the customer's view has no provenance."""
    import asyncio

    from scripts.options import plain
    from storage.opening import open_store

    async def read() -> list[dict[str, Any]]:
        with open_store(None, product.folder) as store:
            found = await store.conversations.recent(customer.id, 100)
            return [plain(message.reply) for message in found if message.reply]

    return asyncio.run(read())


def test_a_killed_model_server_costs_no_answer_and_comes_back(product: Product, customer: Customer) -> None:
    product.until(lambda: product.ready()["checks"]["model"] == "ok")
    (first,) = product.model_servers()
    os.kill(first.pid, signal.SIGKILL)
    reply = final(customer.asks(RETURNS))
    assert "30" in reply["text"]
    assert reply["reply"]["mode"] in ("precedent", "adapted")
    assert (reply["reply"]["mode"] == "adapted") or provenance_of(product, customer)[-1]["provenance"]["degraded"]
    product.until(lambda: product.ready()["checks"]["model"] == "ok")
    (second,) = product.model_servers()
    assert second.pid != first.pid
    assert product.ready()["ready"] is True


def test_kill_nine_amid_chats_loses_no_acknowledged_message_and_each_gets_its_reply(product: Product) -> None:
    customers = [Customer(product) for _ in range(4)]
    acknowledged: dict[str, list[str]] = {one.id: [] for one in customers}
    enough = threading.Event()

    def chat(one: Customer) -> None:
        for number in range(200):
            text = f"{RETURNS} (asked for the {number}th time)"
            body = {"text": text, "client_message_id": f"n{number}"}
            path = f"conversations/{one.id}/messages"
            try:
                with one.http.stream("POST", path, json=body, headers=one.headers) as answer:
                    if answer.status_code != 200:
                        return
                    for line in answer.iter_lines():
                        if line == "event: message":
                            acknowledged[one.id].append(text)
                            if sum(map(len, acknowledged.values())) >= 8:
                                enough.set()
            except httpx.HTTPError:
                return

    chats = [threading.Thread(target=chat, args=(one,)) for one in customers]
    for thread in chats:
        thread.start()
    assert enough.wait(60)
    servers = product.model_servers()
    product.kill()
    for thread in chats:
        thread.join(30)
    psutil.wait_procs(servers, timeout=15)
    assert not any(server.is_running() for server in servers), "the model server outlives its web process"
    product.start()
    for one in customers:
        product.until(lambda one=one: one.messages()[-1]["role"] == "bot")  # type: ignore[misc]
        stored = one.messages()
        assert [m["seq"] for m in stored] == list(range(1, len(stored) + 1))
        said = [m["text"] for m in stored if m["role"] == "customer"]
        assert said[: len(acknowledged[one.id])] == acknowledged[one.id]
        assert len(said) == len(set(said))
        one.close()


def test_a_second_server_on_the_same_folder_is_refused(product: Product) -> None:
    command = [sys.executable, "-m", "ui", "--data", str(product.folder), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    told = [line for line in done.stderr.splitlines() if line]
    assert len(told) == 1
    assert str(product.folder) in told[0]
    assert product.ready()["checks"]["database"] == "ok"


def test_a_taken_port_is_said_by_the_command_too(product: Product, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.cli", "--data", str(tmp_path / "d"), "serve", "--port", str(product.port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(), timeout=60)
    assert done.returncode == 2
    assert done.stderr == (
        f"Port {product.port} of 127.0.0.1 is taken by another program: stop that one, or choose another with --port.\n"
    )


def test_a_missing_index_is_named_and_a_sound_one_taken_over(product: Product, customer: Customer) -> None:
    """Last of those that ask, for the folder is put back only at the end."""
    index, away = product.folder / "index", product.folder / "index.away"
    assert product.stop() == 0
    index.rename(away)
    product.start()
    ready = httpx.get(f"{product.url}readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["index"] == "missing; run `chatbot index`"
    assert httpx.get(f"{product.url}healthz").status_code == 200
    without = Customer(product)
    reply = final(without.asks(RETURNS))["reply"]
    assert (reply["decision"], reply["sources"]) == ("hand_over", [])
    if index.exists():
        index.rmdir() if not any(index.iterdir()) else index.rename(product.folder / "index.empty")
    away.rename(index)
    final(without.asks("Do you ship to Norway?"))
    product.until(lambda: httpx.get(f"{product.url}readyz").status_code == 200)
    without.close()


@pytest.mark.browser
def test_a_customer_in_a_browser_is_answered_and_finds_all_again_after_kill_nine(product: Product) -> None:
    with chromium() as started:
        page = started.new_context(locale="en-US", viewport={"width": 1280, "height": 800}).new_page()
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(product.url)
        expect(page.locator(".row.welcome")).to_be_visible(timeout=20_000)
        answered(page, 0, RETURNS, "30")
        answered(page, 1, "And what does the return label cost?", r"4[.,]90")
        answered(page, 2, GERMAN, "60 EUR")
        say(page, NOT_OURS)
        expect(bots(page)).to_have_count(4, timeout=20_000)
        expect(bots(page).nth(3).locator(".sources")).to_have_count(0)
        expect(page.get_by_role("button", name=re.compile("person", re.IGNORECASE)).first).to_be_visible()
        before = page.locator("[data-thread] .row .bubble").all_inner_texts()
        product.kill()
        expect(page.get_by_text("Connection lost.")).to_be_visible(timeout=20_000)
        say(page, "Do you ship to Norway?")
        product.start()
        expect(bots(page)).to_have_count(5, timeout=40_000)
        expect(page.get_by_text("Connection lost.")).to_be_hidden()
        page.reload()
        expect(bots(page)).to_have_count(5, timeout=20_000)
        assert page.locator("[data-thread] .row .bubble").all_inner_texts()[: len(before)] == before
        assert page.locator("[data-thread] .row.customer").count() == 5
        assert broken == []


def answered(page: Page, number: int, question: str, pattern: str) -> None:
    say(page, question)
    expect(bots(page)).to_have_count(number + 1, timeout=20_000)
    reply = bots(page).nth(number)
    expect(reply).to_contain_text(re.compile(pattern), timeout=20_000)
    expect(reply.locator(".sources")).to_have_count(1)


def test_sigterm_stops_cleanly_and_leaves_no_model_server(product: Product) -> None:
    """Ctrl-C, the other way to stop, ends the module's product in its fixture."""
    product.until(lambda: product.ready()["checks"]["model"] == "ok")
    servers = product.model_servers()
    assert servers
    waiting = Customer(product)
    assert product.stop() == 0
    psutil.wait_procs(servers, timeout=15)
    assert not any(server.is_running() for server in servers)
    assert "Traceback" not in product.log
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", product.port)) != 0
    waiting.close()
    product.start()
