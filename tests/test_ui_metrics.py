"""What /metrics counts, and who may read it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from starlette.testclient import TestClient

from chatbot.answering import Answerer
from chatbot.composing import Writing
from chatbot.dialogue import DialogueManager
from chatbot.privacy import Masker
from chatbot.types import Mode, Provenance
from tests.fakes_dialogue import ListRetriever, RecordingBell, hit
from tests.fakes_store import MemoryStore
from tests.fakes_ui import ANSWER, fake_parts
from ui.app import create_app_from
from ui.metrics import Metrics

QUESTION = "How long can I return a jacket?"
HOST = "http://127.0.0.1:7860"


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


async def test_a_dialogue_is_counted_by_decision_and_mode() -> None:
    metrics, store = Metrics(), MemoryStore()
    answerer = Answerer(
        ListRetriever([hit("You can return unused items within 30 days.")]),
        Masker(),
        lambda *_: "en",
        Writing(Mode.PRECEDENT, "S"),
    )
    manager = DialogueManager(store, answerer, RecordingBell(), meter=metrics)
    conversation = await store.create_conversation("o")
    for key, text in (("a", QUESTION), ("a", QUESTION), ("b", "Hello!")):
        await manager.receive(conversation.id, "o", text, key)
        await manager.idle(conversation.id)
    assert value(metrics, "precedent_messages_total") == 2
    assert value(metrics, "precedent_replies_total", decision="answer", mode="precedent") == 1
    assert value(metrics, "precedent_replies_total", decision="small_talk", mode="fixed") == 1
    assert value(metrics, "precedent_turn_seconds_count") == 2


def test_what_failed_and_what_was_stopped_is_counted() -> None:
    metrics = Metrics()
    failed = Provenance(degraded=("generator: the model server is away", "generator: again", "index: damaged"))
    metrics.turn(replace(ANSWER, provenance=failed, partial=True), 0.3)
    metrics.unsaved()
    assert value(metrics, "precedent_replies_degraded_total", part="generator") == 1
    assert value(metrics, "precedent_replies_degraded_total", part="index") == 1
    assert value(metrics, "precedent_replies_stopped_total") == 1
    assert value(metrics, "precedent_replies_unsaved_total") == 1
    assert value(metrics, "precedent_turn_seconds_bucket", le="0.5") == 1
    assert value(metrics, "precedent_turn_seconds_bucket", le="0.25") == 0


def test_only_the_token_reads_the_numbers_and_no_words_are_among_them(tmp_path: Path) -> None:
    parts = fake_parts(tmp_path, settings={"metrics_token": "secret-token"})
    parts.metrics.message()
    with TestClient(create_app_from(parts), base_url=HOST) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"authorization": "Bearer other"}).status_code == 401
        answer = client.get("/metrics", headers={"authorization": "Bearer secret-token"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "precedent_messages_total 1.0" in answer.text
    assert "precedent_open_windows 0.0" in answer.text


def test_without_a_token_there_is_no_such_page(tmp_path: Path) -> None:
    with TestClient(create_app_from(fake_parts(tmp_path)), base_url=HOST) as client:
        assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404
