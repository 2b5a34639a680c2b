"""Every vendor's fixture, written with the vendor's own field names: roles, texts, times, ratings, positions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatbot.transcripts.reading import BadRecord, ReadOptions, detect_formats, read_transcripts
from chatbot.types import Role, Transcript

FIXTURES = Path(__file__).parent / "fixtures"
C, A, B, N, S = Role.CUSTOMER, Role.AGENT, Role.BOT, Role.NOTE, Role.SYSTEM


def read(name: str, options: ReadOptions | None = None) -> list[Transcript]:
    items = list(read_transcripts(FIXTURES / name, options=options))
    assert [item for item in items if isinstance(item, BadRecord)] == []
    return [item for item in items if isinstance(item, Transcript)]


@pytest.mark.parametrize(
    ("name", "format", "roles"),
    [
        ("own.jsonl", "own", [C, B, S, A, N, A, C, A]),
        ("faq.jsonl", "faq", [C, A]),
        ("faq.csv", "faq", [C, A]),
        ("rows.csv", "csv", [C, A]),
        ("chatml.jsonl", "chatml", [S, C, A]),
        ("sharegpt.json", "sharegpt", [C, A]),
        ("alpaca.json", "alpaca", [C, A, C, A]),
        ("zendesk.json", "zendesk", [C, N, A, C]),
        ("zendesk_split", "zendesk", [C, N, A, C]),
        ("intercom.json", "intercom", [C, B, S, N, A]),
        ("chatwoot.json", "chatwoot", [C, S, B, B, N, A, B]),
        ("freshdesk_api.json", "freshdesk", [C, N, A, C]),
        ("freshdesk_export.json", "freshdesk", [C, A, N, C]),
    ],
)
def test_format_is_detected_and_roles_keep_their_positions(name: str, format: str, roles: list[Role]) -> None:
    assert detect_formats(FIXTURES / name) == (format,)
    first = read(name)[0]
    assert [turn.role for turn in first.turns] == roles
    assert first.source == format
    assert first.origin is not None
    named = [item for item in read_transcripts(FIXTURES / name, format) if isinstance(item, Transcript)]
    assert named == read(name)


def test_own_keeps_the_source_that_an_export_names(tmp_path: Path) -> None:
    turns = [{"role": "customer", "text": "Is it dry?"}]
    sources: list[object] = [None, "zendesk", " live ", "", "x" * 61, 5]
    rows = [{"id": str(n), "source": source, "turns": turns} for n, source in enumerate(sources)]
    file = tmp_path / "x.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = list(read_transcripts(file))
    assert [item.source for item in found if isinstance(item, Transcript)] == ["own", "zendesk", "live"]
    bad = [(item.line, item.reason) for item in found if isinstance(item, BadRecord)]
    assert bad == [(line, 'its "source" is not a name of 1 to 60 characters') for line in (4, 5, 6)]


def test_own_takes_both_kinds_of_time_and_keeps_unknown_keys() -> None:
    first = read("own.jsonl")[0]
    assert (first.id, first.language, first.topic, first.csat, first.tags) == (
        "c-1",
        "en",
        "returns",
        5.0,
        ("returns",),
    )
    assert first.meta == {"channel": "chat", "shop": "eu"}
    assert first.turns[0].time == datetime(2025, 5, 2, 9, 0, tzinfo=UTC)
    assert first.turns[5].time == datetime(2025, 5, 2, 9, 2, tzinfo=UTC)


def test_csv_rows_of_mixed_conversations_are_gathered() -> None:
    one, two = read("rows.csv")
    assert (one.id, two.id) == ("7", "8")
    assert one.turns[1].text == "Der Link steht in der Versandmail; er zeigt bis zu 24 h nichts an."
    assert (one.turns[1].author, one.csat, two.csat) == ("Katja", 4.0, None)
    assert two.turns[0].time == datetime(2025, 5, 2, 9, 1, tzinfo=UTC)


def test_zendesk_html_becomes_text_and_history_is_cut() -> None:
    whole, split = read("zendesk.json")[0], read("zendesk_split")[0]
    assert whole.turns == split.turns
    assert whole.turns[0].text == "Where is my label?"
    assert whole.turns[2].text == "It is under Orders > Return:\n\n- print it\n- stick it on"
    assert (whole.turns[2].author, whole.csat, whole.status, whole.tags) == (
        "Bram",
        5.0,
        "solved",
        ("returns", "label"),
    )


def test_zendesk_second_files_can_be_named() -> None:
    folder = FIXTURES / "zendesk_split"
    options = ReadOptions(users=folder / "users.ndjson", comments=folder / "comments.ndjson")
    assert read("zendesk_split/tickets.ndjson", options)[0].turns == read("zendesk_split")[0].turns


def test_intercom_entities_rating_and_tags() -> None:
    first = read("intercom.json")[0]
    assert first.turns[4].text == "Until the order says “packing” under Orders > Edit."
    assert (first.id, first.csat, first.tags, first.status) == ("147", 4.0, ("address",), "closed")


def test_chatwoot_survey_and_freshdesk_status() -> None:
    assert (read("chatwoot.json")[0].csat, read("chatwoot.json")[0].topic) == (5.0, "payment")
    assert (read("freshdesk_api.json")[0].status, read("freshdesk_export.json")[0].tags) == ("resolved", ("repair",))
    assert read("freshdesk_export.json")[0].turns[0].time == datetime(2025, 5, 2, 8, 0, tzinfo=UTC)


def test_vendors_own_scales_do_not_depend_on_the_csat_option() -> None:
    ten = ReadOptions(csat_max=10)
    assert [read(name, ten)[0].csat for name in ("intercom.json", "chatwoot.json")] == [4.0, 5.0]
    assert read("own.jsonl", ten)[0].csat == 2.5


def test_records_without_an_id_get_a_stable_one() -> None:
    first, again = read("chatml.jsonl")[0], read("chatml.jsonl")[0]
    assert first.id == again.id
    assert len(first.id) == 16
    assert read("faq.jsonl")[0].id != read("faq.jsonl")[1].id
