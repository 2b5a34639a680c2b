"""Logging set up once, by the program's main: ids, counts and times, never what people wrote."""

from __future__ import annotations

import logging
import sys

import structlog

from chatbot.settings import Settings

_NOISY = (
    "alembic",
    "faiss",
    "faiss.loader",
    "httpx",
    "httpcore",
    "uvicorn.access",
    "jieba",
    "faiss",
    "asyncio",
    "huggingface_hub",
)


def configure_logging(settings: Settings) -> None:
    """Log lines to standard error: coloured for a terminal, key=value else, JSON when the settings ask for it."""
    level = getattr(logging, settings.log_level.upper())
    logging.basicConfig(stream=sys.stderr, level=level, format="%(message)s", force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
