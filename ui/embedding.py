"""The chat on the company's own pages: /widget.js, and who may show the chat window in a frame. Must not know chats."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import HTTPConnection
from starlette.responses import Response

from chatbot.errors import NotFound
from chatbot.settings import Settings
from ui.guard import WIDGET
from ui.strings import LANGUAGES, strings
from ui.theme import on_white

SCRIPT = Path(__file__).parent / "static" / "widget.js"
_WORDS = ("widget_open", "widget_close", "widget_news")


def widget_routes(settings: Settings) -> APIRouter:
    """The launcher as one script, with the company's name, colour and words in it; 404 where no site may embed the chat."""
    router = APIRouter()
    body = _script(settings)

    @router.get(WIDGET, include_in_schema=False)
    async def widget() -> Response:
        if not settings.embed_origins:
            raise NotFound("No other site may show this chat: name those that may in the setting embed_origins.")
        # An hour: a new colour or a new version reaches the company's pages without anybody's doing.
        return Response(body, media_type="text/javascript", headers={"cache-control": "public, max-age=3600"})

    return router


def frame_ancestors(settings: Settings) -> str:
    """Who may show the chat window in a frame, as CSP level 3, 6.4.2 writes it."""
    return " ".join(("'self'", *settings.embed_origins)) if settings.embed_origins else "'none'"


def is_framed(request: HTTPConnection) -> bool:
    """Does the browser ask for a page to show it in a frame (Fetch Metadata)?"""
    return request.headers.get("sec-fetch-dest") in ("iframe", "frame")


def _script(settings: Settings) -> str:
    accent, on_accent = on_white(settings.accent)
    config = {
        "company": settings.company,
        "accent": accent,
        "onAccent": on_accent,
        "words": {language: {name: strings(language)[name] for name in _WORDS} for language in LANGUAGES},
    }
    return f"({SCRIPT.read_text(encoding='utf-8').strip()})({json.dumps(config)});\n"
