"""Confidence and prediction bands of fitted curves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from batchnewton.arrays import real, shape_error
from batchnewton.losses import VARIANCES
from batchnewton.options import check_choice

from .fit import Fit
from .rows import blocks, coordinates_of_point, curve_at, with_columns


class Band(NamedTuple):
    """A fitted curve with an interval at each point, each (B, M)."""

    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def band(fit: Fit, x: Any, level: float, kind: str, sigma: Any) -> Band:
    """``f(x) ± q sqrt(gᵀ C g [+ s²])`` at new x, with the exact gradient g (see `Result.band`)."""
    curve = fit.need_curve("band")
    check_choice("kind", kind, ("confidence", "prediction"))
    spread = VARIANCES.get(curve.likelihood or "") if kind == "prediction" else None
    if kind == "prediction" and curve.noise != "gaussian" and spread is None:
        known = ", ".join(repr(one) for one in ("linear", *VARIANCES))
        raise ValueError(f"a prediction band needs a loss that says how data scatter, {known}; or kind='confidence'")
    if spread is not None and sigma is not None:
        raise ValueError(f"sigma is given, but loss={curve.likelihood!r} says how observations scatter; expected none")
    points = with_columns(fit.problem, coordinates(fit, real("x", x)))
    m = points.shape[-2]
    fixed = kind == "prediction" and spread is None
    extra = new_variance(fit, sigma, m) if fixed else np.zeros((1, 1))
    return band_at(fit, points, level, spread, extra)


def band_at_data(fit: Fit, level: float) -> Band:
    """The confidence band at the data."""
    problem = fit.problem
    x = problem.array(problem.place("xdata"))
    points = x.reshape(*x.shape[: x.ndim - 1 - (not fit.need_curve("band").correlated)], problem.m, -1)
    return band_at(fit, points, level, None, np.zeros((1, 1)))


def band_at(fit: Fit, points: np.ndarray, level: float, spread: Any, extra: np.ndarray) -> Band:
    """The band at points with all their columns, (M, k) or (B, M, k); ``spread`` or ``extra`` is the variance of new
    observations."""
    m = points.shape[-2]
    quantile, cov = fit.quantile(level), fit.cov.astype(np.float64)
    value, half = np.empty((fit.problem.size, m)), np.empty((fit.problem.size, m))
    for rows in blocks(fit.problem, m):
        value[rows], g = curve_at(fit, points, rows, m)
        with np.errstate(invalid="ignore"):
            variance = np.einsum("bmi,bij,bmj->bm", g, cov[rows], g)
            more = spread(value[rows]) if spread else extra[rows] if len(extra) > 1 else extra
            half[rows] = quantile[rows, None] * np.sqrt(variance + more)
    half[~np.isfinite(cov).all((1, 2))] = np.inf
    return Band(value, value - half, value + half)


def coordinates(fit: Fit, x: np.ndarray) -> np.ndarray:
    """New x as (M, k) or (B, M, k)."""
    shape = coordinates_of_point(fit.problem)
    k = shape[0] if shape else 1
    if not x.size:
        raise shape_error("x", x, "at least one point")
    if not shape and x.ndim in (1, 2):
        points = x[..., None]
    elif shape and x.ndim in (2, 3) and x.shape[-2] == k:
        points = np.swapaxes(x, -1, -2)
    else:
        expected = f"({k}, M) or ({fit.problem.size}, {k}, M)" if shape else f"(M,) or ({fit.problem.size}, M)"
        raise shape_error("x", x, f"{expected}, as the formula takes {k} coordinate{'s' * (k > 1)}")
    if points.ndim == 3 and len(points) != fit.problem.size:
        raise shape_error("x", x, f"a batch axis of {fit.problem.size}, or none")
    return points


def new_variance(fit: Fit, sigma: Any, m: int) -> np.ndarray:
    """Variance of new observations, (B, 1) or (B, M)."""
    curve = fit.need_curve("band")
    weighted = curve.correlated or "sigma" in curve.given
    if sigma is None and weighted:
        raise ValueError("a prediction band of a weighted fit needs sigma: the standard deviations of new observations")
    s = real("sigma", 1.0 if sigma is None else sigma)
    if s.shape not in ((), (m,), (fit.problem.size, m)):
        raise shape_error("sigma", s, f"a number, ({m},) or ({fit.problem.size}, {m})")
    return fit.scale[:, None] * np.broadcast_to(s**2, (fit.problem.size, m))
