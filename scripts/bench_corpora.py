"""Public corpora, as they are and as passages to index and turns to ask, split with a fixed seed; measures nothing."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from chatbot.errors import UsageError
from chatbot.transcripts.window import render_window
from chatbot.types import Passage, Query, Role, Turn

DataFolder = Annotated[Path, typer.Option("--data-folder", help="Folder with the public corpora.")]
DATA_FOLDER = Path("../shared/data")
CORPORA = ("covid_faq", "star_wizard_of_oz", "support_chat_multilingual")


@dataclass(frozen=True, slots=True)
class Ask:
    """A turn that is asked: the query, what the true reply is worth comparing by, its conversation and the true reply itself."""

    query: Query
    truth: str
    conversation: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages to index, turns to ask, and for each passage id what `Ask.truth` is compared with."""

    passages: Sequence[Passage]
    asks: Sequence[Ask]
    label: dict[str, str]


def load_corpus(data_folder: Path, name: str, seed: int) -> Corpus:
    """One of CORPORA; the same seed gives the same split. Raises UsageError."""
    split: dict[str, Callable[[list[dict[str, Any]], random.Random], Corpus]] = {
        "covid_faq": _covid,
        "star_wizard_of_oz": _star,
        "support_chat_multilingual": _multilingual,
    }
    if name not in split:
        raise UsageError(f"There is no corpus {name!r}; choose one of {', '.join(CORPORA)}.")
    rng = random.Random(seed)  # noqa: S311 - a split that can be made again, not a secret
    return split[name](read_corpus(data_folder, name), rng)


def read_corpus(data_folder: Path, name: str) -> list[dict[str, Any]]:
    """The records of a public corpus. Raises UsageError when it is not there."""
    path = data_folder / f"{name}.jsonl.gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except FileNotFoundError as exc:
        raise UsageError(f"{path} is not there, so nothing was measured; name its folder with --data-folder.") from exc
    except (OSError, EOFError, ValueError) as exc:
        raise UsageError(f"{path} cannot be read: {exc}.") from exc


def _covid(records: list[dict[str, Any]], rng: random.Random) -> Corpus:
    """Half of each answer's questions indexed, the other half asked; the answer's own number is the label."""
    by_answer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        by_answer[record["intent"]].append(record)
    passages, asks, label = [], [], {}
    for intent, rows in sorted(by_answer.items()):
        rng.shuffle(rows)
        half = (len(rows) + 1) // 2
        for row in rows[:half]:
            passages.append(_passage(row["id"], 1, "en", [("customer", row["question"])], row["answer"]))
            label[passages[-1].id] = intent
        asks += [
            Ask(_query("en", [("customer", row["question"])]), intent, row["id"], row["answer"]) for row in rows[half:]
        ]
    return Corpus(passages, asks, label)


def _star(records: list[dict[str, Any]], rng: random.Random) -> Corpus:
    """1,800 conversations indexed, 1,500 labelled agent turns of others asked; `action` is the label."""
    rng.shuffle(records)
    passages, label = [], {}
    for record in records[:1800]:
        for at, turns, reply in _agent_turns(record):
            passages.append(_passage(record["id"], at, "en", turns, reply["text"]))
            label[passages[-1].id] = reply.get("action", "")
    asks = [
        Ask(_query("en", turns), reply["action"], record["id"], reply["text"])
        for record in records[1800:]
        for _, turns, reply in _agent_turns(record)
        if reply.get("action")
    ]
    return Corpus(passages, rng.sample(asks, 1500), label)


def _multilingual(records: list[dict[str, Any]], rng: random.Random) -> Corpus:
    """Half of each language's conversations indexed, up to 600 turns of the others asked; the reply is the label."""
    by_language: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        by_language[record["language"]].append(record)
    passages, asks, label = [], [], {}
    for language, chats in sorted(by_language.items()):
        rng.shuffle(chats)
        half = len(chats) // 2
        for chat in chats[:half]:
            for at, turns, reply in _agent_turns(chat):
                passages.append(_passage(chat["id"], at, language, turns, reply["text"]))
                label[passages[-1].id] = reply["text"]
        others = [
            Ask(_query(language, turns), reply["text"], chat["id"], reply["text"])
            for chat in chats[half:]
            for _, turns, reply in _agent_turns(chat)
        ]
        asks += rng.sample(others, min(600, len(others)))
    return Corpus(passages, asks, label)


def _agent_turns(record: dict[str, Any]) -> Iterator[tuple[int, list[tuple[str, str]], dict[str, Any]]]:
    """Position, turns before, and turn of every agent's reply to a customer."""
    said: list[tuple[str, str]] = []
    for at, turn in enumerate(record["turns"]):
        if turn["role"] == "agent" and said and said[-1][0] == "customer":
            yield at, list(said), turn
        if turn["role"] in ("customer", "agent"):
            said.append((turn["role"], turn["text"]))


def _passage(conversation: str, at: int, language: str, turns: Sequence[tuple[str, str]], answer: str) -> Passage:
    query = _query(language, turns)
    return Passage(
        id=f"{conversation}/{at}",
        conversation_id=conversation,
        turn_id=at,
        language=language,
        question=query.text,
        window=query.window,
        answer=answer,
        source="bench",
    )


def _query(language: str, turns: Sequence[tuple[str, str]]) -> Query:
    window = render_window([Turn(Role(role), text) for role, text in turns])
    return Query(text=turns[-1][1], window=window, language=language)
