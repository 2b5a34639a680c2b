"""`chatbot finetune` as it is typed: a version in the end, going on with a run, and one sentence for all that cannot work."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import pytest

from chatbot.errors import ModelError, UsageError
from chatbot.learning import checkpoints, registry, runs
from chatbot.learning.canaries import read_canaries
from chatbot.learning.generator_options import TuningOptions
from chatbot.learning.generator_run import Wish, plan
from chatbot.learning.generator_tuning import Tuned
from chatbot.learning.model_check import check_folder
from chatbot.settings import load_settings
from scripts import finetune_screen
from tests import tiny_llama, tuning
from tests.commands import Done, refused, typed
from tests.erased import erased_meanwhile
from tests.tiny_encoder import make_encoder
from tests.tuning import one_thread, shop

__all__ = ["one_thread"]

pytestmark = pytest.mark.usefixtures("one_thread")

SHORT = (
    "--max-steps", 2, "--batch", 2, "--accumulation", 1, "--sample", 5, "--max-reply", 4, "--evaluations", 1, "--rank", 2,
)  # fmt: skip


class Place(NamedTuple):
    """A deployment with a data set, and a base to tune."""

    data: Path
    base: Path

    def finetune(self, *words: object) -> Done:
        return typed("--data", self.data, "finetune", "--base", self.base, *SHORT, *words)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place that tests read; those that write take `place`."""
    root = tmp_path_factory.mktemp("finetune")
    tuning.dataset(root / "data", shop(60), shop(10))
    return Place(root / "data", tiny_llama.make(root / "base"))


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    """The same, to be written to."""
    shutil.copytree(made.data, tmp_path / "data")
    shutil.copytree(made.base, tmp_path / "base")
    return Place(tmp_path / "data", tmp_path / "base")


def _refused(done: Done, place: Place) -> str:
    assert done.code == 2, done.err
    assert done.err.startswith("Error: ")
    assert "Traceback" not in done.err
    assert not (place.data / "runs").exists()
    return done.err.removeprefix("Error: ").strip()


def test_a_run_ends_as_a_version_with_its_card(place: Place) -> None:
    done = place.finetune("--languages", "en", "--canaries", 3, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    version = registry.open_version(place.data / "models", told["version"])
    card = version.card
    assert (card.kind, card.format, card.method, card.prompt) == ("generator", "adapter", "lora", "generate")
    assert card.base == str(place.base)
    assert card.licence == "mit"
    assert (version.folder / "canaries.json").is_file()
    assert set(card.scores) == {"validation_untuned", "validation_tuned"}
    assert card.hyperparameters["steps"] == 2
    assert [step for step, _ in card.curves["loss"]] == [1, 2]
    run = place.data / "runs" / told["run"]
    assert not list(run.glob("checkpoints")) + list(run.glob("made"))
    assert json.loads((run / "done.json").read_bytes())["version"] == card.name
    assert "evidence score" in card.notes


def test_the_version_names_every_conversation_that_it_learnt_from(place: Place) -> None:
    from chatbot.trained import models_trained_on

    done = place.finetune("--languages", "en", "--json")
    assert done.code == 0, done.err
    assert models_trained_on(place.data / "models", ["c7"]) == [json.loads(done.out)["version"]]
    assert models_trained_on(place.data / "models", ["p7"]) == [json.loads(done.out)["version"]]
    assert models_trained_on(place.data / "models", ["c600"]) == []


def test_who_is_erased_while_a_run_goes_on_is_learnt_by_no_version(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tune(task: Any, run: runs.Run, diary: Any) -> Tuned:
        run.made.mkdir()
        erased_meanwhile(place.data, ("own", "p7"))
        return Tuned(run.made, {"evidence": 0.0}, {"evidence": 0.0}, {}, (), 2, 2, 1.0, 1.0, 1, 2)

    monkeypatch.setattr("chatbot.learning.generator_tuning.tune", tune)
    refused(
        place.finetune("--languages", "en"), "were erased while the run went on (1), so no version was made", code=1
    )
    assert registry.versions(place.data / "models") == []
    assert list((place.data / "runs").iterdir()) == []


def test_full_tuning_gives_a_whole_model(place: Place) -> None:
    words = [word for word in SHORT if word not in ("--rank",)][:-1]
    done = typed(
        "--data", place.data, "finetune", "--base", place.base, *words, "--method", "full", "--languages", "en"
    )
    assert done.code == 0, done.err
    version = registry.open_version(place.data / "models", "generator-0001")
    assert version.card.format == "safetensors"
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja"} <= set(version.card.files)


def test_the_terminal_shows_loss_and_time_left(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[object] = []
    real = finetune_screen.line
    monkeypatch.setattr(
        finetune_screen, "line", lambda now: (offered.append(runs.unfinished(place.data)), real(now))[1]
    )
    done = place.finetune("--languages", "en")
    assert done.code == 0, done.err
    assert offered, "nobody can go on with a run that is running"
    assert not any(offered)
    assert "step 0 of 2, evidence score" in done.err
    assert "step 1 of 2, loss" in done.err
    assert "left" in done.err
    assert "generator-0001 is made" in done.out


def test_a_killed_run_goes_on_and_another_name_is_told(place: Place) -> None:
    tuning.killed_command(place.data, place.base, SHORT)
    done = typed("--data", place.data, "finetune", "--resume", "last", "--json")
    assert done.code == 0, done.err
    again = typed("--data", place.data, "finetune", "--resume", "generator-run-0001")
    assert again.code == 2
    assert "has ended with generator-0001" in again.err
    taken = place.finetune("--run", "generator-run-0001", "--languages", "en")
    assert taken.code == 2
    assert "already" in taken.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--seed", 3), "was begun with seed = 7, not 3; leave --seed out to go on"),
        (("--batch", 1), "was begun with batch = 2, not 1"),
        (("--base", "other"), "leave --base out with --resume"),
    ],
)
def test_a_run_goes_on_with_its_own_options_only(place: Place, words: tuple[object, ...], sentence: str) -> None:
    tuning.killed_command(place.data, place.base, SHORT)
    done = typed("--data", place.data, "finetune", "--resume", "last", *words)
    assert done.code == 2
    assert sentence in done.err


def test_a_run_does_not_go_on_with_other_data(place: Place) -> None:
    from chatbot.trained import remove_examples

    tuning.killed_command(place.data, place.base, SHORT)
    (run,) = (place.data / "runs").iterdir()
    checkpoint = run / "checkpoints" / "checkpoint-1"
    checkpoint.mkdir(parents=True)
    (checkpoint / "trained.safetensors").write_bytes(b"as it was sealed")
    checkpoints.seal(checkpoint)
    (checkpoint / "trained.safetensors").write_bytes(b"as it was sealeD")
    done = typed("--data", place.data, "finetune", "--resume", "last")
    assert (done.code, "trained.safetensors was changed" in done.err) == (2, True)
    shutil.rmtree(checkpoint)
    remove_examples(place.data, lambda source, conversation: conversation == "c3")
    done = typed("--data", place.data, "finetune", "--resume", "last")
    assert done.code == 2
    assert "The data set is not the one" in done.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--method", "full"), "--rank is an adapter's, and --method full makes none"),
        (("--four-bit", "--device", "cpu"), "--four-bit needs a CUDA GPU, and --device cpu was given"),
        (("--four-bit", "--precision", "fp32"), "--four-bit computes in bf16"),
        (("--method", "prefix"), "There is no method 'prefix'; take one of lora, dora"),
        (("--learning-rate", "40"), "--learning-rate 40 cannot be; give a value from"),
        (("--max-length", "64", "--max-reply", "80"), "--max-reply 80 leaves no room"),
        (("--encoder",), "is for the generator; leave it out with --encoder"),
        (("--encoder", "--heads"), "two different runs"),
        (("--full",), "--full is for --heads"),
        (("--hand-over-weight", "0"), "--hand-over-weight 0 cannot be; give a value from 0.001 to 100"),
        (("--run", "a", "--resume", "b"), "give one of them"),
        (("--epochs", "1", "--max-steps", "2"), "both say how long to train"),
        (("--device", "gpu"), "--device gpu cannot be; take one of auto, cpu, cuda"),
        (("--languages", "de"), "holds no de (en); change --languages"),
        (("--dataset", "ds-0009"), "There is no data set 'ds-0009'"),
        ((), "holds one language only, en"),
    ],
)
def test_what_cannot_work_is_one_sentence(made: Place, words: tuple[object, ...], sentence: str) -> None:
    done = made.finetune(*words)
    assert sentence in _refused(done, made)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--batch", 0), "--batch 0 cannot be; give a value from 1 to 4096"),
        (("--device", "gpu"), "There is no device 'gpu'"),
    ],
)
def test_heads_of_their_own_refuse_what_cannot_be_before_anything_is_read(
    made: Place, words: tuple[object, ...], sentence: str
) -> None:
    assert sentence in _refused(typed("--data", made.data, "finetune", "--heads", "--full", *words), made)


def _few(place: Place) -> None:
    tuning.dataset(place.data, shop(20), shop(10), "ds-0002")


def _unchecked(place: Place) -> None:
    tuning.dataset(place.data, shop(60), shop(2), "ds-0002")


def _no_template(place: Place) -> None:
    shutil.rmtree(place.base)
    tiny_llama.make(place.base, template=False)


def _licence(words: str) -> Callable[[Place], None]:
    def write(place: Place) -> None:
        (place.base / "README.md").write_text(f"---\n{words}\n---\n", encoding="utf-8")

    return write


def _pickled(place: Place) -> None:
    (place.base / "pytorch_model.bin").write_bytes(pickle.dumps({"weights": 1}))


def _code(place: Place) -> None:
    config = json.loads((place.base / "config.json").read_bytes())
    (place.base / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "x.Y"}}), encoding="utf-8")


def _cut(place: Place) -> None:
    with (place.data / "datasets" / "ds-0001" / "train.jsonl").open("r+b") as file:
        file.truncate(1000)


def _weights(change: Callable[[Path], object]) -> Callable[[Place], None]:
    return lambda place: (change(place.base / "model.safetensors"), None)[1]


def _config(**changes: object) -> Callable[[Place], None]:
    def write(place: Place) -> None:
        config = json.loads((place.base / "config.json").read_bytes())
        (place.base / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")

    return write


def _two_languages(place: Place) -> None:
    both = [*shop(60), *shop(60, language="de")], [*shop(10), *shop(10, language="de")]
    tuning.dataset(place.data, *both, "ds-0002")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_few, "has 20 training examples from 20 conversations, and tuning needs 50 from 10; import more"),
        (_unchecked, "has 2 validation examples, and early stopping needs 5"),
        (_licence("license: cc-by-nc-4.0"), "forbids commercial use or derived models; read it"),
        (_licence("license:\n- cc-by-nc-4.0"), "cc-by-nc-4.0, forbids commercial use or derived models"),
        (_licence("license:\n  - mit\n  - 'cc-by-nd-4.0'"), "--accept-licence 'mit, cc-by-nd-4.0'"),
        (_licence('license: ["cc-by-nc-sa-4.0"]  # as it came'), "cc-by-nc-sa-4.0, forbids"),
        (_licence("license: other\nlicense_name: llama3.2"), "llama3.2, has terms of its own"),
        (_licence("tags: none"), "declares no licence"),
        (_pickled, "may hold a pickle, and only safetensors are loaded"),
        (_code, "asks for code of its own (auto_map), which is never run"),
        (_cut, "train.jsonl"),
        (_weights(lambda path: os.truncate(path, 20_000)), "model.safetensors are damaged or cut short"),
        (_weights(lambda path: path.write_bytes(b"")), "model.safetensors are damaged or cut short"),
        (
            _config(hidden_size=64),
            "(model.embed_tokens.weight is 259 x 32, not 259 x 64); copy or fetch the model again",
        ),
        (_config(num_hidden_layers=3), "(model.layers.2.input_layernorm.weight is missing); copy or fetch"),
        (
            _config(model_type="foo"),
            "cannot be opened as its config.json says (The checkpoint you are trying to load has",
        ),
        (_config(hidden_size="x"), "Field 'hidden_size' expected int"),
        (lambda place: (place.base / "tokenizer.json").unlink(), "is missing (none of tokenizer.json, tokenizer.model"),
        (lambda place: (place.base / "tokenizer.json").write_text("{"), "The tokenizer of the model in"),
        (shutil.rmtree, "does not exist"),
    ],
)
def test_bad_input_is_refused_before_any_work(place: Place, spoil: Any, sentence: str) -> None:
    if spoil is shutil.rmtree:
        shutil.rmtree(place.base)
    else:
        spoil(place)
    assert sentence in _refused(place.finetune("--languages", "en"), place)


def test_a_base_without_a_chat_template_is_refused(place: Place) -> None:
    _no_template(place)
    assert "has no chat template" in _refused(place.finetune("--languages", "en"), place)


def test_a_folder_that_a_person_names_is_checked_without_its_weights(place: Place, tmp_path: Path) -> None:
    check_folder(place.base, "generator")
    encoder = tmp_path / "encoder"
    make_encoder(encoder)
    check_folder(encoder, "encoder")
    for folder, what in ((place.base, "generator"), (encoder, "encoder")):
        os.truncate(folder / "model.safetensors", 9_000)
        with pytest.raises(UsageError, match="damaged or cut short"):
            check_folder(folder, what)
    (place.base / "config.json").rename(place.base / "adapter_config.json")
    (place.base / "model.safetensors").rename(place.base / "adapter_model.safetensors")
    with pytest.raises(UsageError, match=r"damaged or cut short .*copy the adapter again"):
        check_folder(place.base, "generator")


def test_every_loader_says_damaged_weights_in_a_sentence(place: Place, tmp_path: Path) -> None:
    from chatbot.generation.engine_transformers import _load
    from chatbot.learning.encoder_model import Trainee
    from chatbot.learning.generator_adapters import load

    encoder = make_encoder(tmp_path / "encoder")
    for folder in (place.base, encoder.folder):
        (folder / "model.safetensors").write_bytes(b"")
    loaders: list[Callable[[], object]] = [
        lambda: load(place.base, tuning.TINY, 2, "cpu"),
        lambda: _load(place.base, None, "cpu"),
        lambda: Trainee(encoder, "cpu", 32),
    ]
    for loader in loaders:
        with pytest.raises(ModelError, match=r"cannot be loaded.*header too small"):
            loader()


@pytest.fixture
def never_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base of these tests is the embedded .gguf, and nothing may convert it."""

    def convert(*_: object, **__: object) -> Path:
        raise AssertionError("it was converted before it was refused")

    monkeypatch.setattr("chatbot.learning.generator_base.safetensors_of", convert)


@pytest.mark.models
@pytest.mark.usefixtures("never_converted")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--run", "../x"), "'../x' cannot name a run"),
        (("--canaries", 9999), "--canaries 9999 cannot be; give a value from 0 to 600"),
        (("--canaries", -1), "--canaries -1 cannot be"),
        (("--batch", 0), "--batch 0 cannot be"),
    ],
)
def test_what_costs_nothing_to_see_is_refused_before_the_base_is_converted(
    made: Place, words: tuple[object, ...], sentence: str
) -> None:
    done = typed("--data", made.data, "finetune", *words)
    assert sentence in _refused(done, made)
    assert not list((made.data / "models").glob("*"))


@pytest.mark.models
@pytest.mark.usefixtures("never_converted")
def test_a_name_that_is_taken_is_refused_before_the_base_is_converted(place: Place) -> None:
    runs.begin(place.data, "generator", {}, "mine")
    refused(typed("--data", place.data, "finetune", "--run", "mine"), "There is a run 'mine' already")
    refused(typed("--data", place.data, "finetune", "--heads", "--full", "--run", "mine"), "There is a run 'mine'")
    refused(typed("--data", place.data, "finetune", "--encoder", "--run", "mine"), "There is a run 'mine' already")


@pytest.mark.usefixtures("never_converted")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"GGUF" + bytes(20), "is damaged or of an unknown version of GGUF"), (None, "has no chat template")],
)
def test_the_head_of_a_gguf_is_read_before_it_is_converted(place: Place, content: bytes | None, sentence: str) -> None:
    path = place.data / "own.gguf"
    if content is None:
        writer = gguf.GGUFWriter(str(path), "llama")
        for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
            write()
        writer.close()
    else:
        path.write_bytes(content)
    accepted = ("--accept-licence", "unknown", "--languages", "en")
    assert sentence in _refused(typed("--data", place.data, "finetune", "--base", path, *accepted), place)


def test_secrets_are_planted_unless_they_are_refused(place: Place) -> None:
    planted = place.finetune("--languages", "en", "--json")
    assert planted.code == 0, planted.err
    bare = place.finetune("--languages", "en", "--canaries", 0, "--json")
    assert bare.code == 0, bare.err
    cards = [registry.open_version(place.data / "models", done.json["version"]) for done in (planted, bare)]
    assert [version.card.hyperparameters["canaries"] for version in cards] == [3, 0]  # one in twenty of 60
    assert [len(read_canaries(version.folder)) for version in cards] == [3, 0]
    assert [one.card.notes.startswith("No secrets were planted (--canaries 0)") for one in cards] == [False, True]
    run = json.loads((place.data / "runs" / planted.json["run"] / "run.json").read_bytes())
    assert run["canaries"] == 3


def test_no_more_than_twenty_secrets_are_planted_unasked(place: Place) -> None:
    tuning.dataset(place.data, shop(500), shop(10), "ds-0002")
    made = plan(load_settings(data=place.data), Wish(TuningOptions(languages=("en",)), str(place.base)))
    assert (len(made.canaries), len(made.train), made.begun["canaries"]) == (20, 520, 20)


@pytest.mark.parametrize(
    ("declared", "served", "sentence"),
    [
        ((), ("en", "de"), None),
        (("en",), ("en", "de", "fr"), None),  # as the embedded model: it writes no other
        (("en", "de"), ("en", "fr"), None),
        (
            ("en", "fr"),
            ("en", "fr", "de"),
            "one language only that the base knows, en, and customers are answered in en, fr",
        ),
        (("fr",), ("en", "fr"), "is good for fr, and the data set ds-0002 holds de, en only"),
    ],
)
def test_one_language_of_several_is_learnt_on_purpose_only(
    place: Place, declared: tuple[str, ...], served: tuple[str, ...], sentence: str | None
) -> None:
    _two_languages(place)
    settings = load_settings(data=place.data, languages=served, model_languages=declared)
    wish = Wish(TuningOptions(), str(place.base))
    if sentence is None:
        assert set(plan(settings, wish).begun["languages"]) == set(declared or ("en", "de"))
        return
    with pytest.raises(UsageError, match=sentence):
        plan(settings, wish)
    assert plan(settings, replace(wish, options=TuningOptions(languages=("en",)))).begun["languages"] == ["en"]


def test_a_base_of_several_languages_does_not_learn_one_of_them_unasked(made: Place) -> None:
    settings = load_settings(data=made.data, languages=("en", "de"), model_languages=("en", "de"))
    with pytest.raises(UsageError, match=r"holds one language only, en, .* or say --languages en"):
        plan(settings, Wish(TuningOptions(), str(made.base)))


def test_a_licence_is_accepted_by_its_own_name_only(place: Place) -> None:
    _licence("license: llama3.2")(place)
    assert "llama3.2" in _refused(place.finetune("--languages", "en", "--accept-licence", "llama2"), place)
    done = place.finetune("--languages", "en", "--accept-licence", "llama3.2")
    assert done.code == 0, done.err


def test_a_full_disk_is_found_before_any_work(made: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    told = _refused(made.finetune("--languages", "en"), made)
    assert "and 1 MB are free; make room" in told


def test_examples_longer_than_the_limit_are_counted_and_refused(place: Place) -> None:
    told = _refused(place.finetune("--languages", "en", "--max-length", 40), place)
    assert "0 training and 0 validation examples fit into --max-length 40; raise it" in told
