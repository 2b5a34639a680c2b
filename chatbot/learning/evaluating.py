"""One evaluation from target to figures: whose replies, beside which baselines, over which turns. Must not know files or pages.

Beside what is evaluated stand, in the same run and over the same turns, `precedent` alone (the best passage's answer word for word)
and the base model untuned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError, UsageError
from chatbot.learning import evaluation_retrieval as retrieval
from chatbot.learning.bootstrap import LEVEL
from chatbot.learning.evaluation import MEANINGS, Replies, by_language, by_topic, differences, figures, judge
from chatbot.learning.evaluation_targets import Data, Target, read_replies, sample, top_answer
from chatbot.learning.examples import Example
from chatbot.learning.heads import Task, open_heads
from chatbot.learning.heads_labels import Labelled
from chatbot.learning.learnt import Learnt, unseen
from chatbot.learning.replying import BYTES_A_REPLY, MAX_TOKENS, Writer, replies, room_to_open, writer_of
from chatbot.learning.wording import signature
from chatbot.protocols import Embedder
from chatbot.room import need_room

PRECEDENT = "precedent alone"
_BYTES_A_TURN = 8_000  # in turns.jsonl beside the replies: question, the human's reply, names
_BYTES_A_PASSAGE = 12_000  # in the index that is searched; the demo company's takes 9,000
_REPORT_BYTES = 3_000_000  # page, pictures, figures
Progress = Callable[[str, int, int], None]
OpenEncoder = Callable[[Path | None], Embedder]
"""Opens the encoder in a folder, or the settings' own for None."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. models: folder of versions and conversions; kept: folder of replies written before. limit: turns at most, 0 for
    all; base: whether the untuned base writes, too; retrieve: whether search is measured; on_gpu: where all of them write;
    search_learnt: conversations that the encoder in use learnt from, which search is not asked for."""

    target: Target
    data: Data
    models: Path
    kept: Path
    limit: int = 200
    base: bool = True
    retrieve: bool = True
    rounds: int = 2000
    seed: int = 0
    max_tokens: int = MAX_TOKENS
    on_gpu: bool = False
    search_learnt: Learnt = frozenset()


@dataclass(slots=True)
class Result:
    """What came of it, all of it plain values for JSON. texts: the replies by system, in the order of `examples`."""

    figures: dict[str, Any] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    texts: dict[str, Sequence[str | None]] = field(default_factory=dict)


def check_room(plan: Plan, out: Path) -> None:
    """Raises UsageError where what an evaluation writes does not fit: replies and an index beside `plan.kept`, the report in `out`,
    and what engines make of model files."""
    writers = _asked_writers(plan)
    turns = min(plan.limit or len(plan.data.test), len(plan.data.test))
    written = turns * (len(writers) * BYTES_A_REPLY + _BYTES_A_TURN) + _REPORT_BYTES
    searches = plan.retrieve and plan.target.what != "heads"
    indexed = min(len(plan.data.train), retrieval.KNOWN) * _BYTES_A_PASSAGE if searches else 0
    need_room(plan.kept.parent, written + indexed, "The evaluation")
    need_room(out, written, "The report", "make room there, or name another folder with --out")
    need_room(plan.models, room_to_open(writers, plan.models), "Opening the models")


def evaluate(plan: Plan, open_encoder: OpenEncoder, progress: Progress) -> Result:
    """Raises UsageError, ModelError, GenerationError; what was written by then is kept."""
    result = Result(examples=sample(plan.data.test, plan.limit))
    result.figures = {
        "target": {"name": plan.target.name, "what": plan.target.what},
        "data": _about(plan, result.examples),
        "notes": list(plan.data.notes),
    }
    if plan.target.what == "heads":
        result.figures["heads"] = _heads(plan, open_encoder)
        return result
    if plan.target.what != "encoder":
        _wording(plan, result, progress)
    if plan.retrieve:
        result.figures["retrieval"] = _retrieval(plan, open_encoder, progress)
    return result


# --- replies -------------------------------------------------------------------------------------------------


def _wording(plan: Plan, result: Result, progress: Progress) -> None:
    notes: list[str] = result.figures["notes"]
    result.texts = dict(_texts(plan, result.examples, progress, notes))
    judged = {name: judge(result.examples, texts) for name, texts in result.texts.items()}
    systems: dict[str, Any] = {}
    for number, (name, one) in enumerate(judged.items(), 1):
        progress("figures", number, len(judged))
        systems[name] = _system(one, plan)
    first = next(iter(judged))
    result.figures["systems"] = systems
    result.figures["differences"] = {
        f"{first} minus {name}": {
            figure: found.view()
            for figure, found in differences(judged[first], other, rounds=plan.rounds, seed=plan.seed).items()
        }
        for name, other in judged.items()
        if name != first
    }
    result.figures["meanings"] = {name: asdict(meaning) for name, meaning in MEANINGS.items()}
    result.figures["wording_signature"] = signature()


def _texts(
    plan: Plan, examples: Sequence[Example], progress: Progress, notes: list[str]
) -> Mapping[str, Sequence[str | None]]:
    """Each system's replies; what is evaluated comes first."""
    found: dict[str, Sequence[str | None]] = {}
    base: Writer | None = None
    if plan.target.what == "replies":
        found[plan.target.name] = read_replies(plan.target.path, examples)
        missing = sum(text is None for text in found[plan.target.name])
        if missing:
            notes.append(
                f"{plan.target.name} holds no reply to {missing} of {len(examples)} turns; they count nowhere."
            )
    elif plan.target.what == "generator":
        writer, base = _writers(plan)
        found[plan.target.name] = _written(plan, writer, examples, progress)
    found[PRECEDENT] = [top_answer(example) for example in examples]
    if plan.base:
        base = base or _embedded(plan)
        if base.sha256 not in {writer.sha256 for writer in ([writer] if plan.target.what == "generator" else [])}:
            name = f"{base.name}, untuned"
            found[name] = _written(plan, base, examples, progress)
    return found


def _asked_writers(plan: Plan) -> list[Writer]:
    """All that may have to write."""
    if plan.target.what in ("encoder", "heads"):
        return []
    if plan.target.what == "generator":
        return list(_writers(plan))
    return [_embedded(plan)] if plan.base else []


def _writers(plan: Plan) -> tuple[Writer, Writer]:
    """The target's model, and the base that it is compared with."""
    from chatbot.learning.writers import base_writer_for, writer_for

    if plan.target.version:
        tuned = writer_for(plan.models, plan.target.name, on_gpu=plan.on_gpu)
        return tuned, base_writer_for(plan.target.base or "", on_gpu=plan.on_gpu)
    return writer_of(plan.target.path, plan.target.name, on_gpu=plan.on_gpu), _embedded(plan)


def _embedded(plan: Plan) -> Writer:
    from chatbot.learning.replying import base_writer

    return base_writer(on_gpu=plan.on_gpu)


def _written(plan: Plan, writer: Writer, examples: Sequence[Example], progress: Progress) -> list[str | None]:
    def told(done: int, total: int) -> None:
        progress(f"replies of {writer.name}", done, total)

    made = replies(examples, writer, plan.models, kept=plan.kept, max_tokens=plan.max_tokens, progress=told)
    return [one.text for one in made]


def _system(one: Replies, plan: Plan) -> dict[str, Any]:
    everything = figures(one, one.present, rounds=plan.rounds, seed=plan.seed)
    return {
        "replies": len(one.present),
        "figures": {name: figure.view() for name, figure in everything.items()},
        "languages": _parts(by_language(one, plan.rounds, plan.seed)),
        "topics": _parts(by_topic(one, plan.rounds, plan.seed)),
    }


def _parts(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {part: {name: figure.view() for name, figure in found.items()} for part, found in parts.items()}


# --- search, heads ---------------------------------------------------------------------------------------------


def _retrieval(plan: Plan, open_encoder: OpenEncoder, progress: Progress) -> dict[str, Any]:
    new = unseen(plan.data.test, plan.search_learnt)
    exam = retrieval.set_exam(plan.data.train, new)
    about = {
        "passages": len(exam.passages),
        "asked": len(exam.asked),
        "nothing_says_it": exam.beyond,
        "left_out": len(plan.data.test) - len(new),
    }
    if not new:
        return about | {
            "skipped": "Search was not measured: the encoder in use learnt from all of these conversations."
        }
    if not exam.asked:
        why = "no indexed answer says what the human said" if exam.passages else "the data set has nothing to index"
        return about | {"skipped": f"Search was not measured: {why}."}
    own = open_encoder(None)
    place = plan.kept.parent
    searches = [retrieval.take(exam, f"search, {own.name}", own, place, progress), retrieval.words_only(exam)]
    if plan.target.what == "encoder":
        tuned = open_encoder(plan.target.path)
        searches.insert(0, retrieval.take(exam, f"search, {plan.target.name}", tuned, place, progress))
    first = searches[0]
    return about | {
        "systems": {
            one.name: {
                name: found.view() for name, found in retrieval.intervals(exam, one, plan.rounds, plan.seed).items()
            }
            for one in searches
        },
        "languages": {one.name: _parts(retrieval.by_language(exam, one, plan.rounds, plan.seed)) for one in searches},
        "topics": {one.name: _parts(retrieval.by_topic(exam, one, plan.rounds, plan.seed)) for one in searches},
        "differences": {
            f"{first.name} minus {one.name}": {
                name: found.view() for name, found in retrieval.gains(exam, first, one, plan.rounds, plan.seed).items()
            }
            for one in searches[1:]
        },
    }


def _heads(plan: Plan, open_encoder: OpenEncoder) -> dict[str, Any]:
    """The topic head on the data set's topics; the mood has no labels there."""
    from chatbot.learning.heads_report import report

    heads = open_heads(plan.target.path)
    if "topic" not in heads.tasks:
        raise UsageError(f"{plan.target.name} has no topic head, and a data set holds no ratings to judge a mood by.")
    embedder = open_encoder(plan.target.path / "encoder" if heads.own else None)
    if embedder.name != heads.encoder:
        raise ModelError(
            f"{plan.target.name} reads vectors of {heads.encoder}, and the encoder is {embedder.name}; fit heads for it with "
            "`chatbot finetune --heads`."
        )
    head = heads.tasks["topic"]
    task: Task = "topic"
    rows = [
        Labelled(one.question, one.topic, one.conversation_id, one.language, one.at)  # type: ignore[arg-type]  # no date is asked for
        for one in plan.data.test
        if one.topic is not None
    ]
    if not rows:
        raise UsageError(f"The data set {plan.data.name} names no topics, so the topic head cannot be judged on it.")
    known = sum(row.label in head.labels for row in rows)
    shares = head.probabilities(embedder.encode([row.text for row in rows]))
    return {task: {"texts": len(rows), "of_known_topics": known, **report(head, shares, rows).view()}}


def _about(plan: Plan, examples: Sequence[Example]) -> dict[str, Any]:
    answers = sum(example.kind == "answer" for example in examples)
    return {
        "name": plan.data.name,
        "sha256": plan.data.sha256,
        "turns": len(examples),
        "of": len(plan.data.test),
        "left_out": plan.data.left_out,
        "conversations": len({example.conversation_id for example in examples}),
        "to_answer": answers,
        "to_hand_over": len(examples) - answers,
        "languages": sorted({example.language for example in examples}),
        "interval": LEVEL,
        "rounds": plan.rounds,
        "seed": plan.seed,
    }
