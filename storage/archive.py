"""The archive of live conversations for the team: search, filters, one transcript. Must not know routes."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, true

from chatbot.errors import BadInput
from chatbot.types import Conversation, Message, Role, Transcript
from storage.archive_pages import Place, Question, Slice, page_of
from storage.audit import Actor, record
from storage.checks import check_values, utc
from storage.databases import Database
from storage.desk_tables import TagRow
from storage.filters import Filters, check_filters
from storage.people import User
from storage.people_tables import UserRow
from storage.searchbox import Snippet, Words, read_box, snippet
from storage.tables import ConversationRow, MessageRow
from storage.views import live_transcripts, read_conversation, recent, tags_of
from storage.visibility import out_of_sight, seen_by

LIMIT = 50
ALL = Filters()
EXPORTED = 200  # conversations at a time
WHOLE = 10_000  # messages of one transcript


@dataclass(frozen=True, slots=True)
class Hit:
    """The message that is shown for a conversation: the newest that matches, or the customer's first."""

    seq: int
    role: Role
    created_at: datetime
    snippet: Snippet


@dataclass(frozen=True, slots=True)
class Entry:
    """A conversation in the archive's list. hit: None where nobody has written yet."""

    conversation: Conversation
    tags: tuple[str, ...]
    hit: Hit | None


@dataclass(frozen=True, slots=True)
class Page:
    """next: give it back for the following page; None at the end. back_to: see `archive_pages.Slice`."""

    entries: tuple[Entry, ...]
    next: str | None
    back_to: datetime | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filters offer: tags that are in use, and everybody of the team."""

    tags: tuple[str, ...]
    agents: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Archived:
    """A conversation with everything said in it, notes included."""

    conversation: Conversation
    tags: tuple[str, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def search(
        self, user: User, typed: str = "", filters: Filters = ALL, *, after: str | None = None, limit: int = LIMIT
    ) -> Page:
        """Newest first. typed: see `searchbox`; after: `next` of the page before. Raises BadInput for filters and places that
        do not exist."""
        check_values([value for value in (filters.language, filters.tag, filters.reason) if value], "filter")
        words, place = read_box(typed), _read_place(after)
        asked = Question(words, check_filters(filters), seen_by(user), limit)
        return await asyncio.wrap_future(self.database.read(lambda c: _page(c, asked, place)))

    def transcripts(self, typed: str = "", filters: Filters = ALL, user: User | None = None) -> Iterator[Transcript]:
        """All that `search` finds, newest first, with every message, from one state of the database; blocks. user None: a
        command's, who sees all. Raises BadInput at the first step."""
        visible = true() if user is None else seen_by(user)
        asked = Question(read_box(typed), check_filters(filters), visible, EXPORTED)
        with self.database.stream() as connection:
            place: Place | None = Place()
            while place is not None:
                part = page_of(connection, asked, place)
                whole = {one.id: one for one in live_transcripts(connection, list(part.found))} if part.found else {}
                yield from (whole[key] for key in part.found if key in whole)
                place = part.next

    async def choices(self, user: User) -> Choices:
        """What the filters offer: the tags of conversations that the user may see, and the team."""
        return await asyncio.wrap_future(self.database.read(lambda c: _choices(c, user)))

    async def transcript(self, conversation_id: str, user: User, actor: Actor) -> Archived:
        """Leaves a line in the audit log first. Raises NotFound for what does not exist and for what the user may not see."""
        check_values(conversation_id, "conversation's id")
        await asyncio.wrap_future(self.database.write(lambda c: _note_view(c, conversation_id, user, actor)))
        return await asyncio.wrap_future(self.database.read(lambda c: _archived(c, conversation_id, user)))


def _page(connection: Connection, asked: Question, place: Place) -> Page:
    part = page_of(connection, asked, place)
    return Page(tuple(_entries(connection, part, asked.words)), _write_place(part.next), part.back_to)


def _entries(connection: Connection, part: Slice, words: Words | None) -> list[Entry]:
    keys = list(part.found)
    rows = connection.execute(select(ConversationRow.__table__).where(ConversationRow.id.in_(keys)))
    known = {row.id: read_conversation(row) for row in rows}
    tags, hits = tags_of(connection, keys), _hits(connection, part, words)
    return [Entry(known[key], tags.get(key, ()), hits.get(key)) for key in keys if key in known]


def _hits(connection: Connection, part: Slice, words: Words | None) -> dict[str, Hit]:
    which: ColumnElement[bool]
    if words is not None:
        which = MessageRow.id.in_([one for one in part.found.values() if one is not None])
    else:
        which = MessageRow.conversation_id.in_(list(part.found)) & (MessageRow.seq == 1)
    rows = connection.execute(select(MessageRow.__table__).where(which))
    return {row.conversation_id: Hit(row.seq, Role(row.role), row.created_at, snippet(row.text, words)) for row in rows}


def _choices(connection: Connection, user: User) -> Choices:
    tags: list[str] = []
    # One step of the index a tag: DISTINCT would read every row.
    following = select(TagRow.tag).order_by(TagRow.tag).limit(1)
    if not user.is_admin:
        following = following.join(ConversationRow, ConversationRow.id == TagRow.conversation_id).where(seen_by(user))
    found = connection.execute(following).scalar()
    while found is not None and len(tags) < 200:
        tags.append(found)
        found = connection.execute(following.where(TagRow.tag > found)).scalar()
    agents = connection.execute(select(UserRow.id, UserRow.name).order_by(UserRow.name, UserRow.id))
    return Choices(tuple(tags), tuple((row.id, row.name) for row in agents))


def _visible(connection: Connection, conversation_id: str, user: User) -> Conversation:
    query = select(ConversationRow.__table__).where(ConversationRow.id == conversation_id, seen_by(user))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise out_of_sight()
    return read_conversation(row)


def _note_view(connection: Connection, conversation_id: str, user: User, actor: Actor) -> None:
    _visible(connection, conversation_id, user)
    record(connection, actor, "transcript.view", f"conversation:{conversation_id}")


def _archived(connection: Connection, conversation_id: str, user: User) -> Archived:
    found = _visible(connection, conversation_id, user)
    tags = tags_of(connection, [conversation_id]).get(conversation_id, ())
    return Archived(found, tags, tuple(recent(connection, conversation_id, WHOLE)))


def _write_place(place: Place | None) -> str | None:
    if place is None:
        return None
    parts = [place.below] if place.moment is None else [place.moment.isoformat(), place.conversation_id]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _read_place(given: str | None) -> Place:
    if not given:
        return Place()
    try:
        parts = json.loads(base64.urlsafe_b64decode(given.encode() + b"=" * (-len(given) % 4)))
        match parts:
            case [int(below)] if 0 < below < 2**63:
                return Place(below=below)
            case [str(moment), str(key)]:
                check_values(key, "place")
                return Place(moment=utc(datetime.fromisoformat(moment)), conversation_id=key)
    except (ValueError, binascii.Error, RecursionError, BadInput):
        pass
    raise BadInput("This place in the list does not exist; search again from the start.")
