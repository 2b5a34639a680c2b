"""Turns Gradio's HTML page into ours: cookie, nonce, language, styles, no foreign metadata. Must not know chats."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from html import escape

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.settings import Settings
from ui.embedding import is_framed
from ui.identity import Identity
from ui.strings import choose_language, strings
from ui.theme import accent_css

_FOREIGN = re.compile(r"<meta\s+(?:property|name)=\"(?:og|twitter):[^>]*>|<link rel=\"manifest\"[^>]*>", re.DOTALL)
_SCRIPT = re.compile(r"<script(?=[\s>])")


@dataclass(frozen=True)
class CustomerPage:
    """Around the whole app; touches nothing but `GET /`. A browser without a valid cookie leaves with a new one."""

    app: ASGIApp
    settings: Settings
    identity: Identity
    static: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        request = Request(scope)
        language = choose_language(request.headers.get("accept-language"))
        token = None if self.identity.from_cookie(request) else self.identity.new_token()
        scope["nonce"] = secrets.token_urlsafe(16)
        # uncompressed, so that the page can be rewritten
        scope = {**scope, "headers": [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]}
        cookie = token and self.identity.set_cookie(
            token, framed=bool(self.settings.embed_origins) and is_framed(request)
        )
        rewriter = _Rewriter(self, send, language, cookie, scope["nonce"])
        await self.app(scope, receive, rewriter)

    def rewrite(self, html: str, language: str, nonce: str) -> str:
        """Gradio's page with our head; every script of it carries the nonce."""
        html = _SCRIPT.sub(f'<script nonce="{nonce}"', _FOREIGN.sub("", html))
        html = html.replace('<html\n\tlang="en"', f'<html\n\tlang="{language}"', 1)
        html = html.replace("</head>", f"{self._head()}</head>", 1)
        return re.sub(r"(<body[^>]*>)", lambda body: body.group() + self._boot(language), html, count=1)

    def _head(self) -> str:
        icon = f'<link rel="icon" type="image/svg+xml" href="{self.static}/favicon.svg">'
        sheet = f'<link rel="stylesheet" href="{self.static}/chat.css">'
        preload = f'<link rel="modulepreload" href="{self.static}/chat.js">'
        accent = f"<style>{accent_css(self.settings.accent)}</style>"
        scheme = '<meta name="color-scheme" content="light dark">'
        return f"<title>{escape(self.settings.company)}</title>{scheme}{icon}{preload}{accent}{sheet}"

    def _boot(self, language: str) -> str:
        words = strings(language)
        opening = f'<div class="boot" role="status"><i></i><span>{escape(words["starting"])}</span></div>'
        return f'{opening}<noscript><p class="noscript">{escape(words["needs_js"])}</p></noscript>'


class _Rewriter:
    """Collects one HTML answer and sends it rewritten; lets every other answer through."""

    def __init__(self, page: CustomerPage, send: Send, language: str, cookie: str | None, nonce: str) -> None:
        self._page, self._send, self._language, self._cookie, self._nonce = page, send, language, cookie, nonce
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                self._start = message
            else:
                await self._send(message)
        elif self._start is None:
            await self._send(message)
        else:
            self._parts.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        html = self._page.rewrite(b"".join(self._parts).decode(), self._language, self._nonce)
        body = html.encode()
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(body))
        headers["vary"] = "accept-language, cookie"
        if self._cookie:
            headers.append("set-cookie", self._cookie)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})
