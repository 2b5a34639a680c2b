"""`python -m ui.detached FOLDER`: runs the command that an admin started in a page, and lives on when the server stops: out of its
session, not out of its control group, so a systemd unit needs KillMode=process (docs/operate.md).

FOLDER holds `command.json` ({"argv", ...}); the command's words go to `output.log`, its end to `ended.json`, written last. Whoever
holds the lock beside the folder is running: the page asks it, never a process number. Must not know what the command does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

COMMAND, OUTPUT, ENDED, GROUP, LOCK = "command.json", "output.log", "ended.json", "group", "running.lock"
BUSY = 75  # sysexits.h EX_TEMPFAIL: another command runs
_POLITE = 10


def main(folder: Path) -> int:
    """Returns once the command runs, in a process of its own: 0, or BUSY when another holds the lock."""
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        return 0 if os.read(told, 1) else BUSY
    os.close(told)
    os._exit(_run(folder, tell))


def _run(folder: Path, tell: int) -> int:
    # a handler, not SIG_IGN, which the command would inherit: an interrupt is for the command, we write down how it ended
    signal.signal(signal.SIGINT, lambda *_: None)
    lock = FileLock(folder.parent / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return BUSY
    with lock, (folder / OUTPUT).open("ab") as output:
        (folder / GROUP).write_text(str(os.getpgrp()), encoding="ascii")
        os.write(tell, b"+")
        os.close(tell)
        os.nice(_POLITE)
        argv = json.loads((folder / COMMAND).read_text(encoding="utf-8"))["argv"]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False)  # noqa: S603 - ui.staff.tasks made it
        _end(folder, done.returncode)
    return 0


def _end(folder: Path, code: int) -> None:
    half = folder / f".{ENDED}"
    half.write_text(json.dumps({"code": code, "at": datetime.now(UTC).isoformat()}), encoding="utf-8")
    half.rename(folder / ENDED)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
