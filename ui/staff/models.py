"""The admin's page of models: versions, commands that make and publish them, the way back. Must not know how a model is made."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from chatbot.errors import ModelError, UsageError
from chatbot.generation.tuned import pinned
from chatbot.learning.cards import Card, headline
from chatbot.learning.datasets import list_datasets
from chatbot.learning.registry import history, open_version, problems, published, read_card, rollback, versions
from chatbot.learning.runs import unfinished
from chatbot.retrieval.index import list_versions
from ui.api import Strict
from ui.staff.commands import Command, Commands
from ui.staff.contests import contest_routes
from ui.staff.pages import page
from ui.staff.parts import StaffParts
from ui.staff.tasks import VERSION, Publish, Task, limits

API = "/admin/api/models"
VersionName = Annotated[str, Path(pattern=VERSION)]
CommandId = Annotated[str, Path(pattern=r"^\d{8}-\d{6}-[0-9a-f]{6}$")]
_HISTORY = 30


class Wish(Strict):
    """One of `tasks.Task`."""

    wish: Task


class Back(Strict):
    """Of an encoder the index is the pointer, see `indexing`. reason: kept in the history."""

    kind: Literal["generator", "heads"]
    reason: str = Field("", max_length=500)


def model_routes(parts: StaffParts) -> APIRouter:
    routes = ModelRoutes(parts, Commands(parts.settings))
    contests, contest = contest_routes(parts)
    router = APIRouter(lifespan=partial(_living, contest))
    router.add_api_route("/admin/models", routes.page, methods=["GET"], response_class=HTMLResponse)
    router.add_api_route(API, routes.all, methods=["GET"])
    router.add_api_route(f"{API}/versions/{{model_version}}", routes.one, methods=["GET"])
    router.add_api_route(f"{API}/versions/{{model_version}}/verify", routes.verify, methods=["POST"])
    router.add_api_route(f"{API}/rollback", routes.rollback, methods=["POST"])
    router.add_api_route(f"{API}/commands", routes.commands_, methods=["GET"])
    router.add_api_route(f"{API}/commands", routes.start, methods=["POST"], status_code=202)
    router.add_api_route(f"{API}/commands/{{command_id}}", routes.command, methods=["GET"])
    router.add_api_route(f"{API}/commands/{{command_id}}/interrupt", routes.interrupt, methods=["POST"])
    router.include_router(contests)
    return router


@asynccontextmanager
async def _living(contest: Any, _app: object) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if contest is not None:
            await contest.close()


@dataclass(frozen=True)
class ModelRoutes:
    """Lives as long as the process."""

    parts: StaffParts
    commands: Commands

    async def page(self, request: Request) -> HTMLResponse:
        user = await self.parts.gate.admin(request)
        return page(self.parts, request, user, "Models", "models")

    async def all(self, request: Request) -> Mapping[str, Any]:
        """Versions, what is published and what is served, the history, data sets, and the encoder of the served index."""
        await self.parts.gate.admin(request)
        return await asyncio.to_thread(self._all)

    def _all(self) -> dict[str, Any]:
        settings = self.parts.settings
        try:
            now: dict[str, Any] = {
                "generator": published(settings.models_folder, "generator"),
                "heads": published(settings.models_folder, "heads"),
                "history": [asdict(entry) for entry in history(settings.models_folder)[: -_HISTORY - 1 : -1]],
                "problem": None,
            }
        except ModelError as exc:
            now = {"generator": None, "heads": None, "history": [], "problem": str(exc)}
        served = next((one for one in list_versions(settings.index_folder) if one.current), None)
        return now | {
            "serving": self._serving(now),
            "versions": [_short(card) for card in reversed(versions(settings.models_folder))],
            "broken": problems(settings.models_folder),
            "encoder": served.encoder if served else None,
            "base": settings.model,
            "reply_mode": settings.reply_mode.value,
            "unfinished": unfinished(settings.data),
            "limits": limits(),
            "datasets": [asdict(one) | {"made": one.made.isoformat()} for one in list_datasets(settings.data)],
        }

    def _serving(self, now: Mapping[str, Any]) -> Mapping[str, str | None]:
        """What customers get, which is not what is published where a setting goes before that or it could not be opened. None for
        the base model, and for no heads."""
        settings, assistant = self.parts.settings, self.parts.assistant
        pin, named = pinned(settings), "none" if settings.engine == "none" else settings.model
        supervisor, following = (assistant.supervisor, assistant.following) if assistant else (None, None)
        heads = assistant.heads if assistant else None
        return {
            "generator": supervisor.spec.name if supervisor else named if pin else now["generator"],
            "pinned": pin,
            "problem": following.problem if following else None,
            "heads": heads.version if heads else now["heads"],
            "heads_problem": heads.problem if heads else None,
        }

    async def one(self, request: Request, model_version: VersionName) -> Mapping[str, Any]:
        """The whole card but for the hashes of files and conversations. Raises NotFound, ModelError."""
        await self.parts.gate.admin(request)
        card = await asyncio.to_thread(read_card, self.parts.settings.models_folder, model_version)
        whole = asdict(card) | {"conversations": len(card.conversations_sha256), "files": sorted(card.files)}
        return {name: value for name, value in whole.items() if name != "conversations_sha256"}

    async def verify(self, request: Request, model_version: VersionName) -> Mapping[str, Any]:
        """Every byte against the card. Raises ModelError naming the file that differs."""
        await self.parts.gate.admin(request)
        found = await asyncio.to_thread(open_version, self.parts.settings.models_folder, model_version)
        return {"version": model_version, "files": len(found.card.files)}

    async def rollback(self, request: Request, wish: Back) -> Mapping[str, Any]:
        """Back to what was published before; the server swaps without dropping a chat. Raises NotFound."""
        user = await self.parts.gate.admin(request)
        models, reason = self.parts.settings.models_folder, wish.reason or None
        entry = await asyncio.to_thread(rollback, models, wish.kind, user.name, reason=reason)
        detail = {"kind": wish.kind, "to": entry.version, "from": entry.previous}
        await self.parts.store.audit.record(
            self.parts.gate.actor(user, request), "models.rollback", f"model:{entry.version or 'base'}", detail
        )
        return asdict(entry)

    async def commands_(self, request: Request) -> Mapping[str, Any]:
        """Newest first."""
        await self.parts.gate.admin(request)
        found = await asyncio.to_thread(self.commands.recent)
        return {"commands": [_command(one) for one in found]}

    async def start(self, request: Request, body: Wish) -> Mapping[str, Any]:
        """Starts the very command that an admin would type. Raises Conflict while one runs."""
        user = await self.parts.gate.admin(request)
        if isinstance(body.wish, Publish) and body.wish.force and not body.wish.reason.strip():
            raise UsageError("Publishing against the gate's verdict needs a reason, which is kept.")
        title, arguments = body.wish.command()
        command = await asyncio.to_thread(self.commands.start, title, arguments, user.name)
        detail = {"task": body.wish.task, "command": command.id}
        await self.parts.store.audit.record(
            self.parts.gate.actor(user, request), f"models.{body.wish.task}", f"command:{command.id}", detail
        )
        return _command(command)

    async def command(
        self, request: Request, command_id: CommandId, after: Annotated[int, Query(ge=0, le=2**62)] = 0
    ) -> Mapping[str, Any]:
        """Where it stands, its words from byte `after` on, and the lines of its training run."""
        await self.parts.gate.admin(request)
        return await asyncio.to_thread(self._followed, command_id, after)

    def _followed(self, command_id: str, after: int) -> dict[str, Any]:
        command = self.commands.one(command_id)
        output, size = self.commands.output(command_id, after)
        return _command(command) | {"output": output, "after": size, "progress": self.commands.progress(command)}

    async def interrupt(self, request: Request, command_id: CommandId) -> Mapping[str, Any]:
        """Ctrl-C: what was finished stays, a training run can be gone on with."""
        user = await self.parts.gate.admin(request)
        await asyncio.to_thread(self.commands.interrupt, command_id)
        await self.parts.store.audit.record(
            self.parts.gate.actor(user, request), "models.interrupt", f"command:{command_id}"
        )
        return {}


def _short(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "kind": card.kind,
        "created_at": card.created_at,
        "base": card.base,
        "method": card.method,
        "format": card.format,
        "languages": list(card.languages),
        "dataset": card.dataset,
        "parent": card.parent,
        "fit": list(card.fit),
        "scores": headline(card),
    }


def _command(command: Command) -> dict[str, Any]:
    """The command line is shown as an admin would type it, without the interpreter's path."""
    return {
        "id": command.id,
        "title": command.title,
        "typed": shlex.join(["chatbot", *command.argv[5:]]),
        "by": command.by,
        "started_at": command.started_at,
        "ended_at": command.ended_at,
        "state": command.state,
        "code": command.code,
    }
