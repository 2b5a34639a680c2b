"""The store of live conversations as the core knows it (`chatbot.protocols.ConversationStore`); must not know SQL."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chatbot.types import Conversation, Feedback, Message, Place, Reply, Status
from storage import turns, views
from storage.checks import check_id, check_key, check_reply, check_stars, check_text, check_thumb, check_values
from storage.databases import Database
from storage.line import place_in_line
from storage.numbering import new_token


@dataclass(frozen=True, slots=True)
class SqlConversations:
    """Lives as long as the store; any event loop may call. Input is checked here, before it reaches the database."""

    database: Database

    async def create_conversation(self, owner: str, language: str | None = None) -> Conversation:
        now = datetime.now(UTC)
        made = Conversation(secrets.token_urlsafe(16), Status.BOT, language, now, now)
        check_key(owner, "owner")
        check_values(language, "language")
        await asyncio.wrap_future(self.database.write(lambda c: turns.create_conversation(c, made, owner)))
        return made

    async def conversation(self, conversation_id: str, owner: str) -> Conversation:
        check_id(conversation_id)
        return await asyncio.wrap_future(self.database.read(lambda c: views.conversation(c, conversation_id, owner)))

    async def conversations_of(self, owner: str, limit: int = 50) -> Sequence[Conversation]:
        check_key(owner, "owner")
        return await asyncio.wrap_future(self.database.read(lambda c: views.conversations_of(c, owner, limit)))

    async def add_customer_message(
        self, conversation_id: str, owner: str, text: str, client_message_id: str, mood: float | None = None
    ) -> tuple[Message, bool]:
        check_text(text, "message")
        check_key(client_message_id, "message's client id")
        check_id(conversation_id)
        said = (text, client_message_id)
        return await asyncio.wrap_future(
            self.database.write(lambda c: turns.add_customer_message(c, conversation_id, owner, said, mood))
        )

    async def add_reply(self, conversation_id: str, reply: Reply, answers_seq: int) -> Message | None:
        check_reply(reply)
        token = new_token("reply")
        return await asyncio.wrap_future(
            self.database.write(lambda c: turns.add_reply(c, conversation_id, reply, answers_seq, token))
        )

    async def add_event_message(self, conversation_id: str, owner: str, text: str) -> Message:
        check_text(text, "event")
        check_id(conversation_id)
        token = new_token("event")
        return await asyncio.wrap_future(
            self.database.write(lambda c: turns.add_event_message(c, conversation_id, owner, text, token))
        )

    async def messages(
        self, conversation_id: str, owner: str, after_seq: int = 0, limit: int = 200
    ) -> Sequence[Message]:
        check_id(conversation_id)
        return await asyncio.wrap_future(
            self.database.read(lambda c: views.messages(c, conversation_id, owner, after_seq, limit))
        )

    async def recent(self, conversation_id: str, limit: int = 8) -> Sequence[Message]:
        return await asyncio.wrap_future(
            self.database.read(lambda c: views.recent(c, conversation_id, limit, notes=False))
        )

    async def unanswered(self) -> Sequence[Message]:
        return await asyncio.wrap_future(self.database.read(views.unanswered))

    async def set_status(
        self, conversation_id: str, owner: str, expected: Sequence[Status], to: Status, reason: str | None = None
    ) -> Conversation:
        check_id(conversation_id)
        check_values(reason, "reason")
        return await asyncio.wrap_future(
            self.database.write(lambda c: turns.set_status(c, conversation_id, owner, expected, (to, reason)))
        )

    async def leave_contact(self, conversation_id: str, owner: str, contact: str) -> Conversation:
        check_id(conversation_id)
        check_key(contact, "e-mail address")
        return await asyncio.wrap_future(
            self.database.write(lambda c: turns.leave_contact(c, conversation_id, owner, contact))
        )

    async def place_in_line(self, conversation_id: str, owner: str) -> Place | None:
        check_id(conversation_id)
        return await asyncio.wrap_future(self.database.read(lambda c: place_in_line(c, conversation_id, owner)))

    async def add_feedback(self, feedback: Feedback, owner: str) -> None:
        check_thumb(feedback.thumb)
        check_id(feedback.conversation_id)
        check_values([feedback.reason, feedback.comment], "comment")
        await asyncio.wrap_future(self.database.write(lambda c: turns.add_feedback(c, feedback, owner)))

    async def rate(self, conversation_id: str, owner: str, stars: int, comment: str | None = None) -> None:
        check_stars(stars)
        check_id(conversation_id)
        check_values(comment, "comment")
        await asyncio.wrap_future(self.database.write(lambda c: turns.rate(c, conversation_id, owner, stars, comment)))

    async def delete_owner(self, owner: str) -> int:
        check_key(owner, "owner")
        return await asyncio.wrap_future(self.database.write(lambda c: turns.delete_owner(c, owner), cleaning=True))
