"""`chatbot evaluate`: figures by hand, comparisons, targets, bad input, the report's escaping, what an erasure reaches."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatbot.errors import UsageError
from chatbot.learning import evaluating
from chatbot.learning.evaluating import PRECEDENT, Plan, evaluate
from chatbot.learning.evaluation import by_topic, differences, figures, judge
from chatbot.learning.evaluation_picture import Panel, draw
from chatbot.learning.evaluation_report import html, picture
from chatbot.learning.evaluation_retrieval import gains, intervals, measured, set_exam, take, words_only
from chatbot.learning.evaluation_targets import Data, Target, find_target, read_data, read_replies, sample, top_answer
from chatbot.learning.examples import Example, write_examples
from chatbot.learning.replying import Written
from tests import gated, tiny_llama
from tests.commands import Done, refused, typed
from tests.embedded import link_models
from tests.erased import erased_meanwhile
from tests.examples import REFUSAL, RETURNS, STOVES, TENTS, example
from tests.fakes_retrieval import FakeEmbedder
from tests.full_disk import full
from tests.tiny_encoder import make_encoder

BACK = "You may return unworn boots within 30 days."


def turns(number: int = 12) -> tuple[Example, ...]:
    """Two in three to answer; two turns a conversation."""
    made = []
    for n in range(number):
        if n % 3 == 2:
            made.append(example(n, "Do you ship to Mars?", REFUSAL, (TENTS, STOVES), conversation=f"c{n // 2}"))
        else:
            topic = "<b>boots & co</b>"
            made.append(
                example(n, "Can boots go back?", BACK, (RETURNS, STOVES), topic=topic, conversation=f"c{n // 2}")
            )
    return tuple(made)


def test_figures_by_hand() -> None:
    asked = turns(6)  # 4 to answer, 2 to hand over
    said = [BACK, "NO ANSWER", "NO ANSWER", "You may return boots within 45 days.", "We rent stoves.", "Yes, to Mars."]
    found = figures(judge(asked, said), range(6))
    shown = {name: (round(one.interval.mean, 4), one.counted) for name, one in found.items()}
    assert shown["answered"] == (0.75, 4)  # one of four was refused
    assert shown["refusal_precision"] == (0.5, 2)
    assert shown["refusal_recall"] == (0.5, 2)
    assert shown["evidence_choice"] == (0.5, 4)  # stoves are the wrong passage, a refusal rests on none
    assert shown["grounded"] == (0.75, 4)  # 45 is invented; of Mars the customer spoke
    assert shown["facts_supported"] == (round(2 / 3, 4), 3)  # 30, 45, Mars
    assert shown["chrf"][1] == shown["bleu"][1] == shown["rouge_l"][1] == 4
    assert found["evidence_score"].counted == 6


def test_a_reply_that_is_missing_counts_nowhere() -> None:
    asked = turns(6)
    one = judge(asked, [BACK, None, "NO ANSWER", None, BACK, "NO ANSWER"])
    found = figures(one, one.present)
    assert found["evidence_score"].counted == 4
    assert found["refusal_recall"].interval.mean == 1
    other = judge(asked, [BACK] * 6)
    compared = differences(one, other)
    assert compared["refusal_recall"].n == 4
    assert compared["chrf"].mean == pytest.approx(0)
    assert compared["evidence_score"].low >= 0


def test_figures_that_stand_on_nothing_are_left_out() -> None:
    answers = tuple(one for one in turns(6) if one.kind == "answer")
    found = figures(judge(answers, [BACK] * len(answers)), range(len(answers)))
    assert "refusal_recall" not in found
    assert "refusal_precision" not in found


def test_rare_topics_share_a_line() -> None:
    asked = turns(12)
    found = by_topic(judge(asked, [BACK] * 12))
    assert list(found) == ["<b>boots & co</b>", "(no topic)"]
    few = by_topic(judge(asked[:4], [BACK] * 4))
    assert list(few) == ["(rare topics)", "(no topic)"]


# --- search -----------------------------------------------------------------------------------------------------


def test_retrieval_figures_by_hand() -> None:
    found = measured([["a", "b", "c"], ["x", "y"], []], [frozenset("b"), frozenset("x"), frozenset("q")])
    assert found["R@1"] == [0, 1, 0]
    assert found["R@5"] == [1, 1, 0]
    assert found["RR@10"] == [0.5, 1, 0]
    assert found["nDCG@10"] == pytest.approx([0.6309, 1, 0], abs=1e-4)


def test_search_finds_what_the_human_said_in_other_conversations_only(tmp_path: Path) -> None:
    train = [example(n, q, a, (TENTS,)) for n, (q, a) in enumerate([RETURNS, STOVES, TENTS] * 3)]
    test = [
        example(90, "Return boots how long?", "You may return unworn boots within 30 days for 4.90 euros!", (RETURNS,)),
        example(91, "Who are you?", "A completely different reply altogether.", (RETURNS,)),
        example(92, "Nobody knows", REFUSAL, (RETURNS,)),
    ]
    exam = set_exam(train, test)
    assert (len(exam.asked), exam.beyond, len(exam.passages)) == (1, 1, 9)
    ours, plain = take(exam, "search", FakeEmbedder(), tmp_path, lambda *_: None), words_only(exam)
    assert ours.values["R@5"] == plain.values["R@5"] == [1]
    assert intervals(exam, ours)["R@5"].mean == 1
    assert gains(exam, ours, plain)["R@5"].mean == 0


# --- targets and bad input -----------------------------------------------------------------------------------------


def test_what_precedent_says_is_the_first_passages_answer_even_with_lines_in_its_question() -> None:
    asked = ("Hello\nhow do I return these?", "Within 30 days.\nIn the shop.")
    assert top_answer(example(1, "x", BACK, (asked, STOVES))) == asked[1]
    assert top_answer(example(1, "x", BACK, ())) == ""


def test_a_sample_is_spread_and_the_same_each_time() -> None:
    asked = turns(12)
    assert sample(asked, 0) == asked
    few = sample(asked, 5)
    assert len(few) == 5
    assert (few[0], few[-1]) == (asked[0], asked[-1])
    assert few == sample(asked, 5)


def test_replies_of_a_file_are_matched_by_id_and_bad_lines_named(tmp_path: Path) -> None:
    asked = turns(3)
    path = tmp_path / "replies.jsonl"
    path.write_text(json.dumps({"id": asked[1].id, "reply": "Hm."}) + "\n", encoding="utf-8")
    assert read_replies(path, asked) == [None, "Hm.", None]
    for content, wrong in (
        ("{", "line 1: this is not JSON"),
        ('{"id": 3}', 'line 1: a reply is {"id"'),
        ('{"id": "zz", "reply": "x"}', "None of the 1 replies"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(UsageError, match=re.escape(wrong)):
            read_replies(path, asked)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read as text"):
        read_replies(path, asked)


def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    for arguments, wrong in (
        (["nothing-there"], "can not be evaluated"),
        ([str(tmp_path)], "can not be evaluated"),
        ([str(tmp_path / "r.jsonl"), "--split", "all"], "is none of train, validation, test"),
        ([str(tmp_path / "r.jsonl"), "--dataset", str(tmp_path / "none.jsonl")], "cannot be read"),
    ):
        (tmp_path / "r.jsonl").write_text("{}\n")
        done = typed("--data", tmp_path / "data", "evaluate", *arguments)
        assert done.code == 2, done.err
        assert wrong in done.err
        assert "Traceback" not in done.err
        assert done.err.startswith("Error: ")


def test_a_model_that_cannot_be_asked_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    for name in ("pickled", "mute"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "tokenizer_config.json").write_text(
            json.dumps({"chat_template": "x"} if name == "pickled" else {})
        )
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"pickle")
    (tmp_path / "text.gguf").write_text("{}")
    for given, wrong in (
        ("pickled", "may hold a pickle"),
        ("mute", "has no chat template"),
        ("text.gguf", "is no .gguf file"),
    ):
        with pytest.raises(UsageError, match=re.escape(wrong)):
            find_target(str(tmp_path / given), tmp_path)
    make_encoder(tmp_path / "encoder")
    (tmp_path / "encoder" / "1_Pooling").mkdir(exist_ok=True)
    assert find_target(str(tmp_path / "encoder"), tmp_path).what == "encoder", "needs no chat template"
    llama = tiny_llama.make(tmp_path / "llama")
    assert find_target(str(llama), tmp_path).what == "generator"
    for name in ("llama", "encoder"):
        weights = tmp_path / name / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        with pytest.raises(UsageError, match="damaged or cut short"):
            find_target(str(tmp_path / name), tmp_path)


# --- a whole evaluation ------------------------------------------------------------------------------------------


def plan_of(tmp_path: Path, said: Sequence[str], asked: tuple[Example, ...]) -> Plan:
    path = tmp_path / "<img src=x onerror=alert(1)>.jsonl"
    lines = [json.dumps({"id": one.id, "reply": text}) for one, text in zip(asked, said, strict=True)]
    path.write_text("\n".join(lines), encoding="utf-8")
    target = find_target(str(path), tmp_path)
    return Plan(target, Data("ds", "0", asked), tmp_path / "models", tmp_path / "kept", limit=0, rounds=200)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that were asked; all say the same."""
    named: list[str] = []

    def say(examples: Sequence[Example], writer: Any, *_: Any, **__: Any) -> list[Written]:
        named.append(writer.name)
        return [Written("I do not know, 99 days?", "stop", 5)] * len(examples)

    monkeypatch.setattr(evaluating, "replies", say)
    return named


def test_an_evaluation_stands_beside_precedent_and_the_untuned_base(tmp_path: Path, written: list[str]) -> None:
    asked = turns()
    plan = plan_of(tmp_path, [one.target for one in asked], asked)
    result = evaluate(plan, lambda _: FakeEmbedder(), lambda *_: None)
    assert written == ["smollm2-135m"]
    shown = result.figures["systems"]
    assert list(shown) == [plan.target.name, PRECEDENT, "smollm2-135m, untuned"]
    assert shown[plan.target.name]["figures"]["evidence_score"]["mean"] == pytest.approx(1)
    assert shown[PRECEDENT]["figures"]["refusal_recall"]["mean"] == 0
    worse = result.figures["differences"][f"{plan.target.name} minus smollm2-135m, untuned"]["evidence_score"]
    assert worse["low"] > 0
    assert "nothing to index" in result.figures["retrieval"]["skipped"]
    json.dumps(result.figures, allow_nan=False)


def test_the_report_escapes_names_asks_for_nothing_and_holds_no_customers_words(
    tmp_path: Path, written: list[str]
) -> None:
    asked = turns()
    plan = plan_of(tmp_path, ["SECRETWORD"] * len(asked), asked)
    page = html(evaluate(plan, lambda _: FakeEmbedder(), lambda *_: None).figures)
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<b>boots" not in page
    assert "&lt;b&gt;boots &amp; co" in page
    assert "SECRETWORD" not in page
    assert "Can boots go back" not in page
    assert re.findall(r"(?:src|href)=[\"'](?!data:)", page) == []
    assert "prefers-color-scheme: dark" in page
    assert "url(" not in page
    assert "default-src 'none'" in page
    assert "too few to tell" in page  # six conversations
    assert "<i>worse</i>" not in page
    assert written


def test_the_picture_is_the_same_each_time_and_none_without_figures(tmp_path: Path, written: list[str]) -> None:
    asked = turns()
    plan = plan_of(tmp_path, [one.target for one in asked], asked)
    figured = evaluate(plan, lambda _: FakeEmbedder(), lambda *_: None).figures
    drawn = picture(figured, "png")
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")
    assert picture(figured, "svg") == picture(figured, "svg")
    assert picture({"data": {}}) is None
    assert written


def test_a_point_at_nothing_is_drawn_whole_beside_a_name_without_its_digest() -> None:
    figure = draw(
        [Panel("Refused", 1, [("search, all-MiniLM-L6-v2@bf829dfac5f0", 0.0, None, None)])],
        {"search, all-MiniLM-L6-v2@bf829dfac5f0": "#000000"},
    )
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["search, all-MiniLM-L6-v2"]
    assert not axis.lines[0].get_clip_on()


def test_an_encoder_is_judged_by_search_alone(tmp_path: Path, written: list[str]) -> None:
    train = tuple(example(n, q, a, (TENTS,)) for n, (q, a) in enumerate([RETURNS, STOVES, TENTS] * 3))
    test = tuple(example(90 + n, q, a, (TENTS,)) for n, (q, a) in enumerate([RETURNS, STOVES]))
    target = Target("encoder", "tuned", tmp_path)
    plan = Plan(target, Data("ds", "0", test, train), tmp_path, tmp_path, rounds=200)
    figured = evaluate(plan, lambda folder: FakeEmbedder("b@2" if folder else "a@1"), lambda *_: None).figures
    assert written == []
    assert list(figured["retrieval"]["systems"]) == ["search, tuned", "search, a@1", "BM25, last message"]
    assert "systems" not in figured
    assert "Search" in html(figured | {"machine": "here"})


def test_a_plain_file_of_examples_can_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    write_examples(path, turns(3))
    found = read_data(tmp_path, str(path), Target("replies", "r", path), "test")
    assert (found.name, len(found.test), found.train) == ("mine", 3, ())


def by_topics(tmp_path: Path) -> Plan:
    """Ten German and four English turns of two topics, one of them rare, each asked for in a conversation of its own."""
    known = [RETURNS, STOVES, TENTS]
    train = tuple(example(n, *known[n % 3], (TENTS,), language=("de", "en")[n % 2]) for n in range(12))
    test = tuple(
        example(90 + n, *known[n % 3], (TENTS,), language="de" if n < 10 else "en", topic="boots" if n < 11 else "rope")
        for n in range(14)
    )
    return Plan(
        Target("encoder", "tuned", tmp_path), Data("ds", "0", test, train), tmp_path, tmp_path / "kept", rounds=100
    )


def test_search_is_told_by_language_and_topic_too(tmp_path: Path) -> None:
    figured = evaluate(by_topics(tmp_path), lambda _: FakeEmbedder(), lambda *_: None).figures
    found = figured["retrieval"]
    for name in found["systems"]:
        assert {part: one["R@1"]["n"] for part, one in found["languages"][name].items()} == {"de": 10, "en": 4}
        assert {part: one["R@1"]["n"] for part, one in found["topics"][name].items()} == {
            "boots": 11,
            "(rare topics)": 3,
        }
        whole = sum(one["nDCG@10"]["mean"] * one["nDCG@10"]["n"] for one in found["languages"][name].values())
        assert whole / 14 == pytest.approx(found["systems"][name]["nDCG@10"]["mean"], abs=1e-3)
    page = html(figured | {"machine": "here"})
    assert "Search by language" in page
    assert "Search by topic" in page
    assert "(rare topics)" in page


def test_search_asks_nothing_that_the_encoder_in_use_learnt_from(tmp_path: Path) -> None:
    plan = by_topics(tmp_path)
    known = frozenset(hashlib.sha256(one.conversation_id.encode()).hexdigest() for one in plan.data.test[:3])
    found = evaluate(replace(plan, search_learnt=known), lambda _: FakeEmbedder(), lambda *_: None).figures["retrieval"]
    assert (found["asked"], found["left_out"]) == (11, 3)
    every = frozenset(hashlib.sha256(one.conversation_id.encode()).hexdigest() for one in plan.data.test)
    none = evaluate(replace(plan, search_learnt=every), lambda _: FakeEmbedder(), lambda *_: None).figures["retrieval"]
    assert "the encoder in use learnt from all of these conversations" in none["skipped"]


# --- what a version learnt from, and room -------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """generator-0001 learnt from ds-0001 and, as it happens, from two conversations of the tests of ds-0002, the newest."""
    data = tmp_path / "data"
    gated.dataset(data, gated.turns(20, 1000), gated.turns(20))
    gated.dataset(data, gated.turns(20, 1010), gated.turns(20), name="ds-0002")
    gated.version(data, "tuned", learnt=[*(f"c{number}" for number in range(10)), "c505", "c506"])
    return data


def evaluated(data: Path, *words: object) -> Done:
    with gated.speaking():
        return typed("--data", data, "evaluate", *words, "--rounds", 100, "--json")


def test_a_version_is_asked_what_it_did_not_learn(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.learning.evaluation_targets.check_folder", lambda *_: None)  # its weights are none
    own = evaluated(place, "generator-0001", "--dataset", "ds-0002", "--no-search")
    assert own.code == 0, own.err
    shown = own.json["data"]
    assert (shown["turns"], shown["of"], shown["left_out"], shown["conversations"]) == (16, 16, 4, 8)
    assert own.json["notes"] == ["4 of 20 turns are left out: generator-0001 learnt from their conversations."]
    told = (place / "evaluations" / "generator-0001-on-ds-0002" / "report.html").read_text()
    assert own.json["notes"][0] in told
    folder = find_target(str(place / "models" / "generator-0001"), place)
    assert read_data(place, "ds-0002", folder, "test").left_out == 4
    trained = evaluated(place, "generator-0001", "--split", "train", "--no-search").json
    assert (trained["data"]["turns"], trained["data"]["left_out"]) == (20, 0)
    assert trained["notes"][0].startswith("20 of 20 turns are from conversations that generator-0001 learnt from")


def test_without_a_data_set_a_version_is_asked_its_own_or_the_newest_with_a_note(place: Path) -> None:
    own = evaluated(place, "generator-0001", "--no-search").json
    assert (own["data"]["name"], own["data"]["left_out"]) == ("ds-0001", 4)
    shutil.rmtree(place / "datasets" / "ds-0001")
    newest = evaluated(place, "generator-0001", "--no-search").json
    assert newest["data"]["name"] == "ds-0002"
    assert newest["notes"][0] == (
        "generator-0001 learnt from ds-0001, which is no data set here, so the newest, ds-0002, is asked; --dataset names another."
    )


def test_a_version_that_learnt_from_every_turn_is_refused(place: Path) -> None:
    gated.version(place, "all", learnt=[f"c{number}" for number in range(500, 520)])
    done = evaluated(place, "generator-0002")
    refused(done, "generator-0002 learnt from the conversations of all 20 turns of ds-0001", "--dataset")


def test_an_evaluation_without_room_is_refused_before_any_work(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gated.Engine, "submit", lambda *_: pytest.fail("somebody was asked"))
    full(monkeypatch, place / "evaluations")
    refused(
        evaluated(place, "generator-0001"),
        "The evaluation needs about",
        f"MB in {place}/evaluations, and 0 MB are free",
    )
    monkeypatch.undo()
    monkeypatch.setattr(gated.Engine, "submit", lambda *_: pytest.fail("somebody was asked"))
    full(monkeypatch, place.parent / "out")
    done = evaluated(place, "generator-0001", "--out", place.parent / "out" / "here")
    refused(done, "The report needs about", "name another folder with --out")


@pytest.mark.parametrize("words", [("evaluate", "ds-0001", "--no-search"), ("models", "compare", "generator-0001")])
def test_who_is_erased_while_models_are_asked_stands_in_no_reply(
    place: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    submit, asked = gated.Engine.submit, itertools.count(1)

    def erasing(*given: Any) -> Any:
        if next(asked) == 3:
            erased_meanwhile(place, ("own", "c500"))
        return submit(*given)

    monkeypatch.setattr(gated.Engine, "submit", erasing)
    with gated.speaking():
        done = typed("--data", place, *words, "--json")
    assert done.err == ""
    kept = [line for path in (place / "evaluations").rglob("*.jsonl") for line in path.read_text().splitlines()]
    assert {json.loads(line)["conversation_id"] for line in kept} >= {"c501", "c502"}
    assert "c500" not in {json.loads(line)["conversation_id"] for line in kept}


@pytest.mark.models
def test_the_command_writes_its_files_and_goes_on_with_kept_replies(converted_models: Path, tmp_path: Path) -> None:
    examples, said = tmp_path / "examples.jsonl", tmp_path / "said.jsonl"
    data = link_models(converted_models, tmp_path / "data")
    asked = turns(2)
    write_examples(examples, asked)
    said.write_text("".join(json.dumps({"id": one.id, "reply": one.target}) + "\n" for one in asked))
    arguments = ["evaluate", str(said), "--dataset", str(examples), "--max-tokens", "4", "--rounds", "100", "--json"]
    first = typed("--data", data, *arguments)
    assert first.code == 0, first.err
    figured = first.json
    names = {Path(one).name for one in figured["files"]}
    assert names == {"result.json", "picture.png", "picture.svg", "report.html", "turns.jsonl"}
    (kept,) = (data / "evaluations" / "replies").glob("*.jsonl")
    before = kept.read_bytes()
    again = typed("--data", data, *arguments)
    assert again.json["systems"] == figured["systems"]
    assert kept.read_bytes() == before
