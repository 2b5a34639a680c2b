"""`chatbot ask`, `search`, `doctor` and settings as a user types them: shapes of the JSON, files, and what is refused."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from chatbot.generation.catalogue import embedded_path
from tests.commands import AT_A_TERMINAL, Done, refused, shell, typed

pytestmark = pytest.mark.models

QUESTION = "How many days do I have to send something back?"
ANSWER_FIELDS = {
    "answer",
    "decision",
    "reason",
    "confidence",
    "mode",
    "language",
    "sources",
    "provenance",
    "timings_ms",
}
SOURCE_FIELDS = {"passage_id", "conversation_id", "turn_id", "question", "answer", "score", "resolved_at", "kind"}
HIT_FIELDS = {"passage_id", "conversation_id", "turn_id", "question", "answer", "score", "language"}


@pytest.fixture
def demo(demo_folder: Path) -> Any:
    return lambda *words, **variables: typed("--data", demo_folder, *words, **variables)


def one_line(folder: Path, *rows: object) -> Path:
    file = folder / "questions.jsonl"
    file.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return file


def test_ask_in_a_process_of_its_own_answers_with_its_source(demo_folder: Path) -> None:
    done = shell("--data", demo_folder, "ask", QUESTION)
    assert done.code == 0
    assert "30" in done.out
    assert "answer · precedent" in done.out
    assert "\n1. np-en-" in done.out
    assert "Traceback" not in done.err


def test_ask_json_has_the_fields_that_are_promised(demo: Any) -> None:
    said = demo("ask", QUESTION, "--json").json
    assert set(said) >= ANSWER_FIELDS
    assert (said["decision"], said["mode"], said["language"]) == ("answer", "precedent", "en")
    assert 0 < said["confidence"] <= 1
    assert "30" in said["answer"]
    assert said["sources"]
    for source in said["sources"]:
        assert set(source) == SOURCE_FIELDS
    assert said["provenance"]["index_version"] == "v000001"
    assert said["provenance"]["encoder"]
    assert {"understand", "search"} <= set(said["timings_ms"])


def test_search_json_has_the_fields_that_are_promised(demo: Any) -> None:
    found = demo("search", "Wie lange kann ich etwas zurückgeben?", "-k", 3, "--json").json
    assert len(found["hits"]) == 3
    for hit in found["hits"]:
        assert set(hit) >= HIT_FIELDS
        assert hit["language"] == "de"
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    french = demo("search", "Wie lange?", "--language", "fr", "--json").json
    assert {hit["language"] for hit in french["hits"]} <= {"fr"}


def test_search_shows_a_table_and_takes_brackets_as_text(demo: Any) -> None:
    done = demo("search", "how heavy is the tent [/bold] [red]?")
    assert done.code == 0, done
    assert "[/bold] [red]?" in done.out
    assert "np-en-" in done.out
    refused(demo("search"), "--file")


def test_a_file_is_answered_line_by_line_in_order(demo: Any, tmp_path: Path) -> None:
    follow_up = [
        {"role": "customer", "text": "Do you ship to Norway?"},
        {"role": "bot", "text": "Yes, with duties prepaid."},
        {"role": "customer", "text": "And what does it cost?"},
    ]
    rows = [{"id": "z", "text": QUESTION}, {"id": "a", "turns": follow_up}, {"id": "m", "text": "Danke!"}]
    file = one_line(tmp_path, rows[0], "", *rows[1:])
    said = demo("ask", "--file", file).lines
    assert [row["id"] for row in said] == ["z", "a", "m"]
    assert all(set(row) >= ANSWER_FIELDS for row in said)
    assert "30" in said[0]["answer"]
    assert said[2]["decision"] == "small_talk"
    found = demo("search", "--file", file).lines
    assert [row["id"] for row in found] == ["z", "a", "m"]
    assert "Norway" in found[1]["query"]
    for command in ("ask", "search"):
        shown = demo(command, "--file", file, **AT_A_TERMINAL)
        assert [row["id"] for row in shown.lines] == ["z", "a", "m"]
        assert "3/3" in shown.err
        assert demo(command, "--file", file, "--json", **AT_A_TERMINAL).err == ""


def test_with_a_tampered_index_the_hand_over_is_printed_and_the_exit_code_tells(demo_copy: Path) -> None:
    with (demo_copy / "index" / "v000001" / "passages.jsonl").open("r+b") as file:
        file.write(b"#")
    file = one_line(demo_copy.parent, {"id": "a", "text": QUESTION}, {"id": "b", "text": "hello"})
    shown, as_json, many = (
        typed("--data", demo_copy, "ask", *words)
        for words in ((QUESTION,), (QUESTION, "--json"), ("--file", str(file)))
    )
    assert "talk to a person" in shown.out
    assert as_json.json["decision"] == "hand_over"
    assert [(row["id"], row["decision"]) for row in many.lines] == [("a", "hand_over"), ("b", "small_talk")]
    for done in (shown, as_json, many):
        assert done.code == 1
        said = done.err.splitlines()[-1]
        assert said.startswith("Error: The index file ")
        assert "passages.jsonl is broken" in said
        assert "run `chatbot index`" in said


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ('{"id": "2", "text"', "is not JSON"),
        ('["a"]', "is not an object"),
        ('{"id": "2"}', 'neither "text" nor "turns"'),
        ('{"id": "2", "text": "  "}', "is empty"),
        ('{"id": "2", "text": "a\\u0000b"}', "NUL"),
        ('{"id": "2", "text": "a\\ud800b"}', "surrogate"),
        ('{"id": "2", "turns": [{"role": "wizard", "text": "a"}]}', "role"),
        ('{"id": "2", "turns": [{"role": "bot", "text": "a"}]}', "the last turn"),
        ('{"id": "2", "turns": [{"role": [], "text": "a"}]}', "role"),
        (json.dumps({"id": "2", "text": "long " * 2_000}), "4000"),
    ],
)
@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_bad_line_is_named_and_nothing_is_answered(
    demo: Any, tmp_path: Path, command: str, line: str, part: str
) -> None:
    file = one_line(tmp_path, {"id": "1", "text": QUESTION}, line)
    refused(demo(command, "--file", file), "questions.jsonl line 2", part)


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("",), ("empty",)),
        (("  \n ",), ("empty",)),
        (("a\x00b",), ("NUL",)),
        (("x" * 4_001,), ("4000",)),
        ((), ("--file",)),
        (("--file", "/nowhere/q.jsonl"), ("/nowhere/q.jsonl",)),
    ],
)
@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_text_that_cannot_be_asked_is_refused(demo: Any, command: str, words: tuple[str, ...], parts: Any) -> None:
    refused(demo(command, *words), *parts)


def test_a_file_that_is_no_text_and_an_empty_one_are_refused(demo: Any, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff\xfe\xfa")
    refused(demo("ask", "--file", tmp_path / "latin"), "latin")
    refused(demo("ask", "--file", one_line(tmp_path)), "no question", "questions.jsonl")
    refused(demo("ask", "--file", tmp_path), str(tmp_path))


def test_an_unknown_mode_and_an_unfit_one_are_refused(demo: Any) -> None:
    unknown = demo("ask", QUESTION, "--mode", "poetry")
    assert (unknown.code, unknown.out) == (2, "")
    assert "poetry" in unknown.err
    assert "precedent" in unknown.err
    assert "fixed" not in unknown.err
    refused(demo("ask", QUESTION, "--mode", "generated"), "smollm2-135m", "model_fit")
    assert "'fixed' is not one of" in demo("ask", QUESTION, "--mode", "fixed").err


@pytest.mark.parametrize(
    ("variables", "parts"),
    [
        ({"CHATBOT_PORT": "many"}, ("CHATBOT_PORT", "'many'")),
        ({"CHATBOT_ACCENT": "red"}, ("CHATBOT_ACCENT", "'red'")),
        ({"CHATBOT_ACENT": "#ffffff"}, ("CHATBOT_ACENT", "did you mean CHATBOT_ACCENT?", "doctor --settings")),
        ({"CHATBOT_CONFIG": "/nowhere/c.toml"}, ("/nowhere/c.toml", "does not exist")),
        ({"CHATBOT_DATABASE_URL": "oracle://u:geheim@h/d"}, ("oracle",)),
        ({"CHATBOT_DATABASE_URL_FILE": "/nowhere/url"}, ("CHATBOT_DATABASE_URL_FILE=/nowhere/url",)),
    ],
)
def test_a_bad_setting_names_itself(tmp_path: Path, variables: dict[str, Any], parts: tuple[str, ...]) -> None:
    done = typed("--data", tmp_path / "d", "init", **variables)
    refused(done, *parts)
    assert "geheim" not in done.err


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"port = [", ("chatbot.toml", "cannot be read")),
        (b'compny = "X"', ("chatbot.toml", "'compny'", "doctor --settings")),
        (b"port = 99999", ("chatbot.toml", "port", "99999")),
        (b'company = "Caf\xe9"', ("chatbot.toml", "cannot be read")),
    ],
)
def test_a_bad_settings_file_is_said(tmp_path: Path, content: bytes, parts: tuple[str, ...]) -> None:
    (tmp_path / "chatbot.toml").write_bytes(content)
    refused(typed("init", cwd=tmp_path), *parts)
    refused(typed("--config", tmp_path / "chatbot.toml", "init", cwd=tmp_path), *parts)
    assert [item.name for item in tmp_path.iterdir()] == ["chatbot.toml"]


def findings(done: Done) -> dict[str, tuple[bool, str]]:
    return {row["check"]: (row["ok"], row["detail"]) for row in done.json}


def test_doctor_finds_all_well(demo: Any) -> None:
    done = demo("doctor", "--json", CHATBOT_PORT="0")
    assert done.code == 0, done
    assert {ok for ok, _ in findings(done).values()} == {True}
    checks = {"machine", "disk", "database", "erasures", "encoder", "index", "generator", "port"}
    checks |= {"left by killed commands", "on other sites"}
    assert set(findings(done)) == checks
    assert "v000001 is whole" in demo("doctor", CHATBOT_PORT="0").out
    framed = {"CHATBOT_EMBED_ORIGINS": "https://www.shop.example", "CHATBOT_PORT": "0"}
    assert "without an https public_url" in findings(demo("doctor", "--json", **framed))["on other sites"][1]
    secure = framed | {"CHATBOT_PUBLIC_URL": "https://chat.shop.example"}
    assert findings(demo("doctor", "--json", **secure))["on other sites"] == (True, "https://www.shop.example")
    shown = demo("doctor", CHATBOT_PORT="0", **AT_A_TERMINAL).err
    assert all(check in shown for check in checks)


def test_doctor_names_what_is_to_mend_and_goes_on(tmp_path: Path, demo_copy: Path) -> None:
    tampered = tmp_path / embedded_path().name
    shutil.copyfile(embedded_path(), tampered)
    with tampered.open("r+b") as file:
        file.write(b"GGML")
    (demo_copy / "index" / "current").unlink()
    shutil.rmtree(demo_copy / "index" / "v000001")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        variables: dict[str, Any] = {"CHATBOT_PORT": str(port), "CHATBOT_MODEL": str(tampered)}
        done = typed("--data", demo_copy, "doctor", "--json", **variables)
        shown = typed("--data", demo_copy, "doctor", **variables)
    assert (done.code, shown.code) == (1, 1)
    assert "Traceback" not in done.err + shown.err
    found = findings(done)
    assert [name for name, (ok, _) in found.items() if not ok] == ["index", "generator", "port"]
    assert "chatbot index" in found["index"][1]
    assert str(tampered) in found["generator"][1]
    assert f"127.0.0.1:{port}" in found["port"][1]
    assert "mend" in shown.out


@pytest.mark.parametrize(
    ("variables", "check", "part"),
    [
        ({"CHATBOT_DATABASE_URL": "postgresql://u:geheim@127.0.0.1:1/none"}, "database", "127.0.0.1"),
        ({"CHATBOT_ENCODER": "/nowhere/encoder"}, "encoder", "/nowhere/encoder"),
        ({"CHATBOT_MODEL": "/nowhere/m.gguf"}, "generator", "/nowhere/m.gguf"),
        ({"CHATBOT_REPLY_MODE": "generated"}, "generator", "model_fit"),
        ({"CHATBOT_REPLY_MODE": "adapted", "CHATBOT_ENGINE": "none"}, "generator", "engine = none"),
        ({"CHATBOT_HOST": "192.0.2.1"}, "port", "192.0.2.1"),
    ],
)
def test_doctor_says_which_check_fails(demo: Any, variables: dict[str, Any], check: str, part: str) -> None:
    done = demo("doctor", "--json", **({"CHATBOT_PORT": "0"} | variables))
    assert done.code == 1, done
    found = findings(done)
    failing = [name for name, (ok, _) in found.items() if not ok]
    assert failing == ([check, "erasures"] if check == "database" else [check])  # receipts lie in the database
    assert part in found[check][1]
    assert "geheim" not in done.out + done.err


def test_doctor_lists_every_setting_and_no_secret(demo: Any) -> None:
    variables: dict[str, Any] = {"CHATBOT_COOKIE_KEY": "k" * 40, "CHATBOT_COMPANY": "Shop [/bold]"}
    shown = demo("doctor", "--settings", **variables)
    assert shown.code == 0, shown
    assert "Shop [/bold]" in shown.out
    rows = {row["name"]: row for row in demo("doctor", "--settings", "--json", **variables).json}
    assert rows["cookie_key"]["value"] == "(set)"
    assert rows["company"] | {"value": None} == {**rows["company"], "value": None}
    assert rows["reply_mode"]["variable"] == "CHATBOT_REPLY_MODE"
    assert "kkkk" not in shown.out


def test_doctor_lists_the_settings_where_one_is_misspelt_or_bad(demo: Any) -> None:
    for name in ("CHATBOT_PROT", "CHATBOT_PORT"):
        done = demo("doctor", "--settings", "--json", **{name: "many"})
        assert done.code == 2
        assert name in done.err
        assert {row["name"]: row["value"] for row in done.json}["port"] == 7860


@pytest.mark.parametrize("command", [["ask", QUESTION], ["search", QUESTION], ["init"], ["index", "list"], ["doctor"]])
def test_a_database_of_another_kind_is_refused_by_every_command(demo: Any, command: list[str]) -> None:
    refused(demo(*command, CHATBOT_DATABASE_URL="mysql://u:geheim@h/d"), "mysql", "postgresql://")


def test_help_version_and_unknown_words() -> None:
    assert typed("--version").out.startswith("precedent ")
    for words in ([], ["--help"], ["index", "--help"], ["bench", "--help"], ["ask", "--help"]):
        assert "Usage" in typed(*words).out
    for words in (["sing"], ["ask", "--sing"], ["index", "sing"]):
        done = typed(*words)
        assert done.code == 2
        assert "sing" in done.err
        assert "Traceback" not in done.err
