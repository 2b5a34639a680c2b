"""The demo company's adapter is the default for adapted replies if its card says that it won, and only then."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.errors import ModelError
from chatbot.generation import shipped
from chatbot.generation.catalogue import SMOLLM2, resolve, verify
from chatbot.generation.shipped import default_adapter, shipped_card, with_default_mode
from chatbot.generation.tuned import served
from chatbot.learning import registry
from chatbot.settings import Settings
from chatbot.types import Mode
from scripts.ship_adapter import MOST_BYTES, beats, ship, verdict
from tests.test_generation_following import gguf_version
from tests.test_scripts_ship_adapter import tiny_card


def _put(to: Path, *, wins: bool) -> Path:
    """A tiny adapter, shipped with a verdict."""
    made = to.parent / "made"
    made.mkdir()
    (made / "adapter_config.json").write_text("{}")
    (made / "adapter_model.safetensors").write_bytes(b"tiny")
    ship(made, replace(tiny_card(), fit=("adapted",) if wins else (), prompt="generate"), to)
    return to


@pytest.fixture
def winner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shipped, "FOLDER", _put(tmp_path / "shipped", wins=True))
    return shipped.FOLDER


@pytest.fixture
def loser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shipped, "FOLDER", _put(tmp_path / "shipped", wins=False))
    return shipped.FOLDER


def settings(tmp_path: Path, **given: object) -> Settings:
    return Settings(data=tmp_path / "data", device="cpu", **given)  # type: ignore[arg-type]


def test_one_that_won_writes_the_english_replies_of_the_demo_company(tmp_path: Path, winner: Path) -> None:
    chosen = with_default_mode(settings(tmp_path))
    spec = served(chosen)
    assert chosen.reply_mode is Mode.ADAPTED
    assert (spec.name, spec.engine, spec.prompt) == ("demo-generator-0001", "transformers", "generate")
    assert (spec.adapter, spec.languages) == (winner / "generator-0001", ("en",))
    assert spec.path == resolve(chosen).path


def test_one_that_lost_changes_nothing(tmp_path: Path, loser: Path) -> None:
    chosen = with_default_mode(settings(tmp_path))
    assert chosen.reply_mode is Mode.PRECEDENT
    adapted = settings(tmp_path, reply_mode="adapted")
    assert served(adapted) == resolve(adapted)  # the untuned model, as before


@pytest.mark.parametrize(
    "given",
    [
        {"reply_mode": "precedent"}, {"company": "Acme"}, {"engine": "none"}, {"engine": "openvino"}, {"model": SMOLLM2},
        {"model_url": "http://gpu:8000/v1"},
    ],
)  # fmt: skip
def test_whoever_chose_otherwise_keeps_precedent(tmp_path: Path, winner: Path, given: dict[str, str]) -> None:
    chosen = settings(tmp_path, **given)
    assert with_default_mode(chosen) == chosen
    assert default_adapter(chosen) is None


def test_what_is_published_comes_first(tmp_path: Path, winner: Path) -> None:
    chosen = settings(tmp_path)
    chosen.data.mkdir()
    name = gguf_version(chosen.models_folder, b"own")
    registry.publish(chosen.models_folder, name, "ada", champion=None)
    assert with_default_mode(chosen).reply_mode is Mode.PRECEDENT
    assert served(chosen.model_copy(update={"reply_mode": Mode.ADAPTED})).name == name


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_changed_file_is_not_loaded(tmp_path: Path, winner: Path, name: str) -> None:
    spec = served(with_default_mode(settings(tmp_path)))
    (winner / "generator-0001" / name).write_text("{ }")
    with pytest.raises(ModelError, match=f"{name} was changed"):
        verify(spec)


def test_a_card_that_was_bettered_by_hand_is_refused(tmp_path: Path, loser: Path) -> None:
    card = loser / "generator-0001" / "card.json"
    card.write_text(card.read_text().replace('"fit": []', '"fit": [\n  "adapted"\n ]'))
    with pytest.raises(ModelError, match=r"card\.json was changed or is broken"):
        with_default_mode(settings(tmp_path))


def test_without_one_precedent_stays(tmp_path: Path, winner: Path) -> None:
    shutil.rmtree(winner)
    assert with_default_mode(settings(tmp_path)).reply_mode is Mode.PRECEDENT


def test_what_is_really_shipped_is_whole_and_its_card_is_true() -> None:
    card = shipped_card()
    assert card is not None
    registry.open_version(shipped.FOLDER, card.name)
    assert sum(path.stat().st_size for path in shipped.FOLDER.rglob("*") if path.is_file()) < MOST_BYTES
    assert card.fit == (("adapted",) if beats(card.scores) else ())
    assert verdict(card.scores) in card.notes
