"""What an agent has begun to write, in a real Chromium: kept, shown where a colleague was first, gone with whose words it holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from chatbot.erasing import Copies
from chatbot.settings import Settings
from storage.audit import COMMAND
from storage.lessons import Lesson
from storage.opening import Store
from storage.subjects import By, Subject
from tests.chromium import chromium
from tests.fakes_copilot import fake_assistant
from tests.fakes_ui import ANSWER, fake_parts
from tests.kayaks import KAYAKS, Grouping, ask_for_kayaks
from tests.staff import COOKIE, done, served, sign_in
from ui.parts import Parts

pytestmark = pytest.mark.browser
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
FORBIDDEN = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('forbidden', 'SecurityError'); } });"
DRAFTS = "Object.keys(localStorage).filter((key) => key.startsWith('correction:')).length"
Open = Callable[[str], Page]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def site(folder: Path) -> Iterator[tuple[str, Store]]:
    with served(folder) as (url, store):
        yield url, store


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def ann(site: tuple[str, Store], browser: Browser) -> Iterator[Open]:
    """Opens Ann's one window, after a script that stands in for her browser's settings."""
    url, store = site
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", base_url=url)
    context.add_cookies([{"name": COOKIE, "value": sign_in(store, name="Ann Lee").token, "url": url}])
    failures: list[str] = []

    def opened(script: str) -> Page:
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(8_000)
        page.on("pageerror", lambda error: failures.append(str(error)))
        return page

    yield opened
    context.close()
    assert failures == []


def conversation(store: Store) -> str:
    made = done(store.conversations.create_conversation("owner", "en"))
    message, _ = done(store.conversations.add_customer_message(made.id, "owner", "Can I return worn boots?", "1"))
    done(store.conversations.add_reply(made.id, ANSWER, message.seq))
    return made.id


def said(store: Store, place: str, boss: str = "Bea Boss") -> list[str]:
    reader = sign_in(store, "admin", name=boss).user
    return [message.text for message in done(store.desk.messages(reader, place)) if message.role.value == "note"]


@pytest.mark.parametrize("script", [FULL, FORBIDDEN])
def test_where_no_draft_can_be_kept_enter_sends_all_the_same(site: tuple[str, Store], ann: Open, script: str) -> None:
    _, store = site
    place, page = conversation(store), ann(script)
    page.goto(f"/agents/#{place}")
    field = page.get_by_label("Internal note", exact=True).and_(page.locator("textarea"))
    for text in ("first", "second"):
        field.fill(text)
        field.press("Enter")
        expect(page.locator(".transcript .note .said").filter(has_text=text)).to_be_visible()
        expect(field).to_have_value("")
    assert said(store, place) == ["first", "second"]


@pytest.mark.parametrize("script", [FULL, FORBIDDEN])
def test_the_gaps_open_where_no_draft_can_be_kept(site: tuple[str, Store], ann: Open, script: str) -> None:
    page = ann(script)
    page.goto("/agents/gaps")
    expect(page.locator("#app [role=status]")).to_contain_text("runs without the assistant")


def test_the_ticks_of_a_correction_survive_a_reload(site: tuple[str, Store], ann: Open) -> None:
    _, store = site
    place, page = conversation(store), ann("")
    for began in (True, False):
        page.goto(f"/agents/transcripts/{place}")
        page.get_by_role("button", name="Correct this answer").click()
        tick = page.get_by_role("dialog").get_by_role("checkbox").first
        if began:
            page.get_by_label("The right answer").fill("Worn boots stay yours.")
            standard = tick.is_checked()
            tick.set_checked(not standard)
    expect(page.get_by_label("The right answer")).to_have_value("Worn boots stay yours.")
    expect(tick).to_be_checked(checked=not standard)


def test_where_a_colleague_was_first_ones_own_words_are_shown(site: tuple[str, Store], folder: Path, ann: Open) -> None:
    _, store = site
    place, page = conversation(store), ann("")
    page.goto(f"/agents/transcripts/{place}")
    page.get_by_role("button", name="Correct this answer").click()
    page.get_by_label("The right answer").fill("Worn boots stay yours.")
    bob = sign_in(store, name="Bob Ray").user
    lesson = Lesson("Can I return worn boots?", "No, you cannot.", "en", "customer: Can I?", wrong=ANSWER.text)
    done(store.corrections.correct(bob, COMMAND, (place, 2), lesson, []))
    page.get_by_role("button", name="Save correction").click()
    expect(page.get_by_role("alert")).to_contain_text("Bob Ray has corrected this reply already")
    expect(page.get_by_label("The right answer")).to_have_value("Worn boots stay yours.")
    page.reload()
    own = page.get_by_role("group", name="What you had begun")
    expect(own).to_contain_text("Worn boots stay yours.")
    page.goto(f"/agents/#{place}")
    expect(own).to_contain_text("Worn boots stay yours.")
    own.get_by_role("button", name="Discard mine").click()
    page.reload()
    expect(page.get_by_role("group", name="Corrected by Bob Ray")).to_be_visible()
    expect(own).to_have_count(0)
    assert page.evaluate(DRAFTS) == 0


def test_a_correction_that_was_begun_goes_with_the_conversation(
    site: tuple[str, Store], folder: Path, ann: Open
) -> None:
    _, store = site
    place, page = conversation(store), ann("")
    page.goto(f"/agents/transcripts/{place}")
    page.get_by_role("button", name="Correct this answer").click()
    page.get_by_label("The right answer").fill("Worn boots stay yours.")
    assert page.evaluate(DRAFTS) == 1
    store.rights.erase(Subject(By.CONVERSATION, place), Copies(Settings(data=folder)))
    page.goto("/agents/")
    page.wait_for_function(f"{DRAFTS} === 0")


@pytest.fixture
def grouping(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is served can group questions."""
    monkeypatch.setattr("tests.fakes_copilot.Retriever", Grouping)

    def parts(*given: Any, **options: Any) -> Parts:
        made = fake_parts(*given, **options)
        return replace(made, assistant=fake_assistant(made.settings, hits=()))

    monkeypatch.setattr("tests.staff.fake_parts", parts)


def begun(page: Page) -> Locator:
    """The form of the one gap, with an answer begun; the cursor stands in it."""
    page.goto("/agents/gaps")
    page.get_by_role("button", name="Write an answer").click(timeout=20_000)
    page.get_by_label("Answer", exact=True).fill("We rent them.")
    return page.get_by_label("Question this answers")


@pytest.mark.usefixtures("grouping")
def test_whoever_was_first_with_a_gap_is_named_and_the_text_stays(site: tuple[str, Store], ann: Open) -> None:
    url, store = site
    ask_for_kayaks(store)
    page, bob = ann(""), sign_in(store, team="Returns", name="Bob Ray")
    question = begun(page)
    question.fill("Kayaks for hire?")
    [group] = httpx.get(f"{url}/agents/api/gaps", headers=bob.headers).json()["groups"]
    body = {"group": group["id"], "question": KAYAKS[0], "answer": "No, never."}
    assert httpx.post(f"{url}/agents/api/gaps/answer", json=body, headers=bob.headers).status_code == 201
    page.get_by_role("button", name="Save answer").click()
    expect(page.get_by_role("alert")).to_contain_text("Bob Ray has answered this already")
    expect(page.get_by_label("Answer", exact=True)).to_have_value("We rent them.")
    expect(question).to_have_value("Kayaks for hire?")
    page.goto("/agents/gaps?show=answered")
    expect(page.locator(".decision")).to_contain_text("Bob Ray answered this")
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)  # it came from a question that is not hers to see


@pytest.mark.usefixtures("grouping")
def test_the_words_of_one_who_is_erased_leave_the_form_and_the_answer_stays(
    site: tuple[str, Store], folder: Path, ann: Open
) -> None:
    _, store = site
    ask_for_kayaks(store, None)
    page = ann("")
    question = begun(page)
    began = question.input_value()
    question.fill(f"{began} She asked so.")
    page.get_by_label("Answer", exact=True).focus()
    place = next(place for place, text in enumerate(KAYAKS) if text == began)
    store.rights.erase(Subject(By.CONVERSATION, f"gap{place}"), Copies(Settings(data=folder)))
    page.reload()
    expect(question).not_to_have_value(re.compile("She asked so"), timeout=20_000)
    assert question.input_value() in set(KAYAKS) - {began}
    expect(page.get_by_label("Answer", exact=True)).to_have_value("We rent them.")
    page.get_by_role("button", name="Save answer").click()
    expect(page.get_by_role("button", name="Answered (1)")).to_be_visible()
