"""A run of generator tuning on a random Llama: the loss, kills, lack of memory, broken checkpoints, early stopping."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatbot.errors import ModelError, UsageError
from chatbot.learning import checkpoints
from chatbot.learning.generator_options import TuningOptions
from chatbot.learning.runs import Run
from tests import tiny_llama, tuning
from tests.tuning import TINY, one_thread

__all__ = ["one_thread"]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model, saved once."""
    return tiny_llama.make(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def unbroken(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, list[Any]]:
    """A run from end to end."""
    return tuning.tuned(llama, tmp_path_factory.mktemp("unbroken"))


def _weights(folder: Path) -> str:
    return hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()


def test_a_run_learns_and_tells_how_it_goes(unbroken: tuple[Any, Any, list[Any]]) -> None:
    made, run, heard = unbroken
    assert made.after["loss"] < made.before["loss"]
    assert [one.step for one in heard if one.event == "step"] == [1, 2, 3, 4, 5, 6]
    assert [one.step for one in heard if one.event == "evaluated"] == [0, 2, 4, 6]
    lines = [json.loads(line) for line in run.progress.read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [one.step for one in heard]
    assert any(run.tensorboard.glob("events.out.tfevents.*"))
    assert sorted(path.name for path in made.folder.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]


def test_no_path_of_this_machine_goes_into_the_adapter(unbroken: tuple[Any, Any, list[Any]]) -> None:
    config = json.loads((unbroken[0].folder / "adapter_config.json").read_bytes())
    assert config["base_model_name_or_path"] == "tiny"


def test_the_loss_is_the_models_own_on_the_reply_alone(llama: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from chatbot.learning.generator_trainer import collate, reply_loss, reply_tokens

    model = AutoModelForCausalLM.from_pretrained(llama)
    tokens = tuning.task(llama).train.tokens[:3]
    batch = collate(tokens, 0)
    one_by_one = 0.0
    for one in tokens:
        ids = torch.tensor([[*one.prompt, *one.reply]])
        own = model(input_ids=ids, labels=torch.tensor([one.labels])).loss
        one_by_one += float(own.detach()) * len(one.reply)
    assert float(reply_loss(model, batch).detach()) == pytest.approx(one_by_one, rel=1e-4)
    assert float(reply_tokens(batch)) == sum(len(one.reply) for one in tokens)


def test_no_token_of_a_batch_looks_at_nothing(llama: Path) -> None:
    import torch

    from chatbot.learning.generator_trainer import collate, visible

    tokens = tuning.task(llama).train.tokens[:3]
    batch = collate(tokens, 0)
    seen = visible(batch["attention_mask"])[:, 0]
    longest = batch["input_ids"].shape[1]
    assert bool(seen.any(-1).all())
    for one, table in zip(tokens, seen, strict=True):
        first = longest - one.length
        assert torch.equal(table[first:, first:], torch.ones(one.length, one.length, dtype=torch.bool).tril())
        assert not bool(table[first:, :first].any())


def test_a_run_tells_how_many_tokens_it_learns_from_a_second(unbroken: tuple[Any, Any, list[Any]]) -> None:
    made, _, heard = unbroken
    assert made.tokens_s is not None
    assert made.tokens_s > 0
    assert all(one.tokens_s for one in heard if one.event == "step")


def test_an_examples_weight_scales_its_loss(llama: Path) -> None:
    from transformers import AutoModelForCausalLM

    from chatbot.learning.generator_trainer import collate, reply_loss

    model = AutoModelForCausalLM.from_pretrained(llama)
    one = tuning.task(llama).train.tokens[1]
    single, double = (
        float(reply_loss(model, collate([replace(one, weight=weight)], 0)).detach()) for weight in (1.0, 2.0)
    )
    assert double == pytest.approx(2 * single)


@pytest.mark.chaos
def test_a_run_killed_five_times_ends_with_the_weights_of_an_unbroken_one(
    llama: Path, unbroken: tuple[Any, Any, list[Any]], tmp_path: Path
) -> None:
    for where in ("step 1", "seal 2", "step 4", "seal 5", "end"):
        tuning.killed(llama, tmp_path, where)
        assert not (tmp_path / "runs" / "one" / "made").exists()
    made, _, heard = tuning.tuned(llama, tmp_path)
    assert not [one for one in heard if one.event == "step"]  # the sixth go has only the end to make
    assert _weights(made.folder) == _weights(unbroken[0].folder)
    assert made.curves["evidence"] == unbroken[0].curves["evidence"]
    assert made.best_step == unbroken[0].best_step


@pytest.mark.parametrize("method", ["lora", "dora", "rslora", "adalora"])
def test_what_is_saved_writes_as_what_was_trained(llama: Path, tmp_path: Path, method: Any) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from chatbot.generation.adapters import merge
    from chatbot.learning.generator_adapters import load, save

    options = replace(TINY, method=method, precision="fp32")
    trained = load(llama, options, 20, "cpu")
    draw = torch.Generator().manual_seed(1)
    for name, value in trained.named_parameters():
        if value.requires_grad:
            value.data = torch.randn(value.shape, generator=draw).to(torch.bfloat16).float() * 0.5 + 0.01
            if "lora_E" in name:
                value.data[2:] = 0.0  # ranks that were cut
    ids = torch.randint(3, 250, (2, 30), generator=draw)
    with torch.no_grad():
        before = AutoModelForCausalLM.from_pretrained(llama)(ids).logits
        wanted = trained.eval()(ids).logits
        save(trained, tmp_path / "saved", "tiny")
        found = merge(AutoModelForCausalLM.from_pretrained(llama), tmp_path / "saved")(ids).logits
    learnt, lost = float((wanted - before).abs().mean()), float((wanted - found).abs().mean())
    assert lost < 0.03 * learnt  # what bf16 rounds away in adapters as large as these


@pytest.mark.chaos
def test_adalora_keeps_its_ranks_over_a_kill(llama: Path, tmp_path: Path) -> None:
    options = replace(TINY, method="adalora", evaluations=1)
    whole, _, _ = tuning.tuned(llama, tmp_path / "whole", options)
    tuning.killed(llama, tmp_path / "cut", "step 4", options)
    resumed, _, _ = tuning.tuned(llama, tmp_path / "cut", options)
    assert _weights(resumed.folder) == _weights(whole.folder)


def test_a_changed_checkpoint_is_passed_over(llama: Path, unbroken: tuple[Any, Any, list[Any]], tmp_path: Path) -> None:
    _stopped_after(3, llama, tmp_path)
    newest = max((tmp_path / "runs" / "one" / "checkpoints").iterdir(), key=lambda path: int(path.name[11:]))
    with (newest / "optimizer.pt").open("r+b") as file:
        file.seek(100)
        file.write(b"broken")
    made, _, _ = tuning.tuned(llama, tmp_path)
    assert "optimizer.pt was changed" in made.notes[0]
    assert _weights(made.folder) == _weights(unbroken[0].folder)


def test_a_run_without_a_sound_checkpoint_is_refused(llama: Path, tmp_path: Path) -> None:
    _stopped_after(2, llama, tmp_path)
    for checkpoint in (tmp_path / "runs" / "one" / "checkpoints").iterdir():
        (checkpoint / "trained.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"No checkpoint in .* is sound .* start a new run"):
        tuning.tuned(llama, tmp_path)
    with pytest.raises(UsageError, match=r"No checkpoint in .* is sound"):
        checkpoints.check_resumable(tmp_path / "runs" / "one" / "checkpoints")


def _stopped_after(step: int, llama: Path, data: Path) -> None:
    """A run whose listener fails: what an exception leaves behind."""
    from chatbot.learning import generator_progress

    def failing(self: Any, progress: Any) -> None:
        if progress.event == "step" and progress.step > step:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator_progress.Diary, "tell", failing)
        with pytest.raises(KeyboardInterrupt):
            tuning.tuned(llama, data)


@pytest.mark.parametrize("fails_at", [1, 3])
def test_a_lack_of_memory_halves_the_batch_and_keeps_the_steps(
    llama: Path, unbroken: tuple[Any, Any, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    import torch

    from chatbot.learning import generator_trainer

    real, sizes = generator_trainer.reply_loss, []

    def scarce(model: Any, batch: Mapping[str, Any]) -> Any:
        if model.training:
            sizes.append(len(batch["labels"]))
            if len(batch["labels"]) > 1 and len(sizes) >= 2 * fails_at - 1:
                raise torch.OutOfMemoryError("out of memory")
        return real(model, batch)

    monkeypatch.setattr(generator_trainer, "reply_loss", scarce)
    plain = replace(TINY, dropout=0.0)
    made, _, heard = tuning.tuned(llama, tmp_path, plain)
    assert "with 1 at once and 4 batches a step, so each step still learns from 4" in made.notes[0]
    assert made.notes[0] in [one.note for one in heard]
    assert sizes[-4:] == [1, 1, 1, 1]
    monkeypatch.setattr(generator_trainer, "reply_loss", real)
    calm, _, _ = tuning.tuned(llama, tmp_path / "calm", plain)
    losses = [[value for _, value in each.curves["loss"]] for each in (made, calm)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_memory_that_lacks_for_a_single_example_is_said(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatbot.learning import generator_trainer

    def never(model: Any, batch: Mapping[str, Any]) -> Any:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr("chatbot.learning.generator_replies._loss", lambda *_: 1.0)
    monkeypatch.setattr(generator_trainer, "reply_loss", never)
    with pytest.raises(ModelError, match=r"Memory ran out with 1 example\(s\) at once; lower --max-length"):
        tuning.tuned(llama, tmp_path)


def test_another_error_of_the_trainer_is_not_taken_for_memory(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatbot.learning import generator_trainer

    def never(model: Any, batch: Mapping[str, Any]) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr("chatbot.learning.generator_replies._loss", lambda *_: 1.0)
    monkeypatch.setattr(generator_trainer, "reply_loss", never)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        tuning.tuned(llama, tmp_path)


def test_a_loss_that_is_no_number_ends_the_run(llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatbot.learning import generator_trainer

    real = generator_trainer.reply_loss
    monkeypatch.setattr(generator_trainer, "reply_loss", lambda model, batch: real(model, batch) * math.nan)
    with pytest.raises(ModelError, match=r"no number any more at step 1; lower --learning-rate"):
        tuning.tuned(llama, tmp_path)


def test_a_run_ends_when_the_score_gets_no_better(llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.1, 0.5, 0.4, 0.45, 0.9])

    def judged(*_: Any) -> dict[str, float]:
        score = next(scores)
        return {"loss": 1.0, "evidence": score, "answer_evidence": score, "hand_overs": 0.0}

    monkeypatch.setattr("chatbot.learning.generator_replies.score", judged)
    made, _, _ = tuning.tuned(llama, tmp_path, replace(TINY, max_steps=8, evaluations=4))
    assert (made.steps, made.best_step) == (6, 2)
    assert made.after["evidence"] == 0.5


def test_two_processes_learn_the_same_from_the_same_examples(
    llama: Path, tmp_path: Path, unbroken: tuple[Any, Any, list[Any]]
) -> None:
    """Two CPU processes: two examples each at once make the step that one process makes of four."""
    data = tmp_path / "data"
    tuning.dataset(data, tuning.shop(60), tuning.shop(8))
    words = ["--run-name", "both", "--base", llama, "--data", data, "--max-steps", 3, "--batch", 2, "--accumulation", 1]
    root, env = Path(__file__).parents[1], tuning.environment() | {"ACCELERATE_USE_CPU": "true"}
    words += ["--sample", 5, "--max-reply", 8, "--evaluations", 1, "--device", "cpu", "--languages", "en"]
    # what `accelerate launch` starts for several GPUs; for processes of one CPU it wants MPI
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    command = [sys.executable, *launcher, "-m", "scripts.finetune", *map(str, words)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[1], env=tuning.environment()
    )
    assert done.returncode == 0, done.stderr
    single = [sys.executable, "-m", "scripts.finetune", *map(str, words)]
    single[single.index("both")] = "alone"
    single[single.index("--accumulation") + 1] = "2"
    subprocess.run(single, check=True, capture_output=True, cwd=root, env=env)
    losses = [
        [line["loss"] for line in _lines(data / "runs" / name / "progress.jsonl") if line["event"] == "step"]
        for name in ("both", "alone")
    ]
    assert len(losses[0]) == 3
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_seal_knows_what_is_missing_new_or_changed(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint-3"
    folder.mkdir()
    (folder / "weights").write_bytes(b"w")
    assert checkpoints.problem(folder) == "it was cut short while it was written"
    checkpoints.seal(folder)
    assert checkpoints.problem(folder) is None
    (folder / "more").write_bytes(b"m")
    assert checkpoints.problem(folder) == "more is new"
    (folder / "more").unlink()
    (folder / "weights").unlink()
    assert checkpoints.problem(folder) == "weights is missing"


def test_steps_of_a_run_are_counted_as_the_trainer_does() -> None:
    from chatbot.learning.generator_tuning import steps_of

    assert steps_of(TuningOptions(epochs=2), 40) == 2 * math.ceil(40 / 16)
    assert steps_of(TuningOptions(epochs=0.5), 40) == 2
    assert steps_of(TuningOptions(epochs=2), 40, processes=2) == 4
    assert steps_of(TuningOptions(max_steps=7), 40) == 7


def test_a_checkpoint_that_hands_everything_over_is_not_the_best() -> None:
    from chatbot.learning.generator_trainer import choice

    def scores(answers: float, refusals: float | None, loss: float = 1.0) -> dict[str, float]:
        given = {"eval_hand_overs": 0.0} if refusals is None else {"eval_refused_right": refusals, "eval_hand_overs": 5}
        return {"eval_answer_evidence": answers, "eval_loss": loss, **given}

    mixed, all_refused, none_refused = choice(scores(0.3, 0.6)), choice(scores(0.0, 1.0)), choice(scores(0.4, 0.0))
    assert mixed > none_refused > 0 > all_refused
    assert none_refused > choice(scores(0.2, 0.0, loss=0.9)), (
        "where no hand-over is seen evidence decides, not the loss"
    )
    assert choice(scores(0.3, 0.6, loss=0.9)) > mixed  # the lower loss decides between equals
    assert choice(scores(0.3, None)) == pytest.approx(0.299)  # a sample without hand-overs


def test_other_trackers_keep_what_they_note_in_the_runs_folder_and_send_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were run for real by hand; here only whether they are found, and where they are sent."""
    from chatbot.learning.generator_training import _trackers

    names = ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_DIR", "WANDB_SILENT")
    monkeypatch.setattr(os, "environ", {name: text for name, text in os.environ.items() if name not in names})
    run = Run(tmp_path, {})
    assert _trackers(run) == []
    for module in ("mlflow", "wandb"):
        (tmp_path / f"{module}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert _trackers(run) == ["mlflow", "wandb"]
    assert [os.environ[name] for name in names] == [f"sqlite:///{tmp_path}/mlflow.db", "offline", str(tmp_path), "true"]
    os.environ["MLFLOW_TRACKING_URI"] = "http://tracker.example"
    _trackers(run)
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://tracker.example"
