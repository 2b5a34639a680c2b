"""An agent with the copilot in a real Chromium: offers by key, edits kept, canned answers behind a slash, translation."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Route, expect

from storage.audit import Actor
from storage.canned import Wording
from storage.opening import Store, open_store
from storage.taking import Hand
from tests.fakes_copilot import ENGLISH, GERMAN, RETURNS, REWORDED, SHOP, fake_assistant
from tests.fakes_dialogue import ScriptedModel
from tests.fakes_ui import fake_parts
from tests.staff import COOKIE, Member, done, sign_in
from ui.__main__ import Server, take_port
from ui.app import create_app_from

pytestmark = pytest.mark.browser
OWNER = "a" * 64
QUESTION = "Hello, my name is Mia Berg. How long can I return a jacket?"
BAD = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


@dataclass(frozen=True)
class Site:
    url: str
    store: Store
    ann: Member

    def conversation(self, text: str = QUESTION) -> str:
        """In Ann's hands."""
        return str(done(self._take(text)))

    async def _take(self, text: str) -> str:
        made = await self.store.conversations.create_conversation(OWNER, "en")
        await self.store.conversations.add_customer_message(made.id, OWNER, text, "c1")
        await self.store.desk.take(self.hand(made.id), lambda _: "Ann joined")
        return made.id

    def hand(self, conversation: str) -> Hand:
        return Hand(self.ann.user, Actor(self.ann.user.id, "Ann"), conversation)

    def said(self, conversation: str) -> list[str]:
        found = done(self.store.desk.messages(self.ann.user, conversation))
        return [message.text for message in found if message.role.value == "agent"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("copilot")
    with open_store(None, folder, server=True, ballast_bytes=1 << 20) as store, take_port("127.0.0.1", 0) as listening:
        parts = replace(fake_parts(folder, store=store.conversations), house=store)
        core = fake_assistant(parts.settings, model=ScriptedModel([REWORDED]), translator=ScriptedModel([ENGLISH]))
        parts = replace(parts, assistant=core)
        port = listening.getsockname()[1]
        config = uvicorn.Config(create_app_from(parts), log_level="error", timeout_graceful_shutdown=5)
        server = Server(config, parts.hub, "")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        ann = sign_in(store, name="Ann Lee")
        for wording in (
            Wording("hello", "Hello {customer_name}, this is {agent_name}.", "en"),
            Wording("label", "Your label is under Orders. The refund comes by {date}.", "en"),
            Wording("odd", BAD),
        ):
            done(store.canned.add(ann.user, Actor(ann.user.id, "Ann"), wording))
        yield Site(f"http://127.0.0.1:{port}/", store, ann)
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": COOKIE, "value": site.ann.token, "url": site.url}])
    page, wrong = context.new_page(), list[Any]()
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" and "409" not in m.text else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.on("dialog", lambda d: (wrong.append(d.message), d.dismiss()))
    page.on("request", lambda r: None if r.url.startswith(site.url) else wrong.append(r.url))
    yield page
    context.close()
    assert wrong == []


def opened(page: Page, site: Site, text: str = QUESTION) -> str:
    conversation = site.conversation(text)
    page.goto(f"{site.url}agents/#{conversation}")
    expect(page.locator("#copilot .offer")).to_have_count(3, timeout=20_000)  # the first search loads what it needs
    expect(page.locator("#copilot div.draft")).to_contain_text(REWORDED)
    return conversation


def field(page: Page) -> Any:
    return page.get_by_label("Reply", exact=True).and_(page.locator("textarea"))


def test_offers_are_inserted_by_key_edited_sent_and_kept_as_a_pair(page: Page, site: Site) -> None:
    conversation = opened(page, site)
    expect(page.locator("#copilot div.draft")).to_contain_text("every figure and name stands in its")
    field(page).fill("Hi Mia,")
    page.keyboard.press("Alt+Digit1")
    expect(field(page)).to_have_value(f"Hi Mia,\n\n{RETURNS.passage.answer}")
    page.keyboard.press("Control+a")
    page.keyboard.press("Alt+Digit3")  # what is selected stays
    expect(field(page)).to_have_value(f"Hi Mia,\n\n{RETURNS.passage.answer}\n\n{SHOP.passage.answer}")
    page.keyboard.type(" Bye!")
    page.reload()  # edits are kept
    expect(field(page)).to_have_value(f"Hi Mia,\n\n{RETURNS.passage.answer}\n\n{SHOP.passage.answer} Bye!")
    expect(page.locator("#copilot div.draft")).to_be_visible()
    field(page).fill("Hi,")
    page.keyboard.press("Alt+Digit0")
    expect(field(page)).to_have_value(f"Hi,\n\n{REWORDED}")
    page.keyboard.type(" Enjoy.")
    page.reload()  # what was inserted is known then, too
    expect(field(page)).to_have_value(f"Hi,\n\n{REWORDED} Enjoy.")
    field(page).press("Enter")
    expect(page.locator(".transcript .agent .said").last).to_have_text(f"Hi,\n\n{REWORDED} Enjoy.")
    assert site.said(conversation) == [f"Hi,\n\n{REWORDED} Enjoy."]
    kept = wait_for(lambda: done(site.store.copilot.latest()))[0]
    assert (kept.inserted, kept.sent, kept.draft) == (REWORDED, f"Hi,\n\n{REWORDED} Enjoy.", "adapted")
    assert kept.passages[0] == RETURNS.passage.id


@dataclass
class Held:
    """The route of the draft, held back until the test lets it go; `lose` answers with nothing."""

    page: Page

    def __post_init__(self) -> None:
        self.routes: list[Route] = []
        self.page.route("**/draft", lambda route: self.routes.append(route))  # noqa: PLW0108 - playwright marks its handlers

    def come(self) -> None:
        for route in self.routes:
            route.continue_()

    def lose(self) -> None:
        for route in self.routes:
            route.fulfill(json={"text": None, "mode": "precedent", "sources": [], "checks": [], "degraded": []})


def writing(page: Page, site: Site) -> Held:
    """Ann has pressed the draft's key while it is written, and was told."""
    held = Held(page)
    page.goto(f"{site.url}agents/#{site.conversation()}")
    expect(page.locator("#copilot p.draft")).to_contain_text("Writing a draft")
    page.keyboard.press("Alt+Digit0")
    expect(page.locator("#copilot .state")).to_contain_text("The draft is still being written.")
    expect(field(page)).to_have_value("")
    return held


def test_a_draft_asked_for_too_early_comes_by_itself(page: Page, site: Site) -> None:
    held = writing(page, site)
    held.come()
    expect(field(page)).to_have_value(REWORDED)
    expect(page.locator("#copilot .state")).to_have_text("")
    page.keyboard.type(" Bye!")
    expect(field(page)).to_have_value(f"{REWORDED} Bye!")


def test_a_draft_asked_for_too_early_stays_away_from_who_types_meanwhile(page: Page, site: Site) -> None:
    held = writing(page, site)
    field(page).press_sequentially("Hi")
    expect(page.locator("#copilot .state")).to_have_text("")
    held.come()
    expect(page.locator("#copilot div.draft")).to_contain_text(REWORDED)
    expect(field(page)).to_have_value("Hi")
    page.keyboard.press("Alt+Digit0")
    expect(field(page)).to_have_value(f"Hi\n\n{REWORDED}")


def test_a_draft_asked_for_too_early_takes_nobody_from_another_field(page: Page, site: Site) -> None:
    held = writing(page, site)
    page.locator(".facts input").first.focus()
    held.come()
    expect(page.locator("#copilot .state")).to_have_text("The draft is there: Alt+0 inserts it.")
    expect(page.locator(".facts input").first).to_be_focused()
    expect(field(page)).to_have_value("")


def test_keys_without_an_offer_say_so(page: Page, site: Site) -> None:
    held = writing(page, site)
    held.lose()
    expect(page.locator("#copilot .state")).to_have_text("There is no draft for this.")
    expect(field(page)).to_have_value("")
    page.keyboard.press("Alt+Digit1")
    expect(field(page)).to_have_value(RETURNS.passage.answer)
    expect(page.locator("#copilot .state")).to_have_text("")


def test_a_source_opens_in_place(page: Page, site: Site) -> None:
    opened(page, site)
    page.locator("#copilot .source").nth(1).click()
    expect(page.get_by_role("listitem", name="Source of suggestion 2")).to_contain_text("c-4 / 3")
    page.get_by_role("button", name="Hide").click()
    expect(page.locator("#copilot .whole")).to_have_count(0)


def test_what_the_customer_writes_next_brings_new_offers_and_keeps_what_is_typed(page: Page, site: Site) -> None:
    with httpx.Client(base_url=f"{site.url}api/v1") as customer:
        made = customer.post("/conversations").json()
        customer.headers["authorization"] = f"Bearer {made['token']}"
        customer.post(f"/conversations/{made['id']}/person")
        customer.post(f"/conversations/{made['id']}/messages", json={"text": "Hello", "client_message_id": "1"})
        done(site.store.desk.take(site.hand(made["id"]), lambda _: "Ann joined"))
        page.goto(f"{site.url}agents/#{made['id']}")
        expect(page.locator("#copilot .state")).to_have_text("The customer has not asked anything yet.")
        field(page).fill("Hi,")
        customer.post(f"/conversations/{made['id']}/messages", json={"text": QUESTION, "client_message_id": "2"})
    expect(page.locator("#copilot .offer")).to_have_count(3)
    expect(page.locator("#copilot div.draft")).to_contain_text(REWORDED)
    expect(field(page)).to_have_value("Hi,")


def test_a_note_is_offered_nothing(page: Page, site: Site) -> None:
    opened(page, site)
    page.get_by_role("button", name="Internal note").click()
    expect(page.locator("#copilot")).to_be_hidden()
    page.keyboard.press("Alt+Digit1")
    expect(page.locator(".composer textarea")).to_have_value("")
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.locator("#copilot .offer")).to_have_count(3)


def test_a_slash_opens_the_list_and_gaps_are_said(page: Page, site: Site) -> None:
    conversation = opened(page, site)
    field(page).press_sequentially("/")
    options = page.get_by_role("option")
    expect(options).to_have_count(3)
    expect(options.first).to_contain_text("Hello Mia Berg, this is Ann.")
    page.keyboard.type("lab")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value("Your label is under Orders. The refund comes by {date}.")
    expect(page.locator(".gaps")).to_have_text("Still to fill in: {date}")
    page.keyboard.type("Friday")  # the gap is selected
    expect(field(page)).to_have_value("Your label is under Orders. The refund comes by Friday.")
    expect(page.locator(".gaps")).to_be_hidden()
    field(page).fill("")
    page.keyboard.type("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("option", selected=True)).to_contain_text("/odd")
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    field(page).fill("")
    page.keyboard.type("/nothing like it")
    page.keyboard.press("Enter")  # an open list sends nothing
    expect(page.get_by_text("No canned answer matches.")).to_be_visible()
    assert site.said(conversation) == []


def test_a_translation_stands_below_the_original(page: Page, site: Site) -> None:
    page.goto(f"{site.url}agents/#{site.conversation(GERMAN)}")
    expect(page.locator("#copilot div.draft")).to_contain_text("not fit for de")
    page.get_by_role("button", name="Translate to English").click()
    expect(page.locator(".translated .said")).to_have_text(ENGLISH.replace("[ORDER 1]", "NP-48213"))
    expect(page.locator(".translated").first).to_contain_text("Machine translation")
    expect(page.locator(".transcript .customer > .said")).to_have_text(GERMAN)


def test_canned_answers_are_written_changed_and_deleted_on_their_page(page: Page, site: Site) -> None:
    page.goto(f"{site.url}agents/canned")
    expect(page.locator(".canned-card")).to_have_count(3)
    expect(page.get_by_text(BAD)).to_be_visible()
    page.get_by_role("button", name="New answer").click()
    page.get_by_label("Shortcut").fill("hello")
    page.get_by_label("Answer", exact=False).last.fill("Good day.")
    page.get_by_label("Language").fill("en")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("There is an answer /hello")
    page.get_by_label("Shortcut").fill("day")
    page.reload()  # what was typed is kept
    page.get_by_role("button", name="New answer").click()
    expect(page.get_by_label("Shortcut")).to_have_value("day")
    expect(page.get_by_label("Answer", exact=False).last).to_have_value("Good day.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".canned-card")).to_have_count(4)
    page.get_by_role("button", name="New answer").click()
    expect(page.get_by_label("Shortcut")).to_have_value("")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Edit /day").click()
    expect(page.get_by_label("Shortcut")).to_have_value("day")
    page.get_by_label("Shortcut").fill("day-2")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Delete /day-2").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".canned-card")).to_have_count(3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_offers_wait_behind_one_line(browser: Browser, site: Site, scheme: Any) -> None:
    context = browser.new_context(locale="en-GB", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    context.add_cookies([{"name": COOKIE, "value": site.ann.token, "url": site.url}])
    page = context.new_page()
    page.goto(f"{site.url}agents/#{site.conversation()}")
    toggle = page.get_by_role("button", name="Suggestions (3)")
    expect(toggle).to_have_attribute("aria-expanded", "false")
    toggle.click()
    page.locator("#copilot .insert").first.click()
    expect(field(page)).to_have_value(RETURNS.passage.answer)
    expect(toggle).to_have_attribute("aria-expanded", "false")  # what was inserted is in sight
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def wait_for(find: Any) -> Any:
    for _ in range(200):
        if found := find():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")
