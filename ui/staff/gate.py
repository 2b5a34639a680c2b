"""Who of the team calls: reads the session cookie and holds to the roles. Must not know passwords or pages."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from chatbot.errors import NotAllowed, NotSignedIn
from chatbot.settings import Settings
from storage.audit import Actor
from storage.people import People, User
from ui.identity import client_prefix


@dataclass(frozen=True)
class Gate:
    """Lives as long as the process. Every route of the team calls `agent` or `admin` first; both read the database, so a user
    who is disabled or signed out is out with the next request."""

    people: People
    settings: Settings

    @property
    def secure(self) -> bool:
        return (self.settings.public_url or "").startswith("https://")

    @property
    def cookie_name(self) -> str:
        return "__Host-precedent-team" if self.secure else "precedent-team"

    async def agent(self, request: HTTPConnection) -> User:
        """Anybody of the team. Raises NotSignedIn."""
        token = request.cookies.get(self.cookie_name)
        user = await self.people.signed_in(token) if token and len(token) <= 200 and token.isascii() else None
        if user is None:
            raise NotSignedIn("You are not signed in, or your session has ended; sign in again.")
        return user

    async def admin(self, request: HTTPConnection) -> User:
        """Raises NotSignedIn, and NotAllowed for an agent."""
        user = await self.agent(request)
        if not user.is_admin:
            raise NotAllowed("This is for admins only; ask one of them.")
        return user

    def actor(self, user: User, request: HTTPConnection) -> Actor:
        """How the user stands in the audit log."""
        return Actor(user.id, f"{user.id} {user.name}", client_prefix(request, self.settings.trusted_proxies))

    def cookie(self, token: str, max_age_s: int) -> str:
        """The Set-Cookie header that hands a session to a browser; `max_age_s` 0 takes it back."""
        cookie = f"{self.cookie_name}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax"
        return f"{cookie}; Secure" if self.secure else cookie
