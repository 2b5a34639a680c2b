"""Model versions: sealed, verified, published, rolled back, deleted; also while processes are killed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from chatbot.errors import Conflict, ModelError, NotFound, StorageError, UsageError
from chatbot.learning import registry
from chatbot.learning.cards import Card, Kind
from chatbot.learning.heads import Heads, save_heads
from chatbot.learning.published import POINTER
from chatbot.trained import models_trained_on
from tests.commands import AT_A_TERMINAL, refused, typed

ROOT = Path(__file__).parent.parent
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "4"))
FIELDS: dict[str, Any] = {
    "base": "smollm2-135m",
    "base_sha256": "b1",
    "licence": "Apache-2.0",
    "languages": ("en",),
    "dataset": "ds-0001",
    "data_sha256": "d1",
    "method": "lora",
    "format": "adapter",
}


def make(folder: Path, content: str = "weights") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_model.safetensors").write_text(content)
    (folder / "adapter_config.json").write_text("{}")
    return folder


def added(models: Path, content: str, kind: Kind = "generator", **fields: Any) -> Card:
    return registry.add(models, kind, make(models.parent / "made", content), FIELDS | fields)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_a_version_is_named_sealed_and_described(models: Path) -> None:
    learnt = hashlib.sha256(b"conversation 7").hexdigest()
    first = added(models, "one", scores={"evidence": 0.51}, conversations_sha256=[learnt])
    second = added(models, "two", parent=first.name)
    other = added(models, "three", kind="encoder")
    assert [first.name, second.name, other.name] == ["generator-0001", "generator-0002", "encoder-v0001"]
    assert [card.name for card in registry.versions(models, "generator")] == ["generator-0001", "generator-0002"]
    assert registry.open_version(models, first.name).card == first
    assert first.files["adapter_model.safetensors"] == hashlib.sha256(b"one").hexdigest()
    told = (models / first.name / "card.md").read_text()
    assert "Apache-2.0" in told
    assert "evidence | 0.51" in told
    assert models_trained_on(models, ["conversation 7"]) == [first.name]


def test_the_same_files_again_are_the_same_version(models: Path) -> None:
    first = added(models, "one")
    assert added(models, "one") == first
    assert added(models, "one", parent="generator-0001").name == "generator-0002"


def test_a_flipped_bit_anywhere_is_found_and_named(models: Path) -> None:
    name = added(models, "one").name
    files = sorted(path for path in (models / name).iterdir())
    assert len(files) == 4
    for path in files:
        whole = path.read_bytes()
        path.chmod(0o644)
        for at in {0, len(whole) // 2, len(whole) - 2}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(ModelError, match=path.name):
                registry.open_version(models, name)
        path.write_bytes(whole)
    assert registry.open_version(models, name)
    (models / name / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors"):
        registry.open_version(models, name)


@pytest.mark.parametrize("stranger", ["extra.json", "weights.bin", "model.pt", "run.py"])
def test_a_file_that_came_later_is_refused(models: Path, stranger: str) -> None:
    name = added(models, "one").name
    (models / name / stranger).write_text("x")
    with pytest.raises(ModelError, match=stranger):
        registry.open_version(models, name)


def test_pickles_and_links_are_never_added(models: Path, tmp_path: Path) -> None:
    made = make(tmp_path / "made")
    (made / "optimizer.pt").write_bytes(b"\x80\x04")
    with pytest.raises(ModelError, match=r"optimizer\.pt.*pickle"):
        registry.add(models, "generator", made, FIELDS)
    (made / "optimizer.pt").unlink()
    (made / "linked.safetensors").symlink_to("/etc/hostname")
    with pytest.raises(ModelError, match=r"linked\.safetensors is a link"):
        registry.add(models, "generator", made, FIELDS)
    assert registry.versions(models) == []


def test_wrong_fields_and_empty_folders_are_refused(models: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="colour, files"):
        registry.add(models, "generator", make(tmp_path / "made"), FIELDS | {"colour": "red", "files": {}})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds nothing"):
        registry.add(models, "generator", tmp_path / "empty", FIELDS)


def test_a_full_disk_leaves_nothing(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        path.write_bytes(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry, "write_synced", full)
    with pytest.raises(StorageError, match=r"No space left.*nothing was added"):
        added(models, "one")
    assert registry.versions(models) == []
    assert [path.name for path in models.iterdir()] == ["registry.lock"]


def test_publish_and_roll_back_to_the_beginning(models: Path) -> None:
    one, two = added(models, "one").name, added(models, "two").name
    registry.publish(models, one, "ada", champion=None, gate={"passed": True})
    registry.publish(models, two, "ada", champion=one)
    registry.publish(models, one, "ada", champion=two)
    assert registry.published(models, "generator") == one
    assert registry.published(models, "heads") is None
    assert [registry.rollback(models, "generator", "bob").version for _ in range(3)] == [two, one, None]
    with pytest.raises(NotFound, match="nothing to go back to"):
        registry.rollback(models, "generator", "bob")
    entries = registry.history(models)
    assert [(entry.action, entry.version, entry.by) for entry in entries][-1] == ("rollback", None, "bob")
    assert entries[0].gate == {"passed": True}


def test_the_commands_tell_as_json_what_is_whole_and_what_is_back(models: Path) -> None:
    one, two = added(models, "one").name, added(models, "two").name
    run = ("--data", models.parent, "models")
    assert typed(*run, "verify", "--json").json == [{"version": name, "files": 3, "whole": True} for name in (one, two)]
    shown = typed(*run, "verify", **AT_A_TERMINAL)
    assert "2/2" in shown.err
    assert shown.out == "".join(f"{name}: 3 files are as they were sealed.\n" for name in (one, two))
    registry.publish(models, one, "ada", champion=None)
    registry.publish(models, two, "ada", champion=one)
    back = [typed(*run, "rollback", "--json").json for _ in range(2)]
    assert back == [
        {"kind": "generator", "previous": two, "published": one, "index": None, "pinned": None},
        {"kind": "generator", "previous": one, "published": None, "index": None, "pinned": None},
    ]
    made = models / two / "adapter_model.safetensors"
    made.chmod(0o644)
    made.write_text("no")
    refused(typed(*run, "verify", "--json"), two, code=1)


def test_a_rollback_passes_over_what_is_broken(models: Path) -> None:
    names = [added(models, content).name for content in ("one", "two", "three")]
    for champion, name in zip([None, *names], names, strict=False):
        registry.publish(models, name, "ada", champion=champion)
    weights = models / names[1] / "adapter_model.safetensors"
    weights.chmod(0o644)
    weights.write_text("TWO")
    assert registry.rollback(models, "generator", "ada").version == names[0]


def test_a_force_needs_a_reason_and_keeps_it(models: Path) -> None:
    name = added(models, "one").name
    with pytest.raises(UsageError, match="--reason"):
        registry.publish(models, name, "ada", champion=None, forced=True, reason=" ")
    entry = registry.publish(models, name, "ada", champion=None, forced=True, reason="the old one is down")
    assert registry.history(models) == (entry,)
    assert (entry.forced, entry.reason) == (True, "the old one is down")


def test_a_broken_version_is_not_published(models: Path) -> None:
    name = added(models, "one").name
    path = models / name / "adapter_config.json"
    path.chmod(0o644)
    path.write_text("{ }")
    with pytest.raises(ModelError, match=r"adapter_config\.json"):
        registry.publish(models, name, "ada", champion=None)
    assert registry.published(models, "generator") is None


def test_a_card_that_was_replaced_after_publishing_is_refused(models: Path) -> None:
    name = added(models, "one").name
    registry.publish(models, name, "ada", champion=None)
    impostor = added(models.parent / "other", "evil")
    (models / name / "card.json").unlink()
    (models / name / "card.json").write_bytes((models.parent / "other" / impostor.name / "card.json").read_bytes())
    with pytest.raises(ModelError, match="not the card that was published"):
        registry.published_card(models, "generator")


def test_a_broken_pointer_says_so(models: Path) -> None:
    name = added(models, "one").name
    registry.publish(models, name, "ada", champion=None)
    path = models / POINTER
    path.write_bytes(path.read_bytes().replace(b"generator-0001", b"generator-0002", 1))
    with pytest.raises(ModelError, match=r"published\.json is broken \(its digest"):
        registry.published(models, "generator")


def test_of_two_publishers_one_wins(models: Path) -> None:
    names = [added(models, str(number)).name for number in range(6)]
    start, outcomes = threading.Barrier(len(names)), []

    def publish(name: str) -> None:
        start.wait()
        try:
            registry.publish(models, name, "ada", champion=None)
            outcomes.append(name)
        except Conflict as exc:
            outcomes.append(str(exc))

    threads = [threading.Thread(target=publish, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if outcome in names]
    assert winners == [registry.published(models, "generator")]
    assert sum("compare and publish again" in outcome for outcome in outcomes) == len(names) - 1
    assert len(registry.history(models)) == 1


def test_delete_spares_what_is_published_or_a_parent_and_never_reuses_a_name(models: Path) -> None:
    one = added(models, "one").name
    two = added(models, "two", parent=one).name
    registry.publish(models, two, "ada", champion=None)
    with pytest.raises(Conflict, match="is published"):
        registry.delete(models, two)
    with pytest.raises(Conflict, match=f"{two} was made from {one}"):
        registry.delete(models, one)
    for number, base in enumerate((models / one, f"{models.name}/{one}/weights.gguf", one)):
        on = added(models, f"on it {number}", base=str(base)).name
        with pytest.raises(Conflict, match=f"{two}, {on} was made from {one}"):
            registry.delete(models, one)
        registry.delete(models, on)
    registry.rollback(models, "generator", "ada")
    registry.delete(models, two)
    registry.delete(models, one)
    assert registry.versions(models) == []
    assert added(models, "three").name == "generator-0006"
    with pytest.raises(NotFound, match="chatbot models list"):
        registry.delete(models, "../made")


def test_the_command_spares_what_heads_or_settings_name_and_asks(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, generator = added(models, "tuned", "encoder").name, added(models, "tuned").name
    save_heads(made := make(models.parent / "heads"), Heads(f"{encoder}@ab12", {}))
    heads = registry.add(models, "heads", made, FIELDS | {"format": "heads"}).name
    run = ("--data", models.parent, "models", "delete")
    refused(typed(*run, encoder, "--yes"), f"{heads} would read nothing without the encoder {encoder}", code=1)
    refused(typed(*run, generator, "--yes", CHATBOT_MODEL=generator), f"model = '{generator}' names", code=1)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert typed(*run, heads).code == 1
    assert [typed(*run, one, "--yes").code for one in (heads, encoder, generator)] == [0, 0, 0]
    assert registry.versions(models) == []


WORKER = """
import sys
from pathlib import Path
from chatbot.learning import registry
from tests.test_learning_registry import FIELDS, make
models, turn = Path(sys.argv[1]), int(sys.argv[2])
print("begun", flush=True)
while True:
    made = make(models.parent / f"made-{turn % 5}", str(turn) * 200_000)
    card = registry.add(models, "generator", made, FIELDS)
    registry.publish(models, card.name, "chaos", champion=registry.published(models, "generator"))
    print(card.name, flush=True)
    if turn % 3 == 2:
        registry.rollback(models, "generator", "chaos")
    if turn % 4 == 3:
        for old in registry.versions(models):
            if old.name not in (registry.published(models, "generator"), card.name):
                registry.delete(models, old.name)
                break
    turn += 1
"""


@pytest.mark.chaos
def test_a_kill_at_any_moment_leaves_a_whole_registry(models: Path) -> None:
    """After each kill: every version is whole, the pointer names a whole one, and what was acknowledged is in the history."""
    rng = random.Random(7)
    acknowledged: list[str] = []
    for round_ in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(models), str(round_ * 1000)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(rng.uniform(0.01, 0.6))
        process.send_signal(signal.SIGKILL)
        acknowledged += process.communicate()[0].split()
        for card in registry.versions(models):
            registry.open_version(models, card.name)
        assert registry.problems(models) == {}
        if (name := registry.published(models, "generator")) is not None:
            registry.open_version(models, name)
        published = [entry.version for entry in registry.history(models) if entry.action == "publish"]
        assert [version for version in published if version in acknowledged] == acknowledged
    added(models, "after")
    assert not list(models.glob(".adding-*"))
    assert json.loads((models / POINTER).read_bytes())["history"]
