"""Internal notes stay with the team: no view of a customer, no stream, no download, no export that is learnt from holds one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

from chatbot.privacy import Masker
from chatbot.transcripts.distil import distil
from chatbot.transcripts.exporting import export
from chatbot.transcripts.reading import read_transcripts
from chatbot.types import Passage, Role, Transcript
from tests.staff import House, Member, house, sign_in
from ui.identity import open_identity
from ui.streams import window_stream

NOTE, HER_NOTE = "zebra: this customer is difficult", "zebra: he is at table 4711"
QUESTION = "How long does it take until the money of a return is back on my account?"
ANSWER = "The money is back on your account within five working days after the parcel has reached us."


@dataclass(frozen=True)
class Story:
    """A customer's conversation that Ann has taken, noted in, answered in, and passed on with a word to her colleague."""

    site: House
    ann: Member
    conversation: str
    token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    @property
    def cookie(self) -> dict[str, str]:
        return {"cookie": f"{open_identity(self.site.parts.settings).cookie_name}={self.token}"}

    def acts(self, what: str, **body: Any) -> Any:
        path = f"/agents/api/desk/conversations/{self.conversation}/{what}"
        answer = self.site.client.post(path, json=body or None, headers=self.ann.headers)
        assert answer.status_code == 200, answer.text
        return answer

    def rest(self, tail: str = "messages") -> str:
        return f"/api/v1/conversations/{self.conversation}/{tail}"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with house(tmp_path) as site:
        made = site.client.post("/api/v1/conversations").json()
        told = Story(site, sign_in(site.store, name="Ann Lee"), made["id"], made["token"])
        site.client.post(told.rest("person"), headers=told.bearer)
        body = {"text": QUESTION, "client_message_id": "c1"}
        assert site.client.post(told.rest(), json=body, headers=told.bearer).status_code == 200
        told.acts("take")
        told.acts("notes", text=NOTE, client_id="n1")
        told.acts("messages", text=ANSWER, client_id="m1")
        told.acts("notes", text=HER_NOTE, client_id="n2")
        yield told


def test_the_notes_are_there_for_the_team(story: Story) -> None:
    path = f"/agents/api/desk/conversations/{story.conversation}"
    found = story.site.client.get(path, headers=story.ann.headers).json()["messages"]
    assert [message["text"] for message in found if message["role"] == "note"] == [NOTE, HER_NOTE]


def test_no_view_of_the_customer_holds_a_note(story: Story) -> None:
    client = story.site.client
    seen = [
        client.get(story.rest(), headers=story.bearer),
        client.get(f"{story.rest()}?after=2", headers=story.bearer),
        client.get("/api/v1/me", headers=story.bearer),
        client.get("/chat/download/chat.json", headers=story.cookie),
        client.get("/chat/download/chat.txt", headers=story.cookie),
    ]
    for answer in seen:
        assert answer.status_code == 200
        assert "zebra" not in answer.text
        assert "note" not in re.findall(r'"role": ?"(\w+)"', answer.text)
    assert ANSWER in seen[0].text  # the tests look where something is
    assert all(ANSWER in answer.text for answer in seen[3:])


def test_the_stream_does_not_even_tell_that_there_is_a_note(story: Story) -> None:
    identity = open_identity(story.site.parts.settings)
    owner = identity.owner_of(story.token)
    assert owner is not None

    async def listen() -> list[str]:
        stream = window_stream(story.site.parts, story.conversation, owner)
        heard = [await anext(stream), await anext(stream)]
        await say("notes", NOTE, "n3")
        await say("messages", "One moment, please.", "m2")
        heard.append(await anext(stream))
        await stream.aclose()  # type: ignore[attr-defined]
        return heard

    async def say(what: str, text: str, token: str) -> None:
        await anyio.to_thread.run_sync(lambda: story.acts(what, text=text, client_id=token))

    assert story.site.client.portal is not None
    heard = story.site.client.portal.call(listen)
    assert "zebra" not in "".join(heard)
    found = story.site.client.get(story.rest(), headers=story.bearer).json()["messages"]
    assert f"id: {found[-1]['seq']}\n" in heard[2]  # the next event is the agent's message
    assert found[-1]["text"] == "One moment, please."


def test_a_word_to_the_colleague_is_a_note_too(story: Story) -> None:
    bo = sign_in(story.site.store, name="Bo Lind")
    story.acts("transfer", user_id=bo.user.id, why="zebra: please be gentle")
    assert "zebra" not in story.site.client.get(story.rest(), headers=story.bearer).text


@pytest.mark.parametrize("format", ["jsonl", "csv"])
def test_an_export_that_is_imported_again_teaches_no_note(story: Story, tmp_path: Path, format: str) -> None:
    file = tmp_path / f"live.{format}"
    file.write_bytes(b"".join(export(story.site.store.live_transcripts(), format)))
    assert "zebra" in file.read_text(encoding="utf-8")  # the company's own record is whole
    learnt = passages(file)
    assert [passage.answer for passage in learnt] == [ANSWER]
    assert "zebra" not in str(learnt)
    assert "4711" not in str(learnt)


def test_the_stored_knowledge_of_such_an_import_holds_no_note(story: Story, tmp_path: Path) -> None:
    file = tmp_path / "live.jsonl"
    file.write_bytes(b"".join(export(story.site.store.live_transcripts(), "jsonl")))
    transcripts = read(file)
    with story.site.store.transcripts.importing(file.name, "own") as batch:
        for transcript in transcripts:
            batch.add(transcript, distil(transcript, Masker(), lambda _: "en"))
        batch.commit()
    kept = list(story.site.store.transcripts.passages())
    assert [passage.answer for passage in kept] == [ANSWER]
    assert "zebra" not in str(kept)


def read(file: Path) -> list[Transcript]:
    found = list(read_transcripts(file))
    assert all(isinstance(one, Transcript) for one in found)
    return [one for one in found if isinstance(one, Transcript)]


def passages(file: Path) -> list[Passage]:
    roles = {turn.role for transcript in read(file) for turn in transcript.turns}
    assert Role.NOTE in roles  # it is read as what it is, not as the agent's words
    return [passage for one in read(file) for passage in distil(one, Masker(), lambda _: "en")]
