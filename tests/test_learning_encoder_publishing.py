"""Which encoder comes into use, in whose place, and the way back: with encoders of tests in place of real ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chatbot.errors import Conflict, ModelError, NotFound, StorageError
from chatbot.learning import encoder_publishing, published, registry
from chatbot.learning.encoder_gate import Verdict
from chatbot.learning.encoder_publishing import Change, build_published, encoder_in_use, way_back
from chatbot.learning.registry import Entry
from chatbot.retrieval.embedding import no_progress
from chatbot.retrieval.index import IndexVersion, list_versions
from chatbot.settings import Settings
from chatbot.types import Passage
from scripts import models_encoder, reindex
from tests import gated
from tests.commands import AT_A_TERMINAL, refused, typed
from tests.fakes_retrieval import FakeEmbedder, shop
from ui import work

ONE, TWO = "encoder-v0001", "encoder-v0002"
BACK = ("models", "rollback", "--kind", "encoder")


@dataclass
class Deployment:
    """A data folder with two tuned encoders; those in `away` do not open."""

    data: Path
    away: set[str | None] = field(default_factory=set)

    @property
    def settings(self) -> Settings:
        return Settings(data=self.data)

    def open(self, version: str | None) -> FakeEmbedder:
        if version in self.away:
            raise ModelError(f"{version} does not open.")
        return FakeEmbedder(f"{version or 'base'}@1")

    def build(self, copies: int, version: str | None, **more: int) -> IndexVersion:
        """A new index; with another encoder than the one in use, that is published."""
        used, passages = encoder_in_use(self.settings), shop(copies)
        change = None if version == used else Change("Ada")
        return build_published(
            self.settings, passages, self.open(version), no_progress, previous=used, change=change, **more
        )

    def indexes(self) -> list[tuple[str, str]]:
        """Names and encoders, newest first; the current one first of all."""
        found = sorted(list_versions(self.data / "index"), key=lambda one: not one.current)
        return [(one.name[-1], one.encoder.removesuffix("@1")) for one in found]

    def history(self) -> list[tuple[str, str | None, str | None]]:
        return [(one.action, one.version, one.previous) for one in registry.history(self.data / "models")]

    def back(self) -> tuple[str | None, str]:
        done = typed("--data", self.data, *BACK, "--json")
        assert done.code == 0, done.err
        return done.json["published"], done.json["index"]


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    made = Deployment(tmp_path / "data")
    for content in ("one", "two"):
        scores = {"gate": {"passed": True, "reasons": []}}
        gated.version(made.data, content, kind="encoder", format="safetensors", scores=scores)

    def named(_settings: Settings, encoder: str) -> FakeEmbedder:
        label = encoder.removesuffix("@1")
        return made.open(None if label == "base" else label)

    monkeypatch.setattr(encoder_publishing, "open_base", lambda settings: made.open(None))
    monkeypatch.setattr(encoder_publishing, "open_tuned", lambda settings, version: made.open(version))
    monkeypatch.setattr(encoder_publishing, "open_named", named)
    monkeypatch.setattr(reindex, "compared_encoder", lambda *_: Verdict(True, (), {}))
    for at, version in enumerate((None, ONE, TWO)):
        made.build(at + 1, version)
    return made


def test_repeated_rollbacks_lead_back_and_never_forward_again(deployment: Deployment) -> None:
    assert deployment.back() == (ONE, "v000002")
    deployment.build(4, ONE)
    assert deployment.back() == (None, "v000001")
    refused(typed("--data", deployment.data, *BACK), "Before the base encoder, which is in use, there was no other")
    assert deployment.history() == [
        ("publish", ONE, None),
        ("publish", TWO, ONE),
        ("rollback", ONE, TWO),
        ("rollback", None, ONE),
    ]


def test_without_a_whole_index_of_it_one_is_built_as_any_other(deployment: Deployment) -> None:
    rows = deployment.data / "index" / "v000002" / "rows.npy"
    rows.write_bytes(rows.read_bytes()[:-1] + b"\xff")
    shown = typed("--data", deployment.data, *BACK, "--reason", "worse", **AT_A_TERMINAL)
    assert shown.out == (
        f"Back from {TWO} to {ONE} with the index v000004, built anew: none that it had built was kept whole. Running servers "
        "take it over.\n"
    )
    assert "read passages" in shown.err
    assert deployment.indexes()[0] == ("4", ONE)
    assert deployment.history()[2:] == [("rollback", ONE, TWO)]


def test_a_rebuild_that_is_stopped_leaves_the_old_state_whole(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, way = (deployment.indexes(), deployment.history()), way_back(deployment.settings)
    change = Change("Ada", action="rollback")

    def stopped(_stage: str, done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr(published, "write", _refuse)  # the disk is full when the line of the history is written
    for progress, error in ((stopped, KeyboardInterrupt), (no_progress, StorageError)):
        with pytest.raises(error):
            build_published(deployment.settings, shop(9), way.embedder, progress, previous=TWO, change=change)
        assert (deployment.indexes(), deployment.history()) == before
        assert not list((deployment.data / "index").glob(".building-*"))


def _refuse(*_given: object) -> None:
    raise StorageError("It cannot be written.")


def test_an_encoder_that_does_not_open_is_passed_over_before_the_pointer_moves(deployment: Deployment) -> None:
    deployment.away.add(ONE)
    refused(typed("--data", deployment.data, "index", "rollback", "v000002"), f"{ONE} does not open", code=1)
    assert deployment.indexes()[0] == ("3", TWO)
    assert typed("--data", deployment.data, "index", "rollback").out.startswith("Index v000001 is current again")
    assert typed("--data", deployment.data, "index", "rollback", "v000003").code == 0
    assert deployment.back() == (None, "v000001")
    deployment.away.add(TWO)
    with pytest.raises(NotFound):
        way_back(deployment.settings)


def test_the_newest_index_of_the_encoder_before_outlives_five_builds(deployment: Deployment) -> None:
    for copies in range(4, 9):
        deployment.build(copies, TWO)
    assert deployment.indexes() == [*((str(name), TWO) for name in range(8, 3, -1)), ("2", ONE)]
    deployment.build(8, TWO, keep=1)
    assert deployment.indexes() == [("8", TWO)]


def test_an_encoder_judged_against_another_than_the_one_in_use_is_not_published(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*_given: object) -> Verdict:
        deployment.build(5, ONE)
        return Verdict(True, (), {})

    with monkeypatch.context() as slow:
        slow.setattr(reindex, "compared_encoder", meanwhile)
        told = f"{ONE} is in use by now, and it was {TWO} when this began; nothing was changed"
        refused(typed("--data", deployment.data, "models", "publish", TWO), told, code=1)

    def passages() -> Iterator[Passage]:
        deployment.build(6, TWO)
        yield from shop(7)

    for change in (Change("Bea"), None):  # nor may an index built as any other bring back what it found
        deployment.build(5, ONE)
        with pytest.raises(Conflict, match=f"{TWO} is in use by now"):
            build_published(
                deployment.settings, passages(), deployment.open(ONE), no_progress, previous=ONE, change=change
            )
        assert deployment.indexes()[0][1] == TWO
    assert deployment.history()[-1] == ("publish", TWO, ONE)


def test_an_encoder_that_does_not_open_gives_way_by_force_alone(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.away.add(TWO)
    monkeypatch.setattr(reindex, "compared_encoder", models_encoder.compared_encoder)
    monkeypatch.setattr(models_encoder, "open_tuned", lambda settings, version: deployment.open(version))
    publish = ("--data", deployment.data, "models", "publish", ONE)
    refused(typed(*publish), f"{TWO} does not open", "rollback --kind encoder", "give --force", code=1)
    assert typed(*publish, "--force", "--reason", "it is broken").code == 0
    entry = registry.history(deployment.data / "models")[-1]
    assert (entry.version, entry.previous, entry.forced) == (ONE, TWO, True)
    assert entry.gate == {"passed": False, "reasons": [f"{TWO} does not open."]}


def test_a_line_of_the_history_whose_index_never_came_is_no_step_back(deployment: Deployment) -> None:
    assert deployment.back() == (ONE, "v000002")
    registry.note(deployment.data / "models", Entry("encoder", TWO, ONE, "2026-01-01", "Ada"))  # and killed
    assert way_back(deployment.settings).version is None
    deployment.build(3, None)
    assert way_back(deployment.settings).version == ONE


def test_the_page_builds_an_index_for_the_way_back_in_its_own_process(deployment: Deployment) -> None:
    wish = {"back": {"by": "Ada", "reason": "worse"}}
    done = work._index(deployment.settings, wish)
    assert (done["version"], done["published"], done["back"]) == (
        "v000004",
        True,
        {"kind": "encoder", "to": ONE, "from": TWO},
    )
    entry = registry.history(deployment.data / "models")[-1]
    assert (entry.by, entry.reason, entry.action) == ("Ada", "worse", "rollback")
