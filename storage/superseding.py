"""Which passages a correction takes out: those that gave a reply its words, and the same words elsewhere. Knows no verdicts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select
from sqlalchemy.orm import aliased

from chatbot.errors import BadInput, Conflict, NotFound
from chatbot.types import CORRECTION, Mode, Reply
from storage import retiring
from storage.desk_tables import CorrectionRow, RetirementRow
from storage.staging import is_live
from storage.tables import PassageRow, TranscriptRow

_TELLING = 60  # characters from which on the same words mean the same, whatever was asked; "Yes, you can." does not
_other = aliased(PassageRow)


def chosen(reply: Reply, supersede: Sequence[str] | None) -> list[str]:
    """The passages to retire. Raises BadInput for one that the reply does not come from."""
    if supersede is None:
        return said_by(reply)
    foreign = set(supersede) - {source.passage_id for source in reply.sources}
    if foreign:
        raise BadInput("Only answers that this reply comes from can be superseded with it; reload the page.")
    return list(dict.fromkeys(supersede))


def said_by(reply: Reply) -> list[str]:
    """The sources that gave a reply its words: those in which one of its paragraphs stands, the best where none can be told; a
    reworded reply comes from all. None for a fixed sentence.
    """
    if reply.mode is Mode.FIXED:
        return []
    paragraphs = [part.strip() for part in reply.text.split("\n\n") if part.strip()]
    if reply.mode is not Mode.PRECEDENT:
        return list(dict.fromkeys(source.passage_id for source in reply.sources))
    used = [source.passage_id for source in reply.sources if any(_shares(part, source.answer) for part in paragraphs)]
    return list(dict.fromkeys(used)) or [source.passage_id for source in reply.sources[:1]]


def _shares(paragraph: str, answer: str) -> bool:
    """One sentence of the paragraph stands in the answer word for word; filled placeholders cost their own sentence only."""
    sentences = [part.strip() for part in paragraph.replace("。", "。 ").replace("! ", ". ").split(". ")]
    return paragraph in answer or any(len(part) >= 12 and part.rstrip(".") in answer for part in sentences)


def check_in_use(connection: Connection, passage_id: str) -> None:
    """Raises Conflict, naming who has replaced the passage, NotFound for one that is not in use."""
    if retiring.current(connection, [passage_id]):
        return
    replaced = connection.execute(
        select(CorrectionRow.agent, CorrectionRow.replaced)
        .join(RetirementRow, RetirementRow.correction_id == CorrectionRow.id)
        .where(RetirementRow.passage_id == passage_id, RetirementRow.lifted_at.is_(None))
    ).first()
    if replaced is not None:
        raise Conflict(f"{replaced.agent} has replaced this answer meanwhile; look at the new one.")
    raise NotFound("There is no such answer in use; it may have been retired or imported anew.")


def with_same_words(connection: Connection, passages: Sequence[str]) -> list[str]:
    """The passages and all in use that give the same answer word for word under other questions, as a help centre's entry may."""
    rows = connection.execute(_same_words(passages).with_only_columns(_other.passage_id).order_by(_other.id))
    return list(dict.fromkeys((*passages, *rows.scalars())))


def copies(connection: Connection, passages: Collection[str]) -> dict[str, int]:
    """Under how many other questions the words of each passage stand; without those that stand once."""
    counted = _same_words(passages).with_only_columns(PassageRow.passage_id, func.count(_other.passage_id.distinct()))
    return {name: int(count) for name, count in connection.execute(counted.group_by(PassageRow.passage_id))}


def topic_of(connection: Connection, passages: Sequence[str]) -> str | None:
    """The topic of passages that are filed under one."""
    query = (
        select(PassageRow.topic).where(PassageRow.passage_id.in_(passages), PassageRow.topic.is_not(None)).distinct()
    )
    topics = connection.execute(query).scalars().all()
    return topics[0] if len(topics) == 1 else None


def _same_words(passages: Collection[str]) -> Select[Any]:
    """Pairs of `PassageRow`, one of the passages, and `_other`, which says the same. What the team wrote stands for itself."""
    live = select(TranscriptRow.id).where(is_live())
    return (
        select(PassageRow.passage_id)
        .join(_other, (_other.answer == PassageRow.answer) & (_other.language == PassageRow.language))
        .where(PassageRow.passage_id.in_(passages), func.length(PassageRow.answer) >= _TELLING)
        .where(_other.passage_id != PassageRow.passage_id, _other.source != CORRECTION, _other.transcript_id.in_(live))
        .where(or_(_other.retired_at.is_(None), _other.retired_at > datetime.now(UTC)))
    )
