"""The doors: /login, /logout and the one-time links under /setup. Must not know what lies behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from chatbot.errors import NotFound, NotSignedIn
from ui.staff.door import own_page
from ui.staff.pages import notice, page
from ui.staff.parts import StaffParts
from ui.staff.signin import Started, actor_of

Token = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[\w-]+$")]
Text = Annotated[str, Field(max_length=1000)]
ACCOUNT_SETUP = "/account?setup=1"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Login(Strict):
    email: Text
    password: Text
    next: Text | None = None


class Code(Strict):
    code: Annotated[str, Field(max_length=40)]
    next: Text | None = None


class Chosen(Strict):
    """email and name: for the first admin only."""

    password: Text
    email: Text | None = None
    name: Text | None = None


@dataclass(frozen=True)
class Doors:
    """The routes' methods. Lives as long as the process."""

    parts: StaffParts

    async def page(self, request: Request, next: Annotated[str | None, Query()] = None) -> Response:
        """The login page; whoever is signed in already is led on."""
        way = own_page(next)
        try:
            await self.parts.gate.person(request)
        except NotSignedIn:
            return page(self.parts, request, None, "Sign in", "login", {"next": way, "oidc": self._oidc})
        return RedirectResponse(way, 303)

    async def login(self, request: Request, body: Login) -> Response:
        gate = self.parts.gate
        started = await self.parts.sign_in.by_password(
            body.email, body.password, gate.network(request), gate.token(request)
        )
        return self._let_in(started, body.next)

    async def code(self, request: Request, body: Code) -> Response:
        token = self.parts.gate.token(request)
        if token is None:
            raise NotSignedIn("The time for the code is over; sign in again with your password.")
        started = await self.parts.sign_in.by_code(token, body.code, self.parts.gate.network(request))
        return self._let_in(started, body.next)

    async def logout(self, request: Request) -> Response:
        """Ends the session on the server, then takes the cookie back. Without a session it only leads to the login page."""
        gate, token = self.parts.gate, self.parts.gate.token(request)
        if token:
            user = await self.parts.store.sessions.signed_in(token)
            await self.parts.store.sessions.end(token, actor_of(user, gate.network(request)) if user else None)
        return RedirectResponse("/login", 303, headers={"set-cookie": gate.cookie("", 0)})

    async def to_slash(self, request: Request) -> Response:
        """For whoever types the address by hand."""
        return RedirectResponse(f"{request.url.path}/", 307)

    async def setup_page(self, request: Request, token: Token) -> Response:
        try:
            user = await self.parts.store.links.look(token)
        except NotFound as error:
            return notice(self.parts, request, "This link does not work", str(error), 404)
        who = {"email": user.email, "name": user.name} if user else None
        return page(self.parts, request, None, "Choose a password", "setup", {"person": who})

    async def setup(self, request: Request, token: Token, body: Chosen) -> Response:
        network, sign_in = self.parts.gate.network(request), self.parts.sign_in
        if body.email is None and body.name is None:
            started = await sign_in.by_link(token, body.password, network, self.parts.gate.token(request))
        else:
            person = (body.email or "", body.name or "")
            started = await sign_in.as_first_admin(token, person, body.password, network)
        return self._let_in(started, None)

    @property
    def _oidc(self) -> bool:
        return self.parts.settings.oidc_issuer is not None

    def _let_in(self, started: Started, wanted: str | None) -> Response:
        answer: dict[str, Any] = {"code": True}
        if not started.code:
            answer = {"code": False, "next": way_in(started, wanted)}
        return JSONResponse(answer, headers={"set-cookie": self.parts.gate.cookie(started.token)})


def way_in(started: Started, wanted: str | None) -> str:
    """An admin without a second factor is led to set one up; everybody else to where they were going."""
    return ACCOUNT_SETUP if started.user.is_admin and not started.user.second_factor else own_page(wanted)


def login_routes(parts: StaffParts) -> APIRouter:
    doors, router = Doors(parts), APIRouter()
    add = router.add_api_route
    add("/login", doors.page, methods=["GET"])
    add("/login", doors.login, methods=["POST"])
    add("/login/code", doors.code, methods=["POST"])
    add("/agents", doors.to_slash, methods=["GET"])
    add("/admin", doors.to_slash, methods=["GET"])
    add("/logout", doors.logout, methods=["POST"])
    add("/setup/{token}", doors.setup_page, methods=["GET"])
    add("/setup/{token}", doors.setup, methods=["POST"])
    return router
