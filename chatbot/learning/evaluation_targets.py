"""What `chatbot evaluate PATH` evaluates: a version, a model's files, a data set, or replies in a file. Must not load a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from chatbot.errors import ModelError, UsageError
from chatbot.generation.folders import check_gguf, has_chat_template, refuse_unsafe_names
from chatbot.learning.datasets import FOLDER, Dataset, names, open_dataset
from chatbot.learning.examples import Example, read_examples
from chatbot.learning.learnt import Learnt, learnt_in, learnt_of, unseen
from chatbot.learning.model_check import check_folder
from chatbot.learning.registry import is_version, open_version

What = Literal["generator", "encoder", "heads", "dataset", "replies"]


@dataclass(frozen=True, slots=True)
class Target:
    """name: as it stands in tables; path: the version's, model's or data set's folder, or the file; base: what a version was tuned
    from, None where no card says it; version: it is one of the registry's; dataset: what its card says that it learnt from; learnt:
    the conversations that it learnt from, none where no card tells."""

    what: What
    name: str
    path: Path
    base: str | None = None
    version: bool = False
    dataset: str | None = None
    learnt: Learnt = frozenset()


@dataclass(frozen=True, slots=True)
class Data:
    """The examples of an evaluation. train: what retrieval may index, () where the examples come from a plain file. left_out:
    examples that are not asked, since what is evaluated learnt from their conversations; notes: what a reader must know."""

    name: str
    sha256: str
    test: tuple[Example, ...]
    train: tuple[Example, ...] = ()
    left_out: int = 0
    notes: tuple[str, ...] = ()


def find_target(given: str, data: Path) -> Target:
    """Raises UsageError for what is nothing that can be evaluated, ModelError for a version whose files were changed."""
    models = data / "models"
    if is_version(given) and (models / given).is_dir():
        version = open_version(models, given)
        card = version.card
        learnt = learnt_of(card)
        return Target(card.kind, given, version.folder, card.base, version=True, dataset=card.dataset, learnt=learnt)
    if (data / FOLDER / given).is_dir() and "/" not in given:
        return Target("dataset", given, data / FOLDER / given)
    path = Path(given).expanduser().absolute()
    if path.is_file() and path.suffix in (".gguf", ".jsonl"):
        if path.suffix == ".gguf":
            check_gguf(path)
            return Target("generator", path.stem, path, learnt=learnt_in(path))
        return Target("replies", path.stem, path)
    if path.is_dir() and (what := _folder(path)):
        _check_model(path, what)
        return Target(what, path.name, path, learnt=learnt_in(path))
    raise UsageError(
        f"{given!r} can not be evaluated: give a model version (`chatbot models list`), a .gguf file, a folder with a model, an "
        "adapter or an encoder, a data set (`chatbot dataset list`), or a .jsonl of replies with `id` and `reply`."
    )


def read_data(data: Path, dataset: str | None, target: Target, split: str) -> Data:
    """The examples that are asked. dataset: a name, or a .jsonl of examples; None takes the target's own or the newest.

    What the target learnt from is left out, unless `split` is "train", which asks for just that. Raises UsageError, NotFound.
    """
    if dataset is not None and dataset.endswith(".jsonl"):
        path = Path(dataset).expanduser().absolute()
        return _new_to(target, Data(path.stem, _sha256(path), tuple(read_examples(path))), split)
    found, notes = _dataset(data, dataset, target)
    asked = tuple(read_examples(found.folder / f"{split}.jsonl"))
    if not asked:
        raise UsageError(
            f"The data set {found.name} has no {split} examples; choose another with --dataset or --split."
        )
    return _new_to(target, Data(found.name, found.sha256, asked, tuple(read_examples(found.train)), 0, notes), split)


def _dataset(data: Path, asked: str | None, target: Target) -> tuple[Dataset, tuple[str, ...]]:
    """The data set that was asked for, is the target, or that the target learnt from; else the newest, with a note."""
    if target.what == "dataset":
        return open_dataset(target.path.parent.parent, target.path.name), ()
    if asked is not None or not target.version:
        return open_dataset(data, asked), ()
    if target.dataset in names(data):
        return open_dataset(data, target.dataset), ()
    newest = open_dataset(data)
    why = f"learnt from {target.dataset}, which is no data set here" if target.dataset else "names no data set"
    return newest, (f"{target.name} {why}, so the newest, {newest.name}, is asked; --dataset names another.",)


def _new_to(target: Target, found: Data, split: str) -> Data:
    """Raises UsageError where the target has learnt from every conversation."""
    new = unseen(found.test, target.learnt)
    known, every = len(found.test) - len(new), len(found.test)
    if not known:
        return found
    if split == "train":
        note = (
            f"{known} of {every} turns are from conversations that {target.name} learnt from, as --split train asks: they do not "
            "tell how it does with new ones."
        )
        return replace(found, notes=(*found.notes, note))
    if not new:
        raise UsageError(
            f"{target.name} learnt from the conversations of all {every} turns of {found.name}, so they cannot tell how good it "
            "is; name another data set with --dataset."
        )
    note = f"{known} of {every} turns are left out: {target.name} learnt from their conversations."
    return replace(found, test=new, left_out=known, notes=(*found.notes, note))


def read_replies(path: Path, examples: Sequence[Example]) -> list[str | None]:
    """The replies of a JSON Lines file with `id` (an example's) and `reply`, in the examples' order; None where there is none.

    Raises UsageError naming the line, or when no id is one of the examples'.
    """
    wanted = {example.id for example in examples}
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    own, reply = _reply(line, path, number)
                    found[own] = reply
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} cannot be read as text: {exc}.") from exc
    if not wanted & found.keys():
        raise UsageError(
            f"None of the {len(found)} replies in {path} answers one of the {len(examples)} examples; name the data set that they "
            "answer with --dataset, and use its examples' `id`."
        )
    return [found.get(example.id) for example in examples]


def sample(examples: Sequence[Example], limit: int) -> tuple[Example, ...]:
    """At most `limit` examples, spread evenly; hand-overs keep their share. 0 takes all."""
    if not limit or len(examples) <= limit:
        return tuple(examples)
    chosen = sorted({round(at * (len(examples) - 1) / max(1, limit - 1)) for at in range(limit)})
    return tuple(examples[at] for at in chosen)


def top_answer(example: Example) -> str:
    """The first passage's answer as it stands in the prompt: what `precedent` says alone. "" without a passage."""
    if not example.evidence:
        return ""
    first = example.evidence[0]
    shown = "\n".join(message.content for message in example.prompt)
    for at, character in enumerate(first):
        if character == "\n" and f"Question: {first[:at]}\nAnswer: {first[at + 1 :]}" in shown:
            return first[at + 1 :].strip()
    return first.partition("\n")[2].strip()


def _reply(line: str, path: Path, number: int) -> tuple[str, str]:
    try:
        record: Any = json.loads(line)
    except ValueError as exc:
        raise UsageError(f"{path}, line {number}: this is not JSON ({exc}).") from exc
    own, reply = (record.get("id"), record.get("reply")) if isinstance(record, dict) else (None, None)
    if not isinstance(own, str) or not isinstance(reply, str):
        raise UsageError(f'{path}, line {number}: a reply is {{"id": "<id of the example>", "reply": "<text>"}}.')
    return own, reply


def _folder(path: Path) -> What | None:
    if (path / "card.json").is_file() and (path / "test.jsonl").is_file():
        return "dataset"
    if (path / "heads.json").is_file():
        return "heads"
    if (path / "adapter_config.json").is_file() or any(path.glob("*.gguf")):
        return "generator"
    if not (path / "config.json").is_file():
        return None
    return "encoder" if (path / "modules.json").is_file() or (path / "1_Pooling").is_dir() else "generator"


def _check_model(path: Path, what: What) -> None:
    """What may not be loaded, or cannot be asked, is said before anything is."""
    if what not in ("generator", "encoder"):
        return
    try:
        refuse_unsafe_names(path)
    except ModelError as exc:
        raise UsageError(str(exc)) from exc
    whole = what == "generator" and (path / "config.json").is_file() and not (path / "adapter_config.json").is_file()
    if whole and not has_chat_template(path):
        raise UsageError(
            f"The model in {path} has no chat template, so it cannot tell who speaks; take its instruction-tuned version, or put "
            "its chat_template.jinja into the folder."
        )
    check_folder(path, what)


def _sha256(path: Path) -> str:
    from chatbot.learning.datasets import file_sha256

    try:
        return file_sha256(path)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}; give a .jsonl of examples.") from exc
