"""Starting the web process: what is said when it cannot start, and the real parts wired over an empty data folder."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from starlette.testclient import TestClient

from chatbot.errors import SettingsError, StorageError
from chatbot.settings import Settings, load_settings
from chatbot.variables import CONFIG
from tests.embedded import link_models
from ui import __main__ as main_module
from ui.__main__ import take_port
from ui.app import create_app
from ui.identity import KEY_FILE, client_prefix, open_identity


def test_a_taken_port_is_said_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "ui", "--port", str(port), "--data", str(tmp_path / "untouched")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"Port {port} of 127.0.0.1 is taken by another program: stop that one, or choose another with --port.\n"
    )
    assert not (tmp_path / "untouched").exists()


def test_the_settings_file_that_it_is_given_is_its_commands_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CONFIG, "other.toml")
    Path("own.toml").write_text('company = "Harbour Lamps"\n')
    served: list[Settings] = []
    monkeypatch.setattr(main_module, "serve", lambda settings: served.append(settings) or 0)
    assert main_module.main(["--config", "own.toml", "--data", str(tmp_path)]) == 0
    assert served[0].company == load_settings().company == "Harbour Lamps"


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(SettingsError, match=r"host 192\.0\.2\.1, port 0"):
        take_port("192.0.2.1", 0)


def test_the_cookie_key_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    token = open_identity(settings).new_token()
    assert open_identity(settings).owner_of(token) == open_identity(settings).owner_of(token) is not None
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert owner_by_another_key(token) is None
    (tmp_path / KEY_FILE).write_text("short")
    with pytest.raises(StorageError, match=re.escape(str(tmp_path / KEY_FILE))):
        open_identity(settings)


def owner_by_another_key(token: str) -> str | None:
    return open_identity(Settings(data=Path("/nowhere"), cookie_key="k" * 40)).owner_of(token)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("peer", "forwarded", "prefix"),
    [
        ("127.0.0.1", "", None),
        ("::1", "", None),
        ("203.0.113.7", "", "203.0.113.0/24"),
        ("203.0.113.7", "198.51.100.9", "203.0.113.0/24"),  # not a trusted proxy: its header is no evidence
        ("10.0.0.1", "192.0.2.66, 198.51.100.9", "198.51.100.0/24"),
        ("10.0.0.1", "198.51.100.9, 10.0.0.1", "198.51.100.0/24"),
        ("10.0.0.1", "nonsense", None),
        ("2001:db8:1:2:3::4", "", "2001:db8:1:2::/64"),
    ],
)
def test_network_of_a_caller(peer: str, forwarded: str, prefix: str | None) -> None:
    from starlette.requests import Request

    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "headers": headers, "client": (peer, 1)})
    assert client_prefix(request, trusted=("10.0.0.1",)) == prefix


@pytest.mark.models
def test_without_an_index_it_serves_says_so_and_stores_messages(converted_models: Path, tmp_path: Path) -> None:
    data = link_models(converted_models, tmp_path / "data")
    with TestClient(create_app(Settings(data=data, engine="none")), base_url="http://127.0.0.1") as client:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"database": "ok", "index": "missing; run `chatbot index`", "model": "ok"}
        made = client.post("/api/v1/conversations").json()
        path = f"/api/v1/conversations/{made['id']}/messages"
        bearer = {"authorization": f"Bearer {made['token']}"}
        message = {"text": "How long do I have to return boots?", "client_message_id": "k1"}
        answer = client.post(path, json=message, headers=bearer)
        assert answer.text.count("event: final") == 1
        stored = client.get(path, headers=bearer).json()["messages"]
    assert [m["role"] for m in stored] == ["customer", "bot"]
    assert stored[1]["reply"]["sources"] == []


@pytest.mark.models
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_it_while_it_starts_gets_no_traceback_and_no_model_server_is_left(
    converted_models: Path, tmp_path: Path, number: signal.Signals
) -> None:
    data = link_models(converted_models, tmp_path / "data")
    command = [sys.executable, "-m", "ui", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        web = psutil.Process(process.pid)
        while not (begun := web.children()):  # beside the imports
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (out, err) == ("", "")
    assert process.returncode == (130 if number is signal.SIGINT else -number)
    assert psutil.wait_procs(begun, timeout=20)[1] == []


@pytest.mark.models
def test_a_model_elsewhere_that_is_away_and_an_index_that_was_tampered_with_are_told(demo_copy: Path) -> None:
    version = (demo_copy / "index" / "current").read_text().split()[0]
    manifest = demo_copy / "index" / version / "manifest.json"
    manifest.write_text(manifest.read_text().replace("0", "1"))
    away = Settings(data=demo_copy, model_url="http://127.0.0.1:9/v1", model="somebody-elses")
    with TestClient(create_app(away), base_url="http://127.0.0.1") as client:
        checks = client.get("/readyz").json()["checks"]
    assert checks["index"] == "it was refused; run `chatbot index verify`"
    assert checks["model"] == "does not answer"
