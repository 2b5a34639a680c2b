"""Further training examples from those that are there: mistyped questions, more of rare topics. Pure; must not know files.

Only the training split is added to. What is added says so in `augmented` and names the same conversations as its model.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from statistics import median

from chatbot.errors import UsageError
from chatbot.learning.examples import Augmented, Example
from chatbot.learning.noise import mistyped
from chatbot.types import ChatMessage

AUGMENTATIONS: tuple[Augmented, ...] = ("noise", "rare")
_NOISY = 0.25  # share of the training examples that are told once more, mistyped
_MOST_COPIES = 3
Rebuild = Callable[[Example, str, Sequence[int]], tuple[ChatMessage, ...]]


def with_noise(examples: Sequence[Example], rebuild: Rebuild, seed: int) -> list[Example]:
    """Each example, and behind every fourth, drawn by the seed, its double with the customer's last message mistyped.

    rebuild: gives the messages of an example with another window and with its passages, by number, in another order.
    """
    out = []
    for example in examples:
        out.append(example)
        random = _random(seed, "noise", example.id)
        if example.augmented or random.random() >= _NOISY:
            continue
        said, slipped = _last_said(example.window), mistyped(_last_said(example.window), example.language, random)
        if slipped == said:
            continue
        window = example.window.removesuffix(said) + slipped
        question = slipped if " ".join(example.question.split()) == said else example.question
        messages = rebuild(example, window, range(len(example.evidence)))
        out.append(_altered(example, messages, "noise", window=window, question=question))
    return out


def with_rare(examples: Sequence[Example], rebuild: Rebuild, seed: int) -> list[Example]:
    """Each example, and behind those of rare topics up to three variants: the passages in another order, the question alone.

    Rare is a topic with fewer than half the examples of the median one; it is filled up to that. Raises UsageError where topics are
    not known.
    """
    counts = Counter((one.language, one.topic or "") for one in examples if one.topic)
    if not counts:
        raise UsageError(
            "--augment rare does not work: no conversation names its topic, so none can be rare; leave it out."
        )
    enough = median(counts.values()) / 2
    missing = {key: enough - count for key, count in counts.items() if count < enough}
    out = []
    for example in examples:
        out.append(example)
        key = example.language, example.topic or ""
        seen = {tuple(message.content for message in example.messages)}
        for copy in range(_MOST_COPIES):
            if example.augmented or missing.get(key, 0) <= 0:
                break
            variant = _variant(example, rebuild, _random(seed, f"rare {copy}", example.id))
            said = tuple(message.content for message in variant.messages)
            if said not in seen:
                seen.add(said)
                out.append(variant)
                missing[key] -= 1
    return out


def _variant(example: Example, rebuild: Rebuild, random: Random) -> Example:
    order = list(range(len(example.evidence)))
    random.shuffle(order)
    window = example.window.split("\n")[-1] if random.random() < 0.5 else example.window
    said = rebuild(example, window, order)
    return _altered(example, said, "rare", window=window, evidence=tuple(example.evidence[at] for at in order))


def _last_said(window: str) -> str:
    return window.rsplit("\n", maxsplit=1)[-1].partition(": ")[2]


def _altered(example: Example, said: tuple[ChatMessage, ...], how: Augmented, **changes: object) -> Example:
    key = "\x1f".join([example.id, how, *(message.content for message in said)])
    id = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:16]
    return replace(example, id=id, messages=said, augmented=how, **changes)  # type: ignore[arg-type]


def _random(seed: int, what: str, id: str) -> Random:
    return Random(f"{seed} {what} {id}")  # noqa: S311 - no secret hangs on it
