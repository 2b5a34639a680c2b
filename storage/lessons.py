"""The four effects of a correction and their undo, each in the caller's transaction. Must not know how texts are masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, true, update

from chatbot.errors import BadInput, Conflict, NotFound
from chatbot.types import CORRECTION, Passage, Reply, Role, Transcript, Turn
from storage import desk_lists, judgements, retiring, superseding
from storage.audit import Actor, record
from storage.checks import check_values
from storage.desk_tables import (
    CorrectionRow,
    EditPairRow,
    RegressionCaseRow,
    RetirementRow,
)
from storage.importing import finished_import
from storage.people import User
from storage.retiring import Writer, count_change, writer_of
from storage.staging import prepare, write_staged
from storage.tables import ConversationRow, MessageRow
from storage.visibility import seen_by

NO_REPLY = "There is no such reply of the assistant in this conversation."
LONGEST = 8000  # characters of a question or an answer


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a person teaches, personal data masked.

    question: as it stands alone. window: the last turns up to it, as a passage's. turns: the conversation up to the question,
    as `chatbot ask --file` reads it. wrong: what the bot said; empty where it said nothing. topic: None takes it from what is
    replaced.
    """

    question: str
    answer: str
    language: str
    window: str
    turns: tuple[Mapping[str, str], ...] = ()
    wrong: str = ""
    topic: str | None = None


def check(lesson: Lesson) -> None:
    """Raises BadInput for what cannot be an answer."""
    check_values([lesson.question, lesson.answer, lesson.window, lesson.wrong, lesson.language], "answer")
    for what, text in (("question", lesson.question), ("answer", lesson.answer)):
        if not text.strip():
            raise BadInput(f"The {what} is empty; write it down.")
        if len(text) > LONGEST:
            raise BadInput(f"The {what} has {len(text)} characters; please keep it to {LONGEST}.")
    if lesson.answer.strip() == lesson.wrong.strip():
        raise BadInput("This is what the assistant said already; change it before you save.")


def correct(
    connection: Connection,
    user: User,
    actor: Actor,
    place: tuple[str, int],
    lesson: Lesson,
    supersede: Sequence[str] | None,
) -> Row[Any]:
    """See `Corrections.correct`."""
    by = writer_of(user)
    count_change(connection)
    conversation_id, seq = place
    reply, message_id = _wrong_reply(connection, user, conversation_id, seq)
    if (first := standing(connection, conversation_id, seq)) is not None:
        raise Conflict(f"{first.agent} has corrected this reply already; look at that answer, or undo it first.")
    replaced = superseding.with_same_words(connection, superseding.chosen(reply, supersede))
    lesson = replace(lesson, topic=lesson.topic or superseding.topic_of(connection, replaced))
    row = _add(
        connection,
        by,
        lesson,
        {"kind": "correction", "message_id": message_id, "conversation_id": conversation_id, "replaced": replaced}
        | {"before": judgements.judgement(connection, message_id)},
    )
    _teach(connection, row, lesson)
    judgements.judge(connection, row, by, reply.decision)
    record(
        connection,
        actor,
        "correction.add",
        f"conversation:{conversation_id}",
        {"correction": row.id, "seq": seq, "replaced": replaced},
    )
    return row


def write(connection: Connection, user: User, actor: Actor, lesson: Lesson, replaces: str | None) -> Row[Any]:
    """See `Corrections.write`."""
    by = writer_of(user)
    count_change(connection)
    if replaces:
        superseding.check_in_use(connection, replaces)
    replaced = superseding.with_same_words(connection, [replaces]) if replaces else []
    row = _add(connection, by, lesson, {"kind": "edit" if replaces else "gap", "replaced": replaced, "before": {}})
    _teach(connection, row, lesson)
    action = "knowledge.edit" if replaces else "knowledge.add"
    record(connection, actor, action, f"passage:{replaces or row.passage_id}", {"correction": row.id})
    return row


def fill(connection: Connection, user: User, actor: Actor, lesson: Lesson, asked_in: str, about: str) -> Row[Any]:
    """A new answer to questions that had none. asked_in: the conversation whose words the lesson's question holds."""
    by = writer_of(user)
    count_change(connection)
    values = {"kind": "gap", "conversation_id": asked_in, "replaced": [], "before": {}}
    row = _add(connection, by, lesson, values)
    _teach(connection, row, lesson)
    detail = {"correction": row.id, "about": about}
    record(connection, actor, "knowledge.add", f"passage:{row.passage_id}", detail)
    return row


def undo(connection: Connection, user: User, actor: Actor, correction_id: int) -> Row[Any]:
    """See `Corrections.undo`."""
    by = writer_of(user)
    count_change(connection)
    row = _undoable(connection, user, correction_id)
    judgements.take_back(connection, row)
    retiring.lift(connection, RetirementRow.correction_id == row.id, by)
    retiring.retire(connection, [row.passage_id], by, datetime.now(UTC))
    for table in (RegressionCaseRow, EditPairRow):
        connection.execute(delete(table).where(table.correction_id == row.id))
    record(
        connection,
        actor,
        "correction.undo",
        f"passage:{row.passage_id}",
        {"correction": row.id, "given_back": list(row.replaced)},
    )
    return _change(connection, row.id, {"undone_at": datetime.now(UTC), "undone_by": by.name})


def undoable_by(user: User) -> ColumnElement[bool]:
    """Which corrections the user may take back: the own ones and those of conversations in sight, an admin all."""
    if user.is_admin:
        return true()
    visible = select(ConversationRow.id).where(seen_by(user))
    return or_(CorrectionRow.user_id == user.id, CorrectionRow.conversation_id.in_(visible))


def standing(connection: Connection, conversation_id: str, seq: int) -> Row[Any] | None:
    """The correction of a reply that has not been undone."""
    return connection.execute(
        select(CorrectionRow.__table__)
        .join(MessageRow, MessageRow.id == CorrectionRow.message_id)
        .where(MessageRow.conversation_id == conversation_id, MessageRow.seq == seq, CorrectionRow.undone_at.is_(None))
    ).one_or_none()


# --- adding ----------------------------------------------------------------------------------------------


def _wrong_reply(connection: Connection, user: User, conversation_id: str, seq: int) -> tuple[Reply, int]:
    # Held first: an erasure of the conversation comes before, and it is not found, or sees what is written here.
    held = select(ConversationRow.id).where(ConversationRow.id == conversation_id)
    connection.execute(held.with_for_update(read=True, key_share=True)).all()
    found = desk_lists.messages(connection, user, conversation_id, seq - 1, 1)
    if not found or found[0].seq != seq or found[0].reply is None:
        raise NotFound(NO_REPLY)
    message_id = connection.execute(
        select(MessageRow.id).where(MessageRow.conversation_id == conversation_id, MessageRow.seq == seq)
    ).scalar_one()
    return found[0].reply, message_id


def _add(connection: Connection, by: Writer, lesson: Lesson, values: Mapping[str, Any]) -> Row[Any]:
    """The correction's row, its transcript and passage; and what it replaces goes."""
    now = datetime.now(UTC)
    texts = {"language": lesson.language, "question": lesson.question, "answer": lesson.answer}
    who = {"user_id": by.user_id, "agent": by.name, "created_at": now, "passage_id": ""}
    made = connection.execute(
        insert(CorrectionRow).values(**texts, **who, **values).returning(CorrectionRow.id)
    ).scalar_one()
    name = f"{CORRECTION}-{made}"
    passage = Passage(
        id=name,
        conversation_id=name,
        turn_id=1,
        language=lesson.language,
        question=lesson.question,
        window=lesson.window,
        answer=lesson.answer,
        source=CORRECTION,
        topic=lesson.topic,
        resolved_at=now,
        last_seen=now,
    )
    turns = (Turn(Role.CUSTOMER, lesson.question, now), Turn(Role.AGENT, lesson.answer, now, by.name))
    transcript = Transcript(name, CORRECTION, turns, language=lesson.language, topic=lesson.topic)
    write_staged(connection, finished_import(connection, CORRECTION), [prepare(transcript, [passage])])
    retiring.retire(connection, values["replaced"], by, now, made)
    return _change(connection, made, {"passage_id": name})


def _teach(connection: Connection, row: Row[Any], lesson: Lesson) -> None:
    key = {"correction_id": row.id, "created_at": row.created_at}
    turns = [dict(turn) for turn in lesson.turns] or [{"role": Role.CUSTOMER.value, "text": lesson.question}]
    case = key | {"turns": turns, "expected": lesson.answer, "wrong": lesson.wrong}
    connection.execute(insert(RegressionCaseRow).values(case))
    if lesson.wrong:
        pair = key | {"window": lesson.window, "rejected": lesson.wrong, "chosen": lesson.answer}
        connection.execute(insert(EditPairRow).values(pair))


# --- undoing ---------------------------------------------------------------------------------------------


def _undoable(connection: Connection, user: User, correction_id: int) -> Row[Any]:
    query = select(CorrectionRow.__table__).where(CorrectionRow.id == correction_id, undoable_by(user))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("There is no such correction.")
    if row.undone_at is not None:
        raise Conflict(f"{row.undone_by} has undone this already.")
    later = connection.execute(
        select(CorrectionRow.agent)
        .join(RetirementRow, RetirementRow.correction_id == CorrectionRow.id)
        .where(RetirementRow.passage_id == row.passage_id, RetirementRow.lifted_at.is_(None))
    ).first()
    if later is not None:
        raise Conflict(f"{later.agent} has replaced this answer since; undo that first.")
    return row


def _change(connection: Connection, correction_id: int, values: Mapping[str, Any]) -> Row[Any]:
    changed = update(CorrectionRow).where(CorrectionRow.id == correction_id).values(dict(values))
    return connection.execute(changed.returning(*CorrectionRow.__table__.c)).one()
