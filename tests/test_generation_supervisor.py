"""The model server's life: started, killed, hung, swapped; real processes over the scripted engine."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from chatbot.errors import GenerationError, ModelError
from chatbot.generation.child import LOG_NAME, start_child
from chatbot.generation.client import HttpChatModel
from chatbot.generation.supervisor import Supervisor, Timing
from chatbot.generation.tuned import served
from chatbot.settings import Settings
from chatbot.types import ChatMessage

ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-m", "tests.scripted_engine")
QUICK = Timing(
    start_s=30, health_every_s=0.05, health_timeout_s=0.5, misses=2, drain_s=10, backoff_s=(0.01,), often=50, rest_s=0.3
)
pytestmark = pytest.mark.chaos


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(ROOT)
    return Settings(data=tmp_path, engine="openvino", first_token_s=2.0, slots=4)


@pytest.fixture
async def supervisor(settings: Settings) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(settings, command=COMMAND, timing=QUICK)
    await supervisor.start()
    yield supervisor
    await supervisor.stop()


async def say(model: HttpChatModel, text: str, deadline_s: float = 5.0) -> str:
    messages = [ChatMessage("user", text)]
    return "".join([delta.text async for delta in model.stream(messages, max_tokens=200, deadline_s=deadline_s)])


async def ready_again(supervisor: Supervisor, than: int | None) -> None:
    """Waits for another process than `than`; the test's timeout ends a wait in vain."""
    while supervisor.state != "ready" or supervisor.pid == than:  # noqa: ASYNC110 - the supervisor has no event for tests
        await asyncio.sleep(0.01)


async def until_running(supervisor: Supervisor, replies: int) -> None:
    while (await supervisor.health()).get("running") != replies:  # noqa: ASYNC110 - another process is polled
        await asyncio.sleep(0.01)


async def test_it_starts_answers_and_leaves_nothing_behind(settings: Settings) -> None:
    supervisor = Supervisor(settings, command=COMMAND, timing=QUICK)
    assert (supervisor.state, supervisor.url, supervisor.pid) == ("stopped", None, None)
    model = supervisor.model()
    with pytest.raises(GenerationError, match="not running"):
        await say(model, "say too early")
    await supervisor.start()
    pid = supervisor.pid
    assert pid is not None
    assert await say(model, "say good morning") == "good morning"
    health = await supervisor.health()
    assert (health["state"], health["status"], health["pid"], health["restarts"]) == ("ready", "ok", pid, 0)
    await supervisor.stop()
    await supervisor.stop()
    assert not psutil.pid_exists(pid)
    assert supervisor.state == "stopped"
    assert "morning" not in (settings.logs_folder / LOG_NAME).read_text()


async def test_it_can_start_behind_the_callers_back_and_mend_itself(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SCRIPTED_BROKEN_MODEL", "smollm2")
    supervisor = Supervisor(settings, command=COMMAND, timing=QUICK)
    await supervisor.start(wait=False)
    assert (supervisor.state, supervisor.pid) == ("starting", None)
    while "smollm2-135m is broken" not in caplog.text:  # noqa: ASYNC110 - a log is polled
        await asyncio.sleep(0.01)
    monkeypatch.delenv("SCRIPTED_BROKEN_MODEL")
    await ready_again(supervisor, None)
    assert await say(supervisor.model(), "say mended") == "mended"
    await supervisor.stop()


async def test_the_local_server_answers_nobody_without_its_key(supervisor: Supervisor) -> None:
    assert supervisor.url is not None
    stranger = HttpChatModel(supervisor.url, supervisor.spec.name)
    with pytest.raises(GenerationError, match="refuses the key"):
        await say(stranger, "say hello")
    await stranger.close()


async def test_a_killed_server_fails_its_replies_at_once_and_comes_back(supervisor: Supervisor) -> None:
    model, pid = supervisor.model(), supervisor.pid
    assert pid is not None
    replies = [asyncio.create_task(say(model, "forever")) for _ in range(3)]
    await until_running(supervisor, 3)
    os.kill(pid, signal.SIGKILL)
    failures = await asyncio.gather(*replies, return_exceptions=True)
    assert [type(failure) for failure in failures] == [GenerationError] * 3
    await ready_again(supervisor, pid)
    assert await say(model, "say back again") == "back again"
    assert supervisor.restarts == 1


async def test_while_it_restarts_a_chat_is_told_so_without_waiting(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = Supervisor(settings, command=COMMAND, timing=QUICK)
    await supervisor.start()
    model, pid = supervisor.model(), supervisor.pid
    monkeypatch.setenv("SCRIPTED_LOAD_S", "1")
    with pytest.raises(GenerationError):
        await say(model, "die")
    while supervisor.state == "ready":  # noqa: ASYNC110 - the supervisor has no event for tests
        await asyncio.sleep(0.005)
    with pytest.raises(GenerationError, match="being started again"):
        await say(model, "say anything")
    await ready_again(supervisor, pid)
    await supervisor.stop()


async def test_a_server_that_hangs_is_replaced(supervisor: Supervisor) -> None:
    model, pid = supervisor.model(), supervisor.pid
    with pytest.raises(GenerationError, match=r"did not begin|broke|reached|nothing"):
        await say(model, "freeze")
    await ready_again(supervisor, pid)
    assert await say(model, "say thawed") == "thawed"


async def test_many_deaths_in_a_minute_are_said_in_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor(settings, command=COMMAND, timing=replace(QUICK, often=2))
    await supervisor.start()
    for _ in range(3):
        pid = supervisor.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await ready_again(supervisor, pid)
    await supervisor.stop()
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == ["model server was restarted 2 times within a minute; waiting 0 s, see its log in the data folder"]


@pytest.fixture
async def patient(settings: Settings) -> AsyncIterator[Supervisor]:
    """One whose deadlines a busy machine does not reach: what it drops is dropped by the swap."""
    timing = replace(QUICK, health_timeout_s=20, drain_s=60)
    supervisor = Supervisor(settings.model_copy(update={"first_token_s": 60.0}), command=COMMAND, timing=timing)
    await supervisor.start()
    yield supervisor
    await supervisor.stop()


async def test_who_is_given_up_while_stopping_a_server_leaves_no_server(settings: Settings) -> None:
    child = await start_child(served(settings), settings, command=COMMAND)
    child.signal(signal.SIGSTOP)  # it heeds no SIGTERM
    while psutil.Process(child.pid).status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 - another process is polled
        await asyncio.sleep(0.01)
    stopping = asyncio.create_task(child.stop(grace_s=60))
    await asyncio.sleep(0.05)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    assert await asyncio.wait_for(child.process.wait(), 10) == -signal.SIGKILL


async def test_a_swap_drops_no_chat(patient: Supervisor) -> None:
    supervisor = patient
    model, old = supervisor.model(), supervisor.pid
    assert old is not None
    running = asyncio.create_task(say(model, "forever", deadline_s=60))
    await until_running(supervisor, 1)
    swapping = asyncio.create_task(supervisor.swap(replace(supervisor.spec, name="better")))
    asked = 0
    while not swapping.done():
        asked += 1
        assert await say(model, f"say chat {asked}", deadline_s=60) == f"chat {asked}"
    await swapping
    assert len((await running).split()) == 200
    assert supervisor.pid != old
    assert not psutil.pid_exists(old)
    assert (await supervisor.health())["model"] == "better"
    assert supervisor.restarts == 0


async def test_a_swap_to_a_broken_model_changes_nothing(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, pid = supervisor.model(), supervisor.pid
    monkeypatch.setenv("SCRIPTED_BROKEN_MODEL", "worse")
    with pytest.raises(ModelError, match="worse is broken"):
        await supervisor.swap(replace(supervisor.spec, name="worse"))
    assert supervisor.pid == pid
    assert await say(model, "say still here") == "still here"


async def test_a_model_that_cannot_start_is_refused_with_the_servers_own_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED_BROKEN_MODEL", "smollm2")
    supervisor = Supervisor(settings, command=COMMAND, timing=QUICK)
    with pytest.raises(ModelError, match="smollm2-135m is broken; run `chatbot doctor`"):
        await supervisor.start()
    assert (supervisor.state, supervisor.pid) == ("stopped", None)


async def test_a_server_that_ends_while_starting_names_its_log(settings: Settings) -> None:
    supervisor = Supervisor(settings, command=(sys.executable, "-c", "raise SystemExit(7)"), timing=QUICK)
    with pytest.raises(ModelError, match=rf"code 7.*{LOG_NAME}"):
        await supervisor.start()


async def test_a_server_that_never_gets_ready_is_given_up(settings: Settings) -> None:
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    supervisor = Supervisor(settings, command=command, timing=replace(QUICK, start_s=0.3))
    with pytest.raises(ModelError, match="not ready within"):
        await supervisor.start()


def test_the_server_dies_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import asyncio, sys
        from pathlib import Path
        from chatbot.generation.supervisor import Supervisor
        from chatbot.settings import Settings

        async def main():
            supervisor = Supervisor(Settings(data=Path({str(tmp_path)!r}), engine="openvino"), command={COMMAND!r})
            await supervisor.start()
            print(supervisor.pid, flush=True)
            await asyncio.sleep(600)

        asyncio.run(main())
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        server = psutil.Process(pid)
        parent.kill()
        server.wait(timeout=30)
    assert not psutil.pid_exists(pid)


def test_a_taken_port_is_said_plainly() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ["--name", "x", "--kind", "gguf", "--engine", "openvino", "--port", str(port)]
        done = subprocess.run([*COMMAND, *options], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stdout
    assert "Traceback" not in done.stderr
