"""Child processes for tests to kill, forked from one that imported torch once: importing it takes longer than most of them live."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.forked_imports"])


def child(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """A started process that does nothing but `target(*arguments)`; what it is given must be picklable."""
    process = CONTEXT.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process
