"""In a real Chromium, over the real product: a reply is corrected in the page, and the same question is answered so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from storage.opening import open_store
from tests.product import Product
from tests.staff import COOKIE, Member, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.models]
QUESTION, RIGHT = "How long do I have to return something?", "You have 75 days from delivery, and the label is free."


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, copy_demo: Callable[[Path], Path]) -> Iterator[Product]:
    made = Product(copy_demo(tmp_path_factory.mktemp("knowledge") / "data"), {"CHATBOT_ENGINE": "none"})
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def ada(product: Product) -> Member:
    with open_store(None, product.folder, ballast_bytes=1 << 20) as store:
        return sign_in(store, "admin", name="Ada Boss")


@pytest.fixture
def desk(browser: Browser, product: Product, ada: Member) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=product.url)
    context.add_cookies([{"name": COOKIE, "value": ada.token, "url": product.url}])
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    yield page
    context.close()
    assert troubles == []


def ask(product: Product, text: str = QUESTION) -> tuple[str, str]:
    """The conversation's id and what a new customer is answered."""
    with httpx.Client(base_url=f"{product.url}api/v1") as client:
        made = client.post("/conversations", json={}).json()
        own = {"authorization": f"Bearer {made['token']}"}
        place = f"/conversations/{made['id']}/messages"
        client.post(place, json={"text": text, "client_message_id": "1"}, headers=own)
        while len(said := client.get(place, headers=own).json()["messages"]) < 2:
            time.sleep(0.05)
    return made["id"], said[1]["text"]


def test_a_reply_corrected_in_the_page_is_answered_so_from_then_on(product: Product, desk: Page) -> None:
    conversation, wrong = ask(product)
    desk.goto("/admin/knowledge")
    desk.evaluate(
        """async (conversation) => {
            const { static: base } = JSON.parse(document.getElementById("config").textContent);
            const { openCorrection } = await import(`${base}/staff/correct.js`);
            window.corrected = openCorrection({ conversation, seq: 2 });
        }""",
        conversation,
    )
    dialog = desk.get_by_role("dialog", name="Correct this answer")
    expect(dialog).to_contain_text(wrong.splitlines()[0])
    dialog.get_by_label("The right answer").fill(RIGHT)
    desk.reload()  # the draft survives
    desk.evaluate(
        """async (conversation) => {
            const { static: base } = JSON.parse(document.getElementById("config").textContent);
            const { openCorrection } = await import(`${base}/staff/correct.js`);
            window.corrected = openCorrection({ conversation, seq: 2 });
        }""",
        conversation,
    )
    expect(dialog.get_by_label("The right answer")).to_have_value(RIGHT)
    dialog.get_by_role("button", name="Save correction").click()
    assert desk.evaluate("window.corrected")
    assert ask(product)[1] == RIGHT

    desk.get_by_role("tab", name="Answers by the team").click()
    desk.get_by_role("button", name="Undo").click()
    desk.get_by_role("button", name="Take back").click()
    expect(desk.get_by_text("taken back by Ada Boss")).to_be_visible()
    assert ask(product)[1] == wrong


def test_an_answer_is_written_found_tested_and_retired(product: Product, desk: Page) -> None:
    desk.goto("/admin/knowledge")
    desk.get_by_role("button", name="Write an answer").click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_label("Question").fill("Do you sell paper kites for children?")
    dialog.get_by_label("Answer, word for word").fill("Yes, <b>paper kites</b> are on the ground floor.")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    assert (
        ask(product, "Do you sell paper kites for children?")[1] == "Yes, <b>paper kites</b> are on the ground floor."
    )
    desk.get_by_role("searchbox", name="Search").fill("paper kit")
    card = desk.locator(".passage")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("<b>paper kites</b>")  # text, never markup
    desk.get_by_role("tab", name="Search test").click()
    desk.get_by_role("searchbox", name="Question").fill("Do you sell paper kites for children?")
    desk.get_by_role("button", name="Search", exact=True).click()
    expect(desk.locator("tr.chosen").first).to_contain_text("paper kites")
    desk.get_by_role("tab", name="Passages").click()
    desk.get_by_role("button", name="Retire").click()
    desk.get_by_role("dialog").get_by_role("button", name="Retire").click()
    expect(desk.get_by_text("Nothing found.")).to_be_visible()
    assert "paper kites" not in ask(product, "Do you sell paper kites for children?")[1]
