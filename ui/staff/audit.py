"""The audit log's page: who did what, newest first; for admins. Must not know what the actions mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from storage.audit import AuditEntry
from ui.api import MAX_SEQ
from ui.staff.pages import page
from ui.staff.parts import StaffParts

PAGE = 100


@dataclass(frozen=True)
class AuditPage:
    """The routes' methods. Lives as long as the process."""

    parts: StaffParts

    async def page(self, request: Request) -> Response:
        user = await self.parts.gate.admin(request)
        return page(self.parts, request, user, "Audit log", "audit")

    async def entries(
        self,
        request: Request,
        target: Annotated[str | None, Query(max_length=220)] = None,
        user_id: Annotated[int | None, Query(ge=1, le=MAX_SEQ)] = None,
        action: Annotated[str | None, Query(max_length=60)] = None,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> dict[str, Any]:
        """At most 100, newest first; `before` is the last id of the page before. action: "user.disable", or "user" for all."""
        await self.parts.gate.admin(request)
        found = await self.parts.store.audit.entries(
            target=target or None, user_id=user_id, action=action or None, before_id=before, limit=PAGE + 1
        )
        return {"entries": [entry_view(entry) for entry in found[:PAGE]], "more": len(found) > PAGE}


def entry_view(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "detail": dict(entry.detail),
        "network": entry.network,
    }


def audit_routes(parts: StaffParts) -> APIRouter:
    log, router = AuditPage(parts), APIRouter()
    router.add_api_route("/admin/audit", log.page, methods=["GET"])
    router.add_api_route("/admin/api/audit", log.entries, methods=["GET"])
    return router
