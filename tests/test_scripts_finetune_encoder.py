"""`chatbot finetune --encoder` as typed, on a tiny encoder: tuned, judged, published with an index, taken back, tampered with."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from chatbot.errors import IndexBroken, ModelError
from chatbot.learning import registry
from chatbot.learning.encoder_exam import Marks
from chatbot.learning.encoder_gate import Verdict, judge
from chatbot.learning.encoder_options import Lesson, Tuned
from chatbot.learning.heads_making import Made, make_heads
from chatbot.learning.registry import history
from chatbot.retrieval.embedder import open_embedder, open_named
from chatbot.retrieval.encoder_files import EncoderFiles, locate
from chatbot.retrieval.published import published_encoder
from chatbot.retrieval.retriever import open_retriever
from chatbot.settings import Settings, load_settings
from scripts.models_encoder import compared_encoder
from storage.ledger import LEDGER
from tests.commands import refused, typed
from tests.erased import erased_meanwhile
from tests.fakes_retrieval import query
from tests.tiny_encoder import conversations, make_encoder

OWN = ("name", "kind", "created_at", "files")  # fields of a card that the registry sets


@dataclasses.dataclass(frozen=True)
class Deployment:
    """A data folder with 240 conversations, an index, and a tiny encoder of its own."""

    data: Path
    base: Path

    def type(self, *words: object, **variables: str):  # type: ignore[no-untyped-def]
        return typed("--data", self.data, *words, CHATBOT_ENCODER=str(self.base), CHATBOT_DEVICE="cpu", **variables)

    @property
    def settings(self) -> Settings:
        return load_settings(data=self.data, encoder=str(self.base), device="cpu")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    folder = tmp_path_factory.mktemp("deployment")
    made = Deployment(folder / "data", folder / "tiny")
    make_encoder(made.base)
    (made.base / "README.md").write_text("---\nlicense: mit\n---\n")
    export = folder / "export.jsonl"
    with export.open("w", encoding="utf-8") as out:
        for one in conversations(240):
            turns = [{"role": "customer", "text": one.question}, {"role": "agent", "text": one.answer}]
            out.write(json.dumps({"id": one.conversation_id, "language": "en", "turns": turns}) + "\n")
    assert made.type("import", export).code == 0
    assert made.type("index").code == 0
    return made


@pytest.fixture(scope="module")
def tuned(deployment: Deployment) -> dict[str, object]:
    """What the command says of the first version."""
    options = ("--epochs", 2, "--batch", 12, "--learning-rate", 3e-3)
    done = deployment.type("finetune", "--encoder", *options, "--json")
    assert (done.code, done.err) == (0, "")
    return dict(done.json)


@pytest.mark.models
def test_it_makes_a_version_that_knows_its_conversations(deployment: Deployment, tuned: dict[str, object]) -> None:
    assert (tuned["version"], tuned["passed"]) == ("encoder-v0001", True)
    card = registry.open_version(deployment.settings.models_folder, "encoder-v0001").card
    assert (card.base_sha256, card.licence) == (locate(deployment.settings).digest, "mit")
    assert len(card.conversations_sha256) == 204
    assert card.scores["window"]["difference"]["low"] > 0
    assert (deployment.data / "runs" / "encoder-run-0001" / "progress.jsonl").exists()


@pytest.mark.models
def test_published_it_serves_with_its_index_and_a_rollback_takes_both_back(
    deployment: Deployment, tuned: dict[str, object]
) -> None:
    settings = deployment.settings
    base, asked = open_embedder(settings), query(conversations(1, seed=9)[0].question)
    retriever = open_retriever(settings.index_folder, base, None, lambda name: open_named(settings, name))
    assert retriever.search(asked).encoder == base.name
    made = deployment.type("models", "publish", tuned["version"], "--reason", "better at parcels", "--json")
    assert made.code == 0
    retriever.refresh()
    assert retriever.search(asked).encoder == retriever.embedder.name == published_encoder(settings).name
    assert retriever.embedder.name.startswith("encoder-v0001@")
    assert deployment.type("index", "--json").json["published"] is False  # with the published encoder nothing is new
    listed = deployment.type("models", "list", "--json").json
    assert (listed["published"]["encoder"], [one["published"] for one in listed["versions"]]) == (
        "encoder-v0001",
        [True],
    )
    refused(deployment.type("models", "delete", "encoder-v0001"), f"built the index {made.json['name']}", code=1)
    card = settings.models_folder / "encoder-v0001" / "model.safetensors"
    whole = card.read_bytes()
    back = deployment.type("models", "rollback", "--kind", "encoder", "--reason", "worse at stoves")
    assert "Back from encoder-v0001 to the base encoder" in back.out
    told = [(one.action, one.version, one.previous, one.reason, one.forced) for one in history(settings.models_folder)]
    assert told == [
        ("publish", "encoder-v0001", None, "better at parcels", False),
        ("rollback", None, "encoder-v0001", "worse at stoves", False),
    ]
    refused(deployment.type("models", "rollback", "--kind", "encoder"), "Before the base encoder, which is in use")
    retriever.refresh()
    assert retriever.search(asked).encoder == base.name == published_encoder(settings).name
    assert deployment.type("index", "rollback", made.json["name"]).code == 0
    card.chmod(0o644)
    card.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        retriever.refresh()
        found = retriever.search(asked)
        assert (found.encoder, found.degraded) == (base.name, ("new_index",))
        assert "encoder-v0001/model.safetensors was changed" in str(retriever.problem)
        with pytest.raises(ModelError, match=r"encoder-v0001/model\.safetensors was changed"):
            open_embedder(settings)
        refused(deployment.type("index"), "encoder-v0001/model.safetensors", code=1)
    finally:
        card.write_bytes(whole)
    retriever.refresh()
    assert retriever.search(asked).degraded == ()
    assert deployment.type("index", "--encoder", "base", "--json").json["encoder"] == base.name


@pytest.mark.models
def test_another_base_in_the_settings_leaves_the_tuned_one_behind(
    deployment: Deployment, tuned: dict[str, object], tmp_path: Path
) -> None:
    assert deployment.type("index", "--encoder", tuned["version"]).code == 0
    other = load_settings(data=deployment.data, device="cpu")  # the embedded encoder
    assert published_encoder(other) == locate(other)
    assert open_named(other, published_encoder(deployment.settings).name).dim == 32  # until the index is built anew


@pytest.mark.models
def test_a_version_that_is_not_there_is_said_by_name(deployment: Deployment, tuned: dict[str, object]) -> None:
    assert deployment.type("index", "--encoder", tuned["version"]).code == 0
    settings = deployment.settings
    folder = settings.models_folder / "encoder-v0001"
    folder.rename(folder.with_name("away"))
    try:
        with pytest.raises(ModelError, match="The tuned encoder encoder-v0001 is not in"):
            open_embedder(settings)
        base = locate(settings)
        from chatbot.retrieval.embedder import open_base

        retriever = open_retriever(
            settings.index_folder, open_base(settings), None, lambda name: open_named(settings, name)
        )
        with pytest.raises(IndexBroken, match=r"encoder-v0001 is not in .*index rollback"):
            retriever.search(query("parcel"))
        assert base.name not in str(retriever.problem)
    finally:
        folder.with_name("away").rename(folder)
    refused(deployment.type("index", "--encoder", "encoder-v0099"), "no model version 'encoder-v0099'")


@pytest.mark.models
def test_too_little_data_and_odd_wishes_are_refused_before_any_work(deployment: Deployment, tmp_path: Path) -> None:
    refused(deployment.type("finetune", "--encoder", "--epochs", 1.5), "1.5 epochs do not work", code=2)
    refused(deployment.type("finetune", "--encoder", "--max-steps", 5), "--max-steps is for the generator", code=2)
    refused(deployment.type("finetune", "--encoder", "--max-examples", 0), "--max-examples 0 cannot be", code=2)
    refused(deployment.type("finetune", "--encoder", "--languages", "fr"), "no passage in fr (en)", code=2)
    refused(deployment.type("finetune", "--encoder", "--languages", "en,fr"), "no passage in fr (en)", code=2)
    refused(deployment.type("finetune", "--hard-epochs", 1), "--hard-epochs is for --encoder")
    refused(deployment.type("finetune", "--heads", "--hard-epochs", 1), "--hard-epochs is for --encoder")
    refused(deployment.type("finetune", "--encoder", "--hard-epochs", -1), "--hard-epochs -1 cannot be")
    refused(deployment.type("finetune", "--encoder", "--epochs", 1, "--hard-epochs", 2), "2 of 1 epochs with hard")
    refused(deployment.type("finetune", "--encoder", "--resume", "nothing"), "no run 'nothing'")
    short = ("finetune", "--encoder", "--epochs", 1, "--batch", 12, "--max-examples", 150, "--run", "short", "--json")
    begun = deployment.type(*short)
    assert begun.code == 0
    again = deployment.type(
        "finetune", "--encoder", "--resume", "short", "--json"
    )  # of its own accord on the same examples
    assert (again.code, again.json["learned_from"]) == (0, begun.json["learned_from"])
    other = deployment.type("finetune", "--encoder", "--resume", "short", "--max-examples", 120)
    refused(other, "begun with other --max-examples")
    refused(
        deployment.type("finetune", "--encoder", "--resume", "short", "--dataset", "ds"), "begun with other --dataset"
    )
    few = Deployment(tmp_path / "few", deployment.base)
    refused(few.type("finetune", "--encoder"), "0 conversations are too few", code=2)
    assert not (few.data / "runs").exists()


@pytest.mark.models
def test_hard_negatives_are_mined_when_they_are_asked_for(
    deployment: Deployment, tuned: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.finetune_encoder.judge", lambda *_: Verdict(True, (), {}))
    monkeypatch.setattr("chatbot.learning.encoder_tuning._GAIN", -9.0)  # so that a version comes of it
    options = ("--epochs", 2, "--hard-epochs", 1, "--batch", 12, "--learning-rate", 3e-3, "--run", "hard")
    done = deployment.type("finetune", "--encoder", *options, "--json")
    assert done.code == 0, done.err
    run = deployment.data / "runs" / "hard"
    assert [path.name for path in run.glob("mined-*.npy")] == ["mined-1.npy"]
    assert json.loads((run / "run.json").read_bytes())["options"]["hard_epochs"] == 1
    hard, plain = (
        registry.open_version(deployment.settings.models_folder, str(name)).card
        for name in (done.json["version"], tuned["version"])
    )
    assert (hard.hyperparameters["hard_epochs"], plain.hyperparameters["hard_epochs"]) == (1, 0)
    assert hard.method == f"{plain.method}, mined hard negatives"
    assert deployment.type("models", "delete", hard.name, "--yes").code == 0


@pytest.mark.models
def test_one_language_of_several_served_is_said_in_the_card(deployment: Deployment, tuned: dict[str, object]) -> None:
    told = (
        "All that it learns from is in en, and customers are answered in en, zh, de, es, fr: what it does to the others"
    )
    assert told in str(tuned["notes"])
    assert told in registry.open_version(deployment.settings.models_folder, str(tuned["version"])).card.notes
    words = ("finetune", "--encoder", "--epochs", 1, "--batch", 12, "--max-examples", 150)
    assert told in deployment.type(*words).err
    assert told not in deployment.type(*words, "--languages", "en").err
    assert told not in deployment.type(*words, CHATBOT_LANGUAGES="en").err


@pytest.mark.models
@pytest.mark.parametrize("kind", [("--encoder",), ("--heads",), ("--heads", "--full")])
@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("model.safetensors", b"", "model.safetensors are damaged or cut short"),
        ("config.json", b'{"model_type": "foo", "hidden_size": 32}', "cannot be opened as its config.json says"),
        ("config.json", b'{"model_type": "bert", "hidden_size": 24}', "are not those that its config.json describes"),
        ("tokenizer.json", b"{", "tokenizer.json cannot be read"),
    ],
)
def test_a_damaged_encoder_is_refused_before_any_work(
    deployment: Deployment, tmp_path: Path, kind: tuple[str, ...], name: str, content: bytes, sentence: str
) -> None:
    shutil.copytree(deployment.base, tmp_path / "tiny")
    (tmp_path / "tiny" / name).write_bytes(content)
    there = sorted((deployment.data / "runs").glob("*"))
    damaged = Deployment(deployment.data, tmp_path / "tiny")
    run = ("--run", "none") if kind != ("--heads",) else ()
    refused(damaged.type("finetune", *kind, *run), sentence)
    assert sorted((deployment.data / "runs").glob("*")) == there
    assert not list(deployment.settings.models_folder.glob(".fitting-*"))


@pytest.mark.models
def test_heads_name_their_licence_and_a_language_that_is_not_there(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Deployment(tmp_path / "data", tmp_path / "tiny")
    shutil.copytree(deployment.base, own.base)
    (own.base / "README.md").write_text("---\nlicense:\n- bsd-3-clause\n---\n")
    export = tmp_path / "export.jsonl"
    with export.open("w", encoding="utf-8") as out:
        for at, one in enumerate(conversations(60)):
            turns = [{"role": "customer", "text": one.question}, {"role": "agent", "text": one.answer}]
            named = {"id": one.conversation_id, "language": "en", "topic": f"topic {at % 2}"}
            out.write(json.dumps({**named, "turns": turns}) + "\n")
    assert own.type("import", export).code == 0
    refused(own.type("finetune", "--heads", "--languages", "xx"), "There is no conversation in xx (en); change --lang")
    done = own.type("finetune", "--heads", "--json")
    assert done.code == 0, done.err
    assert "All that it learns from is in en" in done.json["notes"]
    card = registry.open_version(own.settings.models_folder, done.json["version"]).card
    assert (card.licence, card.notes) == ("bsd-3-clause", done.json["notes"])
    _erases_meanwhile(own, monkeypatch)
    for kind in ("--encoder", "--heads"):
        done = own.type("finetune", kind, "--languages", "en")
        refused(done, "were erased while the run went on (1), so no version was made", code=1)
        (own.data / LEDGER).unlink()  # the database knows nothing of it, and would erase it again
    assert registry.versions(own.settings.models_folder) == [card]
    assert not list((own.data / "runs").glob("*"))


def _erases_meanwhile(own: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an encoder or heads learn, the first conversation that they learn from is erased."""

    def tune(run: Path, base: EncoderFiles, lesson: Lesson, *_: object) -> Tuned:
        run.mkdir(parents=True)
        first = lesson.learned.passages[0]
        erased_meanwhile(own.data, (first.source, first.conversation_id))
        return Tuned(run / "encoder", 1, 1, {}, {}, (), (), 1.0, 1.0)

    def fitted(*given: Any) -> Made:
        made = make_heads(*given)
        erased_meanwhile(own.data, min(made.learnt))
        return made

    monkeypatch.setattr("scripts.finetune_encoder.judge", lambda *_: Verdict(True, (), {}))
    monkeypatch.setattr("chatbot.learning.encoder_tuning.tune", tune)
    monkeypatch.setattr("scripts.finetune_heads.make_heads", fitted)


def test_the_gate_wants_a_rise_beyond_chance_and_no_fall() -> None:
    owners, english = tuple(range(200)), ("en",) * 200

    def marks(hits: int, languages: tuple[str, ...] = english) -> Marks:
        return Marks((1.0,) * hits + (0.0,) * (200 - hits), owners, languages)

    assert judge({"reply": marks(80)}, {"reply": marks(120)}).passed
    same = judge({"reply": marks(80)}, {"reply": marks(80)})
    assert same.reasons == ("no figure rose beyond chance on held-out conversations",)
    fell = judge({"reply": marks(80), "window": marks(100)}, {"reply": marks(120), "window": marks(80)})
    assert not fell.passed
    assert "hit@1" in fell.reasons[0]
    german = ("de",) * 60 + ("en",) * 140
    before = Marks((1.0,) * 60 + (0.0,) * 140, owners, german)
    after = Marks((0.0,) * 30 + (1.0,) * 130 + (0.0,) * 40, owners, german)
    worse = judge({"reply": before}, {"reply": after})
    assert not worse.passed
    assert any("fell in de" in reason for reason in worse.reasons)


@pytest.mark.parametrize(("turns", "conversations_of_them", "refused_for"), [(6, 6, 1), (5, 5, 0), (12, 5, 0)])
def test_a_language_of_few_turns_refuses_from_six_conversations_on(
    turns: int, conversations_of_them: int, refused_for: int
) -> None:
    owners = (*(at % conversations_of_them for at in range(turns)), *range(1000, 1200))
    languages = ("de",) * turns + ("en",) * 200
    before = Marks((1.0,) * turns + (0.0,) * 200, owners, languages)
    after = Marks((0.0,) * turns + (1.0,) * 100 + (0.0,) * 100, owners, languages)
    found = judge({"reply": before}, {"reply": after})
    assert sum("fell in de" in reason for reason in found.reasons) == len(found.reasons) == refused_for


@pytest.mark.models
def test_who_takes_the_place_of_a_tuned_encoder_is_compared_with_it(
    deployment: Deployment, tuned: dict[str, object], tmp_path: Path
) -> None:
    models, settings = deployment.settings.models_folder, deployment.settings
    first = registry.open_version(models, "encoder-v0001")
    assert deployment.type("models", "publish", first.card.name, "--json").code == 0
    weights = load_file(first.folder / "model.safetensors")
    made = {}
    for name, worse in (("alike", 1e-4), ("worse", 3.0)):
        folder = tmp_path / name
        shutil.copytree(first.folder, folder, ignore=shutil.ignore_patterns("card.*", "CARD*", "README.md"))
        torch.manual_seed(1)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        changed = {
            key: value + worse * torch.randn_like(value) for key, value in weights.items() if value.is_floating_point()
        }
        save_file({**weights, **changed}, folder / "model.safetensors", {"format": "pt"})
        fields = {key: value for key, value in dataclasses.asdict(first.card).items() if key not in OWN}
        made[name] = registry.add(models, "encoder", folder, fields).name
    refused(deployment.type("index", "--encoder", made["worse"]), "against encoder-v0001, which is in use", code=1)
    assert compared_encoder(settings, made["alike"], "encoder-v0001").passed
    assert deployment.type("models", "publish", made["worse"], "--force", "--reason", "to see it fail").code == 0
    entry = history(models)[-1]
    assert (entry.version, entry.previous, entry.forced) == (made["worse"], "encoder-v0001", True)
    assert "against encoder-v0001" in entry.gate["reasons"][0]  # type: ignore[index]
    assert deployment.type("models", "rollback", "--kind", "encoder").code == 0
