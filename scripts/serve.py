"""`chatbot serve`: starts the web process in this terminal. Knows its name only: the pages are no business of a script."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from scripts.options import AppOptions, DataOption, run, settings_from


def main(
    ctx: typer.Context,
    data: DataOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.", show_default=False)] = None,
) -> None:
    """Serves the customer window, the REST API and the health pages until it is stopped (Ctrl-C)."""
    settings = settings_from(ctx, data, host=host, port=port)
    common = ctx.obj if isinstance(ctx.obj, AppOptions) else AppOptions()
    os.environ |= {
        "CHATBOT_DATA": str(settings.data),
        "CHATBOT_HOST": settings.host,
        "CHATBOT_PORT": str(settings.port),
    }
    if common.config:
        os.environ["CHATBOT_CONFIG"] = str(Path(common.config).absolute())
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "ui"])  # noqa: S606 - one process, so that signals reach the server itself


if __name__ == "__main__":
    one = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    one.command()(main)
    run(one)
