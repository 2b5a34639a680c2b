"""Builds a data set from what the store holds: grade, part, find, make, write. Must not know SQL or commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from chatbot.errors import UsageError
from chatbot.language import detect
from chatbot.learning.augmenting import AUGMENTATIONS, with_noise, with_rare
from chatbot.learning.bounds import DATASET, SHARE, check_bounds
from chatbot.learning.data_card import Tally, card_of, readme
from chatbot.learning.dataset_files import building, publish, write_split
from chatbot.learning.datasets import SPLITS, Dataset, open_dataset
from chatbot.learning.examples import Example
from chatbot.learning.finding import find
from chatbot.learning.grading import Graded, Key
from chatbot.learning.making import Maker, Writing, with_hand_overs
from chatbot.learning.material import Harvest, Material, harvest, thin_out
from chatbot.learning.splitting import Parting, part
from chatbot.learning.superseding import superseded
from chatbot.privacy import Masker
from chatbot.protocols import Embedder

Progress = Callable[[str, int, int], None]
FEWEST_CONVERSATIONS = 20
FEWEST_EXAMPLES = 10
SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller may choose. without: share of examples whose passages do not answer; validation, test: shares of the
    conversations; most_alike: examples with the same reply; languages: empty for all."""

    passages: int = 3
    without: float = 0.2
    validation: float = 0.1
    test: float = 0.1
    seed: int = 1
    augment: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    most_alike: int = 40


@dataclass(frozen=True, slots=True)
class Tools:
    """What a build works with. expected: languages that the company serves."""

    embedder: Embedder
    masker: Masker
    writing: Writing
    expected: tuple[str, ...] = ()


def check(options: Options) -> None:
    """Raises UsageError for what contradicts itself."""
    if strange := [name for name in options.augment if name not in AUGMENTATIONS]:
        raise UsageError(
            f"--augment {strange[0]} does not work: take {' or '.join(AUGMENTATIONS)}, or both: noise,rare."
        )
    check_bounds({name: getattr(options, name) for name in DATASET}, DATASET)
    if options.validation + options.test > SHARE.most:
        raise UsageError(
            f"--validation {options.validation:g} and --test {options.test:g} leave too little to train on: together at "
            f"most {SHARE.most:g}."
        )


def build(
    material: Material, data: Path, name: str | None, options: Options, tools: Tools, progress: Progress
) -> Dataset:
    """Makes `<data>/datasets/<name>`, whole or not at all; the same material and options give the same bytes.

    Raises UsageError where the options contradict themselves, the name is taken or there is too little to learn from; Conflict,
    StorageError, ModelError.
    """
    check(options)
    with building(data, name) as (folder, named):
        found = harvest(material, tools.masker, _language, lambda done: progress("grade replies", done, 0))
        if options.languages:
            found.replies[:] = [one for one in found.replies if one.language in options.languages]
        gone = superseded(found.replies, material.passages)
        found.dropped[SUPERSEDED] += len(gone)
        found.replies[:] = [graded for number, graded in enumerate(found.replies) if number not in gone]
        thin_out(found, options.most_alike)
        _check_enough(found, options)
        parting = part(_begun(found.replies), options.validation, options.test, options.seed)
        parts, tally = _examples(material, found, parting, options, tools, progress)
        _check_examples(parts, tally, options)
        files: dict[str, str] = {}
        for number, split in enumerate(SPLITS):
            progress("write", number, len(SPLITS))
            files |= write_split(folder, split, parts[split])
        progress("write", len(SPLITS), len(SPLITS))
        card = card_of(parts, tally, parting, files)
        publish(folder, data, named, card, readme(card))
    return open_dataset(data, named)


def _language(text: str) -> str | None:
    return detect(text).language


def _examples(
    material: Material, found: Harvest, parting: Parting, options: Options, tools: Tools, progress: Progress
) -> tuple[dict[str, list[Example]], Tally]:
    masker = tools.masker
    writing = replace(tools.writing, passages=options.passages)
    maker = Maker(writing, masker)
    made = maker.make(find(found.replies, material.passages, parting.of, tools.embedder, progress))
    parts = with_hand_overs(made, parting.of, options.without, options.seed)
    if "rare" in options.augment:
        parts["train"] = with_rare(parts["train"], maker.rebuild, options.seed)
    if "noise" in options.augment:
        parts["train"] = with_noise(parts["train"], maker.rebuild, options.seed)
    tally = Tally(
        dropped=Counter(found.dropped + made.dropped),
        conversations=found.conversations,
        replies=found.seen,
        promoted=made.promoted,
        settings=_settings(options, tools),
        expected=tools.expected,
    )
    return parts, tally


def _settings(options: Options, tools: Tools) -> Mapping[str, object]:
    writing = tools.writing
    return {
        "passages": options.passages,
        "without": options.without,
        "validation": options.validation,
        "test": options.test,
        "seed": options.seed,
        "augment": sorted(options.augment),
        "languages": sorted(options.languages),
        "most_alike": options.most_alike,
        "company": writing.company,
        "prompt_tokens": writing.budget_tokens,
        "reply_tokens": writing.most_tokens,
        "encoder": tools.embedder.name,
    }


def _begun(replies: Sequence[Graded]) -> dict[Key, datetime | None]:
    """When the first reply of each conversation was given."""
    begun: dict[Key, datetime | None] = {}
    for one in replies:
        before = begun.get(one.conversation)
        begun[one.conversation] = min(one.at, before) if one.at and before else one.at or before
    return begun


def _check_enough(found: Harvest, options: Options) -> None:
    for language in options.languages:
        if not any(one.language == language for one in found.replies):
            raise UsageError(
                f"There is no reply to learn from in {language!r}; leave it out of --languages, or import more."
            )
    have = len({one.conversation for one in found.replies})
    if have < FEWEST_CONVERSATIONS:
        raise UsageError(
            f"Only {have} of {found.conversations} conversations hold a reply to learn from, and {FEWEST_CONVERSATIONS} are "
            "needed; import more of them, then build again."
        )


def _check_examples(parts: Mapping[str, Sequence[Example]], tally: Tally, options: Options) -> None:
    have = sum(map(len, parts.values()))
    if have < FEWEST_EXAMPLES:
        raise UsageError(
            f"Only {have} replies are supported by another, earlier conversation, and {FEWEST_EXAMPLES} are needed; import more "
            "conversations, then build again."
        )
    for split in SPLITS:
        if not parts[split] and (split == "train" or getattr(options, split)):
            raise UsageError(
                f"No example is left for {split}; import more conversations, or choose another --{split} share."
            )
