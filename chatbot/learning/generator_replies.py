"""A model in training judged on a sample of the validation set: loss, and the evidence score of what it writes.

Imports torch: import it inside functions only. Greedy, so that it draws no random number and a resumed run scores the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from chatbot.learning.examples import Example
from chatbot.learning.generator_data import Chosen, Encoder
from chatbot.learning.generator_trainer import collate, reply_loss, reply_tokens
from chatbot.learning.grounding import ground, refuses

_AT_ONCE = {"cpu": 8, "cuda": 64}


def score(model: Any, encoder: Encoder, sample: Chosen, ends: Sequence[int], max_reply: int) -> dict[str, float]:
    """loss: nats a reply token. evidence: mean evidence score in [0, 1]; answer_evidence: over the turns to answer alone.
    grounded: share of replies without a fact of their own, among those that answer. refused_right: share of hand-overs that were
    refused, of so many hand_overs; answered: share of answers that were not."""
    written = write(model, encoder, sample, ends, max_reply)
    judged = [_judge(reply, one) for reply, one in zip(written, sample.examples, strict=True)]
    hand_over = [each.refused for each, one in zip(judged, sample.examples, strict=True) if one.kind == "hand_over"]
    answer = [not each.refused for each, one in zip(judged, sample.examples, strict=True) if one.kind == "answer"]
    told = [each.score for each, one in zip(judged, sample.examples, strict=True) if one.kind == "answer"]
    said = [each.grounded for each in judged if not each.refused]
    shares = {"answer_evidence": told, "grounded": said, "refused_right": hand_over, "answered": answer}
    return {
        "loss": _loss(model, sample),
        "evidence": sum(each.score for each in judged) / len(judged),
        "hand_overs": len(hand_over),
        **{name: sum(values) / len(values) for name, values in shares.items() if values},
    }


def write(model: Any, encoder: Encoder, sample: Chosen, ends: Sequence[int], max_reply: int) -> list[str]:
    """Greedy replies in the sample's order."""
    by_length = sorted(range(len(sample.tokens)), key=lambda at: len(sample.tokens[at].prompt))
    texts = [""] * len(by_length)
    at_once = _AT_ONCE[model.device.type]
    for start in range(0, len(by_length), at_once):
        batch = by_length[start : start + at_once]
        for at, text in zip(
            batch, _generate(model, encoder, [sample.tokens[at].prompt for at in batch], ends, max_reply), strict=True
        ):
            texts[at] = text
    return texts


def _generate(
    model: Any, encoder: Encoder, prompts: Sequence[Sequence[int]], ends: Sequence[int], max_reply: int
) -> list[str]:
    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), ends[0])
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    written = model.generate(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        generation_config=_greedy(ends, max_reply),
    )
    return [encoder.text(row[longest:].tolist()) for row in written]


def _greedy(ends: Sequence[int], max_reply: int) -> Any:
    from transformers import GenerationConfig

    return GenerationConfig(
        do_sample=False, use_cache=True, max_new_tokens=max_reply, eos_token_id=list(ends), pad_token_id=ends[0]
    )


def _judge(reply: str, example: Example) -> Any:
    target = None if example.kind == "hand_over" or refuses(example.target) else example.target
    return ground(reply, target, example.evidence, [example.window, example.question], example.language)


def _loss(model: Any, sample: Chosen) -> float:
    by_length = sorted(sample.tokens, key=lambda one: one.length)
    total, count = 0.0, 0.0
    for start in range(0, len(by_length), _AT_ONCE["cpu"]):
        rows = by_length[start : start + _AT_ONCE["cpu"]]
        batch = {key: value.to(model.device) for key, value in collate(rows, 0).items()}
        total += float(reply_loss(model, batch))
        count += float(reply_tokens(batch))
    return total / count
