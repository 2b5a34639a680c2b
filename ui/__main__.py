"""`python -m ui`: runs the web process until told to stop, and says plainly why it cannot. Must not know pages."""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from chatbot.errors import ChatbotError, SettingsError
from chatbot.generation.supervisor import Supervisor, own_supervisor
from chatbot.logs import configure_logging
from chatbot.settings import Settings, load_settings
from chatbot.variables import CONFIG
from storage.opening import Store
from ui.events import EventHub

GRACE_S = 5


class Server(uvicorn.Server):
    """Ends the windows' event streams before it waits for open connections, so that a stop is prompt."""

    def __init__(self, config: uvicorn.Config, hub: EventHub, url: str, house: Store | None = None) -> None:
        super().__init__(config)
        self._hub, self._url, self._house = hub, url, house

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"Ready: {self._url}\n{await self._first_admin()}")
            sys.stdout.flush()

    async def _first_admin(self) -> str:
        """No password comes with the product: while nobody could sign in as an admin, the terminal (never the log) gets a link."""
        token = await self._house.links.for_first_admin() if self._house else None
        return (
            f"No admin can sign in yet. Open {self._url}/setup/{token} to become one (once, within 72 hours).\n"
            if token
            else ""
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        await super().shutdown(sockets)
        for late in list(
            self.server_state.connections
        ):  # came while the others were asked to go, as a browser's spare ones do
            if late.transport is not None:
                late.transport.abort()
        await asyncio.sleep(0)


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 stopped, 1 could not run, 2 a setting cannot work."""
    given = _parser().parse_args(arguments)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # also where a script's & has it ignored, as once it serves
    if given.config:
        os.environ[CONFIG] = str(given.config.absolute())  # the commands that admins start in the page read it, too
    try:
        settings = load_settings(given.config, data=given.data, host=given.host, port=given.port)
        configure_logging(settings)
        return serve(settings)
    except ChatbotError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def serve(settings: Settings) -> int:
    """Takes the port first: a second server must fail before it touches anything."""
    with take_port(settings.host, settings.port) as listening:
        try:
            return 0 if asyncio.run(_serve(settings, listening)) else 1
        except KeyboardInterrupt:  # before it served
            return 130


async def _serve(settings: Settings, listening: socket.socket) -> bool:
    """Whether it came to serve. The model server starts beside the rest, which takes as long."""
    supervisor = own_supervisor(settings)
    try:
        if supervisor and settings.data.is_dir():
            supervisor.begin()
        app = await asyncio.to_thread(_build, settings, supervisor)
        url = settings.public_url or _url(settings.host, listening.getsockname()[1])
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            proxy_headers=False,  # ours are read in identity.client_prefix, from trusted proxies only
        )
        server = Server(config, app.state.parts.hub, url.rstrip("/"), app.state.parts.house)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _heeded)
        await server.serve(sockets=[listening])
        return server.started
    finally:
        if supervisor:
            await supervisor.stop()


def _build(settings: Settings, supervisor: Supervisor | None) -> FastAPI:
    from ui.app import create_app  # seconds of importing, in which the model server gets on

    return create_app(settings, supervisor)


def _heeded(_number: int, _frame: FrameType | None) -> None:
    """uvicorn raises the signal that stopped it once more at the end; it has been heeded, and Ctrl-C is no traceback."""


def take_port(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises SettingsError with what would do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as exc:
        listening.close()
        raise SettingsError(_why_not(exc, host, port)) from exc
    listening.set_inheritable(True)
    return listening


def _why_not(exc: OSError, host: str, port: int) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken by another program: stop that one, or choose another with --port."
    if exc.errno == errno.EACCES:
        return f"Port {port} may only be used by the system's administrator: choose one from 1024 up with --port."
    return f"The server cannot listen on host {host}, port {port}: {exc.strerror or exc}. Change --host or --port."


def _url(host: str, port: int) -> str:
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - shown, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ui", description="Serves the customer window, the REST API and health."
    )
    parser.add_argument("--config", type=Path, help="settings file (default: chatbot.toml, if there)")
    parser.add_argument("--data", type=Path, help="folder with everything that the deployment owns")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on; 0 picks a free one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
