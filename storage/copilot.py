"""What agents took of the copilot's offers and sent: pairs to learn from. Must not know how texts are masked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select

from chatbot.errors import NotFound
from chatbot.types import Message, Role
from storage.checks import check_id, check_values
from storage.databases import Database
from storage.desk_tables import CopilotUseRow
from storage.people import User
from storage.tables import ConversationRow, MessageRow
from storage.taking import stored_id
from storage.views import find_message
from storage.visibility import seen_by


@dataclass(frozen=True, slots=True)
class Use:
    """Masked texts: what was inserted, and the message as it was sent. See `desk_tables.CopilotUseRow`."""

    inserted: str
    sent: str
    passages: tuple[str, ...] = ()
    draft: str | None = None


@dataclass(frozen=True, slots=True)
class CopilotUses:
    """Lives as long as the store; any event loop may call."""

    database: Database

    async def sent(self, user: User, conversation_id: str, client_id: str) -> Message:
        """The message that the user sent under the client's id. Raises NotFound, also for others' conversations."""
        check_id(conversation_id)
        return await asyncio.wrap_future(self.database.read(lambda c: _sent(c, user, conversation_id, client_id)))

    async def keep(self, message: Message, use: Use) -> None:
        """A second one for the same message replaces the first. Raises NotFound when the message has been erased meanwhile."""
        check_values([use.inserted, use.sent, *use.passages], "text")
        await asyncio.wrap_future(self.database.write(lambda c: _keep(c, message, use)))

    async def latest(self, limit: int = 1000) -> Sequence[Use]:
        """Newest first; for tuning."""
        return await asyncio.wrap_future(self.database.read(lambda c: _latest(c, limit)))


def _sent(connection: Connection, user: User, conversation_id: str, client_id: str) -> Message:
    seen = select(ConversationRow.id).where(ConversationRow.id == conversation_id, seen_by(user))
    key = stored_id(Role.AGENT, user, client_id)
    found = find_message(connection, conversation_id, key) if connection.execute(seen).first() else None
    if found is None:
        raise NotFound("There is no such message of yours.")
    return found


def _keep(connection: Connection, message: Message, use: Use) -> None:
    place = MessageRow.conversation_id == message.conversation_id, MessageRow.seq == message.seq
    number = connection.execute(select(MessageRow.id).where(*place)).scalar_one_or_none()
    if number is None:
        raise NotFound("There is no such message any more.")
    connection.execute(delete(CopilotUseRow).where(CopilotUseRow.message_id == number))
    row = {"passages": list(use.passages), "draft": use.draft, "inserted": use.inserted, "sent": use.sent}
    connection.execute(insert(CopilotUseRow).values(row | {"message_id": number, "created_at": datetime.now(UTC)}))


def _latest(connection: Connection, limit: int) -> list[Use]:
    query = select(CopilotUseRow.__table__).order_by(CopilotUseRow.message_id.desc()).limit(limit)
    return [Use(row.inserted, row.sent, tuple(row.passages), row.draft) for row in connection.execute(query)]
