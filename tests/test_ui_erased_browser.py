"""What is erased leaves every open window, in a real Chromium over the real product: whoever erases it, and wherever it shows."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from chatbot.erasing import Copies
from chatbot.settings import Settings, load_settings
from storage.opening import Store, open_store
from storage.subjects import By, Subject
from tests.staff import COOKIE, Member, sign_in
from ui.__main__ import Server, take_port
from ui.app import create_app_from
from ui.wiring import build_parts

pytestmark = [pytest.mark.browser, pytest.mark.models]
BEGUN = "Object.keys(localStorage).filter((key) => key.startsWith('desk.draft.')).length"


@pytest.fixture
def product(demo_copy: Path) -> Iterator[tuple[str, Store, Settings]]:
    settings = load_settings(data=demo_copy, engine="none", admin_totp=False)
    parts = build_parts(settings)
    assert parts.house is not None
    with take_port("127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(create_app_from(parts), log_level="error", timeout_graceful_shutdown=5)
        server = Server(config, parts.hub, url)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        yield url, parts.house, settings
        server.should_exit = True
        thread.join(15)


def page_of(browser: Browser, url: str, who: Member | None = None) -> Page:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    if who:
        context.add_cookies([{"name": COOKIE, "value": who.token, "url": url}])
    return context.new_page()


def asks(page: Page, url: str, text: str) -> None:
    page.goto(url)
    expect(page.locator(".row.welcome")).to_be_visible(timeout=20_000)
    page.locator("[data-text]").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator("[data-thread] .row.bot").last).to_be_visible(timeout=30_000)


def erase_as_another_program(settings: Settings, conversation: str) -> None:
    """As `chatbot purge` does it: nobody rings the windows."""
    with open_store(None, settings.data) as store:
        store.rights.erase(Subject(By.CONVERSATION, conversation), Copies(settings))


def test_what_another_program_erases_leaves_desk_transcript_search_review_and_chat(
    product: tuple[str, Store, Settings], browser: Browser
) -> None:
    url, store, settings = product
    ann = sign_in(store)
    customer = page_of(browser, url)
    asks(customer, url, "how long does zebra delivery take")
    desk = page_of(browser, url, ann)
    desk.goto(f"{url}/agents/")
    desk.locator("[data-list=bot]").click()
    desk.locator(".items .item").filter(has_text="zebra").click()
    expect(desk.locator(".transcript")).to_contain_text("zebra")
    desk.get_by_label("Internal note", exact=True).fill("she wrote of a zebra")
    assert desk.evaluate(BEGUN) == 1
    conversation = desk.evaluate("location.hash.slice(1)")
    transcript, search, review = (page_of(browser, url, ann) for _ in range(3))
    transcript.goto(f"{url}/agents/transcripts/{conversation}")
    expect(transcript.locator(".transcript")).to_contain_text("zebra")
    transcript.get_by_role("button", name=re.compile("Correct this answer|Write the answer")).click()
    expect(transcript.locator("dialog[open]")).to_contain_text("zebra")
    transcript.locator("#correct-answer").fill("No zebras.")
    search.goto(f"{url}/agents/transcripts?q=zebra")
    expect(search.locator(".results")).to_contain_text("zebra")
    review.goto(f"{url}/agents/review")
    expect(review.locator(".transcript")).to_contain_text("zebra")

    erase_as_another_program(settings, conversation)

    expect(desk.locator(".toast.bad").first).to_contain_text("erased, and with it what you had begun", timeout=15_000)
    expect(desk.locator(".talk")).to_contain_text("Choose a conversation")
    expect(desk.locator(".composer textarea")).to_have_value("")
    assert desk.evaluate(BEGUN) == 0
    expect(transcript.locator("#app")).to_contain_text("This conversation was erased.")
    expect(transcript.locator("dialog")).to_have_count(0)
    assert "zebra" not in str(transcript.evaluate("JSON.stringify(localStorage)"))
    expect(customer.locator("[data-thread] .row.bot")).to_have_count(0)
    for page in (desk, transcript, search, review, customer):
        expect(page.locator("#app, gradio-app").first).not_to_contain_text("zebra")


def test_words_begun_are_forgotten_by_a_desk_that_was_shut_when_it_happened(
    product: tuple[str, Store, Settings], browser: Browser
) -> None:
    url, store, settings = product
    customer, desk = page_of(browser, url), page_of(browser, url, sign_in(store))
    asks(customer, url, "how long does delivery take")
    desk.goto(f"{url}/agents/")
    desk.locator("[data-list=bot]").click()
    desk.locator(".items .item").first.click()
    desk.get_by_label("Internal note", exact=True).fill("to be looked at")
    conversation = desk.evaluate("location.hash.slice(1)")
    desk.goto(f"{url}/account")
    assert desk.evaluate(BEGUN) == 1
    erase_as_another_program(settings, conversation)
    desk.goto(f"{url}/agents/")
    desk.wait_for_function(f"{BEGUN} === 0")
