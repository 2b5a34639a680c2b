"""The sentence encoder on a CPU through OpenVINO; must not know torch, settings or indexes."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.errors import ModelError
from chatbot.retrieval.batching import Ids, Part, Tokens, Vectors, by_token, gather, of_tokens
from chatbot.retrieval.encoder_files import EncoderFiles
from chatbot.retrieval.recent import Recent
from chatbot.types import TokenVectors

_FEW = 16  # up to here one request beats one stream a core
_BATCH = 32
_AT_ONCE = "OPTIMAL_NUMBER_OF_INFER_REQUESTS"
_REMEMBERED = 64  # questions, of which the search wants one vector and the support the tokens'
_SHORT = 64  # tokens: what is longer is no question
_LITTLE = 128  # tokens in all: a second core gains no time on them and burns half as much again waiting (measured)
_ALONE = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}


class OpenVinoEmbedder:
    """Three compiled forms of one graph: one core for a question, all cores on one request for longer texts, one stream a core for
    an index and for queries that come while another is encoded.

    Lives as long as the process; any thread may call. A text's vector is the same to the last bit in either form and in any
    batch. bf16 where the CPU has it: its cosine to f32 is .99998.
    """

    def __init__(self, files: EncoderFiles, model: Path) -> None:
        import openvino

        self._files = files
        self._tokens = Tokens(files)
        self._core = openvino.Core()
        try:
            self._graph = self._core.read_model(model)
            self._single = _Form(self._compile("LATENCY"))
            self._little = _Form(self._compile("LATENCY", **_ALONE))
        except RuntimeError as exc:
            raise ModelError(f"OpenVINO cannot load the encoder {model}: {str(exc).splitlines()[0]}") from exc
        self._many: _Form | None = None
        self._lock = threading.Lock()
        self._building = threading.Lock()
        self._running = 0
        self._remembered: Recent[str, Vectors] = Recent(_REMEMBERED)

    @property
    def name(self) -> str:
        return self._files.name

    @property
    def dim(self) -> int:
        return self._files.dim

    @property
    def engine(self) -> str:
        return f"openvino {self._precision()}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Returns (len(texts), dim) float32, rows of length 1; texts beyond the encoder's length are cut."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        try:
            parts = self._remembering(texts) if len(texts) <= _FEW else self._in_streams(texts)
            vectors = gather(len(texts), self.dim, parts)
        except RuntimeError as exc:
            raise ModelError(f"The encoder failed: {str(exc).splitlines()[0]}") from exc
        if not np.isfinite(vectors).all():
            raise ModelError("The encoder gave numbers that are no numbers; run `chatbot doctor`.")
        return vectors

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The vector of every token but the special ones; for the few texts of one query."""
        spans = self._tokens.spans(texts)
        known = self._remembered.find(texts)
        rest = [row for row, text in enumerate(texts) if text not in known]
        try:
            parts = ((rows, hidden) for rows, _, hidden in self._few([texts[row] for row in rest]))
            made = dict(
                zip(rest, by_token([texts[row] for row in rest], [spans[row] for row in rest], parts), strict=True)
            )
        except RuntimeError as exc:
            raise ModelError(f"The encoder failed: {str(exc).splitlines()[0]}") from exc
        return [made[row] if row in made else of_tokens(spans[row], known[text]) for row, text in enumerate(texts)]

    def beside(self) -> OneThread:
        """The same encoder, the same vectors, on the calling thread alone and at its priority; 19 MB while it is held."""
        return OneThread(self._files, self._tokens, _Form(self._compile("LATENCY", **_ALONE)))

    def _precision(self) -> str:
        return "bf16" if "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"

    def _compile(self, hint: str, **more: int) -> Any:
        wanted = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": self._precision(), **more}
        return self._core.compile_model(self._graph, "CPU", wanted)

    def _streams(self) -> _Form:
        with self._building:
            if self._many is None:
                self._many = _Form(self._compile("THROUGHPUT"))
            return self._many

    def _remembering(self, texts: Sequence[str]) -> Iterator[Part]:
        """The pooled vectors; the tokens' own, which come with them, are kept for `encode_tokens`."""
        for rows, pooled, hidden in self._few(texts):
            if hidden.shape[1] <= _SHORT:
                self._remembered.keep((texts[row], hidden[line].copy()) for line, row in enumerate(rows))
            yield rows, pooled

    def _few(self, texts: Sequence[str]) -> Iterator[tuple[Any, Vectors, Vectors]]:
        """Rows, their pooled vectors and their tokens'."""
        for rows, ids, mask in self._tokens.batches(texts, _FEW):
            with self._lock:
                alone = not self._running
                self._running += 1
            try:
                own = self._little if ids.size <= _LITTLE else self._single
                pooled, hidden = (own if alone else self._streams()).infer(ids, mask)
            finally:
                with self._lock:
                    self._running -= 1
            yield rows, pooled, hidden

    def _in_streams(self, texts: Sequence[str]) -> Iterator[Part]:
        """Several batches at once, each taken when its request comes round again.

        No callback in Python: it would still want the interpreter's lock after the wait is over, and whoever drops the compiled
        graph holds that lock while it joins the callback's thread (seen with 2026.4: a command that never went on).
        """
        compiled = self._streams().compiled
        requests = [compiled.create_infer_request() for _ in range(compiled.get_property(_AT_ONCE))]
        running: deque[tuple[Any, Any]] = deque()
        for rows, ids, mask in self._tokens.batches(texts, _BATCH):
            request = requests.pop() if requests else None
            if request is None:
                done, before = running.popleft()
                yield _taken(done, before)
                request = done
            request.start_async({"input_ids": ids, "attention_mask": mask})
            running.append((request, rows))
        yield from (_taken(done, before) for done, before in running)


def _taken(request: Any, rows: Any) -> Part:
    request.wait()
    return rows, request.get_output_tensor(0).data.copy()


class OneThread:
    """An encoder whose work is done by the thread that calls. Meant for one thread, and for a few texts at a time."""

    def __init__(self, files: EncoderFiles, tokens: Tokens, form: _Form) -> None:
        self._files, self._tokens, self._form = files, tokens, form

    @property
    def name(self) -> str:
        return self._files.name

    @property
    def dim(self) -> int:
        return self._files.dim

    def encode(self, texts: Sequence[str]) -> Vectors:
        """As `OpenVinoEmbedder.encode`."""
        return gather(len(texts), self.dim, ((rows, pooled) for rows, pooled, _ in self._parts(texts)))

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """As `OpenVinoEmbedder.encode_tokens`."""
        return by_token(texts, self._tokens.spans(texts), ((rows, hidden) for rows, _, hidden in self._parts(texts)))

    def _parts(self, texts: Sequence[str]) -> Iterator[tuple[Any, Vectors, Vectors]]:
        for rows, ids, mask in self._tokens.batches(texts, _FEW):
            try:
                pooled, hidden = self._form.infer(ids, mask)
            except RuntimeError as exc:
                raise ModelError(f"The encoder failed: {str(exc).splitlines()[0]}") from exc
            yield rows, pooled, hidden


class _Form:
    """A compiled graph and its idle requests, which are made as they are needed. Any thread may call."""

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def infer(self, ids: Ids, mask: Ids) -> tuple[Vectors, Vectors]:
        """Pooled (batch, dim) and hidden (batch, tokens, dim)."""
        try:
            request = self._idle.get_nowait()
        except queue.Empty:
            request = self.compiled.create_infer_request()
        request.infer({"input_ids": ids, "attention_mask": mask})
        pooled, hidden = (request.get_output_tensor(output).data.copy() for output in (0, 1))
        self._idle.put(request)
        return pooled, hidden
