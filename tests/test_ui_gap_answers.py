"""Answers to gaps over the routes: whose words they hold, who was first, who may take one back, what an erasure leaves of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from chatbot.gaps import WINDOW
from storage.opening import open_store
from storage.subjects import By, Subject
from tests.fakes_copilot import fake_assistant
from tests.fakes_ui import fake_parts
from tests.kayaks import KAYAKS, Grouping, ask_for_kayaks
from tests.staff import HOST, House, Member, done, sign_in
from tests.test_storage_rights import Elsewhere
from ui.app import create_app_from

API = "/agents/api/gaps"
ANSWER = "Yes, we rent them for 40 euros a day."


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr("tests.fakes_copilot.Retriever", Grouping)
    with open_store(None, tmp_path, server=True, ballast_bytes=1 << 20) as store:
        parts = replace(fake_parts(tmp_path, store=store.conversations), house=store)
        parts = replace(parts, assistant=fake_assistant(parts.settings))
        ask_for_kayaks(store)
        with TestClient(app := create_app_from(parts), base_url=HOST, follow_redirects=False) as client:
            yield House(app, client, store, parts)


def get(site: House, who: Member) -> Any:
    """The page's groups, once the questions are grouped."""
    while True:
        found = site.client.get(API, headers=who.headers).json()
        if found["state"] == "ready" and not found["computing"]:
            return found["groups"]
        time.sleep(0.05)


def post(site: House, who: Member, what: str, body: dict[str, Any], status: int = 201) -> Any:
    answer = site.client.post(f"{API}/{what}", json=body, headers=who.headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def answers(site: House) -> list[str]:
    return [passage.answer for passage, _ in site.store.to_index()]


@pytest.mark.parametrize(
    ("question", "began", "holds"),
    [
        ("Is a kayak for hire?", 1, 1),  # worded anew: it may still hold the words that it began with
        (f" {KAYAKS[2].upper()}", 1, 2),  # another customer's words, taken over
        (KAYAKS[1], 1, 1),
    ],
)
def test_an_answer_is_of_the_customer_whose_words_it_holds(site: House, question: str, began: int, holds: int) -> None:
    ann = sign_in(site.store, "admin")
    [group] = get(site, ann)
    ids = dict(zip(("gap0", "gap1", "gap2"), sorted(_ids(site)), strict=True))
    body = {"group": group["id"], "asked": ids[f"gap{began}"], "question": question, "answer": ANSWER}
    made = post(site, ann, "answer", body)
    assert made["correction"]["conversation_id"] == f"gap{holds}"
    for number in {0, 1, 2} - {holds}:
        site.store.rights.erase(Subject(By.CONVERSATION, f"gap{number}"), Elsewhere())
    assert answers(site) == [ANSWER]
    site.store.rights.erase(Subject(By.CONVERSATION, f"gap{holds}"), Elsewhere())
    assert answers(site) == []


def test_without_a_word_of_it_the_question_in_the_middle_is_meant(site: House) -> None:
    ann = sign_in(site.store, "admin")
    [group] = get(site, ann)
    made = post(site, ann, "answer", {"group": group["id"], "question": "Boats?", "answer": ANSWER})
    assert made["correction"]["conversation_id"] == group["asked_in"]


def test_of_two_who_answer_the_second_is_told_who_was_first(site: House) -> None:
    ann, bob = sign_in(site.store, "admin", name="Ann Lee"), sign_in(site.store, "admin", name="Bob Ray")
    [group] = get(site, ann)
    body = {"group": group["id"], "question": "Boats?", "answer": ANSWER}
    post(site, ann, "answer", body)
    refused = post(site, bob, "answer", body | {"answer": "No, never."}, 409)
    assert "Ann Lee has answered this already" in refused["error"]["message"]
    assert "Ann Lee" in post(site, bob, "dismiss", {"group": group["id"]}, 409)["error"]["message"]
    assert answers(site) == [ANSWER]
    [decided] = get(site, bob)
    assert (decided["status"], decided["decision"]["agent"]) == ("answered", "Ann Lee")


def test_words_of_one_who_was_erased_meanwhile_are_not_taken(site: House) -> None:
    ann = sign_in(site.store, "admin")
    [group] = get(site, ann)
    [asked] = [one for one in _ids(site) if one == group["asked"]]
    site.store.rights.erase(Subject(By.CONVERSATION, group["asked_in"]), Elsewhere())
    left = next(one for one in _ids(site) if one != asked)
    body = {"group": left, "asked": asked, "question": "Boats, as she wrote?", "answer": ANSWER}
    assert "erased" in post(site, ann, "answer", body, 404)["error"]["message"]
    assert answers(site) == []


def test_only_who_may_undo_an_answer_is_offered_it(site: House) -> None:
    ann = sign_in(site.store, "agent", team="Returns")
    members = [ann, sign_in(site.store, "agent", team="Returns"), sign_in(site.store, "admin"), sign_in(site.store)]
    [group] = get(site, ann)
    body = {"group": group["id"], "question": KAYAKS[0], "answer": ANSWER}
    made = post(site, ann, "answer", body)["correction"]
    assert made["conversation_id"] == "gap0"
    assert [get(site, each)[0]["decision"]["may_undo"] for each in members] == [True, True, True, False]
    path = f"/agents/api/corrections/{made['id']}/undo"
    assert site.client.post(path, json={}, headers=members[3].headers).status_code == 404
    assert site.client.post(path, json={}, headers=members[1].headers).status_code == 200


def _ids(site: House) -> list[int]:
    return [one.id for one in done(site.store.gaps.refused(datetime.now(UTC) - WINDOW))]
