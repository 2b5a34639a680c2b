"""Exports that others read: no formula in CSV, everything read back by our own reader, bounded memory."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.transcripts.exporting import COLUMNS, export
from chatbot.transcripts.formulas import guarded, unguarded
from chatbot.transcripts.reading import read_transcripts
from chatbot.types import Role, Transcript, Turn

WHEN = datetime(2026, 3, 1, 12, 30, 15, 250000, tzinfo=UTC)
SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"  # the last four full-width
BLANKS = ("", " ", "   ", "\t", "\r", "\n", "\r\n", "\xa0", "\u3000", "\ufeff", "\u200b", " \t ", "'", "''", " '", "' ")
FORMULAS = (*(f"{blank}{sign}1+1" for sign in SIGNS for blank in BLANKS), "\tx", "\rx", '=HYPERLINK("http://x")')


def told(key: str = "c1", *texts: str) -> Transcript:
    turns = tuple(
        Turn(Role.CUSTOMER if at % 2 == 0 else Role.AGENT, text, WHEN, "Ann") for at, text in enumerate(texts)
    )
    return Transcript(key, "zendesk", turns, "en", "-refunds", "closed", 4.0, ("a", "b"))


def runs(cell: str) -> bool:
    """Whether a spreadsheet may take the cell for a formula, once it has trimmed what is blank or not seen."""
    return cell[:1] in ("\t", "\r", "\n") or cell.strip().strip("\ufeff\u200b \t\r\n")[:1] in tuple(SIGNS)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_begins_as_a_formula(text: str) -> None:
    body = b"".join(export([told("c1", text, "fine")], "csv")).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body, newline="")))
    assert list(rows[0]) == list(COLUMNS)
    assert not [cell for row in rows for cell in row.values() if runs(cell)]
    assert unguarded(rows[0]["text"]) == text


@given(st.one_of(st.text(), st.text(alphabet=f"{SIGNS}' \t\r\n\u3000\ufeffa")))
def test_the_guard_is_taken_back_exactly(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not runs(guarded(text))


def test_a_cell_of_blanks_costs_no_time() -> None:
    text = " " * 2_000_000  # tried at every place by a pattern that goes back, it would take hours
    assert guarded(text) == unguarded(text) == text


def test_our_reader_reads_a_csv_export_back(tmp_path: Path) -> None:
    there = [
        told("=c1", '=1+1 "quoted", and\na line', "- a list\n- of two"),
        told("c2", "'tis fine", "'=odd"),
        *(told(f"{sign}d{at}", f"{sign}1+1", f"a\n{sign}1", f"'{sign}1") for at, sign in enumerate(SIGNS)),
    ]
    (tmp_path / "x.csv").write_bytes(b"".join(export(there, "csv")))
    back = [one for one in read_transcripts(tmp_path / "x.csv", "csv") if isinstance(one, Transcript)]
    assert [(t.id, t.turns, t.topic, t.csat, t.tags) for t in back] == [
        (t.id, t.turns, t.topic, t.csat, t.tags) for t in there
    ]


def test_parquet_holds_a_row_a_turn_with_types() -> None:
    body = b"".join(export([told("c1", "=1", "two"), told("c2", "three")], "parquet"))
    table = pq.read_table(io.BytesIO(body))
    assert table.column_names == list(COLUMNS)
    assert [(row["conversation_id"], row["turn"], row["text"]) for row in table.to_pylist()] == [
        ("c1", 0, "=1"), ("c1", 1, "two"), ("c2", 0, "three"),
    ]  # fmt: skip
    assert table.to_pylist()[0]["time"] == WHEN


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_nothing_to_export_is_a_file_all_the_same(kind: str) -> None:
    body = b"".join(export([], kind))
    if kind == "parquet":
        assert pq.read_table(io.BytesIO(body)).num_rows == 0
    else:
        assert len(body.splitlines()) == (1 if kind == "csv" else 0)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_memory_does_not_grow_with_the_export(kind: str) -> None:
    def many(count: int) -> Iterator[Transcript]:
        return (told(f"c{number}", f"question {number} " * 20, "answer " * 20) for number in range(count))

    def most(count: int) -> int:
        tracemalloc.start()
        total = sum(len(piece) for piece in export(many(count), kind))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert total
        return peak

    most(100)  # what is loaded at the first use is not of the export
    assert most(16_000) < 1.5 * most(8_000) + 500_000  # the texts are 8 MB
