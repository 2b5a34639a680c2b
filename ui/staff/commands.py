"""Commands that an admin starts in the page: one at a time, beside the server, followed by their own log. Must not know models.

Each is a folder in `<data>/runs/commands/` (see `ui.detached`), so it outlives the server and the page finds it again.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from chatbot.errors import Conflict, NotFound, StorageError
from chatbot.learning.runs import PROGRESS, begun_between
from chatbot.settings import Settings
from ui.detached import COMMAND, ENDED, GROUP, LOCK, OUTPUT

State = Literal["running", "done", "failed", "interrupted", "killed"]
INTERRUPTED = (130, -signal.SIGINT)
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
_SHOWN_BYTES = 64_000
_KEPT = 50
_OTHER = "Another command is running; wait until it is done, or interrupt it."
_POINTS = 2000


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what was typed for the admin, who started it, and where it stands."""

    id: str
    title: str
    argv: tuple[str, ...]
    by: str
    started_at: str
    state: State
    code: int | None = None
    ended_at: str | None = None


class Commands:
    """Lives as long as the web process; any thread may call. What it starts does not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = settings.data / "runs" / "commands"

    def start(self, title: str, arguments: Sequence[str], by: str) -> Command:
        """Runs `chatbot --data … ARGUMENTS` in the server's own working folder, where its settings file and what that names are
        found. Raises Conflict while another runs, StorageError when the disk refuses."""
        if self._busy():
            raise Conflict(_OTHER)
        argv = [sys.executable, "-m", "scripts.cli", "--data", str(self._settings.data), *arguments]
        now = datetime.now(UTC)
        number = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        place = self.folder / number
        told = {"title": title, "argv": argv, "by": by, "started_at": now.isoformat()}
        try:
            place.mkdir(parents=True)
            (place / COMMAND).write_text(json.dumps(told), encoding="utf-8")
            (place / OUTPUT).touch()
        except OSError as exc:
            raise StorageError(f"The command cannot be started: {exc.strerror}; free space on the server.") from exc
        self._forget_old()
        wrapper = [sys.executable, "-m", "ui.detached", str(place)]
        taken = subprocess.run(  # noqa: S603 - our own module, which returns as soon as the command runs
            wrapper, env=self._environment(by), stdin=subprocess.DEVNULL, start_new_session=True, check=False
        )
        if taken.returncode:
            shutil.rmtree(place, ignore_errors=True)
            raise Conflict(_OTHER)
        return self.one(number)

    def recent(self) -> list[Command]:
        """Newest first."""
        names = sorted((path.name for path in self._folders()), reverse=True)
        return [self.one(name) for name in names]

    def one(self, number: str) -> Command:
        """Raises NotFound."""
        place = self._place(number)
        told = json.loads((place / COMMAND).read_text(encoding="utf-8"))
        state, ended = self._outcome(number, self._ended(place))
        return Command(
            id=number,
            title=told["title"],
            argv=tuple(told["argv"]),
            by=told["by"],
            started_at=told["started_at"],
            state=state,
            code=None if ended is None else ended["code"],
            ended_at=None if ended is None else ended["at"],
        )

    def output(self, number: str, after: int = 0) -> tuple[str, int]:
        """What it has written from byte `after` on, at most the last 64 kB of it, and the byte to go on from."""
        with (self._place(number) / OUTPUT).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(min(after, size), size - _SHOWN_BYTES))
            return file.read().decode("utf-8", "replace"), size

    def interrupt(self, number: str) -> None:
        """Ctrl-C for the command, which then leaves the old state whole. Raises NotFound; nothing happens when it has ended."""
        place = self._place(number)
        if self.one(number).state != "running":
            return
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, ValueError):
            os.killpg(int((place / GROUP).read_text(encoding="ascii")), signal.SIGINT)

    def progress(self, command: Command) -> list[dict[str, Any]]:
        """The lines that its training run wrote while it ran; [] for a command that trains nothing."""
        began = datetime.fromisoformat(command.started_at).timestamp()
        ended = datetime.fromisoformat(command.ended_at).timestamp() if command.ended_at else self._next_began(command)
        run = self._run(command.argv, began, ended)
        if run is None or not (path := self.folder.parent / run / PROGRESS).is_file():
            return []
        told = (_told(line) for line in path.read_text(encoding="utf-8").splitlines())
        return [one for one in told if one is not None and began <= one.get("at", began) <= ended][-_POINTS:]

    def _run(self, argv: Sequence[str], began: float, ended: float) -> str | None:
        """The run that the command line names, else the one that was begun while it ran."""
        if "finetune" not in argv or "--heads" in argv:  # the page's heads are fitted, which is no run
            return None
        if "--resume" in argv:
            return argv[argv.index("--resume") + 1]
        kind = "encoder" if "--encoder" in argv else "generator"
        return begun_between(self._settings.data, kind, began, ended)

    def _next_began(self, command: Command) -> float:
        """One runs at a time: a killed command, which left no end, had one before the next began."""
        later = [one for one in self._folders() if one.name > command.id]
        if not later:
            return math.inf
        told = json.loads((min(later) / COMMAND).read_text(encoding="utf-8"))
        return datetime.fromisoformat(told["started_at"]).timestamp()

    def _place(self, number: str) -> Path:
        place = self.folder / number
        if not _ID.fullmatch(number) or not (place / COMMAND).is_file():
            raise NotFound("There is no such command; it may be too old to be kept.")
        return place

    def _folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if _ID.fullmatch(path.name) and (path / COMMAND).is_file()]

    def _forget_old(self) -> None:
        for place in sorted(self._folders(), key=lambda path: path.name)[:-_KEPT]:
            shutil.rmtree(place, ignore_errors=True)

    def _ended(self, place: Path) -> Any:
        try:
            return json.loads((place / ENDED).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def _outcome(self, number: str, ended: Any) -> tuple[State, Any]:
        """The state, and what the command left of its end; None while it runs or where it was killed."""
        if ended is not None:
            if ended["code"] == 0:
                return "done", ended
            return ("interrupted" if ended["code"] in INTERRUPTED else "failed"), ended
        newest = max((path.name for path in self._folders()), default=number)
        if number == newest and self._busy():
            return "running", None
        late = self._ended(self.folder / number)  # it may have ended between the two looks
        return ("killed", None) if late is None else self._outcome(number, late)

    def _busy(self) -> bool:
        if not self.folder.is_dir():
            return False
        try:
            with FileLock(self.folder / LOCK).acquire(timeout=0):
                return False
        except Timeout:
            return True

    def _environment(self, by: str) -> dict[str, str]:
        """The server's own, with what it alone knows: secrets go through the environment, never an argument or a file.

        `getpass.getuser` asks LOGNAME first: what the command writes into a history is the admin's doing, not the server's."""
        secret = self._settings.database_url
        return os.environ | {"LOGNAME": by} | ({"CHATBOT_DATABASE_URL": secret.get_secret_value()} if secret else {})


def _told(line: str) -> dict[str, Any] | None:
    try:
        one = json.loads(line)
    except ValueError:  # the last line may be half written
        return None
    return one if isinstance(one, dict) else None
