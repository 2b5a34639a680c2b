"""Lays out the customer page in Gradio: one `gr.HTML` with our shell, script and functions. Must hold no logic.

One component and no event of Gradio's queue: the shell's script calls `server_functions`, each answered at once with
the view to draw, and listens to /chat/events for what happens later. So nothing of a chat ever waits in a queue, a
failed call is an error that the script retries with the same message id, and all other Gradio routes stay closed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import gradio as gr

from chatbot.errors import ChatbotError, NotFound
from chatbot.settings import Settings
from ui.faults import code_of
from ui.handlers import ChatHandlers, caller_of
from ui.icons import icon
from ui.identity import Identity, client_prefix
from ui.rendering import rating_form
from ui.strings import LANGUAGES, choose_language, strings

ACTIONS = (
    *("view", "send", "stop", "person", "bot", "contact", "typing"),
    *("thumb", "rate", "end", "new_chat", "delete"),
)
QUEUE_PAUSE_S = 0.25
SHELL = Path(__file__).parent / "static" / "shell.html"
_ICON = re.compile(r"@icon\(([\w-]+)\)")
_MENU = (
    ("new_chat", "plus"),
    ("download_text", "download"),
    ("download_json", "download"),
    ("rate_chat", "star"),
    ("end_chat", "end"),
    ("delete_data", "trash"),
)
ServerFunction = Callable[[Any, gr.Request], Coroutine[Any, Any, dict[str, Any]]]


def build_chat(handlers: ChatHandlers, identity: Identity, static: str) -> gr.Blocks:
    """static: the address of our static files, with their version in it."""
    settings = handlers.parts.settings
    with gr.Blocks(title=settings.company, analytics_enabled=False, delete_cache=(86_400, 86_400)) as page:
        gr.HTML(
            value="",
            html_template=shell(),
            js_on_load=f"import('{static}/chat.js').then((chat) => chat.start(element, props.config, server));",
            apply_default_css=False,
            elem_id="chat",
            server_functions=[server_function(handlers, identity, name) for name in ACTIONS],
            config=page_config(settings),
        )
    page.queue(api_open=False)
    # Gradio asks its queue, which the chat does not use, a thousand times a second: most of what an idle server does
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = QUEUE_PAUSE_S
    return page  # type: ignore[no-any-return]


def server_function(handlers: ChatHandlers, identity: Identity, name: str) -> ServerFunction:
    """A handler as Gradio calls it: the arguments as one JSON object, the caller from our cookie and nothing else."""
    trusted = handlers.parts.settings.trusted_proxies

    async def call(data: Any, request: gr.Request) -> dict[str, Any]:
        given = dict(data) if isinstance(data, dict) else {}
        wish = given.pop("language", None)
        language = wish if wish in LANGUAGES else choose_language(request.headers.get("accept-language"))
        try:
            owner = identity.from_cookie(request)  # type: ignore[arg-type]
            caller = caller_of(owner, client_prefix(request, trusted), language)  # type: ignore[arg-type]
            view: dict[str, Any] = await getattr(handlers, name)(caller, **given)
        except NotFound as error:
            return _problem("no_cookie" if owner is None else "not_found", language, error)
        except ChatbotError as error:
            return _problem(code_of(error)[1], language, error)
        except TypeError:  # arguments that the page never sends
            return _problem("bad_input", language, None)
        return view

    call.__name__ = name
    return call


def page_config(settings: Settings) -> dict[str, Any]:
    """What the script needs to know, the same for everyone: it is printed into the page."""
    return {
        "company": settings.company,
        "maxChars": settings.max_message_chars,
        "privacyUrl": settings.privacy_url or "",
        "strings": {language: dict(strings(language)) for language in LANGUAGES},
        "icons": {name: icon(name) for name in ("check", "copy", "clock")},
        "ratingForms": {language: rating_form(strings(language)) for language in LANGUAGES},
    }


def shell() -> str:
    """The fixed markup. In it `data-t` names the string that fills an element, `data-label` the one that names it."""
    drawn = _ICON.sub(lambda found: icon(found[1]), SHELL.read_text(encoding="utf-8"))
    return drawn.replace("@menu", "".join(_menu_item(name, picture) for name, picture in _MENU))


def _menu_item(name: str, picture: str) -> str:
    danger = ' class="danger"' if name == "delete_data" else ""
    words = f'{icon(picture)}<span data-t="{name}"></span>'
    return f'<button type="button" role="menuitem" tabindex="-1" data-do="{name}"{danger}>{words}</button>'


def _problem(code: str, language: str, error: ChatbotError | None) -> dict[str, Any]:
    words = strings(language)
    retry = getattr(error, "retry_after_s", None)
    return {
        "error": {"code": code, "message": words.get(f"error_{code}", words["error_internal"]), "retry_after": retry}
    }
