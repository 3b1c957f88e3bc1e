"""The front doors for functions of x: check the call, then solve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import given_back, on_host
from .function import from_function
from .lazy import lazily
from .options import check_keywords, options
from .result import Result
from .schedule import chosen_gpus, derivatives
from .solved import solved


@lazily
def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    *,
    data: Any = (),
    counts: Any = None,
    mask: Any = None,
    loss: Any = "linear",
    f_scale: Any = 1.0,
    bounds: Any = None,
    fixed: Any = None,
    prior: Callable[..., Any] | None = None,
    starts: Any = None,
    keep: str = "lowest",
    method: str | None = None,
    ftol: float | None = None,
    xtol: float | None = None,
    gtol: float | None = None,
    max_iter: int | None = None,
    dtype: Any = "float64",
    device: str = "auto",
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] = False,
    history: bool = False,
    **unknown: Any,
) -> Result:
    """Least squares: ``min_x sum_k |fun(x, *args, *row_k)|² / 2`` for each problem of a batch.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, *row)`` returns one residual or several (a list, a tuple, an array, nested).
    x0 : array_like
        Start: ``(B, n)``, or ``(n,)`` for one problem (then nothing has a batch axis).
    args : tuple of array_like
        Constants of each problem, ``(B, ...)``; a number, or `shared` of an array, is the same for all.
    data : tuple of array_like
        Rows to sum over: ``(B, m, ...)``, or `shared` of ``(m, ...)``.
    counts, mask
        Rows that each problem has, as for `curve_fit`.
    loss, f_scale, bounds, fixed, starts, keep
        As for `curve_fit`; a loss of each residual, no likelihoods; names are "x0", "x1", ...
    prior : callable, optional
        ``prior(x, *args)``, a number that is added once to the half sum of squares.
    method, ftol, xtol, gtol, max_iter, dtype, device, threads, progress, history
        As for `curve_fit`.

    Returns
    -------
    Result

    Examples
    --------
    Rosenbrock's function as two residuals, from two starts:

    >>> import batchnewton as bn
    >>> res = bn.least_squares(lambda x: (10 * (x[1] - x[0] ** 2), 1 - x[0]), [[-1.2, 1.0], [2.0, 2.0]])
    >>> res.x.round(9).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    check_keywords(unknown, least_squares)
    problem = from_function("least-squares", fun, x0, args, data, counts, mask, loss, f_scale, bounds, fixed, prior)
    chosen = options(problem.kind, method, ftol, xtol, gtol, max_iter, dtype, device, threads, history)
    return solved(problem, chosen, progress, starts=starts, keep=keep)


@lazily
def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    *,
    data: Any = (),
    counts: Any = None,
    mask: Any = None,
    bounds: Any = None,
    fixed: Any = None,
    prior: Callable[..., Any] | None = None,
    starts: Any = None,
    keep: str = "lowest",
    method: str | None = None,
    ftol: float | None = None,
    xtol: float | None = None,
    gtol: float | None = None,
    max_iter: int | None = None,
    dtype: Any = "float64",
    device: str = "auto",
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] = False,
    history: bool = False,
    **unknown: Any,
) -> Result:
    """Minimise ``sum_k fun(x, *args, *row_k)`` for each problem of a batch.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, *row)`` returns a number: the function, or with ``data`` its summand (a likelihood is written
        as the term of one observation).
    x0, args, data, counts, mask
        As for `least_squares`.
    bounds, fixed, starts, keep
        As for `curve_fit`; names are "x0", "x1", ...
    prior : callable, optional
        ``prior(x, *args)``, a number that is added once to the sum.
    method : {"newton", "trust-region", "newton-pure", "bfgs", "lbfgs", "gradient-descent"}
        "newton", the default: exact Hessian, modified Cholesky factorisation, bounded and shortened steps; what that
        leaves goes to trust-region Newton in float64, one problem at a time. "trust-region": steps of least model value
        within a radius, the same behind them. "bfgs", "lbfgs" (the last 8 steps, strong Wolfe line search, both) and
        "gradient-descent" (backtracking with interpolation) use values and gradients alone, the last two for up to 128
        unknowns; "newton-pure" takes full Newton steps, uphill and to saddles, too: for comparison. No other method
        helps these four out: an end is a success only where a few Newton steps from there certify a minimum at that
        place, which also gives its last digits (beyond 32 unknowns: with differences of gradients). They take no
        bounds.
    ftol, xtol, gtol, max_iter, dtype, device, threads, progress, history
        As for `curve_fit`.

    Returns
    -------
    Result

    Examples
    --------
    >>> import batchnewton as bn
    >>> res = bn.minimize(lambda x, a: (x[0] - a) ** 2 + x[0] ** 4, [[1.0], [1.0]], args=([0.0, 3.0],))
    >>> res.x.ravel().round(6).tolist()
    [0.0, 1.0]
    """
    check_keywords(unknown, minimize)
    problem = from_function("minimize", fun, x0, args, data, counts, mask, bounds=bounds, fixed=fixed, prior=prior)
    chosen = options(problem.kind, method, ftol, xtol, gtol, max_iter, dtype, device, threads, history)
    return solved(problem, chosen, progress, starts=starts, keep=keep)


@lazily
def root(
    fun: Callable[..., Any],
    x0: Any = None,
    args: Any = (),
    *,
    data: Any = (),
    counts: Any = None,
    mask: Any = None,
    bracket: Any = None,
    method: str | None = None,
    ftol: float | None = None,
    xtol: float | None = None,
    gtol: float | None = None,
    max_iter: int | None = None,
    dtype: Any = "float64",
    device: str = "auto",
    threads: int | None = None,
    progress: bool | Callable[[int, int], Any] = False,
    history: bool = False,
    **unknown: Any,
) -> Result:
    """Solve n equations in n unknowns, ``sum_k fun(x, *args, *row_k) = 0``, for each problem of a batch.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, *row)`` returns n residuals.
    x0, args, data, counts, mask
        As for `least_squares`.  With a ``bracket`` x0 is optional.
    bracket : pair or (B, 2) array, optional
        For one unknown: (a, b), numbers or ``(B,)`` arrays, between which F changes its sign, in any order.  The root
        stays between them: Newton steps where they are good, else bisection, which ends for any continuous F.  Where F
        does not change its sign, or jumps, or has a pole there, the status is `Status.NO_ROOT`; `Status.SINGULAR`
        where F vanishes but so does its slope (underflow is not told from a root).  At the end
        ``|F| <= 4.5 eps |F'| max(|x|, 1e-8 |b|)``, b the larger end; or F changes its sign within two roundings of x,
        and F / F' is at most 1e-11 (float32: 2e-5) of x; or xtol of x, where ``|F|`` is at the rounding level of F(a)
        and F(b).  Not with ``dtype="mixed"``.
    method : {"newton", "newton-pure"}
        Newton steps, damped so that ``|F|²`` falls; the Jacobian is factorised itself, not ``JᵀJ``.
        "newton-pure" takes every Newton step in full, to compare with: it may cycle or diverge, and says so.  Not with
        a ``bracket``.
    ftol, xtol, gtol, max_iter, dtype, device, threads, progress, history
        As for `curve_fit`.

    Returns
    -------
    Result
        ``fun`` is ``|F|² / 2``.

    Examples
    --------
    Kepler's equation for three eccentricities:

    >>> import math
    >>> import batchnewton as bn
    >>> res = bn.root(lambda x, e: x[0] - e * math.sin(x[0]) - 1.0, [[1.0]] * 3, args=([0.0, 0.5, 0.9],))
    >>> res.x.ravel().round(6).tolist()
    [1.0, 1.498701, 1.862087]

    Within a bracket; 1 / x changes its sign at 0, too, but has no root:

    >>> bn.root(lambda x, a: x[0] ** 3 - a, args=([2.0, 3.0],), bracket=(0.0, 2.0)).x.ravel().round(6).tolist()
    [1.259921, 1.44225]
    >>> bool(bn.root(lambda x: 1 / x[0], bracket=(-1.0, 1.5)).success)
    False

    References
    ----------
    Dennis & Schnabel (1983), Numerical Methods for Unconstrained Optimization, chapter 6; Press et al. (2007),
    Numerical Recipes, section 9.4.
    """
    check_keywords(unknown, root)
    problem = from_function("root", fun, x0, args, data, counts, mask, bracket=bracket)
    chosen = options(problem.kind, method, ftol, xtol, gtol, max_iter, dtype, device, threads, history)
    if problem.bracketed and chosen.method:
        raise ValueError(f"method={method!r} does not know a bracket; expected method='newton'")
    if problem.bracketed and chosen.mixed:
        raise ValueError("dtype='mixed' does not know a bracket; expected dtype='float64' or 'float32'")
    return solved(problem, chosen, progress)


@lazily
def value_grad_hess(
    fun: Callable[..., Any],
    x: Any,
    args: Any = (),
    *,
    data: Any = (),
    counts: Any = None,
    mask: Any = None,
    dtype: Any = "float64",
    device: str = "auto",
    threads: int | None = None,
    **unknown: Any,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact value, gradient and Hessian of ``sum_k fun(x, *args, *row_k)`` for each problem of a batch.

    Parameters
    ----------
    fun, x, args, data, counts, mask
        As for `minimize`; x is where to evaluate.
    dtype, device, threads
        As for `curve_fit`.

    Returns
    -------
    f : (B,) array
    g : (B, n) array
    H : (B, n, n) array
        Without the batch axis for a 1-D x.

    Examples
    --------
    >>> import batchnewton as bn
    >>> f, g, H = bn.value_grad_hess(lambda x: x[0] ** 2 * x[1], [3.0, 2.0])
    >>> float(f), g.tolist(), H.tolist()
    (18.0, [12.0, 9.0], [[4.0, 6.0], [6.0, 0.0]])
    """
    check_keywords(unknown, value_grad_hess)
    problem = from_function("minimize", fun, x, args, data, counts, mask)
    chosen = options("minimize", None, None, None, None, 1, dtype, device, threads, False)
    at = np.ascontiguousarray(on_host(problem.x0), chosen.dtype)
    found = derivatives(problem, at, "minimize", chosen.threads, chosen_gpus(problem, chosen))
    f, g, h = (given_back(one[0] if problem.single else one, problem.library, problem.gpu) for one in found)
    return f, g, h
