"""The one long piece of work that an admin has started: where it stands, its end, its cancelling. Must not know what it does."""

from __future__ import annotations

import contextlib
import json
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from chatbot.errors import Conflict
from chatbot.settings import Settings

State = Literal["running", "done", "failed", "cancelled"]
_PATIENCE_S = 20.0


@dataclass
class Job:
    """Written by the thread that follows the work; read by anybody. about: what it works on, for the page."""

    kind: str
    by: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: State = "running"
    stage: str = "start"
    done: int = 0
    total: int = 0
    result: Any = None
    error: str | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    def view(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "id": self.id,
            "kind": self.kind,
            "by": self.by,
            "started_at": self.started_at.isoformat(),
            "state": self.state,
            "stage": self.stage,
            "done": self.done,
            "total": self.total,
            "result": self.result,
            "error": self.error,
            **self.about,
        }


class Jobs:
    """One job at a time, each a process of `ui.work`. Lives as long as the process; any thread may call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._process: subprocess.Popen[str] | None = None
        self._follower: threading.Thread | None = None

    @property
    def job(self) -> Job | None:
        """The one that runs, else the last one."""
        return self._job

    def start(
        self,
        kind: str,
        by: str,
        wish: Mapping[str, Any],
        ended: Callable[[Job], None],
        about: Mapping[str, str] | None = None,
    ) -> Job:
        """ended: called from the follower's thread when it is over, however it ended. Raises Conflict while one runs."""
        with self._lock:
            if self._job and self._job.state == "running":
                raise Conflict(
                    f"{self._job.by} has started another piece of work ({self._job.kind}); wait until it is done."
                )
            job = self._job = Job(kind, by, about=about or {})
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "ui.work"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C at the server ends it through us, not beside us
            )
            told = {"task": kind, "settings": _revealed(self._settings), **wish}
            self._follower = threading.Thread(target=self._follow, args=(process, job, told, ended), name=f"job-{kind}")
            self._follower.start()
        return job

    def cancel(self) -> None:
        """Interrupts the job that runs, which then leaves nothing behind; without one there is nothing to do."""
        process, job = self._process, self._job
        if process and job and job.state == "running":
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)

    def forget(self, job: Job) -> None:
        """What it found is of no use any more: nobody is shown it again."""
        with self._lock:
            if self._job is job and job.state != "running":
                self._job = None

    def spoil(self, job: Job, why: str) -> None:
        """What it found holds no more, and is not kept either."""
        with self._lock:
            if job.state == "done":
                job.state, job.result, job.error = "failed", None, why

    def close(self) -> None:
        """Cancels what runs and waits for its end."""
        self.cancel()
        if self._follower:
            self._follower.join(_PATIENCE_S)
        if self._process and self._process.poll() is None:
            self._process.kill()

    def _follow(
        self, process: subprocess.Popen[str], job: Job, told: Mapping[str, Any], ended: Callable[[Job], None]
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        with process, contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(told) + "\n")
            process.stdin.close()
            for line in process.stdout:
                _note(job, json.loads(line))
        if job.state == "running":
            killed = process.returncode in (-signal.SIGINT, -signal.SIGKILL, 130)
            job.error = None if killed else "The work ended unexpectedly; the server's log says more."
            job.state = "cancelled" if killed else "failed"
        ended(job)


def _note(job: Job, line: Mapping[str, Any]) -> None:
    if "stage" in line:
        job.stage, job.done, job.total = line["stage"], line["done"], line["total"]
    elif "result" in line:
        job.result, job.state = line["result"], "done"
    elif "error" in line:
        job.error, job.state = line["error"], "failed"
    elif "cancelled" in line:
        job.state = "cancelled"


def _revealed(settings: Settings) -> dict[str, Any]:
    """The settings with their secrets, for our own process only: through a pipe, never an argument or a file."""
    plain = settings.model_dump(mode="json")
    for name in ("database_url", "model_api_key", "cookie_key", "metrics_token"):
        if (secret := getattr(settings, name)) is not None:
            plain[name] = secret.get_secret_value()
    return plain
