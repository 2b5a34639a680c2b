"""Who of the team calls: reads the session cookie and holds to the roles. Must not know passwords or pages."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from chatbot.errors import NotAllowed, NotSignedIn
from chatbot.settings import Settings
from storage.audit import Actor
from storage.people import User
from storage.sessions import LONGEST, Sessions
from ui.identity import client_prefix

COOKIE_LASTS_S = int(LONGEST.total_seconds())  # the database ends a session sooner when nobody uses it


class SecondFactorMissing(NotAllowed):
    """An admin without a second factor where the setting `admin_totp` asks for one; HTTP 403, pages lead to /account."""


@dataclass(frozen=True)
class Gate:
    """Lives as long as the process. Every route of the team calls `agent` or `admin` first; both read the database, so a user
    who is disabled or signed out is out with the next request."""

    sessions: Sessions
    settings: Settings

    @property
    def secure(self) -> bool:
        return (self.settings.public_url or "").startswith("https://")

    @property
    def cookie_name(self) -> str:
        return "__Host-precedent-team" if self.secure else "precedent-team"

    async def person(self, request: HTTPConnection) -> User:
        """Whoever is signed in, for what one does with the own account. Raises NotSignedIn."""
        token = self.token(request)
        user = await self.sessions.signed_in(token) if token else None
        if user is None:
            raise NotSignedIn("You are not signed in, or your session has ended; sign in again.")
        return user

    async def agent(self, request: HTTPConnection) -> User:
        """Anybody of the team. Raises NotSignedIn."""
        user = await self.person(request)
        if user.is_admin and self.settings.admin_totp and not user.second_factor:
            raise SecondFactorMissing("Admins need a second factor here: set one up on your account page, /account.")
        return user

    async def admin(self, request: HTTPConnection) -> User:
        """Raises NotSignedIn, and NotAllowed for an agent."""
        user = await self.agent(request)
        if not user.is_admin:
            raise NotAllowed("This is for admins only; ask one of them.")
        return user

    async def still(self, user: User, request: HTTPConnection) -> bool:
        """For streams, to ask every few seconds: is that session alive, and are the rights the same as when it began?

        It does not count as activity: a desk that stands open and unwatched ends like any other session.
        """
        token = self.token(request)
        now = await self.sessions.signed_in(token, active=False) if token else None
        return now is not None and (now.id, now.role, now.team_id) == (user.id, user.role, user.team_id)

    def actor(self, user: User, request: HTTPConnection) -> Actor:
        """How the user stands in the audit log."""
        return Actor(user.id, f"{user.id} {user.name}", self.network(request))

    def network(self, request: HTTPConnection) -> str | None:
        return client_prefix(request, self.settings.trusted_proxies)

    def token(self, request: HTTPConnection) -> str | None:
        """The session's secret, when what the cookie holds could be one."""
        token = request.cookies.get(self.cookie_name)
        return token if token and len(token) <= 200 and token.isascii() else None

    def cookie(self, token: str, max_age_s: int = COOKIE_LASTS_S) -> str:
        """The Set-Cookie header that hands a session to a browser; `max_age_s` 0 takes it back."""
        cookie = f"{self.cookie_name}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax"
        return f"{cookie}; Secure" if self.secure else cookie
