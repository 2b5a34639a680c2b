"""The admin's import: an export is uploaded, looked at, taken in or thrown away; an erasure deletes it (`chatbot.uploads`). Must
not know formats or SQL."""

from __future__ import annotations

import asyncio
import re
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from filelock import FileLock

from chatbot.errors import BadInput, Conflict, StorageError, TooLarge
from chatbot.settings import Settings
from chatbot.uploads import FOLDER, claim, release, was_erased
from storage.audit import Actor
from ui.api import Strict
from ui.staff.jobs import Job, Jobs
from ui.staff.parts import StaffParts

UPLOAD = "/admin/api/knowledge/upload"
_UNSAFE = re.compile(r"[^\w.-]+")
_CHUNK = 1 << 20
ERASED = (
    "The file was deleted because somebody's data was erased, and nobody can tell whose data it holds; choose it again."
)


class Import(Strict):
    """Takes in the export that was uploaded last."""

    upload: str


def import_routes(parts: StaffParts, jobs: Jobs) -> APIRouter:
    router, routes = APIRouter(), ImportRoutes(parts, jobs, Uploads(parts.settings))
    routes.uploads.clear()  # what a killed process left
    router.add_api_route(UPLOAD, routes.upload, methods=["POST"], status_code=202)
    router.add_api_route(UPLOAD, routes.discard, methods=["DELETE"])
    router.add_api_route("/admin/api/knowledge/import", routes.take_in, methods=["POST"], status_code=202)
    return router


def forget_erased(jobs: Jobs, data: Path) -> None:
    """What was found in an export that an erasure has deleted goes, too: its samples are customers' words."""
    job = jobs.job
    if job and job.kind == "preview" and was_erased(data, job.about["upload"]):
        jobs.spoil(job, ERASED)


@dataclass(frozen=True)
class Uploads:
    """One export at a time, in a folder of its own in the data folder, deleted when it was taken in or thrown away."""

    settings: Settings

    @property
    def folder(self) -> Path:
        return self.settings.data / FOLDER

    async def receive(self, request: Request, name: str) -> Path:
        """Raises TooLarge, BadInput for an empty file, StorageError when the disk refuses."""
        most = self.settings.max_upload_mb * 1024 * 1024
        await asyncio.to_thread(self.clear)
        place = (
            self.folder / secrets.token_urlsafe(12) / (_UNSAFE.sub("_", Path(name).name).lstrip(".")[:100] or "export")
        )
        try:
            place.parent.mkdir(parents=True, mode=0o700)
            with place.open("wb") as file:
                size = await self._write(request, file, most)
        except OSError as exc:
            self.clear()
            raise StorageError(f"The file cannot be kept: {exc.strerror}; free space on the server.") from exc
        except BaseException:
            self.clear()
            raise
        if not size:
            self.clear()
            raise BadInput(f"{place.name} is empty; there is nothing to import.")
        return place

    async def _write(self, request: Request, file: Any, most: int) -> int:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise TooLarge(
                    f"The file is larger than {self.settings.max_upload_mb} MB (max_upload_mb); import it with "
                    "`chatbot import` on the server."
                )
            await asyncio.to_thread(file.write, chunk)
        return size

    def find(self, token: str) -> Path:
        """The file of an upload. Raises Conflict, which says why if it can, when it is gone."""
        folder = self.folder / token if re.fullmatch(r"[\w-]{8,40}", token) else None
        found = (
            next((path for path in folder.iterdir() if path.is_file()), None) if folder and folder.is_dir() else None
        )
        if found is None and folder and was_erased(self.settings.data, token):
            raise Conflict(ERASED)
        if found is None:
            raise Conflict("This upload is gone; choose the file again.")
        return found

    def drop(self, path: Path) -> None:
        """Deletes one upload; another that came meanwhile stays."""
        shutil.rmtree(path.parent, ignore_errors=True)
        with suppress(OSError):  # not empty
            self.folder.rmdir()

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class ImportRoutes:
    """Lives as long as the process."""

    parts: StaffParts
    jobs: Jobs
    uploads: Uploads

    async def upload(
        self, request: Request, name: Annotated[str, Query(min_length=1, max_length=255)]
    ) -> Mapping[str, Any]:
        """The body is the file. Answers with the job that looks at it: what would come in, and what would not."""
        user = await self.parts.gate.admin(request)
        claimed = await self._claimed()
        try:
            path = await self.uploads.receive(request, name)
            return self._start("preview", path, (user.name, self.parts.gate.actor(user, request)), claimed).view()
        except BaseException:
            release(self.parts.settings.data, claimed)
            raise

    async def take_in(self, request: Request, wish: Import) -> Mapping[str, Any]:
        """Imports what was uploaded; the file goes when it is done."""
        user = await self.parts.gate.admin(request)
        claimed = await self._claimed()
        try:
            path = await asyncio.to_thread(self.uploads.find, wish.upload)
            return self._start("import", path, (user.name, self.parts.gate.actor(user, request)), claimed).view()
        except BaseException:
            release(self.parts.settings.data, claimed)
            raise

    async def discard(self, request: Request) -> Mapping[str, Any]:
        """Throws the upload away, and what is being made of it."""
        await self.parts.gate.admin(request)
        job = self.jobs.job
        if job and job.kind in ("preview", "import"):
            self.jobs.cancel()
        await asyncio.to_thread(self.uploads.clear)
        if job and job.kind == "preview":
            self.jobs.forget(job)
        return {}

    async def _claimed(self) -> FileLock:
        """Until it is released no erasure deletes what lies there."""
        if self.jobs.job and self.jobs.job.state == "running":
            raise Conflict(f"{self.jobs.job.by} has started another piece of work; wait until it is done.")
        return await asyncio.to_thread(claim, self.parts.settings.data)

    def _start(self, kind: Literal["preview", "import"], path: Path, who: tuple[str, Actor], claimed: FileLock) -> Job:
        """Once it has begun, its end releases the claim."""
        loop, (by, actor) = asyncio.get_running_loop(), who

        def ended(job: Job) -> None:
            try:
                if kind == "import" or job.state != "done":
                    self.uploads.drop(path)
                if kind == "import":
                    self.parts.store.transcripts.clean_leftovers()  # a killed one erases nothing itself
                    asyncio.run_coroutine_threadsafe(self._taken_in(job, actor, path.name), loop)
            finally:
                release(self.parts.settings.data, claimed)
                forget_erased(self.jobs, self.parts.settings.data)

        about = {"upload": path.parent.name, "name": path.name}
        return self.jobs.start(kind, by, {"path": str(path), "format": "auto"}, ended, about)

    async def _taken_in(self, job: Job, actor: Actor, name: str) -> None:
        if job.state == "done":
            counts = job.result["conversations"] | {"passages": job.result["passages"]}
            await self.parts.store.audit.record(actor, "knowledge.import", f"file:{name}"[:220], counts)
