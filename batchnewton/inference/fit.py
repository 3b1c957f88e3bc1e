"""A batch of answers, and the statistics that need its data alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from batchnewton.arrays import on_host, put, rows_of
from batchnewton.kernels import status
from batchnewton.methods import SMALL
from batchnewton.options import Options
from batchnewton.phases import residuals_of
from batchnewton.problem import Curve, Problem
from batchnewton.schedule import chosen_gpus, chunks, derivatives
from batchnewton.solution import Solution

from .covariance import apart_from_others, covariances, variance_of
from .quantiles import check_level, normal_quantile, t_quantile

KINDS = {"minimize": "minimize", "least-squares": "least-squares", "root": "gauss-newton"}


@dataclass(eq=False)
class Fit:
    """Answers of a batch, always with the batch axis.

    Attributes
    ----------
    absolute : bool
        Whether the covariance takes sigma as it is; else it is scaled by the reduced chi-square.
    """

    problem: Problem
    options: Options
    solution: Solution
    absolute: bool

    @property
    def success(self) -> np.ndarray:
        """Certified minimum or true root."""
        return succeeded(self.solution.status)

    @cached_property
    def gpus(self) -> tuple[int, ...]:
        """The GPUs that the batch was solved on; () for the CPU."""
        return chosen_gpus(self.problem, self.options) if self.problem.n <= SMALL else ()

    @cached_property
    def derivatives(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value, gradient and exact Hessian (root: JᵀJ) at the answers, where the problem's arrays lie."""
        problem, x = self.problem, self.solution.where_it_lies("x")
        return derivatives(problem, x, KINDS[problem.kind], self.options.threads, self.gpus)

    @cached_property
    def points(self) -> np.ndarray:
        """Observations of each problem: data rows that it was fitted to, times the residuals of a row."""
        rows = np.concatenate([self.used(rows) for rows in chunks(self.problem, 1)])
        if self.problem.curve is not None or not (self.problem.kind == "least-squares" or self.problem.summands):
            return rows
        return rows * residuals_of(self.problem, self.options)

    def used(self, rows: slice) -> np.ndarray:
        """Data rows that each of these problems was fitted to: NaNs are looked for where there is one."""
        problem = self.problem
        with np.errstate(invalid="ignore", over="ignore"):
            clean = not any(np.isnan(problem.data[i][rows].sum()) for i in problem.omit)
        return problem.points(rows) if clean else problem.present(np.arange(rows.start, rows.stop)).sum(1)

    @cached_property
    def present(self) -> np.ndarray:
        """Data rows that each problem was fitted to, (B, m) of truth values."""
        every = np.arange(self.problem.size)
        return np.concatenate([self.problem.present(every[rows]) for rows in chunks(self.problem, 1)])

    @property
    def freedom(self) -> np.ndarray:
        """Degrees of freedom, observations minus parameters."""
        return self.points - self.problem.free()

    @cached_property
    def chi_square(self) -> np.ndarray:
        """``sum_k ((y_k - f_k) / sigma_k)²``."""
        self.need_squares("chi-square")
        return 2.0 * self.solution.fun.astype(np.float64)

    @property
    def reduced_chi_square(self) -> np.ndarray:
        """Chi-square over the degrees of freedom; infinite where there are none."""
        self.need_squares("chi-square")
        return self.variance

    @property
    def variance(self) -> np.ndarray:
        """Variance of the data, ``2 F / (m - n)``; infinite where there are no degrees of freedom."""
        return variance_of(self.solution.fun, self.freedom)

    @cached_property
    def cov(self) -> np.ndarray:
        """Covariance of the parameters; infinite where the matrix to invert is not positive definite."""
        return on_host(self.cov_there)

    @cached_property
    def cov_there(self) -> np.ndarray:
        """The same, where the problem's arrays lie.  A GPU leaves some problems to the CPU (`at_answers`)."""
        problem, x = self.problem, self.solution.where_it_lies("x")
        kind = "minimize" if problem.kind == "minimize" else "gauss-newton"
        freedom = None if self.absolute else self.freedom
        if not self.gpus:
            return self._mended(covariances(problem, x, kind, freedom, self.options.threads), kind)
        apart = None if problem.box is None else lambda rows: apart_from_others(problem, x[rows], rows)
        from batchnewton import at_answers

        cov, left = at_answers.covariances(problem, x, kind, self.gpus, freedom, apart)
        if (at := np.flatnonzero(left)).size:
            some = None if freedom is None else freedom[at]
            put(cov, at, covariances(problem.take(at), on_host(rows_of(x, at)), kind, some, self.options.threads))
        return cov

    def _mended(self, cov: np.ndarray, kind: str) -> np.ndarray:
        """With what float64 says of certified minima where float32 saw no definite matrix, or else the exact Hessian,
        which is definite there, if JᵀJ is not: at the minimum of ``a² t`` where that is a = 0."""
        good = self.success & (self.problem.kind != "root") & (self.absolute | (self.freedom > 0))
        rows = np.flatnonzero(good & ~np.isfinite(cov).all((1, 2)))
        for curvature in (kind, KINDS[self.problem.kind]):
            if not rows.size:
                break
            problem, x = self.problem.take(rows), self.solution.x[rows].astype(np.float64)
            freedom = None if self.absolute else self.freedom[rows]
            with np.errstate(over="ignore"):
                cov[rows] = covariances(problem, x, curvature, freedom, self.options.threads)
            rows = rows[~np.isfinite(cov[rows]).all((1, 2))]
        return cov

    @property
    def stderr(self) -> np.ndarray:
        """Standard errors."""
        return on_host(self.stderr_there)

    @property
    def stderr_there(self) -> np.ndarray:
        """The same, where the problem's arrays lie.  Squares of what float32 holds may be too small for it."""
        error = np.sqrt(self.cov_there.diagonal(0, 1, 2))
        small = np.finfo(error.dtype).tiny ** 0.5
        if error.dtype == np.float32 and not self.gpus and (error < small).any():
            apart = self.problem.fixed | self.problem.at_bound(self.solution.x)
            self._again(error, np.flatnonzero(((error < small) & ~apart).any(1)))
        return error

    def _again(self, error: np.ndarray, rows: np.ndarray) -> None:
        """Standard errors of some problems by float64, into ``error``."""
        problem, x = self.problem.take(rows), self.solution.x[rows].astype(np.float64)
        kind = "minimize" if problem.kind == "minimize" else "gauss-newton"
        freedom = None if self.absolute else self.freedom[rows]
        error[rows] = np.sqrt(covariances(problem, x, kind, freedom, self.options.threads).diagonal(0, 1, 2))

    @property
    def correlation(self) -> np.ndarray:
        """``cov_ij / (stderr_i stderr_j)``; NaN where the covariance is not finite."""
        error = self.stderr
        with np.errstate(invalid="ignore"):
            ratio = self.cov / error[:, :, None] / error[:, None, :]
        diagonal = np.eye(self.problem.n, dtype=bool) & np.isfinite(ratio)
        return np.where(diagonal, 1.0, np.clip(ratio, -1.0, 1.0))

    @property
    def scale(self) -> np.ndarray:
        """Variance in units of which the cost is measured: 1 where it is absolute, else that of the data."""
        return np.ones(self.problem.size) if self.absolute else self.variance

    def quantile(self, level: float) -> np.ndarray:
        """Half width of an interval in standard errors: normal where sigma is absolute, else Student's t."""
        level = check_level(level)
        if self.absolute:
            return np.full(self.problem.size, normal_quantile(level))
        return t_quantile(level, self.freedom)

    def information(self, penalty: np.ndarray | float) -> np.ndarray:
        """-2 log-likelihood, without constants, plus ``penalty n``, of the n unknowns that are not fixed."""
        F, n = self.solution.fun.astype(np.float64), self.problem.free()
        if self.problem.kind == "root":
            raise ValueError(
                "a root search has no likelihood; expected a result of curve_fit, least_squares or minimize"
            )
        if self.problem.kind == "minimize" or self.absolute:
            return 2.0 * F + penalty * n
        with np.errstate(divide="ignore"):
            return self.points * np.log(2.0 * F / self.points) + penalty * n

    def need_squares(self, what: str) -> None:
        """A clear error for what only least squares has."""
        if self.problem.kind != "least-squares":
            raise ValueError(f"{what} is of least squares; this result came from {self.problem.kind}")

    def need_curve(self, what: str) -> Curve:
        """The curve, or a clear error for what only fitted curves have."""
        if self.problem.curve is None:
            raise ValueError(f"{what} needs a curve; expected a result of curve_fit")
        return self.problem.curve


def r_squared(fit: Fit) -> np.ndarray:
    """``1 - |W (y - f)|² / |W (y - mean)|²`` with W = 1 / sigma, or that of a covariance, and the mean weighted so."""
    fit.need_curve("r_squared")
    one = np.where(fit.present, whitened(fit, np.ones((fit.problem.size, fit.problem.m))), 0.0)
    y = np.where(fit.present, white_ydata(fit), 0.0)
    middle = (one * y).sum(1) / (one * one).sum(1)
    total = ((y - middle[:, None] * one) ** 2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 - fit.chi_square / total


def whitened(fit: Fit, values: np.ndarray) -> np.ndarray:
    """Values at the data, (..., B, m), in units of their errors: over sigma, or times W."""
    if not fit.need_curve("whitening").correlated:
        return values / sigmas(fit)
    W = fit.problem.array(fit.problem.place("whitening")).astype(np.float64)
    return values @ W.T if W.ndim == 2 else np.einsum("bkj,...bj->...bk", W, values)


def white_ydata(fit: Fit) -> np.ndarray:
    """The data of each curve in units of their errors, (B, m)."""
    return ydata(fit) if fit.need_curve("ydata").correlated else ydata(fit) / sigmas(fit)


def ydata(fit: Fit) -> np.ndarray:
    """The data of each curve, (B, m), as the formula gets them."""
    return column(fit, fit.problem.place("ydata"))


def sigmas(fit: Fit) -> np.ndarray:
    """Standard deviations of the data, (B, m); ones where none were given."""
    problem = fit.problem
    weighted = "sigma" in fit.need_curve("sigma").given
    return column(fit, problem.place("sigma")) if weighted else np.ones((problem.size, problem.m))


def column(fit: Fit, i: int) -> np.ndarray:
    """Scalar data input i, (B, m) in float64."""
    array = fit.problem.array(i)[..., 0].astype(np.float64)
    return np.broadcast_to(array, (fit.problem.size, fit.problem.m))


def succeeded(found: Any) -> Any:
    """Which of these statuses are successes."""
    return (found == status.CONVERGED) | (found == status.CONVERGED_AT_BOUND)
