"""Customers whose every word is a canary, in every place that may hold one, and a search of a folder's bytes for them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import insert, select, update

from chatbot.retrieval.index import build_index
from chatbot.types import Action, Decision, Feedback, Mode, Provenance, Reply, Source
from storage.audit import COMMAND, Actor
from storage.desk_tables import HandoverRow, VerdictRow
from storage.ledger import Erasure, Ledger
from storage.lessons import Lesson
from storage.opening import Store
from storage.people import User
from storage.search import add_terms
from storage.tables import ConversationRow, MessageRow
from storage.taking import Hand
from tests.fakes_retrieval import FakeEmbedder, shop
from tests.staff import done

PLACES = (
    "said",
    "agent",
    "note",
    "contact",
    "rating",
    "comment",
    "asked",
    "answered",
    "window",
    "wrong",
    "example",
    "tag",
)


_CANARY = re.compile(rb"zq[a-z]+?\d{3}kx")


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer with one conversation. `words`: a canary for each of PLACES, none part of another."""

    owner: str
    conversation: str
    words: dict[str, str]


def make_customer(store: Store, admin: User, number: int, owner: str = "") -> Customer:
    """Everything that is kept of a customer, a canary in each place: messages, note, address, rating, feedback, tag, verdict,
    hand-over, a correction with its regression case and edit pair."""
    words = {place: f"zq{place}{number:03d}kx" for place in PLACES}
    owner = owner or f"owner-{number:03d}-hash"
    chat = done(store.conversations.create_conversation(owner, "en"))
    asked, _ = done(
        store.conversations.add_customer_message(chat.id, owner, f"Where is my {words['said']} Ünïque?", "m1")
    )
    reply = Reply(
        f"It is at the {words['wrong']}.",
        Decision(Action.ANSWER, "agreed", 0.7),
        Mode.PRECEDENT,
        "en",
        sources=(Source("p-shop", "c1", 1, "Where is it?", "There.", 0.5),),
        provenance=Provenance(query=f"where is my {words['said']}"),
    )
    said = done(store.conversations.add_reply(chat.id, reply, asked.seq))
    assert said is not None
    done(store.conversations.add_feedback(Feedback(chat.id, said.seq, -1, "wrong", words["comment"]), owner))
    done(store.conversations.rate(chat.id, owner, 2, words["rating"]))
    store.database.write(lambda c: _by_the_team(c, chat.id, admin, words)).result()
    hand = Hand(admin, Actor(admin.id, f"{admin.id} {admin.name}"), chat.id)
    done(store.desk.tag(hand, words["tag"]))  # the audited way: what it leaves behind is searched, too
    lesson = Lesson(
        question=f"Where is the {words['asked']}?",
        answer=f"Look behind the {words['answered']}.",
        language="en",
        window=f"customer: {words['window']}",
        turns=({"role": "customer", "text": words["asked"]},),
        wrong=words["wrong"],
    )
    done(store.corrections.correct(admin, COMMAND, (chat.id, said.seq), lesson, []))
    return Customer(owner, chat.id, words)


def ask_in_vain(store: Store, one: Customer) -> tuple[Customer, int]:
    """The customer with a second conversation, a refused question ("gap"); and the refusal's id."""
    number = one.words["said"][-5:-2]
    words = {place: f"zq{place}{number}kx" for place in ("gap", "filled")}
    conversation = done(store.conversations.create_conversation(one.owner, "en")).id
    question = f"Do you rent {words['gap']}?"
    asked, _ = done(store.conversations.add_customer_message(conversation, one.owner, question, "m1"))
    decision = Decision(Action.HAND_OVER, "nothing_fits", 0.1)
    refusal = Reply("I ask a colleague.", decision, Mode.FIXED, "en", provenance=Provenance(query=question))
    said = done(store.conversations.add_reply(conversation, refusal, asked.seq))
    assert said is not None
    refused = select(MessageRow.id).where(MessageRow.conversation_id == conversation, MessageRow.seq == said.seq)
    reply = store.database.read(lambda c: int(c.execute(refused).scalar_one())).result()
    return replace(one, conversation=conversation, words=one.words | words), reply


def write_answer(store: Store, admin: User, one: Customer, refused: int) -> str:
    """The answer to it ("filled"); the passage's id."""
    question = f"Do you rent {one.words['gap']}?"
    lesson = Lesson(question, f"We rent {one.words['filled']}.", "en", f"customer: {question}")
    return done(store.gaps.answer(admin, COMMAND, [refused], lesson, refused)).passage_id


def fill_gap(store: Store, admin: User, one: Customer) -> Customer:
    """The customer with a second conversation: a refused question ("gap") and the answer that was written to it ("filled")."""
    one, refused = ask_in_vain(store, one)
    write_answer(store, admin, one, refused)
    return one


def _by_the_team(connection: Any, conversation: str, admin: User, words: dict[str, str]) -> None:
    now = datetime.now(UTC)
    for seq, role in ((3, "agent"), (4, "note")):
        row = {"conversation_id": conversation, "seq": seq, "role": role, "text": words[role], "created_at": now}
        made = connection.execute(insert(MessageRow).values(**row, author="Ann").returning(MessageRow.id)).scalar_one()
        add_terms(connection, "message", [(made, words[role])])
    mine = ConversationRow.id == conversation
    contact = f"{words['contact']}@example.org"
    connection.execute(
        update(ConversationRow).where(mine).values(contact=contact, last_seq=4, mood=-0.5, status="closed")
    )
    connection.execute(
        insert(HandoverRow).values(conversation_id=conversation, asked_at=now, reason="asked", contact=True)
    )
    bot = connection.execute(
        select(MessageRow.id).where(MessageRow.conversation_id == conversation, MessageRow.seq == 2)
    ).scalar_one()
    connection.execute(
        insert(VerdictRow).values(message_id=bot, verdict="wrong", agent="Ann", created_at=now, user_id=admin.id)
    )


def write_examples(data: Path, customers: Sequence[Customer]) -> None:
    """Training files of every kind with an example of each customer among those of others, and an export."""
    (data / "datasets" / "v1").mkdir(parents=True)
    (data / "exports").mkdir()
    rows = [{"conversation_id": one.conversation, "text": one.words["example"]} for one in customers]
    rows += [{"conversation_id": f"stays-{number}", "text": f"stays {number}"} for number in range(20)]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (data / "datasets" / "v1" / "train.jsonl").write_bytes(lines)
    (data / "datasets" / "v1" / "more.jsonl.gz").write_bytes(gzip.compress(lines))
    pq.write_table(pa.Table.from_pylist(rows), data / "datasets" / "v1" / "train.parquet", row_group_size=8)
    csv = "conversation_id,text\r\n" + "".join(f'{row["conversation_id"]},"{row["text"]}"\r\n' for row in rows)
    (data / "exports" / "chats.csv").write_text(csv, encoding="utf-8")


def erased_meanwhile(data: Path, *places: tuple[str, str]) -> None:
    """What another process that erased these (source, id) left in the ledger, when it had swept what copies there were."""
    ledger, number = Ledger(data), len(Ledger(data).entries())
    sources = tuple(dict.fromkeys(source for source, _ in places))
    now = datetime.now(UTC)
    intent = Erasure(f"r{number}", "intent", "transcript", "request", "", now, ledger.marks(places), sources)
    ledger.append(intent)
    ledger.append(replace(intent, step="done", marks=(), sources=()))


def index(store: Store, folder: Path, embedder: FakeEmbedder) -> None:
    """Two versions that hold every correction, the older one with an old wording beside."""
    passages = [replace(one, language="en") for one, _ in store.to_index()]
    build_index([*shop(), *passages[:-1]], embedder, folder)
    build_index([*shop(), *passages], embedder, folder)


def traces(data: Path, words: Iterable[str]) -> set[tuple[str, str]]:
    """(file, canary) for every canary in any file's bytes, in any case: UTF-8, UTF-16 of both orders, and within gzip."""
    wanted = set(words)
    found = set()
    for path in sorted(path for path in data.rglob("*") if path.is_file() and path.name != "ballast"):
        body = path.read_bytes()
        if path.suffix == ".gz":
            body += gzip.decompress(body)
        low = body.lower()
        seen = {each.decode() for each in _CANARY.findall(low) + _CANARY.findall(low.replace(b"\0", b""))}
        found |= {(str(path.relative_to(data)), word) for word in seen & wanted}
    return found
