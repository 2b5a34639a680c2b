"""A ConversationStore in memory for tests; passes the same conformance suite as the real ones."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from chatbot.errors import Conflict, NotFound
from chatbot.types import Action, Conversation, Feedback, Message, Place, Reply, Role, Status
from storage.checks import (
    check_id,
    check_key,
    check_reply,
    check_stars,
    check_text,
    check_thumb,
    check_values,
    no_conversation,
)


@dataclass
class _Held:
    owner: str
    conversation: Conversation
    messages: list[Message] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    rating_comment: str | None = None
    waiting_since: tuple[datetime, str] | None = None
    mood: float | None = None

    def move(self, to: Status) -> None:
        """Who waits already keeps the place in the queue."""
        since = self.waiting_since or (datetime.now(UTC), self.conversation.id)
        self.waiting_since = since if to is Status.WAITING else None
        self.conversation = replace(self.conversation, waiting_since=since[0] if self.waiting_since else None)


class MemoryStore:
    """Lives as long as the test; one event loop only. `fail_with` makes every later call raise that error."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self.fail_with: Exception | None = None
        self.feedback: list[Feedback] = []

    async def create_conversation(self, owner: str, language: str | None = None) -> Conversation:
        self._maybe_fail()
        check_key(owner, "owner")
        now = datetime.now(UTC)
        conversation = Conversation(secrets.token_urlsafe(16), Status.BOT, language, now, now)
        self._held[conversation.id] = _Held(owner, conversation)
        return conversation

    async def conversation(self, conversation_id: str, owner: str) -> Conversation:
        return self._find(conversation_id, owner).conversation

    async def conversations_of(self, owner: str, limit: int = 50) -> Sequence[Conversation]:
        self._maybe_fail()
        own = [held.conversation for held in self._held.values() if held.owner == owner]
        return sorted(own, key=lambda c: c.created_at, reverse=True)[:limit]

    async def add_customer_message(
        self, conversation_id: str, owner: str, text: str, client_message_id: str, mood: float | None = None
    ) -> tuple[Message, bool]:
        check_text(text, "message")
        check_key(client_message_id, "message's client id")
        held = self._find(conversation_id, owner)
        for message in held.messages:
            if message.client_message_id == client_message_id:
                if message.text != text:
                    raise Conflict("This message id was used for another text; send it with a new id.")
                return message, False
        if held.conversation.status is Status.CLOSED:
            raise Conflict("This conversation is closed; start a new one.")
        if mood is not None:
            held.mood = mood if held.mood is None else held.mood * 0.6 + mood * 0.4
        return self._append(held, Role.CUSTOMER, text, client_message_id=client_message_id), True

    async def add_reply(self, conversation_id: str, reply: Reply, answers_seq: int) -> Message | None:
        self._maybe_fail()
        check_reply(reply)
        held = self._held.get(conversation_id)
        if held is None or held.conversation.status is not Status.BOT or answers_seq in held.answered:
            return None
        if not any(m.seq == answers_seq and m.role is Role.CUSTOMER for m in held.messages):
            raise NotFound(f"There is no customer message {answers_seq} in this conversation to answer.")
        message = self._append(held, Role.BOT, reply.text, reply=reply)
        held.answered.add(answers_seq)
        changed = replace(held.conversation, language=reply.language or held.conversation.language)
        if reply.decision.action is Action.HAND_OVER and not reply.decision.offered:
            changed = replace(changed, status=Status.WAITING, handover_reason=reply.decision.reason)
        held.conversation = changed
        held.move(changed.status)
        return message

    async def add_event_message(self, conversation_id: str, owner: str, text: str) -> Message:
        check_text(text, "event")
        return self._append(self._find(conversation_id, owner), Role.SYSTEM, text)

    async def messages(
        self, conversation_id: str, owner: str, after_seq: int = 0, limit: int = 200
    ) -> Sequence[Message]:
        return [m for m in self._find(conversation_id, owner).messages if m.seq > after_seq][:limit]

    async def recent(self, conversation_id: str, limit: int = 8) -> Sequence[Message]:
        self._maybe_fail()
        held = self._held.get(conversation_id)
        return [m for m in held.messages if m.role is not Role.NOTE][-limit:] if held and limit > 0 else []

    async def unanswered(self) -> Sequence[Message]:
        self._maybe_fail()
        spoken = [
            [message for message in held.messages if message.role not in (Role.SYSTEM, Role.NOTE)]
            for held in self._held.values()
            if held.conversation.status is Status.BOT
        ]
        return [said[-1] for said in spoken if said and said[-1].role is Role.CUSTOMER]

    async def set_status(
        self, conversation_id: str, owner: str, expected: Sequence[Status], to: Status, reason: str | None = None
    ) -> Conversation:
        check_values(reason, "reason")
        held = self._find(conversation_id, owner)
        if held.conversation.status not in expected:
            raise Conflict(f"This conversation is {held.conversation.status.value} by now; look at it again.")
        changed = replace(held.conversation, status=to, updated_at=datetime.now(UTC))
        if to is Status.BOT:
            changed = replace(changed, agent=None, handover_reason=None)
        elif reason is not None:
            changed = replace(changed, handover_reason=reason)
        held.conversation = changed
        held.move(to)
        return held.conversation

    async def leave_contact(self, conversation_id: str, owner: str, contact: str) -> Conversation:
        held = self._find(conversation_id, owner)
        held.conversation = replace(held.conversation, contact=check_key(contact, "e-mail address"))
        return held.conversation

    async def place_in_line(self, conversation_id: str, owner: str) -> Place | None:
        mine = self._find(conversation_id, owner).waiting_since
        if not mine:
            return None
        return Place(sum(held.waiting_since < mine for held in self._held.values() if held.waiting_since))

    async def add_feedback(self, feedback: Feedback, owner: str) -> None:
        check_thumb(feedback.thumb)
        check_values([feedback.reason, feedback.comment], "comment")
        held = self._find(feedback.conversation_id, owner)
        for place, message in enumerate(held.messages):
            if message.seq == feedback.seq and message.role is Role.BOT:
                held.messages[place] = replace(message, thumb=feedback.thumb)
                self.feedback.append(feedback)
                return
        raise NotFound("There is no such reply in this conversation.")

    async def rate(self, conversation_id: str, owner: str, stars: int, comment: str | None = None) -> None:
        check_values(comment, "comment")
        held = self._find(conversation_id, owner)
        held.conversation = replace(held.conversation, rating=check_stars(stars), updated_at=datetime.now(UTC))
        held.rating_comment = comment

    async def delete_owner(self, owner: str) -> int:
        self._maybe_fail()
        gone = [key for key, held in self._held.items() if held.owner == owner]
        for key in gone:
            del self._held[key]
        return len(gone)

    def _maybe_fail(self) -> None:
        if self.fail_with is not None:
            raise self.fail_with

    def _find(self, conversation_id: str, owner: str) -> _Held:
        self._maybe_fail()
        held = self._held.get(check_id(conversation_id))
        if held is None or held.owner != owner:
            raise no_conversation()
        return held

    def _append(
        self, held: _Held, role: Role, text: str, *, client_message_id: str | None = None, reply: Reply | None = None
    ) -> Message:
        now, seq = datetime.now(UTC), held.conversation.last_seq + 1
        message = Message(held.conversation.id, seq, role, text, now, client_message_id=client_message_id, reply=reply)
        held.messages.append(message)
        held.conversation = replace(held.conversation, last_seq=seq, updated_at=now)
        return message
