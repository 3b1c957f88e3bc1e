"""How fast a solve converged: the order that its gradients show."""

from __future__ import annotations

import numpy as np

from batchnewton.kernels.history import ALPHA, STEP
from batchnewton.methods import SMALL
from batchnewton.plan import method_of

from .fit import Fit

RANGE = np.log(1e8)  # how far above the last one the gradients are looked at; the last FEWEST wherever they lie
FEWEST = 3  # gradients that tell an order
ROUNDINGS = 64.0  # of the gradient: what is smaller is noise


def orders(fit: Fit) -> np.ndarray:
    """See `Result.order`, (B,)."""
    told = fit.solution.history()
    if told.shape[1] < FEWEST:
        return np.full(len(told), np.nan)
    last = method_of(fit.problem, fit.options).certificate is None
    slopes = told[:, :, 1]
    usable = of_one_search(told, last) & (slopes > noise(fit, slopes)[:, None]) & np.isfinite(slopes)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(usable, np.log(slopes), np.inf)
    return slope_of_successors(asymptotic(logs))


def of_one_search(told: np.ndarray, last: bool) -> np.ndarray:
    """Which evaluations belong to the last search, (B, k); or to the first, behind which a certificate begins anew."""
    search = np.cumsum((told[:, :, STEP] == 0.0) & (told[:, :, ALPHA] == 0.0), axis=1)
    counted = ~np.isnan(told[:, :, STEP])
    which = np.max(np.where(counted, search, 0), axis=1, keepdims=True) if last else 1
    return counted & (search == which)


def noise(fit: Fit, slopes: np.ndarray) -> np.ndarray:
    """What the rounding of x makes of a gradient at the end, ``ROUNDINGS eps max_i sum_j |H_ij x_j|``, (B,).

    Where there is no Hessian, that share of the largest gradient.
    """
    eps = ROUNDINGS * np.finfo(fit.options.dtype).eps
    if fit.problem.n > SMALL:
        return eps * np.nanmax(np.where(np.isfinite(slopes), slopes, 0.0), axis=1)
    size = np.einsum("bij,bj->bi", np.abs(fit.derivatives[2]), np.abs(fit.solution.x)).max(1)
    return np.where(np.isfinite(size), eps * size, np.inf)


def asymptotic(logs: np.ndarray) -> np.ndarray:
    """Of each row those that are less than all before them, and near the last of these, at its left; then NaN."""
    before = np.minimum.accumulate(np.pad(logs, ((0, 0), (1, 0)), constant_values=np.inf), axis=1)[:, :-1]
    record = logs < before
    from_the_end = np.cumsum(record[:, ::-1], axis=1)[:, ::-1]
    near = logs <= logs.min(axis=1, keepdims=True) + RANGE
    chosen = record & (near | (from_the_end <= FEWEST))
    at = np.argsort(~chosen, axis=1, kind="stable")
    return np.take_along_axis(np.where(chosen, logs, np.nan), at, axis=1)


def slope_of_successors(logs: np.ndarray) -> np.ndarray:
    """Slope of the line of least squares through the pairs of a number and its successor; NaN of fewer than two."""
    x, y = logs[:, :-1], logs[:, 1:]
    paired = ~np.isnan(y)
    count = np.maximum(paired.sum(1), 1)
    x, y = np.where(paired, x, 0.0), np.where(paired, y, 0.0)
    dx = np.where(paired, x - (x.sum(1) / count)[:, None], 0.0)
    square = (dx * dx).sum(1)
    enough = (paired.sum(1) >= FEWEST - 1) & (square > 0.0)
    return np.where(enough, (dx * y).sum(1) / np.where(enough, square, 1.0), np.nan)
