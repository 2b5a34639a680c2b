"""Topic and mood heads: labels, split, fit, report, what is kept, and how a server uses the published version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from chatbot.answering import Answerer
from chatbot.assembly import for_people
from chatbot.composing import Writing
from chatbot.errors import ModelError, SettingsError, UsageError
from chatbot.learning import registry
from chatbot.learning.heads import CONTENT, UPSET, Head, Heads, Task, blended, mood_of, open_heads, save_heads
from chatbot.learning.heads_fitting import Rows, calibrated, fit, macro_f1
from chatbot.learning.heads_labels import LEAST, labelled, split, topic_of
from chatbot.learning.heads_making import make_heads
from chatbot.learning.heads_report import Feeling, contest, report
from chatbot.learning.heads_serving import PublishedHeads, Sources
from chatbot.privacy import Masker
from chatbot.types import Action, Mode, Role, Transcript, Turn
from tests.fakes_dialogue import ListRetriever, hit
from tests.fakes_retrieval import FakeEmbedder
from ui.staff import insight

START = datetime(2026, 1, 1, tzinfo=UTC)
QUESTIONS = {
    "returns": "How can I return these boots and get my money back",
    "stoves": "Is the camping stove for rent in summer",
    "invoice": "Please send the invoice as a file",
}
CARD: dict[str, Any] = {
    "base": "fake", "base_sha256": "0", "licence": "none", "languages": ("en",), "dataset": "d", "data_sha256": "0", "method": "m",
    "format": "heads",
}  # fmt: skip


def chat(number: int, text: str, *, topic: str | None = None, csat: float | None = None, **more: Any) -> Transcript:
    at = START + timedelta(days=number)
    turns = (Turn(Role.CUSTOMER, text, at), Turn(Role.AGENT, "Gladly.", at))
    return Transcript(f"t{number}", "own", turns, "en", topic, None, csat, **more)


def chats(each: int = 20) -> list[Transcript]:
    return [
        chat(number * len(QUESTIONS) + place, f"{text} number {number}", topic=topic)
        for number in range(each)
        for place, (topic, text) in enumerate(QUESTIONS.items())
    ]


def topics_of(transcripts: Sequence[Transcript]) -> Any:
    return labelled(transcripts, "topic", lambda text: text)


# --- labels and split ------------------------------------------------------------------------------------------


def test_a_topic_is_the_exports_or_the_only_tag() -> None:
    assert topic_of(chat(1, "x", topic=" returns ")) == "returns"
    assert topic_of(chat(1, "x", tags=("vip",))) == "vip"
    assert topic_of(chat(1, "x", tags=("vip", "new"))) is None


def test_texts_are_masked_and_a_conversation_weighs_one() -> None:
    told = Transcript(
        "t1", "own", (Turn(Role.CUSTOMER, "I am at kim@mail.example"), Turn(Role.BOT, "?"), Turn(Role.CUSTOMER, "well")), "en", "x"
    )  # fmt: skip
    rows = labelled([told], "topic", Masker().mask)
    assert [row.text for row in rows] == ["I am at [EMAIL]", "I am at [EMAIL]\nwell"]
    assert sum(row.weight for row in rows) == 1


def test_ratings_in_the_middle_tell_no_mood() -> None:
    rated = [chat(1, "a", csat=1), chat(2, "b", csat=3), chat(3, "c", csat=5), chat(4, "d")]
    assert [row.label for row in labelled(rated, "mood", lambda text: text)] == [UPSET, CONTENT]


def test_the_newest_of_each_label_are_held_out_and_rare_labels_left_out() -> None:
    rows = topics_of([*chats(10), *(chat(900 + n, "rare", topic="rare") for n in range(LEAST - 1))])
    parted = split(rows)
    assert parted.left_out == {"rare": LEAST - 1}
    assert {row.conversation for row in parted.train}.isdisjoint({row.conversation for row in parted.test})
    newest = max(row.at for row in parted.train if row.label == "returns")
    assert all(row.at > newest for row in parted.test if row.label == "returns")
    assert len({row.conversation for row in parted.test}) == 6


# --- fit and report ---------------------------------------------------------------------------------------------


def blobs(each: int, spread: float = 0.3, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    centres = np.eye(3, 8)
    vectors = np.concatenate([centre + rng.normal(0, spread, (each, 8)) for centre in centres]).astype(np.float32)
    names = [name for name in "abc" for _ in range(each)]
    return Rows(vectors, names, [f"g{at}" for at in range(3 * each)], [1.0] * (3 * each))


def test_a_fit_separates_and_its_confidence_is_right_as_often_as_it_says() -> None:
    fitted = fit(blobs(80))
    fresh = blobs(200, seed=1)
    shares = fitted.head.probabilities(fresh.vectors)
    right = np.asarray(fitted.head.labels)[shares.argmax(axis=1)] == np.asarray(fresh.labels)
    assert right.mean() > 0.9
    assert abs(right.mean() - shares.max(axis=1).mean()) < 0.05
    assert np.allclose(shares.sum(axis=1), 1)
    assert fitted.unseen.shape == (240, 3)


def test_two_labels_become_two_rows() -> None:
    rows = blobs(40)
    two = Rows(rows.vectors[:80], rows.labels[:80], rows.groups[:80], rows.weights[:80])
    head = fit(two).head
    assert head.weights.shape == (2, 8)
    assert [one.likeliest for one in head.read(np.eye(3, 8, dtype=np.float32)[:2])] == ["a", "b"]


def test_one_label_is_refused() -> None:
    rows = blobs(10)
    with pytest.raises(UsageError, match="only one label"):
        fit(Rows(rows.vectors[:10], rows.labels[:10], rows.groups[:10], rows.weights[:10]))


def test_where_nothing_can_be_told_nothing_is_sure() -> None:
    rng = np.random.default_rng(5)
    noise = Rows(
        rng.normal(size=(90, 8)).astype(np.float32), list("abc") * 30, [f"g{n}" for n in range(90)], [1.0] * 90
    )
    head = fit(noise).head
    read = head.read(rng.normal(size=(50, 8)).astype(np.float32))
    assert sum(one.label is None for one in read) >= 45
    assert all(one.likeliest in "abc" for one in read)


def test_calibration_takes_overconfidence_out() -> None:
    rng = np.random.default_rng(1)
    truth = np.asarray(list("ab") * 500)
    right = rng.random(1000) < 0.7
    sign = np.where((truth == "a") == right, 1.0, -1.0) * 8  # sure of everything, right in 7 of 10
    head = Head(("a", "b"), np.zeros((2, 2), np.float32), np.zeros(2, np.float32))
    found = calibrated(head, np.stack([sign, -sign], axis=1), truth)
    confidence = 1 / (1 + np.exp(-16 / found.temperature))
    assert confidence == pytest.approx(right.mean(), abs=0.03)
    assert found.threshold > 1  # nine in ten are never reached


def test_macro_f1_by_hand() -> None:
    # a: 2 of 3 found, all right (F1 .8); b: 1 found right of 1, 2 read (F1 2/3)
    truth, read = np.asarray(["a", "a", "a", "b"]), np.asarray(["a", "a", "b", "b"])
    assert macro_f1(truth, read) == pytest.approx((0.8 + 2 / 3) / 2)


def test_a_report_by_hand() -> None:
    rows = topics_of([chat(n, f"text {n}", topic=topic) for n, topic in enumerate(["a", "a", "a", "b"])])
    shares = np.asarray([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    found = report(Head(("a", "b"), np.zeros((2, 2), np.float32), np.zeros(2, np.float32), 1.0, 0.65), shares, rows)
    assert found.macro_f1.mean == pytest.approx((0.8 + 2 / 3) / 2)
    assert found.accuracy.mean == pytest.approx(0.75)
    assert found.sure.mean == pytest.approx(0.75)
    assert found.right_when_sure.mean == 1
    assert found.confusions == (("a", "b", 1),)
    assert found.majority == 0.75
    # bins of one text each: |.9-1|, |.8-1|, |.6-0|, |.7-1|, a quarter of the texts each
    assert found.calibration == pytest.approx((0.1 + 0.2 + 0.6 + 0.3) / 4)
    json.dumps(found.view(), allow_nan=False)


def test_a_mood_head_is_kept_only_where_it_is_better_than_the_lexicon() -> None:
    def cases(head_sees: float, lexicon_sees: float, seed: int) -> list[Feeling]:
        signs = [(-1, UPSET), (1, CONTENT)] * 60
        noise = np.random.default_rng(seed).normal(0, 1, (120, 2))
        return [
            Feeling(f"c{n}", label, sign * lexicon_sees + noise[n, 0], sign * head_sees + noise[n, 1])
            for n, (sign, label) in enumerate(signs)
        ]

    assert contest(cases(2, 0.2, 1), cases(2, 0.2, 2)).won
    assert not contest(cases(0.2, 2, 1), cases(0.2, 2, 2)).won
    assert not contest(cases(1, 1, 1), cases(1, 1, 2)).won


def test_the_running_mood_is_the_stores() -> None:
    assert blended([1.0]) == 1
    assert blended([1.0, -1.0]) == pytest.approx(0.2)


def test_heads_are_made_from_conversations_and_say_what_they_lack() -> None:
    rows: dict[Task, Any] = {"topic": topics_of(chats()), "mood": labelled(chats(), "mood", lambda text: text)}
    made = make_heads(rows, FakeEmbedder())
    assert made.tasks["topic"].report.accuracy.mean > 0.9
    assert list(made.heads.tasks) == ["topic"]
    assert "too little to learn the mood" in made.skipped["mood"]
    assert len(made.conversations) == 48  # of 60, without those held out
    json.dumps(made.tasks["topic"].view(), allow_nan=False)
    with pytest.raises(UsageError, match=r"too little to learn the topic.*too little to learn the mood"):
        make_heads({"topic": [], "mood": []}, FakeEmbedder())


# --- files and serving -------------------------------------------------------------------------------------------


def made_heads(encoder: FakeEmbedder, *, mood: bool = False) -> Heads:
    tasks = dict(make_heads({"topic": topics_of(chats())}, encoder).heads.tasks)
    if mood:
        upset = encoder.encode(["this is bad bad bad"])[0] * 5
        tasks["mood"] = Head((CONTENT, UPSET), np.stack([-upset, upset]), np.zeros(2, np.float32))
    return Heads(encoder.name, tasks)


def published(folder: Path, heads: Heads) -> str:
    made = folder / "made"
    made.mkdir(exist_ok=True)
    save_heads(made, heads)
    models = folder / "models"
    card = registry.add(models, "heads", made, CARD)
    registry.publish(models, card.name, "ann", champion=registry.published(models, "heads"))
    return card.name


def serving(folder: Path, encoder: FakeEmbedder) -> PublishedHeads:
    (folder / "models").mkdir(exist_ok=True)

    def named(name: str) -> FakeEmbedder:
        if name != encoder.name:
            raise ModelError(f"The encoder {name} is not there.")
        return encoder

    return PublishedHeads(folder / "models", Sources(named, lambda _: encoder, Masker().mask))


def test_heads_come_back_from_their_files_as_they_were(tmp_path: Path) -> None:
    encoder = FakeEmbedder()
    heads = made_heads(encoder, mood=True)
    save_heads(tmp_path, heads)
    assert not list(tmp_path.glob("*.pkl"))
    again, vectors = open_heads(tmp_path), encoder.encode(list(QUESTIONS.values()))
    for task in heads.tasks:
        assert again.tasks[task].read(vectors) == heads.tasks[task].read(vectors)
    (tmp_path / "topic.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ModelError, match="chatbot finetune --heads"):
        open_heads(tmp_path)


def test_a_published_version_is_taken_over_and_a_rollback_too(tmp_path: Path) -> None:
    encoder = FakeEmbedder()
    heads = serving(tmp_path, encoder)
    assert heads.topics(["anything"]) is None
    name = published(tmp_path, made_heads(encoder))
    found = heads.topics([f"{QUESTIONS['stoves']}?"])
    assert heads.version == name
    assert found is not None
    assert found[0].label == "stoves"
    assert heads.moods(["anything"]) is None
    before = encoder.encoded
    heads.topics([f"{QUESTIONS['stoves']}?"])
    assert encoder.encoded == before  # remembered
    registry.rollback(tmp_path / "models", "heads", "ann")
    assert heads.topics(["anything"]) is None
    assert heads.problem is None


def test_heads_of_another_encoder_or_changed_files_are_not_used(tmp_path: Path) -> None:
    encoder = FakeEmbedder()
    name = published(tmp_path, made_heads(encoder))
    other = serving(tmp_path, FakeEmbedder("other@2"))
    assert other.topics(["x"]) is None
    assert "is not there" in (other.problem or "")
    weights = tmp_path / "models" / name / "topic.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    changed = serving(tmp_path, encoder)
    assert changed.topics(["x"]) is None
    assert "topic.safetensors" in (changed.problem or "")


def test_a_mood_head_reads_as_the_lexicon_does(tmp_path: Path) -> None:
    encoder = FakeEmbedder()
    published(tmp_path, made_heads(encoder, mood=True))
    bad, other = serving(tmp_path, encoder).moods(["this is bad bad bad", "where do I find you"]) or (0, 0)
    assert bad < -0.9
    assert other > bad
    head = Head((CONTENT, UPSET), np.zeros((2, 2), np.float32), np.zeros(2, np.float32))
    assert mood_of(head, np.zeros((1, 2), np.float32)) == [0]


# --- the policy and the desk --------------------------------------------------------------------------------------


async def test_a_topic_for_people_goes_to_a_person_with_its_reason(tmp_path: Path) -> None:
    encoder = FakeEmbedder()
    published(tmp_path, made_heads(encoder))
    heads = serving(tmp_path, encoder)
    writing = Writing(Mode.PRECEDENT, "Testshop")
    answerer = Answerer(
        ListRetriever([hit("You can return unused items within 14 days.")]),
        Masker(),
        lambda _, prior: prior or "en",
        writing,
        for_people=for_people(["invoice"], heads),
    )
    reply = await answerer.answer([Turn(Role.CUSTOMER, QUESTIONS["invoice"])])
    assert (reply.decision.action, reply.decision.reason) == (Action.HAND_OVER, "person_topic")
    assert not reply.decision.offered
    assert reply.provenance.checks == ("topic: invoice goes to a person",)
    other = await answerer.answer([Turn(Role.CUSTOMER, QUESTIONS["returns"])])
    assert other.decision.reason != "person_topic"


def test_a_topic_that_the_head_does_not_know_is_refused_at_the_start(tmp_path: Path) -> None:
    encoder = FakeEmbedder()
    heads = serving(tmp_path, encoder)
    assert for_people([], heads) is None
    with pytest.raises(SettingsError, match="no topic head is published"):
        for_people(["invoice"], heads)
    published(tmp_path, made_heads(encoder))
    with pytest.raises(
        SettingsError, match="person_topics = refunds does not work: the published head knows invoice, returns"
    ):
        for_people(["invoice", "refunds"], heads)


async def test_the_desk_shows_topic_and_mood_with_their_source(tmp_path: Path) -> None:
    encoder = FakeEmbedder()
    heads = serving(tmp_path, encoder)

    async def openings(ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        return {"one": (QUESTIONS["stoves"],)}

    parts: Any = SimpleNamespace(
        assistant=SimpleNamespace(heads=heads), store=SimpleNamespace(desk=SimpleNamespace(openings=openings))
    )
    items: Any = [
        SimpleNamespace(id="one", mood=-0.6, preview="this is bad bad bad"),
        SimpleNamespace(id="two", mood=None, preview=""),
    ]
    plain = [insight.insight_view(one) for one in await insight.read(parts, items)]
    assert plain[0] == {"mood": -0.6, "mood_source": "lexicon", "alert": True, "topic": None}
    assert plain[1] == {"mood": None, "mood_source": None, "alert": False, "topic": None}
    published(tmp_path, made_heads(encoder, mood=True))
    first, second = [insight.insight_view(one) for one in await insight.read(parts, items)]
    assert (first["topic"]["label"], first["topic"]["source"]) == ("stoves", "model")
    assert first["mood_source"] == "model"
    assert first["alert"]
    assert second == plain[1]
