"""The contrastive loss: each anchor's own partner against all others of the batch. Must not know texts, files or models."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SCALE = 20.0
NEAR = 0.85  # cosine, by the untuned encoder, from which two answers may not be told apart
Bools = npt.NDArray[np.bool_]


def masked_loss(anchors: Any, partners: Any, hidden: Bools, negatives: Any = None, hidden_negatives: Any = None) -> Any:
    """InfoNCE (van den Oord et al. 2018) over cosines, scale 20, in both directions; a scalar tensor.

    anchors, partners: (n, dim) rows of length 1, row i belongs with row i. hidden: (n, n), True where a partner is as good as the
    own one and must not count against it. negatives: (m, dim), columns for the anchors only; hidden_negatives: (n, m).
    """
    import torch

    own = torch.arange(len(anchors), device=anchors.device)
    cosines = SCALE * anchors @ partners.T
    cosines = cosines.masked_fill(torch.from_numpy(hidden).to(anchors.device), float("-inf"))
    forth = cosines
    if negatives is not None:
        more = SCALE * anchors @ negatives.T
        more = more.masked_fill(torch.from_numpy(hidden_negatives).to(anchors.device), float("-inf"))
        forth = torch.cat([cosines, more], dim=1)
    cross = torch.nn.functional.cross_entropy
    return (cross(forth, own) + cross(cosines.T, own)) / 2


def as_good(groups: npt.NDArray[np.int64], answers: npt.NDArray[np.float32]) -> Bools:
    """(n, n), True where two different rows have the same answer: the same group, or answers that are near."""
    same = (groups[:, None] == groups[None, :]) | (answers @ answers.T >= NEAR)
    np.fill_diagonal(same, False)
    return np.asarray(same)


def as_good_as(
    groups: npt.NDArray[np.int64], answers: npt.NDArray[np.float32], others: Any, their_answers: Any
) -> Bools:
    """(n, m), True where a row of the others has the same answer as one of ours."""
    return np.asarray((groups[:, None] == others[None, :]) | (answers @ their_answers.T >= NEAR))
