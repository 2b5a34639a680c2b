"""The sentence encoder on a GPU through torch; must not know settings or indexes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chatbot.errors import ModelError
from chatbot.generation.quiet import quiet
from chatbot.retrieval.batching import Part, Tokens, Vectors, by_token, gather
from chatbot.retrieval.encoder_files import EncoderFiles
from chatbot.types import TokenVectors

_BATCH = 256


class TorchEmbedder:
    """The encoder on one torch device, half precision on a GPU. Lives as long as the process; any thread may call."""

    def __init__(self, files: EncoderFiles, device: str) -> None:
        import torch
        from transformers import AutoModel

        quiet()
        self._files = files
        self._tokens = Tokens(files)
        self._device = torch.device(device)
        self._half = torch.bfloat16 if self._device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
        try:
            model = AutoModel.from_pretrained(
                files.folder, use_safetensors=True, trust_remote_code=False, local_files_only=True, dtype=torch.float32
            )
            self._model = model.eval().to(self._device)
        except (OSError, RuntimeError, ValueError) as exc:
            raise ModelError(f"The encoder {files.folder} cannot be loaded on {device}: {exc}") from exc
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return self._files.name

    @property
    def dim(self) -> int:
        return self._files.dim

    @property
    def engine(self) -> str:
        return f"torch {self._device.type} {str(self._half).removeprefix('torch.')}"

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Returns (len(texts), dim) float32, rows of length 1; texts beyond the encoder's length are cut."""
        try:
            with self._lock:
                vectors = gather(len(texts), self.dim, self._pooled(texts))
        except RuntimeError as exc:
            raise ModelError(f"The encoder failed on {self._device}: {exc}") from exc
        if not np.isfinite(vectors).all():
            raise ModelError("The encoder gave numbers that are no numbers; run `chatbot doctor`.")
        return vectors

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The vector of every token but the special ones; for the few texts of one query."""
        try:
            with self._lock:
                parts = ((rows, hidden.cpu().numpy()) for rows, hidden, _ in self._hidden(texts))
                return by_token(texts, self._tokens.spans(texts), parts)
        except RuntimeError as exc:
            raise ModelError(f"The encoder failed on {self._device}: {exc}") from exc

    def _pooled(self, texts: Sequence[str]) -> Iterator[Part]:
        for rows, hidden, attention in self._hidden(texts):
            if self._files.pooling == "cls":
                pooled = hidden[:, 0]
            else:
                weight = attention.unsqueeze(-1).float()
                pooled = (hidden * weight).sum(1) / weight.sum(1)
            yield rows, pooled.cpu().numpy()

    def _hidden(self, texts: Sequence[str]) -> Iterator[tuple[Any, Any, Any]]:
        import torch

        on = self._device
        for rows, ids, mask in self._tokens.batches(texts, _BATCH):
            attention = torch.from_numpy(mask).to(on)
            half = self._half != torch.float32
            with torch.inference_mode(), torch.autocast(on.type, dtype=torch.bfloat16, enabled=half):
                hidden = self._model(input_ids=torch.from_numpy(ids).to(on), attention_mask=attention)[0].float()
            yield rows, hidden, attention
