"""The whole story of a question, step by step, in two windows side by side; tests walk it, and pictures are taken on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from storage.audit import COMMAND
from storage.opening import open_store
from tests.staff import COOKIE, done

QUESTION = "How many days do I have to send something back?"
ASIDE = "Do you also repair zips?"
NEXT = "Just ordered 20 minutes ago by mistake, can I still stop it?"
HELLO = "Hello, this is Ann. You have 60 days this winter, not 30. I have noted it on your order."
RIGHT = (
    "You have 60 days from delivery to send it back, unused and with its tags. Print the label under Orders > Return."
)
ANSWERED_MS = 60_000

Shot = Callable[[str, Page], None]


@dataclass
class Story:
    """A customer's window and Ann's. `shot(name, page)` is called wherever a picture is worth keeping.

    looks: options of playwright's `new_context` (viewport, color_scheme, ...); desk: those of Ann's window that differ. `errors`
    collects what the consoles said.
    """

    browser: Browser
    url: str
    token: str
    looks: dict[str, object]
    desk: dict[str, object] = field(default_factory=dict)
    shot: Shot = lambda _name, _page: None
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.customer = self.window()
        self.ann = self.window({"name": COOKIE, "value": self.token, "url": self.url})
        self.customer.goto(self.url)
        expect(self.customer.locator("[data-thread] .row").first).to_be_visible()
        self.ann.goto(f"{self.url}agents/")
        expect(self.ann.locator("[data-list=waiting]")).to_be_visible()

    def window(self, cookie: dict[str, str] | None = None) -> Page:
        looks = self.looks | (self.desk if cookie else {})
        context: BrowserContext = self.browser.new_context(locale="en-GB", **looks)  # type: ignore[arg-type]
        if cookie:
            context.add_cookies([cookie])  # type: ignore[list-item]
        page = context.new_page()
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def walk(self) -> None:
        """Everything, in order."""
        self.is_answered_by_the_assistant()
        self.asks_for_a_person()
        self.is_taken_over_and_answered()
        self.goes_back_to_the_assistant_and_rates()
        self.is_reviewed_and_corrected()
        self.next_customer_gets_the_correction()

    def is_answered_by_the_assistant(self) -> None:
        answer = asks(self.customer, QUESTION)
        expect(answer).to_contain_text("30 days")
        expect(answer.locator(".sources")).to_be_visible()

    def asks_for_a_person(self) -> None:
        self.customer.locator(".button.person").click()
        expect(self.customer.locator("[data-thread] .row.event").last).to_be_visible()
        self.customer.locator("[data-text]").fill(NEXT)
        self.customer.keyboard.press("Enter")
        expect(self.customer.locator("[data-thread] .row.customer").last).to_contain_text(NEXT)
        waiting = self.ann.locator(".items .item").first
        expect(waiting).to_contain_text("asked for a person")
        self.shot("story-1-waiting", self.customer)
        waiting.click()
        expect(self.ann.locator(".transcript .bot .why summary").first).to_contain_text("confidence")
        self.shot("story-2-desk", self.ann)

    def is_taken_over_and_answered(self) -> None:
        self.ann.get_by_role("button", name="Take over").click()
        expect(self.customer.locator(".row.event").last).to_have_text("Ann joined the chat.")
        reply = self.ann.get_by_label("Reply", exact=True)
        expect(reply).to_be_visible()
        self.ann.get_by_role("button", name="Suggestions (3)").wait_for()
        if not self.ann.locator("#copilot-offers").is_visible():
            self.ann.get_by_role("button", name="Suggestions (3)").click()  # on a phone they wait behind this line
        draft = self.ann.locator("#copilot .draft")
        expect(draft).to_be_visible()
        expect(draft).not_to_contain_text("Writing", timeout=ANSWERED_MS)
        reply.fill(HELLO)
        self.shot("story-3-taken", self.ann)
        reply.press("Alt+0")
        written = reply.input_value()
        assert written.startswith(f"{HELLO}\n\n"), written
        assert "packing" in written, written
        reply.press("Enter")
        for part in written.split("\n\n"):
            expect(self.customer.locator(".row.agent .bubble").last).to_contain_text(part)
        self.customer.locator("[data-text]").fill("Thank you, that is what I wanted to know")
        self.customer.keyboard.press("Enter")
        expect(self.ann.locator(".transcript .customer .said").last).to_contain_text("what I wanted to know")
        self.shot("story-4-person", self.customer)

    def goes_back_to_the_assistant_and_rates(self) -> None:
        bots = self.customer.locator("[data-thread] .row.bot")
        before = bots.count()
        self.ann.get_by_role("button", name="Return to assistant").click()
        expect(self.customer.locator(".row.event").last).to_have_text("You are back with the assistant.")
        expect(bots).to_have_count(before + 1)  # the thanks that nobody had answered
        asks(self.customer, ASIDE)
        self.customer.locator("[data-menu]").click()
        self.customer.locator("[data-do=end_chat]").click()
        self.customer.locator("[data-thread] .star[data-star='4']").click()
        self.customer.locator("[data-thread] form.rating button[type=submit]").click()
        expect(self.customer.locator("[data-thread] form.rating")).to_have_count(0)

    def is_reviewed_and_corrected(self) -> None:
        self.ann.goto(f"{self.url}agents/transcripts?q=%22send+something+back%22")
        self.ann.locator(".results a").first.click()
        expect(self.ann.locator(".transcript .bot .why summary").first).to_be_visible()
        self.ann.locator(".transcript .bot .why summary").first.click()
        self.shot("story-5-why", self.ann)
        self.ann.goto(f"{self.url}agents/review")
        for _ in range(20):
            expect(self.ann.locator(".judging")).to_be_visible()
            if "30 days" in (self.ann.locator(".judging .said").first.text_content() or ""):
                break
            self.ann.keyboard.press("ArrowRight")
            self.ann.wait_for_timeout(150)
        expect(self.ann.locator(".judging .said").first).to_contain_text("30 days")
        self.shot("story-6-review", self.ann)
        self.ann.keyboard.press("2")
        dialog = self.ann.locator("dialog.correction")
        dialog.locator("#correct-answer").fill(RIGHT)
        self.shot("story-7-correction", self.ann)
        dialog.get_by_role("button", name="Save correction").click()
        expect(dialog).to_have_count(0)

    def next_customer_gets_the_correction(self) -> None:
        other = self.window()
        other.goto(self.url)
        expect(other.locator("[data-thread] .row").first).to_be_visible()
        answer = asks(other, QUESTION)
        expect(answer).to_contain_text("60 days")
        expect(answer).not_to_contain_text("30 days")
        answer.locator(".sources summary").click()
        expect(answer.locator(".sources")).to_contain_text("our team")
        self.shot("story-8-corrected", other)
        other.context.close()

    def close(self) -> None:
        self.customer.context.close()
        self.ann.context.close()


def asks(page: Page, text: str) -> Locator:
    """Sends a text and waits for the assistant's answer; returns its row."""
    rows = page.locator("[data-thread] .row.bot")
    before = rows.count()
    page.locator("[data-text]").fill(text)
    page.keyboard.press("Enter")
    expect(rows).to_have_count(before + 1, timeout=ANSWERED_MS)
    return rows.last


def hire(data: Path) -> str:
    """Adds Ann, an admin, to the team of a data folder; returns the secret of her session."""
    with open_store(None, data) as store:
        ann = done(store.people.add_user("ann@shop.example", "Ann Lee", "admin", COMMAND))
        return done(store.sessions.start(ann.id, verified=True))
