"""What each control of the customer window does: plain values in, plain values out. Must not know Gradio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chatbot.errors import BadInput, Conflict, NotFound
from chatbot.types import Conversation, Event, EventKind, Feedback, Message, Status
from ui.mydata import erase, receipt_lines
from ui.parts import Parts
from ui.rates import Rates
from ui.reception import Reception
from ui.rendering import DRAWN, REASONS, thread
from ui.strings import strings
from ui.views import visible

_OPEN = (Status.BOT, Status.WAITING, Status.HUMAN)


@dataclass(frozen=True)
class Caller:
    """Who calls: the owner behind the cookie, the network he comes from (None: this machine), the page's language."""

    owner: str
    prefix: str | None
    language: str


@dataclass(frozen=True)
class ChatHandlers:
    """Lives as long as the process. Every method returns the view to draw; the window keeps no state of its own.

    Each checks ownership through the store and raises the errors of chatbot.errors. A window names the conversation
    that it shows; without one it gets its owner's newest.
    """

    parts: Parts
    rates: Rates
    reception: Reception | None = None

    async def view(self, caller: Caller, conversation: str | None = None) -> dict[str, Any]:
        """The newest conversation of the caller, so that every tab, and a reload, shows the same."""
        newest = await self.parts.store.conversations_of(caller.owner, limit=1)
        return await self._draw(caller, newest[0] if newest else None)

    async def send(self, caller: Caller, text: str, client_id: str, conversation: str | None = None) -> dict[str, Any]:
        """Stores the text and starts the turn. The same `client_id` again is the same message."""
        if not isinstance(text, str) or not isinstance(client_id, str):
            raise BadInput("A message is a text with an id.")
        if not text.strip():
            raise BadInput("The message is empty; write something first.")
        target = await self._target(caller, conversation)
        self.rates.message(caller.owner, caller.prefix, target.id)
        try:
            await self.parts.manager.receive(target.id, caller.owner, text, client_id)
        except BaseException:
            self.rates.forget(target.id)
            raise
        return await self._draw(caller, await self.parts.store.conversation(target.id, caller.owner))

    async def stop(self, caller: Caller, conversation: str) -> dict[str, Any]:
        await self.parts.manager.stop(conversation, caller.owner)
        return await self.view(caller)

    async def person(self, caller: Caller, conversation: str | None = None) -> dict[str, Any]:
        """Asks for a person; a conversation is started for it where there is none."""
        self.rates.action(caller.owner)
        target = await self._target(caller, conversation)
        return await self._draw(caller, await ask_for_person(self.parts, target.id, caller.owner))

    async def bot(self, caller: Caller, conversation: str) -> dict[str, Any]:
        """The customer no longer wants to wait for a person."""
        self.rates.action(caller.owner)
        return await self._draw(caller, await self.parts.manager.back_to_bot(conversation, caller.owner))

    async def contact(self, caller: Caller, conversation: str, address: str) -> dict[str, Any]:
        """The customer leaves an e-mail address, at which the team answers when the chat is closed on her side."""
        if not isinstance(address, str):
            raise BadInput("An e-mail address is a text.")
        self.rates.action(caller.owner)
        return await self._draw(caller, await self.parts.manager.leave_contact(conversation, caller.owner, address))

    async def typing(self, caller: Caller, conversation: str) -> dict[str, Any]:
        """The customer is writing; told to the team's open windows and kept nowhere."""
        if self.parts.hub.team_windows:
            self.rates.action(caller.owner)
            await self.parts.store.conversation(conversation, caller.owner)
            self.parts.hub.whisper(Event(EventKind.TYPING, conversation, text="customer"))
        return {}

    async def thumb(self, caller: Caller, conversation: str, seq: int, thumb: int, **why: str | None) -> dict[str, Any]:
        """why: `reason`, one of those offered, and `comment`, free words; a second thumb replaces the first with both."""
        reason, comment = why.pop("reason", None), why.pop("comment", None)
        if why or thumb not in (1, -1) or not isinstance(seq, int) or (reason is not None and reason not in REASONS):
            raise BadInput("A thumb is +1 or -1 on a message, with one of the reasons offered.")
        check_comment(comment)
        self.rates.action(caller.owner)
        await self.parts.store.add_feedback(Feedback(conversation, seq, thumb, reason, comment or None), caller.owner)
        return await self.view(caller)

    async def rate(self, caller: Caller, conversation: str, stars: int, comment: str | None = None) -> dict[str, Any]:
        if not isinstance(stars, int) or not 1 <= stars <= 5:
            raise BadInput("A rating is 1 to 5 stars.")
        check_comment(comment)
        self.rates.action(caller.owner)
        await self.parts.store.rate(conversation, caller.owner, stars, comment or None)
        return await self.view(caller)

    async def end(self, caller: Caller, conversation: str) -> dict[str, Any]:
        """Closes the conversation; one that is closed already stays so."""
        self.rates.action(caller.owner)
        await self.parts.manager.stop(conversation, caller.owner)
        try:
            closed = await self.parts.store.set_status(
                conversation, caller.owner, _OPEN, Status.CLOSED, "customer_ended"
            )
        except Conflict:
            return await self.view(caller)
        self.parts.hub.ring(Event(EventKind.STATUS, conversation, text=closed.status.value))
        return await self._draw(caller, closed)

    async def new_chat(self, caller: Caller, conversation: str | None = None) -> dict[str, Any]:
        """Starts an empty conversation; one that is empty still is taken again."""
        self.rates.action(caller.owner)
        newest = await self.parts.store.conversations_of(caller.owner, limit=1)
        fresh = newest[0] if newest and newest[0].last_seq == 0 else await self._create(caller)
        for old in newest:
            self.parts.hub.ring(Event(EventKind.STATUS, old.id, text="left"))
        return await self._draw(caller, fresh)

    async def delete(self, caller: Caller) -> dict[str, Any]:
        """Erases everything of the caller; `receipt` says in the page's language what went."""
        self.rates.action(caller.owner)
        receipt = (await erase(self.parts, caller.owner)).receipt
        lines = receipt_lines(receipt, caller.language) if receipt else []
        return await self._draw(caller, None) | {"receipt": lines}

    async def _target(self, caller: Caller, conversation: str | None) -> Conversation:
        if conversation is not None:
            return await self.parts.store.conversation(str(conversation), caller.owner)
        newest = await self.parts.store.conversations_of(caller.owner, limit=1)
        return newest[0] if newest and newest[0].status is not Status.CLOSED else await self._create(caller)

    async def _create(self, caller: Caller) -> Conversation:
        self.rates.conversation(caller.prefix)
        return await self.parts.store.create_conversation(caller.owner, caller.language)

    async def _draw(self, caller: Caller, conversation: Conversation | None) -> dict[str, Any]:
        words, messages = strings(caller.language), list[Message]()
        if conversation is not None:
            messages = visible(await self._newest_messages(conversation, caller.owner))
        examples = () if messages else self.parts.examples(caller.language)
        waits = conversation is not None and conversation.status is Status.WAITING
        place = None
        if conversation and waits and self._somebody_for(conversation):
            place = await self.parts.store.place_in_line(conversation.id, caller.owner)
        return {
            "html": thread(conversation, messages, words, examples, place, self._asks_address(conversation)),
            "conversation": conversation.id if conversation else None,
            "status": conversation.status.value if conversation else Status.BOT.value,
            "status_text": status_text(conversation, caller.language),
            "seq": conversation.last_seq if conversation else 0,
            "writing": self.parts.manager.writing(conversation.id) if conversation else None,
        }

    def _somebody_for(self, conversation: Conversation) -> bool:
        return self.reception is None or self.reception.somebody_for(conversation)

    def _asks_address(self, conversation: Conversation | None) -> bool:
        return bool(conversation and self.reception and self.reception.asks_address(conversation))

    async def _newest_messages(self, conversation: Conversation, owner: str) -> Sequence[Message]:
        after = max(0, conversation.last_seq - DRAWN - 1)
        return await self.parts.store.messages(conversation.id, owner, after, DRAWN + 20)


def check_comment(comment: object) -> None:
    """Raises BadInput for what is no text, or one above 1,000 characters."""
    if comment is not None and not (isinstance(comment, str) and len(comment) <= 1000):
        raise BadInput("A comment is a text of at most 1,000 characters.")


async def ask_for_person(parts: Parts, conversation: str, owner: str) -> Conversation:
    """Asking while one waits for a person, or talks to her, changes nothing. Raises Conflict in a closed chat."""
    try:
        return await parts.manager.ask_for_person(conversation, owner)
    except Conflict:
        now = await parts.store.conversation(conversation, owner)
        if now.status in (Status.WAITING, Status.HUMAN):
            return now
        raise


def status_text(conversation: Conversation | None, language: str) -> str:
    """The words of the status chip."""
    words = strings(language)
    if conversation is None:
        return words["status_bot"]
    return words[f"status_{conversation.status.value}"].replace("{agent}", conversation.agent or words["agent"])


def caller_of(owner: str | None, prefix: str | None, language: str) -> Caller:
    """Raises NotFound for a browser without our cookie: nothing is anybody's there."""
    if owner is None:
        raise NotFound("There is no cookie that says whose conversation this is.")
    return Caller(owner, prefix, language)
