"""The benchmarks: what they report on tiny inputs, how they end, and what they say when their data are absent."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from chatbot.errors import UsageError
from chatbot.generation.supervisor import Supervisor
from chatbot.prompts import adapt_prompt
from chatbot.retrieval.index import build_index
from chatbot.settings import Settings
from chatbot.types import Action, Decision, Mode, Passage, Reply
from scripts import (
    bench,
    bench_import,
    bench_index,
    bench_language,
    bench_learning_heads,
    bench_privacy,
    bench_questions,
    bench_retrieval,
    bench_store,
    bench_turn,
    bench_turn_server,
)
from scripts.bench_corpora import load_corpus, read_corpus
from scripts.bench_report import percentiles, report, spread
from scripts.bench_turn_product import InstantModel, outside_the_model
from scripts.bench_turn_prompts import prompts
from scripts.bench_turn_server import times
from scripts.cli import main as chatbot
from scripts.options import ProgressSink
from tests.commands import AT_A_TERMINAL, typed
from tests.fakes_retrieval import FakeEmbedder

COMMANDS = {command.name: command.callback for command in bench.app.registered_commands}
ANSWERS = {
    "wash": (
        "Wash your hands for twenty seconds.",
        ["how long do I wash my hands", "washing hands", "clean hands how"],
    ),
    "mask": ("Masks must cover nose and mouth.", ["how do I wear a mask", "mask on nose", "do masks cover the mouth"]),
    "test": ("Tests are free at the town hall.", ["where can I get tested", "free test", "does a test cost money"]),
}


def written(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


@pytest.fixture
def covid(tmp_path: Path) -> Path:
    rows = [
        {"id": f"{intent}{number}", "intent": intent, "question": question, "answer": answer}
        for intent, (answer, questions) in ANSWERS.items()
        for number, question in enumerate(questions)
    ]
    return written(tmp_path, "covid_faq", rows)


# --- all of them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_each_has_json_and_says_in_one_sentence_what_it_measures(name: str) -> None:
    command = COMMANDS[name]
    assert command is not None
    assert inspect.signature(command).parameters["as_json"].default is False
    said = inspect.getdoc(command) or ""
    assert said.endswith(".")
    assert said.count("\n") == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_each_shows_the_stage_that_runs_on_a_terminal_and_with_json_none(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any, progress: ProgressSink, **__: Any) -> dict[str, Any]:
        progress("the stage that runs", 1, 3)
        return {"machine": "an abacus", "goals": {}}

    module = sys.modules[COMMANDS[name].__module__]
    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "_show", lambda *_, **__: None)
    shown = typed("bench", name, **AT_A_TERMINAL)
    assert shown.code == 0, shown
    assert "the stage that runs" in shown.err
    assert "1/3" in shown.err
    assert typed("bench", name).err == ""
    told = typed("bench", name, "--json", **AT_A_TERMINAL)
    assert (told.json["machine"], told.err) == ("an abacus", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_none_runs_while_the_settings_name_a_database(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: Any, **__: Any) -> dict[str, Any]:
        raise AssertionError("it would have written into the company's own database")

    monkeypatch.setattr(sys.modules[COMMANDS[name].__module__], "run", run)
    told = typed("bench", name, CHATBOT_DATABASE_URL=f"sqlite:///{tmp_path / 'own.sqlite3'}")
    assert told.code == 2
    assert "database_url is set" in told.err
    assert list(tmp_path.iterdir()) == []


class Stages(list[str]):
    """A ProgressSink that keeps the stages' names, each once."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self:
            self.append(stage)


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("retrieval", ["--data-folder"], "covid_faq"),
        ("index", ["--data-folder"], "star_wizard_of_oz"),
        ("language", ["--data-folder"], "langid_tatoeba"),
        ("privacy", ["--data-folder"], "pii_synthetic_en"),
        ("questions", ["--file"], "nowhere"),
        ("import", ["--shape"], "choose one of zendesk, own"),
        ("turn", ["--chats"], "--chats"),
    ],
)
def test_absent_data_are_said_in_one_sentence(
    name: str,
    options: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["chatbot", "bench", name, *options, str(tmp_path / "nowhere")])
    with pytest.raises(SystemExit) as ended:
        chatbot()
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert named in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_missed_goal_ends_with_1_and_a_met_one_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    missed: dict[str, Any] = {"machine": "an abacus", "goals": {"fast": True, "right": False}}
    with pytest.raises(typer.Exit) as ended:
        report(lambda *, progress: missed, lambda console, _: console.print("a table"), as_json=False)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().out.splitlines() == ["an abacus", "a table", "met    fast", "MISSED right"]
    report(lambda *, progress: missed | {"goals": {"fast": True}}, lambda *_: None, as_json=True)
    assert json.loads(capsys.readouterr().out)["goals"] == {"fast": True}


def test_figures_are_summed_up() -> None:
    assert percentiles([1, 2, 3]) == {"p50": 2.0, "p95": 2.9}
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "least": 1.0, "most": 3.0}


# --- corpora ---------------------------------------------------------------------------------------------


def test_a_split_can_be_made_again_and_halves_each_answers_questions(covid: Path) -> None:
    corpus = load_corpus(covid, "covid_faq", seed=3)
    assert load_corpus(covid, "covid_faq", seed=3) == corpus
    assert (len(corpus.passages), len(corpus.asks)) == (6, 3)
    assert not {one.question for one in corpus.passages} & {ask.query.text for ask in corpus.asks}
    with pytest.raises(UsageError, match="no corpus 'weather'"):
        load_corpus(covid, "weather", seed=3)


def test_a_broken_corpus_is_named(tmp_path: Path) -> None:
    (tmp_path / "covid_faq.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(UsageError, match=r"covid_faq\.jsonl\.gz cannot be read"):
        read_corpus(tmp_path, "covid_faq")


# --- one by one ------------------------------------------------------------------------------------------


def test_retrieval_compares_three_systems_on_the_same_asks(covid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_retrieval, "open_embedder", lambda _settings: FakeEmbedder())
    stages = Stages()
    result = bench_retrieval.run(covid, ("covid_faq",), progress=stages)
    systems = result["corpora"]["covid_faq"]["systems"]
    assert list(systems) == ["BM25, last message", "MiniLM, last message", "Precedent"]
    for figures in systems.values():
        assert 0 <= figures["@1"] <= figures["best of 5"] <= 1
    assert set(result["goals"]) == {"covid_faq: @1 >= 0.60", "covid_faq: @1 above both baselines"}
    assert stages == ["read the corpora", *(f"covid_faq: {stage}" for stage in ("index", *systems))]


def test_an_index_is_built_four_times_stage_by_stage(covid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_index, "load_corpus", lambda folder, _, seed: load_corpus(folder, "covid_faq", seed))
    monkeypatch.setattr(bench_index, "open_embedder", lambda _settings: FakeEmbedder())
    monkeypatch.setattr(bench_index, "_encode_alone", lambda *_: (1.0, 1.0, 1.0))
    stages = Stages()
    result = bench_index.run(covid, progress=stages)
    assert result["passages"] == 6
    assert stages == [
        "read the corpus",
        "first build",
        "build with nothing new",
        "searches",
        "build with 1 % new",
        "encoding alone, theirs and ours",
    ]


def test_heads_are_fitted_on_all_and_on_three_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_learning_heads, "open_embedder", lambda _settings: FakeEmbedder())
    for part, count in (("train", 12), ("test", 4)):
        rows = [
            {"intent": intent, "question": f"{question} {part} {number}?"}
            for intent, question in (("refund", "where is my money"), ("card", "my card was lost"))
            for number in range(count)
        ]
        written(tmp_path, f"banking77_{part}", rows)
    stages = Stages()
    rows = bench_learning_heads.run(tmp_path, progress=stages)["rows"]
    assert [one["examples"] for one in rows.values()] == [24, 20, 20, 20]
    assert stages == ["untuned: encode", "untuned: all examples", "untuned: draws of ten each"]


def test_retrieval_wants_every_language_above_both_baselines() -> None:
    def figures(ours: float) -> dict[str, Any]:
        systems = {"BM25": {"chrF de": 20.0, "ms": 1}, "Precedent": {"chrF de": ours, "ms": 9}}
        return {"support_chat_multilingual": {"systems": systems}}

    assert all(bench_retrieval.goals(figures(21.0)).values())
    assert not any(bench_retrieval.goals(figures(19.0)).values())


def test_privacy_counts_by_type(tmp_path: Path) -> None:
    spans = [
        {"type": "EMAIL_ADDRESS", "start": 5, "end": 21},
        {"type": "LOCATION", "start": 23, "end": 29},
        {"type": "CREDIT_CARD", "start": 31, "end": 50},
    ]
    text = "Mail anna@example.com, Berlin, 4111 1111 1111 1112"
    stages = Stages()
    result = bench_privacy.run(
        written(tmp_path, bench_privacy.CORPUS, [{"text": text, "spans": spans}]), progress=stages
    )
    assert stages == ["find personal data"]
    covered = {kind: row["covered"] for kind, row in result["recall"].items()}
    assert covered == {"EMAIL_ADDRESS": 1, "LOCATION": 0, "CREDIT_CARD": 0}
    assert result["goals"] == {"recall of EMAIL_ADDRESS >= 0.99": True, "recall of CREDIT_CARD >= 0.99": False}
    assert result["precision"]["EMAIL"] == {"found": 1, "own_type": 1, "precision": 1.0, "any_personal_data": 1}


def test_language_measures_everyone_on_the_same_short_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def always(code: str) -> Callable[..., Callable[[str], str]]:
        return lambda *_: lambda _text: code

    for name in ("_langdetect", "_py3langid", "_lingua"):  # the real ones load for half a minute
        monkeypatch.setattr(bench_language, name, always("en"))
    texts = {"en": "where is the parcel number {}", "de": "wo bleibt denn das paket nummer {}"}
    rows = [
        {"id": f"{code}-{number}", "language": code, "text": text.format(number)}
        for code, text in texts.items()
        for number in range(18, 22)
    ]
    rows.append({"id": "en-23", "language": "en", "text": "far too long " * 9})
    monkeypatch.setattr(bench_language, "LANGUAGES", ("en", "de"))
    written(tmp_path, bench_language.WORDS_CORPUS, [{"language": "en", "kind": "single-words", "text": "where"}])
    stages = Stages()
    result = bench_language.run(written(tmp_path, bench_language.CORPUS, rows), progress=stages)
    assert stages == ["load the identifiers", "identifiers", "with priors", "single words"]
    assert result["texts"] == 8
    assert result["rows"]["lingua"]["right"] == 4
    assert (result["rows"]["ours"]["tuned"], result["rows"]["ours"]["held_out"]) == ("4/4", "4/4")
    assert result["words"]["single-words"]["of"] == result["words"]["single-words"]["lingua"] == 1
    assert all(result["goals"].values())


def test_the_store_takes_every_write_either_way(tmp_path: Path) -> None:
    stages = Stages()
    ways = bench_store.run(tasks=2, messages=10, folder=tmp_path, progress=stages)["ways"]
    assert stages == list(ways)
    assert {way: (row["writes"], row["refused"]) for way, row in ways.items()} == {
        "one writer": (20, 0),
        "own connections": (2, 0),
    }


def test_an_import_is_measured_in_its_own_process_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    stages = Stages()
    result = bench_import.run(megabytes=1, folder=tmp_path, progress=stages)
    parts = ("write {}, MB", "import {}", "import {} again")
    assert stages == [part.format(shape) for shape in bench_import.SHAPES for part in parts]
    for shape in bench_import.SHAPES:
        first, again = result["shapes"][shape]["first"], result["shapes"][shape]["again"]
        assert set(first["conversations"]) == {"new"}
        assert again["conversations"] == {"same": first["conversations"]["new"]}
        assert first["answers"] == again["answers"] > 0
        assert 50 < first["memory_mb"] < bench_import.MOST_MB
    assert result["goals"] == {"memory below 500 MB": True, "the same file twice changes nothing": True}
    assert list(tmp_path.iterdir()) == []


def test_the_questions_are_asked_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(*_: object) -> Reply:
        return Reply("Hello!", Decision(Action.SMALL_TALK, "greeting", 0.9), Mode.PRECEDENT, "en")

    monkeypatch.setattr(bench_questions, "load_demo", lambda *_, **__: {})
    monkeypatch.setattr(bench_questions, "build_assistant", lambda _settings: SimpleNamespace(answerer=None))
    monkeypatch.setattr(bench_questions, "answer", answer)
    file, stages = tmp_path / "questions.jsonl", Stages()
    file.write_text(json.dumps({"text": "hi", "kind": "hello", "language": "en", "expect": "small_talk"}))
    assert bench_questions.run(file, progress=stages)["as_expected"] == 1
    assert stages == ["load the demo company", "questions"]


@pytest.mark.parametrize(
    ("row", "text", "action", "right"),
    [
        ({"expect": "answer", "must": ["30 days|a month"]}, "You have A MONTH.", Action.ANSWER, True),
        ({"expect": "answer", "must": ["30 days"]}, "You have 14 days.", Action.ANSWER, False),
        ({"expect": "answer", "must": ["30 days"]}, "30 days?", Action.ASK_BACK, False),
        ({"expect": "answer", "must_not": ["14"]}, "14 days.", Action.ANSWER, False),
        ({"expect": "no_answer"}, "I do not know.", Action.HAND_OVER, True),
        ({"expect": "no_answer"}, "Surely.", Action.ANSWER, False),
        ({"expect": "small_talk"}, "Hello!", Action.SMALL_TALK, True),
    ],
)
def test_what_is_expected_of_a_reply(row: dict[str, Any], text: str, action: Action, right: bool) -> None:
    reply = Reply(text, Decision(action, "precedent", 0.9), Mode.PRECEDENT, "en")
    assert bench_questions.as_expected(row, reply) is right


# --- the turn --------------------------------------------------------------------------------------------


def test_the_instant_model_writes_the_past_answer() -> None:
    passage = Passage("p", "c", 1, "en", "the pole broke", "customer: the pole broke", "Poles are covered.")
    prompt = adapt_prompt("is my pole covered", passage, "Poles are covered for 5 years.", "Northpine", "en")

    async def said() -> str:
        return "".join([delta.text async for delta in InstantModel().stream(prompt, max_tokens=50, deadline_s=1)])

    assert asyncio.run(said()).strip() == "Poles are covered for 5 years."


def test_chats_are_the_same_for_the_same_seed() -> None:
    assert prompts(2, seed=5) == prompts(2, seed=5)
    assert prompts(2, seed=5) != prompts(2, seed=6)


def test_turns_outside_the_model_are_all_measured(covid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = FakeEmbedder()
    monkeypatch.setattr("chatbot.assembly.open_embedder", lambda _settings: embedder)
    build_index(load_corpus(covid, "covid_faq", seed=1).passages, embedder, Settings(data=covid).index_folder)
    stages = Stages()
    found = outside_the_model(covid, [1, 2], 5, stages)
    assert stages == ["first turns", "warm up", "numbers of chats"]
    assert {chats: row["turns"] for chats, row in found["steady"].items()} == {1: 5, 2: 5}
    assert found["first_turns"]["turns"] == 20
    rows = [found["first_turns"], *found["steady"].values()]
    assert all(row["ms"]["p50"] <= row["ms"]["p95"] and row["cpu_ms"] > 0 for row in rows)
    assert "warming" not in {thread.name for thread in threading.enumerate()}


def test_server_and_generate_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is a real process that says "Hello there."; `generate` is a stand-in that takes 1, 2, ... seconds."""
    asked: list[tuple[str, int, int]] = []

    def plain(_folder: Path, way: str, number: int, seed: int, _tokens: int) -> dict[str, float]:
        asked.append((way, number, seed))
        return {"all_s": float(len(asked)), "tokens_per_s": 0.5, "memory_mb": 1.0}

    scripted = (sys.executable, "-m", "tests.scripted_engine")
    monkeypatch.chdir(Path(__file__).parent.parent)
    monkeypatch.setattr(bench_turn_server, "Supervisor", partial(Supervisor, command=scripted))
    monkeypatch.setattr(bench_turn_server, "ProcessPoolExecutor", lambda *_, **__: ThreadPoolExecutor(1))
    monkeypatch.setattr(bench_turn_server, "_plain", plain)
    settings = Settings(data=tmp_path, engine="openvino")
    stages = Stages()
    result = asyncio.run(bench_turn_server.rounds_of(settings, [1, 2], 4, 2, stages))
    assert stages == ["start the model server", "warm up", "2 rounds of 2 numbers of chats"]
    warm, measured = asked[:2], asked[2:]
    assert [number for _, number, _ in warm] == [1, 2]
    assert [(way, number) for way, number, _ in measured[:4]] == [
        (way, n) for n in (1, 2) for way in ("one by one", "one batch")
    ]
    assert len({seed for _, _, seed in asked}) == 6  # nothing is asked twice but by the other way
    assert [level["chats"] for level in result["levels"]] == [1, 2]
    assert result["levels"][0]["one by one"]["all_s"] == {"median": 5.0, "least": 3.0, "most": 7.0}
    assert result["levels"][1]["server"]["tokens_per_s"]["least"] > 0
    assert (result["engine"], result["model"]) == ("scripted", "smollm2-135m")


def test_the_turns_goals_follow_the_figures() -> None:
    def figures(tokens: float) -> dict[str, Any]:
        return {"tokens_per_s": {"median": tokens}, "first_token_p95_s": {"median": 1.6}}

    level = {"chats": 8, "server": figures(300), "one by one": figures(30), "one batch": figures(150)}
    assert times(level, "one by one") == 10
    web = {"ready_s": {"first": 20, "second": 9}}
    met = bench_turn.goals({"levels": [level], "outside_the_model": {"steady": {1: {"ms": {"p50": 31}}}}, "web": web})
    assert list(met.values()) == [False, True, False, False, True]
    assert bench_turn.goals({}) == {}
