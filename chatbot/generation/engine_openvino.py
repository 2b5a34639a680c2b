"""A .gguf model on OpenVINO GenAI's continuous batching, on a CPU. Must not import torch or transformers.

`ContinuousBatchingPipeline` makes the tokenizer, detokenizer and chat template from the GGUF's own metadata, so nothing
else is needed beside the file. https://openvinotoolkit.github.io/openvino.genai/
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatbot.errors import ModelError
from chatbot.generation.catalogue import ModelSpec
from chatbot.generation.engine import Emit, Job, Piece, Prompt, PromptTooLongError, Pulse, as_dicts, marker_pattern
from chatbot.generation.exact_gguf import exact_gguf, takes_amx
from chatbot.generation.gguf_header import read_header
from chatbot.generation.text_stream import TextStream

_PREFILL_TOKENS = 512  # prompt tokens a step: larger ones delay everybody's next token (measured .15 against .6 s)
_CACHE_GB = 1
_CONTEXT = 2048  # tokens, where a file names no limit of its own
# words of the prompt that followed the last three before are tried as the next six and kept as far as the model agrees: the same
# text in fewer steps, since replies repeat past answers (Saxena, prompt lookup decoding, 2023)
_GUESSES, _ALIKE = 6, 3
# AMX multiplies plain 16-bit weights and reads the cache as it is: attention takes 3.1 ms a step instead of 5.6 with 8 bits
_ON_AMX: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "bf16", "KV_CACHE_PRECISION": "bf16"}
# bf16, the default where the CPU has it, decodes weights of fewer bits 1.7 times slower
_ELSEWHERE: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
_SHOW_EVERY_S = 0.05  # as often as an eye follows; measured, it is no faster than a piece a token, only less to send


@dataclass(slots=True)
class _Running:
    """A reply being written; belongs to the engine's thread. No handle yet: the request is not in the pipeline.

    unread: ids not decoded yet; unsaid: tokens since the last piece, which left at said_at (monotonic seconds).
    """

    ids: Any
    config: Any
    emit: Emit
    text: TextStream
    handle: Any = None
    ended: bool = False
    unread: list[int] = field(default_factory=list)
    unsaid: int = 0
    said_at: float = 0.0


class OpenVinoEngine:
    """Lives as long as the server; any thread may call. One thread of its own steps the pipeline."""

    name = "openvino"

    def __init__(self, spec: ModelSpec, *, slots: int, models_folder: Path, threads: int | None = None) -> None:
        """models_folder: takes what is made once of the file, see `exact_gguf`."""
        import openvino_genai

        assert spec.path is not None
        self._genai = openvino_genai
        self._pipeline = _open_pipeline(spec, slots, threads, models_folder)
        self._tokenizer = self._pipeline.get_tokenizer()
        self._markers = marker_pattern(token.decode(errors="replace") for token in self._tokenizer.get_vocab())
        self._context = spec.context or read_header(spec.path).number("context_length") or _CONTEXT
        self._commands: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._running: list[_Running] = []
        self._next_id = 0
        self._closing = False
        self.pulse = Pulse()
        self._thread = threading.Thread(target=self._run, name="openvino-engine", daemon=True)
        self._thread.start()

    def submit(self, prompt: Prompt, emit: Emit) -> Job:
        """See Engine."""
        if self.pulse.failure is not None or self._closing:
            raise RuntimeError(self.pulse.failure or "The engine is closing.")
        text = self._tokenizer.apply_chat_template(as_dicts(prompt.messages, self._markers), add_generation_prompt=True)
        ids = self._tokenizer.encode(text, add_special_tokens=False).input_ids
        tokens = int(ids.shape[1])
        if tokens >= self._context:
            raise PromptTooLongError(tokens, self._context)
        config = self._config(prompt, min(prompt.max_tokens, self._context - tokens))
        running = _Running(ids, config, emit, TextStream(self._decode, prompt.stop))
        self._commands.put(lambda: self._begin(running))
        return Job(tokens, lambda: self._commands.put(lambda: self._cancel(running)))

    def close(self) -> None:
        """See Engine."""
        self._commands.put(self._stop)
        self._thread.join(timeout=10)

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids))

    def _config(self, prompt: Prompt, max_tokens: int) -> Any:
        config = self._pipeline.get_config()
        config.apply_chat_template = False
        config.max_new_tokens = max_tokens
        config.num_assistant_tokens, config.max_ngram_size = _GUESSES, _ALIKE
        config.do_sample = prompt.temperature > 0
        if config.do_sample:
            config.temperature = prompt.temperature
            config.top_p = prompt.top_p
        # unset, it is the same number for every request, and so is what they draw
        config.rng_seed = secrets.randbits(31) if prompt.seed is None else prompt.seed
        return config

    # --- the engine's thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closing:
                self._obey()
                if self._running:
                    self._step()
        except Exception as exc:  # noqa: BLE001 - native code raises anything; the supervisor restarts the process
            self.pulse.failure = f"The model engine failed ({type(exc).__name__})."
        finally:
            self.pulse.end()
            for running in list(self._running):
                self._end(running, Piece("", 0, *_last_words(self.pulse.failure)))

    def _obey(self) -> None:
        """Takes what other threads asked for; sleeps when there is nothing else to do."""
        if not self._running:
            self._commands.get()()
        while not self._commands.empty():
            self._commands.get()()

    def _step(self) -> None:
        self.pulse.begin()
        self._pipeline.step()
        self.pulse.end()
        for running in list(self._running):
            self._read(running)
        self.pulse.between_steps()  # step() keeps the GIL

    def _begin(self, running: _Running) -> None:
        if running.ended:
            return
        self._next_id += 1
        try:
            running.handle = self._pipeline.add_request(self._next_id, running.ids, running.config)
        except RuntimeError as exc:
            self._end(running, Piece("", 0, "error", f"The model refused the request ({type(exc).__name__})."))
            return
        self._running.append(running)

    def _cancel(self, running: _Running) -> None:
        if running.ended:
            return
        if running.handle is not None:
            running.handle.cancel()
        self._end(running, Piece("", 0, "cancelled"))

    def _read(self, running: _Running) -> None:
        reason = None
        while running.handle.can_read():
            for output in running.handle.read().values():
                running.unread.extend(output.generated_ids)
                reason = output.finish_reason
        status, now = running.handle.get_status(), time.monotonic()
        writes = status == self._genai.GenerationStatus.RUNNING
        if writes and now - running.said_at < _SHOW_EVERY_S:
            return
        text = running.text.push(running.unread)
        tokens = running.unsaid = running.unsaid + len(running.unread)
        running.unread = []
        if running.text.stopped:
            running.handle.cancel()
            self._end(running, Piece(text, tokens, "stop"))
        elif writes:
            self._say(running, text, now)
        elif status == self._genai.GenerationStatus.IGNORED:
            self._end(running, Piece(text, tokens, "error", "The prompt does not fit into the model server's memory."))
        else:
            length = reason == self._genai.GenerationFinishReason.LENGTH
            self._end(running, Piece(text + running.text.flush(), tokens, "length" if length else "stop"))

    def _say(self, running: _Running, text: str, now: float) -> None:
        if text:
            running.emit(Piece(text, running.unsaid))
            running.unsaid, running.said_at = 0, now

    def _end(self, running: _Running, last: Piece) -> None:
        running.ended = True
        if running in self._running:
            self._running.remove(running)
        running.emit(last)

    def _stop(self) -> None:
        self._closing = True


def _last_words(failure: str | None) -> tuple[Any, str | None]:
    return ("cancelled", None) if failure is None else ("error", failure)


def _open_pipeline(spec: ModelSpec, slots: int, threads: int | None, models_folder: Path) -> Any:
    import openvino_genai

    assert spec.path is not None
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    scheduler.dynamic_split_fuse = True
    scheduler.max_num_batched_tokens = max(_PREFILL_TOKENS, slots * (1 + _GUESSES))
    scheduler.max_num_seqs = slots
    scheduler.cache_size = _CACHE_GB
    properties: dict[str, Any] = {"prompt_lookup": True}
    if threads is not None:
        properties["INFERENCE_NUM_THREADS"] = threads
    try:
        amx = takes_amx(spec.path)
        path = exact_gguf(spec.path, models_folder, "f16" if amx else "q8_0", sha256=spec.sha256)
        properties |= _ON_AMX if amx else _ELSEWHERE
        return openvino_genai.ContinuousBatchingPipeline(str(path), scheduler, "CPU", properties)
    except (RuntimeError, LookupError) as exc:
        raise ModelError(
            f'OpenVINO cannot read the model file {spec.path}; use another GGUF, or set engine = "transformers".'
        ) from exc
