"""`python -m ui.work`: the heavy work of the admin's pages in a process of its own with low priority, so that chats go on.

Reads {"task", "settings", ...} as JSON from standard input and writes a JSON object a line: {"stage", "done", "total"} while it
goes on, at last {"result"} or {"error"}. An interrupt leaves nothing behind. Must not know HTTP.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatbot.erasing import Copies
from chatbot.errors import ChatbotError
from chatbot.learning.encoder_publishing import Change, build_published, encoder_in_use, way_back
from chatbot.logs import configure_logging
from chatbot.privacy import Masker
from chatbot.protocols import Embedder
from chatbot.retrieval.embedder import open_embedder
from chatbot.settings import Settings
from chatbot.transcripts.collapse import collapse_signed
from chatbot.transcripts.intake import Export, Tally, take_in
from storage.opening import Store, open_store

_POLITE = 10
_TOLD_EVERY_S = 0.2
_BAD_TOLD = 200


class _Told:
    """Progress as lines, not more often than a person can read."""

    def __init__(self) -> None:
        self._last, self._stage = 0.0, ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage or now - self._last >= _TOLD_EVERY_S or (total and done == total):
            self._last, self._stage = now, stage
            tell({"stage": stage, "done": done, "total": total})


def tell(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the parent ignores it
    os.nice(_POLITE)
    wish = json.loads(sys.stdin.readline())
    settings = Settings(**wish["settings"])
    configure_logging(settings.model_copy(update={"log_level": "warning"}))
    try:
        tell({"result": _TASKS[wish["task"]](settings, wish)})
    except ChatbotError as exc:
        tell({"error": str(exc)})
    except KeyboardInterrupt:
        tell({"cancelled": True})


def _index(settings: Settings, wish: Mapping[str, Any]) -> dict[str, Any]:
    """With `back` (by, reason) for the encoder that was in use before, else with the one that is."""
    if (back := wish.get("back")) is not None:
        way, change = way_back(settings), Change(back["by"], back["reason"], action="rollback")
        built = _built(settings, way.embedder, way.previous, change)
        return built | {"back": {"kind": "encoder", "to": way.version, "from": way.previous}}
    previous = encoder_in_use(settings)
    return _built(settings, open_embedder(settings), previous, None)


def _built(settings: Settings, embedder: Embedder, previous: str | None, change: Change | None) -> dict[str, Any]:
    show = _Told()
    with _store(settings) as store, store.rights.overtaken(Copies(settings)):
        show("read passages", 0, 0)
        passages = collapse_signed(store.to_index(), store.knowledge.retired())
        version = build_published(settings, passages, embedder, show, previous=previous, change=change)
    return {"version": version.name, "passages": version.passages, "published": version.published}


def _preview(settings: Settings, wish: Mapping[str, Any]) -> dict[str, Any]:
    export = Export(Path(wish["path"]), wish["format"])
    tally = Tally(export.formats())
    take_in(export, tally, Masker(settings.keep_visible), None, _Told())
    return _view(tally, dry_run=True)


def _import(settings: Settings, wish: Mapping[str, Any]) -> dict[str, Any]:
    export = Export(Path(wish["path"]), wish["format"])
    tally = Tally(export.formats())
    with _store(settings) as store, store.transcripts.importing(export.path.name, tally.format) as batch:
        take_in(export, tally, Masker(settings.keep_visible), batch, _Told())
        if not tally.empty:
            batch.commit()
    return _view(tally, dry_run=False)


def _view(tally: Tally, *, dry_run: bool) -> dict[str, Any]:
    view = tally.view(dry_run=dry_run)
    return view | {"skipped": view["skipped"][:_BAD_TOLD], "skipped_count": len(view["skipped"])}


def _store(settings: Settings) -> Store:
    return open_store(settings.database_url.get_secret_value() if settings.database_url else None, settings.data)


_TASKS = {"index": _index, "preview": _preview, "import": _import}


if __name__ == "__main__":
    main()
