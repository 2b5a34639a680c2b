"""A data set from a store, end to end with a fake encoder: what it holds, that it is the same again, and that erasing reaches
it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from chatbot.learning import dataset_build
from chatbot.learning.datasets import SPLITS, Dataset, open_dataset
from chatbot.learning.examples import Example, read_examples
from chatbot.privacy import Masker
from chatbot.prompts import NO_ANSWER
from chatbot.transcripts.distil import distil
from chatbot.types import Action, Decision, Message, Mode, Reply, Transcript
from scripts import dataset as command
from storage.audit import COMMAND
from storage.copilot import Use
from storage.lessons import Lesson
from storage.opening import Store, open_store
from tests.commands import AT_A_TERMINAL, refused, typed
from tests.erased import traces
from tests.fakes_retrieval import FakeEmbedder
from tests.full_disk import full
from tests.learning_corpus import conversation, transcripts
from tests.staff import done

BALLAST = 1 << 20


@pytest.fixture(autouse=True)
def _fake_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.retrieval.embedder.open_embedder", lambda _: FakeEmbedder())


def filled(data: Path, found: list[Transcript] | None = None) -> Path:
    with open_store(None, data, ballast_bytes=BALLAST) as store:
        bring_in(store, found or transcripts())
    return data


def bring_in(store: Store, found: list[Transcript]) -> None:
    mask = Masker()
    with store.transcripts.importing("export.jsonl", "own") as batch:
        for one in found:
            batch.add(one, distil(one, mask, lambda _: "en"))
        batch.commit()


def built(data: Path, *words: object) -> Dataset:
    made = typed("--data", data, "dataset", "build", "--json", *words)
    assert made.code == 0, made.err
    return open_dataset(data, made.json["name"])


def left_in(data: Path) -> list[str]:
    return [path.name for path in (data / "datasets").iterdir()]


def examples(dataset: Dataset) -> dict[str, list[Example]]:
    return {split: list(read_examples(dataset.folder / f"{split}.jsonl")) for split in SPLITS}


def test_it_holds_what_the_issue_asks_for(tmp_path: Path) -> None:
    dataset = built(filled(tmp_path))
    parts = examples(dataset)
    every = [one for some in parts.values() for one in some]
    card = dataset.card
    assert {split: len(some) for split, some in parts.items()} == dict(card.examples)
    assert card.kinds["hand_over"] / len(every) == pytest.approx(0.2, abs=0.04)
    assert sum(card.dropped.values()) + card.kinds["answer"] == card.facts["replies_read"] == 60
    owners = [{one.conversation_id for one in some} for some in parts.values()]
    assert not owners[0] & owners[1] | owners[0] & owners[2] | owners[1] & owners[2]
    assert max(one.at for one in parts["train"] if one.at) < min(one.at for one in parts["test"] if one.at)
    days = {f"c{number:03d}": number for number in range(60)}
    for one in every:
        assert one.conversation_ids[0] == one.conversation_id
        assert len(one.evidence) in {1, 2, 3}
        assert len(set(one.conversation_ids)) == len(one.evidence) + 1
        assert all(days[other] < days[one.conversation_id] for other in one.conversation_ids[1:])
        assert (one.target == NO_ANSWER) is (one.kind == "hand_over")
        assert all(shown.partition("\n")[2] in one.messages[1].content for shown in one.evidence)
    rows = pq.read_table(dataset.folder / "train.parquet").to_pylist()
    assert [row["id"] for row in rows] == [one.id for one in parts["train"]]
    assert "| no_precedent |" in (dataset.folder / "card.md").read_text()


def test_the_same_store_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    one = built(filled(tmp_path / "a"), "--augment", "noise,rare")
    other = built(filled(tmp_path / "b"), "--name", "mine", "--augment", "rare,noise")
    for path in sorted(one.folder.iterdir()):
        assert path.read_bytes() == (other.folder / path.name).read_bytes(), path.name
    again = built(tmp_path / "a", "--seed", 2, "--augment", "noise,rare")
    assert again.card.files["train.jsonl"] != one.card.files["train.jsonl"]


def test_without_times_chance_parts_and_the_card_says_so(tmp_path: Path) -> None:
    dataset = built(filled(tmp_path, transcripts(dated=False)))
    assert dataset.card.split == {"by": "chance", "starts": {}}
    assert any("parted by chance" in warning for warning in dataset.card.warnings)
    rank = {one.conversation_id: number for number, some in enumerate(examples(dataset).values()) for one in some}
    for number, some in enumerate(examples(dataset).values()):
        assert all(rank.get(other, 0) <= number for one in some for other in one.conversation_ids)


def test_one_language_is_warned_of_or_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    assert any("one language, en" in warning for warning in built(tmp_path).card.warnings)
    assert built(tmp_path, "--languages", "en").card.languages.keys() == {"en"}
    refused(typed("--data", tmp_path, "dataset", "build", "--languages", "en,de"), "'de'", "import more")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--passages", 0), "--passages 0"),
        (("--without", 0.9), "--without 0.9"),
        (("--test", -0.1), "--test -0.1"),
        (("--validation", 0.3, "--test", 0.3), "together at most 0.5"),
        (("--augment", "noise,typos"), "--augment typos"),
        (("--name", "../x"), "cannot name"),
        (("--name", "taken"), "dataset delete"),
        (("--most-alike", 0), "--most-alike 0"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    options: tuple[object, ...], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "datasets" / "taken").mkdir(parents=True)
    monkeypatch.setattr(command, "open_store", lambda *_: pytest.fail("the store was opened"))
    refused(typed("--data", tmp_path, "dataset", "build", *options), why)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["taken"]


def test_too_little_is_refused_with_what_to_do(tmp_path: Path) -> None:
    refused(typed("--data", tmp_path, "dataset", "build"), "chatbot import")
    filled(tmp_path, transcripts()[:12])
    refused(typed("--data", tmp_path, "dataset", "build"), "12 conversations are too few", "import more")
    assert not (tmp_path / "models").exists(), "the encoder was not made ready for it"
    strange = [
        conversation(
            f"s{n}",
            ("customer", f"What of {'abcdefghij'[n % 10] * 6} {n}?"),
            ("agent", " ".join("klmnopqrstuvwxyz"[(n + k) % 16] * (n + 4) for k in range(6))),
        )
        for n in range(30)
    ]
    filled(tmp_path / "b", strange)
    refused(typed("--data", tmp_path / "b", "dataset", "build"), "supported by another, earlier conversation")
    assert left_in(tmp_path / "b") == [".build.lock"]


def test_a_full_disk_is_told_before_and_leaves_nothing_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    with monkeypatch.context() as patch:
        full(patch, tmp_path / "datasets")  # a disk of its own
        where = f"MB in {tmp_path / 'datasets'}, and 0 MB are free; make room there"
        refused(typed("--data", tmp_path, "dataset", "build"), "A data set of 60 answers needs about", where)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset_build, "write_split", refuse)
    refused(typed("--data", tmp_path, "dataset", "build"), "No space left", code=1)
    assert left_in(tmp_path) == [".build.lock"]


def test_an_interrupted_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset_build, "publish", interrupt)
    assert typed("--data", tmp_path, "dataset", "build").code == 130
    assert left_in(tmp_path) == [".build.lock"]


def test_they_are_listed_shown_checked_and_deleted(tmp_path: Path) -> None:
    filled(tmp_path)
    assert "dataset build" in typed("--data", tmp_path, "dataset", "list").out
    built(tmp_path)
    assert typed("--data", tmp_path, "dataset", "list", "--json").json[0]["name"] == "ds-0001"
    assert "ds-0001" in typed("--data", tmp_path, "dataset", "list").out
    assert "Data card" in typed("--data", tmp_path, "dataset", "show").out
    assert typed("--data", tmp_path, "dataset", "show", "--json").json["erased"] == 0
    assert "is whole" in typed("--data", tmp_path, "dataset", "verify").out
    whole = typed("--data", tmp_path, "dataset", "verify", "--json").json
    assert (whole["name"], whole["erased"], whole["whole"]) == ("ds-0001", 0, True)
    assert "check bytes" in typed("--data", tmp_path, "dataset", "verify", **AT_A_TERMINAL).err
    path = tmp_path / "datasets" / "ds-0001" / "test.jsonl"
    path.write_bytes(path.read_bytes().replace(b"tent", b"kite"))
    refused(typed("--data", tmp_path, "dataset", "verify", "ds-0001"), "test.jsonl", "build the data set anew")
    refused(typed("--data", tmp_path, "dataset", "delete", "ds-0009", "--yes"), "ds-0009")
    assert typed("--data", tmp_path, "dataset", "delete", "ds-0001", "--yes").code == 0
    assert left_in(tmp_path) == [".build.lock"]


# --- what the team taught, and what is erased ------------------------------------------------------------

ASKED = "How can I send the tent back when I bought it on sale?"
WRONG = "Tents on sale stay with you, zqwrongkx."
RIGHT = "You can return the tent unused within 30 days of delivery, also on sale. The label costs 4.90 EUR."


@pytest.fixture
def taught(tmp_path: Path) -> dict[str, str]:
    """A live conversation with a wrong answer that was corrected, one judged right, and an agent's edit of a draft."""
    filled(tmp_path)
    with open_store(None, tmp_path, ballast_bytes=BALLAST) as store:
        boss = done(store.people.add_user("ada@shop.example", "Ada Boss", "admin", COMMAND))
        chat, wrong = asked_and_told(store, f"{ASKED} Yours, zqasked001kx", WRONG)
        lesson = Lesson(ASKED, RIGHT, "en", f"customer: {ASKED} zqasked001kx", (), WRONG)
        done(store.corrections.correct(boss, COMMAND, (chat, wrong.seq), lesson, []))
        good, right = asked_and_told(
            store,
            "Say, how do I wash my jacket, zqgood001kx?",
            "Dry it slowly in the shade. Wash the jacket at 30 degrees without softener.",
        )
        done(store.reviews.judge(boss, COMMAND, (good, right.seq), "right"))
        edited, drafted = asked_and_told(
            store,
            "Is there a way to have the rope repaired, zqedit001kx?",
            "Our workshop repairs every rope for a flat 25 EUR. It takes two weeks at most.",
        )
        done(store.reviews.judge(boss, COMMAND, (edited, drafted.seq), "right"))
        done(store.copilot.keep(drafted, Use("inserted zqinsertedkx", "sent")))
    return {"wrong": chat, "right": good, "edited": edited}


def asked_and_told(store: Store, asked: str, told: str) -> tuple[str, Message]:
    owner = f"owner of {asked[:20]}"
    chat = done(store.conversations.create_conversation(owner, "en"))
    said, _ = done(store.conversations.add_customer_message(chat.id, owner, asked, "m1"))
    reply = Reply(told, Decision(Action.ANSWER, "agreed", 0.9), Mode.PRECEDENT, "en")
    made = done(store.conversations.add_reply(chat.id, reply, said.seq))
    assert made is not None
    return chat.id, made


def test_what_the_team_taught_is_learnt_and_what_it_judged_wrong_is_not(taught: dict[str, str], tmp_path: Path) -> None:
    dataset = built(tmp_path, "--test", 0, "--validation", 0.05)
    every = [one for some in examples(dataset).values() for one in some if one.kind == "answer"]
    origins = {one.origin: one for one in every}
    assert {"transcript", "review", "correction"} <= origins.keys()
    assert dataset.card.dropped["judged_wrong"] == 1
    corrected = origins["correction"]
    assert (corrected.target, corrected.rejected, corrected.weight) == (RIGHT, WRONG, 2.0)
    assert ("live", taught["wrong"]) in list(
        zip(corrected.conversation_sources, corrected.conversation_ids, strict=True)
    )
    assert not any(WRONG in one.target or any(WRONG in shown for shown in one.evidence) for one in every)


def test_purging_a_customer_takes_what_was_learnt_from_him(taught: dict[str, str], tmp_path: Path) -> None:
    before = built(tmp_path, "--test", 0, "--validation", 0.05)
    words = ["zqasked001kx", "zqgood001kx", "zqedit001kx"]
    held = {word for _, word in traces(tmp_path / "datasets", words)}
    assert held == set(words)
    for one in taught.values():
        receipt = typed("--data", tmp_path, "purge", "--conversation", one, "--yes", "--json")
        assert receipt.code == 0, receipt.err
        assert receipt.json["outside"]["examples"]["unreadable"] == []
    assert traces(tmp_path, words) == set()
    after = open_dataset(tmp_path)
    gone = before.card.examples["train"] + before.card.examples["validation"] - sum(map(len, examples(after).values()))
    assert after.erased == gone >= 3
    assert f"Erased since it was built: {gone} examples" in typed("--data", tmp_path, "dataset", "verify").out


def test_erasing_an_imported_conversation_takes_what_shows_its_passages(tmp_path: Path) -> None:
    before = built(filled(tmp_path))
    showing = {one.id for some in examples(before).values() for one in some if "c003" in one.conversation_ids}
    with_it = {one.id for some in examples(before).values() for one in some}
    assert len(showing) > 1
    purged = typed("--data", tmp_path, "purge", "--transcript", "own", "c003", "--yes")
    assert purged.code == 0, purged.err
    left = {one.id for some in examples(open_dataset(tmp_path)).values() for one in some}
    assert left == with_it - showing


def test_an_erasure_while_a_data_set_is_built_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    write = dataset_build.publish

    def erase_first(*told: object) -> object:
        assert typed("--data", tmp_path, "purge", "--transcript", "own", "c003", "--yes").code == 0
        return write(*told)  # type: ignore[arg-type]

    monkeypatch.setattr(dataset_build, "publish", erase_first)
    dataset = built(tmp_path)
    assert dataset.erased > 0
    assert all("c003" not in one.conversation_ids for some in examples(dataset).values() for one in some)


@pytest.mark.models
def test_the_demo_company_gives_a_data_set_of_all_its_languages(
    demo_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    dataset = built(demo_copy)
    card = json.loads((dataset.folder / "card.json").read_bytes())
    assert card["languages"].keys() == {"de", "en", "es", "fr", "zh"}
    assert sum(card["examples"].values()) > 1000
    assert card["dropped"]["superseded"] >= 3  # returns were 14 days until April 2025
    for some in examples(dataset).values():
        for one in some:
            assert not (one.kind == "answer" and one.topic == "returns" and "14 days from" in one.target)
            assert all(turn.content for turn in one.messages)
