"""Gradients of a loss over a whole batch, also where the batch does not fit the memory at once. Must not know pairs or losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chatbot.learning.encoder_model import Trainee


def gradients(
    trainee: Trainee, tokens: Sequence[Sequence[int]], loss_of: Callable[[Any], Any], at_once: int | None, seed: int
) -> float:
    """The loss of all vectors together; its gradients are added to the weights'.

    With `at_once` texts go through in parts, twice each (Gao et al. 2021, arXiv 2101.06983): first for the vectors alone, then
    for the gradients, with the same dropout. The loss is still one of all pairs.
    """
    import torch

    if at_once is None:
        torch.manual_seed(seed)
        loss = loss_of(trainee.embed(tokens))
        loss.backward()
        return float(loss.detach())
    starts = range(0, len(tokens), at_once)
    with torch.no_grad():
        vectors = torch.cat([_part(trainee, tokens, start, at_once, seed) for start in starts])
    vectors.requires_grad_()
    loss = loss_of(vectors)
    loss.backward()
    for start in starts:
        _part(trainee, tokens, start, at_once, seed).backward(vectors.grad[start : start + at_once])
    return float(loss.detach())


def _part(trainee: Trainee, tokens: Sequence[Sequence[int]], start: int, size: int, seed: int) -> Any:
    import torch

    torch.manual_seed(seed + 1_000_003 * start)
    return trainee.embed(tokens[start : start + size])
