"""The walls around every route: what may be reached, from where, how large, with which headers. Must not know chats."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Gradio needs 'unsafe-eval' for its HTML templates; inline scripts run only with the page's nonce (see page.py).
_CSP = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'{nonce}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors {ancestors}"
)
# Everything that the customer page takes from Gradio. Its queue, uploads, files, cancel and heartbeat routes are open
# to anyone who knows them, and the page needs none of them.
_FROM_GRADIO = re.compile(r"/|/theme\.css|/(assets|static)/[\w./-]+|/gradio_api/(theme\.css|startup-events)")
_TO_GRADIO = re.compile(r"/gradio_api/component_server/?")
_OWN = re.compile(
    r"/(api/v1|chat|agents|admin|login|setup|account)/.*|/(healthz|readyz|metrics|widget\.js|favicon\.ico|login|logout|account|agents|admin)"
)
WIDGET = "/widget.js"  # made for the pages of other sites
_READS = ("GET", "HEAD", "OPTIONS")
NOTHING_HERE = "There is nothing here."


def is_own(path: str) -> bool:
    """Does the path belong to routes of ours, whether or not one takes it?"""
    return bool(_OWN.fullmatch(path))


def error_body(code: str, message: str) -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


async def refuse(send: Send, status: int, code: str, message: str) -> None:
    body = error_body(code, message)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True)
class OnlyKnownPaths:
    """404 for every path that is neither ours nor on the short list of what the page takes from Gradio.

    own: further prefixes that belong to mounts with their own guard.
    """

    app: ASGIApp
    own: Sequence[str] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http" or self._known(scope):
            await self.app(scope, receive, send)
        else:
            await refuse(send, 404, "not_found", NOTHING_HERE)

    def _known(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if ".." in path:
            return False
        if is_own(path) or path.startswith(tuple(self.own)):
            return True
        if _TO_GRADIO.fullmatch(path):
            return scope["method"] == "POST" and _is_json(scope)
        return bool(_FROM_GRADIO.fullmatch(path)) and scope["method"] in _READS


@dataclass(frozen=True)
class SameOriginWrites:
    """403 for a write that a browser sends on behalf of another site. Programs send neither header and pass."""

    app: ASGIApp
    origins: Sequence[str] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _READS and not self._same_origin(Headers(scope=scope)):
            await refuse(send, 403, "foreign_origin", "This request came from another site.")
        else:
            await self.app(scope, receive, send)

    def _same_origin(self, headers: Headers) -> bool:
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        return origin is None or origin in self.origins or urlsplit(origin).netloc == headers.get("host")


@dataclass(frozen=True)
class BodyLimit:
    """413 for a body above `limit` bytes, whatever its Content-Length says. It is read before the route starts.

    streamed: paths whose routes read the body themselves, piece by piece, and hold to a limit of their own.
    """

    app: ASGIApp
    limit: int
    streamed: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READS or scope["path"] in self.streamed:
            return await self.app(scope, receive, send)
        declared = Headers(scope=scope).get("content-length", "0")
        body = None if not declared.isdigit() or int(declared) > self.limit else await self._read(receive)
        if body is None:
            return await refuse(send, 413, "too_large", f"The request is larger than {self.limit} bytes.")
        await self.app(scope, _Replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b""
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.limit:
                return None
            if not message.get("more_body"):
                return b"".join(parts)


class _Replay:
    """Gives a body that has been read to the route, then whatever else the client sends (its leaving, say)."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


@dataclass(frozen=True)
class SecurityHeaders:
    """The same strict headers on every answer; a page's nonce is read from `scope["nonce"]`.

    ancestors: who may show the customer's page, and no other, in a frame, as the policy writes it.
    """

    app: ASGIApp
    https: bool
    ancestors: str = "'none'"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), scope)
            await send(message)

        await self.app(scope, receive, with_headers)

    def _add(self, headers: MutableHeaders, scope: Any) -> None:
        nonce, path = scope.get("nonce"), scope["path"]
        ancestors = self.ancestors if path == "/" else "'none'"
        headers["content-security-policy"] = _CSP.format(
            nonce=f" 'nonce-{nonce}'" if nonce else "", ancestors=ancestors
        )
        headers["x-content-type-options"] = "nosniff"
        if ancestors == "'none'":  # it knows no list; browsers go by the policy where both are there
            headers["x-frame-options"] = "DENY"
        headers["referrer-policy"] = "same-origin"
        headers["cross-origin-opener-policy"] = "same-origin"
        headers["cross-origin-resource-policy"] = "cross-origin" if path == WIDGET else "same-origin"
        headers["permissions-policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
        if self.https:
            headers["strict-transport-security"] = "max-age=31536000"
        if path != WIDGET and not path.startswith(("/assets/", "/static/", "/chat/static/")):
            headers["cache-control"] = "no-store"


def _is_json(scope: Scope) -> bool:
    return Headers(scope=scope).get("content-type", "").split(";")[0].strip() == "application/json"
