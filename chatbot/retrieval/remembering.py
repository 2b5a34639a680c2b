"""An encoder with the vectors that it made lately, of queries and of passages' tokens. Must not know indexes."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chatbot.errors import ModelError
from chatbot.protocols import Embedder
from chatbot.retrieval.recent import Recent
from chatbot.types import Query, TokenVectors

_log = logging.getLogger(__name__)
Vectors = npt.NDArray[np.float32]
# Bytes of passages' token vectors in float16, about 50 kB each: the 3,000 or so that were used last or are used most.
TOKENS_KEPT = 150_000_000
_QUERIES_KEPT = 6_000  # 3 kB each: the answers whose likes are searched recur, and so do many questions


class Remembering:
    """Lives as long as its encoder serves, since its vectors are worth nothing beside another's; any thread may call."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._tokens: Recent[str, TokenVectors] = Recent(TOKENS_KEPT, lambda one: one.vectors.nbytes)
        self._queries: Recent[tuple[str, str], Vectors] = Recent(_QUERIES_KEPT)

    def of(self, query: Query) -> dict[str, Vectors]:
        """The query's vector for each dense signal; none where the encoder fails."""
        try:
            window, question = self.vectors_of(query.window, query.text, self.embedder)
        except ModelError as exc:
            _log.error("searching by words only: %s", exc)
            return {}
        return {"window": window, "question": question, "reply": window}

    def vectors_of(self, window: str, text: str, embedder: Embedder) -> Vectors:
        """(2, dim): of the window and of the text. embedder: this one, or one that gives its vectors. Raises ModelError."""
        known = self._queries.find([(window, text)])
        if known:
            return known[window, text]
        vectors = embedder.encode([window, text])
        vectors.flags.writeable = False  # many searches share them
        self._queries.keep([((window, text), vectors)])
        return vectors

    def tokens_of(self, question: str, texts: Sequence[str]) -> tuple[TokenVectors, list[TokenVectors]]:
        """The tokens of a question and of some texts; what is not known yet is encoded together. Raises ModelError."""
        known = self._tokens.find(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        asking, *made = self.embedder.encode_tokens([question, *missing])
        known |= self._keep(missing, made)
        return asking, [known[text] for text in texts]

    def prepare(self, texts: Sequence[str], embedder: Embedder) -> int:
        """Has the tokens of the texts at hand; how many bytes they take. Raises ModelError."""
        known = self._tokens.find(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known |= self._keep(missing, embedder.encode_tokens(missing))
        return sum(tokens.vectors.nbytes for tokens in known.values())

    def _keep(self, texts: Sequence[str], made: Sequence[TokenVectors]) -> dict[str, TokenVectors]:
        kept = {
            # where a passage's words stand is not asked
            text: TokenVectors((), np.asarray(tokens.vectors, dtype=np.float16))
            for text, tokens in zip(texts, made, strict=True)
        }
        self._tokens.keep(kept.items())
        return kept
