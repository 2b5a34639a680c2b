"""The routes of signing in with a company account, where a sign-in service is set. Must not know the protocol."""

from __future__ import annotations

import dataclasses
import hmac
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from chatbot.errors import NotAllowed
from storage.audit import Actor
from storage.credentials import Secrets
from ui.identity import open_identity
from ui.staff.door import own_page
from ui.staff.login import way_in
from ui.staff.oidc import Begun, Claims, Provider, ServiceError, provider_of
from ui.staff.parts import StaffParts
from ui.staff.signin import actor_of
from ui.staff.tries import account_key

COOKIE = "precedent-company-sign-in"
LASTS_S = 600


@dataclass(frozen=True)
class CompanyDoor:
    """The routes' methods. Lives as long as the process."""

    parts: StaffParts
    provider: Provider
    cookies: URLSafeTimedSerializer

    async def begin(self, request: Request, next: Annotated[str | None, Query()] = None) -> Response:
        """Leads to the sign-in service."""
        try:
            address, begun = await self.provider.begin(self._back(request))
        except ServiceError:
            return _to_login("away")
        kept = self.cookies.dumps([dataclasses.astuple(begun), own_page(next)])
        return RedirectResponse(address, 303, headers={"set-cookie": self._cookie(kept, LASTS_S)})

    async def callback(
        self,
        request: Request,
        code: Annotated[str, Query(max_length=4000)] = "",
        state: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        """Comes back from there: in, or to the login page with the reason."""
        try:
            begun, way = self._read(request, state)
            claims = await self.provider.finish(code, begun, self._back(request))
        except ServiceError:
            return _to_login("away")
        except NotAllowed:
            return _to_login("failed")
        found = await self._user(claims, request)
        if found is None:
            return _to_login("unknown")
        gate = self.parts.gate
        started = await self.parts.sign_in.begin(found, gate.network(request), gate.token(request))
        answer = RedirectResponse(
            f"/login?step=code&next={quote(way, safe='/')}" if started.code else way_in(started, way), 303
        )
        answer.headers.append("set-cookie", gate.cookie(started.token))
        answer.headers.append("set-cookie", self._cookie("", 0))
        return answer

    def _read(self, request: Request, state: str) -> tuple[Begun, str]:
        """What this very browser began with. Raises NotAllowed."""
        try:
            parts, way = self.cookies.loads(request.cookies.get(COOKIE) or "", max_age=LASTS_S)
        except BadSignature as exc:
            raise NotAllowed("The sign-in began in another browser, or too long ago.") from exc
        begun = Begun(*parts)
        if not hmac.compare_digest(begun.state.encode(), state.encode("utf-8", "replace")):
            raise NotAllowed("The sign-in was begun elsewhere.")
        return begun, own_page(way)

    async def _user(self, claims: Claims, request: Request) -> Secrets | None:
        """Somebody of the team only: by the account's lasting id, the first time by its verified address."""
        credentials, network = self.parts.store.credentials, self.parts.gate.network(request)
        found = await credentials.by_subject(claims.subject)
        if found is None:
            found = await credentials.by_email(claims.email)
            if found and (found.linked or found.user.disabled):
                found = None
            if found:
                await credentials.link_account(found.user.id, claims.subject, actor_of(found.user, network))
        if found is None or found.user.disabled:
            nobody = Actor(None, "nobody", network)
            await self.parts.store.audit.record(nobody, "session.refused", f"account:{account_key(claims.email)}")
            return None
        return found

    def _back(self, request: Request) -> str:
        base = self.parts.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
        return f"{base.rstrip('/')}/login/oidc/callback"

    def _cookie(self, value: str, max_age_s: int) -> str:
        cookie = f"{COOKIE}={value}; Path=/login; Max-Age={max_age_s}; HttpOnly; SameSite=Lax"
        return f"{cookie}; Secure" if self.parts.gate.secure else cookie


def oidc_routes(parts: StaffParts) -> APIRouter:
    """Empty where no sign-in service is set. Raises SettingsError for half a setting."""
    router, provider = APIRouter(), provider_of(parts.settings)
    if provider is not None:
        cookies: URLSafeTimedSerializer = URLSafeTimedSerializer(
            open_identity(parts.settings).key, salt="precedent.oidc"
        )
        door = CompanyDoor(parts, provider, cookies)
        router.add_api_route("/login/oidc", door.begin, methods=["GET"])
        router.add_api_route("/login/oidc/callback", door.callback, methods=["GET"])
    return router


def _to_login(problem: str) -> Response:
    return RedirectResponse(f"/login?problem={problem}", 303)
