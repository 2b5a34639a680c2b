"""Commands as a user types them: in a process of their own (`shell`), or quicker in this one (`typed`)."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import structlog

from scripts.cli import main
from tests.demo import COMMAND, environment

AT_A_TERMINAL = {"TTY_COMPATIBLE": "1", "TERM": "xterm"}  # what rich takes for one
_HEEDS_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from scripts.cli import main
main()
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def typed(*words: object, cwd: Path | None = None, **variables: str) -> Done:
    """Runs `chatbot WORDS` through its own `main`, with exit code and both outputs as the shell would see them."""
    out, err = io.StringIO(), io.StringIO()
    line = ["chatbot", *map(str, words)]
    env = mock.patch.dict(os.environ, environment(**variables), clear=True)
    where = contextlib.chdir(cwd) if cwd else contextlib.nullcontext()
    outputs = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
    with mock.patch.object(sys, "argv", line), env, where, logging_as_before(), outputs[0], outputs[1]:
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        else:
            code = 0
    return Done(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def logging_as_before() -> Iterator[None]:
    """A command sets logging up for its process; the tests after it want theirs back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []
    try:
        yield
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()


def shell(*words: object, cwd: Path | None = None, **variables: str) -> Done:
    """Runs `chatbot WORDS` in a process of its own."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(**variables),
        cwd=cwd,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def begun(*words: object) -> subprocess.Popen[str]:
    """A command that goes on, and that Ctrl-C reaches even where the tests themselves run in the background."""
    return subprocess.Popen(
        [sys.executable, "-c", _HEEDS_CTRL_C, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def refused(done: Done, *parts: str, code: int = 2) -> None:
    """It ended with `code`, wrote nothing to standard output, and said why in one line with all `parts` in it."""
    assert done.code == code, done
    assert done.out == ""
    told = [line for line in done.err.splitlines() if line.strip()]
    assert len(told) == 1, done.err
    assert told[0].startswith("Error: ")
    assert "Traceback" not in done.err
    for part in parts:
        assert part in told[0], (part, told[0])
