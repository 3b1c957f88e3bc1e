"""What a solve returns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from . import notebook
from .arrays import given_back, on_host
from .inference import not_finite
from .inference.fit import Fit, succeeded
from .inference.order import orders
from .kernels.history import COLUMNS
from .options import Options
from .problem import Problem
from .solution import Solution
from .statistics import Statistics
from .status import ADVICE, SUCCESS, Status


class History(NamedTuple):
    """How a solve went, evaluation by evaluation; NaN behind the last of each problem.

    The values are those at the points that were tried, refused ones included; what begins anew (trust-region Newton,
    after the fast path; the certificate of a method that was chosen by name) goes on behind it.  The very last step may
    be taken without an evaluation.

    It takes 32 bytes an evaluation and problem, k of them in all; while it is written, 32 ``max_iter`` bytes for
    each problem of the chunks at work, of which each thread has one of at most 128 MB.

    Attributes
    ----------
    fun : (B, k) array
        The function, or half the sum of squared residuals; k is the largest number of evaluations.
    grad : (B, k) array
        Largest element of its gradient, ``max |g_i|``.
    step : (B, k) array
        Length of the step d to this point from where the method stood, without units: ``sqrt(sum (d_i / s_i)²)``,
        ``s_i = |x_i|`` where the search, or its phase, began (the largest of them where that is 0; 1 where all are).
        0 where a search begins.
    alpha : (B, k) array
        How much of the step of the method that is.  Damped Newton and trust regions:
        ``alpha = dᵀHd / (-gᵀd)``, H being the matrix of the step, so 1 is a whole Newton step, less one that was cut to
        that part, at a trust region or at bounds, and a negative number one along a negative curvature (there a
        trust-region step is no part of a Newton step, whose direction it has not).
        "bfgs", "lbfgs", "gradient-descent": where the line search looks, ``x + alpha d`` (d = -g of the last one).
        "newton-pure": 1.  NaN in brackets, and for a step that was not chosen by a model.  0 where a search begins.
    """

    fun: np.ndarray
    grad: np.ndarray
    step: np.ndarray
    alpha: np.ndarray


class Result(Statistics):
    """Answers of a batch; without a batch axis where one problem was given without one.

    ``grad``, ``hess``, ``cov``, ``stderr``, bands, profiles and what else is worked out when it is asked for is that of
    the arrays and the formula as they are then: nothing was copied.  Ask before a buffer of data, or ``x``, is changed.

    Attributes
    ----------
    x : (B, n) array
        Solutions; the best point found where ``success`` is False, the start where nothing could be evaluated.
    fun : (B,) array
        Value at x: the function, or half the sum of squared residuals (`curve_fit`, `least_squares`, `root`).
    status : (B,) array of int8
        See `Status`.
    success : (B,) array of bool
        Certified minimum or true root.
    nit, nfev : (B,) arrays of int32
        Steps taken; evaluations of f, g and H.
    seconds : float or None
        What the solve took by the clock; of the first call with a formula, compiling included.
    """

    seconds: float | None = None

    def __init__(self, problem: Problem, options: Options, solution: Solution, absolute_sigma: bool = True) -> None:
        self._problem, self._options, self._solution = problem, options, solution
        self._fit = Fit(problem, options, solution, absolute_sigma)
        self._reached: np.ndarray | None = None
        self._passed_over: np.ndarray | None = None

    def __reduce__(self) -> Any:
        """Formulas are often functions within functions, which `pickle` does not take by itself."""
        from numba import cloudpickle

        return _unpickled, (cloudpickle.dumps(self.__dict__),)

    def _plain(self, array: np.ndarray) -> np.ndarray:
        """Without the batch axis where there was none; an array of the library that came."""
        return given_back(super()._plain(array), self._problem.library, self._problem.gpu)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the unknowns: the formula's own for `curve_fit`."""
        return self._problem.names

    @property
    def x(self) -> np.ndarray:
        return self._plain(self._solution.where_it_lies("x"))

    @property
    def fun(self) -> np.ndarray:
        return self._plain(self._solution.where_it_lies("fun"))

    @property
    def status(self) -> np.ndarray:
        return self._plain(self._solution.where_it_lies("status"))

    @property
    def success(self) -> np.ndarray:
        return self._plain(succeeded(self._solution.where_it_lies("status")))

    @property
    def nit(self) -> np.ndarray:
        return self._plain(self._solution.where_it_lies("nit"))

    @property
    def nfev(self) -> np.ndarray:
        return self._plain(self._solution.where_it_lies("nfev"))

    @property
    def starts_reached(self) -> np.ndarray | None:
        """How many of a problem's starts reached the minimum that was kept, (B,): 0 where there is no success; None
        without ``starts``.  One of many hints that there may be a better one elsewhere."""
        return None if self._reached is None else self._plain(self._reached)

    @property
    def passed_over(self) -> np.ndarray | None:
        """Where another of a problem's starts ended lower than ``fun``, but without a success, so that it was not kept
        (``keep``): the lowest F of those, (B,); NaN where there is none, None without ``starts``."""
        return None if self._passed_over is None else self._plain(self._passed_over)

    @cached_property
    def history(self) -> History | None:
        """F, ``max |g_i|`` and the step of every evaluation, where the solve was told ``history=True``; else None."""
        if not self._options.history:
            return None
        told = self._solution.history()
        return History(*(self._plain(told[:, :, column]) for column in range(COLUMNS)))

    def order(self) -> np.ndarray:
        """Order of convergence that was observed, (B,): 1 linear, 2 quadratic; NaN where too little was seen.

        The order q is that of ``|g_{k+1}| ~ C |g_k|^q``: the slope of the line of least squares through the points
        ``(ln |g_k|, ln |g_{k+1}|)``, ``|g|`` being ``max |g_i|``; of three gradients it is
        ``ln (|g_3| / |g_2|) / ln (|g_2| / |g_1|)``.  The gradients are those of the last search in the history
        (of a method that ends in a certificate: of its own), each less than all before it, down to the rounding of x
        (``64 eps max_i sum_j |H_ij x_j|``), and not more than 1e8 times the least of them, but three at least.
        Near a simple root or strict minimum the gradient is proportional to the error, so that q is the order of
        ``|x_k - x*|``.

        An estimate of few numbers: the last step is often not evaluated, of Gauss-Newton and "mixed" the
        phases count as one search, and a start close to the end leaves nothing to see.

        Returns
        -------
        numpy.ndarray
            NaN where fewer than three gradients can be used.

        Raises
        ------
        ValueError
            Without ``history=True``.

        References
        ----------
        Ortega & Rheinboldt (1970), Iterative Solution of Nonlinear Equations in Several Variables, chapter 9;
        Cătinaş (2021), SIAM Review 63, 3 (the computational order of convergence by values, section 2).

        Examples
        --------
        >>> import numpy as np
        >>> import batchnewton as bn
        >>> root = bn.root(lambda x, a: x[0] ** 2 - a, [1.0], (2.0,), method="newton-pure", history=True)
        >>> round(float(root.order()), 1)
        2.0
        >>> double = bn.root(lambda x: x[0] ** 2, [1.0], method="newton-pure", history=True)
        >>> round(float(double.order()), 1)
        1.0
        """
        if not self._options.history:
            raise ValueError("order() needs the history of the solve, which was not kept; expected history=True")
        return self._plain(orders(self._fit))

    @property
    def grad(self) -> np.ndarray:
        """Gradient at x, (B, n): of the function, or of half the sum of squares."""
        return self._plain(self._fit.derivatives[1])

    @property
    def hess(self) -> np.ndarray:
        """Exact Hessian at x, (B, n, n) (`root`: JᵀJ)."""
        return self._plain(self._fit.derivatives[2])

    @property
    def at_bound(self) -> np.ndarray:
        """Which unknowns ended at a bound, (B, n); not those that are fixed."""
        return self._plain(self._problem.at_bound(self._solution.x))

    @property
    def start_moved(self) -> np.ndarray:
        """Which unknowns had a start outside their bounds, that was moved to the nearest bound, (B, n)."""
        moved = self._problem.moved
        return self._plain(np.zeros(self._solution.x.shape, bool) if moved is None else moved)

    @property
    def cov(self) -> np.ndarray:
        """Covariance of the parameters at x, (B, n, n): as SciPy's ``pcov`` for `curve_fit`, (JᵀJ)⁻¹ for
        `least_squares`, H⁻¹ for `minimize` and with a ``loss`` (of a robust one, times ``2 fun / (m - n)`` unless
        ``absolute_sigma``); infinite where that matrix is not positive definite.
        Unknowns that are fixed, or at a bound, have rows and columns of zeros: the others' covariance is that given
        these."""
        return self._plain(self._fit.cov_there)

    @property
    def stderr(self) -> np.ndarray:
        """Standard errors: square roots of the diagonal of ``cov``."""
        return self._plain(self._fit.stderr_there)

    def message(self, i: int = 0) -> str:
        """What happened to problem i, and what to try; where it is not finite at its start: the value or a derivative,
        at which data point."""
        status = Status(int(self._solution.status[i]))
        more = not_finite.reason(self._fit, i) if status == Status.NOT_FINITE_AT_START else ""
        return f"{ADVICE[status]} ({more})" if more else ADVICE[status]

    def summary(self) -> str:
        """Counts by status and evaluations, in a few lines."""
        size, n = self._problem.size, self._problem.n
        plural = "s" if size != 1 else ""
        lines = [f"{size} problem{plural}, {n} unknowns, {self._solution.nfev.mean():.1f} evaluations each"]
        for found, count in self._by_status():
            lines += [f"  {found.name:20s} {count:9d}  {100 * count / size:6.2f} %  {ADVICE[found]}"]
        (bad,) = np.nonzero(on_host(self._solution.status) == Status.NOT_FINITE_AT_START)
        if bad.size and self._why:
            lines += [f"  of problem {bad[0]} {self._why}" if size > 1 else f"  {self._why}"]
        if self._problem.moved is not None and self._problem.moved.any():
            lines += [f"  {int(self._problem.moved.any(1).sum())} starts lay outside the bounds and were moved in"]
        lower = 0 if self._passed_over is None else int(np.isfinite(self._passed_over).sum())
        if lower:
            lines += [f"  of {lower} another start ended lower, but not at a minimum: see passed_over, keep="]
        return "\n".join(lines)

    @cached_property
    def _why(self) -> str:
        """What is not finite at the start of the first problem that has this status."""
        return not_finite.reason(self._fit, int(np.argmax(self._solution.status == Status.NOT_FINITE_AT_START)))

    def _by_status(self) -> list[tuple[Status, int]]:
        """Statuses with the number of their problems, the most frequent first."""
        codes, counts = np.unique(on_host(self._solution.status), return_counts=True)
        found = [(Status(int(code)), int(count)) for code, count in zip(codes, counts, strict=True)]
        return sorted(found, key=lambda pair: -pair[1])

    def _repr_html_(self) -> str:
        """What a notebook shows: counts by status, throughput, the first rows, histograms of the successes."""
        first = [Status(int(code)).name for code in on_host(self._solution.status[: notebook.ROWS])]
        statuses = [(one.name, count, one in SUCCESS, ADVICE[one]) for one, count in self._by_status()]
        x, fun, nfev = (on_host(array) for array in (self._solution.x, self._solution.fun, self._solution.nfev))
        return notebook.page(self.names, x, fun, nfev, statuses, first, on_host(self._fit.success), self.seconds)

    def __iter__(self) -> Iterator[np.ndarray]:
        """``popt, pcov = curve_fit(...)``."""
        return iter((self.x, self.cov))

    def __repr__(self) -> str:
        return f"<batchnewton.Result: {self.summary()}>"


def _unpickled(content: bytes) -> Result:
    """What `Result.__reduce__` wrote."""
    from numba import cloudpickle

    result = Result.__new__(Result)
    result.__dict__.update(cloudpickle.loads(content))
    return result
