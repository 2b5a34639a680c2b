"""The frame around every page of the team: head, navigation, one script module. Must not know what the pages do."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from storage.people import User
from ui.staff.parts import StaffParts
from ui.theme import accent_css


@dataclass(frozen=True)
class Place:
    """An entry of the navigation."""

    path: str
    title: str
    admin: bool = False


PLACES = (
    Place("/agents/", "Desk"),
    Place("/agents/transcripts", "Transcripts"),
    Place("/agents/review", "Review"),
    Place("/agents/gaps", "Gaps"),
    Place("/agents/canned", "Canned answers"),
    Place("/admin/", "Overview", admin=True),
    Place("/admin/knowledge", "Knowledge", admin=True),
    Place("/admin/models", "Models", admin=True),
    Place("/admin/users", "People", admin=True),
    Place("/admin/data", "Data", admin=True),
    Place("/admin/audit", "Audit log", admin=True),
)


def page(
    parts: StaffParts,
    request: Request,
    user: User | None,
    title: str,
    script: str,
    extra: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    """An HTML page whose content the module `staff/<script>.js` draws into <main id="app">.

    The module's `start(root, config)` gets `config = {company, user: {id, name, role, team_id} | null, static}` and what
    `extra` adds. The content security policy lets no inline script run but the one that carries the request's nonce.
    """
    nonce = secrets.token_urlsafe(16)
    request.scope["nonce"] = nonce
    who = {"id": user.id, "name": user.name, "role": user.role, "team_id": user.team_id} if user else None
    config = json.dumps({"company": parts.settings.company, "user": who, "static": parts.static, **(extra or {})})
    config = config.replace("<", "\\u003c")  # no text can end the script element
    return HTMLResponse(
        f"{_head(parts, title)}"
        f'<body class="page-{escape(script)}"><a class="skip" href="#app">Skip to content</a>{_navigation(user, request)}'
        f'<main id="app" tabindex="-1"></main><div id="toasts" role="status" aria-live="polite"></div>'
        "<noscript><p>This page needs JavaScript.</p></noscript>"
        f'<script type="application/json" id="config">{config}</script>'
        f'<script type="module" nonce="{nonce}">'  # on a phone the place where one is may lie beside the bar
        'document.querySelector("nav [aria-current]")?.scrollIntoView({block: "nearest", inline: "center"});'
        f"{_beside(parts, user) if script != 'desk' else ''}"
        f'import("{parts.static}/staff/{escape(script)}.js").then((page) => '
        'page.start(document.getElementById("app"), JSON.parse(document.getElementById("config").textContent)));</script>'
        "</body></html>"
    )


def notice(parts: StaffParts, request: Request, title: str, sentence: str, status: int) -> HTMLResponse:
    """A page with one sentence and a way on; for what cannot be shown. It runs no script."""
    door = request.url.path.startswith(("/login", "/setup"))
    on, label = ("/login", "To the sign-in") if door else ("/agents/", "To the desk")
    return HTMLResponse(
        f'{_head(parts, title)}<body><main id="app"><div class="sheet narrow"><h1>{escape(title)}</h1>'
        f'<p>{escape(sentence)}</p><p><a class="button" href="{on}">{label}</a></p></div></main></body></html>',
        status,
    )


def _head(parts: StaffParts, title: str) -> str:
    return (
        "<!doctype html>"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)} · {escape(parts.settings.company)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<link rel="icon" type="image/svg+xml" href="{parts.static}/favicon.svg">'
        f"<style>{accent_css(parts.settings.accent)}</style>"
        f'<link rel="stylesheet" href="{parts.static}/staff/staff.css"></head>'
    )


def _beside(parts: StaffParts, user: User | None) -> str:
    """For whoever may see the desk: not an admin whose second factor is still missing."""
    if user is None or (user.is_admin and parts.settings.admin_totp and not user.second_factor):
        return ""
    return f'import("{parts.static}/staff/beside.js").then((desk) => desk.begin());'


def _navigation(user: User | None, request: Request) -> str:
    if user is None:
        return ""
    links = "".join(
        f'<a href="{place.path}"{" aria-current=page" if request.url.path == place.path else ""}>{place.title}</a>'
        for place in PLACES
        if user.is_admin or not place.admin
    )
    return (
        f'<header class="bar"><nav aria-label="Pages">{links}<a class="phone" href="/account">Account</a></nav>'
        f'<form method="post" action="/logout"><a class="who" href="/account">{escape(user.name)}</a>'
        '<button type="submit">Sign out</button></form></header>'
    )
