"""The archive and the review queue in a real Chromium: search, open, judge with a key; nothing that was written runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from chatbot.types import Action, Decision, Feedback, Mode, Provenance, Reply
from storage.audit import Actor
from storage.desk_tables import ConfidenceLabelRow, VerdictRow
from storage.opening import Store
from storage.people_tables import AuditRow
from tests.fakes_ui import ANSWER
from tests.staff import COOKIE, done, served, sign_in

pytestmark = pytest.mark.browser
OWNER = "owner-hash"
HOSTILE = '<img src=x onerror="alert(1)"> my parcel has not come'
MADE = Provenance("v3", "minilm@ab", policy_version="4", query="return boots", agreement=0.4, checks=("numbers",))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store]]:
    with served(tmp_path_factory.mktemp("archive")) as (url, store):
        yield url, store


@pytest.fixture
def page(site: tuple[str, Store], browser: Browser) -> Iterator[Page]:
    url, store = site
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.add_cookies([{"name": COOKIE, "value": sign_in(store, name="Ann Lee").token, "url": url}])
    page = context.new_page()
    page.set_default_timeout(8_000)
    failures: list[str] = []
    page.on("dialog", lambda dialog: failures.append(dialog.message))
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    context.close()
    assert failures == []


def test_what_the_customer_was_offered_to_choose_from_is_shown(site: tuple[str, Store], page: Page) -> None:
    url, store = site
    made = done(store.conversations.create_conversation(OWNER, "en"))
    message, _ = done(store.conversations.add_customer_message(made.id, OWNER, "gift voucher", "1"))
    asks = replace(ANSWER, mode=Mode.FIXED, decision=Decision(Action.ASK_BACK, "near", 0.4), sources=())
    asks = replace(asks, text="Is it one of these?", quick_replies=(HOSTILE, "Talk to a person"), provenance=MADE)
    done(store.conversations.add_reply(made.id, asks, message.seq))
    page.goto(f"{url}/agents/transcripts/{made.id}")
    expect(page.get_by_label("Offered to choose from").locator("li")).to_have_text([HOSTILE, "Talk to a person"])
    expect(page.locator(".why summary")).to_contain_text("confidence 40 %")


def test_the_audit_log_counts_what_is_long_and_opens_it(site: tuple[str, Store], browser: Browser) -> None:
    url, store = site
    boss = sign_in(store, "admin", name="Ada Boss")
    shown = [f"conversation-{number}" for number in range(50)]
    who = Actor(boss.user.id, f"{boss.user.id} Ada Boss")
    done(store.audit.record(who, "transcript.preview", None, {"where": "archive", "conversations": shown}))
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.add_cookies([{"name": COOKIE, "value": boss.token, "url": url}])
    page = context.new_page()
    page.goto(f"{url}/admin/audit?user_id={boss.user.id}")
    details = page.locator("tbody tr", has_text="transcript.preview").first.locator("details")
    expect(details.locator("summary")).to_have_text("conversations: 50")
    expect(page.get_by_text("conversation-49")).to_be_hidden()
    details.locator("summary").click()
    expect(page.get_by_text("conversation-49")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def conversation(store: Store, question: str, confidence: float = 0.82, thumb: int | None = None) -> str:
    made = done(store.conversations.create_conversation(OWNER, "en"))
    message, _ = done(store.conversations.add_customer_message(made.id, OWNER, question, "1"))
    reply = replace(ANSWER, decision=Decision(Action.ANSWER, "precedent", confidence), provenance=MADE)
    done(store.conversations.add_reply(made.id, replace(reply, timings_ms={"search": 4.0}), message.seq))
    if thumb is not None:
        done(store.conversations.add_feedback(Feedback(made.id, 2, thumb), OWNER))
    return made.id


def views_of(store: Store, conversation_id: str) -> int:
    query = select(func.count()).where(
        AuditRow.target == f"conversation:{conversation_id}", AuditRow.action == "transcript.view"
    )
    return int(store.database.read(lambda c: c.execute(query).scalar_one()).result())


def test_search_open_and_judge(site: tuple[str, Store], page: Page) -> None:
    url, store = site
    wanted = conversation(store, HOSTILE)
    for number in range(3):
        conversation(store, f"Is the tent {number} waterproof?")
    page.goto(f"{url}/agents/transcripts")
    found = page.get_by_role("list", name="Conversations found").get_by_role("listitem")
    expect(found.filter(has_text="tent 2")).to_be_visible()
    page.get_by_role("searchbox").fill('"my parcel"')
    expect(found).to_have_count(1)
    expect(found.locator("mark")).to_have_text(["my", "parcel"])
    expect(page).to_have_url(re.compile("q=%22my\\+parcel%22"))
    page.reload()
    expect(found).to_have_count(1)
    found.get_by_role("link").click()
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    expect(page.get_by_text("search 4 ms")).to_be_visible()
    page.get_by_text("confidence 82 %").click()
    expect(page.get_by_text("policy 4")).to_be_visible()
    assert views_of(store, wanted) == 1
    page.get_by_role("group", name="Verdict on message 2").get_by_role("button", name="Right").click()
    expect(page.get_by_text("by Ann Lee")).to_be_visible()
    page.reload()
    chosen = page.get_by_role("group", name="Verdict on message 2").get_by_role("button", name="Right")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="All transcripts").click()
    expect(found).to_have_count(1)


def test_filters_stand_in_the_address_and_can_be_taken_off(site: tuple[str, Store], page: Page) -> None:
    url, store = site
    rated = conversation(store, "Does the lamp need batteries?")
    done(store.conversations.rate(rated, OWNER, 2))
    page.goto(f"{url}/agents/transcripts")
    page.get_by_text("Filters").click()
    page.get_by_label("Rating").select_option("2")
    found = page.get_by_role("list", name="Conversations found").get_by_role("listitem")
    expect(found).to_have_count(1)
    expect(found.get_by_role("img", name="rated 2 of 5")).to_be_visible()
    page.get_by_role("button", name="Remove the filter Rating").click()
    expect(found).not_to_have_count(1)
    assert page.url.endswith("/agents/transcripts")
    page.get_by_role("searchbox").fill("no such words at all")
    expect(page.get_by_text("No conversation matches")).to_be_visible()


def test_the_queue_is_judged_with_keys_and_wrong_opens_the_correction(site: tuple[str, Store], page: Page) -> None:
    url, store = site
    disliked = conversation(store, "Can I wash the down jacket?", thumb=-1)
    page.goto(f"{url}/agents/review")
    page.get_by_role("button", name="Thumbs down").click()
    expect(page.get_by_text("1 of 1")).to_be_visible()
    expect(page.get_by_text("Can I wash the down jacket?")).to_be_visible()
    with page.expect_request("**/agents/api/review/verdicts") as sent:
        page.keyboard.press("2")
    said = sent.value.post_data_json
    assert said["why_shown"] == "thumbs_down"  # whichever place of the whole queue it has
    assert set(said["drawn"]) == {"day", "last"}
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("1 judged today")).to_be_visible()
    page.get_by_role("button", name="All", exact=False).first.click()
    page.keyboard.press("1")
    expect(page.get_by_text("2 judged today")).to_be_visible()
    page.keyboard.press("3")
    expect(page.get_by_text("3 judged today")).to_be_visible()
    labels = store.database.read(lambda c: c.execute(select(ConfidenceLabelRow.right)).scalars().all()).result()
    assert False in labels
    verdicts = select(VerdictRow.verdict, VerdictRow.agent).where(VerdictRow.verdict == "wrong")
    assert store.database.read(lambda c: c.execute(verdicts).all()).result() == [("wrong", "Ann Lee")]
    assert views_of(store, disliked) == 1


@pytest.mark.parametrize("path", ["/agents/transcripts", "/agents/review"])
def test_nothing_is_wider_than_a_phone(site: tuple[str, Store], page: Page, path: str) -> None:
    url, store = site
    conversation(store, "Where is " + "x" * 200 + "?", confidence=0.62)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{url}{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".said").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_a_person_put_in_a_replys_place_stands_below_it_until_it_is_undone(
    site: tuple[str, Store], page: Page
) -> None:
    url, store = site
    place = conversation(store, "Can I return worn boots?")
    asked, _ = done(store.conversations.add_customer_message(place, OWNER, "Do you hire out kayaks?", "2"))
    refusal = Reply(
        "I found nothing that fits.", Decision(Action.HAND_OVER, "nothing_fits", 0.1, True), Mode.FIXED, "en"
    )
    done(store.conversations.add_reply(place, refusal, asked.seq))
    page.goto(f"{url}/agents/transcripts/{place}")
    page.get_by_role("button", name="Correct this answer").click()
    page.get_by_label("The right answer").fill("Worn boots stay yours.")
    page.get_by_role("button", name="Save correction").click()
    corrected = page.get_by_role("group", name="Corrected by Ann Lee")
    expect(corrected).to_contain_text("Worn boots stay yours.")
    expect(page.get_by_role("button", name="Correct this answer")).to_have_count(0)
    wrong = page.get_by_role("group", name="Verdict on message 2").get_by_role("button", name="Wrong")
    expect(wrong).to_have_attribute("aria-pressed", "true")

    page.get_by_role("button", name="Write the answer").click()
    field = page.get_by_label("The right answer")
    expect(field).to_have_value("")
    expect(page.get_by_label("Question this answers")).to_have_value("Do you hire out kayaks?")
    field.fill("We hire out no kayaks.")
    page.get_by_role("button", name="Save answer").click()
    expect(page.get_by_role("group", name="Answer written by Ann Lee")).to_contain_text("We hire out no kayaks.")

    page.goto(f"{url}/agents/#{place}")
    expect(corrected).to_contain_text("Worn boots stay yours.")
    corrected.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Take back").click()
    expect(corrected).to_have_count(0)
    expect(page.get_by_role("button", name="Correct this answer")).to_be_visible()
