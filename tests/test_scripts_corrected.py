"""Corrections over the demo company with the real encoder: answered so at once, after a build or import, and undone."""

from __future__ import annotations

import asyncio
from importlib import resources
from pathlib import Path

import pytest

from chatbot.assembly import Assistant, build_assistant
from chatbot.correcting import answered, asked, window_of
from chatbot.settings import Settings
from chatbot.transcripts.contract import ReadOptions
from chatbot.types import Reply, Role, Turn
from scripts.import_transcripts import import_path
from scripts.regress import check
from scripts.reindex import reindex
from storage.audit import COMMAND, Actor
from storage.lessons import Lesson
from storage.opening import Store, open_store
from storage.people import User
from tests.commands import AT_A_TERMINAL, shell, typed
from tests.fakes_retrieval import query
from tests.staff import done

pytestmark = pytest.mark.models
QUESTION = "How long do I have to return something?"
RIGHT = "You have 75 days from delivery to send it back, and the label is free."


def ask(assistant: Assistant, text: str = QUESTION) -> Reply:
    return asyncio.run(assistant.answerer.answer([Turn(Role.CUSTOMER, text)]))


def teach(store: Store, assistant: Assistant, user: User) -> int:
    """Stores the conversation as the product does, and corrects its reply; the correction's id."""
    made = done(store.conversations.create_conversation("owner", "en"))
    said, _ = done(store.conversations.add_customer_message(made.id, "owner", QUESTION, "first"))
    reply = done(store.conversations.add_reply(made.id, ask(assistant), said.seq))
    assert reply is not None
    found = done(store.corrections.reply(user, made.id, reply.seq))
    before = asked(found.messages, found.reply, assistant.answerer.detect, assistant.answerer.masker)
    taught = answered(before, None, RIGHT, assistant.answerer.masker)
    turns = tuple({"role": role, "text": text} for role, text in taught.turns)
    lesson = Lesson(taught.question, taught.answer, "en", taught.window, turns, taught.wrong)
    actor = Actor(user.id, user.name)
    return done(store.corrections.correct(user, actor, (made.id, reply.seq), lesson)).id


OTHERS = (
    "Where is my parcel?",
    "Can I pay by card?",
    "What does shipping cost?",
    "How do I get a return label?",  # of which the taught answer speaks, too
    "How do I send something back?",
)


def places(assistant: Assistant) -> dict[str, dict[str, dict[str, int]]]:
    """For several questions, the rank of each passage in every list."""
    found = {}
    for text in (QUESTION, *OTHERS):
        result = assistant.retriever.search(query(text), 100)
        found[text] = {hit.passage.id: dict(hit.ranks) for hit in result.hits}
    return found


def answers(assistant: Assistant) -> list[str]:
    return [ask(assistant, text).text for text in (QUESTION, *OTHERS)]


def test_a_correction_is_answered_at_once_and_for_good(demo_copy: Path) -> None:
    settings = Settings(data=demo_copy, engine="none")
    with open_store(None, demo_copy, ballast_bytes=1 << 20) as store:
        assistant = build_assistant(settings, store.knowledge)
        ann = done(store.people.add_user("ann@shop.example", "Ann Lee", "agent", COMMAND))
        wrong = ask(assistant)
        assert wrong.text
        assert RIGHT not in wrong.text
        number = teach(store, assistant, ann)

        at_once = ask(assistant)
        assert at_once.text == RIGHT
        assert (at_once.sources[0].kind, at_once.sources[0].passage_id) == ("correction", f"correction-{number}")
        assert at_once.decision.confidence >= 0.99
        also = [one.question for one in store.knowledge.inherited()]
        assert also
        for each in (ask(assistant, one) for one in also):
            assert (each.text, [source.passage_id for source in each.sources]) == (RIGHT, [f"correction-{number}"])
        # another past chat says 30 days, as the old answer did
        assert ask(assistant, "can I still return after 3 weeks?").text == RIGHT
        # the old answer told that, the new one does not
        assert RIGHT not in ask(assistant, "how do I start a return?").text
        laid_over, said = places(assistant), answers(assistant)
        (case,) = store.cases.all()
        assert asyncio.run(check(assistant.answerer, case)).why == ""

        assert shell("--data", demo_copy, "ask", "--json", QUESTION).json["answer"] == RIGHT  # read from the store

        version = reindex(settings, quiet=True)
        assert version.published
        assistant.retriever.refresh()
        assert assistant.retriever.overlay() == (0, 0)
        for text, now in places(assistant).items():
            assert now == laid_over[text]
        assert answers(assistant) == said
        assert {ask(assistant, one).text for one in also} == {RIGHT}

        _import_again(settings)
        reindex(settings, quiet=True)
        assistant.retriever.refresh()
        assert ask(assistant).text == RIGHT

        actor = Actor(ann.id, ann.name)
        done(store.corrections.undo(ann, actor, number))
        given_back = ask(assistant)
        assert given_back.sources[0].passage_id == wrong.sources[0].passage_id
        assert RIGHT not in {ask(assistant, one).text for one in also}
        assert given_back.text.splitlines()[0] == wrong.text.splitlines()[0]
        assert store.cases.all() == []
        reindex(settings, quiet=True)
        assistant.retriever.refresh()
        assert ask(assistant).text == wrong.text


def _import_again(settings: Settings) -> None:
    for name in ("transcripts", "faq"):
        folder = Path(str(resources.files("chatbot.demo") / name))
        import_path(settings, folder, "auto", ReadOptions(), quiet=True)


def test_the_command_reruns_the_cases(demo_copy: Path) -> None:
    settings = Settings(data=demo_copy, engine="none")
    nothing = typed("--data", str(demo_copy), "test")
    assert (nothing.code, "nobody has corrected" in nothing.out) == (0, True)
    with open_store(None, demo_copy, ballast_bytes=1 << 20) as store:
        ann = done(store.people.add_user("ann@shop.example", "Ann Lee", "agent", COMMAND))
        number = teach(store, build_assistant(settings, store.knowledge), ann)
        passed = typed("--data", str(demo_copy), "test", "--json")
        assert (passed.code, passed.json["failed"]) == (0, 0)
        assert "1/1" in typed("--data", str(demo_copy), "test", **AT_A_TERMINAL).err
        admin = done(store.people.add_user("ada@shop.example", "Ada Boss", "admin", COMMAND))
        boss, other = Actor(admin.id, "Ada Boss"), RIGHT.replace("75", "90")
        rival = done(store.corrections.write(admin, boss, Lesson(QUESTION, other, "en", window_of(QUESTION))))
        failed = typed("--data", str(demo_copy), "test", "--json")
        assert failed.code == 1
        assert [one["why"] for one in failed.json["outcomes"] if not one["passed"]]
        done(store.corrections.undo(admin, boss, rival.id))
        done(store.knowledge.retire(admin, boss, f"correction-{number}"))
        resting = typed("--data", str(demo_copy), "test", "--json")
        assert (resting.code, resting.json["cases"], resting.json["resting"]) == (0, 0, 1)
        shown = typed("--data", str(demo_copy), "calibration")
        assert "0 %" in shown.out or "0%" in shown.out
