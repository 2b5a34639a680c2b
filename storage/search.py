"""Full-text search over messages and transcripts on both databases; must not know who may see what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, TextClause, bindparam, text

from chatbot.types import Transcript
from storage.searchbox import Words
from storage.terms import document_terms, query_terms

Kind = Literal["message", "transcript"]

# Kept in step with the rows by the database itself when rows go; terms come with the rows that are written.
_SQLITE = """
CREATE VIRTUAL TABLE {kind}_search USING fts5(terms, tokenize='ascii');
INSERT INTO {kind}_search({kind}_search, rank) VALUES('secure-delete', 1);
CREATE TRIGGER {kind}_search_gone AFTER DELETE ON {kind}s BEGIN DELETE FROM {kind}_search WHERE rowid = old.id; END
"""
_POSTGRES = """
CREATE TABLE {kind}_search (id BIGINT PRIMARY KEY REFERENCES {kind}s (id) ON DELETE CASCADE, terms TSVECTOR NOT NULL);
CREATE INDEX ix_{kind}_search_terms ON {kind}_search USING gin (terms)
"""
_INSERT = {
    "sqlite": "INSERT INTO {kind}_search (rowid, terms) VALUES (:id, :terms)",
    # The terms are ready: PostgreSQL's own parser, which depends on the locale, is not asked.
    "postgresql": "INSERT INTO {kind}_search (id, terms) VALUES (:id, array_to_tsvector(string_to_array(:terms, ' ')))",
}
_MATCH = {
    "sqlite": "SELECT rowid AS id, -bm25({kind}_search) AS score FROM {kind}_search WHERE {kind}_search MATCH :query",
    "postgresql": (
        "SELECT id, ts_rank(terms, CAST(:query AS tsquery)) AS score FROM {kind}_search "
        "WHERE terms @@ CAST(:query AS tsquery)"
    ),
}


_NEWEST = {
    "sqlite": (
        "SELECT rowid FROM message_search WHERE message_search MATCH :query AND rowid > :above AND rowid < :below "
        "ORDER BY rowid DESC LIMIT :limit"
    ),
    "postgresql": (
        "SELECT id FROM message_search WHERE terms @@ CAST(:query AS tsquery) AND id > :above AND id < :below "
        "ORDER BY id DESC LIMIT :limit"
    ),
}
_MATCH_IDS = {
    "sqlite": "SELECT rowid FROM {kind}_search WHERE {kind}_search MATCH :terms_wanted",
    "postgresql": "SELECT id FROM {kind}_search WHERE terms @@ CAST(:terms_wanted AS tsquery)",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A row that has every term of the query. Scores compare within one answer only; higher is better."""

    id: int
    score: float


def create_statements(dialect: str) -> list[str]:
    """What the first migration runs to make both search tables."""
    script = _SQLITE if dialect == "sqlite" else _POSTGRES
    return [part.strip() for kind in ("message", "transcript") for part in _parts(script.format(kind=kind))]


def add_terms(connection: Connection, kind: Kind, documents: Sequence[tuple[int, str]]) -> None:
    """Makes (row id, text) findable, in the caller's transaction."""
    rows = [{"id": row_id, "terms": document_terms(body)} for row_id, body in documents]
    if rows:
        connection.execute(text(_INSERT[connection.dialect.name].format(kind=kind)), rows)


def find(connection: Connection, kind: Kind, query: str, limit: int, visible: str = "1=1") -> list[Found]:
    """Best first. The last word may be unfinished. `visible` is SQL of ours over `id`, never a user's text."""
    terms = query_terms(query)
    if not terms or limit < 1:
        return []
    dialect = connection.dialect.name
    match = _MATCH[dialect].format(kind=kind)
    # Materialized, or SQLite asks the search table once for every visible row.
    rows = connection.execute(
        text(
            f"WITH hits AS MATERIALIZED ({match}) SELECT id, score FROM hits WHERE {visible} "  # noqa: S608 - constants only; values are bound
            "ORDER BY score DESC, id DESC LIMIT :limit"
        ),
        {"query": _query(dialect, terms), "limit": limit},
    )
    return [Found(row.id, row.score) for row in rows]


def newest(connection: Connection, words: Words, *, above: int, below: int, limit: int) -> list[int]:
    """Ids of live messages in (above, below) that have the terms of `words`, newest first; phrases are not looked at.

    It stops at the limit, so a word that stands in every second message costs no more than a rare one.
    """
    dialect = connection.dialect.name
    given = {"query": words_query(dialect, words), "above": above, "below": below, "limit": limit}
    return list(connection.execute(text(_NEWEST[dialect]), given).scalars())


def holding(connection: Connection, words: Words, ids: Sequence[int]) -> set[int]:
    """Which of these live messages have the terms of `words`; for a few thousand at a time."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        statement = text("SELECT id FROM message_search WHERE id IN :ids AND terms @@ CAST(:query AS tsquery)")
        given: dict[str, object] = {"query": words_query(dialect, words)}
    else:
        # Each message's few terms are read as they stand: a MATCH would walk the word's whole list for each of them.
        wanted = {f"t{n}": f" {term} " for n, term in enumerate(words.terms)}
        begun = {} if words.unfinished is None else {"last": f" {words.unfinished}"}
        given = {**wanted, **begun}
        tests = "".join(f" AND instr(' ' || terms || ' ', :{name}) > 0" for name in given)
        statement = text(f"SELECT rowid FROM message_search WHERE rowid IN :ids{tests}")  # noqa: S608 - names of ours; values are bound
    return set(
        connection.execute(statement.bindparams(bindparam("ids", expanding=True)), {**given, "ids": ids}).scalars()
    )


def words_query(dialect: str, words: Words) -> str:
    """In the database's own query language. Terms hold no ASCII but letters and digits, so quoting them is enough."""
    if dialect == "sqlite":
        begun = [] if words.unfinished is None else [f'"{words.unfinished}" *']
        return " AND ".join([*(f'"{term}"' for term in words.terms), *begun])
    begun = [] if words.unfinished is None else [f"'{words.unfinished}':*"]
    return " & ".join([*(f"'{term}'" for term in words.terms), *begun])


def matching_ids(connection: Connection, kind: Kind, terms: Sequence[str]) -> TextClause:
    """Ids of the rows that have every term (`storage.terms.query_terms`, at least one), for an IN."""
    dialect = connection.dialect.name
    match = _MATCH_IDS[dialect].format(kind=kind)
    return text(match).bindparams(terms_wanted=_query(dialect, terms))


def transcript_text(transcript: Transcript) -> str:
    """What a past conversation is found by: its topic, tags and every turn."""
    return "\n".join([transcript.topic or "", *transcript.tags, *(turn.text for turn in transcript.turns)])


def overlap(body: str, terms: Sequence[str]) -> int:
    """How many of the query's terms a text has: which turn to show for a hit."""
    words = document_terms(body).split(" ")
    return len(set(terms) & set(words)) + any(word.startswith(terms[-1]) for word in words)


def _query(dialect: str, terms: Sequence[str]) -> str:
    # Terms hold no ASCII but letters and digits, so quoting them is enough for either query language.
    if dialect == "sqlite":
        return " AND ".join(f'"{term}"' for term in terms) + " *"
    return " & ".join(f"'{term}'" for term in terms) + ":*"


def _parts(script: str) -> list[str]:
    return [part for part in script.strip().split(";\n") if part]
