"""Texts to padded token batches of like length and vectors back into the caller's order; must not know an engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chatbot.retrieval.encoder_files import EncoderFiles
from chatbot.types import TokenVectors

Ids = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
Spans = list[tuple[int, int]]
Part = tuple[npt.NDArray[np.intp], Vectors]
Batch = tuple[npt.NDArray[np.intp], Ids, Ids]
_CHUNK = 8192  # texts tokenised at once: bounds memory, long enough that sorting by length pays
# Few shapes: an engine prepares its kernels once for each (3 ms for OpenVINO). And the lanes of a vector register: from one
# multiple to the next a text's numbers stay the same to the last bit, whatever batch it is in (measured, bf16 and f32).
_STEP = 16


class Tokens:
    """A fast tokenizer bounded to the encoder's length. Lives as long as the encoder; any thread may call."""

    def __init__(self, files: EncoderFiles) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(Path(files.folder) / "tokenizer.json"))
        self._tokenizer.enable_truncation(files.max_tokens)
        self._tokenizer.no_padding()
        self._longest = files.max_tokens

    def batches(self, texts: Sequence[str], size: int) -> Iterator[Batch]:
        """Rows of the texts, ids and mask, each (batch, longest in it, rounded up); texts of like length share a batch."""
        for start in range(0, len(texts), _CHUNK):
            chunk = [text if text.strip() else "." for text in texts[start : start + _CHUNK]]
            encoded = self._tokenizer.encode_batch_fast(chunk)
            lengths = np.fromiter((len(one) for one in encoded), dtype=np.int64, count=len(encoded))
            order = np.argsort(-lengths, kind="stable")
            for at in range(0, len(order), size):
                rows = order[at : at + size]
                ids = np.zeros((len(rows), self._rounded(int(lengths[rows[0]]))), dtype=np.int64)
                mask = np.zeros_like(ids)
                for line, row in enumerate(rows):
                    ids[line, : lengths[row]] = encoded[row].ids
                    mask[line, : lengths[row]] = 1
                yield rows + start, ids, mask

    def _rounded(self, length: int) -> int:
        return min(-(-length // _STEP) * _STEP, self._longest)

    def spans(self, texts: Sequence[str]) -> list[Spans]:
        """For each token of each text its (start, end) in the text; (0, 0) for special tokens. Cut as in `batches`."""
        encoded = self._tokenizer.encode_batch([text if text.strip() else "." for text in texts])
        return [list(one.offsets) for one in encoded]


def by_token(texts: Sequence[str], spans: Sequence[Spans], parts: Iterable[Part]) -> list[TokenVectors]:
    """Hidden states (batch, tokens, dim) put back into the caller's order, see `of_tokens`."""
    found = {int(row): of_tokens(spans[row], hidden[line]) for rows, hidden in parts for line, row in enumerate(rows)}
    return [found[row] for row in range(len(texts))]


def of_tokens(spans: Spans, hidden: Vectors) -> TokenVectors:
    """One text's hidden states (tokens or more, dim): special tokens and padding dropped, rows of length 1."""
    kept = [at for at, (start, end) in enumerate(spans) if end > start]
    vectors = hidden[kept].astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return TokenVectors(tuple(spans[at] for at in kept), vectors)


def gather(count: int, dim: int, parts: Iterable[Part]) -> Vectors:
    """Pooled rows put back into the caller's order, each scaled to length 1."""
    vectors = np.zeros((count, dim), dtype=np.float32)
    for rows, values in parts:
        vectors[rows] = values
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.maximum(lengths, 1e-12)
    return vectors
