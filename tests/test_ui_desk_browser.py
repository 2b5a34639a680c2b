"""A customer and an agent side by side in a real Chromium, over a real store: from the question to the bot and back."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import update

from storage.audit import COMMAND
from storage.opening import Store, open_store
from storage.tables import ConversationRow
from tests.fakes_ui import ANSWER, fake_parts
from tests.staff import COOKIE, Member, done, sign_in, team_id
from ui.__main__ import Server, take_port
from ui.app import create_app_from
from ui.staff import desk_events

pytestmark = pytest.mark.browser
QUESTION, HELLO = "Where is my parcel?", "Good morning, I am looking into it."


@dataclass
class Site:
    """The served app over a real SQLite store."""

    url: str
    store: Store


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("desk")
    with open_store(None, folder, server=True, ballast_bytes=1 << 20) as store, take_port("127.0.0.1", 0) as listening:
        parts = replace(fake_parts(folder, store=store.conversations, pace_s=0.02), house=store)
        port = listening.getsockname()[1]
        config = uvicorn.Config(create_app_from(parts), log_level="error", timeout_graceful_shutdown=5)
        server = Server(config, parts.hub, "")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield Site(f"http://127.0.0.1:{port}/", store)
        server.should_exit = True
        thread.join(10)


@pytest.fixture(autouse=True)
def nothing_left_over(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins with empty lists, and with nobody of the test before at the desk."""
    monkeypatch.setattr("ui.presence.LINGERS_S", 0.0)
    closed = update(ConversationRow).values(status="closed", waiting_since=None)
    site.store.database.write(lambda c: c.execute(closed).rowcount).result()


@dataclass
class Side:
    """One browser window and what went wrong in it."""

    context: BrowserContext
    page: Page
    errors: list[str]


def opened(browser: Browser, url: str, cookies: list[Any] | None = None, **options: Any) -> Side:
    context = browser.new_context(**({"locale": "en-GB", "viewport": {"width": 1280, "height": 800}} | options))
    context.add_cookies(cookies or [])
    page, errors = context.new_page(), list[str]()
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(url)
    return Side(context, page, errors)


def desk(browser: Browser, site: Site, who: Member, **options: Any) -> Side:
    return opened(browser, f"{site.url}agents/", [{"name": COOKIE, "value": who.token, "url": site.url}], **options)


def says(page: Page, text: str) -> None:
    page.locator("[data-text]").fill(text)
    page.keyboard.press("Enter")


@pytest.fixture
def customer(browser: Browser, site: Site) -> Iterator[Side]:
    side = opened(browser, site.url)
    expect(side.page.locator(".row.welcome")).to_be_visible()  # the script is there, too
    yield side
    side.context.close()
    assert side.errors == []


@pytest.fixture
def ann(browser: Browser, site: Site) -> Iterator[Side]:
    side = desk(browser, site, sign_in(site.store, "agent", name="Ann Lee"))
    expect(side.page.locator("[data-list=waiting]")).to_be_visible()
    yield side
    side.context.close()
    assert side.errors == []


def waits(customer: Side, ann: Side, text: str = QUESTION) -> None:
    """The customer has asked, got an answer, and asked for a person."""
    says(customer.page, text)
    expect(customer.page.locator("[data-thread] .row.bot").last).to_contain_text(ANSWER.text)
    customer.page.locator(".button.person").click()
    expect(ann.page.locator(".items .item").filter(has_text="Customer").first).to_be_visible()


def taken(customer: Side, ann: Side, text: str = QUESTION) -> None:
    waits(customer, ann, text)
    ann.page.locator(".items .item").first.click()
    ann.page.get_by_role("button", name="Take over").click()
    expect(customer.page.locator(".row.event").last).to_have_text("Ann joined the chat.")


def test_from_the_question_to_the_bot_and_back(customer: Side, ann: Side) -> None:
    waits(customer, ann)
    expect(ann.page).to_have_title(re.compile(r"^\(1\) Desk"))
    item = ann.page.locator(".items .item").first
    expect(item).to_contain_text("asked for a person")
    item.click()
    expect(ann.page.locator(".transcript .bot .why summary").first).to_contain_text("confidence 82 %")
    ann.page.get_by_role("button", name="Take over").click()
    expect(customer.page.locator(".row.event").last).to_have_text("Ann joined the chat.")
    expect(customer.page.locator("[data-status][role=status]")).to_have_text("Ann is here")

    expect(ann.page.get_by_label("Reply", exact=True)).to_be_focused()
    ann.page.keyboard.type("Good")
    expect(customer.page.locator("[data-partner]")).to_have_text("Ann is writing")
    ann.page.keyboard.type(HELLO.removeprefix("Good"))
    ann.page.keyboard.press("Enter")
    expect(customer.page.locator(".row.agent .bubble").last).to_have_text(HELLO)
    expect(customer.page.locator("[data-partner]")).to_be_hidden()
    expect(ann.page.locator(".transcript .agent .said").last).to_have_text(HELLO)

    customer.page.locator("[data-text]").press_sequentially("It was")
    expect(ann.page.locator(".talk .typing")).to_have_text("The customer is typing…")
    says(customer.page, "It was due on Monday")
    expect(ann.page.locator(".transcript .customer .said").last).to_have_text("It was due on Monday")
    time.sleep(0.3)
    expect(customer.page.locator("[data-thread] .row.bot")).to_have_count(1)

    ann.page.get_by_role("button", name="Return to assistant").click()
    expect(customer.page.locator("[data-thread] .row.bot")).to_have_count(2)  # what nobody had answered is answered now
    expect(customer.page.locator(".row.event").last).to_have_text("You are back with the assistant.")
    says(customer.page, "Thanks")
    expect(customer.page.locator("[data-thread] .row.bot")).to_have_count(3)


def test_a_note_stays_in_the_team_and_a_draft_survives_a_reload(customer: Side, ann: Side) -> None:
    taken(customer, ann)
    ann.page.get_by_label("Reply", exact=True).fill("half a thought")
    ann.page.reload()
    expect(ann.page.get_by_label("Reply", exact=True)).to_have_value("half a thought")
    ann.page.get_by_role("button", name="Internal note").click()
    ann.page.get_by_label("Internal note", exact=True).fill("wants a refund\nsecond line")
    ann.page.keyboard.press("Enter")
    expect(ann.page.locator(".transcript .note .said")).to_have_text("wants a refund\nsecond line")
    ann.page.get_by_role("button", name="Reply").click()
    expect(ann.page.get_by_label("Reply", exact=True)).to_have_value("half a thought")
    ann.page.keyboard.press("Enter")
    expect(customer.page.locator(".row.agent .bubble")).to_have_text("half a thought")
    assert "refund" not in customer.page.content()
    customer.page.reload()
    expect(customer.page.locator(".row.agent .bubble")).to_have_text("half a thought")
    assert "refund" not in customer.page.content()


def test_a_chat_is_passed_to_a_colleague_who_is_told_and_answers(
    customer: Side, ann: Side, browser: Browser, site: Site
) -> None:
    member = sign_in(site.store, "agent", name="Bob Ray")
    bob, beside, ann_too = desk(browser, site, member), desk(browser, site, member), ann.context.new_page()
    beside.page.goto(f"{site.url}account")
    ann_too.goto(f"{site.url}agents/")
    expect(bob.page.locator("[data-list=waiting]")).to_be_visible()
    waits(customer, ann)
    ann.page.locator(".items .item").first.click()
    expect(beside.page.locator(".bar nav .count")).to_have_text("1")  # who waits is seen from every page
    ann.page.get_by_role("button", name="Take over").click()
    expect(beside.page.locator(".bar nav .count")).to_have_count(0)
    expect(ann.page.locator("[data-list=mine]")).to_contain_text("1")
    expect(ann_too.locator("[data-list=mine]")).to_contain_text("1")
    expect(ann_too.locator(".toast")).to_have_count(0)
    expect(ann.page.locator(".toast")).to_have_count(0)  # what she takes herself nobody has to tell her
    ann.page.get_by_role("button", name="Transfer").click()
    dialog = ann.page.locator("dialog[open]")
    here = dialog.locator("option").filter(has_text="Bob Ray (here now)")
    dialog.locator("select").first.select_option(value=str(here.get_attribute("value")))
    dialog.locator("textarea").fill("You know tents.")
    dialog.get_by_role("button", name="Transfer").click()
    expect(bob.page.locator(".toast")).to_contain_text("passed to you")
    expect(beside.page.locator(".toast")).to_contain_text("passed to you")
    expect(customer.page.locator(".row.event").last).to_have_text("Bob joined the chat.")
    bob.page.locator("[data-list=mine]").click()
    bob.page.locator(".items .item").first.click()
    expect(bob.page.locator(".transcript .note .said")).to_have_text("Transferred to Bob Ray: You know tents.")
    bob.page.get_by_label("Reply", exact=True).fill("Bob here.")
    bob.page.keyboard.press("Enter")
    expect(customer.page.locator(".row.agent .bubble").last).to_have_text("Bob here.")
    assert bob.errors == beside.errors == []
    bob.context.close()
    beside.context.close()


def test_what_goes_back_into_another_teams_hands_leaves_the_screen_with_a_sentence(
    customer: Side, browser: Browser, site: Site
) -> None:
    ann = desk(browser, site, sign_in(site.store, "agent", team="Bikes", name="Ann Lee"))
    expect(ann.page.locator("[data-list=waiting]")).to_be_visible()
    taken(customer, ann)
    theirs = update(ConversationRow).where(ConversationRow.status == "human")
    number = team_id(site.store, "Boats")
    site.store.database.write(lambda c: c.execute(theirs.values(team_id=number)).rowcount).result()
    says(customer.page, "And where is it now?")
    expect(ann.page.locator(".transcript .customer .said").last).to_have_text("And where is it now?")
    ann.page.get_by_role("button", name="Return to assistant").click()
    expect(ann.page.locator(".toast")).to_have_text(
        ["Returned. It belongs to another team, so it is out of your sight."]
    )
    expect(ann.page.locator(".talk .head")).to_have_text("Choose a conversation on the left.")
    expect(customer.page.locator("[data-thread] .row.bot")).to_have_count(2)
    assert ann.errors == []
    ann.context.close()


def test_taking_over_stops_the_reply_that_is_being_written(customer: Side, ann: Side) -> None:
    says(customer.page, "first")
    ann.page.locator("[data-list=bot]").click()
    ann.page.locator(".items .item").first.click()
    expect(ann.page.get_by_role("button", name="Take over")).to_be_visible()
    expect(customer.page.locator("[data-thread] .row.bot").last).to_contain_text(ANSWER.text)
    said = customer.page.locator("[data-thread] .row.bot").count()
    says(customer.page, "second")
    expect(customer.page.locator("[data-live]")).to_be_visible()
    ann.page.get_by_role("button", name="Take over").click()
    expect(customer.page.locator(".row.event").last).to_have_text("Ann joined the chat.")
    expect(customer.page.locator("[data-live]")).to_be_hidden()
    time.sleep(1)
    expect(customer.page.locator("[data-thread] .row.bot")).to_have_count(said)


def test_a_reply_that_was_begun_stays_in_sight_when_the_chat_is_closed_meanwhile(customer: Side, ann: Side) -> None:
    taken(customer, ann)
    field = ann.page.get_by_label("Reply", exact=True)
    field.fill("I will ask the warehouse")
    customer.page.locator("[data-menu]").click()
    customer.page.locator("[data-do=end_chat]").click()
    expect(ann.page.locator(".head .chip").first).to_have_text("Closed")
    expect(ann.page.locator(".composer .hint")).to_have_text("This chat is closed: notes only")
    expect(customer.page.locator("[data-partner]")).to_be_hidden()  # nobody writes any more
    expect(field).to_have_value("I will ask the warehouse")
    field.press("Enter")
    expect(ann.page.locator(".composer .problem")).to_contain_text("closed by now. Your text is still here.")
    ann.errors.clear()  # the refusal


@pytest.mark.parametrize("begun", ["", "half a reply"])
def test_what_a_customer_erases_leaves_the_agents_screen_and_what_she_had_begun_goes_with_it(
    customer: Side, ann: Side, begun: str
) -> None:
    taken(customer, ann, "My zebra is unwell")
    says(customer.page, "The zebra coughs")
    expect(ann.page.locator(".transcript .customer .said").last).to_have_text("The zebra coughs")
    ann.page.get_by_label("Reply", exact=True).fill(begun)
    customer.page.locator("[data-menu]").click()
    customer.page.locator("[role=menuitem]").filter(has_text="Delete my data").click()
    customer.page.get_by_role("button", name="Delete everything").click()
    said = "erased, and with it what you had begun to write." if begun else "This conversation was erased."
    expect(ann.page.locator(".toast.bad")).to_contain_text(said)
    expect(ann.page.locator(".talk")).to_contain_text("Choose a conversation")
    expect(ann.page.locator("body")).not_to_contain_text("zebra")
    assert "half a reply" not in str(ann.page.evaluate("JSON.stringify(localStorage)"))


def test_out_of_reach_the_customer_is_told_and_leaves_an_address(customer: Side, site: Site) -> None:
    says(customer.page, "Anybody there?")
    expect(customer.page.locator("[data-thread] .row.bot").last).to_contain_text(ANSWER.text)
    customer.page.locator(".button.person").click()
    expect(customer.page.locator(".row.event").last).to_contain_text("Nobody from our team is free")
    field = customer.page.get_by_label("Your e-mail address", exact=False)
    field.fill("kim at mail")
    customer.page.get_by_role("button", name="Leave address").click()
    expect(customer.page.locator("[data-problem]")).to_contain_text("does not look like an e-mail address")
    expect(field).to_have_value("kim at mail")
    assert field.evaluate(
        "(one) => one.getBoundingClientRect().bottom <= one.closest('[data-scroll]').getBoundingClientRect().bottom"
    )
    field.fill("kim@mail.example")
    customer.page.keyboard.press("Enter")
    expect(customer.page.locator(".kept-address")).to_have_text("We will answer you at kim@mail.example if you leave.")
    expect(field).to_be_hidden()
    expect(customer.page.locator("[data-problem]")).to_be_hidden()
    expect(customer.page.locator(".row.event").last).to_contain_text("We will answer you by e-mail")


def test_a_session_that_ends_is_said_and_the_text_stays(customer: Side, ann: Side, site: Site) -> None:
    taken(customer, ann)
    field, send = ann.page.get_by_label("Reply", exact=True), ann.page.get_by_role("button", name="Send")
    field.fill("one moment")
    signed_in: list[Any] = list(ann.context.cookies())
    ann.context.clear_cookies()
    ann.page.locator("[data-list=bot]").click()
    expect(ann.page.locator("#signin")).to_be_visible()
    expect(ann.page.locator(".lists .empty")).to_have_text(
        "Loading…"
    )  # what could not be asked for is not said to be empty
    ann.page.locator("[data-list=closed]").click()
    expect(ann.page.locator(".toast.bad")).to_have_count(1)  # said once, however much was refused
    for width, height in ((390, 844), (1280, 800)):  # what is said lies over nothing that is needed
        ann.page.set_viewport_size({"width": width, "height": height})
        for needed in (
            send,
            field,
            ann.page.get_by_role("button", name="Close", exact=True),
            ann.page.locator("#signin"),
        ):
            needed.click(trial=True)
    send.click()
    expect(ann.page.locator(".composer .problem")).to_contain_text("Your text is still here.")
    expect(field).to_have_value("one moment")
    ann.context.add_cookies(signed_in)  # as in another tab
    ann.page.evaluate("dispatchEvent(new Event('focus'))")
    expect(ann.page.locator("#signin")).to_have_count(0)
    expect(ann.page.locator(".toast.bad")).to_have_count(0)
    expect(ann.page.locator(".composer .problem")).to_be_hidden()
    field.press("Enter")
    expect(customer.page.locator(".row.agent .bubble").last).to_have_text("one moment")
    ann.page.close()
    refused = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
    assert set(ann.errors) == {refused}
    ann.errors.clear()


def test_in_a_short_window_the_offers_give_way_to_the_reply(customer: Side, ann: Side) -> None:
    taken(customer, ann)
    ann.page.get_by_label("Reply", exact=True).fill("a line\n" * 20)
    bottom = ann.page.evaluate(
        """() => {
            const tall = document.createElement("p");
            tall.style.height = "500px";
            document.getElementById("copilot").append(tall);
            return document.querySelector(".composer .primary").getBoundingClientRect().bottom;
        }"""
    )
    assert bottom <= 800


def test_the_desk_goes_on_when_the_agents_team_is_another_one(
    customer: Side, browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_events, "CHECKS_EVERY_S", 0.1)
    member = sign_in(site.store, "agent", name="Ann Lee")
    side = desk(browser, site, member)
    with side.page.expect_response("**/agents/api/events"):
        side.page.reload()
    done(site.store.people.set_team(member.user.id, team_id(site.store, "Bikes"), COMMAND))
    expect(side.page.locator(".lost")).to_be_visible()
    expect(side.page.locator(".lost")).to_be_hidden()
    waits(customer, side)
    assert side.errors == []
    side.context.close()


def test_what_is_typed_while_a_message_is_on_its_way_stays(customer: Side, ann: Side) -> None:
    taken(customer, ann)
    field, held = ann.page.get_by_label("Reply", exact=True), list[Route]()
    ann.page.route("**/messages", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks it
    field.fill("One moment.")
    field.press("Enter")
    ann.page.wait_for_function("document.querySelector('.composer .primary').disabled")
    while not held:
        ann.page.wait_for_timeout(10)
    field.press_sequentially(" I am loo")
    held[0].continue_()
    expect(customer.page.locator(".row.agent .bubble").last).to_have_text("One moment.")
    expect(field).to_have_value("I am loo")
    ann.page.reload()
    expect(field).to_have_value("I am loo")
