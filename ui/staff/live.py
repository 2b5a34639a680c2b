"""What an agent does in a live conversation: stored first, then told to the bot and to every open window. Must not know HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.errors import NotFound
from chatbot.phrases import phrase
from chatbot.turn import check_message
from chatbot.types import Event, EventKind, Message, Status
from storage.desk_lists import DeskItem
from storage.taking import Hand, Line
from ui.staff.parts import StaffParts


@dataclass(frozen=True)
class LiveDesk:
    """Lives as long as the process. Every method raises NotFound for what the user may not see, and Conflict, naming who,
    when somebody else has the conversation.

    What is stored is told to everybody before the user's own view of it is read: that view may be gone with it, as when the
    holder of another team's conversation gives it back. Methods answer None then."""

    parts: StaffParts

    async def take(self, hand: Hand) -> DeskItem | None:
        """One of those who race wins. From the commit on the bot is silent: a reply in progress stops, unstored."""
        await self.parts.store.desk.take(hand, line("joined", agent=hand.name))
        self.parts.manager.silence(hand.conversation_id)
        self._ring(hand.conversation_id, Status.HUMAN)
        return await self._seen(hand)

    async def say(self, hand: Hand, text: str) -> Message:
        """The same client id again is the same message, and rings nobody."""
        text = check_message(text, self.parts.settings.max_message_chars)
        message, new = await self.parts.store.desk.say(hand, text)
        if new:
            self.parts.hub.ring(Event(EventKind.MESSAGE, hand.conversation_id, message.seq))
        return message

    async def note(self, hand: Hand, text: str) -> Message:
        """For the team alone: customers' windows are not even told that there is something."""
        text = check_message(text, self.parts.settings.max_message_chars)
        message, new = await self.parts.store.desk.note(hand, text)
        if new:
            self.parts.hub.whisper(Event(EventKind.MESSAGE, hand.conversation_id, message.seq))
        return message

    async def give_back(self, hand: Hand) -> DeskItem | None:
        """The bot has it again, and answers what nobody has answered."""
        await self.parts.store.desk.give_back(hand, line("back_to_bot"))
        self._ring(hand.conversation_id, Status.BOT)
        await self.parts.manager.resume(hand.conversation_id)
        return await self._seen(hand)

    async def close(self, hand: Hand) -> DeskItem | None:
        await self.parts.store.desk.close(hand, line("closed_by", agent=hand.name))
        self._ring(hand.conversation_id, Status.CLOSED)
        return await self._seen(hand)

    async def pass_to(self, hand: Hand, why: str, *, user_id: int | None = None, team_id: int | None = None) -> None:
        """To a colleague's hands, or to wait for a team; it may be out of the user's sight then."""
        desk = self.parts.store.desk
        if user_id is not None:
            await desk.transfer_to_user(hand, user_id, lambda name: line("joined", agent=name), why)
            status = Status.HUMAN
            self.parts.hub.whisper(Event(EventKind.PASSED, hand.conversation_id, text=str(user_id)))
        else:
            assert team_id is not None
            await desk.transfer_to_team(hand, team_id, line("passed_on"), why)
            status = Status.WAITING
        self._ring(hand.conversation_id, status)

    async def typing(self, hand: Hand) -> None:
        """Told to open windows and kept nowhere; only of a conversation in the own hands."""
        item = await self.parts.store.desk.item(hand.user, hand.conversation_id)
        if item.status is Status.HUMAN and item.user_id == hand.user.id:
            self.parts.hub.ring(Event(EventKind.TYPING, hand.conversation_id, text=hand.name))

    async def _seen(self, hand: Hand) -> DeskItem | None:
        try:
            return await self.parts.store.desk.item(hand.user, hand.conversation_id)
        except NotFound:
            return None

    def _ring(self, conversation_id: str, status: Status) -> None:
        for kind, text in ((EventKind.MESSAGE, ""), (EventKind.STATUS, status.value)):
            self.parts.hub.ring(Event(kind, conversation_id, text=text))


def line(key: str, **values: str) -> Line:
    """A sentence of ours in whatever language the conversation turns out to be in."""
    return lambda language: phrase(key, language or "en", **values)
