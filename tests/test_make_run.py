"""`make run` as a newcomer types it: the demo company, the server, the first sourced answer; and what a second time does."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.demo import REPOSITORY, environment
from tests.embedded import link_models
from tests.product import Customer

PREFIX = Path(sys.prefix)
TIME_TO_START_S = 300


@dataclass
class Served:
    """What `make run` serves: all that `Customer` asks of a product, and what was printed until it was ready."""

    url: str
    told: str


@contextmanager
def make_run(folder: Path, **variables: str) -> Iterator[Served]:
    """In a folder with the Makefile, with this environment in place of one that pip fills first; ended as by Ctrl-C."""
    shutil.copy(REPOSITORY / "Makefile", folder)
    command = ["make", "run", f"VENV={PREFIX}", "-o", str(PREFIX / ".installed")]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(CHATBOT_PORT="0", **variables),
        cwd=folder,
        start_new_session=True,
    )
    too_long = threading.Timer(TIME_TO_START_S, os.killpg, (process.pid, signal.SIGKILL))
    too_long.start()
    try:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if found := re.match(r"Ready: (http://127\.0\.0\.1:\d+)", line):
                too_long.cancel()
                drained = threading.Thread(target=process.stdout.read)
                drained.start()
                yield Served(f"{found[1]}/", "".join(told))
                os.killpg(process.pid, signal.SIGINT)
                process.wait(30)
                drained.join(10)
                return
        raise AssertionError("".join(told))
    finally:
        too_long.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


def answer(served: Served, text: str) -> dict[str, object]:
    customer = Customer(served)  # type: ignore[arg-type]
    try:
        *_, (_, last) = customer.asks(text)
    finally:
        customer.close()
    reply: dict[str, object] = last["message"]["reply"]
    return reply


@pytest.mark.models
def test_the_first_question_has_a_sourced_answer_and_a_second_start_loads_nothing(
    converted_models: Path, tmp_path: Path
) -> None:
    link_models(converted_models, tmp_path / "data")  # that they are converted on first use has tests of its own
    with make_run(tmp_path) as served:
        assert "Demo company: " in served.told
        reply = answer(served, "How long do I have to return something?")
        assert reply["decision"] == "answer"
        assert "30 days" in str(reply["answer"])
        assert reply["sources"]
    assert (tmp_path / "data" / "precedent.sqlite3").exists()
    with make_run(tmp_path, CHATBOT_ENGINE="none") as served:
        assert "Demo company: " not in served.told
        assert answer(served, "How long do I have to return something?")["sources"] == reply["sources"]


@pytest.mark.models
def test_a_history_of_ones_own_gets_no_demo(converted_models: Path, tmp_path: Path) -> None:
    history = tmp_path / "own.jsonl"
    said = {"question": "How do I reset the harbour lamp?", "answer": "Hold the brass button for ten seconds."}
    history.write_text(json.dumps(said), encoding="utf-8")
    data = str(link_models(converted_models, tmp_path / "own"))
    command = [str(PREFIX / "bin" / "chatbot"), "--data", data, "import", str(history), "--index"]
    subprocess.run(command, check=True, capture_output=True, env=environment(), cwd=tmp_path)
    with make_run(tmp_path, CHATBOT_DATA=data, CHATBOT_ENGINE="none") as served:
        assert not (tmp_path / "data").exists()
        reply = answer(served, "how can I reset the harbour lamp?")
        assert reply["answer"] == said["answer"]
        assert answer(served, "How long do I have to return something?")["sources"] == []
