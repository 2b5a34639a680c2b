"""The customer's own data as a file, for the owner of the cookie only. Must not know how it is gathered or drawn."""

from __future__ import annotations

import json
from typing import Literal

from fastapi import APIRouter, Request, Response

from chatbot.errors import NotFound
from ui.identity import Identity
from ui.mydata import export, export_text
from ui.parts import Parts
from ui.rates import Rates
from ui.strings import LANGUAGES, choose_language


def download_routes(parts: Parts, identity: Identity, rates: Rates) -> APIRouter:
    """`GET /chat/download/chat.txt` and `.json`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/chat/download/chat.{kind}")
    async def download(kind: Literal["txt", "json"], request: Request, lang: str = "") -> Response:
        owner = identity.from_cookie(request)
        if owner is None:
            raise NotFound("There is nothing to download.")
        rates.action(owner)
        language = lang if lang in LANGUAGES else choose_language(request.headers.get("accept-language"))
        if kind == "json":
            body, media = json.dumps(await export(parts, owner), indent=2), "application/json"
        else:
            body, media = await export_text(parts, owner, language), "text/plain; charset=utf-8"
        headers = {"content-disposition": f'attachment; filename="chat.{kind}"'}
        return Response(body.encode("utf-8", "replace"), media_type=media, headers=headers)

    return router
