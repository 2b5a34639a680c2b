"""What a tuning run may be told: contradictions, what a resumed run may change, rates by size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.errors import Conflict, UsageError
from chatbot.learning import runs
from chatbot.learning.generator_base import check_licence
from chatbot.learning.generator_options import TuningOptions, check, differences, from_json, to_json


def test_the_defaults_contradict_nothing_and_survive_json() -> None:
    check(TuningOptions())
    options = TuningOptions(method="dora", rank=8, languages=("en", "de"), four_bit=True)
    assert from_json(to_json(options)) == options


@pytest.mark.parametrize(("name", "value"), [("optimizer", "sgd"), ("precision", "fp8"), ("device", "gpu")])
def test_a_word_that_is_no_choice_is_not_taken_for_another(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"--{name} {value} cannot be; take one of"):
        check(replace(TuningOptions(), **{name: value}))


def test_options_of_another_version_are_refused() -> None:
    with pytest.raises(UsageError, match="another version of this program"):
        from_json(to_json(TuningOptions()) | {"momentum": 1})


def test_only_the_batch_may_change_and_only_where_a_step_stays_what_it_was() -> None:
    begun = TuningOptions()
    assert differences(begun, replace(begun, batch=2, accumulation=8)) == []
    assert differences(begun, replace(begun, batch=2)) == ["batch"]
    assert differences(begun, replace(begun, seed=1, epochs=9.0)) == ["epochs", "seed"]


def test_the_rate_goes_by_method_and_size() -> None:
    small, large = 135_000_000, 8_000_000_000
    assert TuningOptions().rate(small) > TuningOptions().rate(large)
    assert TuningOptions(method="full").rate(small) < TuningOptions().rate(small)
    assert TuningOptions(learning_rate=0.5).rate(large) == 0.5


@pytest.mark.parametrize("licence", ["mit", "Apache-2.0", "apache-2.0", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0"])
def test_free_licences_pass(licence: str) -> None:
    check_licence("base", licence, None)


@pytest.mark.parametrize(
    ("licence", "why"),
    [
        ("cc-by-nc-4.0", "forbids"),
        ("cc-by-nc-sa-4.0", "forbids"),
        ("cc-by-nd-4.0", "forbids"),
        ("mnpl-research", "forbids"),
        ("gemma", "terms of its own"),
        ("unknown", "declares no licence"),
    ],
)
def test_other_licences_pass_by_name_alone(licence: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"{why}.*--accept-licence {licence}"):
        check_licence("base", licence, None)
    with pytest.raises(UsageError, match=why):
        check_licence("base", licence, "mit")
    check_licence("base", licence, licence.upper())


def test_runs_are_numbered_and_found_again(tmp_path) -> None:
    first, second = (runs.begin(tmp_path, "generator", {"n": at}) for at in range(2))
    runs.begin(tmp_path, "encoder", {})
    assert (first.name, second.name) == ("generator-run-0001", "generator-run-0002")
    assert runs.open_run(tmp_path, "last", "generator").begun["n"] == 1
    assert second.done is None
    runs.end(second, {"version": "generator-0001"})
    assert second.done == {"version": "generator-0001"}
    with pytest.raises(UsageError, match="tunes the encoder, not the generator"):
        runs.open_run(tmp_path, "encoder-run-0001", "generator")
    with pytest.raises(UsageError, match="cannot name a run"):
        runs.begin(tmp_path, "generator", {}, "../elsewhere")


def test_a_run_has_one_process_at_a_time_and_none_goes_on_with_it_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_WAIT_S", 0.0)
    run = runs.begin(tmp_path, "generator", {})
    with runs.owned(run.folder):
        assert runs.unfinished(tmp_path) == {}
        for others in (
            lambda: runs.owned(run.folder).__enter__(),
            lambda: runs.open_run(tmp_path, "last", "generator"),
        ):
            with pytest.raises(Conflict, match=r"generator-run-0001 is being worked on by another process; wait"):
                others()
        with monkeypatch.context() as patch:  # a further process of the same run, as `accelerate launch` starts them
            patch.setenv("RANK", "1")
            with runs.owned(runs.open_run(tmp_path, "last", "generator").folder):
                pass
    assert runs.unfinished(tmp_path) == {"generator": ["generator-run-0001"]}


def test_checkpoints_go_with_the_end_also_where_a_kill_came_between(tmp_path: Path) -> None:
    killed, ended = runs.begin(tmp_path, "generator", {}), runs.begin(tmp_path, "heads", {})
    for run in (killed, ended):
        (run.checkpoints / "checkpoint-1").mkdir(parents=True)
        run.made.mkdir()
    runs.end(ended, {})
    runs.write_json(killed.folder / runs.DONE, {})
    assert [path.exists() for path in (ended.checkpoints, ended.made, killed.checkpoints)] == [False, False, True]
    going = runs.begin(tmp_path, "generator", {})
    going.checkpoints.mkdir()
    runs.begin(tmp_path, "generator", {})
    assert [path.exists() for path in (killed.checkpoints, killed.made, going.checkpoints)] == [False, False, True]


def test_a_gpu_takes_a_step_at_once_unless_told_otherwise() -> None:
    assert TuningOptions().batches("cuda") == (16, 1)
    assert TuningOptions().batches("cpu") == (4, 4)
    assert TuningOptions(batch=2).batches("cuda") == (2, 4)
    assert TuningOptions(accumulation=8).batches("cuda") == (4, 8)
    assert TuningOptions(batch=2).effective == 8
