"""Who a customer is: a signed secret in a cookie or a bearer token. Must not know conversations or pages."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from starlette.requests import HTTPConnection

from chatbot.errors import StorageError
from chatbot.settings import Settings

COOKIE_DAYS = 180
KEY_FILE = "cookie.key"


@dataclass(frozen=True)
class Identity:
    """Issues and reads customers' tokens. Lives as long as the process; any task may call.

    A token is a random secret with a signature; `owner_of` never returns the secret but its hash, which is all that the
    store ever sees. secure: the site is served over https, so the cookie is `__Host-` and `Secure`.
    """

    key: str
    secure: bool

    @property
    def cookie_name(self) -> str:
        return "__Host-precedent" if self.secure else "precedent"

    def new_token(self) -> str:
        return self._signer.sign(secrets.token_urlsafe(24)).decode()

    def owner_of(self, token: str | None) -> str | None:
        """The opaque owner behind a token; None when it is absent, forged or signed with another key."""
        if not token or len(token) > 200 or not token.isascii():
            return None
        try:
            secret = self._signer.unsign(token)
        except BadSignature:
            return None
        return hashlib.sha256(b"customer:" + secret).hexdigest()

    def from_cookie(self, request: HTTPConnection) -> str | None:
        return self.owner_of(request.cookies.get(self.cookie_name))

    def from_bearer(self, request: HTTPConnection) -> str | None:
        return self.owner_of(bearer_token(request))

    def set_cookie(self, token: str, *, framed: bool = False) -> str:
        """The Set-Cookie header that hands `token` to a browser, out of reach of scripts.

        framed: in a frame on another site, which sees none but one of its own (CHIPS, draft-cutler-httpbis-partitioned-cookies);
        without https there is no such cookie.
        """
        cookie = f"{self.cookie_name}={token}; Path=/; Max-Age={COOKIE_DAYS * 86400}; HttpOnly"
        if not self.secure:
            return f"{cookie}; SameSite=Lax"
        return f"{cookie}; Secure; SameSite=None; Partitioned" if framed else f"{cookie}; Secure; SameSite=Lax"

    @property
    def _signer(self) -> Signer:
        return Signer(self.key, salt="precedent.customer", digest_method=hashlib.sha256)


def open_identity(settings: Settings) -> Identity:
    """The signing key of the settings, or one made once in the data folder. Raises StorageError."""
    key = settings.cookie_key.get_secret_value() if settings.cookie_key else _own_key(settings.data / KEY_FILE)
    return Identity(key=key, secure=(settings.public_url or "").startswith("https://"))


def bearer_token(request: HTTPConnection) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


def client_prefix(request: HTTPConnection, trusted: Sequence[str] = ()) -> str | None:
    """The network that a caller comes from (/24 of IPv4, /64 of IPv6), for limits; None on this machine itself.

    `X-Forwarded-For` counts only when the peer is one of `trusted`; then its last address that is not trusted does.
    """
    peer = request.client.host if request.client else ""
    if peer in trusted:
        hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        peer = next((hop for hop in reversed(hops) if hop not in trusted), peer)
    try:
        address = ip_address(peer)
    except ValueError:
        return None
    if address.is_loopback:
        return None
    return str(ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False))


def own_origins(settings: Settings) -> tuple[str, ...]:
    """Origins besides the request's own Host that pages of this deployment are served from."""
    if not settings.public_url:
        return ()
    parts = urlsplit(settings.public_url)
    return (f"{parts.scheme}://{parts.netloc}",)


def _own_key(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32))
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise StorageError(f"The key that signs cookies, {path}, cannot be made or read: {exc}.") from exc
    if len(key) < 32:
        raise StorageError(f"The key that signs cookies, {path}, is too short; delete it, a new one is made at start.")
    return key
