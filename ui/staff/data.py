"""The data page: find a person, see and hand over what is kept, erase it; receipts, retention, exports; for admins. Must not know
how anything is erased."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from chatbot.erasing import Copies
from chatbot.errors import BadInput
from chatbot.transcripts.exporting import MEDIA, export
from chatbot.types import Event, EventKind, Transcript
from storage.archive import ALL
from storage.audit import Actor, record
from storage.filters import check_filters
from storage.opening import Store
from storage.receipts import Receipt
from storage.searchbox import read_box
from storage.subjects import By, Candidate, Subject
from ui.api import MAX_SEQ
from ui.staff.archive import Wanted
from ui.staff.login import Strict
from ui.staff.pages import page
from ui.staff.parts import StaffParts

CONFIRM = "ERASE"
PAGE = 50
Text = Annotated[str, Field(min_length=1, max_length=300)]


class Person(Strict):
    """Whose data; `source` for an imported conversation only."""

    by: By
    value: Text
    source: Annotated[str, Field(max_length=200)] = ""

    def subject(self) -> Subject:
        return Subject(self.by, self.value, self.source).check()


class Handover(Person):
    notes: bool = False


class Erasing(Person):
    confirm: Annotated[str, Field(max_length=20)]


class Export(Wanted):
    """With words or filters only live conversations are meant: imported ones have no such thing."""

    format: Literal["jsonl", "csv", "parquet"] = "jsonl"
    what: Literal["all", "live", "imported"] = "all"

    @property
    def is_narrowed(self) -> bool:
        return bool(self.q.strip()) or self.filters() != ALL

    def told(self) -> dict[str, Any]:
        """For the audit log, without the words and the tag: they may be somebody's name."""
        if not self.is_narrowed:
            return {"format": self.format, "what": self.what}
        given = self.model_dump(mode="json", exclude={"q", "what", "tag"}, exclude_none=True)
        given |= {} if self.tag is None else {"tag": True}
        return given | {"what": "live", "words": bool(self.q.strip())}


@dataclass(frozen=True)
class Data:
    """The routes' methods. Lives as long as the process."""

    parts: StaffParts

    async def page(self, request: Request) -> Response:
        user = await self.parts.gate.admin(request)
        return page(self.parts, request, user, "Data", "data")

    async def search(
        self, request: Request, text: Annotated[str, Query(min_length=1, max_length=300)]
    ) -> dict[str, Any]:
        """Conversations that may be a person's, best first. A look at texts, so it stands in the audit log."""
        user = await self.parts.gate.admin(request)
        found = await asyncio.to_thread(self.parts.store.rights.search, text)
        actor = self.parts.gate.actor(user, request)
        await self.parts.store.audit.record(
            actor, "transcript.search", "people", {"conversations": [one.conversation for one in found]}
        )
        return {"found": [candidate_view(one) for one in found]}

    async def kept(self, request: Request, body: Person) -> dict[str, Any]:
        """What is kept about a person, in numbers; the same as what `erase` would take."""
        await self.parts.gate.admin(request)
        preview = partial(self.parts.store.rights.preview, body.subject(), Copies(self.parts.settings))
        return receipt_view(await asyncio.to_thread(preview))

    async def hand_over(self, request: Request, body: Handover) -> Response:
        """Everything kept about a person as a JSON file."""
        user = await self.parts.gate.admin(request)
        look = partial(self.parts.store.rights.dossier, body.subject(), notes=body.notes)
        found = await asyncio.to_thread(look)
        detail = {"by": body.by.value, "notes": body.notes} | {name: len(some) for name, some in found.items()}
        target = f"conversation:{body.value}" if body.by is By.CONVERSATION else None
        await self.parts.store.audit.record(self.parts.gate.actor(user, request), "export.person", target, detail)
        headers = {"content-disposition": 'attachment; filename="person.json"', "cache-control": "no-store"}
        return Response(json.dumps(found, indent=2), media_type="application/json", headers=headers)

    async def erase(self, request: Request, body: Erasing) -> dict[str, Any]:
        """Erases everything kept about a person; `confirm` must be the word ERASE, typed by a person."""
        user = await self.parts.gate.admin(request)
        if body.confirm.strip() != CONFIRM:
            raise BadInput(f"Type the word {CONFIRM} to erase. Nothing was erased.")
        rights, subject = self.parts.store.rights, body.subject()
        chats = await asyncio.to_thread(rights.chats_of, subject)
        for conversation, owner in chats:
            if self.parts.manager.writing(conversation) is not None:
                await self.parts.manager.stop(conversation, owner)
        actor = self.parts.gate.actor(user, request)
        receipt = await asyncio.to_thread(partial(rights.erase, subject, Copies(self.parts.settings), actor=actor))
        for conversation, _ in chats:
            self.parts.hub.ring(Event(EventKind.STATUS, conversation, text="erased"))
        return receipt_view(receipt)

    async def receipts(
        self, request: Request, before: Annotated[int | None, Query(ge=1, le=MAX_SEQ)] = None
    ) -> dict[str, Any]:
        """At most 50, newest first; `before` is the last number of the page before."""
        await self.parts.gate.admin(request)
        found = await asyncio.to_thread(self.parts.store.rights.receipts, PAGE + 1, before)
        return {"receipts": [_plain(one) for one in found[:PAGE]], "more": len(found) > PAGE}

    async def retention(self, request: Request) -> dict[str, Any]:
        """The ages of the settings, and what they would erase now."""
        await self.parts.gate.admin(request)
        days = dict(self.parts.settings.retention_days)
        due = await asyncio.to_thread(self.parts.store.retention.due, days)
        return {"days": days, "due": [_plain(asdict(one)) for one in due]}

    async def export(
        self,
        request: Request,
        wish: Annotated[Export, Query()],
    ) -> StreamingResponse:
        """Every conversation, or what the archive's search finds, as a file, in pieces. The audit log gets a line before the first
        and one after the last."""
        user = await self.parts.gate.admin(request)
        actor = self.parts.gate.actor(user, request)
        check_filters(wish.filters())
        read_box(wish.q)
        await self.parts.store.audit.record(actor, "export.transcripts", None, wish.told())
        headers = {
            "content-disposition": f'attachment; filename="conversations.{wish.format}"',
            "cache-control": "no-store",
        }
        return StreamingResponse(self._pieces(wish, actor), media_type=MEDIA[wish.format], headers=headers)

    def _pieces(self, wish: Export, actor: Actor) -> Iterator[bytes]:
        store, count, whole = self.parts.store, 0, False

        def transcripts() -> Iterator[Transcript]:
            nonlocal count
            for part in _parts(store, wish):
                for transcript in part:
                    count += 1
                    yield transcript

        try:
            yield from export(transcripts(), wish.format)
            whole = True
        finally:
            detail = wish.told() | {"conversations": count, "whole": whole}
            store.database.write(lambda c: record(c, actor, "export.done", None, detail)).result()


def _parts(store: Store, wish: Export) -> Iterator[Iterator[Transcript]]:
    if wish.is_narrowed:
        yield store.archive.transcripts(wish.q, wish.filters())
        return
    if wish.what != "live":
        yield store.transcripts.transcripts()
    if wish.what != "imported":
        yield store.live_transcripts()


def candidate_view(one: Candidate) -> dict[str, Any]:
    return {
        "source": one.source,
        "conversation": one.conversation,
        "owner": one.owner,
        "why": one.why,
        "text": one.text,
        "updated_at": one.updated_at and one.updated_at.isoformat(),
        "of_owner": one.conversations_of_owner,
    }


def receipt_view(receipt: Receipt) -> dict[str, Any]:
    return _plain(asdict(receipt))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def data_routes(parts: StaffParts) -> APIRouter:
    data, router = Data(parts), APIRouter()
    add, at = router.add_api_route, "/admin/api/data"
    add("/admin/data", data.page, methods=["GET"])
    add(f"{at}/search", data.search, methods=["GET"])
    add(f"{at}/kept", data.kept, methods=["POST"])
    add(f"{at}/person", data.hand_over, methods=["POST"])
    add(f"{at}/erase", data.erase, methods=["POST"])
    add(f"{at}/receipts", data.receipts, methods=["GET"])
    add(f"{at}/retention", data.retention, methods=["GET"])
    add(f"{at}/export", data.export, methods=["GET"])
    return router
