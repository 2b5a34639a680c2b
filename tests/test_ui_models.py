"""The admin's page of models: commands that outlive the page, versions and the way back, blind votes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from chatbot.errors import Conflict, UsageError
from chatbot.learning import runs
from chatbot.learning.bounds import CANARIES, DATASET, GENERATOR, Bound, check_bounds
from chatbot.learning.gguf_writing import BITS
from chatbot.learning.registry import add, publish
from chatbot.privacy import Masker
from chatbot.settings import Settings
from chatbot.types import Mode
from tests.examples import example
from tests.fakes_ui import ANSWER
from tests.gated import dataset
from tests.staff import House, Member, done, house, sign_in
from ui.staff.commands import Command, Commands
from ui.staff.contests import Ask, Choice, ContestRoutes, _Shown
from ui.staff.tasks import BuildDataset, Compress, Publish, TuneEncoder, TuneGenerator, limits

API = "/admin/api/models"
FIELDS: dict[str, Any] = {
    "base": "smollm2-135m", "base_sha256": "0" * 64, "licence": "Apache-2.0", "languages": ("en",), "dataset": "ds-0001",
    "data_sha256": "1" * 64, "method": "lora", "format": "adapter", "conversations_sha256": ("2" * 64,),
    "scores": {"evidence": 0.5},
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as made:
        yield made


@pytest.fixture
def ada(site: House) -> Member:
    return sign_in(site.store, "admin", name="Ada Boss")


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(Settings(data=tmp_path))


def version(folder: Path, content: str = "weights") -> str:
    made = folder / f"made-{content}"
    made.mkdir()
    (made / "adapter_model.safetensors").write_text(content)
    return add(folder / "models", "generator", made, FIELDS).name


def until_ended(commands: Commands, number: str) -> Command:
    while (command := commands.one(number)).state == "running":
        time.sleep(0.05)
    return command


def test_a_command_reads_the_servers_settings_fails_in_its_own_words_and_is_found_by_another_server(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text('compani = "Harbour Lamps"\n')
    monkeypatch.setenv("CHATBOT_CONFIG", "own.toml")  # found in the server's working folder only, as chatbot.toml is
    started = commands.start("List the index", ["index", "list"], "Ada")
    ended = until_ended(commands, started.id)
    assert (ended.state, ended.code, ended.by) == ("failed", 2, "Ada")
    text, size = commands.output(started.id)
    assert text.startswith("Error: own.toml: there is no setting named 'compani'")
    assert "Traceback" not in text
    assert commands.output(started.id, size) == ("", size)
    assert [one.id for one in Commands(Settings(data=tmp_path)).recent()] == [started.id]
    assert commands._environment("Ada")["LOGNAME"] == "Ada"  # the histories that commands write name the admin


@pytest.mark.parametrize("how", ["interrupted", "killed"])
def test_one_at_a_time_until_it_is_interrupted_or_dies_with_the_machine(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(sys, "executable", slow_python(tmp_path))
    started = commands.start("Sleep", [], "Ada")
    while (
        not (group := commands.folder / started.id / "group").exists() or "ready" not in commands.output(started.id)[0]
    ):
        time.sleep(0.02)
    other = Commands(Settings(data=tmp_path))  # another server's view, which has no child of its own
    assert other.one(started.id).state == "running"
    with pytest.raises(Exception, match="is running"):
        other.start("Second", [], "Bea")
    if how == "interrupted":
        other.interrupt(started.id)
    else:
        os.killpg(int(group.read_text()), signal.SIGKILL)
    assert until_ended(commands, started.id).state == how
    assert other.one(started.id).state == how


def slow_python(folder: Path) -> str:
    """An interpreter that runs our wrapper, and in place of the command one that waits to be interrupted."""
    waits = "import sys, time\nprint('ready', flush=True)\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    sys.exit(130)\n"
    script = folder / "python"
    script.write_text(
        f'#!/bin/sh\nif [ "$2" = ui.detached ]; then exec {sys.executable} "$@"; fi\nexec {sys.executable} -c "{waits}"\n'
    )
    script.chmod(0o755)
    return str(script)


def test_each_commands_curve_is_its_own_runs(commands: Commands, tmp_path: Path) -> None:
    for name, kind, begun, steps in (("g-1", "generator", 100, (110, 410)), ("g-2", "generator", 200, (210,))):
        run = runs.begin(tmp_path, kind, {}, name)
        os.utime(run.folder / runs.BEGUN, (begun, begun))
        run.progress.write_text("".join(f'{{"step": {at}, "at": {at}}}\n' for at in steps))

    def learnt(told: str, start: int, end: int | None) -> list[int]:
        made = commands.folder / f"20260101-{start:06d}-{end or 0:06x}"
        made.mkdir(parents=True)
        started_at, ended_at = (
            None if at is None else datetime.fromtimestamp(at, UTC).isoformat() for at in (start, end)
        )
        argv = ["python", "-m", "scripts.cli", "--data", "there", *told.split()]
        (made / "command.json").write_text(
            json.dumps({"title": told, "argv": argv, "by": "Ada", "started_at": started_at})
        )
        if end:
            (made / "ended.json").write_text(json.dumps({"code": 0, "at": ended_at}))
        assert commands.one(made.name).state == ("done" if end else "killed")
        return [one["step"] for one in commands.progress(commands.one(made.name))]

    assert learnt("finetune", 198, None) == [210]  # killed: it left no end
    assert learnt("finetune --method lora", 99, 150) == [110]
    assert learnt("dataset build", 151, 260) == learnt("finetune --heads", 199, 260) == []
    assert learnt("finetune --encoder", 199, 261) == []
    assert learnt("finetune", 90, None) == []  # killed before the next began
    assert learnt("finetune --resume g-1", 400, 500) == [410]


def test_a_wish_becomes_a_command_line_and_nothing_else() -> None:
    made = BuildDataset(task="dataset", without=0.25, noise=True)
    assert made.command()[1] == ["dataset", "build", "--without", "0.25", "--augment", "noise"]
    tuned = TuneGenerator(task="generator", dataset="ds-0002", method="dora", max_steps=2, rank=8)
    told = "finetune --method dora --dataset ds-0002 --max-steps 2 --rank 8"
    assert tuned.command()[1] == told.split()
    assert TuneGenerator(task="generator").command()[1] == ["finetune", "--method", "lora"], (
        "the command's own defaults"
    )
    chosen = TuneGenerator(task="generator", languages="en, de", canaries=0).command()[1]
    assert chosen == ["finetune", "--method", "lora", "--languages", "en, de", "--canaries", "0"]
    assert TuneEncoder(task="encoder", hard_epochs=1).command()[1] == ["finetune", "--encoder", "--hard-epochs", "1"]
    assert TuneGenerator(task="generator", resume="generator-run-0001").command()[1][:2] == ["finetune", "--resume"]
    assert TuneEncoder(task="encoder", resume="encoder-run-0001").command()[1][-2:] == ["--resume", "encoder-run-0001"]
    assert Compress(task="compress", version="generator-0001").command()[1][-2:] == ["--to", "q8_0"]
    forced = Publish(task="publish", version="generator-0001", force=True, reason="--help; rm -rf /").command()[1]
    assert forced[-2:] == ["--force", "--reason=--help; rm -rf /"]  # one argument, and no option


@pytest.mark.parametrize(("task", "bounds"), [(TuneGenerator, GENERATOR | CANARIES), (BuildDataset, DATASET)])
def test_what_the_page_takes_is_what_the_command_takes(task: Any, bounds: Mapping[str, Bound]) -> None:
    """Of each number the page takes the least and the most that the command takes, and offers no other."""
    kind = "generator" if task is TuneGenerator else "dataset"
    shared = set(task.model_fields) & set(bounds)
    assert shared >= {"without"} if kind == "dataset" else {"epochs", "learning_rate", "rank", "max_steps"}
    for name in shared:
        bound = bounds[name]
        for value in (bound.least, bound.most):
            assert getattr(task(task=kind, **{name: value}), name) == value
            check_bounds({name: value}, bounds)
        for value in (bound.least - 1, bound.most + 1):
            with pytest.raises(ValidationError):
                task(task=kind, **{name: value})
            with pytest.raises(UsageError, match="cannot be; give a value from"):
                check_bounds({name: value}, bounds)
        assert limits()["spans"][name] == {"min": bound.least, "max": bound.most}
    assert {bits for bits, _ in limits()["compressions"]} <= set(BITS)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"task": "compress", "version": "../../etc"}, 422),
        ({"task": "generator", "dataset": "--help"}, 422),
        ({"task": "shell", "command": "id"}, 422),
        ({"task": "publish", "version": "generator-0001", "force": True}, 422),
        ({"task": "dataset", "without": 0.6}, 422),
        ({"task": "generator", "learning_rate": -1}, 422),
        ({"task": "generator", "max_steps": 0}, 422),
        ({"task": "generator", "canaries": 601}, 422),
        ({"task": "generator", "languages": "--help"}, 422),
        ({"task": "encoder", "hard_epochs": -1}, 422),
        ({"task": "generator", "epochs": 1, "max_steps": 2}, 422),
    ],
)
def test_a_wish_that_is_none_starts_nothing(site: House, ada: Member, wish: dict[str, Any], status: int) -> None:
    answer = site.client.post(f"{API}/commands", json={"wish": wish}, headers=ada.headers)
    assert answer.status_code == status
    assert site.client.get(f"{API}/commands", headers=ada.headers).json() == {"commands": []}


def test_versions_are_listed_verified_and_rolled_back(site: House, ada: Member) -> None:
    folder = site.parts.settings.data
    first, second = version(folder), version(folder, "better")
    publish(folder / "models", first, "Ada", champion=None)
    publish(folder / "models", second, "Ada", champion=first)
    shown = site.client.get(API, headers=ada.headers).json()
    assert [one["name"] for one in shown["versions"]] == [second, first]
    assert (shown["generator"], len(shown["history"]), shown["problem"]) == (second, 2, None)
    assert (shown["serving"]["generator"], shown["serving"]["pinned"]) == (second, None)
    routes = next(route.endpoint.__self__ for route in _routes(site) if route.path == API)
    named = replace(routes.parts, settings=Settings(data=folder, model="/models/qwen"))
    serving = replace(routes, parts=named)._all()["serving"]
    assert (serving["generator"], serving["pinned"]) == ("/models/qwen", "model = '/models/qwen'")
    core = SimpleNamespace(
        supervisor=SimpleNamespace(spec=SimpleNamespace(name=first)),
        following=SimpleNamespace(problem=f"{second} did not start."),
        heads=None,
    )
    serving = replace(routes, parts=replace(routes.parts, assistant=core))._all()["serving"]
    assert (serving["generator"], serving["problem"]) == (first, f"{second} did not start.")
    card = site.client.get(f"{API}/versions/{first}", headers=ada.headers).json()
    assert card["conversations"] == 1
    assert "2" * 64 not in str(card)
    back = site.client.post(f"{API}/rollback", json={"kind": "generator", "reason": "worse"}, headers=ada.headers)
    assert back.json()["version"] == first
    assert [entry.action for entry in done(site.store.audit.entries(target=f"model:{first}"))] == ["models.rollback"]
    assert site.client.post(f"{API}/versions/{first}/verify", headers=ada.headers).status_code == 200
    weights = folder / "models" / first / "adapter_model.safetensors"
    weights.chmod(0o644)
    weights.write_text("flipped")
    broken = site.client.post(f"{API}/versions/{first}/verify", headers=ada.headers)
    assert broken.status_code >= 400
    assert "adapter_model.safetensors" in broken.json()["error"]["message"]


def test_a_broken_pointer_is_told_and_not_a_traceback(site: House, ada: Member) -> None:
    version(site.parts.settings.data)
    (site.parts.settings.models_folder / "published.json").write_text("{}")
    shown = site.client.get(API, headers=ada.headers).json()
    assert "published.json" in shown["problem"]
    assert len(shown["versions"]) == 1


def test_a_vote_counts_once_and_for_the_side_that_was_shown(site: House, ada: Member) -> None:
    routes = next(route.endpoint.__self__ for route in _routes(site) if route.path.endswith("/contest/votes"))
    assert isinstance(routes, ContestRoutes)
    replies = {"base": ANSWER, "precedent": ANSWER}
    routes.waiting["t"] = _Shown(("precedent", "base"), "Where is it?", "en", True, replies)
    choice = Choice(ticket="t", better="left").model_dump()
    made = site.client.post(f"{API}/contest/votes", json=choice, headers=ada.headers)
    assert [side["name"] for side in made.json()["sides"]] == ["precedent", "base"]
    assert made.json()["sides"][0]["mode"] == Mode.PRECEDENT.value
    assert site.client.post(f"{API}/contest/votes", json=choice, headers=ada.headers).status_code == 409
    [standing] = site.client.get(f"{API}/contest", headers=ada.headers).json()["standings"]
    assert (standing["first"], standing["for_first"], standing["second"], standing["for_second"]) == (
        "base",
        0,
        "precedent",
        1,
    )
    number = made.json()["vote"]
    assert site.client.delete(f"{API}/contest/votes/{number}", headers=ada.headers).status_code == 200
    assert site.client.get(f"{API}/contest", headers=ada.headers).json()["standings"] == []
    assert done(site.store.audit.entries(target=f"vote:{number}"))[0].action == "models.vote_taken_back"


def test_a_customers_words_are_not_kept_with_a_vote_but_where_an_erasure_finds_them(site: House) -> None:
    found = next(route.endpoint.__self__ for route in _routes(site) if route.path.endswith("/contest/votes"))
    core = SimpleNamespace(answerer=SimpleNamespace(masker=Masker()), examples=lambda _: ("How do I pay?",))
    routes = replace(found, contest=core, parts=replace(found.parts, assistant=core))
    assert routes._question("en") == ("How do I pay?", None), "asked by many: no customer's own words"
    dataset(site.parts.settings.data, [example(7, "Where is\nmy tent?", "Here.", ())])
    suggested, name = routes._question("en")

    def kept(question: str, suggested: str | None = name) -> str:
        return str(routes._kept(Ask(pair=("base", "precedent"), question=question, suggested=suggested)))

    assert kept(f"{suggested} ") == f"example:{name}"
    assert kept("Ask ada@shop.example?") == kept("Ask ada@shop.example?", None) == "Ask [EMAIL]?"
    with pytest.raises(Conflict, match="suggest another"):
        kept(str(suggested), "0" * 16)


def _routes(site: House) -> list[Any]:
    found: list[Any] = []
    pending = list(site.app.routes)
    while pending:
        route = pending.pop()
        pending += getattr(getattr(route, "original_router", None), "routes", getattr(route, "routes", None) or [])
        if hasattr(route, "endpoint"):
            found.append(route)
    return found
