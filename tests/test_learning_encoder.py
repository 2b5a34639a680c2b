"""Tuning the encoder: which texts are paired, what the loss does not count, that it learns, and that a kill changes nothing."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import unittest.mock
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from chatbot.errors import Conflict, ModelError, UsageError
from chatbot.learning import encoder_tuning, runs
from chatbot.learning.encoder_exam import Exam
from chatbot.learning.encoder_gradients import gradients
from chatbot.learning.encoder_loss import as_good, masked_loss
from chatbot.learning.encoder_mining import hard_negatives
from chatbot.learning.encoder_model import Trainee
from chatbot.learning.encoder_options import Lesson, Tuning
from chatbot.learning.encoder_pairs import Material, Pairing, material, owner, split_by_time, without_slots
from chatbot.learning.encoder_run import check_resumable
from chatbot.learning.encoder_tuning import tune
from chatbot.retrieval.encoder_files import EncoderFiles, describe, sha256_of
from tests import encoder_runner
from tests.encoder_runner import OPTIONS, lesson
from tests.fakes_retrieval import FakeEmbedder, passage
from tests.forked import CONTEXT, child
from tests.tiny_encoder import TOPICS, conversations, make_encoder


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As the runner has it: sums come out the same, and a tiny model gains nothing from more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> EncoderFiles:
    return make_encoder(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, tiny: EncoderFiles) -> Path:
    """A run from its beginning to its end in one go."""
    run = tmp_path_factory.mktemp("runs") / "unbroken"
    tune(run, tiny, lesson(), OPTIONS, lambda _: None)
    return run


# --- pairs -----------------------------------------------------------------------------------------------


def test_answers_that_differ_in_slots_only_are_the_same_answer() -> None:
    said = ["Your order 4711 comes on 3.5. to Anna.", "Your order 12 comes on 14.5. to Ben.", "We do not ship there."]
    made = material([passage(at, f"q{at}", text) for at, text in enumerate(said)], FakeEmbedder())
    assert made.groups[0] == made.groups[1] != made.groups[2]


def test_german_nouns_are_no_slots() -> None:
    assert without_slots("Bitte den Zelt Boden waschen 12", "de") == "bitte den zelt boden waschen 0"
    assert without_slots("Please ask Anna", "en") == "please ask x"


def test_answers_in_two_languages_are_never_one_group() -> None:
    both = [passage(1, "a", "OK."), passage(2, "b", "OK.", "de")]
    groups = material(both, FakeEmbedder()).groups
    assert groups[0] != groups[1]


def test_questions_without_answers_are_told_apart_by_their_labels() -> None:
    asked = [passage(at, f"question {at}", "") for at in range(6)]
    made = material(asked, FakeEmbedder(), labels=["a", "a", "b", "b", "c", "c"])
    assert as_good(made.groups, made.answers).sum() == 6  # each with its one partner
    assert {batch.kind for batch in Pairing(made, 4, 1, ("reply", "question")).epoch(0)} == {"question"}


def test_twins_come_from_other_conversations_with_the_same_answer() -> None:
    made = material(conversations(60), FakeEmbedder())
    batches = Pairing(made, 8, 1, ("window", "question")).epoch(0)
    pairs = [(a, b) for one in batches for a, b in zip(one.anchors.tolist(), one.positives.tolist(), strict=True)]
    assert len(pairs) > 80
    assert all(made.groups[a] == made.groups[b] for a, b in pairs)
    assert all(owner(made.passages[a]) != owner(made.passages[b]) for a, b in pairs)


def test_an_epoch_is_the_same_for_the_same_seed_and_another_for_the_next() -> None:
    made = material(conversations(60), FakeEmbedder())

    def drawn(seed: int, number: int) -> list[list[int]]:
        return [one.positives.tolist() for one in Pairing(made, 8, seed, ("window",)).epoch(number)]

    assert drawn(1, 0) == drawn(1, 0) != drawn(1, 1)
    assert drawn(1, 0) != drawn(2, 0)


def test_a_full_batch_holds_one_language() -> None:
    made = material([*conversations(40), *conversations(40, language="de")], FakeEmbedder())
    batches = Pairing(made, 16, 1, ("reply",)).epoch(0)
    counted = [Counter(made.passages[row].language for row in one.anchors) for one in batches]
    assert [len(languages) for languages in counted if languages.total() == 16].count(1) == 4


def test_whole_conversations_are_held_out_and_the_latest_where_times_are_known() -> None:
    turns = [dataclasses.replace(one, conversation_id=f"c{at // 2}") for at, one in enumerate(conversations(40))]
    learned, held = split_by_time(turns, 0.25, 1)
    assert len(held) == 10
    assert not {turns[row].conversation_id for row in learned} & {turns[row].conversation_id for row in held}
    assert split_by_time(turns[::-1], 0.25, 1) == (
        [39 - row for row in learned][::-1],
        [39 - row for row in held][::-1],
    )
    days = [datetime(2026, 1, 1 if at > 9 else 9, tzinfo=UTC) for at in range(40)]
    timed = [dataclasses.replace(one, resolved_at=day) for one, day in zip(turns, days, strict=True)]
    assert split_by_time(timed, 0.25, 1)[1] == list(range(10))


# --- loss ------------------------------------------------------------------------------------------------


def test_a_duplicate_does_not_count_against_the_own_partner() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(1)), dim=-1)
    anchors, partners = vectors.clone(), vectors.clone()
    partners[1] = partners[0]  # the answer of row 1 is word for word that of row 0
    answers = np.eye(4, dtype=np.float32)
    nothing = np.zeros((4, 4), dtype=bool)
    masked = as_good(np.asarray([7, 7, 8, 9]), answers)
    assert masked.tolist() == [[False, True, False, False], [True, False, False, False], [False] * 4, [False] * 4]
    assert float(masked_loss(anchors, partners, masked)) < float(masked_loss(anchors, partners, nothing))


def test_near_answers_are_masked_without_a_common_group() -> None:
    answers = np.asarray([[1, 0], [0.99, 0.14], [0, 1]], dtype=np.float32)
    assert as_good(np.arange(3), answers)[0].tolist() == [False, True, False]


def test_hard_negatives_lie_near_and_have_another_answer() -> None:
    made = material(conversations(120), FakeEmbedder())
    rows = hard_negatives(made, FakeEmbedder().encode, seed=1)
    found = [(row, int(hard)) for row, (hard,) in enumerate(rows) if hard >= 0]
    assert len(found) > 100
    assert all(made.groups[row] != made.groups[hard] for row, hard in found)
    vectors = FakeEmbedder().encode([one.window for one in made.passages])
    chosen = np.mean([vectors[row] @ vectors[hard] for row, hard in found])
    other = made.groups[:, None] != made.groups[None, :]
    assert chosen > float((vectors @ vectors.T)[other].mean()) + 0.05


# --- the exam --------------------------------------------------------------------------------------------


def test_a_perfect_encoder_passes_and_a_blind_one_does_not() -> None:
    many = [
        passage(at, f"question {at}", f"The answer to number {'abcdefghij'[at % 10] * (at // 10 + 1)}.")
        for at in range(240)
    ]
    whole = Material(many, np.arange(240), FakeEmbedder().encode([one.answer for one in many]))
    exam = Exam(whole.part(range(200, 240)), whole.part(range(200)), 1)
    at = {text: row for row, one in enumerate(many) for text in (one.window, one.answer)}
    marks = exam.take(lambda texts: np.eye(240, dtype=np.float32)[[at[text] for text in texts]])
    assert set(marks) == {"reply"}
    assert marks["reply"].mean == 1.0
    assert marks["reply"].sure > 0.99
    blind = exam.take(lambda texts: np.eye(240, dtype=np.float32)[[(at[text] * 7 + len(text)) % 240 for text in texts]])
    assert blind["reply"].mean < 0.2


# --- runs ------------------------------------------------------------------------------------------------


def test_it_learns_and_writes_an_encoder_that_opens(unbroken: Path, tiny: EncoderFiles) -> None:
    again = tune(unbroken, tiny, lesson(), OPTIONS, lambda _: None)  # over: only read
    assert again.after["window"].mean > again.before["window"].mean + 0.2
    files = describe(again.folder, "encoder-v0001")
    assert (files.dim, files.pooling, files.max_tokens) == (tiny.dim, tiny.pooling, tiny.max_tokens)
    assert files.digest != tiny.digest
    lines = [json.loads(line) for line in (unbroken / "progress.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == lines[-1]["steps"] == again.steps
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)
    assert any((unbroken / "tensorboard").glob("events.out.tfevents.*"))
    assert not (unbroken / "checkpoints").exists()


@pytest.mark.chaos
def test_killed_five_times_it_ends_with_the_same_weights(unbroken: Path, tiny: EncoderFiles, tmp_path: Path) -> None:
    run = tmp_path / "killed"
    for beyond in (2, 12, 20, 33, 44):
        heard, told = CONTEXT.Pipe(duplex=False)
        with heard, told:
            process = child(encoder_runner.run, run, tiny.folder, told, 0.05)
            while heard.recv() < beyond:
                pass
            process.kill()
            process.join()
        assert process.exitcode == -signal.SIGKILL
        assert not (run / "done.json").exists()
    last = child(encoder_runner.run, run, tiny.folder)
    last.join()
    assert last.exitcode == 0
    for name in ("model.safetensors", "config.json"):
        assert sha256_of(run / "encoder" / name) == sha256_of(unbroken / "encoder" / name)
    steps = [json.loads(line)["step"] for line in (run / "progress.jsonl").read_text().splitlines()]
    assert steps == [json.loads(line)["step"] for line in (unbroken / "progress.jsonl").read_text().splitlines()]


def _interrupted(run: Path, tiny: EncoderFiles, at: int = 10) -> None:
    def stop(progress: object) -> None:
        assert runs._is_owned(run)
        if getattr(progress, "step", 0) >= at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(run, tiny, lesson(), OPTIONS, stop)


def _spoil(checkpoint: Path) -> None:
    data = bytearray((checkpoint / "model.safetensors").read_bytes())
    data[-9] ^= 1
    (checkpoint / "model.safetensors").write_bytes(data)


def test_a_broken_checkpoint_is_passed_over_for_the_one_before(
    tiny: EncoderFiles, unbroken: Path, tmp_path: Path
) -> None:
    _interrupted(tmp_path, tiny)
    older, newest = sorted((tmp_path / "checkpoints").iterdir())
    _spoil(newest)
    check_resumable(tmp_path)
    heard: list[str] = []
    tune(tmp_path, tiny, lesson(), OPTIONS, lambda now: heard.append(now.note) if now.note else None)
    assert [sentence.split(" (")[0] for sentence in heard] == [f"{newest.name}/model.safetensors is broken"]
    assert heard[0].endswith(f"goes on from {older.name}.")
    weights = "encoder/model.safetensors"
    assert sha256_of(tmp_path / weights) == sha256_of(unbroken / weights)


def test_where_every_checkpoint_is_broken_the_newest_is_named(tiny: EncoderFiles, tmp_path: Path) -> None:
    _interrupted(tmp_path, tiny)
    older, newest = sorted((tmp_path / "checkpoints").iterdir())
    _spoil(newest)
    (older / "state.json").write_bytes(b"{}")
    with pytest.raises(ModelError, match=rf"{newest.name}/model.safetensors is broken .*SHA-256.* begin a new run"):
        tune(tmp_path, tiny, lesson(), OPTIONS, lambda _: None)
    with pytest.raises(UsageError, match=rf"{newest.name}/model.safetensors is broken"):
        check_resumable(tmp_path)


def test_a_run_goes_on_only_with_the_options_and_data_that_it_was_begun_with(
    tiny: EncoderFiles, tmp_path: Path
) -> None:
    _interrupted(tmp_path, tiny)
    with pytest.raises(Conflict, match="begun with another options"):
        tune(tmp_path, tiny, lesson(), dataclasses.replace(OPTIONS, rate=2e-3), lambda _: None)
    whole = lesson()
    fewer = Lesson(whole.learned.part(range(100)), whole.held)
    with pytest.raises(Conflict, match="begun with another learned"):
        tune(tmp_path, tiny, fewer, OPTIONS, lambda _: None)


def test_what_cannot_be_is_refused_before_any_work(tiny: EncoderFiles, tmp_path: Path) -> None:
    whole = lesson()
    few = Lesson(whole.learned.part(range(4)), whole.held)
    for given, options, why in (
        (whole, dataclasses.replace(OPTIONS, hard_epochs=3), "3 of 2 epochs"),
        (whole, dataclasses.replace(OPTIONS, batch=1), "--batch 1 cannot be; give a value from 2"),
        (few, OPTIONS, "too few"),
        (Lesson(whole.learned, whole.held.part(range(3))), OPTIONS, "3 held-out passages are too few"),
    ):
        with pytest.raises(UsageError, match=why):
            tune(tmp_path / "run", tiny, given, options, lambda _: None)
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_said_before_the_first_step(
    tiny: EncoderFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(UsageError, match="0 MB are free; make room there"):
        tune(tmp_path / "run", tiny, lesson(), OPTIONS, lambda _: None)
    assert not (tmp_path / "run").exists()


def test_too_little_memory_is_one_sentence(tiny: EncoderFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(encoder_tuning, "masked_loss", refuse)
    with pytest.raises(ModelError, match="half the --batch"):
        tune(tmp_path, tiny, lesson(), OPTIONS, lambda _: None)


def test_a_lack_of_memory_halves_what_goes_through_and_learns_the_same(
    tiny: EncoderFiles, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tried = Trainee.embed, []

    def scarce(self: Trainee, tokens: Any, *rest: Any) -> Any:
        if torch.is_grad_enabled() and len(tokens) > 12:
            tried.append(len(tokens))
            raise torch.OutOfMemoryError("out of memory")
        return real(self, tokens, *rest)

    monkeypatch.setattr(Trainee, "embed", scarce)
    heard: list[str] = []
    whole = dataclasses.replace(OPTIONS, epochs=1, hard_epochs=0)
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    calm = _without_dropout(tiny, tmp_path / "calm", no_dropout)
    made = tune(tmp_path / "scarce", calm, lesson(), whole, lambda now: heard.append(now.note) if now.note else None)
    assert heard == ["Memory ran out with 24 texts at once: goes on with 12; each step still learns from all of them."]
    assert tried == [24]
    monkeypatch.setattr(Trainee, "embed", real)
    rich = tune(tmp_path / "rich", calm, lesson(), whole, lambda _: None)
    assert [loss for _, loss in made.losses] == pytest.approx([loss for _, loss in rich.losses], rel=1e-2)


def test_parts_of_a_batch_give_the_gradients_of_the_whole(tiny: EncoderFiles) -> None:
    trainee = Trainee(tiny, "cpu", 32)
    trainee.half = False
    trainee.model.eval()  # without dropout, which parts draw otherwise
    tokens = trainee.tokens([one.window for one in conversations(10)])

    def loss_of(vectors: Any) -> Any:
        return masked_loss(vectors[:5], vectors[5:], np.zeros((5, 5), dtype=bool))

    found = []
    for at_once in (None, 3, 1):
        trainee.model.zero_grad()
        loss = gradients(trainee, tokens, loss_of, at_once, 1)
        weights = [one.grad.clone() for one in trainee.model.parameters() if one.grad is not None]
        found.append((loss, torch.cat([one.flatten() for one in weights])))
    for loss, gradient in found[1:]:
        assert loss == pytest.approx(found[0][0], rel=1e-5)
        assert torch.allclose(gradient, found[0][1], rtol=1e-3, atol=1e-5)


def _without_dropout(tiny: EncoderFiles, folder: Path, changes: dict[str, float]) -> EncoderFiles:
    shutil.copytree(tiny.folder, folder)
    config = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(config | changes))
    return describe(folder, "tiny")


def test_what_never_does_better_than_its_base_is_its_base(tiny: EncoderFiles, tmp_path: Path) -> None:
    made = tune(tmp_path, tiny, lesson(), dataclasses.replace(OPTIONS, rate=1e-8, patience=2), lambda _: None)
    assert (made.best_step, made.after) == (0, made.before)
    text = ["where is my parcel"]
    mine, base = (Trainee(files, "cpu", 32).encode(text) for files in (describe(made.folder, "made"), tiny))
    assert np.array_equal(mine, base)


@pytest.mark.models
def test_two_steps_on_the_embedded_encoder_open_in_sentence_transformers_and_here(tmp_path: Path) -> None:
    from chatbot.retrieval.embedder import open_files
    from chatbot.retrieval.encoder_files import locate
    from chatbot.settings import load_settings

    settings = load_settings(data=tmp_path / "data", device="cpu")
    base = locate(settings)
    whole = material(conversations(40), FakeEmbedder())
    given = Lesson(whole.part(range(30)), whole.part(range(28, 40)))
    options = Tuning(
        epochs=1, batch=30, kinds=("window", "reply"), rate=1e-3, warm_up=0, max_tokens=16, measures_an_epoch=1
    )
    with unittest.mock.patch.object(encoder_tuning, "FEWEST_PAIRS", 2):
        made = tune(tmp_path / "run", base, given, options, lambda _: None)
    assert made.steps == 2
    files = describe(made.folder, "encoder-v0001")
    assert files.digest != base.digest or made.best_step == 0
    texts = [one.window for one in conversations(6)] + [answer for _, answer in TOPICS]
    ours = open_files(files, settings).encode(texts)
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(made.folder), device="cpu").encode(texts, normalize_embeddings=True)
    assert float((ours * theirs).sum(1).min()) > 0.999


def test_a_run_too_short_for_a_checkpoint_tells_its_time(tiny: EncoderFiles, tmp_path: Path) -> None:
    short = dataclasses.replace(OPTIONS, epochs=1, hard_epochs=0, checkpoint_steps=None, measures_an_epoch=1)
    assert tune(tmp_path, tiny, lesson(), short, lambda _: None).seconds > 0
