"""The gaps' page and the overview: figures with their denominators, exports; a gap answered by the team, in a real Chromium."""

from __future__ import annotations

import csv
import io
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from chatbot.erasing import Copies
from chatbot.settings import Settings, load_settings
from storage.audit import COMMAND
from storage.lessons import Lesson
from storage.opening import Store
from storage.subjects import By, Subject
from storage.tables import ConversationRow
from tests.chromium import chromium
from tests.histories import Said, Stay, Talk, write
from tests.staff import COOKIE, House, Member, done, house, sign_in, team_id
from ui.__main__ import Server, take_port
from ui.app import create_app_from
from ui.staff import intervals
from ui.wiring import build_parts

NOW = datetime.now(UTC)
KAYAKS = (
    "Do you rent out kayaks?",
    "can I rent a kayak from you",
    "kayak rental for a weekend?",
    "renting kayaks, how much",
)
REFUSED = {"action": "hand_over", "reason": "nothing_fits"}


def refused(text: str, number: int, **more: Any) -> Talk:
    said = [Said(text, query=text, **REFUSED)]
    return Talk(f"gap{number}", f"owner{number}", NOW - timedelta(days=number + 1), said=said, **more)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


def get(site: House, path: str, who: Member) -> Any:
    answer = site.client.get(path, headers=who.headers)
    site.client.cookies.clear()
    return answer


# --- overview ----------------------------------------------------------------------------------------------


def test_every_share_comes_with_what_it_is_of_and_what_it_means(site: House) -> None:
    write(
        site.store,
        Talk("a", "a", NOW - timedelta(days=9), said=[Said(thumb=1)]),
        Talk("b", "b", NOW - timedelta(days=9)),
    )
    found = get(site, "/admin/api/figures", sign_in(site.store, "admin")).json()
    shares = {one["key"]: one for one in found["shares"]}
    assert (shares["confirmed"]["count"], shares["confirmed"]["of"], shares["confirmed"]["share"]) == (1, 2, 0.5)
    assert (shares["silent"]["count"], shares["durable"]["count"], shares["durable"]["of"]) == (1, 1, 2)
    assert all(
        one["means"] and one["of_title"] and one["low"] <= one["share"] <= one["high"]
        for one in shares.values()
        if one["of"]
    )
    assert len(found["days"]) == 30


def test_a_share_of_nothing_is_nothing_and_not_zero(site: House) -> None:
    found = get(site, "/admin/api/figures", sign_in(site.store, "admin")).json()
    assert {one["share"] for one in found["shares"]} == {None}
    assert (found["csat"]["mean"], found["first_words"]["n"]) == (None, 0)


def test_exports_hold_the_same_counts_and_leave_a_trace(site: House) -> None:
    write(
        site.store,
        Talk("a", "a", NOW - timedelta(days=1), "de", more={"rating": 4}),
        Talk("b", "b", NOW - timedelta(days=2)),
    )
    boss = sign_in(site.store, "admin")
    sheet = get(site, "/admin/api/figures/export?format=csv", boss)
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [(row["language"], row["conversations"], row["ratings"]) for row in rows] == [
        ("en", "1", "0"),
        ("de", "1", "1"),
    ]
    assert sheet.headers["content-disposition"].startswith('attachment; filename="figures-')
    whole = get(site, "/admin/api/figures/export?format=json&language=de", boss).json()
    assert whole["total"]["conversations"] == 1
    assert [one.detail["format"] for one in done(site.store.audit.entries(action="export.figures"))] == ["json", "csv"]


@pytest.mark.parametrize(
    "query",
    [
        "first=2026-05-02&last=2026-05-01",
        "first=2020-01-01&last=2026-01-01",
        "language=%22%3E",
        "first=9999-12-31",
        "first=9999-12-30&last=9999-12-31",
        "last=0001-01-01",
        "last=1999-12-31",
        "first=2101-01-01",
    ],
)
def test_a_period_that_makes_no_sense_is_told_in_a_sentence(site: House, query: str) -> None:
    boss = sign_in(site.store, "admin")
    for route in ("figures", "figures/export"):
        answer = get(site, f"/admin/api/{route}?{query}", boss)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"]


@pytest.mark.parametrize("query", ["last=2000-01-01", "first=2100-12-31", "first=2100-12-31&last=2100-12-31"])
def test_the_first_and_the_last_day_of_the_calendar_have_figures(site: House, query: str) -> None:
    assert get(site, f"/admin/api/figures?{query}", sign_in(site.store, "admin")).json()["total"]["conversations"] == 0


def test_today_counts_who_waits_and_who_is_there(site: House) -> None:
    write(site.store, Talk("w", "w", NOW, stays=[Stay()], more={"status": "waiting", "waiting_since": NOW}))
    found = get(site, "/admin/api/figures/today", sign_in(site.store, "admin")).json()
    assert (found["waiting"], found["begun"], found["kept"], found["agents"]) == (1, 1, 0, [])


def test_intervals_are_those_of_the_books() -> None:
    # Wilson 1927 for 1 of 10 and 0 of 10 (R: prop.test(..., correct = FALSE)); Student's t for 9 degrees is 2.2622
    assert intervals.share(1, 10) == pytest.approx((0.1, 0.01788, 0.40415), abs=1e-4)
    assert intervals.share(0, 10) == pytest.approx((0.0, 0.0, 0.27753), abs=1e-4)
    assert intervals.share(0, 0) is None
    values = [1, 2, 3, 4, 5, 5, 4, 3, 4, 5]
    found = intervals.mean(10, sum(values), sum(value * value for value in values))
    assert found == pytest.approx((3.6, 3.6 - 2.2622 * 0.42687, 3.6 + 2.2622 * 0.42687), abs=1e-3)
    assert intervals.mean(4, 12, 40) == (3.0, None, None)
    assert intervals.mean(0, 0, 0) is None


# --- gaps --------------------------------------------------------------------------------------------------


def test_decisions_follow_the_questions_and_an_undone_answer_holds_no_more(site: House) -> None:
    ann, store = sign_in(site.store).user, site.store
    made = write(store, *(refused(text, number) for number, text in enumerate(KAYAKS)))
    ids, since = [key for one in made.values() for key in one], NOW - timedelta(days=90)
    first = done(store.gaps.decide(ann, COMMAND, ids[:2], "dismissed"))
    correction = done(store.corrections.write(ann, COMMAND, Lesson("Kayaks?", "No.", "en", "customer: Kayaks?")))
    done(store.gaps.decide(ann, COMMAND, ids[1:], "answered", correction.id))
    held = done(store.gaps.decided(since))
    assert {key: one.kind for key, one in held.items()} == {ids[0]: "dismissed", **dict.fromkeys(ids[1:], "answered")}
    assert held[ids[0]].id == first
    done(store.corrections.undo(ann, COMMAND, correction.id))
    assert set(done(store.gaps.decided(since))) == {ids[0]}
    done(store.gaps.reopen(ann, COMMAND, ids))
    assert done(store.gaps.decided(since)) == {}
    actions = [one.action for one in done(store.audit.entries(action="gap"))]
    assert actions == ["gap.reopen", "gap.answer", "gap.dismiss"]


def test_other_teams_questions_and_those_of_a_broken_search_are_left_out(site: House) -> None:
    mine, since = sign_in(site.store, team="Returns").user, NOW - timedelta(days=90)
    made = write(
        site.store,
        refused(KAYAKS[0], 1),
        refused(KAYAKS[1], 2, more={"team_id": team_id(site.store, "Shipping")}),
        Talk("wish", "w", NOW, said=[Said("A person", "hand_over", "customer_asked", query="A person")]),
        Talk("broken", "b", NOW, said=[Said("Kayak", query="Kayak", degraded=("index: gone",), **REFUSED)]),
        Talk("old", "o", NOW - timedelta(days=91), said=[Said("Kayak", query="Kayak", **REFUSED)]),
    )
    assert [one.text for one in done(site.store.gaps.refused(since))] == [KAYAKS[1], KAYAKS[0]]
    assert done(site.store.gaps.visible(mine, since)) >= {made["gap1"][0]}
    assert made["gap2"][0] not in done(site.store.gaps.visible(mine, since))
    stamp = done(site.store.gaps.stamp(since))
    done(site.store.conversations.delete_owner("owner2"))
    assert done(site.store.gaps.stamp(since)).count == stamp.count - 1


def test_a_gap_shows_the_words_that_were_asked_not_those_that_were_searched_for(site: House) -> None:
    said = [Said("by drone?", query="Do you deliver by done?", asked="Do you deliver by drone?", **REFUSED)]
    write(site.store, Talk("a", "a", NOW, said=said))
    assert [one.text for one in done(site.store.gaps.refused(NOW - timedelta(days=1)))] == ["Do you deliver by drone?"]


def test_without_an_encoder_the_page_says_so(site: House) -> None:
    found = get(site, "/agents/api/gaps", sign_in(site.store)).json()
    assert (found["state"], found["groups"], found["computing"]) == ("unavailable", [], False)


# --- in a browser, with the real assistant -----------------------------------------------------------------


@pytest.fixture
def product(demo_copy: Path) -> Iterator[tuple[str, Store, Settings]]:
    """The demo company with four refused questions about kayaks and one of another matter."""
    settings = load_settings(data=demo_copy, engine="none", admin_totp=False)
    parts = build_parts(settings)
    assert parts.house is not None
    talks = [refused(text, number) for number, text in enumerate((*KAYAKS, "Who painted the Mona Lisa?"))]
    write(parts.house, *talks, Talk("first", "first", NOW - timedelta(days=80)))
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


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def window(browser: Browser, url: str, errors: list[str], who: Member | None = None) -> Page:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    if who:
        context.add_cookies([{"name": COOKIE, "value": who.token, "url": url}])
    page = context.new_page()
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: errors.append(str(e)))
    return page


@pytest.mark.browser
@pytest.mark.models
def test_a_gap_is_answered_and_the_next_customer_gets_the_answer(
    product: tuple[str, Store, Settings], browser: Browser
) -> None:
    url, store, settings = product
    answer, errors = "Yes, kayaks can be rented at our lake store for 40 euros a day.", list[str]()
    desk = window(browser, url, errors, sign_in(store))
    desk.goto(f"{url}/agents/gaps")
    card = desk.locator(".gap").filter(has_text="kayak")
    expect(card).to_have_count(1, timeout=60_000)
    expect(card.locator(".size")).to_contain_text("4")
    expect(desk.locator("body")).not_to_contain_text("Mona Lisa")
    expect(desk.locator("[role=status]").first).not_to_contain_text("…", timeout=30_000)
    card.get_by_role("button", name="Write an answer").click()
    desk.get_by_label("Answer", exact=True).fill(answer)
    desk.reload()
    expect(desk.get_by_label("Answer", exact=True)).to_have_value(answer)
    store.rights.erase(Subject(By.CONVERSATION, "gap3"), Copies(settings))  # the oldest, which names the group
    expect(desk.locator(".gap .size")).to_contain_text("3", timeout=30_000)
    desk.reload()
    expect(desk.get_by_label("Answer", exact=True)).to_have_value(answer)
    desk.get_by_label("Question this answers").fill(KAYAKS[0])
    desk.get_by_role("button", name="Save answer").click()
    expect(desk.locator(".toast")).to_contain_text(re.compile(r"now answers [1-3] of 3 examples"), timeout=30_000)
    expect(desk.get_by_role("button", name="Answered (1)")).to_be_visible()
    desk.get_by_role("button", name="Answered (1)").click()
    expect(desk.locator(".decision")).to_contain_text("Ann Lee answered this")

    customer = window(browser, url, errors)
    customer.goto(url)
    expect(customer.locator(".row.welcome")).to_be_visible(timeout=20_000)
    customer.locator("[data-text]").fill(KAYAKS[0])
    customer.get_by_role("button", name="Send").click()
    expect(customer.locator("[data-thread] .row.bot").last).to_contain_text(answer, timeout=30_000)

    desk.get_by_role("button", name="Undo").click()
    desk.get_by_role("button", name="Take back").click()
    expect(desk.get_by_role("button", name="Open (1)")).to_be_visible(timeout=15_000)
    desk.get_by_role("button", name="Open (1)").click()
    desk.get_by_role("button", name="Not for us", exact=True).click()
    expect(desk.get_by_role("button", name="Not for us (1)")).to_be_visible()
    assert errors == []


@pytest.mark.browser
@pytest.mark.models
def test_an_answer_begun_for_a_gap_that_a_colleague_closed_is_not_lost(
    product: tuple[str, Store, Settings], browser: Browser
) -> None:
    url, store, _ = product
    errors = list[str]()
    ann, bob = (window(browser, url, errors, sign_in(store, name=name)) for name in ("Ann Lee", "Bob Ray"))
    ann.goto(f"{url}/agents/gaps")
    ann.locator(".gap").filter(has_text="kayak").get_by_role("button", name="Write an answer").click(timeout=60_000)
    ann.get_by_label("Answer", exact=True).fill("We rent them out.")
    bob.goto(f"{url}/agents/gaps")
    bob.get_by_role("button", name="Not for us", exact=True).click()
    expect(bob.get_by_role("button", name="Not for us (1)")).to_be_visible()
    ann.reload()
    begun = ann.locator(".gap").filter(has_text="An answer that you began")
    expect(begun).to_contain_text("We rent them out.")
    begun.get_by_role("button", name="Discard").click()
    expect(begun).to_have_count(0)
    assert errors == []


@pytest.mark.browser
@pytest.mark.models
def test_means_over_time_say_of_how_many(product: tuple[str, Store, Settings], browser: Browser) -> None:
    url, store, _ = product
    write(store, Talk("timed", "timed", NOW - timedelta(days=2), said=[Said("Hello?", first_ms=120.0)]))
    moody = update(ConversationRow).values(mood=0.5)
    store.database.write(lambda c: c.execute(moody).rowcount).result()
    errors = list[str]()
    page = window(browser, url, errors, sign_in(store, "admin", name="Ada Boss"))
    page.goto(f"{url}/admin/")
    for name in ("Mood", "First words"):
        card = page.locator(".plotted").filter(has=page.get_by_role("heading", name=name, exact=True))
        expect(card.locator("td.number").first).to_contain_text(re.compile(r" \(of \d+\)$"))
        expect(card.locator("svg title").first).to_contain_text(re.compile(r"(of \d+\)|: –)$"))
    assert errors == []
