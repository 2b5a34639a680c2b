"""A model's replies to examples, written by the engines that serve customers and kept as they come. Must not know scores.

What was written is appended to a file line by line, under the model's own hash: a run that was killed goes on where it stopped,
and the same model is never asked twice. The lines name their conversations, so that an erasure reaches them (`chatbot.trained`).
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from chatbot.errors import GenerationError, StorageError, UsageError
from chatbot.generation.catalogue import (
    SMOLLM2,
    SMOLLM2_SHA256,
    EngineName,
    ModelSpec,
    embedded_path,
    forbid_downloads,
    sha256_of,
    verify,
)
from chatbot.generation.engine import Engine, Piece, Prompt, PromptTooLongError
from chatbot.learning.examples import Example
from chatbot.prompts import fingerprint

SLOTS = 8
MAX_TOKENS = 160
BYTES_A_REPLY = 4_000
"""Of a kept line, generously: 160 tokens in any script, and the conversations that it names."""
_MADE_OF_GGUF = 3  # 16 bits from 4 and their scales
_READING = 2  # how engines read model files; replies that another reading wrote are not taken for today's
Progress = Callable[[int, int], None]
Key = tuple[str, str]  # example, hash of its prompt


@dataclass(frozen=True, slots=True)
class Written:
    """One reply. finish: "stop", "length", or "too_long" where the prompt does not fit into the model; tokens: of the reply."""

    text: str
    finish: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Writer:
    """A model that writes replies: what its files are and a hash of all that decides them."""

    name: str
    spec: ModelSpec
    sha256: str


def base_writer(*, on_gpu: bool = False) -> Writer:
    """The embedded model, untuned. Raises ModelError where it is not installed."""
    engine: EngineName = "transformers" if on_gpu else "openvino"
    spec = ModelSpec(SMOLLM2, "gguf", engine, embedded_path(), SMOLLM2_SHA256, "Apache-2.0", context=8192)
    return Writer(SMOLLM2, verify(spec), SMOLLM2_SHA256)


def writer_of(path: Path, name: str | None = None, base: Path | None = None, *, on_gpu: bool = False) -> Writer:
    """The model in a .gguf file, a folder of safetensors, or an adapter's folder with the model `base` under it.

    base: a folder or .gguf; without one an adapter lies on the embedded model. Raises ModelError for what may not be loaded.
    """
    label = name or (path.stem if path.suffix == ".gguf" else path.name)
    if path.suffix == ".gguf":
        spec = verify(ModelSpec(label, "gguf", "transformers" if on_gpu else "openvino", path))
        return Writer(label, spec, sha256_of(path))
    if gguf := _only_gguf(path):
        return writer_of(gguf, label, on_gpu=on_gpu)
    if (path / "adapter_config.json").is_file():
        under = base_writer(on_gpu=on_gpu) if base is None else writer_of(base, on_gpu=on_gpu)
        spec = verify(replace(under.spec, name=label, engine="transformers", adapter=path))
        return Writer(label, spec, hashlib.sha256(f"{under.sha256} {_digest(path)}".encode()).hexdigest())
    spec = verify(ModelSpec(label, "folder", "transformers", path))
    return Writer(label, spec, _digest(path))


def replies(
    examples: Sequence[Example],
    writer: Writer,
    models: Path,
    *,
    kept: Path | None = None,
    max_tokens: int = MAX_TOKENS,
    progress: Progress | None = None,
) -> list[Written]:
    """Greedy replies to each example's prompt, in their order.

    models: folder in which a GGUF's conversion is kept. kept: folder of earlier replies, one file a model; what is there is
    read, what is missing is written. Raises ModelError, GenerationError when the engine fails (what was written stays).
    """
    served = f"{writer.spec.engine}{_READING}"
    path = None if kept is None else kept / f"{writer.name}-{writer.sha256[:16]}-{served}-{max_tokens}.jsonl"
    known = {} if path is None else _read(path)
    wanted = {_key(example) for example in examples}
    known = {key: written for key, written in known.items() if key in wanted}
    missing = [example for example in examples if _key(example) not in known]
    if missing:
        with closing(open_engine(writer.spec, models)) as engine:
            for example, written in _write(engine, missing, max_tokens):
                known[_key(example)] = written
                if path is not None:
                    _keep(path, example, written)
                if progress:
                    progress(len(known), len(examples))
    return [known[_key(example)] for example in examples]


def open_engine(spec: ModelSpec, models: Path) -> Engine:
    """The engine that serves such a model, in this process, for SLOTS replies at once. Raises ModelError."""
    forbid_downloads(False)
    if spec.engine == "openvino":
        from chatbot.generation.engine_openvino import OpenVinoEngine

        return OpenVinoEngine(spec, slots=SLOTS, models_folder=models)
    from chatbot.generation.engine_transformers import TransformersEngine

    return TransformersEngine(spec, models, slots=SLOTS)


def room_to_open(writers: Iterable[Writer], models: Path) -> int:
    """Bytes that opening them may write to the models folder: what engines make of a .gguf, at most, where it is not there yet."""
    files = {(one.spec.path, one.spec.engine) for one in writers if one.spec.kind == "gguf"}
    return sum(
        _MADE_OF_GGUF * path.stat().st_size for path, engine in files if path and not _is_made(path, engine, models)
    )


def _is_made(gguf: Path, engine: EngineName, models: Path) -> bool:
    form = "" if engine == "transformers" else "-*"
    return any(models.glob(f"{gguf.stem.lower()}-{'?' * 12}{form}"))


def _write(engine: Engine, examples: Iterable[Example], max_tokens: int) -> Iterator[tuple[Example, Written]]:
    """Keeps SLOTS prompts with the engine at a time and gives what is finished."""
    waiting, running = deque(examples), dict[int, _Reply]()
    done: queue.SimpleQueue[int] = queue.SimpleQueue()
    number = 0
    while waiting or running:
        while waiting and len(running) < SLOTS:
            reply = running[number] = _Reply(waiting.popleft(), number, done)
            try:
                engine.submit(Prompt(reply.example.prompt, max_tokens), reply.take)
            except PromptTooLongError:
                reply.refuse("too_long")
            number += 1
        finished = running.pop(done.get())
        yield finished.example, finished.written()


class _Reply:
    """One reply as its pieces come; they come from the engine's thread."""

    def __init__(self, example: Example, number: int, done: queue.SimpleQueue[int]) -> None:
        self.example, self._number, self._done = example, number, done
        self._pieces: list[Piece] = []
        self._refused = ""

    def take(self, piece: Piece) -> None:
        """Called by the engine."""
        self._pieces.append(piece)
        if piece.finish_reason is not None:
            self._done.put(self._number)

    def refuse(self, why: str) -> None:
        """The engine did not take the prompt."""
        self._refused = why
        self._done.put(self._number)

    def written(self) -> Written:
        """Raises GenerationError when the engine failed on it."""
        if self._refused:
            return Written("", self._refused, 0)
        last = self._pieces[-1]
        if last.finish_reason in ("error", "cancelled"):
            raise GenerationError(
                f"{last.error or 'The model engine stopped.'} Run it again: what was written is kept."
            )
        text = "".join(piece.text for piece in self._pieces).strip()
        return Written(text, str(last.finish_reason), sum(piece.tokens for piece in self._pieces))


# --- what was written before --------------------------------------------------------------------------------


def _key(example: Example) -> Key:
    return example.id, fingerprint(example.prompt)


def _read(path: Path) -> dict[Key, Written]:
    """Lines that a kill cut short are left out; their replies are written anew."""
    found: dict[Key, Written] = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return found
    except OSError as exc:
        raise UsageError(
            f"{path} cannot be read: {exc.strerror}; delete it, and the replies are written anew."
        ) from exc
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            record = json.loads(line)
            found[record["id"], record["prompt"]] = Written(record["reply"], record["finish"], int(record["tokens"]))
    return found


def _keep(path: Path, example: Example, written: Written) -> None:
    record = {
        "id": example.id,
        "prompt": fingerprint(example.prompt),
        "conversation_id": example.conversation_id,
        "source": example.source,
        "conversation_ids": list(example.conversation_ids),
        "conversation_sources": list(example.conversation_sources),
        "reply": written.text,
        "finish": written.finish,
        "tokens": written.tokens,
    }
    line = json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            if file.tell() and not _ends_line(path):
                file.write(b"\n")  # a kill cut the line before this one
            file.write(line + b"\n")
    except OSError as exc:
        raise StorageError(f"{path} cannot be written: {exc.strerror}; what was written before is kept.") from exc


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _only_gguf(folder: Path) -> Path | None:
    """The .gguf of a version's folder, where it has one."""
    found = sorted(folder.glob("*.gguf")) if folder.is_dir() else []
    if len(found) > 1:
        raise UsageError(f"{folder} holds several .gguf files; name one of them, such as {found[0]}.")
    return found[0] if found else None


def _digest(folder: Path) -> str:
    """Of all that decides what a folder's model writes: weights, configuration, tokenizer."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*")):
        if path.suffix in (".safetensors", ".json", ".jinja", ".model", ".txt") and path.name != "card.json":
            digest.update(f"{path.name} {sha256_of(path)}".encode())
    return digest.hexdigest()
