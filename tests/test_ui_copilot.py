"""The copilot's and the canned answers' routes: what is offered to whom, what is kept, and what gives way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from storage.audit import Actor
from storage.canned import LONGEST
from storage.copilot import Use
from storage.opening import open_store
from storage.taking import Hand
from tests.fakes_copilot import ENGLISH, GERMAN, LABEL, RETURNS, REWORDED, SHOP, Retriever, fake_assistant
from tests.fakes_dialogue import ScriptedModel
from tests.fakes_ui import ANSWER, fake_parts
from tests.staff import HOST, House, Member, done, sign_in
from ui.app import create_app_from

OWNER = "a" * 64
QUESTION = "My name is Mia Berg. How long can I return a jacket?"
NOTE = "zebra: this customer is difficult"


@dataclass(frozen=True)
class Desk(House):
    """A conversation in Ann's hands, and the copilot's parts."""

    ann: Member
    retriever: Retriever
    model: ScriptedModel

    def get(self, conversation: str, what: str, who: Member | None = None, **query: Any) -> Any:
        path = f"/agents/api/conversations/{conversation}/{what}"
        return self.client.get(path, params=query, headers=(who or self.ann).headers)

    def post(self, path: str, body: Any, who: Member | None = None) -> Any:
        return self.client.post(path, json=body, headers=(who or self.ann).headers)

    def taken(self, text: str = QUESTION, reply: bool = False) -> str:
        return str(done(self._take(text, reply)))

    def says(self, conversation: str, text: str, token: str) -> None:
        done(self.store.desk.say(self._hand(conversation, token), text))

    def notes(self, conversation: str, text: str) -> None:
        done(self.store.desk.note(self._hand(conversation, "note"), text))

    def _hand(self, conversation: str, token: str) -> Hand:
        return Hand(self.ann.user, Actor(self.ann.user.id, "Ann"), conversation, token)

    async def _take(self, text: str, reply: bool) -> str:
        made = await self.store.conversations.create_conversation(OWNER, "en")
        message, _ = await self.store.conversations.add_customer_message(made.id, OWNER, text, "c1")
        if reply:
            await self.store.conversations.add_reply(made.id, ANSWER, message.seq)
        await self.store.desk.take(self._hand(made.id, "take"), lambda _: "Ann joined")
        return made.id


@contextmanager
def desk(folder: Path, translates: bool = False, **settings: Any) -> Iterator[Desk]:
    with open_store(None, folder, server=True, ballast_bytes=1 << 20) as store:
        parts = replace(fake_parts(folder, store=store.conversations, settings=settings), house=store)
        model, translator = ScriptedModel([REWORDED]), ScriptedModel([ENGLISH]) if translates else None
        assistant = fake_assistant(parts.settings, model=model, translator=translator)
        parts = replace(parts, assistant=assistant)
        app = create_app_from(parts)
        with TestClient(app, base_url=HOST, follow_redirects=False) as client:
            ann = sign_in(store, name="Ann Lee")
            yield Desk(app, client, store, parts, ann, assistant.retriever, model)  # type: ignore[arg-type]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def test_precedents_come_with_all_that_is_needed_to_judge_them(site: Desk) -> None:
    found = site.get(site.taken(), "suggestions").json()
    assert [one["text"] for one in found["precedents"]] == [one.passage.answer for one in (RETURNS, LABEL, SHOP)]
    first = found["precedents"][0]
    assert (first["kind"], first["score"], first["general"], first["said"]) == ("chat", 0.8, True, False)
    assert first["resolved_at"].startswith("2025-06-01")
    assert (found["fits"], found["language"], found["degraded"]) == (True, "en", [])


def test_the_draft_names_its_sources_checks_and_model(site: Desk) -> None:
    made = site.get(site.taken(), "draft").json()
    assert (made["text"], made["mode"], made["model"]) == (REWORDED, "adapted", "scripted")
    assert made["checks"] == ["evidence: passed"]
    assert made["sources"][0]["passage_id"] == RETURNS.passage.id


def test_notes_and_names_reach_neither_the_search_nor_the_model(site: Desk) -> None:
    conversation = site.taken("I am at mia@mail.example. How long can I return a jacket?")
    site.notes(conversation, NOTE)
    site.get(conversation, "suggestions")
    site.get(conversation, "draft")
    seen = f"{site.retriever.asked} {site.model.prompts}"
    assert site.model.prompts
    assert "return a jacket" in seen
    assert "zebra" not in seen
    assert "mia@mail.example" not in seen


def test_a_draft_does_without_the_generator_while_customers_need_it(
    site: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(site.parts.manager), "crowded", lambda _self: True)
    made = site.get(site.taken(), "draft").json()
    assert made["mode"] == "precedent"
    assert made["degraded"][0].startswith("overload")
    assert site.model.prompts == []


def test_a_newer_draft_replaces_the_one_that_is_being_written(site: Desk) -> None:
    conversation = site.taken()
    site.model.pause_s = 60
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(site.get, conversation, "draft")
        while not site.model.prompts:
            time.sleep(0.01)
        site.model.pause_s = 0
        assert site.get(conversation, "draft").json()["text"] == REWORDED
        assert first.result(10).status_code == 409
    assert site.model.closed == 2


def test_drafts_take_a_part_of_the_generator_only(tmp_path: Path) -> None:
    with desk(tmp_path, slots=4) as site:
        one, other = site.taken(), site.taken()
        site.model.pause_s = 60
        with ThreadPoolExecutor(1) as thread:
            first = thread.submit(site.get, one, "draft")
            while not site.model.prompts:
                time.sleep(0.01)
            assert site.get(other, "draft").json()["degraded"][0].startswith("overload")
            site.model.pause_s = 0
            assert site.get(one, "draft").json()["mode"] == "adapted"  # which ends the first
            assert first.result(10).status_code == 409


@pytest.mark.parametrize("what", ["suggestions", "draft"])
def test_others_conversations_are_not_there(site: Desk, what: str) -> None:
    ben = sign_in(site.store, team="Shipping", name="Ben Low")
    assert site.get(site.taken(), what, ben).status_code == 200  # of no team: everybody's
    assert site.get("nowhere", what).status_code == 404
    assert site.retriever.asked


def test_what_was_inserted_is_kept_masked_beside_what_was_sent(site: Desk) -> None:
    conversation = site.taken()
    site.says(conversation, "Mia, you have 30 days. Write to mia@mail.example. Ann", "m1")
    path = f"/agents/api/conversations/{conversation}/uses"
    body = {
        "client_id": "m1",
        "inserted": "You have 30 days, mia@mail.example.",
        "passages": ["p1"],
        "draft": "adapted",
    }
    assert site.post(path, body).json() == {"kept": True}
    (kept,) = done(site.store.copilot.latest())
    assert (kept.passages, kept.draft, kept.inserted) == (("p1",), "adapted", "You have 30 days, [EMAIL].")
    assert "mia@mail.example" not in kept.sent
    assert "Ann" not in kept.sent
    assert "30 days" in kept.sent
    assert site.post(path, body | {"client_id": "m2"}).status_code == 404
    assert site.post(path, body | {"more": 1}).status_code == 422
    assert site.post(path, body, sign_in(site.store, name="Ben Low")).status_code == 404  # not his message
    assert done(site.store.copilot.latest()) == [Use(kept.inserted, kept.sent, ("p1",), "adapted")]


def test_without_a_model_that_translates_there_is_no_route_and_no_button(site: Desk) -> None:
    assert site.get(site.taken(GERMAN), "translation", seq=1, to="en").status_code == 404
    assert '"translates": false' in site.client.get("/agents/", headers=site.ann.headers).text


def test_a_translation_is_shown_and_the_view_audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with desk(tmp_path, translates=True) as site:
        conversation = site.taken(GERMAN, reply=True)
        assert '"translates": true' in site.client.get("/agents/", headers=site.ann.headers).text
        found = site.get(conversation, "translation", seq=1, to="en")
        assert found.json() == {"text": ENGLISH.replace("[ORDER 1]", "NP-48213"), "to": "en", "model": "scripted"}
        (entry,) = done(site.store.audit.entries(action="message.translate"))
        assert (entry.target, entry.detail) == (f"conversation:{conversation}", {"seq": 1})
        assert site.get(conversation, "translation", seq=2, to="en").status_code == 404  # the bot's
        assert site.get(conversation, "translation", seq=99, to="en").status_code == 404
        assert site.get(conversation, "translation", seq=1, to="xx").status_code == 422
        site.parts.assistant.translator.model.pieces = ["Hello, it came after 21 days."]  # type: ignore[union-attr]
        refused = site.get(conversation, "translation", seq=1, to="en")
        assert refused.status_code == 503
        assert "not shown" in refused.json()["error"]["message"]
        monkeypatch.setattr(type(site.parts.manager), "crowded", lambda _self: True)
        assert site.get(conversation, "translation", seq=1, to="en").status_code == 429


# --- canned answers ---------------------------------------------------------------------------------------
CANNED = "/agents/api/canned"


def test_gaps_are_filled_for_the_conversations_customer(site: Desk) -> None:
    conversation = site.taken()
    text = "Hello {customer_name}, this is {agent_name} of {company}. It comes by {date}."
    made = site.post(CANNED, {"shortcut": "/Hello", "text": text})
    assert made.status_code == 201
    assert made.json()["shortcut"] == "hello"
    (one,) = site.client.get(CANNED, params={"conversation": conversation}, headers=site.ann.headers).json()["answers"]
    assert one["filled"] == "Hello Mia Berg, this is Ann of Northpine Outdoor. It comes by {date}."
    assert one["gaps"] == ["date"]
    (bare,) = site.client.get(CANNED, headers=site.ann.headers).json()["answers"]
    assert bare["gaps"] == ["customer_name", "date"]


def test_the_conversations_language_comes_first(site: Desk) -> None:
    for shortcut, language in (("a-german", "de"), ("b-english", "en"), ("c-any", None)):
        site.post(CANNED, {"shortcut": shortcut, "text": "x", "language": language})
    query = {"conversation": site.taken()}
    found = site.client.get(CANNED, params=query, headers=site.ann.headers).json()["answers"]
    assert [one["shortcut"] for one in found] == ["b-english", "c-any", "a-german"]


def test_what_is_refused_says_why_and_changes_nothing(site: Desk) -> None:
    made = site.post(CANNED, {"shortcut": "hi", "text": "Hello"}).json()
    one = f"{CANNED}/{made['id']}"
    again = site.post(CANNED, {"shortcut": "HI", "text": "again"})
    assert again.status_code == 409
    team = done(site.store.teams.add("Returns", [], Actor(None, "test"))).id
    for status, path, body in (
        (403, CANNED, {"shortcut": "HI", "text": "again"}),  # where there are teams, everybody's are an admin's
        (422, CANNED, {"shortcut": "two words", "text": "x"}),
        (422, CANNED, {"shortcut": "long", "text": "x" * (LONGEST + 1)}),
        (403, CANNED, {"shortcut": "theirs", "text": "x", "team_id": team}),
        (404, f"{CANNED}/987654", {"shortcut": "no", "text": "x"}),
        (403, one, {"shortcut": "hi", "text": "x", "team_id": team}),
    ):
        answer = site.post(path, body)
        assert answer.status_code == status, body
        assert answer.json()["error"]["message"].endswith(".")
    assert site.client.delete(one, headers=sign_in(site.store, team="Returns").headers).status_code == 403
    assert [one["text"] for one in site.client.get(CANNED, headers=site.ann.headers).json()["answers"]] == ["Hello"]
    assert site.client.delete(one, headers=site.ann.headers).status_code == 403
    boss = sign_in(site.store, "admin", name="Ada Boss").headers
    assert site.client.delete(one, headers=boss).json() == {"deleted": True}
    assert site.client.delete(one, headers=boss).status_code == 404


def test_only_teams_that_one_may_write_for_are_offered(site: Desk) -> None:
    def names(who: Member) -> list[str]:
        return [team["name"] for team in site.client.get(CANNED, headers=who.headers).json()["teams"]]

    assert names(site.ann) == ["Everybody"]  # a company without teams
    returns = sign_in(site.store, team="Returns", name="Ron Roe")
    boss = sign_in(site.store, "admin", name="Ada Boss")
    assert names(site.ann) == []
    assert names(returns) == ["Returns"]
    assert names(boss) == ["Everybody", "Returns"]
