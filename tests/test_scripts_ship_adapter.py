"""The demo company's adapter: what a customer would read, when it beats `precedent`, and what is shipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.errors import UsageError
from chatbot.learning.adapting import adapted
from chatbot.learning.cards import Card
from chatbot.learning.registry import open_version
from scripts import ship_adapter
from tests.examples import REFUSAL, RETURNS, STOVES, example

ONE = example(1, "How long can I return my boots?", "Unworn boots go back within 30 days for 4.90 euros.", (RETURNS,))
OTHER = example(2, "Rent stoves?", "Yes, camping stoves for 12 euros a week in Leeds.", (STOVES,))


@pytest.mark.parametrize(
    "draft",
    [
        REFUSAL,
        "",
        "You may return unworn boots within 60 days for 4.90 euros.",
        "You may return unworn boots, [NAME], within 30 days for 4.90 euros.",
        "Hello there.",
    ],
)
def test_a_draft_that_fails_a_check_leaves_the_past_answer(draft: str) -> None:
    assert adapted(ONE, draft) == RETURNS[1]


def test_a_draft_that_passes_goes_out() -> None:
    draft = "Unworn boots may be returned within 30 days for 4.90 euros."
    assert adapted(ONE, draft) == draft


def test_better_drafts_beat_precedent_and_the_past_answer_itself_does_not() -> None:
    turns = [replace(one, conversation_id=f"c{at}", id=f"{at:016x}") for at in range(20) for one in (ONE, OTHER)]
    perfect = ship_adapter.judged(turns, [one.target for one in turns])
    assert perfect["drafts_that_went_out"] > 0
    assert perfect["adapted_minus_precedent"]["chrf"]["low"] > 0
    same = ship_adapter.judged(turns, [REFUSAL] * len(turns))
    assert same["drafts_that_went_out"] == 0
    assert not ship_adapter.beats(same)
    assert "`precedent` stays" in ship_adapter.verdict(same)


@pytest.mark.parametrize(("low", "wins"), [(0.01, True), (0.0, False), (-0.01, False)])
def test_it_beats_precedent_only_where_the_interval_lies_above_nothing(low: float, wins: bool) -> None:
    told = {"evidence_score": {"low": low, "mean": 0.1, "high": 0.2}, "chrf": {"low": 0.0, "mean": 1.0, "high": 2.0}}
    scores = {"adapted_minus_precedent": told, "test_turns": 9, "drafts_that_went_out": 3}
    assert ship_adapter.beats(scores) is wins
    assert ("is the default" in ship_adapter.verdict(scores)) is wins


def tiny_card() -> Card:
    files = {"adapter_config.json": "a" * 64, "adapter_model.safetensors": "b" * 64, "canaries.json": "c" * 64}
    return Card(
        "generator-0001", "generator", "2026-01-01", "smollm2-135m", "0" * 64, "Apache-2.0", ("en",), "ds-0001", "1" * 64,
        "lora", "adapter", files=files,
    )  # fmt: skip


def test_the_files_are_shipped_sealed_and_nothing_else(tmp_path: Path) -> None:
    made, to = tmp_path / "made", tmp_path / "to"
    made.mkdir()
    for name in tiny_card().files:
        (made / name).write_bytes(b"{}")
    ship_adapter.ship(made, replace(tiny_card(), name="generator-0007"), to)
    ship_adapter.ship(made, tiny_card(), to)
    assert [path.name for path in to.iterdir()] == ["generator-0001"]  # one adapter is shipped, the newest
    names = sorted(path.name for path in (to / "generator-0001").iterdir())
    assert names == ["adapter_config.json", "adapter_model.safetensors", "card.json", "card.md"]
    assert open_version(to, "generator-0001").card.base == "smollm2-135m"


@pytest.mark.parametrize(("low", "fit"), [(0.01, ("adapted",)), (-0.01, ())])
def test_the_card_says_what_the_verdict_says(low: float, fit: tuple[str, ...]) -> None:
    told = {"evidence_score": {"low": low, "mean": 0.1, "high": 0.2}, "chrf": {"low": 0.0, "mean": 1.0, "high": 2.0}}
    scores = {"adapted_minus_precedent": told, "test_turns": 9, "drafts_that_went_out": 3}
    card = ship_adapter.with_verdict(tiny_card(), scores)
    assert card.fit == fit
    assert ship_adapter.verdict(scores) in card.notes
    assert card.scores["test_turns"] == 9


def test_an_adapter_above_twenty_megabytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_bytes(b"{}")
    with (tmp_path / "adapter_model.safetensors").open("wb") as file:
        file.truncate(ship_adapter.MOST_BYTES + 1)
    with pytest.raises(UsageError, match=r"takes 20\.0 MB, and 20 may be shipped; tune it with a lower --rank"):
        ship_adapter.ship(tmp_path, tiny_card(), tmp_path / "to")
