"""From what one of the team writes to knowledge: fit for everybody, and met by the next question. Must not know HTTP or SQL."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial

from chatbot.assembly import detect_served
from chatbot.correcting import Taught, answered, asked, check_for_all, window_of
from chatbot.errors import BadInput
from chatbot.language import detect
from chatbot.privacy import Masker
from chatbot.types import Role
from storage.corrections import Corrected
from storage.lessons import Lesson
from ui.staff.parts import StaffParts


@dataclass(frozen=True)
class Teaching:
    """Lives as long as the process; any task of the event loop may call."""

    parts: StaffParts
    masker: Masker = field(init=False)

    def __post_init__(self) -> None:
        own = Masker(self.parts.settings.keep_visible)
        assistant = self.parts.assistant
        object.__setattr__(self, "masker", assistant.answerer.masker if assistant else own)

    async def asked(self, found: Corrected) -> Taught:
        """What was asked and answered, masked."""
        served = partial(detect_served, served=self.parts.settings.languages)
        return await asyncio.to_thread(asked, found.messages, found.reply, served, self.masker)

    async def lesson(
        self, found: Corrected, question: str | None, answer: str, *, ours: bool = False
    ) -> tuple[Lesson, bool]:
        """What a correction teaches, and whether personal data had to go from the question as the agent worded it.

        ours: what looks like personal data in the answer is the company's own. Raises PersonalData, BadInput: see
        `correcting.check_for_all`.
        """
        told = [message.text for message in found.messages if message.role is Role.CUSTOMER]
        await asyncio.to_thread(check_for_all, answer, self.masker, told, ours=ours)
        before = await self.asked(found)
        taught = await asyncio.to_thread(answered, before, question, answer, self.masker)
        reply = found.reply.reply
        language = reply.language if reply else "en"
        return _lesson(taught, language), _changed(taught, question)

    async def written(
        self, question: str, answer: str, language: str | None, topic: str | None = None, *, ours: bool = False
    ) -> tuple[Lesson, bool]:
        """A new answer, as `lesson`. language: None detects it from the question. Raises BadInput where nobody can tell."""
        await asyncio.to_thread(check_for_all, answer, self.masker, ours=ours)
        known = await asyncio.to_thread(self._language, question) if language is None else language
        taught = await asyncio.to_thread(answered, Taught("", "", (), ""), question, answer, self.masker)
        turns = ((Role.CUSTOMER.value, taught.question),)
        taught = Taught(taught.question, window_of(taught.question), turns, "", taught.answer)
        return _lesson(taught, known, topic), _changed(taught, question)

    async def take_over(self) -> None:
        """Returns when the running index has what was just written; without one there is nothing to do."""
        if self.parts.assistant:
            await asyncio.to_thread(self.parts.assistant.retriever.follow)

    def _language(self, question: str) -> str:
        found: str | None = detect(question, None, allowed=self.parts.settings.languages).language
        if found is None:
            raise BadInput("The language of the question cannot be told; choose it.")
        return found


def _lesson(taught: Taught, language: str, topic: str | None = None) -> Lesson:
    turns = tuple({"role": role, "text": text} for role, text in taught.turns)
    return Lesson(taught.question, taught.answer, language, taught.window, turns, taught.wrong, topic)


def _changed(taught: Taught, question: str | None) -> bool:
    return bool(question and taught.question != question.strip())
