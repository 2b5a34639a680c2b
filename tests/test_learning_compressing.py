"""A tuned model made smaller: its .gguf answers in OpenVINO as the weights do in torch, and what lost its tuning is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from chatbot.errors import ModelError, UsageError
from chatbot.generation.catalogue import SMOLLM2, ModelSpec, embedded_path
from chatbot.generation.quiet import quiet
from chatbot.learning import compressing, registry, trial
from chatbot.learning.compressing import Recipe, compress, recipe_of
from chatbot.learning.examples import Example
from chatbot.learning.generator_base import parameters
from chatbot.learning.gguf_writing import shape_of, weights_of, write_gguf
from chatbot.learning.judged import judge
from chatbot.learning.replying import Writer, replies
from chatbot.learning.trial import Trial, lost_tuning
from chatbot.learning.weights import merged, prune
from tests import tuned_models
from tests.examples import REFUSAL, example
from tests.test_learning_registry import FIELDS, added, make
from tests.tuning import one_thread

__all__ = ["one_thread"]
pytestmark = [pytest.mark.models, pytest.mark.usefixtures("one_thread")]

SAID = {"boots?": "Within 30 days.", "stoves?": "12 euros a week.", "Leeds?": REFUSAL, "tents?": "3000 mm."}


def questions(count: int) -> list[Example]:
    pairs = [list(SAID.items())[n % 4] for n in range(count)]
    return [
        example(n, asked, said, (("a", "b" if said == REFUSAL else said),)) for n, (asked, said) in enumerate(pairs)
    ]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path, Path]:
    """(base, its tokenizer as .gguf, the whole model tuned, an adapter tuned), trained once."""
    folder = tmp_path_factory.mktemp("tuned")
    base = tuned_models.tiny_llama(folder / "base")
    like = tuned_models.tokenizer_gguf(base, folder / "like.gguf")
    losses = tuned_models.train(base, questions(4), folder / "full", steps=150, rate=1e-2, batch=4, rank=None)
    assert losses[-1] < 0.05
    tuned_models.train(base, questions(4), folder / "adapter", steps=5, rate=1e-2, batch=4)
    return base, like, folder / "full", folder / "adapter"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def add(models: Path, tuned: tuple[Path, Path, Path, Path], what: str) -> str:
    made = tuned[2] if what == "safetensors" else tuned[3]
    fields = FIELDS | {"base": str(tuned[0]), "format": what, "prompt": "generate"}
    return registry.add(models, "generator", made, fields).name


def torch_replies(folder: Path, examples: list[Example]) -> list[str]:
    """Greedy, one at a time, by transformers' own `generate`: the reference."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = []
    for one in examples:
        said = [{"role": message.role, "content": message.content} for message in one.prompt]
        given = tokenizer.apply_chat_template(said, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        out = model.generate(**given, max_new_tokens=40, do_sample=False)
        texts.append(tokenizer.decode(out[0][given["input_ids"].shape[1] :], skip_special_tokens=True))
    return texts


def gguf_replies(path: Path, examples: list[Example], models: Path) -> list[str]:
    writer = Writer("gguf", ModelSpec("gguf", "gguf", "openvino", path), "")
    return [one.text for one in replies(examples, writer, models, max_tokens=40)]


def test_the_file_answers_word_for_word_like_the_torch_model(tuned: tuple[Path, ...], tmp_path: Path) -> None:
    """f16 and q8_0 on what was learnt, and f16 also on prompts that it never saw, where any slip in the layout shows."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tuned[2])
    strange = [
        example(90 + n, f"What about {word}?", "", (("x", word),)) for n, word in enumerate(("kayaks", "maps", "ice"))
    ]
    expected = torch_replies(tuned[2], [*questions(4), *strange])
    assert expected[:4] == list(SAID.values())
    for bits, asked in (("f16", [*questions(4), *strange]), ("q8_0", questions(4))):
        path = tmp_path / f"{bits}.gguf"
        write_gguf(weights_of(model), shape_of(model.config), tuned[1], path, bits)  # type: ignore[arg-type]
        assert gguf_replies(path, asked, tmp_path) == [text.strip() for text in expected[: len(asked)]]


def test_a_smaller_version_is_added_with_its_table(
    tuned: Any, models: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging

    logging.enable_progress_bar()
    capfd.readouterr()
    name = add(models, tuned, "safetensors")
    stages: list[str] = []

    def progress(stage: str, done: int, total: int) -> None:
        stages.append(stage)

    made = compress(
        models, name, Recipe("q8_0"), questions(8), like=tuned[1], kept=tmp_path / "kept", progress=progress
    )
    assert made.refused is None
    assert made.card is not None
    assert (made.card.parent, made.card.format, made.card.prompt) == (name, "gguf", "generate")
    base, before, after = made.rows
    assert (before.evidence, after.evidence, after.refused, after.same) == (1.0, 1.0, 1.0, 1.0)
    assert base.evidence is not None
    assert base.evidence < 0.5
    assert after.megabytes < before.megabytes
    assert min(after.speed.one, after.speed.eight, after.speed.first_s) > 0
    assert registry.open_version(models, made.card.name).card == made.card
    assert any(stage.startswith("writing q8_0") for stage in stages)
    assert capfd.readouterr().err == "", "the libraries' own bars"
    assert not list(models.glob(".compressing-*"))
    with pytest.raises(UsageError, match=f"is gguf already; compress {name} instead"):
        compress(models, made.card.name, Recipe("q8_0"), questions(8), like=tuned[1])


def test_a_tokenizer_file_of_another_kind_is_refused_before_any_work(tuned: Any, models: Path, tmp_path: Path) -> None:
    name = add(models, tuned, "adapter")
    (tmp_path / "like.gguf").write_text("{}")
    for like, wrong in ((tmp_path / "like.gguf", "is no .gguf file"), (tmp_path / "none.gguf", "cannot be read")):
        with pytest.raises(UsageError, match=wrong):
            compress(models, name, Recipe("q8_0"), questions(8), like=like)
    assert not list(models.glob(".compressing-*"))


def test_the_bar_over_a_gguf_is_switched_off(capfd: pytest.CaptureFixture[str]) -> None:
    from transformers import modeling_gguf_pytorch_utils as reader

    quiet()
    assert list(reader.tqdm([1, 2], desc="Converting")) == [1, 2]
    assert capfd.readouterr().err == ""


def test_a_version_that_lost_its_tuning_is_refused(tuned: Any, models: Path) -> None:
    """Nine of ten weights gone: nothing of what was learnt is left."""
    name = add(models, tuned, "safetensors")
    made = compress(models, name, Recipe("q8_0", prune=0.9), questions(8), like=tuned[1])
    assert made.card is None
    assert made.refused is not None
    assert made.refused.startswith("It lost its tuning: the evidence score is")
    assert made.zeros > 0.89
    assert [card.name for card in registry.versions(models)] == [name]


def test_for_a_gpu_the_adapter_is_merged_into_safetensors(tuned: Any, models: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    name = add(models, tuned, "adapter")
    version = registry.open_version(models, name)
    whole, _ = merged(version, models)
    base = AutoModelForCausalLM.from_pretrained(tuned[0])
    key = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(whole.state_dict()[key], base.state_dict()[key])
    made = compress(models, name, Recipe("bf16"), questions(8))
    assert made.refused is None
    assert made.card is not None
    assert made.card.format == "safetensors"
    saved = AutoModelForCausalLM.from_pretrained(models / made.card.name, dtype="auto")
    assert saved.dtype == torch.bfloat16
    assert torch.allclose(saved.state_dict()[key].float(), whole.state_dict()[key], atol=1e-2)


def test_pruning_takes_the_smallest_weights_of_each_matrix(tuned: Any) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tuned[0])
    weight = model.model.layers[0].mlp.up_proj.weight.detach()
    limit = float(weight.abs().flatten().sort().values[weight.numel() // 5])
    embedding = model.get_input_embeddings().weight.detach().clone()
    assert prune(model, 0.2) == pytest.approx(0.2, abs=0.01)
    assert float(weight[weight != 0].abs().min()) >= limit
    assert bool((model.get_input_embeddings().weight == embedding).all())


# --- pure -------------------------------------------------------------------------------------------------------


def test_recipes() -> None:
    assert recipe_of([]) == Recipe("q8_0")
    assert recipe_of(["q4_1", "prune:0.2"]) == recipe_of(["q4_1+prune:.2"]) == Recipe("q4_1", 0.2)
    assert str(recipe_of(["bf16+prune:0.5"])) == "bf16+prune:0.5"
    for wrong in (["q3"], ["q8_0", "q4_1"], ["prune:2"], ["prune:0.95"]):
        with pytest.raises(UsageError, match=r"--to|prune:0\.95"):
            recipe_of(wrong)


def test_lost_tuning_by_score_and_by_words() -> None:
    asked = questions(8)
    tuned = judge(asked, [one.target for one in asked])
    base = judge(asked, ["I am sorry for your loss."] * 8)
    assert lost_tuning(base, tuned, tuned) is None
    assert "lost its tuning: the evidence score" in (lost_tuning(base, tuned, base) or "")
    half = judge(asked, [one.target if at % 4 != 1 else "Nothing." for at, one in enumerate(asked)])
    assert lost_tuning(base, tuned, half) is None
    same_score = judge(asked, [f"{one.target} Bye" if one.target != REFUSAL else REFUSAL for one in asked])
    spoken = judge(asked, [f"{one.target} Bye" if one.target != REFUSAL else REFUSAL for one in asked])
    assert "its replies follow the base's" in (lost_tuning(spoken, tuned, same_score) or "")


def test_bad_input_is_refused_before_any_work(tuned: Any, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = add(models, tuned, "safetensors")
    encoder = added(models, "e", kind="encoder").name
    with pytest.raises(UsageError, match="only generators are compressed"):
        compress(models, encoder, Recipe(), questions(8))
    with pytest.raises(UsageError, match="3 held-out examples cannot show"):
        compress(models, name, Recipe(), questions(3))
    with pytest.raises(UsageError, match=r"is no \.gguf.*--like"):
        compress(models, name, Recipe(), questions(8))
    with pytest.raises(ModelError, match="more tokens than the model has"):
        compress(models, name, Recipe(), questions(8), like=embedded_path())
    usage = shutil._ntuple_diskusage(10**9, 10**9, 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UsageError, match="make room"):
        compress(models, name, Recipe(), questions(8), like=tuned[1])
    assert [card.name for card in registry.versions(models, "generator")] == [name]


def test_room_is_asked_for_the_file_and_its_copy_and_a_gpus_trial_is_in_its_engine(
    tuned: Any, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    weights = parameters(tuned[2])
    name = add(models, tuned, "safetensors")
    with monkeypatch.context() as patch:
        patch.setattr(compressing, "need_room", lambda folder, needed, *_: asked.append(needed))
        for bits in ("q8_0", "f16", "bf16"):
            compressing._check_room(models, registry.open_version(models, name), Recipe(bits), on_gpu=False)
    small, half, safetensors = asked[1], asked[3], asked[4]  # the first of each .gguf is for the collecting
    assert half - small == pytest.approx(2 * weights * (2 - 1.0625), abs=2)
    assert half - safetensors == 2 * weights, "what OpenVINO makes of a .gguf"
    engines: list[object] = []

    def ask(self: Trial, writer: Writer | None, stage: str, **_: object) -> None:
        if stage == "compressed":
            assert writer is not None
            engines.append(writer.spec.engine)
            raise ModelError("enough")

    for opening in ("base_writer_for", "writer_for"):
        monkeypatch.setattr(trial, opening, lambda *_, on_gpu: engines.append(on_gpu))
    monkeypatch.setattr(Trial, "_ask", ask)
    with pytest.raises(ModelError, match="enough"):
        compress(models, name, Recipe(), questions(8), like=tuned[1], on_gpu=True)
    assert engines == [True, True, "transformers"]


def test_a_base_that_is_gone_is_named(models: Path, tmp_path: Path) -> None:
    made = make(tmp_path / "made")
    name = registry.add(models, "generator", made, FIELDS | {"base": "/nowhere/llama"}).name
    with pytest.raises(ModelError, match="/nowhere/llama of this version is not there"):
        compress(models, name, Recipe(), questions(8))
    assert FIELDS["base"] == SMOLLM2


def test_an_architecture_that_the_cpu_engine_cannot_read_is_refused() -> None:
    from transformers import GPT2Config

    with pytest.raises(ModelError, match=r"A gpt2 model cannot be written.*--to bf16"):
        shape_of(GPT2Config())
