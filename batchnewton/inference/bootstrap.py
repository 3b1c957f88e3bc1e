"""Bootstrap: the whole batch fitted to k resampled copies of its data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from batchnewton.options import check_choice, check_count
from batchnewton.problem import Problem
from batchnewton.schedule import solve
from batchnewton.solution import Solution

from .fit import Fit, sigmas, white_ydata, whitened
from .quantiles import check_level
from .rows import fitted

BLOCK = 20_000_000  # resampled values at a time
KINDS = {  # what can be drawn: of a likelihood there are no residuals, and robust losses say nothing of the noise
    "gaussian": ("residual", "parametric", "pairs"),
    "robust": ("residual", "pairs"),
    "likelihood": ("pairs",),
}


@dataclass(frozen=True)
class Bootstrap:
    """Refits to resampled data.

    Attributes
    ----------
    x : (k, B, n) array
        Parameters of each refit; NaN where it, or the fit itself, was no success.
    success : (k, B) array of bool
    """

    x: np.ndarray
    success: np.ndarray

    @property
    def stderr(self) -> np.ndarray:
        """Standard deviation of the refits, (B, n)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            count = self.success.sum(0)[..., None]
            middle = np.where(self.success[..., None], self.x, 0.0).sum(0) / count
            square = np.where(self.success[..., None], (self.x - middle) ** 2, 0.0).sum(0)
            return np.sqrt(square / np.where(count > 1, count - 1, np.nan))

    def interval(self, level: float = 0.95) -> np.ndarray:
        """Percentile intervals, (B, n, 2): Efron & Tibshirani (1993), section 13.3; of the successful refits."""
        tail = 0.5 * (1.0 - check_level(level))
        ordered = np.sort(self.x, axis=0)  # NaN last
        place = np.array([tail, 1.0 - tail])[:, None] * np.maximum(self.success.sum(0) - 1, 0).ravel()
        flat = ordered.reshape(len(ordered), -1, ordered.shape[-1])
        at, column = np.floor(place).astype(int), np.arange(flat.shape[1])
        low, high = flat[at, column], flat[np.minimum(at + 1, len(flat) - 1), column]
        share = (place - at)[..., None]
        ends = np.where(share > 0, low + share * (high - low), low)
        return np.moveaxis(ends, 0, -1).reshape(*self.x.shape[1:], 2)


def bootstrap(result: Any, k: int, kind: str = "residual", *, seed: int | None = None) -> Bootstrap:
    """Fit every curve of a result again to k resampled copies of its data, all in one batch.

    Parameters
    ----------
    result : Result
        Of `curve_fit`.
    k : int
        Number of copies: some 200 for standard errors, 1000 and more for intervals.
    kind : {"residual", "parametric", "pairs"}
        "residual": the fitted curve plus residuals drawn with replacement, in units of sigma, centred and widened by
        ``sqrt(m / (m - n))``; "parametric": plus Gaussian noise, of sigma where that is absolute, else scaled by the
        reduced chi-square; "pairs": points (x, y, sigma) drawn with replacement, which needs no model of the noise.
        Fits with a likelihood have "pairs" alone, robust ones no "parametric", those with a covariance no "pairs".
    seed : int, optional
        Of the random numbers: the same seed, the same answer.

    Returns
    -------
    Bootstrap
        With ``x`` (k, B, n), ``stderr`` (B, n), ``interval(level)`` (B, n, 2).

    Raises
    ------
    ValueError, TypeError
        For a result that is not of curves, or a bad argument.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 9 (residuals, pairs), section 6.5 (parametric).

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(0, 1, 20)
    >>> y = 1 + 2 * x + 0.1 * np.random.default_rng(0).standard_normal((3, 20))
    >>> res = bn.curve_fit(bn.models.polynomial(1), x, y)
    >>> again = bn.bootstrap(res, 400, seed=1)
    >>> again.x.shape, bool(np.allclose(again.stderr, res.stderr, rtol=0.2))
    ((400, 3, 2), True)
    """
    fit = getattr(result, "_fit", None)
    if not isinstance(fit, Fit):
        raise TypeError(f"result is a {type(result).__name__}; expected a Result of curve_fit")
    curve = fit.need_curve("bootstrap")
    check_choice("kind", kind, KINDS[curve.noise] if not curve.correlated else ("residual", "parametric"))
    found = resample(fit, check_count("k", k), kind, seed)
    return Bootstrap(found.x[:, 0], found.success[:, 0]) if fit.problem.single else found


def resample(fit: Fit, k: int, kind: str, seed: int | None) -> Bootstrap:
    """k refits of every problem."""
    B, m, n = fit.problem.size, fit.problem.m, fit.problem.n
    rng, draw = np.random.default_rng(seed), Draw(fit, kind)
    x, success = np.empty((k, B, n)), np.empty((k, B), bool)
    step = max(1, BLOCK // (B * m))
    for first in range(0, k, step):
        count = min(step, k - first)
        again = draw(rng, count)
        answer = Solution.empty(again, fit.options.dtype)
        solve(again, replace(fit.options, history=False), answer)
        x[first : first + count] = answer.x.reshape(count, B, n)
        success[first : first + count] = Fit(again, fit.options, answer, fit.absolute).success.reshape(count, B)
    success &= fit.success
    x[~success] = np.nan
    return Bootstrap(x, success)


class Draw:
    """Resampled copies of a batch."""

    def __init__(self, fit: Fit, kind: str) -> None:
        self.fit, self.kind, self.present = fit, kind, fit.present
        count = self.present.sum(1)
        self.count = np.maximum(count, 1)
        self.order = np.argsort(~self.present, axis=1, kind="stable")  # the rows that are there first
        if kind == "pairs":
            return
        correlated, value = fit.need_curve("bootstrap").correlated, whitened(fit, fitted(fit))
        self.value, self.sigma = value, np.ones(1) if correlated else sigmas(fit)
        if kind == "residual":
            freedom = np.maximum(count - fit.problem.free(), 1)
            rest = np.where(self.present, white_ydata(fit) - self.value, 0.0)
            rest -= (rest.sum(1) / self.count)[:, None]
            self.rest = rest * np.sqrt(count / freedom)[:, None]

    def __call__(self, rng: np.random.Generator, k: int) -> Problem:
        """k copies of the batch, one after the other."""
        problem = self.fit.problem
        B, m = problem.size, problem.m
        rows = np.tile(np.arange(B), k)
        whole = bool(self.present.all())
        taken = replace(
            problem.take(rows),
            x0=self.fit.solution.x[rows],
            counts=None,
            mask=None if whole else self.present[rows],
            omit=(),
            single=False,
        )
        if self.kind == "parametric":
            noise = rng.standard_normal((k, B, m)) * np.sqrt(self.fit.scale)[:, None]
            columns = {problem.place("ydata"): (self.value + noise) * self.sigma}
        else:
            chosen = self.choose(rng, k)
            if self.kind == "residual":
                drawn = np.take_along_axis(self.rest[None], chosen, 2)
                columns = {problem.place("ydata"): (self.value + drawn) * self.sigma}
            else:
                data = [i for i, one in enumerate(problem.inputs) if one.level in ("row", "point")]
                columns = {i: self.picked(i, chosen) for i in data}
        changes = {i: ("point", array.reshape(k * B, m, -1)) for i, array in columns.items()}
        return taken.rearranged(changes, box=taken.box)

    def choose(self, rng: np.random.Generator, k: int) -> np.ndarray:
        """Numbers of rows that are there, drawn with replacement, (k, B, m)."""
        B, m = self.present.shape
        drawn = (rng.random((k, B, m)) * self.count[:, None]).astype(np.int64)
        return np.take_along_axis(self.order[None], drawn, 2)

    def picked(self, i: int, chosen: np.ndarray) -> np.ndarray:
        """Data input i at the chosen rows, (k, B, m, size)."""
        array = self.fit.problem.array(i)
        full = np.broadcast_to(array, (*self.present.shape, array.shape[-1]))
        return np.take_along_axis(full[None], chosen[..., None], 2)
