"""A store full of made-up conversations for `chatbot bench desk`; must not know what is measured on it.

Word frequencies follow Zipf's law (rank + 2.7)^-1.05 over 30,000 words a language; the commonest are real ones. Conversations
overlap in time as in life: messages are numbered by the moment they were written, not by conversation.
"""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.bench_desk_sources import PASSAGE, SOURCE, TRANSCRIPT, imported, passages, sources, transcripts
from scripts.options import ProgressSink, silent, tracked
from storage.opening import Store
from storage.tables import Rows
from storage.terms import document_terms

BEGAN = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
SPAN_S = 600 * 86_400
PER_CONVERSATION = 8.4
LANGUAGES = ("en", "de", "es", "fr", "zh")
SHARES = (0.55, 0.18, 0.11, 0.09, 0.07)
AGENTS, TEAMS, TAGS = 30, 4, 60
STATUSES = (("bot", 0.30), ("closed", 0.685), ("waiting", 0.005), ("human", 0.01))
REASONS = (
    ("precedent", "answer", 0.55),
    ("greeting", "small_talk", 0.10),
    ("near", "ask_back", 0.08),
    ("nothing_fits", "hand_over", 0.10),
    ("not_sure", "hand_over", 0.08),
    ("customer_asked", "hand_over", 0.07),
    ("no_knowledge", "hand_over", 0.018),
    ("attack", "hand_over", 0.002),
)
_REFUSED = [n for n, (reason, *_) in enumerate(REASONS) if reason in {"nothing_fits", "not_sure", "no_knowledge"}]
_DECISIONS = 100
_CHUNK = 20_000
_ASIDE = 0.25  # of what agents write, and the system says of them, is no message to the customer
_COMMON = {
    "en": "the to i my is a you it and of for on in not have your order that we can please this be with will are do was "
    "how if me delivery when return from but has day as refund at size where no what so received email tracking",
    "de": "die ich sie der und das ist es in nicht zu wir den mit meine für bitte von auf bestellung haben ein kann wie "
    "lieferung rückgabe danke wann paket noch eine",
    "es": "de la que el mi en no es por un pedido para una con se lo su y gracias cuando puedo envío devolución como",
    "fr": "de je la le vous et ma commande est pas les que pour en un une merci mon avec livraison quand retour bonjour",
}
_SYLLABLES = ["".join(pair) for pair in itertools.product("bcdfghklmnrst", "aeio")]
_HAN = 3000

Columns = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filled:
    """What was put in, and what it took. `fragment` of a text that occurs: a phrase to search for, by how frequent it is."""

    conversations: int
    messages: int
    seconds: float
    words: Mapping[str, str]


def fill(store: Store, messages: int, seed: int = 3, *, progress: ProgressSink = silent) -> Filled:
    """Writes about `messages` messages and all that hangs on them, in commits of 20,000 rows, through the store's writer."""
    started, draw = time.perf_counter(), np.random.default_rng(seed)
    plan = _plan(draw, messages)
    store.database.write(_people).result()
    _insert(store, "conversations", _conversations(plan), _CONVERSATION)
    chunks = range(0, len(plan["conversation"]), _CHUNK)
    for at in tracked(chunks, f"chunks of {_CHUNK} messages", progress):
        rows = list(_messages(plan, range(at, min(at + _CHUNK, len(plan["conversation"])))))
        _insert(store, "messages", rows, "id conversation_id seq role text created_at user_id")
        terms = [(row[0], document_terms(row[4])) for row in rows]
        _insert(store, "message_search", terms, "rowid terms")
    progress("what hangs on messages", 0, 0)
    _insert(store, "replies", _replies(plan), _REPLY)
    store.database.write(imported).result()
    _insert(store, "transcripts", transcripts(), TRANSCRIPT)
    _insert(store, "passages", passages(), PASSAGE)
    answers = np.flatnonzero((plan["role"] == "bot") & (plan["reason"] == 0)) + 1
    _insert(store, "reply_sources", sources(draw, answers), SOURCE)
    _insert(store, "feedback", _feedback(plan), "message_id thumb created_at")
    _insert(
        store, "handovers", _handovers(plan), "conversation_id asked_at reason taken_at user_id ended_at ended contact"
    )
    _insert(store, "conversation_tags", _tags(plan), "conversation_id tag")
    _insert(store, "verdicts", _verdicts(plan), "message_id verdict agent created_at")
    _decide(store, plan)
    words = {
        size: plan["vocabulary"]["en"][rank] for size, rank in (("frequent", 20), ("medium", 300), ("rare", 20_000))
    }
    return Filled(len(plan["key"]), len(plan["conversation"]), time.perf_counter() - started, words)


def _people(connection: Any) -> None:
    tables = Rows.metadata.tables
    teams = [{"id": n + 1, "name": f"Team {n + 1}", "languages": [], "created_at": BEGAN} for n in range(TEAMS)]
    connection.execute(tables["teams"].insert(), teams)
    rest = {"role": "agent", "created_at": BEGAN}
    people = [
        {"id": n + 1, "email": f"agent{n}@example.org", "name": f"Agent {n}", "team_id": n % TEAMS + 1, **rest}
        for n in range(AGENTS)
    ]
    connection.execute(tables["users"].insert(), people)


_CONVERSATION = (
    "id owner status language handover_reason agent rating created_at updated_at last_seq waiting_since team_id user_id mood "
    "closed_at"
)
_REPLY = (
    "message_id conversation_id answers_seq action reason confidence offered mode language partial quick_replies timings_ms "
    "first_ms query agreement checks degraded"
)


def _plan(draw: np.random.Generator, messages: int) -> dict[str, Any]:
    """Every choice that more than one table depends on, as arrays: by conversation, then by message in order of time."""
    count = max(8, round(messages / PER_CONVERSATION))
    lengths = np.clip(draw.geometric(1 / (PER_CONVERSATION - 1), count) + 1, 2, 60)
    starts = np.sort(draw.integers(0, SPAN_S, count))
    owner = np.repeat(np.arange(count), lengths)
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    seq = np.arange(len(owner)) - np.repeat(first, lengths) + 1
    gaps = draw.exponential(90, len(owner)) * (1 + 40 * (draw.random(len(owner)) < 0.02))
    total = np.cumsum(gaps)
    moment = starts[owner] + total - np.repeat(total[first], lengths)
    order = np.argsort(moment, kind="stable")
    status = _pick(draw, STATUSES, count)
    waits = (status == "waiting") | (status == "human") | (draw.random(count) < 0.2)
    vocabulary = {language: _vocabulary(draw, language) for language in LANGUAGES}
    role = np.where(seq % 2 == 1, "customer", "bot")
    human = waits[owner] & (seq > np.maximum(3, lengths[owner] // 2)) & (role == "bot")
    colleague = np.where(draw.random(len(owner)) < _ASIDE, draw.choice(["system", "note"], len(owner)), "agent")
    reasons = draw.choice(len(REASONS), len(owner), p=[share for *_, share in REASONS])
    return {
        "draw": draw,
        "vocabulary": vocabulary,
        "key": [f"{secret:08x}-bench-{n:07d}" for n, secret in enumerate(draw.integers(0, 2**32, count))],
        "length": lengths,
        "start": starts,
        "end": np.maximum.reduceat(moment, first),
        "status": status,
        "waits": waits,
        "agent": draw.integers(1, AGENTS + 1, count),
        "language": draw.choice(LANGUAGES, count, p=SHARES),
        "rating": np.where(
            draw.random(count) < 0.15, draw.choice([1, 2, 3, 4, 5], count, p=[0.1, 0.05, 0.1, 0.25, 0.5]), 0
        ),
        "team": np.where(draw.random(count) < 0.5, draw.integers(1, TEAMS + 1, count), 0),
        "conversation": owner[order],
        "seq": seq[order],
        "moment": moment[order],
        "role": np.where(human, colleague, role)[order],
        "reason": reasons[order],
    }


def _vocabulary(draw: np.random.Generator, language: str) -> list[str]:
    """Words by falling frequency."""
    if language == "zh":
        return [chr(0x4E00 + int(n)) for n in draw.permutation(_HAN)]
    known = dict.fromkeys(_COMMON[language].split())
    while len(known) < 30_000:
        parts = draw.integers(0, len(_SYLLABLES), (4_000, 5))
        sizes = draw.integers(2, 6, 4_000)
        known |= dict.fromkeys(
            "".join(_SYLLABLES[n] for n in row[:size]) for row, size in zip(parts, sizes, strict=True)
        )
    return list(known)[:30_000]


def _conversations(plan: Columns) -> Iterator[tuple[Any, ...]]:
    for n, key in enumerate(plan["key"]):
        status, waits, agent = str(plan["status"][n]), bool(plan["waits"][n]), int(plan["agent"][n])
        taken = status == "human" or (waits and status == "closed")
        ended = _at(plan["end"][n])
        yield (
            key, f"owner-{n % 90_000}", status, str(plan["language"][n]), "nothing_fits" if waits else None,
            f"Agent {agent - 1}" if taken else None, int(plan["rating"][n]) or None, _at(plan["start"][n]), ended,
            int(plan["length"][n]), ended if status == "waiting" else None, int(plan["team"][n]) or None,
            agent if taken else None, None, ended if status == "closed" else None,
        )  # fmt: skip


def _messages(plan: Columns, which: range) -> Iterator[tuple[Any, ...]]:
    draw: np.random.Generator = plan["draw"]
    sizes = {"customer": 11, "bot": 26, "agent": 18, "note": 12, "system": 4}
    for at in which:
        owner, role = int(plan["conversation"][at]), str(plan["role"][at])
        language = str(plan["language"][owner])
        count = int(np.clip(draw.lognormal(np.log(sizes[role]), 0.7), 1, 150))
        words = plan["vocabulary"][language]
        ranks = np.minimum(_zipf(len(words)).searchsorted(draw.random(count)), len(words) - 1)
        text = ("" if language == "zh" else " ").join(words[rank] for rank in ranks)
        user = int(plan["agent"][owner]) if role == "agent" else None
        yield at + 1, plan["key"][owner], int(plan["seq"][at]), role, text, _at(plan["moment"][at]), user


_shares: dict[int, Any] = {}


def _zipf(size: int) -> Any:
    """Cumulative shares of the words by rank."""
    if size not in _shares:
        weights = (np.arange(size) + 2.7) ** -1.05
        _shares[size] = np.cumsum(weights) / weights.sum()
    return _shares[size]


def _replies(plan: Columns) -> Iterator[tuple[Any, ...]]:
    draw: np.random.Generator = plan["draw"]
    for at in np.flatnonzero(plan["role"] == "bot"):
        reason, action, _ = REASONS[int(plan["reason"][at])]
        owner = int(plan["conversation"][at])
        searched = action != "small_talk"
        mode = "fixed" if action != "answer" else ("adapted" if draw.random() < 0.01 else "precedent")
        confidence = round(float(draw.beta(5, 2) if action == "answer" else draw.beta(2, 4)), 4) if searched else 1.0
        query = f"question {int(draw.zipf(1.4)) % 4000} about order" if searched else None
        agreement = round(float(draw.beta(4, 2)), 4) if searched else None
        yield (
            int(at) + 1, plan["key"][owner], int(plan["seq"][at]) - 1, action, reason, confidence, False, mode,
            str(plan["language"][owner]), False, "[]", *_timings(draw), query, agreement, "[]", "[]",
        )  # fmt: skip


def _timings(draw: np.random.Generator) -> tuple[str, float]:
    """Milliseconds as a reply keeps them, and those to the first words again."""
    search, first = draw.gamma(4, 6), round(draw.gamma(3, 60), 2)
    return f'{{"understand": 2.1, "search": {search:.2f}, "decide": 0.04, "compose": 0.14, "first": {first}}}', first


def _feedback(plan: Columns) -> Iterator[tuple[Any, ...]]:
    draw: np.random.Generator = plan["draw"]
    bots = np.flatnonzero(plan["role"] == "bot")
    for at in bots[draw.random(len(bots)) < 0.04]:
        yield int(at) + 1, -1 if draw.random() < 0.3 else 1, _at(plan["moment"][at])


def _handovers(plan: Columns) -> Iterator[tuple[Any, ...]]:
    for n in np.flatnonzero(plan["waits"]):
        status, end = str(plan["status"][n]), _at(plan["end"][n])
        taken = status in {"human", "closed"}
        over = status in {"closed", "bot"}
        yield (
            plan["key"][n], end, "nothing_fits", end if taken else None, int(plan["agent"][n]) if taken else None,
            end if over else None, ("closed" if status == "closed" else "customer") if over else None, False,
        )  # fmt: skip


def _tags(plan: Columns) -> Iterator[tuple[Any, ...]]:
    draw: np.random.Generator = plan["draw"]
    for key in plan["key"]:
        if draw.random() < 0.4:
            for tag in {min(int(n), TAGS) for n in draw.zipf(1.5, int(draw.integers(1, 3)))}:
                yield key, f"tag {tag}"


def _verdicts(plan: Columns) -> Iterator[tuple[Any, ...]]:
    draw: np.random.Generator = plan["draw"]
    bots = np.flatnonzero(plan["role"] == "bot")
    for at in bots[draw.random(len(bots)) < 0.01]:
        yield int(at) + 1, "right", "Agent 1", _at(plan["moment"][at])


def _decide(store: Store, plan: Columns) -> None:
    """A hundred groups of refused questions were set aside, of about thirty each."""
    refused = np.flatnonzero((plan["role"] == "bot") & np.isin(plan["reason"], _REFUSED)) + 1
    chosen = plan["draw"].permutation(refused)[: _DECISIONS * 30]
    decisions = [(n + 1, "dismissed", "Agent 1", _at(SPAN_S)) for n in range(_DECISIONS)]
    _insert(store, "gap_decisions", decisions, "id kind agent created_at")
    covered = [(int(message), n % _DECISIONS + 1) for n, message in enumerate(chosen)]
    _insert(store, "gap_questions", covered, "message_id decision_id")


def _pick(draw: np.random.Generator, choices: Sequence[tuple[str, float]], count: int) -> Any:
    return draw.choice([name for name, _ in choices], count, p=[share for _, share in choices])


def _at(seconds: float) -> str:
    """As SQLite keeps a moment: UTC without a zone, microseconds."""
    moment = BEGAN + dt.timedelta(seconds=float(seconds))
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _insert(store: Store, table: str, rows: Any, columns: str) -> None:
    names = columns.split()
    source = iter(rows)
    while chunk := list(itertools.islice(source, _CHUNK)):
        store.database.write(_executing(table, names, chunk)).result()


def _hole(name: str) -> str:
    return "array_to_tsvector(string_to_array(%s, ' '))" if name == "terms" else "%s"


def _executing(table: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Callable[[Any], None]:
    def run(connection: Any) -> None:
        postgres = connection.dialect.name == "postgresql"
        if postgres:
            connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        columns = ["id" if postgres and name == "rowid" else f'"{name}"' for name in names]
        holes = [_hole(name) if postgres else "?" for name in names]
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(holes)})"  # noqa: S608 - our own names
        connection.exec_driver_sql(statement, rows)

    return run
