"""The page of models in a real Chromium: a command is followed, interrupted and found again by another server; a version is
published, taken back, and put beside another in a blind vote."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from sqlalchemy import select

from chatbot.learning import registry
from chatbot.privacy import Masker
from chatbot.types import Reply
from storage.learning_tables import VoteRow
from storage.opening import Store
from tests.chromium import CHROMIUM, FLAGS
from tests.examples import example
from tests.fakes_ui import ANSWER
from tests.gated import dataset
from tests.staff import COOKIE, done, served, sign_in
from tests.test_ui_models import slow_python, version
from ui.staff import contests, models

pytestmark = pytest.mark.browser
FITS = "() => document.documentElement.scrollWidth <= window.innerWidth"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        yield page
        chromium.close()
        assert troubles == []


def enter(page: Page, url: str, store: Store, tab: str) -> None:
    """Opens the page's tab as a new admin."""
    token = sign_in(store, "admin", name="Ada Boss").token
    page.context.clear_cookies()
    page.context.add_cookies([{"name": COOKIE, "value": token, "url": url}])
    page.goto("about:blank")
    page.goto(f"{url}/admin/models#{tab}")


def test_a_command_is_followed_interrupted_and_found_again_by_another_server(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", slow_python(tmp_path))
    with served(tmp_path) as (url, store):
        enter(page, url, store, "commands")
        page.get_by_label("Make").select_option("encoder")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("heading", name="Tune the encoder")).to_be_visible()
        expect(page.get_by_text("chatbot finetune --encoder")).to_be_visible()
        expect(page.get_by_label("Output")).to_have_text("ready\n")
        page.reload()
        expect(page.get_by_role("button", name="Interrupt")).to_be_visible()
    with served(tmp_path) as (url, store):  # a new server over the same folder; the command has gone on
        enter(page, url, store, "commands")
        expect(page.get_by_label("Output")).to_have_text("ready\n")
        page.get_by_role("button", name="Interrupt").click()
        expect(page.locator("table .chip", has_text="interrupted")).to_be_visible()
        expect(page.get_by_role("button", name="Interrupt")).to_have_count(0)


def test_a_generators_languages_and_secrets_are_asked_for_in_the_form(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", slow_python(tmp_path))
    with served(tmp_path) as (url, store):
        enter(page, url, store, "commands")
        page.get_by_label("Make").select_option("generator")
        page.get_by_label("Languages").fill("en,de")
        page.get_by_label("Planted secrets").fill("0")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text("chatbot finetune --method lora --languages en,de --canaries 0")).to_be_visible()
        page.get_by_role("button", name="Interrupt").click()
        expect(page.locator("table .chip", has_text="interrupted")).to_be_visible()
        page.get_by_label("Make").select_option("encoder")
        page.get_by_label("Epochs with hard negatives").fill("1")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text("chatbot finetune --encoder --hard-epochs 1")).to_be_visible()
        page.get_by_role("button", name="Interrupt").click()


def test_a_version_is_published_with_its_reason_and_rolled_back(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", slow_python(tmp_path))
    folder = tmp_path / "models"
    first, second = version(tmp_path), version(tmp_path, "better")
    registry.publish(folder, first, "Bea", champion=None)
    with served(tmp_path) as (url, store):
        enter(page, url, store, "versions")
        row = page.locator("table.versions tr", has_text=second)
        expect(row.locator(".scores")).to_have_text("evidence 0.5")
        row.get_by_role("button", name="Publish…").click()
        page.get_by_label("Reason").fill("knows the new tents; --force")
        page.get_by_role("button", name="Judge and publish").click()
        typed = f"chatbot models publish {second} '--reason=knows the new tents; --force'"
        expect(page.get_by_text(typed)).to_be_visible()
        page.get_by_role("button", name="Interrupt").click()
        expect(page.locator("table .chip", has_text="interrupted")).to_be_visible()
        registry.publish(folder, second, "Ada Boss", champion=first, reason="knows the new tents")
        page.get_by_role("tab", name="Versions").click()
        expect(row.first).to_contain_text("in use")
        page.get_by_role("button", name="Roll back").click()
        page.get_by_label("Reason").fill("worse at stoves")
        page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
        expect(page.get_by_text(f"{first} is used again.")).to_be_visible()
        expect(page.get_by_text("worse at stoves")).to_be_visible()
        assert registry.published(folder, "generator") == first
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate(FITS)
        expect(page.locator("table.versions").get_by_role("button", name="Publish…")).to_be_in_viewport()
        page.set_viewport_size({"width": 1280, "height": 900})


class TwoVoices:
    """A contest without models: each contender says its own sentence; asked twice the same, both say one."""

    def __init__(self, settings: object, answerer: Any) -> None:
        self.answerer = answerer

    def contenders(self) -> list[str]:
        return ["precedent", "base"]

    async def answers(self, pair: tuple[str, str], question: str) -> dict[str, Reply]:
        return {name: replace(ANSWER, text=question if "same" in question else f"{name} speaks") for name in pair}

    async def close(self) -> None:
        """Nothing runs."""


def test_a_vote_between_two_versions_is_blind_kept_and_taken_back(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = SimpleNamespace(answerer=SimpleNamespace(masker=Masker()))
    dataset(tmp_path, [example(7, "Where is my parcel?", "On its way.", ())])
    monkeypatch.setattr(contests, "Contest", TwoVoices)
    monkeypatch.setattr(models, "contest_routes", lambda parts: contests.contest_routes(replace(parts, assistant=core)))
    with served(tmp_path) as (url, store):
        enter(page, url, store, "contest")
        question, ask = page.get_by_placeholder("A customer's question"), page.get_by_role("button", name="Ask both")
        page.get_by_role("button", name="Suggest one").click()
        expect(question).to_have_value("Where is my parcel?")
        ask.click()
        left = page.get_by_label("Left", exact=True)
        expect(left).to_contain_text("speaks")
        winner = left.locator(".said").inner_text().split()[0]
        expect(page.get_by_text("sure 0.82")).to_have_count(0)  # what would tell whose it is comes after the vote
        page.get_by_role("button", name="Left is better").click()
        expect(page.locator(".side.better .said")).to_have_text(f"{winner} speaks")
        expect(page.get_by_text("sure 0.82")).to_have_count(2)
        page.reload()
        expect(page.get_by_text("of 1", exact=False)).to_be_visible()
        [standing] = done(store.votes.standings())
        assert {"base": standing.for_first, "precedent": standing.for_second} == {"base": 0, "precedent": 0} | {
            winner: 1
        }
        question.fill("the same?")
        ask.click()
        expect(page.get_by_text("nothing to vote on")).to_be_visible()
        page.get_by_role("button", name="Suggest one").click()
        expect(question).to_have_value("Where is my parcel?")
        question.fill("How long?")  # typed over the suggestion
        with page.expect_request("**/contest/answers") as sent:
            ask.click()
        assert sent.value.post_data_json["suggested"] is None
        page.get_by_role("button", name="Both are good").click()
        expect(page.get_by_text("Your vote is kept.")).to_be_visible()
        kept = store.database.read(lambda c: c.execute(select(VoteRow.question).order_by(VoteRow.id)).scalars().all())
        assert list(kept.result()) == ["example:0000000000000007", "How long?"]
        page.get_by_role("button", name="Take the vote back").click()
        expect(page.get_by_text("The vote is taken back.")).to_be_visible()
        assert done(store.votes.standings())[0].votes == 1
