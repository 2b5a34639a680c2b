"""Three hundred hostile texts wherever people read what others wrote, in a real Chromium: no dialog, no request elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, update

from chatbot.settings import Settings
from chatbot.types import Source
from storage.opening import Store
from storage.tables import ConversationRow, MessageRow
from tests.fakes_ui import ANSWER
from tests.payloads import ELSEWHERE, PAYLOADS
from tests.staff import COOKIE, done, served, sign_in
from ui.identity import open_identity

pytestmark = pytest.mark.browser
AT_ONCE = 150
NEVER = "iframe,object,embed,video,audio,math,base,img,script,style,[onerror],[onload],[onfocus],[onblur]"


@dataclass
class Watch:
    """What a page did that no text may make it do."""

    home: str
    wrong: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("dialog", lambda dialog: (self.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self._asked(request.url))
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("popup", lambda popup: self.wrong.append(f"popup: {popup.url}"))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.home, "data:", "blob:")):
            self.wrong.append(f"request: {url}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Store, Path]]:
    folder = tmp_path_factory.mktemp("payloads")
    with served(folder) as (url, store):
        yield url, store, folder


def tell(store: Store, owner: str, payloads: Sequence[str]) -> str:
    """A conversation in which everybody says every payload: customer, bot (with it in its sources), agent, note, event."""
    chat = done(store.conversations.create_conversation(owner)).id
    for number, payload in enumerate(payloads):
        message, _ = done(store.conversations.add_customer_message(chat, owner, payload, f"m{number}"))
        source = Source(payload[:40], payload[:60], 1, payload, payload, 0.8, datetime(2025, 5, 1, tzinfo=UTC))
        reply = replace(ANSWER, text=payload, sources=(source,), quick_replies=(payload,))
        assert done(store.conversations.add_reply(chat, reply, message.seq)) is not None
    last = len(payloads) * 2
    rows = [
        {"conversation_id": chat, "seq": last + place, "role": role, "text": payload, "author": payload}
        | {"created_at": datetime.now(UTC), "client_message_id": None}
        for place, (role, payload) in enumerate(
            ((role, payload) for payload in payloads for role in ("agent", "note", "system")), 1
        )
    ]
    changes = {
        "last_seq": last + len(rows),
        "agent": payloads[0],
        "handover_reason": payloads[0],
        "contact": payloads[0],
    }
    kept = update(ConversationRow).where(ConversationRow.id == chat).values(status="waiting", **changes)
    waits = kept.values(waiting_since=datetime.now(UTC))
    store.database.write(lambda c: c.execute(insert(MessageRow), rows).rowcount).result()
    store.database.write(lambda c: c.execute(waits).rowcount).result()
    return chat


def untouched(page: Page, watch: Watch) -> None:
    """Nothing ran, nothing left, and no payload became an element."""
    page.wait_for_timeout(150)
    assert watch.wrong == []
    assert page.evaluate("typeof window.pwned") == "undefined"
    made = page.locator(":is([data-thread], #app)").evaluate(
        "(root, never) => [...root.querySelectorAll(never)].map((node) => node.outerHTML.slice(0, 80))", NEVER
    )
    assert made == []
    schemes = page.locator("a[href]").evaluate_all("(links) => [...new Set(links.map((link) => link.protocol))]")
    assert set(schemes) <= {"http:", "https:", "mailto:"}


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")


def everywhere(browser: Browser, url: str, store: Store, **options: Any) -> tuple[Page, Watch]:
    admin = sign_in(store, "admin", name="Ada Root")
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    context.add_cookies([{"name": COOKIE, "value": admin.token, "url": url}])
    page, watch = context.new_page(), Watch(url)
    watch.over(page)
    return page, watch


def parts(payloads: Sequence[str]) -> list[Sequence[str]]:
    return [payloads[start : start + AT_ONCE] for start in range(0, len(payloads), AT_ONCE)]


def test_the_watch_sees_what_it_is_there_for(browser: Browser, site: tuple[str, Store, Path]) -> None:
    url = site[0]
    page = browser.new_page()
    watch = Watch(url)
    watch.over(page)
    page.route(f"{ELSEWHERE}/**", lambda route: route.abort())
    page.set_content(f"<img src='{ELSEWHERE}/p.png'><script>alert(1)</script>")
    page.wait_for_timeout(150)
    page.close()
    assert {wrong.split(":")[0] for wrong in watch.wrong} == {"dialog", "request"}


def test_there_are_three_hundred_different_ones() -> None:
    assert len(set(PAYLOADS)) == 300


def test_nothing_runs_in_the_customers_window_or_at_the_desk(browser: Browser, site: tuple[str, Store, Path]) -> None:
    url, store, folder = site
    identity = open_identity(Settings(data=folder))
    desk, seen = everywhere(browser, url, store)
    for payloads in parts(PAYLOADS):
        token = identity.new_token()
        owner = identity.owner_of(token)
        assert owner is not None
        chat = tell(store, owner, payloads)
        context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
        context.add_cookies([{"name": identity.cookie_name, "value": token, "url": url}])
        page, watch = context.new_page(), Watch(url)
        watch.over(page)
        page.goto(url)
        expect(page.locator("[data-thread] .row.agent").last).to_contain_text(payloads[-1])
        open_all(page)
        untouched(page, watch)
        context.close()
        desk.goto(f"{url}/agents/#{chat}")
        desk.reload()
        expect(desk.locator(".transcript .note .said").last).to_have_text(payloads[-1])
        open_all(desk)
        untouched(desk, seen)
        desk.goto(f"{url}/agents/transcripts/{chat}")
        expect(desk.locator(".transcript .note .said").last).to_have_text(payloads[-1])
        open_all(desk)
        untouched(desk, seen)
    desk.context.close()


def test_nothing_runs_in_an_imports_preview_or_in_the_passages(
    browser: Browser, site: tuple[str, Store, Path], tmp_path: Path
) -> None:
    url, store, _ = site
    page, watch = everywhere(browser, url, store)
    page.goto(f"{url}/admin/knowledge")
    for number, payloads in enumerate(parts(PAYLOADS)):
        entries = [
            {"id": f"{number}-{at}", "question": f"{text} why {at}?", "answer": f"{text} because of {at} and so."}
            for at, text in enumerate(payloads)
        ]
        export = tmp_path / f"<img src=x onerror=alert({number})>.jsonl"
        export.write_text("\n".join(map(json.dumps, [*entries, {"question": payloads[0]}])), encoding="utf-8")
        page.get_by_role("tab", name="Import").click()
        page.locator("input[type=file]").set_input_files(export)
        page.get_by_role("button", name="Look at it").click()
        expect(page.get_by_role("button", name="Import", exact=True)).to_be_enabled(timeout=30_000)
        open_all(page)
        untouched(page, watch)
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_role("heading", name="Imported")).to_be_visible(timeout=30_000)
    page.reload()
    page.get_by_role("tab", name="Passages").click()
    expect(page.locator(".passage").first).to_be_visible()
    while (more := page.get_by_role("button", name="Show more")).count() and more.is_visible():
        before = page.locator(".passage").count()
        more.click()
        expect(page.locator(".passage").nth(before)).to_be_visible()
    assert page.locator(".passage").count() > 250  # a few payloads are nothing once markup is taken out
    open_all(page)
    untouched(page, watch)
    page.context.close()


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_an_export_is_saved_and_never_drawn(browser: Browser, site: tuple[str, Store, Path], format: str) -> None:
    url, store, _ = site
    page, watch = everywhere(browser, url, store)
    page.goto(f"{url}/admin/data")
    for payloads in parts(PAYLOADS):
        tell(store, "somebody", payloads)
    with page.expect_download() as begun:
        page.evaluate("(address) => { location.href = address; }", f"{url}/admin/api/data/export?format={format}")
    assert begun.value.suggested_filename == f"conversations.{format}"
    assert begun.value.path().stat().st_size > 10_000
    assert page.url == f"{url}/admin/data"
    untouched(page, watch)
    page.context.close()
