"""How far a share or a mean of few cases can be trusted: 95 % intervals. Pure; must not know what is counted."""

from __future__ import annotations

import math
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)
FEWEST = 5
"""Means of fewer values get no interval."""


def share(count: int, of: int) -> tuple[float, float, float] | None:
    """(share, low, high) in [0, 1]; None of nothing. Wilson's score interval (Wilson 1927), which holds for small numbers."""
    if not of:
        return None
    part, spread = count / of, Z * Z / of
    middle = (part + spread / 2) / (1 + spread)
    reach = Z * math.sqrt(part * (1 - part) / of + spread / (4 * of)) / (1 + spread)
    return part, max(0.0, min(part, middle - reach)), min(1.0, max(part, middle + reach))


def mean(n: int, total: float, squares: float) -> tuple[float, float | None, float | None] | None:
    """(mean, low, high) of `n` values with that sum and sum of squares; None of nothing, no interval below five values.

    Student's interval; its quantile by Fisher's expansion (Abramowitz and Stegun 26.7.5).
    """
    if not n:
        return None
    middle = total / n
    if n < FEWEST:
        return middle, None, None
    deviation = math.sqrt(max(0.0, squares - n * middle * middle) / (n - 1))
    reach = _student(n - 1) * deviation / math.sqrt(n)
    return middle, middle - reach, middle + reach


def _student(free: int) -> float:
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return Z + first / free + second / free**2 + third / free**3
