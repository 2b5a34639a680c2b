"""The demo company is what the README promises: enough, varied, consistent, held out; and its questions go as expected."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from chatbot.settings import Settings
from scripts.bench_questions import asked, read

FOLDER = resources.files("chatbot.demo")
HELD_OUT, DEVELOPMENT = "questions.jsonl", "development.jsonl"
LANGUAGES = {"en", "zh", "de", "es", "fr"}
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines() if line.strip()]


def transcripts() -> list[dict[str, Any]]:
    files = [file for file in (FOLDER / "transcripts").iterdir() if file.name.endswith(".jsonl")]
    assert files
    return [row for file in files for row in rows(f"transcripts/{file.name}")]


def faq() -> list[dict[str, Any]]:
    files = [file for file in (FOLDER / "faq").iterdir() if file.name.endswith(".jsonl")]
    assert files
    return [row for file in files for row in rows(f"faq/{file.name}")]


def folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def questions(name: str) -> set[tuple[str, ...]]:
    """All turns of each question: a follow-up may well use words that another has used."""
    return {tuple(folded(turn["text"]) for turn in row["turns"]) for row in rows(name)}


def test_there_are_enough_conversations_in_five_languages() -> None:
    languages = Counter(row["language"] for row in transcripts())
    assert set(languages) == LANGUAGES
    assert sum(languages.values()) >= 200
    assert languages["en"] >= 120
    assert min(languages.values()) >= 20


def test_ids_are_unique_and_so_are_conversations() -> None:
    found = transcripts()
    assert [name for name, count in Counter(row["id"] for row in found).items() if count > 1] == []
    told = Counter(tuple(folded(turn["text"]) for turn in row["turns"]) for row in found)
    assert [turns for turns, count in told.items() if count > 1] == []


def test_times_never_run_backwards() -> None:
    for row in transcripts():
        times = [datetime.fromisoformat(turn["time"]) for turn in row["turns"] if turn.get("time")]
        assert times, row["id"]
        assert all(earlier <= later for earlier, later in itertools.pairwise(times)), row["id"]


def test_topics_are_facts_of_the_company() -> None:
    facts = set(re.findall(r"^\| (\w+) \|", (FOLDER / "FACTS.md").read_text(encoding="utf-8"), re.MULTILINE)) - {
        "topic"
    }
    assert len(facts) > 30
    used = {row["topic"] for row in transcripts() if row.get("topic")}
    assert used - facts == set()
    assert facts - used == set()


def test_no_long_sentence_is_told_twice() -> None:
    seen: dict[str, str] = {}
    again = []
    for row in transcripts():
        for turn in row["turns"]:
            for sentence in {s.strip() for s in _SENTENCE_END.split(turn["text"]) if len(s.strip()) > 40}:
                if seen.setdefault(sentence, row["id"]) != row["id"]:
                    again.append((seen[sentence], row["id"], sentence))
    assert again == []


def test_it_looks_like_a_real_export() -> None:
    found = transcripts()
    roles = {turn["role"] for row in found for turn in row["turns"]}
    assert roles == {"customer", "agent", "bot", "note", "system"}
    statuses = {row.get("status") for row in found}
    assert "solved" in statuses
    assert len(statuses - {None}) >= 2
    assert min(row["csat"] for row in found if row.get("csat")) == 1
    text = " ".join(turn["text"] for row in found for turn in row["turns"])
    for personal in (r"@example\.", r"NP-20\d\d-\d{6}", r"\+\d\d"):
        assert re.search(personal, text), personal


def test_held_out_questions_are_many_varied_and_held_out() -> None:
    held_out = rows(HELD_OUT)
    assert len(held_out) >= 80
    assert len({row["id"] for row in held_out}) == len(held_out)
    assert {row["expect"] for row in held_out} >= {"answer", "ask_back", "hand_over", "no_answer"}
    assert {row["kind"] for row in held_out} >= {"unanswerable", "other_language", "follow_up", "attack"}
    assert {row["language"] for row in held_out} >= LANGUAGES
    assert questions(HELD_OUT) & questions(DEVELOPMENT) == set()
    told = {folded(turn["text"]) for row in transcripts() for turn in row["turns"] if turn["role"] == "customer"}
    told |= {folded(row["question"]) for row in faq()}
    asked = {turns[-1] for turns in questions(HELD_OUT) if len(turns[-1].split()) > 2}
    assert asked & told == set()


@pytest.mark.models
def test_the_held_out_questions_go_as_expected_and_no_unanswerable_one_is_answered(demo_copy: Path) -> None:
    """The goals themselves, as `chatbot bench questions` tells them."""
    result = asked(Settings(data=demo_copy, engine="none"), read())
    missed = [(miss["id"], miss["turns"][-1]["text"], miss["said"]) for miss in result["misses"]]
    assert result["unanswerable_answered"] == 0, missed
    assert result["share"] >= 0.90, missed
