"""Two contenders: each answers in its own way, and neither is cut short by the deadline that customers need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chatbot import contest
from chatbot.answering import Answerer
from chatbot.composing import Writing
from chatbot.contest import BASE, PATIENCE_S, PRECEDENT, Contest
from chatbot.errors import BadInput, NotFound
from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.client import HttpChatModel
from chatbot.settings import Settings
from chatbot.types import Mode, Turn


@dataclass(frozen=True)
class Telling:
    """An answerer whose reply is itself: how it writes, and with which model."""

    writing: Writing
    model: Any = None

    async def answer(self, turns: Sequence[Turn], context: object) -> Telling:
        return self


async def test_a_model_has_the_time_that_its_first_reply_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On two busy cores the first reply of a model just started took longer than a turn may: both said the past answer."""
    given: dict[str, Any] = {}
    stopped: list[bool] = []

    async def stop() -> None:
        stopped.append(True)

    async def started(spec: ModelSpec, _: object) -> Any:
        given["adapter"] = spec.adapter
        return SimpleNamespace(endpoint="http://nowhere", process=SimpleNamespace(returncode=None), stop=stop)

    def following(endpoint: object, **options: Any) -> Any:
        given.update(options)
        return SimpleNamespace(close=stop)

    monkeypatch.setattr(contest, "start_child", started)
    monkeypatch.setattr(HttpChatModel, "following", following)
    own = Telling(Writing(Mode.PRECEDENT, "Northpine", deadline_s=3))
    monkeypatch.setattr(contest, "versions", None)  # no card is read: each can have megabytes
    both = Contest(Settings(data=tmp_path, deadline_s=3, adapter=tmp_path), cast("Answerer", own))
    replies = cast("dict[str, Telling]", await both.answers((PRECEDENT, BASE), "How long?"))
    assert (replies[BASE].writing.mode, replies[BASE].writing.deadline_s) == (Mode.ADAPTED, PATIENCE_S)
    assert given["first_token_s"] == PATIENCE_S
    assert given["adapter"] is None, "the base is the model without what was tuned"
    assert (replies[PRECEDENT].model, replies[PRECEDENT].writing.mode) == (None, Mode.PRECEDENT)
    with pytest.raises(BadInput, match="the same"):
        await both.answers((BASE, BASE), "How long?")
    with pytest.raises(NotFound, match="generator-0009"):
        await both.answers((BASE, "generator-0009"), "How long?")
    await both.close()
    assert stopped == [True, True], "client and server"
