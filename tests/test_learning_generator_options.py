"""What a tuning run may be told: contradictions, what a resumed run may change, rates by size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatbot.errors import UsageError
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


def test_a_gpu_takes_a_step_at_once_unless_told_otherwise() -> None:
    assert TuningOptions().batches("cuda") == (16, 1)
    assert TuningOptions().batches("cpu") == (4, 4)
    assert TuningOptions(batch=2).batches("cuda") == (2, 4)
    assert TuningOptions(accumulation=8).batches("cuda") == (4, 8)
    assert TuningOptions(batch=2).effective == 8
