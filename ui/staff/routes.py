"""Gathers the team's routers. Knows every area, does nothing itself."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from ui.staff.parts import StaffParts

AREAS: tuple[Callable[[StaffParts], APIRouter], ...] = ()
"""One function an area: its pages and their JSON routes."""


def staff_routes(parts: StaffParts) -> APIRouter:
    """Everything under /login, /logout, /account, /setup, /agents and /admin; never part of the public OpenAPI."""
    router = APIRouter(include_in_schema=False)
    for area in AREAS:
        router.include_router(area(parts))
    return router
