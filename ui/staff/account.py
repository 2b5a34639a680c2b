"""What one does with the own account: password, second factor, sessions. Must not know other people's."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import Field

from chatbot.errors import BadInput, Conflict
from storage.people import User
from storage.sessions import hash_token
from ui.staff.factors import new_secret, provisioning_uri, qr_svg, recovery_codes, recovery_hash, step_of
from ui.staff.login import Strict, Text
from ui.staff.pages import page
from ui.staff.parts import StaffParts
from ui.staff.passwords import check_new
from ui.staff.signin import WRONG_CODE

TO_SCAN_S = 900


class NewPassword(Strict):
    current: Text
    new: Text


class Confirm(Strict):
    password: Text


class Proof(Strict):
    ticket: Annotated[str, Field(max_length=500)]
    code: Annotated[str, Field(max_length=40)]


@dataclass(frozen=True)
class Account:
    """The routes' methods. Lives as long as the process; a QR code that was shown before a restart must be drawn anew."""

    parts: StaffParts
    _tickets: URLSafeTimedSerializer = field(
        default_factory=lambda: URLSafeTimedSerializer(secrets.token_urlsafe(32), salt="second factor")
    )

    async def page(self, request: Request) -> Response:
        user = await self.parts.gate.person(request)
        return page(self.parts, request, user, "Your account", "account")

    async def me(self, request: Request) -> dict[str, Any]:
        """The own account and the browsers that are signed in with it."""
        user = await self.parts.gate.person(request)
        found = await self.parts.store.credentials.of(user.id)
        here = self._here(request)
        sessions = await self.parts.store.sessions.of(user.id)
        return {
            "email": user.email,
            "name": user.name,
            "role": user.role,
            "has_password": bool(found and found.password_hash),
            "second_factor": user.second_factor,
            "second_factor_needed": user.is_admin and self.parts.settings.admin_totp,
            "recovery_left": found.recovery_left if found else 0,
            "sessions": [
                {
                    "since": session.created_at,
                    "seen": session.seen_at,
                    "network": session.network or "this machine",
                    "here": session.token_hash == here,
                }
                for session in sessions
            ],
        }

    async def password(self, request: Request, body: NewPassword) -> Response:
        """Signs out every other browser; this one goes on under a new id, so that a copy of its cookie is out, too."""
        user = await self._confirmed(request, body.current)
        fresh = await self.parts.sign_in.passwords.hash(check_new(body.new, user.email, user.name))
        actor = self.parts.gate.actor(user, request)
        await self.parts.store.credentials.set_password(user.id, fresh, actor, keep=self._here(request))
        return await self._renewed(request, {"saved": True})

    async def begin_factor(self, request: Request, body: Confirm) -> dict[str, str]:
        """A new secret as QR code and in words. It counts once a code of it was given."""
        user = _without_factor(await self._confirmed(request, body.password))
        secret = new_secret()
        uri = provisioning_uri(secret, user.email, self.parts.settings.company)
        return {"secret": secret, "svg": qr_svg(uri), "ticket": self._tickets.dumps([user.id, secret])}

    async def prove_factor(self, request: Request, body: Proof) -> dict[str, list[str]]:
        """The first code switches the second factor on; the recovery codes are shown this once."""
        user = _without_factor(await self.parts.gate.person(request))
        try:
            user_id, secret = self._tickets.loads(body.ticket, max_age=TO_SCAN_S)
        except BadSignature as exc:
            raise BadInput("This QR code is too old; draw a new one.") from exc
        if user_id != user.id:
            raise BadInput("This QR code was drawn for somebody else; draw a new one.")
        await self.parts.sign_in.tries.begin_code(user.id)
        step = step_of(secret, body.code)
        if step is None:
            raise BadInput(WRONG_CODE)
        await self.parts.sign_in.tries.code_succeeded(user.id)
        codes = recovery_codes()
        hashes = [recovery_hash(code) for code in codes]
        actor = self.parts.gate.actor(user, request)
        await self.parts.store.credentials.set_second_factor(user.id, secret, step, hashes, actor)
        return {"recovery": codes}

    async def drop_factor(self, request: Request, body: Confirm) -> dict[str, bool]:
        user = await self._confirmed(request, body.password)
        if user.is_admin and self.parts.settings.admin_totp:
            raise Conflict("Admins need a second factor here; it cannot be switched off.")
        await self.parts.store.credentials.drop_second_factor(user.id, self.parts.gate.actor(user, request))
        return {"saved": True}

    async def sign_out_elsewhere(self, request: Request) -> Response:
        """Every browser but this one, and whoever has a copy of this one's cookie."""
        user = await self.parts.gate.person(request)
        actor = self.parts.gate.actor(user, request)
        ended = await self.parts.store.sessions.end_all(user.id, actor, keep=self._here(request))
        return await self._renewed(request, {"ended": ended})

    async def _confirmed(self, request: Request, password: str) -> User:
        user = await self.parts.gate.person(request)
        await self.parts.sign_in.confirm(user, password, self.parts.gate.network(request))
        return user

    async def _renewed(self, request: Request, answer: dict[str, Any]) -> Response:
        fresh = await self.parts.store.sessions.renew(self.parts.gate.token(request) or "")
        return JSONResponse(answer, headers={"set-cookie": self.parts.gate.cookie(fresh)})

    def _here(self, request: Request) -> str:
        return hash_token(self.parts.gate.token(request) or "")


def _without_factor(user: User) -> User:
    if user.second_factor:
        raise Conflict("A second factor is set up already; switch it off first.")
    return user


def account_routes(parts: StaffParts) -> APIRouter:
    account, router = Account(parts), APIRouter()
    add = router.add_api_route
    add("/account", account.page, methods=["GET"])
    add("/account/api/me", account.me, methods=["GET"])
    add("/account/api/password", account.password, methods=["POST"])
    add("/account/api/second-factor", account.begin_factor, methods=["POST"])
    add("/account/api/second-factor/proof", account.prove_factor, methods=["POST"])
    add("/account/api/second-factor/off", account.drop_factor, methods=["POST"])
    add("/account/api/sign-out-elsewhere", account.sign_out_elsewhere, methods=["POST"])
    return router
