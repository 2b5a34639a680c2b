"""DialogueManager: one customer turn, from text to stored reply. Knows its collaborators by their ports only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from chatbot.addresses import check_address
from chatbot.answering import Answerer, Context
from chatbot.errors import BadInput, ChatbotError, StorageError
from chatbot.mood import mood
from chatbot.phrases import phrase
from chatbot.policy import Reason
from chatbot.protocols import Bell, ConversationStore, Meter
from chatbot.turn import check_message, context_of, facts, hands_over, partial, timed
from chatbot.types import Conversation, Event, EventKind, Message, Reply, Role, Status, Turn

log = structlog.get_logger(__name__)

HISTORY = 12
_CLIENT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_GRACE_S = 2.0
_SAVE_TRIES = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What the manager holds to: longest message (characters), turns written at once, seconds for a turn."""

    max_message_chars: int = 4000
    slots: int = 8
    deadline_s: float = 30.0


class DialogueManager:
    """Runs the turns of all conversations. One per process, made in its event loop; its methods belong to that loop.

    A turn is a task of its own: it goes on when the customer's window closes, and its reply is stored either way. Per
    conversation one turn runs and at most one waits; messages that come meanwhile are answered together.
    """

    def __init__(
        self,
        store: ConversationStore,
        answerer: Answerer,
        bell: Bell,
        limits: Limits = Limits(),
        meter: Meter | None = None,
    ) -> None:
        self._store = store
        self._answerer = answerer
        self._bell = bell
        self._limits = limits
        self._meter = meter
        self._wanted: dict[str, int] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._answers: dict[str, asyncio.Task[Reply]] = {}
        self._written: dict[str, str] = {}
        self._stopped: set[str] = set()
        self._fading: set[asyncio.Task[None]] = set()
        self._silences = 0
        self._mean_turn_s = 0.5

    async def start(self) -> None:
        """Takes up what a crash left without a reply."""
        for message in await self._store.unanswered():
            self._schedule(message.conversation_id, message.seq)

    async def close(self) -> None:
        """Lets running turns finish for a moment, then cancels them; the next start takes up what is left."""
        tasks = [*self._tasks.values(), *self._fading]
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=_GRACE_S)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def receive(self, conversation_id: str, owner: str, text: str, client_message_id: str) -> Message:
        """Stores the customer's message, then starts the turn; returns once the message is committed.

        Raises BadInput or TooLarge (nothing stored), NotFound, Conflict (closed, or the id was used for another text),
        StorageError. The same id and text again is the same message and starts nothing.
        """
        text = check_message(text, self._limits.max_message_chars)
        if not _CLIENT_ID.fullmatch(client_message_id):
            raise BadInput("The message id must be 1 to 64 letters, digits or one of _ . : -")
        message, new = await self._store.add_customer_message(
            conversation_id, owner, text, client_message_id, mood(text)
        )
        if new:
            if self._meter:
                self._meter.message()
            self._bell.ring(Event(EventKind.MESSAGE, conversation_id, message.seq))
            if await self._is_bots(conversation_id, owner):
                self._schedule(conversation_id, message.seq)
        return message

    async def ask_for_person(self, conversation_id: str, owner: str) -> Conversation:
        """The customer wants a person: the conversation waits for one, and the bot falls silent at once."""
        conversation = await self._move(conversation_id, owner, Status.BOT, Status.WAITING, "asked_for_person")
        self.silence(conversation_id)
        return conversation

    async def back_to_bot(self, conversation_id: str, owner: str) -> Conversation:
        """The customer no longer wants to wait for a person; what was asked meanwhile is answered now.

        Raises Conflict when a person has taken over."""
        conversation = await self._move(conversation_id, owner, Status.WAITING, Status.BOT, "back_to_bot")
        await self.resume(conversation_id)
        return conversation

    async def leave_contact(self, conversation_id: str, owner: str, address: str) -> Conversation:
        """Keeps the e-mail address at which the customer can be answered. Raises BadInput for what is none, NotFound."""
        conversation = await self._store.leave_contact(conversation_id, owner, check_address(address))
        line = phrase("contact_kept", conversation.language or "en")
        note = await self._store.add_event_message(conversation_id, owner, line)
        self._bell.ring(Event(EventKind.MESSAGE, conversation_id, note.seq))
        return conversation

    async def resume(self, conversation_id: str) -> None:
        """The bot owns the conversation again: what the customer said last and nobody answered is answered now."""
        spoken = [m for m in await self._store.recent(conversation_id, HISTORY) if m.role is not Role.SYSTEM]
        if spoken and spoken[-1].role is Role.CUSTOMER:
            self._schedule(conversation_id, spoken[-1].seq)

    async def stop(self, conversation_id: str, owner: str) -> None:
        """Stops the reply that is being written; what was shown of it is kept and marked as partial."""
        await self._store.conversation(conversation_id, owner)
        if answer := self._answers.get(conversation_id):
            self._stopped.add(conversation_id)
            answer.cancel()

    def silence(self, conversation_id: str) -> None:
        """Drops the reply that is being written, unstored: a person owns the conversation now. Not a word comes after it."""
        self._silences += 1
        self._wanted.pop(conversation_id, None)
        self._written.pop(conversation_id, None)
        self._stopped.discard(conversation_id)
        if answer := self._answers.pop(conversation_id, None):
            answer.cancel()
        if task := self._tasks.pop(conversation_id, None):
            self._fading.add(task)
            task.add_done_callback(self._fading.discard)
            task.cancel()

    def writing(self, conversation_id: str) -> str | None:
        """What is written so far of the reply in progress; "" before its first word, None when none is in progress."""
        return self._written.get(conversation_id)

    def crowded(self) -> bool:
        """Whether customers keep half of the generator's slots busy or more: whoever is no customer does without it then."""
        return 2 * len(self._tasks) >= self._limits.slots

    async def idle(self, conversation_id: str) -> None:
        """Returns when no turn of the conversation is running."""
        while task := self._tasks.get(conversation_id):
            await asyncio.wait([task])

    async def _move(self, conversation_id: str, owner: str, expected: Status, to: Status, event: str) -> Conversation:
        reason = Reason.CUSTOMER_ASKED if to is Status.WAITING else None
        conversation = await self._store.set_status(conversation_id, owner, [expected], to, reason)
        note = await self._store.add_event_message(conversation_id, owner, phrase(event, conversation.language or "en"))
        self._bell.ring(Event(EventKind.MESSAGE, conversation_id, note.seq))
        self._bell.ring(Event(EventKind.STATUS, conversation_id, note.seq, conversation.status))
        return conversation

    async def _is_bots(self, conversation_id: str, owner: str) -> bool:
        """Whether the bot owns it now; asked again when somebody took over while the answer was on its way."""
        while True:
            before = self._silences
            conversation = await self._store.conversation(conversation_id, owner)
            if before == self._silences:
                return conversation.status is Status.BOT

    def _schedule(self, conversation_id: str, seq: int) -> None:
        self._wanted[conversation_id] = seq
        if conversation_id not in self._tasks:
            self._written[conversation_id] = ""
            self._tasks[conversation_id] = asyncio.create_task(
                self._run(conversation_id), name=f"turn {conversation_id}"
            )

    async def _run(self, conversation_id: str) -> None:
        try:
            while (seq := self._wanted.pop(conversation_id, None)) is not None:
                self._written[conversation_id] = ""
                await self._turn(conversation_id, seq)
        finally:
            if self._tasks.get(conversation_id) is asyncio.current_task():  # else a later turn has taken its place
                self._tasks.pop(conversation_id)
                self._written.pop(conversation_id, None)
                self._stopped.discard(conversation_id)

    async def _turn(self, conversation_id: str, seq: int) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            messages = await self._store.recent(conversation_id, HISTORY)
            reply = await self._answer(conversation_id, messages, context_of(messages, busy=self._crowded()))
            stored = await self._save(
                conversation_id, reply, max((m.seq for m in messages if m.role is Role.CUSTOMER), default=seq)
            )
        except ChatbotError as exc:
            log.error(
                "turn.not_saved", conversation=conversation_id, seq=seq, error=type(exc).__name__, reason=str(exc)
            )
            if self._meter:
                self._meter.unsaved()
            self._bell.ring(Event(EventKind.DONE, conversation_id, 0, "not_saved"))
            return
        took = loop.time() - started
        self._mean_turn_s += 0.1 * (took - self._mean_turn_s)
        if stored is None:
            log.info(
                "turn.dropped", conversation=conversation_id, seq=seq, reason="the bot no longer owns the conversation"
            )
            self._bell.ring(Event(EventKind.DONE, conversation_id, 0, "dropped"))
            return
        if self._meter:
            self._meter.turn(reply, took)
        log.info("turn.done", conversation=conversation_id, seq=stored.seq, **facts(reply), ms=round(took * 1000))
        self._bell.ring(Event(EventKind.DONE, conversation_id, stored.seq))
        if hands_over(reply.decision):
            self._bell.ring(Event(EventKind.STATUS, conversation_id, stored.seq, Status.WAITING))

    async def _answer(self, conversation_id: str, messages: Sequence[Message], context: Context) -> Reply:
        loop = asyncio.get_running_loop()
        started, first = loop.time(), list[float]()

        def show(text: str) -> None:
            first.append(loop.time())
            self._written[conversation_id] = self._written.get(conversation_id, "") + text
            self._bell.ring(Event(EventKind.DELTA, conversation_id, 0, text))

        turns = [Turn(message.role, message.text, message.created_at) for message in messages]
        answer = asyncio.create_task(self._answerer.answer(turns, context, show))
        self._answers[conversation_id] = answer
        try:
            reply = await asyncio.wait_for(answer, self._limits.deadline_s + _GRACE_S)
            return timed(reply, (first[0] if first else loop.time()) - started)
        except asyncio.CancelledError:
            if conversation_id not in self._stopped:
                raise
            self._stopped.discard(conversation_id)
            return partial(self._written.get(conversation_id, ""), context)
        except TimeoutError:
            return self._answerer.apology(context, "turn: the deadline passed")
        except Exception as exc:  # a fault in one turn must leave the customer with an answer, not with silence
            log.error("turn.failed", conversation=conversation_id, error=type(exc).__name__, exc_info=True)
            return self._answerer.apology(context, f"turn: {type(exc).__name__}")
        finally:
            if self._answers.get(conversation_id) is answer:
                self._answers.pop(conversation_id)

    async def _save(self, conversation_id: str, reply: Reply, answers_seq: int) -> Message | None:
        for tries_left in reversed(range(_SAVE_TRIES)):
            try:
                return await self._store.add_reply(conversation_id, reply, answers_seq)
            except StorageError:
                if not tries_left:
                    raise
                await asyncio.sleep(0.25 * 2 ** (_SAVE_TRIES - tries_left))
        raise AssertionError("unreachable: the last try returns or raises")

    def _crowded(self) -> bool:
        """More turns than can be written within the deadline (Little's law): beyond, answers do without the generator."""
        room = self._limits.slots * (1 + self._limits.deadline_s / max(self._mean_turn_s, 0.05))
        return len(self._tasks) > room
