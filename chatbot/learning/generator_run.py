"""A generator run from what was asked for to a version in the registry: everything is checked before any work. Must not know pages.

The heavy libraries are imported once the checks that need none of them have passed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from chatbot.errors import StorageError, UsageError
from chatbot.generation.catalogue import ModelSpec
from chatbot.learning import registry, runs
from chatbot.learning.bounds import CANARIES, check_bounds
from chatbot.learning.canaries import make, plant, write_canaries
from chatbot.learning.cards import Card
from chatbot.learning.checkpoints import check_resumable
from chatbot.learning.datasets import Dataset, open_dataset
from chatbot.learning.examples import Example, read_examples
from chatbot.learning.generator_base import (
    check_gguf_head,
    check_licence,
    find_base,
    needed_bytes,
    open_base,
    open_tokenizer,
)
from chatbot.learning.generator_data import Chosen, Encoder, choose, encode_all, weighted
from chatbot.learning.generator_options import TuningOptions, check, differences, from_json, to_json
from chatbot.room import need_room
from chatbot.settings import Settings

KIND = "generator"
Place = tuple[str, str]  # source and id of a conversation
Sealing = Callable[[Collection[Place]], AbstractContextManager[None]]
LEAST_EXAMPLES, LEAST_CONVERSATIONS, LEAST_VALIDATION = 50, 10, 5
_UNPLANTED = "No secrets were planted (--canaries 0), so nothing shows whether it repeats what it saw once."
# where nothing is said of them: enough to see memorising, too few to be learnt from
_SECRETS, _EXAMPLES_A_SECRET = 20, 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. base: None for the settings' model; dataset: None for the newest; accepted: a licence accepted by name;
    canaries: secrets planted to see at the gate whether the model repeats them, None for 20 and no more than one in twenty
    examples; run: its name, None for the next number."""

    options: TuningOptions
    base: str | None = None
    dataset: str | None = None
    accepted: str | None = None
    canaries: int | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that may start: all that needs no weights has been checked. train: with the secrets planted among it; begun: what
    its run.json holds."""

    wish: Wish
    spec: ModelSpec
    licence: str
    dataset: Dataset
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    canaries: tuple[Any, ...]
    begun: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ready:
    """What `tune` needs: a `generator_training.Task`."""

    task: Any


def plan(settings: Settings, wish: Wish) -> Plan:
    """Raises UsageError or NotFound, in one sentence, for whatever cannot work; changes nothing."""
    runs.check_new(settings.data, wish.run)
    return _planned(settings, wish)


def _planned(settings: Settings, wish: Wish) -> Plan:
    check(wish.options)
    check_bounds({"canaries": wish.canaries}, CANARIES)
    spec, licence = find_base(settings, wish.base)
    check_licence(spec.name, licence, wish.accepted)
    if spec.kind == "gguf" and spec.path is not None:
        check_gguf_head(spec.path)
    dataset = open_dataset(settings.data, wish.dataset)
    languages = _languages(settings, spec, dataset, wish.options.languages)
    options = wish.options
    train = choose(read_examples(dataset.train), languages, options.max_examples, options.seed)
    validation = choose(read_examples(dataset.validation), languages, options.sample, options.seed)
    _check_size(dataset, languages, train, validation)
    train, canaries = _planted(train, wish)
    needed = needed_bytes(options, spec, settings.models_folder)
    need_room(settings.data / runs.FOLDER, needed, "The run", "make room there, or lower --rank")
    begun = {
        "options": to_json(options),
        "languages": sorted(languages),
        "base": spec.name,
        "base_asked": wish.base,
        "base_sha256": spec.sha256,
        "licence": licence,
        "accepted_licence": wish.accepted,
        "dataset": dataset.name,
        "dataset_sha256": dataset.sha256,
        "canaries": len(canaries),
    }
    return Plan(wish, spec, licence, dataset, tuple(train), tuple(validation), canaries, begun)


def plan_again(settings: Settings, run: runs.Run, wanted: Callable[[TuningOptions], TuningOptions]) -> Plan:
    """The plan of a run that is to go on. wanted: its options with those given now. Raises UsageError when options, base or data
    are not what the run began with."""
    check_resumable(run.checkpoints)
    begun = run.begun
    options = from_json(begun["options"])
    now = wanted(options)
    if changed := differences(options, now):
        name = changed[0]
        raise UsageError(
            f"The run {run.name} was begun with {_told(name, options)}, not {getattr(now, name)}; leave "
            f"--{name.replace('_', '-')} out to go on, or start a new run."
        )
    wish = Wish(now, begun["base_asked"], begun["dataset"], begun["accepted_licence"], begun["canaries"], run.name)
    again = _planned(settings, wish)
    for key, what in (("base_sha256", "base model"), ("dataset_sha256", "data set")):
        if again.begun[key] != begun[key]:
            raise UsageError(
                f"The {what} is not the one that the run {run.name} was begun with (an erasure may have changed it); start a "
                "new run."
            )
    return again


def prepare(settings: Settings, made: Plan) -> Ready:
    """The base as safetensors and the examples as tokens. Raises UsageError for a device that is not there, a base without a
    chat template, and examples that do not fit; a run's folder is to be made only after this."""
    from chatbot.generation.catalogue import forbid_downloads
    from chatbot.generation.quiet import quiet

    forbid_downloads(settings.allow_download)
    from chatbot.learning.generator_adapters import device_of
    from chatbot.learning.generator_training import Task

    quiet()
    options = made.wish.options
    device_of(options)
    base = open_base(made.spec, made.licence, settings.models_folder)
    encoder = Encoder(open_tokenizer(base.folder))
    train = encode_all(encoder, weighted(made.train, options.hand_over_weight), options.max_length)
    sample = encode_all(encoder, made.validation, options.max_length)
    _check_lengths(train, sample, options.max_length)
    return Ready(Task(base, train, sample, options))


def carry_out(  # noqa: PLR0913, PLR0917 - all that a run needs of its caller
    settings: Settings,
    made: Plan,
    ready: Ready,
    run: runs.Run,
    show: Callable[[Any], None],
    machine: str,
    sealing: Sealing,
) -> Card | None:
    """Trains and adds the version; None in all but the first of several processes. show: takes `generator_progress.Progress`;
    sealing: wraps the adding, and raises where what was learnt from has gone meanwhile.

    Raises UsageError, ModelError, StorageError, Conflict while another process works on the run."""
    with runs.owned(run.folder):
        runs.check_open(run)
        finished = _trained(made, ready.task, run, show)
        if finished is None:
            return None
        tuned, fields = finished
        with sealing(_learnt(ready.task.train.examples)):
            card = registry.add(settings.models_folder, "generator", tuned.folder, fields | {"machine": machine})
        runs.end(run, {"version": card.name, "scores": dict(card.scores), "seconds": round(tuned.seconds, 1)})
        return card


def _trained(made: Plan, task: Any, run: runs.Run, show: Callable[[Any], None]) -> tuple[Any, dict[str, Any]] | None:
    """The `generator_trainer.Tuned` and what its card says; None in all but the first of several processes."""
    from chatbot.learning.generator_progress import Diary
    from chatbot.learning.generator_tuning import tune

    first = runs.main_process()
    diary = Diary(run.progress if first else None, show if first else _deaf)
    if left_out := task.train.too_long + task.sample.too_long:
        diary.note(f"{left_out} examples are longer than {task.options.max_length} tokens and were left out.")
    try:
        tuned = tune(task, run, diary)
    except OSError as exc:
        raise StorageError(
            f"{exc.filename or run.folder} cannot be written: {exc.strerror or exc}; make room, and go on with "
            f"`chatbot finetune --resume {run.name}`."
        ) from exc
    if not first:
        return None
    if made.canaries:
        write_canaries(tuned.folder, made.canaries)
    return tuned, _card_fields(made, task, tuned)


def _told(name: str, options: TuningOptions) -> str:
    value = getattr(options, name)
    return f"the default {name}" if value is None else f"{name} = {value}"


def _languages(settings: Settings, spec: ModelSpec, dataset: Dataset, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Languages to learn from: those asked for, else those that the base knows; never silently one of several served."""
    held = set(dataset.card.languages)
    if missing := sorted(set(asked) - held):
        raise UsageError(
            f"The data set {dataset.name} holds no {missing[0]} ({', '.join(sorted(held))}); change --languages."
        )
    if asked:
        return asked
    chosen = tuple(language for language in spec.languages or sorted(held) if language in held)
    if not chosen:
        raise UsageError(
            f"The base {spec.name} is good for {', '.join(spec.languages)}, and the data set {dataset.name} holds "
            f"{', '.join(sorted(held))} only; take another base, or say --languages to tune it all the same."
        )
    served = [one for one in settings.languages if not spec.languages or one in spec.languages]
    if len(chosen) == 1 and set(served) - set(chosen) and not dataset.card.settings.get("languages"):
        known = " that the base knows" if len(held) > 1 else ""
        raise UsageError(
            f"The data set {dataset.name} holds one language only{known}, {chosen[0]}, and customers are answered in "
            f"{', '.join(served)}; add transcripts in the others, or say --languages {chosen[0]} to tune for it alone."
        )
    return chosen


def _check_size(dataset: Dataset, languages: Iterable[str], train: list[Example], validation: list[Example]) -> None:
    own = {(one.source, one.conversation_id) for one in train}
    within = f"The data set {dataset.name} ({', '.join(languages)})"
    if len(train) < LEAST_EXAMPLES or len(own) < LEAST_CONVERSATIONS:
        raise UsageError(
            f"{within} has {len(train)} training examples from {len(own)} conversations, and tuning needs {LEAST_EXAMPLES} from "
            f"{LEAST_CONVERSATIONS}; import more transcripts and run `chatbot dataset build`."
        )
    if len(validation) < LEAST_VALIDATION:
        raise UsageError(
            f"{within} has {len(validation)} validation examples, and early stopping needs {LEAST_VALIDATION}; import more "
            "transcripts and run `chatbot dataset build`."
        )


def _check_lengths(train: Chosen, sample: Chosen, most: int) -> None:
    if len(train.tokens) < LEAST_EXAMPLES or len(sample.tokens) < LEAST_VALIDATION:
        raise UsageError(
            f"Only {len(train.tokens)} training and {len(sample.tokens)} validation examples fit into --max-length {most}; "
            "raise it, or build a data set with fewer passages."
        )


def _planted(train: list[Example], wish: Wish) -> tuple[list[Example], tuple[Any, ...]]:
    count = min(_SECRETS, len(train) // _EXAMPLES_A_SECRET) if wish.canaries is None else wish.canaries
    if not count:
        return train, ()
    canaries = make(count, wish.options.seed)
    return plant(train, canaries, seed=wish.options.seed), canaries


def _card_fields(made: Plan, task: Any, tuned: Any) -> dict[str, Any]:
    options, base, train = task.options, task.base, task.train
    told = to_json(replace(options, languages=())) | {
        "learning_rate": options.rate(base.parameters),
        "rank": None if options.method == "full" else options.adapter_rank,
        "alpha": None if options.method == "full" else options.adapter_alpha,
        "dropout": None if options.method == "full" else options.adapter_dropout,
        "batch": tuned.batch,
        "accumulation": options.effective // tuned.batch,
        "trained_parameters": tuned.trained_parameters,
        "examples": len(train.tokens),
        "steps": tuned.steps,
        "best_step": tuned.best_step,
        "tokens_s": tuned.tokens_s,
        "canaries": len(made.canaries),
        "dataset_settings": dict(made.dataset.card.settings),
    }
    ids = {own for _, own in _learnt(train.examples)}
    return {
        "base": base.name,
        "base_sha256": base.sha256,
        "licence": base.licence,
        "languages": tuple(made.begun["languages"]),
        "dataset": made.dataset.name,
        "data_sha256": made.dataset.sha256,
        "method": ("qlora " if options.four_bit else "") + options.method,
        "format": "safetensors" if options.method == "full" else "adapter",
        "hyperparameters": told,
        "curves": tuned.curves,
        "scores": {"validation_untuned": dict(tuned.before), "validation_tuned": dict(tuned.after)},
        "conversations_sha256": tuple(sorted(hashlib.sha256(one.encode()).hexdigest() for one in ids)),
        "seconds": round(tuned.seconds, 1),
        "peak_memory_mb": round(tuned.peak_memory_mb, 1),
        "notes": " ".join([*tuned.notes, *([] if made.canaries else [_UNPLANTED]), _verdict(tuned)]),
        "prompt": "generate",
    }


def _learnt(examples: Iterable[Example]) -> set[Place]:
    """Every conversation that any of their texts is from."""
    return {
        place
        for one in examples
        for place in (
            (one.source, one.conversation_id),
            *zip(one.conversation_sources, one.conversation_ids, strict=True),
        )
    }


def _verdict(tuned: Any) -> str:
    before, after = tuned.before["evidence"], tuned.after["evidence"]
    told = "better than" if after > before else "no better than"
    return f"On the validation sample it is {told} the untuned base (evidence score {after:.3f}, untuned {before:.3f})."


def _deaf(_: Any) -> None:
    """Processes but the first tell nobody."""
