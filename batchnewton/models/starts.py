"""Where to start: rough estimates for many curves at once, without a loop over curves.

x is (m,) or (B, m), ascending; y is (B, m), finite (`batchnewton.Model`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

Shape = Callable[[np.ndarray], np.ndarray]


def span(x: np.ndarray) -> np.ndarray:
    """Length of the x axis, () or (B, 1); 1 where it is none."""
    length = np.asarray(x[..., -1:] - x[..., :1])
    length = np.where(length > 0, length, 1.0)
    return length if x.ndim == 2 else length[0]


def scales(x: np.ndarray, low: float, high: float, count: int) -> list[np.ndarray]:
    """Lengths from ``low`` to ``high`` times that of the x axis, in equal ratios."""
    return [span(x) * factor for factor in np.geomspace(low, high, count)]


def separable(
    y: np.ndarray, basis: Callable[..., Sequence[np.ndarray]], *candidates: Iterable[Any]
) -> tuple[np.ndarray, ...]:
    """Fit ``y = sum_p c_p basis_p(q)`` with the best q of a grid: c by linear least squares for each.

    Parameters
    ----------
    y : (B, m) array
    basis : callable
        ``basis(*q)`` returns the functions at the points, each (m,) or (B, m).
    *candidates
        Values of each element of q, numbers or (B, 1); their product is the grid.

    Returns
    -------
    tuple of (B,) arrays
        q, then c.

    References
    ----------
    Golub & Pereyra (1973), SIAM J. Numer. Anal. 10, 413: variable projection.
    """
    best = np.full(len(y), -np.inf)
    kept: np.ndarray | None = None
    for q in itertools.product(*candidates):
        columns = np.stack(np.broadcast_arrays(*basis(*q)), -1)
        lacking = max(columns.shape[-1] - y.shape[1], 0)  # fewer points than coefficients: rows of zeros, so singular
        columns = np.pad(columns, [(0, 0)] * (columns.ndim - 2) + [(0, lacking), (0, 0)]) if lacking else columns
        if not np.isfinite(columns).all():
            continue
        orthonormal, triangle = np.linalg.qr(columns)
        known = np.pad(y, [(0, 0), (0, lacking)]) if lacking else y
        parts = known @ orthonormal if columns.ndim == 2 else np.einsum("bm,bmp->bp", known, orthonormal)
        pivots = np.abs(np.diagonal(triangle, axis1=-2, axis2=-1))
        regular = pivots.min(-1) > 1e-6 * pivots.max(-1)
        safe = np.where(np.asarray(regular)[..., None, None], triangle, np.eye(triangle.shape[-1]))
        coefficients = np.einsum("...ij,...j->...i", np.linalg.inv(safe), parts)
        explained = np.where(regular, (parts**2).sum(1), -np.inf)
        found = np.column_stack([*(np.broadcast_to(np.ravel(value), len(y)) for value in q), coefficients])
        better = explained > best
        best = np.where(better, explained, best)
        kept = found if kept is None else np.where(better[:, None], found, kept)
    if kept is None:
        raise ValueError("no candidate gives a finite basis")
    return tuple(kept.T)


def peak(x: np.ndarray, y: np.ndarray, shape: Shape) -> tuple[np.ndarray, ...]:
    """(amplitude, center, width, offset) of ``amplitude shape((x - center) / width) + offset``, a peak or a dip.

    The center and a first width are those of the window, of any length, whose mean differs most from the median in
    units of its standard error (a matched filter with a box); then amplitude and offset are a linear fit.
    """
    best = np.full(len(y), -np.inf)
    kept = np.zeros((4, len(y)))
    middle = y.mean(1)
    rest = y - middle[:, None]
    for index, length in _windows(x, y):
        center = np.take_along_axis(x, index[:, None], 1) if x.ndim == 2 else x[index][:, None]
        away = x - center
        for factor in (0.2, 0.4, 0.8):
            width = factor * length
            form = shape(away / width[:, None])
            mean = form.mean(1)
            covariance = np.einsum("bm,bm->b", form, rest)
            variance = np.einsum("bm,bm->b", form, form) - y.shape[1] * mean**2
            amplitude = np.where(variance > 0, covariance / np.where(variance > 0, variance, 1.0), 0.0)
            better = amplitude * covariance > best
            best = np.where(better, amplitude * covariance, best)
            kept = np.where(better, [amplitude, center[:, 0], width, middle - amplitude * mean], kept)
    return tuple(kept)


def _windows(x: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Middle (an index) and length (in x) of the window that stands out most: upwards, and downwards."""
    m = y.shape[1]
    sums = np.pad(np.cumsum(y - np.median(y, axis=1, keepdims=True), axis=1), ((0, 0), (1, 0)))
    found = [(np.full(len(y), -np.inf), np.zeros(len(y), int), np.zeros(len(y), int)) for _ in range(2)]
    half = 0
    while half <= max(m // 3, 1):
        low, high = np.maximum(np.arange(m) - half, 0), np.minimum(np.arange(m) + half + 1, m)
        deviation = (np.take(sums, high, 1) - np.take(sums, low, 1)) / np.sqrt(high - low)
        for which, signed in enumerate((deviation, -deviation)):
            score, index, reach = found[which]
            at = signed.argmax(1)
            height = np.take_along_axis(signed, at[:, None], 1)[:, 0]
            better = height > score
            found[which] = (
                np.where(better, height, score), np.where(better, at, index), np.where(better, half, reach)
            )  # fmt: skip
        half = 2 * half or 1
    step = np.broadcast_to(np.ravel(span(x)), len(y)) / max(m - 1, 1)
    return [(index, step * (2 * reach + 1)) for _, index, reach in found]


CUT = 0.5  # of a spot's height; below it nothing counts
# Variance of (exp(-r²/2) - CUT) where that is positive, along one axis: with U = -ln CUT,
# (1 - CUT (1 + U + U²/2)) / (1 - CUT (1 + U)).
_U = -np.log(CUT)
SHARE = (1 - CUT * (1 + _U + _U**2 / 2)) / (1 - CUT * (1 + _U))


def spot(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """(amplitude, offset, center u, center v, variance uu, uv, vv) of a bright spot, x being (2, m) or (B, 2, m).

    Moments of what is above half the height, corrected for what the cut takes from a Gaussian.
    """
    u, v = np.moveaxis(x, -2, 0)
    offset = np.quantile(y, 0.25, axis=1)
    amplitude = y.max(1) - offset
    weight = np.maximum(y - (offset + CUT * amplitude)[:, None], 0.0)
    total = weight.sum(1)
    weight = np.where(total[:, None] > 0, weight, 1.0)
    weight /= weight.sum(1, keepdims=True)
    at_u, at_v = (weight * u).sum(1), (weight * v).sum(1)
    du, dv = u - at_u[:, None], v - at_v[:, None]
    pixel = (np.ptp(u, axis=-1) * np.ptp(v, axis=-1)) / y.shape[1]
    variances = [(weight * first * second).sum(1) / SHARE for first, second in ((du, du), (du, dv), (dv, dv))]
    least = np.where(pixel > 0, pixel, 1.0) / 4
    return amplitude, offset, at_u, at_v, np.maximum(variances[0], least), variances[1], np.maximum(variances[2], least)


def positive(x: np.ndarray, count: int) -> list[np.ndarray]:
    """Values from below the least positive x to above the largest, in equal ratios, () or (B, 1)."""
    inside = np.where(x > 0, x, np.nan)
    with np.errstate(all="ignore"):
        low, high = (
            np.asarray(f(inside, initial=end, where=x > 0, axis=-1, keepdims=x.ndim == 2))
            for f, end in ((np.min, np.inf), (np.max, 0.0))
        )
    low, high = np.where(high > 0, low, 0.1) / 1.5, np.where(high > 0, high, 1.0) * 1.5
    return [low * (high / low) ** share for share in np.linspace(0, 1, count)]
