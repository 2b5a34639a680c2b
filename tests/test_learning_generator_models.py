"""Every method of tuning runs two steps on the embedded model, and what it made is opened by the engine that serves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.learning.generator_options import METHODS, Method, TuningOptions
from tests import tuning

pytestmark = pytest.mark.models


@pytest.mark.parametrize("method", METHODS)
def test_a_method_runs_two_steps_on_the_embedded_model(
    embedded_safetensors: Path, tmp_path: Path, method: Method
) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    from chatbot.generation.adapters import merge

    options = TuningOptions(
        method=method,
        rank=None if method == "full" else 4,
        max_steps=2,
        warmup=0.0,
        batch=1,
        accumulation=1,
        sample=1,
        max_reply=2,
        evaluations=1,
        save_every=2,
        optimizer="adafactor" if method == "full" else "adamw",  # its state is small, and so is the checkpoint
    )
    made, run, _ = tuning.tuned(embedded_safetensors, tmp_path, options)
    assert made.steps == 2
    assert [step for step, _ in made.curves["loss"]] == [1, 2]
    assert len(list(run.checkpoints.iterdir())) == 1
    weights = load_file(next(made.folder.glob("*.safetensors")))
    assert {value.dtype for value in weights.values()} == {torch.bfloat16}
    base = AutoModelForCausalLM.from_pretrained(embedded_safetensors, dtype=torch.float32)
    name = "model.layers.0.self_attn.q_proj.weight"
    before = base.state_dict()[name].clone()
    merged = weights[name].float() if method == "full" else merge(base, made.folder).state_dict()[name]
    assert float((merged - before).abs().max()) > 0
