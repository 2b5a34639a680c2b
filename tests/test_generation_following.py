"""What is published reaches a running server: swapped to beside the chats, taken back likewise, refused where it is broken."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chatbot.assembly import Assistant, check_mode
from chatbot.errors import ModelError, NotFound, SettingsError
from chatbot.generation.catalogue import SMOLLM2, SMOLLM2_SHA256, ModelSpec, embedded_path, resolve, verify
from chatbot.generation.following import Following
from chatbot.generation.supervisor import Supervisor
from chatbot.generation.tuned import pinned, served, spec_of, untuned
from chatbot.learning import registry
from chatbot.learning.generator_base import find_base
from chatbot.learning.published import POINTER
from chatbot.settings import Settings
from chatbot.types import ChatMessage, Mode
from chatbot.types.generation import Skill
from scripts.doctor import CHECKS
from storage.opening import Store
from tests.embedded import link_models
from tests.test_generation_supervisor import COMMAND, QUICK, ROOT, say, until_running
from tests.test_learning_registry import FIELDS, added
from ui.wiring import Probes

CHATS = 8


def gguf_version(models: Path, content: bytes | None = None, **fields: Any) -> str:
    """A version whose weights are the embedded model's, or `content`."""
    made = models.parent / "made-gguf"
    made.mkdir(exist_ok=True)
    for path in made.iterdir():
        path.unlink()
    (made / "model.gguf").write_bytes(embedded_path().read_bytes() if content is None else b"GGUF" + content)
    common = FIELDS | {"base": SMOLLM2, "base_sha256": SMOLLM2_SHA256, "format": "gguf", "prompt": "generate"}
    return registry.add(models, "generator", made, common | fields).name


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(ROOT)
    return Settings(data=tmp_path, first_token_s=5.0, slots=CHATS)


@pytest.fixture
async def supervisor(settings: Settings) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(settings, command=COMMAND, timing=QUICK)
    await supervisor.start()
    yield supervisor
    await supervisor.stop()


# --- which model customers get -----------------------------------------------------------------------------------


def test_nothing_published_is_what_the_settings_name(settings: Settings) -> None:
    assert served(settings) == resolve(settings)


def test_the_published_version_is_served_as_it_was_sealed(settings: Settings) -> None:
    models = settings.models_folder
    name = gguf_version(models, b"one", languages=("en", "de"), fit=("precedent", "adapted", "generated"))
    registry.publish(models, name, "ada", champion=None)
    spec = served(settings)
    assert (spec.name, spec.kind, spec.engine, spec.languages) == (name, "gguf", "openvino", ("en", "de"))
    assert spec.path == models / name / "model.gguf"
    assert spec.sha256 == registry.read_card(models, name).files["model.gguf"]
    assert (spec.prompt, spec.context, Mode.GENERATED in spec.fit) == ("generate", 8192, True)
    assert served(settings.model_copy(update={"model_languages": ("fr",)})).languages == ("fr",)


def test_a_model_that_the_settings_name_comes_before_what_is_published(settings: Settings) -> None:
    models = settings.models_folder
    first, second = gguf_version(models, b"one"), gguf_version(models, b"two")
    registry.publish(models, first, "ada", champion=None)
    assert pinned(settings) is None
    assert served(Settings(data=settings.data, model=SMOLLM2)).name == SMOLLM2
    assert pinned(Settings(data=settings.data, model=SMOLLM2)) == f"model = '{SMOLLM2}'"
    assert served(pin := Settings(data=settings.data, model=second)).name == second
    assert find_base(pin)[0].name == SMOLLM2, "a version is tuned anew from what it was tuned from"
    assert untuned(pin.model_copy(update={"adapter": models})) == resolve(Settings(data=settings.data))
    assert pinned(Settings(data=settings.data, adapter=models)) == f"adapter = '{models}'"
    assert CHECKS["generator"](Settings(data=settings.data, model=SMOLLM2)).endswith(
        f"; {first} is published, and model = '{SMOLLM2}' in the settings goes before it"
    )
    assert served(Settings(data=settings.data, model="m", model_url="http://gpu:8000/v1")).kind == "remote"
    with pytest.raises(NotFound, match="generator-0009"):
        served(Settings(data=settings.data, model="generator-0009"))


def test_an_adapter_runs_on_transformers_over_its_base(settings: Settings) -> None:
    models = settings.models_folder
    name = added(models, "adapter").name
    spec = spec_of(models, registry.read_card(models, name))
    assert (spec.engine, spec.path, spec.adapter) == ("transformers", embedded_path(), models / name)
    assert spec.adapter_sha256 is not None
    registry.publish(models, name, "ada", champion=None)
    with pytest.raises(SettingsError, match="chatbot models compress"):
        served(Settings(data=settings.data, engine="openvino"))
    with pytest.raises(ModelError, match="is no generator"):
        spec_of(models, added(models, "encoder", kind="encoder"))


# --- following -----------------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_a_publish_and_a_rollback_drop_none_of_eight_chats(
    settings: Settings, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every reply is whole and names the model that wrote it; the old server is gone in the end."""
    monkeypatch.setenv("SCRIPTED_PACE_S", "0.02")
    version = gguf_version(settings.models_folder, b"tuned")
    following = Following(settings, supervisor, every_s=0.02)
    following.start()
    model, stop, names = supervisor.model(), asyncio.Event(), set()

    async def chat(number: int) -> int:
        replies = 0
        while not stop.is_set():
            names.add(model.name)
            assert await say(model, f"say one two three four {number}") == f"one two three four {number}"
            replies += 1
        return replies

    chats = [asyncio.create_task(chat(number)) for number in range(CHATS)]
    await until_running(supervisor, 1)
    registry.publish(settings.models_folder, version, "ada", champion=None)
    await until(lambda: model.name == version)
    assert model.skill.prompt == "generate"
    registry.rollback(settings.models_folder, "generator", "ada")
    await until(lambda: model.name == SMOLLM2)
    await asyncio.sleep(0.1)
    stop.set()
    assert min(await asyncio.gather(*chats)) >= 2
    assert names == {SMOLLM2, version}
    assert (supervisor.restarts, following.problem) == (0, None)
    assert model.skill == Skill(frozenset({"en"})), "the base's own, and no prompt of a tuned one"
    await following.stop()


@pytest.mark.chaos
async def test_a_version_that_does_not_start_changes_nothing_and_says_why(
    settings: Settings, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED_BROKEN_MODEL", "generator-0001")
    models = settings.models_folder
    following = Following(settings, supervisor)
    registry.publish(models, gguf_version(models, b"bad"), "ada", champion=None)
    assert await following.catch_up() is False
    assert "generator-0001 is broken" in (following.problem or "")
    model = supervisor.model()
    assert (model.name, await say(model, "say still here")) == (SMOLLM2, "still here")
    registry.rollback(models, "generator", "ada")
    assert await following.catch_up() is False
    assert following.problem is None


async def test_a_swap_that_failed_is_tried_again_and_told_until_then(settings: Settings) -> None:
    version = gguf_version(settings.models_folder, b"one")
    registry.publish(settings.models_folder, version, "ada", champion=None)
    tried: list[str] = []

    class Short:
        """A supervisor with too little memory at first."""

        spec, state = resolve(settings), "ready"

        async def swap(self, spec: ModelSpec) -> None:
            tried.append(spec.name)
            if len(tried) == 1:
                raise ModelError("There is too little memory.")
            self.spec = spec

    supervisor: Any = Short()
    following = Following(settings, supervisor, every_s=0.001, retry_s=0.05)
    probes = Probes(
        cast("Store", None),
        cast("Assistant", SimpleNamespace(supervisor=supervisor, following=following, settings=settings)),
    )
    following.start()
    await until(lambda: tried and following.problem)
    assert (
        await probes.model() == "what is published was refused, the model before it answers; the page Models says why"
    )
    await until(lambda: following.problem is None)
    assert (tried, supervisor.spec.name, await probes.model()) == ([version, version], version, None)
    await following.stop()


@pytest.mark.chaos
async def test_a_pointer_that_is_broken_or_a_model_that_is_not_fit_changes_nothing(
    settings: Settings, supervisor: Supervisor
) -> None:
    models = settings.models_folder
    writes_freely = settings.model_copy(update={"reply_mode": Mode.GENERATED})
    following = Following(settings, supervisor, partial(check_mode, writes_freely))
    registry.publish(models, gguf_version(models, b"one"), "ada", champion=None)
    assert await following.catch_up() is False
    assert "not declared fit" in (following.problem or "")
    (models / POINTER).write_text("{}")
    assert await following.catch_up() is False
    assert "published.json is broken" in (following.problem or "")
    assert supervisor.spec.name == SMOLLM2


@pytest.mark.chaos
async def test_a_server_that_could_not_start_takes_over_what_is_published_then(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody watched yet, and the swap brings the watch with it."""
    monkeypatch.setenv("SCRIPTED_BROKEN_MODEL", SMOLLM2)
    supervisor = Supervisor(settings, command=COMMAND, timing=QUICK)
    with pytest.raises(ModelError, match="is broken"):
        await supervisor.start()
    following = Following(settings, supervisor)
    registry.publish(settings.models_folder, gguf_version(settings.models_folder, b"one"), "ada", champion=None)
    assert await following.catch_up() is True
    assert await say(supervisor.model(), "say mended") == "mended"
    first = supervisor.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: supervisor.state == "ready" and supervisor.pid not in (first, None))
    await supervisor.stop()


@pytest.mark.models
@pytest.mark.chaos
async def test_the_real_server_swaps_under_eight_chats(settings: Settings, converted_models: Path) -> None:
    """The embedded model, and a version with the same weights under another name: each reply ends as it should.

    Words may differ between two runs of a prompt: what else is in the batch changes the last bits, and with them a near tie.
    """
    link_models(converted_models, settings.data)
    supervisor = Supervisor(settings.model_copy(update={"first_token_s": 60.0}))
    await supervisor.start()
    weights = next(
        (settings.models_folder).glob("smollm2*/*.gguf")
    )  # as OpenVINO reads them: nothing is to be converted
    version = gguf_version(settings.models_folder, weights.read_bytes()[4:])
    following = Following(settings, supervisor, every_s=0.1)
    following.start()
    model, stop, seen = supervisor.model(), asyncio.Event(), dict[str, set[str]]()

    async def chat(number: int) -> int:
        prompt, replies = [ChatMessage("user", f"Count from {number} to ten.")], 0
        while not stop.is_set():
            name = model.name
            deltas = [delta async for delta in model.stream(prompt, max_tokens=12, deadline_s=120)]
            assert deltas[-1].finish_reason in ("stop", "length")
            seen.setdefault(name, set()).add("".join(delta.text for delta in deltas))
            replies += 1
        return replies

    chats = [asyncio.create_task(chat(number)) for number in range(CHATS)]
    try:
        await asyncio.sleep(0.2)
        registry.publish(settings.models_folder, version, "ada", champion=None)
        await until(lambda: version in seen)
        registry.rollback(settings.models_folder, "generator", "ada")
        await until(lambda: model.name == SMOLLM2)
        stop.set()
        assert min(await asyncio.gather(*chats)) >= 1
    finally:
        await following.stop()
        await supervisor.stop()
    assert seen.keys() == {SMOLLM2, version}
    assert all(text.strip() for texts in seen.values() for text in texts)
    assert seen[version] & seen[SMOLLM2]
    assert following.problem is None


@pytest.mark.models
def test_weights_that_were_changed_after_publishing_are_not_loaded(settings: Settings, tmp_path: Path) -> None:
    models = settings.models_folder
    gguf, adapter = gguf_version(models, b"one"), added(models, "adapter").name
    for name, file in ((gguf, "model.gguf"), (adapter, "adapter_model.safetensors")):
        spec = verify(spec_of(models, registry.read_card(models, name)))
        path = models / name / file
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b"!")
        with pytest.raises(ModelError, match=file.replace(".", r"\.")):
            verify(spec)


async def until(happened: Any) -> None:
    """Polls; the test's timeout ends a wait in vain."""
    while not happened():  # noqa: ASYNC110 - another process and a file are polled
        await asyncio.sleep(0.01)
