"""Finds hard negatives: windows that lie near and were given another answer. Must not know how they are used."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chatbot.learning.encoder_exam import Encode
from chatbot.learning.encoder_loss import NEAR
from chatbot.learning.encoder_pairs import Material, owner

Ints = npt.NDArray[np.int64]
_FROM, _TO = 2, 30  # ranks among the nearest that are drawn from: the very nearest are too often right (2407.15831)
_LIMIT = 50_000  # windows that are searched; more are sampled
_CHUNK = 512


def hard_negatives(learned: Material, encode: Encode, seed: int, each: int = 1) -> Ints:
    """(n, each) rows of passages that are hard to tell from each passage, -1 where there is none.

    Same language, another conversation, another answer: another group, and not near by the untuned encoder.
    """
    rng = np.random.default_rng(seed)
    count = len(learned.passages)
    pool = np.sort(rng.permutation(count)[:_LIMIT])
    vectors = encode([one.window for one in learned.passages])
    languages = np.unique([one.language for one in learned.passages], return_inverse=True)[1]
    owners = np.unique([owner(one) for one in learned.passages], return_inverse=True)[1]
    found = np.full((count, each), -1, dtype=np.int64)
    for start in range(0, count, _CHUNK):
        rows = np.arange(start, min(count, start + _CHUNK))
        likeness = vectors[rows] @ vectors[pool].T
        wrong = languages[rows][:, None] != languages[pool][None, :]
        wrong |= owners[rows][:, None] == owners[pool][None, :]
        wrong |= learned.groups[rows][:, None] == learned.groups[pool][None, :]
        wrong |= learned.answers[rows] @ learned.answers[pool].T >= NEAR
        likeness[wrong] = -2
        reach = min(_TO, len(pool))
        near = np.argsort(-likeness, axis=1, kind="stable")[:, :reach]
        for line, row in enumerate(rows):
            sound = [int(pool[at]) for at in near[line] if likeness[line, at] > -1]
            drawn = rng.permutation(sound[_FROM:])[:each]
            found[row, : len(drawn)] = drawn
    return found
