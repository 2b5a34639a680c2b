"""`chatbot purge` and `chatbot retention` as a user types them, and `doctor`, which finishes what was left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from storage.audit import COMMAND
from storage.opening import Store, open_store
from storage.tables import ConversationRow
from tests.commands import AT_A_TERMINAL, typed
from tests.erased import Customer, make_customer, traces, write_examples
from tests.staff import done

SMALL_BALLAST = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(None, tmp_path, ballast_bytes=SMALL_BALLAST) as opened:
        yield opened


@pytest.fixture
def one(store: Store, tmp_path: Path) -> Customer:
    boss = done(store.people.add_user("ada@shop.example", "Ada Boss", "admin", COMMAND))
    made = make_customer(store, boss, 1)
    write_examples(tmp_path, [made])
    return made


def test_a_dry_run_shows_what_would_go_and_changes_nothing(one: Customer, tmp_path: Path) -> None:
    shown = typed("--data", tmp_path, "purge", "--owner", one.owner, "--dry-run")
    assert (shown.code, shown.err) == (0, "")
    for told in ("Would erase", "messages", "message_search entries", "examples", "datasets/v1/train.parquet"):
        assert told in shown.out
    assert {word for _, word in traces(tmp_path, one.words.values())} == set(one.words.values())


def test_with_yes_it_goes_and_the_receipt_is_printed_by_store(one: Customer, tmp_path: Path) -> None:
    receipt = typed("--data", tmp_path, "purge", "--conversation", one.conversation, "--yes", "--json").json
    assert (receipt["rows"]["messages"], receipt["rows"]["corrections"], receipt["settled"]) == (4, 1, True)
    assert receipt["outside"]["examples"]["removed"] == 4
    assert traces(tmp_path, one.words.values()) == set()
    assert [json.loads(line)["step"] for line in (tmp_path / "erasures.jsonl").read_text().splitlines()] == [
        "intent",
        "done",
    ]


def test_without_a_terminal_nothing_goes_unless_yes_is_said(one: Customer, tmp_path: Path) -> None:
    refused = typed("--data", tmp_path, "purge", "--owner", one.owner)
    assert refused.code == 2
    assert "Nothing was erased" in refused.err
    assert traces(tmp_path, one.words.values())


@pytest.mark.parametrize("given", [(), ("--owner", "a", "--email", "b"), ("--owner", " ")])
def test_one_must_say_whose(given: tuple[str, ...], store: Store, tmp_path: Path) -> None:
    refused = typed("--data", tmp_path, "purge", *given)
    assert refused.code == 2
    assert refused.err.startswith("Error: ")


def test_nobody_is_found_under_a_strange_name(store: Store, tmp_path: Path) -> None:
    missing = typed("--data", tmp_path, "purge", "--email", "no@where.example", "--yes")
    assert (missing.code, missing.out) == (2, "")
    assert "Nothing is kept under this email" in missing.err


def test_find_and_export_erase_nothing(one: Customer, tmp_path: Path) -> None:
    [found] = typed("--data", tmp_path, "purge", "--find", one.words["said"], "--json").json
    assert (found["owner"], found["why"]) == (one.owner, "message")
    assert one.owner in typed("--data", tmp_path, "purge", "--find", f"{one.words['contact']}@example.org").out
    out = tmp_path / "person.json"
    assert typed("--data", tmp_path, "purge", "--owner", one.owner, "--export", out).code == 0
    assert one.words["said"] in out.read_text()
    assert one.words["note"] not in out.read_text()
    again = typed("--data", tmp_path, "purge", "--owner", one.owner, "--export", out)
    assert (again.code, "is there already" in again.err) == (2, True)
    other = tmp_path / "other.json"
    told = typed("--data", tmp_path, "purge", "--owner", one.owner, "--export", other, "--json").json
    assert told == {"file": str(other), "conversations": 1, "past_conversations": 0}


def test_files_that_it_does_not_know_are_named(one: Customer, tmp_path: Path) -> None:
    (tmp_path / "backup.sqlite3").write_bytes(b"old")
    assert "backup.sqlite3" in typed("--data", tmp_path, "purge", "--owner", one.owner, "--yes").out


def test_compact_cleans_the_free_space(one: Customer, tmp_path: Path) -> None:
    shown = typed("--data", tmp_path, "purge", "--compact", **AT_A_TERMINAL)
    assert (shown.code, "compact" in shown.err) == (0, True)
    assert typed("--data", tmp_path, "purge", "--compact", "--json").json == {"compacted": True}


def test_retention_runs_by_the_settings(one: Customer, store: Store, tmp_path: Path) -> None:
    old = update(ConversationRow).values(updated_at=datetime.now(UTC) - timedelta(days=9))
    store.database.write(lambda c: c.execute(old)).result()
    config = tmp_path / "chatbot.toml"
    config.write_text("")
    run = ("--config", config, "--data", tmp_path, "retention", "run")
    assert "retention_days is empty" in typed(*run).out
    config.write_text("retention_days = {closed = 7}")
    [due] = typed(*run, "--dry-run", "--json").json
    assert (due["status"], due["conversations"]) == ("closed", 1)
    assert "Erased 1 conversations" in typed(*run).out
    assert list(done(store.conversations.conversations_of(one.owner))) == []
    config.write_text("retention_days = {human = 7}")
    refused = typed(*run)
    assert (refused.code, "retention_days" in refused.err) == (2, True)


def test_an_export_may_be_narrowed_like_the_archive(one: Customer, store: Store, tmp_path: Path) -> None:
    boss = done(store.people.add_user("eve@shop.example", "Eve Boss", "admin", COMMAND))
    other = make_customer(store, boss, 2)
    done(store.conversations.rate(other.conversation, other.owner, 5, None))

    def exported(*words: str) -> list[str]:
        lines = typed("--data", tmp_path, "export", *words).out.splitlines()
        return [json.loads(line)["id"] for line in lines]

    assert exported("--only", "rating=2") == [one.conversation]
    assert exported("--words", other.words["said"]) == [other.conversation]
    assert exported("--only", "rating=5", "--only", "since=2020-01-01") == [other.conversation]
    assert exported("--only", "until=2020-01-01") == []
    assert exported("--only", f"tag={one.words['tag']}") == [one.conversation]
    [tagged] = done(store.audit.entries(action="export.transcripts", limit=1))
    assert tagged.detail["tag"] is True  # its words may be somebody's name
    told = done(store.audit.entries(action="export.transcripts"))[2].detail
    assert told == {
        "format": "jsonl",
        "what": "live",
        "words": False,
        "rating": "5",
        "since": "2020-01-01 00:00:00+00:00",
    }
    for wrong, why in (
        ("rating", "NAME=VALUE"),
        ("size=3", "NAME=VALUE"),
        ("rating=x", "no number"),
        ("since=May", "2026-05-01"),
        ("since=0001-01-01T00:00:00+14:00", "2000 to 2100"),
        ("until=9999-12-31", "2000 to 2100"),
    ):
        refused = typed("--data", tmp_path, "export", "--only", wrong)
        assert (refused.code, why in refused.err) == (2, True)
    assert "no rating" in typed("--data", tmp_path, "export", "--only", "rating=9").err
    assert typed("--data", tmp_path, "export", "--only", "rating=5", "--what", "imported").code == 2


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_live_chats_come_back_from_an_export_as_what_they_were(
    one: Customer, store: Store, tmp_path: Path, kind: str
) -> None:
    file, fresh = tmp_path / f"live.{kind}", tmp_path / "fresh"
    assert typed("--data", tmp_path, "export", "--what", "live", "--format", kind, "-o", file).code == 0
    assert one.words["contact"] not in file.read_text(encoding="utf-8")
    assert typed("--data", fresh, "import", file).code == 0
    [before] = store.live_transcripts()
    assert (before.tags, before.meta["thumbs"][0]["comment"]) == ((one.words["tag"],), one.words["comment"])
    with open_store(None, fresh, ballast_bytes=1 << 20) as other:
        [after] = other.transcripts.transcripts()
    expected = before if kind == "jsonl" else replace(before, source=after.source, meta=after.meta)
    assert replace(after, origin=None) == expected


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ("no/folder/x.jsonl", "No such file or directory. Name a file in a folder"),
        ("a-file/x.jsonl", "Not a directory. Name a file"),
        ("", "is a folder; name a file in it"),
        (f"{'x' * 300}.jsonl", "File name too long"),
    ],
)
def test_an_export_that_cannot_be_written_is_bad_input_and_no_export(
    one: Customer, store: Store, tmp_path: Path, out: str, why: str
) -> None:
    (tmp_path / "a-file").touch()
    for asked in (("export", "--force", "--out"), ("purge", "--conversation", one.conversation, "--export")):
        refused = typed("--data", tmp_path, *asked, tmp_path / out)
        assert (refused.code, "Traceback" in refused.err) == (2, False)
        assert str(tmp_path / out) in refused.err
    assert why in typed("--data", tmp_path, "export", "--force", "--out", tmp_path / out).err
    assert done(store.audit.entries(action="export")) == []


def test_a_lost_key_of_the_erasures_is_said_with_what_to_restore(one: Customer, store: Store, tmp_path: Path) -> None:
    assert typed("--data", tmp_path, "purge", "--conversation", one.conversation, "--yes").code == 0
    (tmp_path / "erasures.key").unlink()
    other = make_customer(store, done(store.people.add_user("e@shop.example", "Eve Boss", "admin", COMMAND)), 2)
    refused = typed("--data", tmp_path, "purge", "--conversation", other.conversation, "--yes")
    assert refused.code == 2
    assert "erasures.key is missing" in refused.err
    assert "restore it from a backup" in refused.err


def test_what_a_command_shows_is_in_the_audit_log(one: Customer, store: Store, tmp_path: Path) -> None:
    typed("--data", tmp_path, "purge", "--find", one.words["said"])
    typed("--data", tmp_path, "purge", "--conversation", one.conversation, "--export", tmp_path / "person.json")
    seen = done(store.audit.entries(target=f"conversation:{one.conversation}"))[:2]
    assert [(entry.actor, entry.action) for entry in seen] == [
        ("command", "export.person"),
        ("command", "transcript.search"),
    ]
