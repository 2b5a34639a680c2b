"""Examples as tokens: the prompt exactly as the model server gives it, the reply with the token that ends a turn, and in which
order they are learnt. Must not know models or trainers; the tokenizer is handed in.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from chatbot.errors import UsageError
from chatbot.generation.engine import as_dicts, marker_pattern
from chatbot.learning.examples import Example
from chatbot.types import ChatMessage

IGNORED = -100
"""Label of a token that is not learnt. https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html"""
_BUCKET = 50  # steps whose examples are sorted by length together
_PROBE = "precedentprobe"


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example in tokens. The loss is taken on `reply` alone, which ends with the end of the turn."""

    prompt: tuple[int, ...]
    reply: tuple[int, ...]
    weight: float = 1.0

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.reply)

    @property
    def labels(self) -> list[int]:
        """A label a token: `IGNORED` on the prompt."""
        return [IGNORED] * len(self.prompt) + list(self.reply)


class Encoder:
    """Turns examples into tokens with the base's own chat template. Lives as long as its tokenizer; one thread.

    end: the tokens that end a turn, the last of which stops the writing."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._markers = marker_pattern([*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()])
        self.end = _end_of_turn(tokenizer)

    def prompt(self, messages: Sequence[ChatMessage]) -> tuple[int, ...]:
        """What the model server feeds for these messages. Raises UsageError when the template refuses them."""
        try:
            encoded = self._tokenizer.apply_chat_template(
                as_dicts(messages, self._markers), add_generation_prompt=True, return_dict=True
            )
        except Exception as exc:  # jinja raises whatever the template's author chose
            raise UsageError(
                f"The base's chat template refuses a system message followed by a user's ({exc}); take another base."
            ) from exc
        return tuple(encoded["input_ids"])

    def encode(self, example: Example) -> Encoded:
        """The reply's tokens stand apart from the prompt's, as they do when the model writes them."""
        target = as_dicts([example.messages[-1]], self._markers)[0]["content"].strip()
        reply = self._tokenizer(target, add_special_tokens=False)["input_ids"]
        return Encoded(self.prompt(example.prompt), (*reply, *self.end), example.weight)

    def text(self, tokens: Sequence[int]) -> str:
        """A reply's tokens as text, without markers."""
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True)).strip()


@dataclass(frozen=True, slots=True)
class Chosen:
    """Examples to learn from, in step with `tokens`. too_long: how many were left out for their length."""

    examples: tuple[Example, ...]
    tokens: tuple[Encoded, ...]
    too_long: int


def choose(examples: Iterable[Example], languages: Sequence[str], most: int | None, seed: int) -> list[Example]:
    """Those in the languages (all for none), at most so many: a sample that does not depend on the others' order."""
    wanted = [example for example in examples if not languages or example.language in languages]
    if most is None or len(wanted) <= most:
        return wanted
    kept = set(sorted(range(len(wanted)), key=lambda at: sha256(f"{seed}:{wanted[at].id}".encode()).digest())[:most])
    return [example for at, example in enumerate(wanted) if at in kept]


def weighted(examples: Iterable[Example], hand_over: float) -> list[Example]:
    """The examples, those that hand over with their weight times `hand_over`."""
    return [replace(one, weight=one.weight * hand_over) if one.kind == "hand_over" else one for one in examples]


def encode_all(encoder: Encoder, examples: Sequence[Example], max_length: int) -> Chosen:
    """All examples in tokens, without those longer than `max_length`: cut short they would not be what the product asks."""
    kept, tokens = [], []
    for example in examples:
        encoded = encoder.encode(example)
        if encoded.length <= max_length:
            kept.append(example)
            tokens.append(encoded)
    return Chosen(tuple(kept), tuple(tokens), len(examples) - len(kept))


class Order:
    """The order of the examples, a new one each epoch: of like length beside each other, cut into steps of `step` examples.

    It depends on the seed, the epoch and the step alone, so a run that halves its batch or goes on after a kill sees the same
    examples in each step. The longest come first: what does not fit the memory shows at once. An incomplete step comes last.
    """

    def __init__(self, lengths: Sequence[int], step: int, seed: int) -> None:
        self._lengths, self._step, self._seed, self._epoch = lengths, step, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer as each epoch begins."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        draw = random.Random(self._seed * 1_000_003 + self._epoch)  # noqa: S311 - an order, no secret
        shuffled = draw.sample(range(len(self._lengths)), len(self._lengths))
        whole = len(shuffled) - len(shuffled) % self._step
        steps: list[list[int]] = []
        for start in range(0, whole, self._step * _BUCKET):
            bucket = sorted(shuffled[start : min(start + self._step * _BUCKET, whole)], key=self._lengths.__getitem__)
            steps += [bucket[at : at + self._step] for at in range(0, len(bucket), self._step)]
        draw.shuffle(steps)
        if steps:
            longest = max(range(len(steps)), key=lambda at: sum(self._lengths[one] for one in steps[at]))
            steps[0], steps[longest] = steps[longest], steps[0]
        for each in (*steps, shuffled[whole:]):
            yield from each


def _end_of_turn(tokenizer: Any) -> tuple[int, ...]:
    """What the template puts after the assistant's words, up to its first marker; else the end-of-text token."""
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _PROBE}]
    tail = str(tokenizer.apply_chat_template(said, tokenize=False)).rpartition(_PROBE)[2]
    ids = tokenizer(tail, add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    at = next((at for at, token in enumerate(ids) if token in special), None)
    if at is not None:
        return tuple(ids[: at + 1])
    if tokenizer.eos_token_id is None:
        raise UsageError(
            "The base has no token that ends a reply, so it would never stop; take its instruction-tuned version."
        )
    return (tokenizer.eos_token_id,)
