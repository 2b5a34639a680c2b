"""`python -m chatbot.generation.server`: loads one model, serves it, says where, and dies with its supervisor.

One JSON line goes to stdout when it is ready, {"event": "ready", "url", "pid"}, or when it cannot be,
{"event": "failed", "error"}; everything else goes to stderr. Must not know the web process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

import uvicorn

from chatbot.errors import ChatbotError, ModelError
from chatbot.generation.app import Limits, ModelServer
from chatbot.generation.catalogue import ModelSpec, forbid_downloads, verify
from chatbot.generation.engine import Engine
from chatbot.variables import MODEL_SERVER_KEY

FAILED = 3

OpenEngine = Callable[[argparse.Namespace], Engine]


def main(argv: Sequence[str] | None = None, open_engine: OpenEngine | None = None) -> int:
    """Runs until SIGTERM, or with --lifeline until stdin ends. `open_engine` replaces the real engines in tests."""
    announce = _keep_stdout_for_announcements()
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    if options.lifeline:
        threading.Thread(target=_die_with_parent, name="lifeline", daemon=True).start()
    os.nice(options.nice)
    try:
        listening = _listen(options.host, options.port)
        engine = (open_engine or open_real_engine)(options)
    except ChatbotError as exc:
        _say(announce, {"event": "failed", "error": str(exc)})
        logging.getLogger(__name__).error("%s", exc)
        return FAILED
    limits = Limits(options.slots, options.queue, options.max_tokens, options.stuck_s)
    app = ModelServer(engine, options.name, limits, os.environ.get(MODEL_SERVER_KEY)).app()
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5, lifespan="off")
    host, port = listening.getsockname()[:2]
    _say(announce, {"event": "ready", "url": f"http://{host}:{port}", "pid": os.getpid()})
    asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))
    engine.close()
    return 0


def open_real_engine(options: argparse.Namespace) -> Engine:
    """Verifies the files, then loads them. Raises ModelError."""
    forbid_downloads(options.allow_download)
    path = None if options.path is None else Path(options.path)
    adapter = None if options.adapter is None else Path(options.adapter)
    given = ModelSpec(
        options.name,
        options.kind,
        options.engine,
        path,
        options.sha256,
        context=options.context,
        adapter=adapter,
        adapter_sha256=options.adapter_sha256,
    )
    spec = verify(given, allow_download=options.allow_download)
    if options.engine == "openvino":
        from chatbot.generation.engine_openvino import OpenVinoEngine

        models_folder = Path(options.models_folder)
        return OpenVinoEngine(spec, slots=options.slots, threads=options.threads, models_folder=models_folder)
    from chatbot.generation.engine_transformers import Hardware, TransformersEngine

    hardware = Hardware(options.device, options.threads)
    return TransformersEngine(spec, Path(options.models_folder), slots=options.slots, hardware=hardware)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chatbot.generation.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--name", required=True, help="the model's name in the protocol")
    parser.add_argument("--kind", choices=["gguf", "folder", "hub"], required=True)
    parser.add_argument("--engine", choices=["openvino", "transformers"], required=True)
    parser.add_argument("--path", help="the .gguf file or the folder")
    parser.add_argument("--sha256", help="what the .gguf file must hash to, or the card of a model version")
    parser.add_argument("--context", type=int, help="tokens; default: the model's own")
    parser.add_argument("--adapter", help="folder of a PEFT adapter")
    parser.add_argument("--adapter-sha256", help="what the adapter's card must hash to, if it is a version")
    parser.add_argument("--models-folder", default="data/models", help="where converted models are kept")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--threads", type=int, help="of the engine; default: its own choice")
    parser.add_argument("--nice", type=int, default=0, help="how far the process steps back for others, 0..19")
    parser.add_argument("--slots", type=int, default=8, help="replies at once")
    parser.add_argument("--queue", type=int, default=32, help="requests that may wait")
    parser.add_argument("--max-tokens", type=int, default=512, help="longest reply")
    parser.add_argument("--stuck-s", type=float, default=30.0, help="a step longer than this is unhealthy, seconds")
    parser.add_argument("--allow-download", action="store_true")
    parser.add_argument("--lifeline", action="store_true", help="die when stdin ends")
    return parser


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512
        )
    except OSError as exc:
        raise ModelError(f"The model server cannot listen on {host} port {port}: {exc.strerror}.") from exc


def _keep_stdout_for_announcements() -> TextIO:
    """Native libraries print to descriptor 1; that goes to stderr, so that the supervisor reads only our lines."""
    announce = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return announce


def _say(announce: TextIO, event: dict[str, object]) -> None:
    announce.write(json.dumps(event) + "\n")
    announce.flush()


def _die_with_parent() -> None:
    """The supervisor holds the other end of stdin; the kernel closes it however the supervisor ends."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
