"""`chatbot import` and `chatbot export` as a user types them: every fixture, what changes nothing, what is refused, Ctrl-C."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatbot.types import Transcript
from storage.opening import open_store
from tests.commands import AT_A_TERMINAL, Done, begun, refused, shell, typed

FIXTURES = Path(__file__).parent / "fixtures"
EXPECTED = {
    "alpaca.json": ("alpaca", 1, 1),
    "chatml.jsonl": ("chatml", 1, 1),
    "chatwoot.json": ("chatwoot", 1, 1),
    "faq.csv": ("faq", 1, 1),
    "faq.jsonl": ("faq", 2, 2),
    "freshdesk_api.json": ("freshdesk", 1, 1),
    "freshdesk_export.json": ("freshdesk", 1, 1),
    "intercom.json": ("intercom", 1, 1),
    "own.jsonl": ("own", 3, 1),
    "rows.csv": ("csv", 2, 2),
    "sharegpt.json": ("sharegpt", 1, 1),
    "zendesk.json": ("zendesk", 1, 1),
    "zendesk_split": ("zendesk", 1, 1),
}
GOOD = {"id": "good", "turns": [{"role": "customer", "text": "Can I pay?"}, {"role": "agent", "text": "Yes, by card."}]}
BAD = {"id": "bad", "turns": [{"role": "customer", "text": 5}]}


def bring_in(folder: Path, *words: object) -> Done:
    return typed("--data", folder, "import", *words)


def counts(folder: Path) -> tuple[int, int]:
    with open_store(None, folder) as store:
        found = store.transcripts.counts()
    return found.transcripts, found.passages


def own(path: Path, *rows: object) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def test_every_fixture_has_its_expectation() -> None:
    assert {item.name for item in FIXTURES.iterdir()} == set(EXPECTED)


def test_every_fixture_is_recognised_and_comes_in_once(tmp_path: Path) -> None:
    for name, (format, conversations, passages) in EXPECTED.items():
        folder = tmp_path / name
        first = bring_in(folder, FIXTURES / name, "--format", "auto", "--json").json
        assert (first["format"], first["passages"], first["skipped"]) == (format, passages, []), name
        assert first["conversations"] == {"new": conversations}, name
        again = bring_in(folder, FIXTURES / name, "--json").json
        assert again["conversations"] == {"same": conversations}, name
        assert counts(folder) == (conversations, passages), name


def test_the_command_in_a_process_of_its_own_says_what_came_in(tmp_path: Path) -> None:
    done = shell("--data", tmp_path / "d", "import", FIXTURES / "faq.jsonl")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "Imported faq: conversations: 2 new; answers: 2 (en 1, de 1).",
        "Now run chatbot index to answer from them.",
    ]


def test_a_dry_run_shows_what_would_come_in_and_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    done = bring_in(folder, FIXTURES / "own.jsonl", "--dry-run")
    assert done.code == 0
    assert "Would import own: conversations: 3 found; answers: 1 (en 1)." in done.out
    assert "[NAME]" in done.out
    assert "Anna" not in done.out
    assert not folder.exists()
    bring_in(folder, FIXTURES / "faq.jsonl")
    bring_in(folder, FIXTURES / "own.jsonl", "--dry-run")
    assert counts(folder) == (2, 2)


def test_a_bad_record_is_named_and_skipped_and_with_strict_nothing_comes_in(tmp_path: Path) -> None:
    export = own(tmp_path / "mixed.jsonl", GOOD, BAD, {**GOOD, "id": "good-2"})
    refused(bring_in(tmp_path / "strict", export, "--strict"), "mixed.jsonl line 2", ". Nothing was imported")
    assert counts(tmp_path / "strict") == (0, 0)
    done = bring_in(tmp_path / "lenient", export, "--json").json
    assert done["conversations"] == {"new": 2}
    assert [(row["file"], row["line"]) for row in done["skipped"]] == [("mixed.jsonl", 2)]
    assert done["skipped"][0]["reason"]
    told = bring_in(tmp_path / "lenient", export)
    assert "Skipped mixed.jsonl line 2: " in told.out


@pytest.mark.parametrize("words", [(), ("--json",), ("--dry-run",)])
def test_an_export_of_which_no_record_can_be_used_is_an_error_with_the_reasons(tmp_path: Path, words: Any) -> None:
    export = own(tmp_path / "all-bad.jsonl", BAD, {**BAD, "id": "bad-2"})
    done = bring_in(tmp_path / "d", export, *words)
    assert done.code == 2
    *reasons, last = done.err.splitlines()
    assert [reason.partition(": ")[0] for reason in reasons] == [f"Skipped all-bad.jsonl line {n}" for n in (1, 2)]
    assert last == f"Error: No record in {export} can be used (2 skipped), so nothing was imported."
    if words == ("--json",):
        assert (done.json["conversations"], len(done.json["skipped"])) == ({}, 2)
    else:
        assert done.out == ""
    assert counts(tmp_path / "d") == (0, 0)


def test_a_folder_with_several_formats_comes_in_file_by_file(tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for name in ("own.jsonl", "faq.csv", "rows.csv", "zendesk.json"):
        shutil.copy(FIXTURES / name, mixed)
    done = bring_in(tmp_path / "d", mixed, "--json")
    assert (done.code, done.json["format"], done.json["skipped"]) == (0, "csv, faq, own, zendesk", [])
    assert done.json["conversations"] == {"new": sum(EXPECTED[item.name][1] for item in mixed.iterdir())}
    with open_store(None, tmp_path / "d") as store:
        assert {t.source for t in store.transcripts.transcripts()} == {"csv", "faq", "own", "zendesk"}


def test_words_for_roles_that_are_not_known_can_be_told(tmp_path: Path) -> None:
    export = tmp_path / "rows.csv"
    export.write_text('ticket_id,sender,message\n1,Cust,Is it dry?\n1,Our Rep,"Yes, the fabric is tested."\n')
    untold = bring_in(tmp_path / "d", export)
    assert "role 'Cust' is unknown" in untold.err
    assert "--roles cust=ROLE" in untold.err
    told_of = bring_in(tmp_path / "d", export, "--roles", "cust=customer, our rep = Agent", "--json")
    assert (told_of.json["conversations"], told_of.json["passages"]) == ({"new": 1}, 1)
    for wrong in ("cust", "cust=boss", "=agent"):
        refused(bring_in(tmp_path / "d", export, "--roles", wrong), "--roles", wrong, "customer, agent, bot")


def test_brackets_in_names_and_texts_are_shown_as_they_are(tmp_path: Path) -> None:
    rows = [{**GOOD, "turns": [{"role": "customer", "text": "what is [/bold] here?"}, GOOD["turns"][1]]}, BAD]
    export = own(tmp_path / "a [red] b.jsonl", *rows)
    done = bring_in(tmp_path / "d[bold]", export, "--dry-run")
    assert done.code == 0, done
    assert "what is [/bold] here?" in done.out
    assert "Skipped a [red] b.jsonl line 2" in done.out
    refused(bring_in(tmp_path / "d", tmp_path / "[b] none.jsonl"), "[b] none.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "words", "parts"),
    [
        ("cut.json", b'[{"id": "1", "turns": [{"role": "customer"', (), ("cut.json",)),
        ("cut.jsonl", json.dumps(GOOD).encode() + b'\n{"id": "2", "tur', ("--strict",), ("cut.jsonl", "line 2")),
        ("half.csv", b"question,answer\nHow?,Caf\xe9\n", (), ("half.csv", "--encoding")),
        ("strange.json", b'[{"colour": "red"}]', (), ("strange.json", "no format that is known", "own", "zendesk")),
        ("empty.jsonl", b"", (), ("empty.jsonl", "nothing to import")),
        ("picture.json", b"\x89PNG\r\n\x1a\n\x00\x00", (), ("picture.json",)),
        ("fine.jsonl", json.dumps(GOOD).encode(), ("--format", "lotus"), ("'lotus'", "own", "zendesk")),
        ("fine.jsonl", json.dumps(GOOD).encode(), ("--column", "text"), ("--column 'text'", "OUR_NAME=THEIR_COLUMN")),
        ("fine.jsonl", json.dumps(GOOD).encode(), ("--encoding", "klingon"), ("klingon",)),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence_and_nothing_comes_in(
    tmp_path: Path, name: str, content: bytes, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(bring_in(tmp_path / "d", tmp_path / name, *words), *parts)
    assert counts(tmp_path / "d") == (0, 0)


def test_a_file_that_breaks_late_leaves_nothing_half_imported(tmp_path: Path) -> None:
    rows = ",".join(json.dumps({**GOOD, "id": f"c-{number}"}) for number in range(2_000))
    (tmp_path / "late.json").write_text(f"[{rows},{{", encoding="utf-8")
    refused(bring_in(tmp_path / "d", tmp_path / "late.json"), "late.json")
    assert counts(tmp_path / "d") == (0, 0)


def test_a_missing_file_is_named_in_a_process_of_its_own(tmp_path: Path) -> None:
    refused(shell("--data", tmp_path / "d", "import", tmp_path / "nowhere.jsonl"), "nowhere.jsonl")
    assert not (tmp_path / "d").exists()


def test_encoding_and_columns_that_are_given_hold_for_recognising_the_format_too(tmp_path: Path) -> None:
    export = tmp_path / "alt.csv"
    export.write_bytes("Kennung;Wer;Was\n1;Kunde;Gibt es Größe M?\n1;agent;Ja, natürlich.\n".encode("utf-16"))
    columns = [part for pair in ("id=Kennung", "role=Wer", "text=Was") for part in ("--column", pair)]
    columns = [pair.replace("id=", "conversation_id=") for pair in columns]
    done = bring_in(tmp_path / "d", export, *columns, "--encoding", "utf-16", "--dry-run", "--json")
    assert done.code == 0, done
    assert done.json["format"] == "csv"


def test_an_import_runs_beside_a_server_that_holds_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    with open_store(None, folder, server=True) as server:
        done = shell("--data", folder, "import", FIXTURES / "faq.jsonl")
        assert (done.code, done.err) == (0, "")
        assert server.transcripts.counts().transcripts == 2


def test_two_imports_at_once_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    with open_store(None, folder) as store, store.transcripts.importing("other.jsonl", "own"):
        done = shell("--data", folder, "import", FIXTURES / "faq.jsonl")
    refused(done, "import", code=1)
    assert counts(folder) == (0, 0)


@pytest.mark.chaos
def test_ctrl_c_in_a_long_import_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    bring_in(folder, FIXTURES / "faq.jsonl")
    export = own(tmp_path / "long.jsonl", *({**GOOD, "id": f"c-{number}"} for number in range(30_000)))
    before = (folder / "precedent.sqlite3").stat().st_size
    process = begun("--data", folder, "import", export)
    wait_until(lambda: (folder / "precedent.sqlite3").stat().st_size > before + 200_000 or wal(folder) > 500_000)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "Interrupted: the step that was running left nothing behind; what was finished before it stays.\n"
    assert counts(folder) == (2, 2)
    assert bring_in(folder, FIXTURES / "own.jsonl", "--json").json["conversations"] == {"new": 3}


def wal(folder: Path) -> int:
    file = folder / "precedent.sqlite3-wal"
    return file.stat().st_size if file.exists() else 0


def wait_until(true: object) -> None:
    assert callable(true)
    for _ in range(1500):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to pass within 30 seconds")


def test_an_export_comes_back_as_the_same_transcripts(demo_copy: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.jsonl"
    done = typed("--data", demo_copy, "export", "--out", out)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert (done.code, done.out) == (0, "")
    assert done.err == f"{len(rows)} conversations written to {out}.\n"
    fresh = tmp_path / "fresh"
    back = bring_in(fresh, out, "--json").json
    assert (back["conversations"], back["skipped"]) == ({"new": len(rows)}, [])
    with open_store(None, demo_copy) as before, open_store(None, fresh) as after:
        assert [told(t) for t in before.transcripts.transcripts()] == [told(t) for t in after.transcripts.transcripts()]
        first = {(p.conversation_id, p.turn_id, p.question, p.answer) for p in before.transcripts.passages()}
        second = {(p.conversation_id, p.turn_id, p.question, p.answer) for p in after.transcripts.passages()}
        assert first
        assert {(c, t) for c, t, _, _ in first} == {(c, t) for c, t, _, _ in second}
    printed = typed("--data", fresh, "export", "--what", "imported").out
    assert printed == out.read_text(encoding="utf-8")


def test_a_round_trip_keeps_sources_so_that_equal_ids_do_not_meet(tmp_path: Path) -> None:
    before, after, out = tmp_path / "before", tmp_path / "after", tmp_path / "all.jsonl"
    for name in EXPECTED:
        bring_in(before, FIXTURES / name)
    same_id = {"id": "35436", "turns": GOOD["turns"]}  # the id of the Zendesk ticket
    bring_in(before, own(tmp_path / "own.jsonl", same_id))
    assert typed("--data", before, "export", "-o", out).code == 0
    for _ in range(2):
        done = bring_in(after, out, "--json")
        assert (done.code, done.json["skipped"]) == (0, [])
    with open_store(None, before) as one, open_store(None, after) as other:
        assert one.transcripts.counts() == other.transcripts.counts()
        assert list(map(told, one.transcripts.transcripts())) == list(map(told, other.transcripts.transcripts()))
        assert list(one.transcripts.signed_passages()) == list(other.transcripts.signed_passages())
        sources = [t.source for t in other.transcripts.transcripts() if t.id == "35436"]
    assert sorted(sources) == ["own", "zendesk"]


def test_an_export_tells_what_it_wrote_as_json_and_how_far_it_is(tmp_path: Path) -> None:
    folder, out = tmp_path / "d", tmp_path / "out.csv"
    bring_in(folder, FIXTURES / "faq.jsonl")
    export = ("--data", folder, "export", "--format", "csv", "--out", out)
    done = typed(*export, "--json", **AT_A_TERMINAL)
    assert (done.code, done.err) == (0, "")
    assert done.json == {"file": str(out), "format": "csv", "conversations": 2}
    shown = typed(*export, "--force", **AT_A_TERMINAL)
    assert (shown.code, shown.out) == (0, "")
    assert "write conversations" in shown.err
    assert "write conversations" not in typed(*export, "--force").err
    refused(typed("--data", folder, "export", "--json"), "name a file with --out, or leave out --json")


def told(transcript: object) -> object:
    assert isinstance(transcript, Transcript)
    return replace(transcript, origin=None)  # an export is a file of its own


def test_an_export_replaces_no_file_unasked(tmp_path: Path) -> None:
    folder, out = tmp_path / "d", tmp_path / "out.jsonl"
    bring_in(folder, FIXTURES / "faq.jsonl")
    out.write_text("mine")
    refused(typed("--data", folder, "export", "-o", out), str(out), "--force")
    assert out.read_text() == "mine"
    assert typed("--data", folder, "export", "-o", out, "--force").code == 0
    assert len(out.read_text().splitlines()) == 2
    refused(typed("--data", folder, "export", "-o", tmp_path / "no" / "out.jsonl"), str(tmp_path / "no"))
    assert sorted(item.name for item in tmp_path.iterdir()) == ["d", "out.jsonl"]
    assert typed("--data", folder, "export", "--what", "live").out == ""
