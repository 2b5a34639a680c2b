"""The composition root: one FastAPI app out of ready parts. Knows everyone, does nothing itself."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from chatbot.generation.supervisor import Supervisor
from chatbot.hours import read_hours
from chatbot.settings import Settings, load_settings
from ui.api import Api, api_routes
from ui.downloads import download_routes
from ui.embedding import frame_ancestors, widget_routes
from ui.faults import Contained, install_faults
from ui.guard import BodyLimit, OnlyKnownPaths, SameOriginWrites, SecurityHeaders
from ui.handlers import ChatHandlers
from ui.health import health_routes
from ui.identity import Identity, open_identity, own_origins
from ui.metrics import metrics_routes
from ui.page import CustomerPage
from ui.parts import Parts
from ui.presence import Presence
from ui.rates import Rates
from ui.reception import Reception
from ui.staff.door import install_door
from ui.staff.gate import Gate
from ui.staff.imports import UPLOAD
from ui.staff.parts import StaffParts
from ui.staff.routes import staff_routes
from ui.staff.signin import SignIn
from ui.streams import event_routes
from ui.unknown import leave_own_paths

STATIC_FOLDER = Path(__file__).parent / "static"


def create_app(settings: Settings | None = None, supervisor: Supervisor | None = None) -> FastAPI:
    """The product, wired for one deployment. Opens the store at once, so that a broken one is said before serving.

    supervisor: see `build_parts`. Raises ChatbotError with a sentence that says what to mend.
    """
    from ui.wiring import build_parts

    return create_app_from(build_parts(settings or load_settings(), supervisor))


def create_app_from(parts: Parts) -> FastAPI:
    """The app around collaborators that are ready; its lifespan starts and stops them."""
    settings, identity = parts.settings, open_identity(parts.settings)
    rates = Rates(settings.messages_per_minute, settings.turns_per_ip)
    parts.hub.listen(rates.turn_over)
    parts.metrics.watch(parts.hub)
    reception = _reception(parts)
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    app = FastAPI(
        title=f"{settings.company}: chat",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
        lifespan=partial(_lifespan, parts, reception),
    )
    app.state.parts = parts
    install_faults(app)
    for router in (
        health_routes(parts),
        metrics_routes(parts.metrics, token),
        api_routes(Api(parts, identity, rates)),
        event_routes(parts, identity),
        download_routes(parts, identity, rates),
        widget_routes(settings),
    ):
        app.include_router(router)
    static = f"/chat/static/{version(STATIC_FOLDER)}"
    if parts.house is not None:
        gate = Gate(parts.house.sessions, settings)
        sign_in = SignIn(parts.house)
        staff = StaffParts(
            settings, parts.house, parts.manager, parts.hub, gate, static, sign_in, assistant=parts.assistant
        )
        staff = replace(staff, presence=reception.presence) if reception else staff
        install_door(app, staff)
        app.include_router(staff_routes(staff))
    app.mount(static, StaticFiles(directory=STATIC_FOLDER), name="static")
    _in_a_loop(partial(_mount_chat, app, ChatHandlers(parts, rates, reception), identity, static))
    _wrap(app, settings, identity, static)
    return app


def _reception(parts: Parts) -> Reception | None:
    """Without a house of our own, as in tests of the window alone, nobody waits for the team."""
    if parts.house is None:
        return None
    settings = parts.settings
    hours, patience = read_hours(settings.business_hours, settings.time_zone), timedelta(minutes=settings.wait_minutes)
    return Reception(parts.house.desk, parts.hub, Presence(), hours, patience)


@asynccontextmanager
async def _lifespan(parts: Parts, reception: Reception | None, _app: FastAPI) -> AsyncIterator[None]:
    async with parts.lifespan(), reception.open() if reception else nullcontext():
        await parts.manager.start()
        try:
            yield
        finally:
            parts.hub.close()
            await parts.manager.close()


def _mount_chat(app: FastAPI, handlers: ChatHandlers, identity: Identity, static: str) -> None:
    """Mounted last: a mount at / takes every path that nobody before it has taken, but for our own."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read by Gradio on import
    import gradio as gr

    from ui.chat import build_chat
    from ui.theme import plain_theme

    gr.mount_gradio_app(
        app,
        build_chat(handlers, identity, static),
        path="/",
        run_history=False,
        show_error=False,
        enable_monitoring=False,
        footer_links=[],
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        max_file_size=1,
        allowed_paths=[],
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        theme=plain_theme(),
    )
    leave_own_paths(app.router.routes)


def _in_a_loop(build: Callable[[], None]) -> None:
    """Gradio, set up where no event loop runs, makes several of its own and never closes them."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(_call(build))
    else:
        build()


async def _call(build: Callable[[], None]) -> None:
    build()


def _wrap(app: FastAPI, settings: Settings, identity: Identity, static: str) -> None:
    """The walls, from the innermost to the outermost."""
    origins = own_origins(settings)
    app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST", "DELETE"])
    app.add_middleware(CustomerPage, settings=settings, identity=identity, static=static)
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes, streamed=frozenset({UPLOAD}))
    app.add_middleware(SameOriginWrites, origins=origins)
    app.add_middleware(OnlyKnownPaths)
    app.add_middleware(Contained)
    app.add_middleware(SecurityHeaders, https=identity.secure, ancestors=frame_ancestors(settings))


def version(folder: Path) -> str:
    """A short hash of our static files, so that a browser may keep them for ever."""
    content = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return content.hexdigest()[:12]
