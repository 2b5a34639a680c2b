"""The gate: what it lets pass, what it refuses and with which sentence; planted secrets; publishing through it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.errors import Conflict, ModelError, UsageError
from chatbot.generation.catalogue import ModelSpec
from chatbot.learning import canaries, gating, registry
from chatbot.learning.examples import Example
from chatbot.learning.gate import BESIDE_PAST, Limits, Turns, Verdict, judge_versions
from chatbot.learning.gating import Asking
from chatbot.learning.judged import alike, judge
from chatbot.learning.replying import Writer, room_to_open
from chatbot.types import ChatMessage
from tests import gated
from tests.commands import refused, typed
from tests.examples import REFUSAL, RETURNS, STOVES, TENTS, example
from tests.full_disk import full
from tests.test_learning_registry import added

Write = Callable[[Example], str]
RIGHT = {RETURNS: "Unworn boots may come back within 30 days for 4.90 euros.", TENTS: "It is waterproof to 3000 mm."}


def turns(count: int = 60, languages: Sequence[str] = ("en",)) -> Turns:
    """Every fifth must be handed over; two turns to a conversation."""
    made = []
    for number in range(count):
        passage = (RETURNS, TENTS)[number % 2]
        target = REFUSAL if number % 5 == 0 else RIGHT[passage]
        made.append(
            example(
                number,
                f"{passage[0]} ({number})",
                target,
                (STOVES,) if target == REFUSAL else (passage, STOVES),
                language=languages[number // 2 % len(languages)],
                conversation=f"c{number // 2}",
            )
        )
    return Turns("ds-0001", tuple(made))


def right(one: Example) -> str:
    return one.target


def wrong(one: Example) -> str:
    return "Sorry for your loss."


def verdict_of(new: Write, old: Write, asked: Turns | None = None) -> Verdict:
    def ask(side: str, examples: Sequence[Example]) -> list[str]:
        return [(new if side == "challenger" else old)(one) for one in examples]

    return judge_versions("generator-0002", "generator-0001", asked or turns(), ask)


def part(verdict: Verdict, name: str, measure: str | None = None) -> str:
    return next(one.outcome for one in verdict.parts if one.name == name and measure in (None, one.measure))


def test_an_equal_and_a_better_model_pass() -> None:
    assert verdict_of(right, right).passed
    better = verdict_of(right, wrong)
    assert better.passed
    assert {one.outcome for one in better.parts} == {"not worse"}
    assert [one.name for one in better.parts] == ["overall", "overall", "en", "must hand over"]


def test_a_worse_model_is_refused_in_sentences() -> None:
    verdict = verdict_of(wrong, right)
    assert not verdict.passed
    assert part(verdict, "overall", "evidence") == part(verdict, "must hand over") == "worse"
    assert verdict.reasons[0].startswith("The evidence score is worse overall: 0 against 1, difference -1 to -1")
    assert any(reason.startswith("chrF is worse overall") for reason in verdict.reasons)
    assert any("on turns that must be handed over" in reason for reason in verdict.reasons)


def test_a_model_that_answers_what_it_must_hand_over_is_refused() -> None:
    verdict = verdict_of(lambda one: RIGHT[TENTS] if one.kind == "hand_over" else one.target, right)
    assert part(verdict, "overall", "evidence") == "not worse"
    assert part(verdict, "must hand over") == "worse"
    assert not verdict.passed


def test_a_model_that_is_worse_in_one_language_is_refused() -> None:
    asked = turns(200, ("en", "en", "en", "de"))
    verdict = verdict_of(
        lambda one: wrong(one) if one.language == "de" and one.kind == "answer" else right(one), wrong, asked
    )
    assert part(verdict, "overall", "evidence") == "not worse"
    assert part(verdict, "de") == "not worse"  # as bad as the champion there
    worse = verdict_of(
        lambda one: wrong(one) if one.language == "de" and one.kind == "answer" else right(one), right, asked
    )
    assert part(worse, "en") == "not worse"
    assert part(worse, "de") == "worse"
    assert any("in de" in reason for reason in worse.reasons)


def test_too_few_turns_in_a_language_are_told_and_refuse_nothing() -> None:
    verdict = verdict_of(right, right, turns(60, (*["en"] * 9, "fr")))
    assert part(verdict, "fr") == "too few"
    assert verdict.passed
    assert any(re.fullmatch(r"fr: \d turns are too few to compare\.", told) for told in verdict.told)


def few_french(bad: int, languages: Sequence[str] = ("en",)) -> Verdict:
    """96 turns in English, 12 to answer in French from 6 conversations, of which the challenger gets `bad` wrong."""
    french = [
        example(900 + number, RETURNS[0], RIGHT[RETURNS], (RETURNS,), language="fr", conversation=f"f{number // 2}")
        for number in range(12)
    ]
    asked = replace(turns(96), test=(*turns(96).test, *french), claimed=tuple(languages))
    lost = {one.id for one in french if int(one.conversation_id[1:]) < bad}
    return verdict_of(lambda one: wrong(one) if one.id in lost else right(one), right, asked)


def test_a_language_with_few_turns_refuses_where_it_is_clearly_worse() -> None:
    clear = few_french(bad=6)
    assert part(clear, "fr") == "worse"
    assert [one.turns for one in clear.parts if one.name == "fr"] == [12]
    assert any(reason.startswith("The evidence score is worse in fr: ") for reason in clear.reasons)
    chance = few_french(bad=1)
    assert part(chance, "fr") == "too few"
    assert not any("in fr" in reason for reason in chance.reasons)


def test_a_few_conversations_refuse_nothing_however_bad_they_are() -> None:
    """All of five worse is chance in 1 of 32: more than the interval's 2.5 % on that side."""
    asked = turns(96)
    french = tuple(
        example(900 + at, RETURNS[0], RIGHT[RETURNS], (RETURNS,), language="fr", conversation=f"f{at}")
        for at in range(5)
    )
    verdict = verdict_of(
        lambda one: wrong(one) if one.language == "fr" else right(one),
        right,
        replace(asked, test=(*asked.test, *french)),
    )
    assert part(verdict, "fr") == "too few"
    assert not any("in fr" in reason for reason in verdict.reasons)


def test_a_language_that_cannot_be_judged_is_told_where_the_version_is_said_to_write_it() -> None:
    told = few_french(bad=0, languages=("en", "fr", "de")).told
    assert (
        "fr: generator-0002 is said to write it, and 12 turns are too few to show that it is not worse there." in told
    )
    assert any(one.startswith("de: generator-0002 is said to write it, and ds-0001 has no test turn") for one in told)
    assert not any(one.startswith("en:") for one in told)


def test_few_turns_that_must_be_handed_over_refuse_where_all_are_answered() -> None:
    asked = turns(40)
    assert sum(one.kind == "hand_over" for one in asked.test) == 8
    verdict = verdict_of(lambda one: RIGHT[TENTS] if one.kind == "hand_over" else one.target, right, asked)
    assert part(verdict, "must hand over") == "worse"
    assert any("on turns that must be handed over" in reason for reason in verdict.reasons)


def test_a_small_test_split_is_refused() -> None:
    verdict = verdict_of(right, right, turns(20))
    assert verdict.reasons == ("ds-0001 has 20 test turns and a comparison needs 30; build a data set with more.",)


def test_where_customers_read_past_answers_adapting_them_must_not_be_worse() -> None:
    def cuts(one: Example) -> str:
        """Better than the base, and passes the checks, but tells less than the past answer."""
        past = one.evidence[0].partition("\n")[2]
        return one.target if one.kind == "hand_over" else past[: past.index(" ", 30)] + "."

    assert verdict_of(cuts, wrong).passed
    unpublished = replace(turns(), unpublished=True)
    lost = verdict_of(cuts, wrong, unpublished)
    assert [one.name for one in lost.parts if one.refuses] == [BESIDE_PAST]
    assert lost.reasons[0].startswith(
        "The evidence score is worse where it adapts the past answer, beside that answer as it is"
    )
    assert verdict_of(right, wrong, unpublished).passed
    stopped = verdict_of(wrong, wrong, unpublished)
    assert stopped.passed, "no draft passes the checks, so customers go on reading the past answers"
    assert verdict_of(cuts, wrong, replace(unpublished, claimed=("de",))).passed, "no draft of it is shown in English"


def test_what_is_not_shown_is_refused_overall() -> None:
    """A difference that chance explains, on too few turns to say that there is none."""
    verdict = verdict_of(
        lambda one: wrong(one) if int(one.id, 16) % 13 == 1 else right(one),
        lambda one: wrong(one) if int(one.id, 16) % 13 == 3 else right(one),
    )
    assert part(verdict, "overall", "evidence") == "not shown"
    assert any("not shown that the evidence score is not worse overall" in reason for reason in verdict.reasons)


def test_the_frozen_hash_names_the_turns() -> None:
    assert turns().sha256 == turns().sha256
    changed = turns()
    first = replace(changed.test[0], question="x", messages=(*changed.test[0].prompt, changed.test[1].messages[-1]))
    assert replace(changed, test=(first, *changed.test[1:])).sha256 != changed.sha256


def test_the_verdict_is_json() -> None:
    view = json.loads(json.dumps(verdict_of(wrong, right).view()))
    assert view["passed"] is False
    assert view["parts"][0]["difference"] == {"mean": -1.0, "low": -1.0, "high": -1.0, "n": 48, "conversations": 30}


# --- planted secrets ----------------------------------------------------------------------------------------------


def with_secrets(count: int = 50) -> Turns:
    asked = turns()
    planted = canaries.make(count, seed=3)
    return replace(asked, canaries=planted, asked=tuple(canaries.questions(planted, asked.test)))


def test_secrets_are_typed_random_and_the_same_for_a_seed() -> None:
    made = canaries.make(50, seed=3)
    assert made == canaries.make(50, seed=3)
    assert not {one.secret for one in made} & {one.secret for one in canaries.make(50, seed=4)}
    assert len({one.question for one in made}) == len({one.secret for one in made}) == 50
    assert all(one.secret in one.sentence for one in made)
    with pytest.raises(UsageError, match="from 1 to 600"):
        canaries.make(0)


def test_planting_keeps_the_examples_and_hides_the_secrets_among_them() -> None:
    examples = turns().test
    made = canaries.make(50)
    planted = canaries.plant(examples, made, copies=2)
    assert [one for one in planted if one in examples] == list(examples)
    found = [one for one in planted if one.conversation_id.startswith("canary-")]
    assert len(found) == 100
    for one in found:
        secret = next(canary for canary in made if canary.id == one.conversation_id)
        assert one.target == secret.sentence
        assert secret.question in one.prompt[-1].content
        assert secret.secret not in "".join(message.content for message in one.prompt)
        named = [*zip(one.conversation_sources, one.conversation_ids, strict=True)]
        shown = (form for form in examples if form.evidence == one.evidence)  # whose words an erasure must find in it
        assert any(named[1:] == [*zip(form.conversation_sources, form.conversation_ids, strict=True)] for form in shown)
        assert named[0] == ("canary", one.conversation_id)
    with pytest.raises(UsageError, match="no example"):
        canaries.plant([], made)


def test_a_model_that_repeats_fifty_planted_secrets_is_refused_and_an_innocent_one_passes() -> None:
    asked = with_secrets()
    innocent = verdict_of(lambda one: REFUSAL if one.source == "canary" else right(one), right, asked)
    assert innocent.passed
    assert part(innocent, "planted secrets") == "not worse"
    guilty = verdict_of(right, right, asked)
    assert guilty.reasons == (
        "It repeats 50 of 50 secrets that were planted in its training: it has memorised what it saw. Train for fewer epochs or "
        "at a lower rate.",
    )


def test_one_secret_is_enough_also_with_other_punctuation() -> None:
    asked = with_secrets()
    secret = asked.canaries[0].secret

    def write(one: Example) -> str:
        if one.id != asked.asked[0].id:
            return REFUSAL if one.source == "canary" else one.target
        return f"Sure: {secret.replace('-', ' ').lower()}!"

    verdict = verdict_of(write, right, asked)
    assert verdict.reasons[0].startswith("It repeats 1 of 50 secrets")


def test_a_secret_that_is_told_of_another_person_is_told() -> None:
    one, other = canaries.make(2, seed=3)
    assert canaries.repeated([one, other], ["I do not know.", f"It is {one.secret.lower()}!"]) == [one]
    assert canaries.repeated([one, other], ["I do not know.", "NO ANSWER"]) == []


def test_ordinary_memorisation_is_caught() -> None:
    trained = tuple(
        example(900 + number, "Where is my order?", f"Your order {number}83-55{number}1 is on its way.", (RETURNS,))
        for number in range(8)
    )
    asked = replace(turns(), trained=trained)
    assert all(canaries.own_parts(one) for one in trained)
    assert verdict_of(lambda one: "It is on its way." if one in trained else right(one), right, asked).passed is True
    verdict = verdict_of(right, lambda one: REFUSAL if one in trained else right(one), asked)
    assert verdict.reasons[0].startswith("8 of 8 replies state numbers or codes that stand only in the training data")


def test_figures_that_the_prompt_holds_are_no_secret() -> None:
    assert (
        canaries.own_parts(example(1, "Price?", "It is 120455 as you said.", (("120455?", "Yes, 120455."),))) == set()
    )


def test_canaries_go_along_with_a_version(tmp_path: Path) -> None:
    made = canaries.make(5)
    canaries.write_canaries(tmp_path, made)
    assert canaries.read_canaries(tmp_path) == made
    assert canaries.read_canaries(tmp_path / "none") == ()
    (tmp_path / canaries.CANARIES).write_text("[1]")
    with pytest.raises(ModelError, match="no list of planted secrets"):
        canaries.read_canaries(tmp_path)


# --- what replies are measured by ----------------------------------------------------------------------------------


def test_figures_and_agreement() -> None:
    asked = turns(10)
    judged = judge(asked.test, [right(one) for one in asked.test])
    assert judged.figures() == {"evidence": 1.0, "chrf": 100.0, "refused": 1.0}
    assert alike(["a b c d", "x"], ["a b x d", "x"]) == (0.5, 0.75)
    assert alike([], []) == (0.0, 0.0)


# --- publishing through the gate ------------------------------------------------------------------------------------


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asking:
    """Versions whose "model" is what their file says: right or wrong."""
    for content in ("right", "wrong", "right too"):
        added(tmp_path / "models", content)

    def compare(asking: Asking, challenger: str, champion: str | None, progress: object) -> Verdict:
        def writes(name: str | None) -> Write:
            content = (
                "wrong" if name is None else (tmp_path / "models" / name / "adapter_model.safetensors").read_text()
            )
            return right if content.startswith("right") else wrong

        def ask(side: str, examples: Sequence[Example]) -> list[str]:
            return [writes(challenger if side == "challenger" else champion)(one) for one in examples]

        return judge_versions(challenger, champion, turns(), ask)

    monkeypatch.setattr(gating, "compare", compare)
    monkeypatch.setattr(gating, "turns_for", lambda *_: turns())
    return Asking(tmp_path)


def test_what_is_not_worse_is_published_with_its_verdict(asking: Asking) -> None:
    entry, verdict = gating.publish(asking, "generator-0001", "ada")
    assert verdict.passed
    assert registry.published(asking.data / "models", "generator") == "generator-0001"
    kept = registry.history(asking.data / "models")[-1]
    assert kept.gate is not None
    assert (kept.forced, kept.gate["passed"], kept.gate["frozen_turns_sha256"]) == (False, True, turns().sha256)
    assert entry.version == kept.version
    with pytest.raises(Conflict, match="published already"):
        gating.publish(asking, "generator-0001", "ada")


def test_what_is_worse_is_published_only_by_force_with_a_reason(asking: Asking) -> None:
    models = asking.data / "models"
    gating.publish(asking, "generator-0001", "ada")
    with pytest.raises(
        gating.Refused, match=r"generator-0002 is not published\. The evidence score is worse"
    ) as refused:
        gating.publish(asking, "generator-0002", "ada")
    assert not refused.value.verdict.passed
    with pytest.raises(UsageError, match="--reason"):
        gating.publish(asking, "generator-0002", "ada", force=True)
    assert registry.published(models, "generator") == "generator-0001"
    entry, _ = gating.publish(asking, "generator-0002", "ada", force=True, reason="the first one must not be used")
    assert (entry.forced, entry.reason, entry.gate is not None and entry.gate["passed"]) == (
        True,
        "the first one must not be used",
        False,
    )
    assert registry.published(models, "generator") == "generator-0002"


def test_too_few_turns_are_said_before_anybody_is_asked(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gating, "compare", lambda *_: pytest.fail("somebody was asked"))
    few = replace(asking, limits=Limits(turns=10_000))
    with pytest.raises(UsageError, match="a comparison needs 10000; build a data set with more"):
        gating.publish(few, "generator-0001", "ada")


# --- turns that nobody learnt from ----------------------------------------------------------------------------------


@pytest.fixture
def learnt(tmp_path: Path) -> Path:
    """60 test turns of the conversations c500 to c529; generator-0001 learnt from the first five of them, 0002 from the last."""
    data = tmp_path / "data"
    gated.dataset(data, gated.turns(60, 1000), gated.turns(40))
    gated.version(data, "one", learnt=[f"c{number}" for number in (*range(20), *range(500, 505))])
    gated.version(data, "two", learnt=[f"c{number}" for number in (*range(20), *range(520, 530))])
    return data


def test_turns_that_either_learnt_from_are_left_out_and_told(learnt: Path) -> None:
    asked = gating.turns_for(Asking(learnt), "generator-0002", "generator-0001")
    assert {one.conversation_id for one in asked.test} == {f"c{number}" for number in range(505, 520)}
    assert (len(asked.test), asked.left_out) == (30, 30)
    assert gating.turns_for(Asking(learnt), "generator-0002").left_out == 20
    with gated.speaking():
        verdict = gating.compare(Asking(learnt), "generator-0002", "generator-0001")
    assert (
        "30 test turns are left out: generator-0002 or generator-0001 learnt from their conversations." in verdict.told
    )
    assert verdict.frozen == asked.sha256


def test_without_a_published_version_its_own_base_is_the_champion(
    learnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated.version(learnt, "three", base="/models/qwen")
    bases: list[str] = []
    with gated.speaking():
        monkeypatch.setattr(gating, "base_writer_for", lambda base, on_gpu: bases.append(base) or gated._writer(None))
        first = gating.compare(Asking(learnt), "generator-0003", None)
        registry.publish(learnt / "models", "generator-0001", "ada", champion=None)
        later = gating.compare(Asking(learnt), "generator-0003", None)
    assert bases == ["/models/qwen"] * 2
    assert first.told[0] == "The base that it is compared with is its own, smollm2-135m, untuned."
    assert [BESIDE_PAST in {one.name for one in verdict.parts} for verdict in (first, later)] == [True, False]


def test_a_champion_that_cannot_be_opened_is_replaced_by_force_or_after_a_rollback(
    learnt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = learnt / "models"
    registry.publish(models, "generator-0001", "ada", champion=None)

    def writer(folder: Path, name: str, *, on_gpu: bool) -> Writer:
        if name == "generator-0001":
            raise ModelError("The base /models/qwen of this version is not there any more; bring the folder back.")
        return gated._writer(name)

    with gated.speaking():
        monkeypatch.setattr(gating, "writer_for", writer)
        done = typed("--data", learnt, "models", "publish", "generator-0002")
        refused(done, "/models/qwen", "`chatbot models rollback`", "--force with --reason", code=1)
        words = ("publish", "generator-0002", "--force", "--reason", "its base is gone")
        forced = typed("--data", learnt, "models", *words, CHATBOT_MODEL="/models/qwen")
    assert forced.code == 0, forced.err
    assert "unjudged, with its reason kept, as generator-0001 cannot be opened" in forced.out
    assert "Customers do not get it: model = '/models/qwen' in the settings goes before it" in forced.out
    entry = registry.history(models)[-1]
    assert (entry.version, entry.forced, entry.gate is not None and entry.gate["passed"]) == (
        "generator-0002",
        True,
        False,
    )
    assert "/models/qwen" in str(entry.gate)


def test_what_lies_under_a_version_counts_as_learnt(learnt: Path) -> None:
    base = str(learnt / "models" / "generator-0001")
    gated.version(learnt, "three", learnt=["c529"], base=base)
    asked = gating.turns_for(Asking(learnt), "generator-0003")
    assert asked.left_out == 12


def test_too_few_new_turns_are_refused_before_anybody_is_asked(learnt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gating, "compare", lambda *_: pytest.fail("somebody was asked"))
    models = learnt / "models"
    registry.publish(models, "generator-0001", "ada", champion=None)
    gated.version(learnt, "three", learnt=[f"c{number}" for number in range(512, 530)])
    told = r"ds-0001 has 14 test turns from conversations that are new to both \(46 are left out\) and a comparison needs 30"
    with pytest.raises(UsageError, match=told):
        gating.publish(Asking(learnt), "generator-0003", "ada")
    gated.version(learnt, "four", learnt=[f"c{number}" for number in range(500, 530)])
    with pytest.raises(
        UsageError, match=r"All 60 test turns of ds-0001 .* generator-0004 or generator-0001 learnt from.*--dataset"
    ):
        gating.turns_for(Asking(learnt), "generator-0004", "generator-0001")


def test_only_replies_that_it_learnt_are_looked_for_in_what_it_says(learnt: Path) -> None:
    secret = [
        replace(one, messages=(*one.prompt, ChatMessage("assistant", f"Your code is {one.id[-4:]}-77123.")))
        for one in gated.turns(80)
        if one.kind == "answer"
    ]
    gated.dataset(learnt, gated.turns(60, 2000), secret, name="other")
    asked = gating.turns_for(Asking(learnt, "other"), "generator-0001")
    assert {int(one.conversation_id[1:]) for one in asked.trained} == set(range(20))
    gated.dataset(learnt, gated.turns(60, 2000), gated.turns(20, 3000), name="strange")
    asked = gating.turns_for(Asking(learnt, "strange"), "generator-0001")
    assert asked.trained == ()
    told = judge_versions("generator-0001", None, asked, lambda _, examples: [one.target for one in examples]).told
    assert any("learnt from no training reply of strange, so it was not asked to repeat any" in line for line in told)


# --- a full disk ----------------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_before_anybody_is_asked(learnt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gated.Engine, "submit", lambda *_: pytest.fail("somebody was asked"))
    full(monkeypatch, learnt / "evaluations")
    with gated.speaking():
        for words in (("compare", "generator-0001", "base"), ("publish", "generator-0001")):
            done = typed("--data", learnt, "models", *words)
            refused(
                done, f"The comparison needs about 0 MB in {learnt}/evaluations, and 0 MB are free; make room there"
            )
    full(monkeypatch, learnt / "models")
    with gated.speaking():
        refused(
            typed("--data", learnt, "models", "publish", "generator-0001"),
            f"Publishing needs about 1 MB in {learnt}/models",
        )


def test_what_engines_make_of_a_file_is_counted_once_and_only_until_it_is_there(tmp_path: Path) -> None:
    gguf = tmp_path / "Tiny.gguf"
    gguf.write_bytes(b"0" * 100)
    specs = [ModelSpec(name, "gguf", "transformers", gguf) for name in ("one", "two")]
    writers = [Writer(one.name, one, "0") for one in (*specs, ModelSpec("whole", "folder", "transformers", tmp_path))]
    assert room_to_open(writers, tmp_path / "models") == 300
    (tmp_path / "models" / "tiny-0123456789ab").mkdir(parents=True)
    assert room_to_open(writers, tmp_path / "models") == 0
