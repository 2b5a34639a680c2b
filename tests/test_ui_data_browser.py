"""The data page in a real Chromium: an admin finds a person, hands over, erases, and exports what the archive finds."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.chromium import chromium
from tests.erased import make_customer, traces
from tests.staff import COOKIE, served, sign_in

pytestmark = pytest.mark.browser


def test_an_admin_finds_hands_over_erases_and_exports(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with served(folder, settings={"retention_days": {"closed": 365}}) as (url, store), chromium() as started:
        boss = sign_in(store, "admin", name="Ada Boss")
        one, stays = make_customer(store, boss.user, 1), make_customer(store, boss.user, 2)
        context = started.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
        context.add_cookies([{"name": COOKIE, "value": boss.token, "url": url}])
        page = context.new_page()
        page.set_default_timeout(8_000)
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))

        page.goto(f"{url}/admin/data")
        expect(page.get_by_text("Nothing has been erased yet.")).to_be_visible()
        expect(page.get_by_role("cell", name="365 days")).to_be_visible()
        page.get_by_label("Owner, conversation id").fill(one.words["said"])
        page.get_by_role("button", name="Find").click()
        page.get_by_role("button", name="All of this person").click()
        kept = page.get_by_label("What is kept")
        expect(kept.get_by_text("Messages", exact=True)).to_be_visible()
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390  # the owner's id is 64 characters long
        with page.expect_download() as handed:
            kept.get_by_role("button", name="Download as JSON").click()
        given = json.loads(handed.value.path().read_text())
        assert [each["id"] for each in given["conversations"]] == [one.conversation]

        kept.get_by_role("button", name="Erase").click()
        expect(kept.get_by_role("alert")).to_have_text("Nothing was erased: type ERASE first.")
        kept.get_by_label("Type ERASE").fill("please")
        kept.get_by_role("button", name="Erase").click()
        expect(kept.get_by_text("Nothing was erased.")).to_be_visible()
        kept.get_by_label("Type ERASE").fill("ERASE")
        kept.get_by_role("button", name="Erase").click()
        expect(kept.get_by_role("heading", name="Erased")).to_be_visible()
        number = kept.locator(".mono").inner_text()
        expect(page.locator(".receipt")).to_contain_text([number])
        assert traces(folder, one.words.values()) == set()

        page.goto(f"{url}/agents/transcripts?rating=2")
        with page.expect_download() as exported:
            page.get_by_label("Export what was found").get_by_role("link", name="CSV").click()
        rows = list(csv.DictReader(exported.value.path().read_text("utf-8-sig").splitlines()))
        assert {row["conversation_id"] for row in rows} == {stays.conversation}
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert failures == []
