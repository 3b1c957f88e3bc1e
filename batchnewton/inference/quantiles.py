"""Quantiles of Student's t and of the normal distribution."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from batchnewton.options import check_tolerance


def check_level(level: float) -> float:
    """A probability, neither 0 nor 1."""
    number = check_tolerance("level", level)
    if not 0.0 < number < 1.0:
        raise ValueError(f"level={level!r}; expected a probability between 0 and 1, as 0.95")
    return number


def normal_quantile(level: float) -> float:
    """z with ``P(|Z| <= z) = level``."""
    return NormalDist().inv_cdf(0.5 + 0.5 * level)


def t_quantile(level: float, freedom: np.ndarray) -> np.ndarray:
    """t with ``P(|T| <= t) = level`` for whole degrees of freedom; NaN where there are none.

    >>> import numpy as np
    >>> t_quantile(0.95, np.array([1, 10, 0])).round(4).tolist()
    [12.7062, 2.2281, nan]
    """
    unique, where = np.unique(freedom, return_inverse=True)
    return np.array([_t_quantile(level, int(one)) for one in unique])[where]


def _t_quantile(level: float, freedom: int) -> float:
    """By bisection for the angle: ``t = sqrt(freedom) tan(angle)``."""
    if freedom <= 0:
        return np.nan
    if freedom > 100_000:  # Abramowitz & Stegun 26.7.5; the next term is below 1e-14
        z = normal_quantile(level)
        return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    factors = _factors(freedom)
    low, high = 0.0, np.pi / 2
    while (middle := 0.5 * (low + high)) not in (low, high):
        if _probability(middle, freedom, factors) < level:
            low = middle
        else:
            high = middle
    return float(np.sqrt(freedom) * np.tan(middle))


def _factors(freedom: int) -> np.ndarray:
    """Coefficients of the powers of cos² in the sums of Abramowitz & Stegun 26.7.3 and 26.7.4."""
    odd = freedom % 2
    k = np.arange(1, (freedom - odd) // 2)
    return np.cumprod(np.concatenate([[1.0], (2 * k - 1 + odd) / (2 * k + odd)]))


def _probability(angle: float, freedom: int, factors: np.ndarray) -> float:
    """``P(|T| <= sqrt(freedom) tan(angle))``, Abramowitz & Stegun (1964), 26.7.3 (odd) and 26.7.4 (even)."""
    odd = freedom % 2
    cosine, sine = np.cos(angle), np.sin(angle)
    total = 0.0 if freedom == 1 else sine * np.sum(factors * cosine ** (2 * np.arange(len(factors)) + odd))
    return 2 / np.pi * (angle + total) if odd else total
