"""`python -m tests.served_ui FOLDER PORT`: the pages over a real SQLite store, in a process that tests may kill."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from storage.opening import open_store
from tests.fakes_ui import fake_parts
from ui.__main__ import Server, take_port
from ui.app import create_app_from


def main(folder: Path, port: int) -> None:
    with open_store(None, folder, server=True) as store, take_port("127.0.0.1", port) as listening:
        parts = fake_parts(folder, store=store.conversations, pace_s=0.005)
        config = uvicorn.Config(create_app_from(parts), log_level="error", timeout_graceful_shutdown=5)
        Server(config, parts.hub, str(listening.getsockname()[1])).run(sockets=[listening])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
