"""The gate on a deployment's own data: which turns are asked, of which versions, and what is published then. Must not print."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from chatbot.errors import Conflict, ModelError, NotFound, UsageError
from chatbot.learning import registry
from chatbot.learning.canaries import own_parts, questions, read_canaries
from chatbot.learning.cards import Kind
from chatbot.learning.datasets import Dataset, open_dataset
from chatbot.learning.examples import Example, read_examples
from chatbot.learning.gate import Limits, Turns, Verdict, judge_versions, too_small
from chatbot.learning.learnt import Learnt, is_learnt, learnt_by, unseen
from chatbot.learning.registry import Entry
from chatbot.learning.replying import BYTES_A_REPLY, Writer, replies, room_to_open
from chatbot.learning.writers import base_writer_for, writer_for
from chatbot.room import need_room

Progress = Callable[[str, int, int], None]
MOST_TURNS = 400  # of the test split; more narrow the interval little and cost the same each
_MOST_TRAINED = 50
_POINTER_BYTES = 1_000_000  # of published.json, whose history grows by a verdict at each publish
KEPT = "evaluations"  # folder of the data folder in which replies are kept; an erasure looks through it


@dataclass(frozen=True, slots=True)
class Asking:
    """What to compare on. dataset: None for the one that the challenger learnt from; most: turns of the test split."""

    data: Path
    dataset: str | None = None
    most: int = MOST_TURNS
    limits: Limits = field(default_factory=Limits)
    on_gpu: bool = False


class UnopenedError(ModelError):
    """What a version is to be compared with cannot be opened; the message says what is wrong with it."""


class Refused(Conflict):
    """The gate's verdict is no; it stands in `verdict`."""

    def __init__(self, message: str, verdict: Verdict) -> None:
        super().__init__(message)
        self.verdict = verdict


def compare(
    asking: Asking, challenger: str, champion: str | None, progress: Progress = lambda stage, done, total: None
) -> Verdict:
    """Champion (None: what the challenger was tuned from, untuned) against challenger on the same frozen turns. Publishes nothing.

    Replies are kept by version and turn, so a comparison that was cut short goes on, and a champion is asked once.
    Raises UnopenedError for a champion that cannot be asked; NotFound, UsageError, ModelError, GenerationError.
    """
    models = asking.data / "models"
    card = registry.open_version(models, challenger).card
    if card.kind != "generator":
        raise UsageError(f"{challenger} is of the kind {card.kind}, and replies are written by generators; name one.")
    turns = turns_for(asking, challenger, champion)
    writers = {"challenger": writer_for(models, challenger, on_gpu=asking.on_gpu)}
    with _of_the_champion():
        writers["champion"] = (
            base_writer_for(card.base, on_gpu=asking.on_gpu)
            if champion is None
            else writer_for(models, champion, on_gpu=asking.on_gpu)
        )
    _check_room(asking, turns, list(writers.values()))

    def ask(side: str, examples: Sequence[Example]) -> Sequence[str]:
        def told(done: int, total: int) -> None:
            progress(f"{side}: {writers[side].name}", done, total)

        with _of_the_champion() if side == "champion" else nullcontext():
            written = replies(examples, writers[side], models, kept=asking.data / KEPT / "replies", progress=told)
        return [one.text for one in written]

    verdict = judge_versions(challenger, champion, turns, ask, asking.limits)
    if champion is not None:
        return verdict
    base = f"The base that it is compared with is its own, {writers['champion'].name}, untuned."
    return replace(verdict, told=(base, *verdict.told))


def publish(
    asking: Asking,
    name: str,
    by: str,
    *,
    force: bool = False,
    reason: str | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> tuple[Entry, Verdict | None]:
    """Judges the version against what is published and publishes it if the gate lets it, or with `force` and a reason.

    With force also over a champion that cannot be opened: there is no verdict then, and the history keeps why. Raises Refused
    with the verdict, UsageError for force without a reason, UnopenedError, Conflict when another was published meanwhile.
    """
    models = asking.data / "models"
    if force and not (reason or "").strip():
        raise UsageError("Publishing against the gate's verdict needs a reason, which is kept: give --reason.")
    champion = registry.published(models, "generator")
    if champion == name:
        raise Conflict(f"{name} is published already.")
    try:
        if not force and (few := too_small(turns_for(asking, name, champion), asking.limits)):
            raise UsageError(f"{name} is not published: {few[0]}")
        need_room(models, _POINTER_BYTES, "Publishing")
        verdict = compare(asking, name, champion, progress)
    except UnopenedError as exc:
        if not force:
            raise UnopenedError(unjudged(name, "generator", champion, exc)) from exc
        gate = {"passed": False, "problem": str(exc)}
        entry = registry.publish(models, name, by, champion=champion, reason=reason, forced=True, gate=gate)
        return entry, None
    if not verdict.passed and not force:
        raise Refused(
            f"{name} is not published. {' '.join(verdict.reasons)} To publish it all the same, give --force with --reason.",
            verdict,
        )
    forced = not verdict.passed
    entry = registry.publish(
        models, name, by, champion=champion, reason=reason, forced=forced, gate=dict(verdict.view())
    )
    return entry, verdict


def unjudged(name: str, kind: Kind, champion: str | None, why: Exception) -> str:
    """The sentences that refuse a version whose champion cannot be opened: it must not stand in the way of its replacement."""
    by_force = "To publish it unjudged, give --force with --reason."
    if champion is None:
        return f"{name} is not published: the base that it is to be compared with cannot be opened. {why} {by_force}"
    back = "chatbot models rollback" + ("" if kind == "generator" else f" --kind {kind}")
    return (
        f"{name} is not published: {champion} is, and cannot be opened, so nothing can be compared with it. {why} Go back to what "
        f"was published before with `{back}`, then publish. {by_force}"
    )


def turns_for(asking: Asking, challenger: str, champion: str | None = None) -> Turns:
    """The turns that a comparison of these two asks, none of which either has learnt from: the same ones for the same data set.

    Raises NotFound, ModelError, and UsageError where none is left.
    """
    models = asking.data / "models"
    card = registry.read_card(models, challenger)
    dataset = open_dataset(asking.data, asking.dataset or card.dataset or None)
    own = learnt_by(models, challenger)
    with _of_the_champion():
        theirs = learnt_by(models, champion)
    test, left_out = frozen(dataset, asking.most, own | theirs)
    if not test and left_out:
        raise UsageError(
            f"All {left_out} test turns of {dataset.name} are from conversations that {challenger} or {champion or 'its base'} "
            "learnt from, so nothing can be compared; name another data set with --dataset, or build one with newer conversations."
        )
    if not test:
        raise UsageError(f"{dataset.name} has no test turns, so nothing can be compared; build a data set with more.")
    canaries = read_canaries(models / challenger)
    asked = tuple(questions(canaries, test)) if canaries else ()
    learnt = (one for one in read_examples(dataset.train) if own_parts(one) and (not own or is_learnt(one, own)))
    trained = tuple(itertools.islice(learnt, _MOST_TRAINED))
    company = dataset.card.settings.get("company", "")
    unpublished = champion is None and registry.published(models, "generator") is None
    foreign = bool(own) and not any(is_learnt(one, own) for one in read_examples(dataset.train))
    return Turns(
        dataset.name,
        tuple(test),
        canaries,
        asked,
        trained,
        left_out,
        card.languages,
        company,
        unpublished=unpublished,
        foreign=foreign,
    )


def frozen(dataset: Dataset, most: int = MOST_TURNS, learnt: Learnt = frozenset()) -> tuple[list[Example], int]:
    """At most so many test turns, and how many are left out since their conversations were learnt from.

    In the order of their conversations' hashed ids where they are cut: the choice depends on nothing else.
    """
    every = list(read_examples(dataset.test))
    examples = list(unseen(every, learnt))
    left_out = len(every) - len(examples)
    if len(examples) <= most:
        return examples, left_out
    by_hash = sorted(examples, key=lambda one: (_mixed(one.conversation_id), one.id))
    return by_hash[:most], left_out


def _check_room(asking: Asking, turns: Turns, writers: Sequence[Writer]) -> None:
    """Raises UsageError where replies, or what the engines make of model files, would not fit on the disk."""
    models = asking.data / "models"
    count = len(turns.test) + len(turns.asked) + len(turns.trained)
    need_room(asking.data / KEPT, len(writers) * count * BYTES_A_REPLY, "The comparison")
    need_room(models, room_to_open(writers, models), "Opening the models")


@contextmanager
def _of_the_champion() -> Iterator[None]:
    """Tells what is wrong with the champion from what is wrong with its challenger."""
    try:
        yield
    except (ModelError, NotFound) as exc:
        raise UnopenedError(str(exc)) from exc


def _mixed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
