"""Gathers the team's routers. Knows every area, does nothing itself."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from ui.staff.account import account_routes
from ui.staff.archive import archive_routes
from ui.staff.audit import audit_routes
from ui.staff.canned import canned_routes
from ui.staff.copilot import copilot_routes
from ui.staff.corrections import correction_routes
from ui.staff.data import data_routes
from ui.staff.desk import desk_routes
from ui.staff.desk_events import desk_event_routes
from ui.staff.gaps import gap_routes
from ui.staff.knowledge import knowledge_routes
from ui.staff.login import login_routes
from ui.staff.models import model_routes
from ui.staff.oidc_routes import oidc_routes
from ui.staff.overview import overview_routes
from ui.staff.parts import StaffParts
from ui.staff.review import review_routes
from ui.staff.users import users_routes

AREAS: tuple[Callable[[StaffParts], APIRouter], ...] = (
    login_routes,
    oidc_routes,
    account_routes,
    users_routes,
    audit_routes,
    desk_routes,
    desk_event_routes,
    copilot_routes,
    canned_routes,
    archive_routes,
    review_routes,
    correction_routes,
    gap_routes,
    knowledge_routes,
    model_routes,
    overview_routes,
    data_routes,
)
"""One function an area: its pages and their JSON routes."""


def staff_routes(parts: StaffParts) -> APIRouter:
    """Everything under /login, /logout, /account, /setup, /agents and /admin; never part of the public OpenAPI."""
    router = APIRouter(include_in_schema=False)
    for area in AREAS:
        router.include_router(area(parts))
    return router
