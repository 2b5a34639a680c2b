"""Replies of models to examples: order, what is kept after a kill, what may be loaded. One test writes with the embedded model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from chatbot.errors import GenerationError, ModelError, UsageError
from chatbot.generation.catalogue import SMOLLM2, embedded_path
from chatbot.generation.engine import Job, Piece, Prompt, PromptTooLongError
from chatbot.learning import replying
from chatbot.learning.replying import base_writer, replies, writer_of
from chatbot.learning.writers import base_writer_for
from chatbot.trained import remove_examples
from tests.embedded import link_models
from tests.examples import RETURNS, STOVES, example

EXAMPLES = [example(n, f"Question {n}?", "Within 30 days.", (RETURNS, STOVES)) for n in range(20)]


class ScriptedEngine:
    """Answers from other threads, the last asked first. `fails_at`: the prompt on which it breaks down."""

    name = "scripted"

    def __init__(self, fails_at: str = "never", too_long: str = "never") -> None:
        self.asked: list[str] = []
        self.most, self._running, self._lock = 0, 0, threading.Lock()
        self.closed = False
        self._fails_at, self._too_long = fails_at, too_long

    def submit(self, prompt: Prompt, emit: Callable[[Piece], None]) -> Job:
        text = prompt.messages[-1].content
        if self._too_long in text:
            raise PromptTooLongError(9000, 8192)
        self.asked.append(text)
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        threading.Timer(0.002, self._reply, (text, emit)).start()
        return Job(5, lambda: None)

    def _reply(self, text: str, emit: Callable[[Piece], None]) -> None:
        asked = text.partition("customer: ")[2].partition("\n")[0]
        with self._lock:
            self._running -= 1
        if self._fails_at in text:
            return emit(Piece("", 0, "error", "The model failed on this request."))
        emit(Piece("To: ", 1))
        return emit(Piece(f"{asked} ", 2, "stop"))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedEngine]:
    def use(**behaviour: str) -> ScriptedEngine:
        engine = ScriptedEngine(**behaviour)
        monkeypatch.setattr(replying, "open_engine", lambda *_: engine)
        return engine

    return use


def test_replies_come_in_the_order_of_the_examples(scripted: Callable[..., ScriptedEngine], tmp_path: Path) -> None:
    engine, told = scripted(), list[tuple[int, int]]()
    found = replies(EXAMPLES, base_writer(), tmp_path, progress=lambda done, total: told.append((done, total)))
    assert [one.text for one in found] == [f"To: {example.question}" for example in EXAMPLES]
    assert {(one.finish, one.tokens) for one in found} == {("stop", 3)}
    assert engine.most <= replying.SLOTS
    assert engine.closed
    assert told == [(n, 20) for n in range(1, 21)]


def test_what_was_written_before_a_failure_is_kept_and_not_asked_again(
    scripted: Callable[..., ScriptedEngine], tmp_path: Path
) -> None:
    scripted(fails_at="Question 15?")
    with pytest.raises(GenerationError, match="failed on this request"):
        replies(EXAMPLES, base_writer(), tmp_path, kept=tmp_path / "replies")
    (kept,) = (tmp_path / "replies").glob("*.jsonl")
    before = len(kept.read_bytes().splitlines())
    kept.write_bytes(kept.read_bytes() + b'{"id": "000')  # as a kill in the middle of a line leaves it
    engine = scripted()
    found = replies(EXAMPLES, base_writer(), tmp_path, kept=tmp_path / "replies")
    assert [one.text for one in found] == [f"To: {example.question}" for example in EXAMPLES]
    assert len(engine.asked) == 20 - before
    again = scripted()
    assert replies(EXAMPLES, base_writer(), tmp_path, kept=tmp_path / "replies") == found
    assert again.asked == []


def test_a_prompt_that_changed_is_asked_again(scripted: Callable[..., ScriptedEngine], tmp_path: Path) -> None:
    scripted()
    replies(EXAMPLES[:1], base_writer(), tmp_path, kept=tmp_path)
    engine = scripted()
    changed = example(0, "Question 0, again?", "Within 30 days.", (RETURNS,))
    assert [one.text for one in replies([changed], base_writer(), tmp_path, kept=tmp_path)] == [
        "To: Question 0, again?"
    ]
    assert len(engine.asked) == 1


def test_a_prompt_beyond_the_model_is_no_reply(scripted: Callable[..., ScriptedEngine], tmp_path: Path) -> None:
    scripted(too_long="Question 3?")
    found = replies(EXAMPLES[:5], base_writer(), tmp_path)
    assert [one.finish for one in found] == ["stop", "stop", "stop", "too_long", "stop"]
    assert found[3].text == ""


def test_an_erasure_reaches_what_is_kept(scripted: Callable[..., ScriptedEngine], tmp_path: Path) -> None:
    scripted()
    folder = tmp_path / "evaluations" / "one" / "replies"
    replies(EXAMPLES[:3], base_writer(), tmp_path, kept=folder)
    removed = remove_examples(tmp_path, lambda _, conversation: conversation in {"c1", "p2"})
    assert removed.examples == 2
    (kept,) = folder.glob("*.jsonl")
    assert [json.loads(line)["conversation_id"] for line in kept.read_text().splitlines()] == ["c0"]


def test_what_no_model_may_hold_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(ModelError, match="pickle"):
        writer_of(tmp_path)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a GGUF file"):
        writer_of(broken)
    both = tmp_path / "both"
    both.mkdir()
    for name in ("a.gguf", "b.gguf"):
        (both / name).write_bytes(b"GGUF")
    with pytest.raises(UsageError, match="several"):
        writer_of(both)


@pytest.mark.models
def test_the_embedded_model_writes(converted_models: Path, tmp_path: Path) -> None:
    models = link_models(converted_models, tmp_path) / "models"
    found = replies(EXAMPLES[:2], writer_of(embedded_path(), "base"), models, max_tokens=6)
    assert all(one.text and one.finish in ("stop", "length") and 0 < one.tokens <= 6 for one in found)


def test_on_a_gpu_the_untuned_model_writes_on_the_engine_of_the_tuned_ones(tmp_path: Path) -> None:
    assert base_writer().spec.engine == "openvino"
    assert base_writer(on_gpu=True).spec.engine == "transformers"
    assert base_writer_for(SMOLLM2, on_gpu=True).spec.engine == "transformers"
