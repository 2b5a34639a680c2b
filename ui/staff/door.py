"""Where a browser is led that may not go on: to the login page, or to a page that says why. Must not know what was asked for."""

from __future__ import annotations

import re
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from chatbot.errors import ChatbotError, NotAllowed, NotFound, NotSignedIn
from ui.faults import answer_fault, answer_http, code_of
from ui.guard import NOTHING_HERE
from ui.staff.gate import SecondFactorMissing
from ui.staff.pages import notice
from ui.staff.parts import StaffParts

HOME = "/agents/"
_OWN_PAGE = re.compile(r"/(agents|admin|account)(/[\w./-]*)?(\?[\w.,:%&=+-]*)?")
_TITLES = {401: "Signed out", 403: "Not allowed", 404: "Not found"}


def own_page(path: str | None) -> str:
    """`path` when it is a page of the team's own, else the desk: a login link can lead to no other site."""
    return path if path and len(path) <= 500 and ".." not in path and _OWN_PAGE.fullmatch(path) else HOME


def install_door(app: FastAPI, parts: StaffParts) -> None:
    """Pages (GET, no /api/ in the path) that need a session answer 303 to /login; other refusals are HTML there too, and
    so is a page that is not there."""

    async def lead(request: Request, error: Exception) -> Response:
        assert isinstance(error, ChatbotError)
        if not _is_page(request):
            return await answer_fault(request, error)
        if isinstance(error, NotSignedIn):
            asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(own_page(asked), safe='/')}", 303)
        if isinstance(error, SecondFactorMissing):
            return RedirectResponse("/account?setup=1", 303)
        status, _ = code_of(error)
        return notice(parts, request, _TITLES[status], str(error), status)

    async def nothing_here(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code != 404 or not _is_page(request):
            return await answer_http(request, error)
        return notice(parts, request, _TITLES[404], NOTHING_HERE, 404)

    for kind in (NotSignedIn, NotAllowed, NotFound):  # those below them, too
        app.add_exception_handler(kind, lead)
    app.add_exception_handler(HTTPException, nothing_here)


def _is_page(request: Request) -> bool:
    path = request.url.path
    return request.method == "GET" and bool(_OWN_PAGE.fullmatch(path)) and "/api/" not in path
