"""The real product in a process of its own: `python -m ui` on a free port, its model server found by what /proc says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.demo import REPOSITORY, environment


@dataclass
class Product:
    """A served data folder. Start it again and it takes the same port."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def start(self) -> None:
        command = [sys.executable, "-m", "ui", "--data", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**self.variables),
            cwd=REPOSITORY / "tests",
        )
        self.errors: list[str] = []
        self._reader = threading.Thread(target=self._read_errors)
        self._reader.start()
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        found = re.fullmatch(r"Ready: http://127\.0\.0\.1:(\d+)\n", ready)
        if not found:
            self.stop()
            raise AssertionError("".join(self.errors))
        self.port = int(found[1])

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def log(self) -> str:
        return "".join(self.errors)

    def kill(self) -> None:
        self.process.kill()
        self._gone()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self._gone()

    def _gone(self) -> int:
        code = self.process.wait(30)
        self._reader.join(10)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def model_servers(self) -> list[psutil.Process]:
        """The children that write replies."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if "chatbot.generation.server" in " ".join(_words(child))]

    def ready(self) -> dict[str, Any]:
        checks: dict[str, Any] = httpx.get(f"{self.url}readyz").json()
        return checks

    def until(self, true: Callable[[], bool], seconds: int = 60) -> None:
        for _ in range(seconds * 20):
            if true():
                return
            assert self.process.poll() is None, self.log
            time.sleep(0.05)
        raise AssertionError(f"it did not come to pass within {seconds} s; {self.ready()}")


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


@dataclass
class Customer:
    """One customer of the REST interface."""

    product: Product

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=f"{self.product.url}api/v1/", timeout=60)
        made = self.http.post("conversations").json()
        self.id, self._token = made["id"], made["token"]
        self._sent = 0

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._token}"}

    def asks(self, text: str) -> list[tuple[str, dict[str, Any]]]:
        """The events of the reply, in order."""
        self._sent += 1
        body = {"text": text, "client_message_id": f"m{self._sent}"}
        with self.http.stream("POST", self._path, json=body, headers=self.headers) as response:
            assert response.status_code == 200, response.read()
            return list(events(response.iter_lines()))

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get(self._path, headers=self.headers).json()["messages"]
        return found

    @property
    def _path(self) -> str:
        return f"conversations/{self.id}/messages"

    def close(self) -> None:
        self.http.close()


def events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, data) of each server-sent event."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))
