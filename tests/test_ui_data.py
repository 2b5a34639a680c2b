"""The data page's routes, a customer's own erasure, and what a running process does when somebody else erases."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from chatbot.erasing import Copies
from chatbot.errors import StorageError
from chatbot.types import Event, EventKind
from storage.subjects import By, Subject
from tests.erased import make_customer, traces
from tests.staff import House, done, house, sign_in
from ui import housekeeping
from ui.events import Signal
from ui.housekeeping import Housekeeping
from ui.identity import open_identity
from ui.mydata import erase, receipt_lines
from ui.strings import LANGUAGES

AT = "/admin/api/data"


def test_an_admin_finds_hands_over_and_erases(tmp_path: Path) -> None:
    with house(tmp_path) as site:
        boss = sign_in(site.store, "admin", name="Ada Boss")
        one, stays = make_customer(site.store, boss.user, 1), make_customer(site.store, boss.user, 2)
        ask: dict[str, Any] = {"headers": boss.headers}
        [found] = site.client.get(f"{AT}/search", params={"text": one.words["said"]}, **ask).json()["found"]
        assert (found["owner"], found["conversation"]) == (one.owner, one.conversation)
        person = {"by": "owner", "value": found["owner"]}
        assert site.client.post(f"{AT}/kept", json=person, **ask).json()["rows"]["messages"] == 4
        file = site.client.post(f"{AT}/person", json=person | {"notes": True}, **ask)
        assert "attachment" in file.headers["content-disposition"]
        assert one.words["note"] in file.text
        refused = site.client.post(f"{AT}/erase", json=person | {"confirm": "yes"}, **ask)
        assert (refused.status_code, "Nothing was erased" in refused.json()["error"]["message"]) == (422, True)
        receipt = site.client.post(f"{AT}/erase", json=person | {"confirm": "ERASE"}, **ask).json()
        assert receipt["rows"]["corrections"] == 1
        assert traces(tmp_path, one.words.values()) == set()
        assert traces(tmp_path, stays.words.values())
        [kept] = site.client.get(f"{AT}/receipts", **ask).json()["receipts"]
        assert (kept["receipt"], kept["reason"]) == (receipt["id"], "request")
        audit = [(entry.actor, entry.action) for entry in done(site.store.audit.entries())]
        for action in ("transcript.search", "export.person", "erase.owner"):
            assert (f"{boss.user.id} Ada Boss", action) in audit


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_the_export_comes_as_a_file_and_is_audited_with_its_count(tmp_path: Path, kind: str) -> None:
    with house(tmp_path) as site:
        boss = sign_in(site.store, "admin", name="Ada Boss")
        one = make_customer(site.store, boss.user, 1)
        given = site.client.get(f"{AT}/export", params={"format": kind, "what": "live"}, headers=boss.headers)
        assert f'filename="conversations.{kind}"' in given.headers["content-disposition"]
        if kind == "parquet":
            assert pq.read_table(io.BytesIO(given.content)).num_rows == 4
        else:
            assert one.words["said"] in given.text
        log = {entry.action: dict(entry.detail) for entry in done(site.store.audit.entries())}
        assert log["export.transcripts"] == {"format": kind, "what": "live"}
        assert log["export.done"] == {"format": kind, "what": "live", "conversations": 1, "whole": True}


def test_retention_is_shown_as_it_is_set(tmp_path: Path) -> None:
    with house(tmp_path, settings={"retention_days": {"closed": 365}}) as site:
        boss = sign_in(site.store, "admin", name="Ada Boss")
        told = site.client.get(f"{AT}/retention", headers=boss.headers).json()
        assert told["days"] == {"closed": 365}
        assert [(due["status"], due["conversations"]) for due in told["due"]] == [("closed", 0)]


def _customer(site: House) -> tuple[str, dict[str, str]]:
    token = open_identity(site.parts.settings).new_token()
    owner = open_identity(site.parts.settings).owner_of(token)
    assert owner is not None
    return owner, {"authorization": f"Bearer {token}"}


def test_a_customer_downloads_all_and_erases_all(tmp_path: Path) -> None:
    with house(tmp_path) as site:
        boss = sign_in(site.store, "admin", name="Ada Boss")
        owner, headers = _customer(site)
        one = make_customer(site.store, boss.user, 1, owner)
        told = json.dumps(site.client.get("/api/v1/me", headers=headers).json(), ensure_ascii=False)
        for place in ("said", "agent", "contact", "rating", "comment", "tag"):
            assert one.words[place] in told, place
        assert one.words["note"] not in told
        answer = site.client.delete("/api/v1/me", headers=headers).json()
        assert answer["deleted_conversations"] == 1
        assert answer["receipt"]["rows"]["messages"] == 4
        assert traces(tmp_path, one.words.values()) == set()
        assert site.client.delete("/api/v1/me", headers=headers).json() == {"deleted_conversations": 0}


def test_the_receipt_is_told_in_every_language(tmp_path: Path) -> None:
    with house(tmp_path) as site:
        boss = sign_in(site.store, "admin", name="Ada Boss")
        owner, _ = _customer(site)
        make_customer(site.store, boss.user, 1, owner)
        receipt = done(erase(site.parts, owner)).receipt
        assert receipt is not None
        told = {language: receipt_lines(receipt, language) for language in LANGUAGES}
        assert {len(lines) for lines in told.values()} == {6}
        assert len({tuple(lines) for lines in told.values()}) == len(LANGUAGES)
        for lines in told.values():
            assert receipt.id in lines[-1]
            assert not any("{" in line for line in lines)
        assert told["en"][:2] == ["Chats: 1", "Messages: 4"]


class _Served:
    """A retriever that tells when it was asked to look again; from a thread, as the process asks."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.looked, self._loop = asyncio.Event(), loop

    def refresh(self) -> None:
        self._loop.call_soon_threadsafe(self.looked.set)


async def test_a_running_process_forgets_when_another_program_erases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "LOOK_S", 0.01)
    with house(tmp_path, settings={"retention_days": {"closed": 365}}) as site:
        store, retriever = site.store, _Served(asyncio.get_running_loop())
        await asyncio.to_thread(lambda: done(store.conversations.create_conversation("ann")))
        hub = site.parts.hub
        keeping = Housekeeping(site.parts.settings, store, retriever, hub)  # type: ignore[arg-type]
        async with keeping.running():
            with hub.everything() as team, hub.window("some-chat") as window:
                await asyncio.sleep(0.2)
                assert not retriever.looked.is_set()
                assert await window.next(0.01) is Signal.QUIET
                copies = Copies(site.parts.settings)
                await asyncio.to_thread(store.rights.erase, Subject(By.OWNER, "ann"), copies)
                await asyncio.wait_for(retriever.looked.wait(), 10)
                assert await team.next(10) is Signal.RESYNC
                assert await window.next(10) == Event(EventKind.STATUS, "some-chat", text="erased")  # it is no more


class _DiskGone(Copies):
    """Where the copies outside the database cannot be reached."""

    def sweep(self, *_: Any, **__: Any) -> Any:
        raise StorageError("The disk is gone.")


async def test_an_erasure_that_was_cut_short_is_finished_before_anybody_is_answered(tmp_path: Path) -> None:
    with house(tmp_path) as site:
        store, retriever = site.store, _Served(asyncio.get_running_loop())
        await asyncio.to_thread(lambda: done(store.conversations.create_conversation("ann")))
        with pytest.raises(StorageError, match="disk is gone"):
            await asyncio.to_thread(store.rights.erase, Subject(By.OWNER, "ann"), _DiskGone(site.parts.settings))
        assert store.rights.unfinished()
        keeping = Housekeeping(site.parts.settings, store, retriever, site.parts.hub)  # type: ignore[arg-type]
        async with keeping.running():
            assert not store.rights.unfinished()
            assert len(store.rights.receipts()) == 1
            await asyncio.wait_for(retriever.looked.wait(), 10)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_an_export_by_tag_holds_the_tag_and_no_address(tmp_path: Path, kind: str) -> None:
    with house(tmp_path) as site:
        boss = sign_in(site.store, "admin", name="Ada Boss")
        one = make_customer(site.store, boss.user, 1)
        asked = {"format": kind, "tag": one.words["tag"]}
        text = site.client.get(f"{AT}/export", params=asked, headers=boss.headers).text
        if kind == "csv":
            rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
            assert {row["tags"] for row in rows} == {one.words["tag"]}
        else:
            row = json.loads(text)
            assert row["tags"] == [one.words["tag"]]
            thumb = {"turn": 1, "thumb": -1, "reason": "wrong", "comment": one.words["comment"]}
            assert row["meta"]["thumbs"] == [thumb]
        assert one.words["contact"] not in text


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2101-01-01T00:00:00Z"])
def test_an_export_with_a_date_of_another_age_does_not_begin(tmp_path: Path, moment: str) -> None:
    with house(tmp_path) as site:
        boss = sign_in(site.store, "admin", name="Ada Boss")
        for asked in ({"since": moment}, {"until": moment}, {"q": "it", "since": moment}, {"q": "it", "until": moment}):
            refused = site.client.get(f"{AT}/export", params=asked, headers=boss.headers)
            assert (refused.status_code, "2000 to 2100" in refused.text) == (422, True)
        assert not done(site.store.audit.entries(action="export"))


def test_what_the_archive_finds_can_be_exported(tmp_path: Path) -> None:
    with house(tmp_path) as site:
        boss, ann = sign_in(site.store, "admin", name="Ada Boss"), sign_in(site.store)
        one, other = (make_customer(site.store, boss.user, n) for n in (1, 2))
        asked: dict[str, Any] = {"q": one.words["said"], "rating": 2}
        found = site.client.get(f"{AT}/export", params=asked, headers=boss.headers)
        [kept] = map(json.loads, found.text.splitlines())
        assert kept["id"] == one.conversation
        assert other.words["said"] not in found.text
        began, ended = done(site.store.audit.entries(action="export"))[::-1]
        assert began.detail == {"format": "jsonl", "what": "live", "rating": 2, "words": True}
        assert ended.detail == dict(began.detail) | {"conversations": 1, "whole": True}
        assert site.client.get(f"{AT}/export", params={"rating": 5}, headers=boss.headers).text == ""
        with_tag = site.client.get(f"{AT}/export", params={"tag": one.words["tag"]}, headers=boss.headers)
        assert one.conversation in with_tag.text
        tagged = {dict(entry.detail)["tag"] for entry in done(site.store.audit.entries(action="export", limit=2))}
        assert tagged == {True}  # its words may be somebody's name
        refused = site.client.get(f"{AT}/export", params={"status": "gone"}, headers=boss.headers)
        assert (refused.status_code, "no status 'gone'" in refused.text) == (422, True)
        assert site.client.get(f"{AT}/export", params=asked, headers=ann.headers).status_code == 403
