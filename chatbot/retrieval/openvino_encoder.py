"""The sentence encoder on a CPU through OpenVINO; must not know torch, settings or indexes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chatbot.errors import ModelError
from chatbot.retrieval.batching import Part, Tokens, Vectors, by_token, gather
from chatbot.retrieval.encoder_files import EncoderFiles
from chatbot.types import TokenVectors

_FEW = 16  # up to here one request with all cores beats one stream a core
_BATCH = 32


class OpenVinoEmbedder:
    """Two compiled forms of one graph: all cores on one request for a query, one stream a core for an index.

    Lives as long as the process; any thread may call. bf16 where the CPU has it: its cosine to f32 is .99998.
    """

    def __init__(self, files: EncoderFiles, model: Path) -> None:
        import openvino

        self._files = files
        self._tokens = Tokens(files)
        self._core = openvino.Core()
        try:
            self._graph = self._core.read_model(model)
            self._single = self._compile("LATENCY")
        except RuntimeError as exc:
            raise ModelError(f"OpenVINO cannot load the encoder {model}: {str(exc).splitlines()[0]}") from exc
        self._many: Any = None
        self._lock = threading.Lock()
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()

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
            parts = self._one_by_one(texts) if len(texts) <= _FEW else self._in_streams(texts)
            vectors = gather(len(texts), self.dim, parts)
        except RuntimeError as exc:
            raise ModelError(f"The encoder failed: {str(exc).splitlines()[0]}") from exc
        if not np.isfinite(vectors).all():
            raise ModelError("The encoder gave numbers that are no numbers; run `chatbot doctor`.")
        return vectors

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The vector of every token but the special ones; for the few texts of one query."""
        try:
            return by_token(texts, self._tokens.spans(texts), self._one_by_one(texts, output=1))
        except RuntimeError as exc:
            raise ModelError(f"The encoder failed: {str(exc).splitlines()[0]}") from exc

    def _precision(self) -> str:
        return "bf16" if "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"

    def _compile(self, hint: str) -> Any:
        return self._core.compile_model(
            self._graph, "CPU", {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": self._precision()}
        )

    def _one_by_one(self, texts: Sequence[str], output: int = 0) -> Iterator[Part]:
        for rows, ids, mask in self._tokens.batches(texts, _FEW):
            try:
                request = self._idle.get_nowait()
            except queue.Empty:
                request = self._single.create_infer_request()
            request.infer({"input_ids": ids, "attention_mask": mask})
            values = request.get_output_tensor(output).data.copy()
            self._idle.put(request)
            yield rows, values

    def _in_streams(self, texts: Sequence[str]) -> list[Part]:
        import openvino

        parts: list[Part] = []
        with self._lock:
            if self._many is None:
                self._many = self._compile("THROUGHPUT")
            requests = openvino.AsyncInferQueue(self._many)
            requests.set_callback(lambda done, rows: parts.append((rows, done.get_output_tensor(0).data.copy())))
            for rows, ids, mask in self._tokens.batches(texts, _BATCH):
                requests.start_async({"input_ids": ids, "attention_mask": mask}, userdata=rows)
            requests.wait_all()
        return parts
