"""The admins' overview: the figures of a period, the moment's state, exports. Must not know SQL or how figures are drawn."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from chatbot.errors import BadInput
from storage.checks import check_year
from storage.figure_rows import Span
from storage.figures import Figures
from storage.people import User
from ui.staff.figure_views import figures_csv, figures_view
from ui.staff.pages import page
from ui.staff.parts import StaffParts

LONGEST_DAYS = 732
_USUAL_DAYS = 30
_SLOW_S, _KEPT_S, _KEPT = 0.5, 60.0, 16
Day = Annotated[date | None, Query()]
Language = Annotated[str | None, Query(max_length=16)]


def overview_routes(parts: StaffParts) -> APIRouter:
    router, routes = APIRouter(), OverviewRoutes(parts)
    router.add_api_route("/admin/", routes.page, methods=["GET"], response_class=HTMLResponse)
    router.add_api_route("/admin/api/figures", routes.figures, methods=["GET"])
    router.add_api_route("/admin/api/figures/today", routes.today, methods=["GET"])
    router.add_api_route("/admin/api/figures/export", routes.export, methods=["GET"])
    return router


@dataclass(frozen=True)
class OverviewRoutes:
    """Lives as long as the process. Figures that took long are kept for a minute."""

    parts: StaffParts
    _kept: OrderedDict[Span, tuple[float, Figures]] = field(default_factory=OrderedDict)

    async def page(self, request: Request) -> HTMLResponse:
        user = await self.parts.gate.admin(request)
        return page(self.parts, request, user, "Overview", "overview")

    async def figures(
        self, request: Request, first: Day = None, last: Day = None, language: Language = None
    ) -> Mapping[str, Any]:
        """first, last: days in UTC, both included; the last 30 days by default."""
        user = await self.parts.gate.admin(request)
        found = await self._figures(user, _span(first, last, language))
        return figures_view(found) | {"all_languages": list(await self.parts.store.figures.languages(user))}

    async def today(self, request: Request) -> Mapping[str, Any]:
        user = await self.parts.gate.admin(request)
        now = await self.parts.store.figures.now(user, datetime.combine(_today(), datetime.min.time(), UTC))
        return {
            "waiting": now.waiting,
            "waiting_since": now.waiting_since.isoformat() if now.waiting_since else None,
            "with_people": now.with_people,
            "agents": [{"id": one.id, "name": one.name} for one in self.parts.presence.present()],
            "begun": now.begun,
            "kept": now.kept,
        }

    async def export(
        self,
        request: Request,
        format: Literal["csv", "json"] = "csv",
        first: Day = None,
        last: Day = None,
        language: Language = None,
    ) -> Response:
        """The figures as a file; leaves a line in the audit log."""
        user = await self.parts.gate.admin(request)
        span = _span(first, last, language)
        found = await self._figures(user, span)
        detail = {
            "format": format,
            "first": span.first.isoformat(),
            "last": span.last.isoformat(),
            "language": language,
        }
        await self.parts.store.audit.record(self.parts.gate.actor(user, request), "export.figures", None, detail)
        name = f"figures-{span.first}-{span.last}{f'-{language}' if language else ''}.{format}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        if format == "csv":
            return Response(figures_csv(found), media_type="text/csv", headers=headers)
        return JSONResponse(figures_view(found), headers=headers)

    async def _figures(self, user: User, span: Span) -> Figures:
        """An admin sees all there is, so what one asked for serves the others."""
        began = time.monotonic()
        known = self._kept.get(span)
        if known is not None and began - known[0] < _KEPT_S:
            return known[1]
        found = await self.parts.store.figures.of(user, span)
        if time.monotonic() - began > _SLOW_S:
            self._kept[span] = (time.monotonic(), found)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found


def _today() -> date:
    return datetime.now(UTC).date()


def _span(first: date | None, last: date | None, language: str | None) -> Span:
    """Raises BadInput for a period that ends before it begins, is too long or of another age."""
    for day, name in ((first, "first"), (last, "last")):
        if day is not None:
            check_year(day, name)
    end = last or (max(first, _today()) if first else _today())
    start = first or end - timedelta(days=_USUAL_DAYS - 1)
    if start > end:
        raise BadInput(f"The period ends on {end}, before it begins on {start}; swap the two days.")
    if (end - start).days >= LONGEST_DAYS:
        raise BadInput(f"A period has at most {LONGEST_DAYS} days; choose a shorter one.")
    if language is not None and not language.replace("-", "").isalnum():
        raise BadInput("A language is written as en or pt-BR.")
    return Span(start, end, language or None)
