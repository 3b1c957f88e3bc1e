"""The front door for curves: check the call, then solve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .curve import from_curve
from .lazy import lazily
from .losses import LIKELIHOODS
from .options import check_choice, check_keywords, options
from .result import Result
from .solved import solved


@lazily
def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    *,
    counts: Any = None,
    mask: Any = None,
    nan: str = "omit",
    loss: Any = "linear",
    f_scale: Any = 1.0,
    trials: Any = None,
    bounds: Any = None,
    fixed: Any = None,
    prior: Callable[..., Any] | None = None,
    prior_args: Any = (),
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
    """Fit a formula to many curves: ``min_p sum_k ((f(x_k, p) - y_k) / sigma_k)² / 2`` for each.

    Parameters
    ----------
    f : callable
        ``f(x, a, b, ...)``, a plain Python function, as SciPy calls it: x is xdata, (m,), or k coordinates
        (``u, v = x``).  Gradient and Hessian are derived from it, for one data point at a time: what depends on x alone
        (``np.max(x)``, ``np.diff(x, prepend=0)``) has NumPy's value, and an ``if`` on x or parameters is taken point by
        point.  What needs the formula's own values at other points is refused.  Or a `Model`, as in
        ``batchnewton.models``.
    xdata : array_like
        ``(m,)``, or ``(k, m)`` for k coordinates, shared by all curves; ``(B, k, m)`` for each its own.
    ydata : array_like
        ``(B, m)``, or ``(m,)`` for one curve.  Or a list of curves ``(m_b,)`` of any lengths; xdata (a list of as many
        arrays ``(m_b,)`` or ``(k, m_b)``) and sigma may then be lists too.
    p0 : array_like or dict, optional
        Start: ``(n,)`` for all or ``(B, n)``; or by name, ``{"a": 1.0, ...}``, numbers or ``(B,)``.  By default the
        guess of a `Model`, which also fills what a dict leaves out; ones, as in SciPy, for a plain function.
    sigma : array_like, optional
        Standard deviations of ydata: a number, ``(m,)`` or ``(B, m)``, positive.  Or the covariance C of its points,
        ``(m, m)`` for all curves or ``(B, m, m)``: minimised is ``(f - y)ᵀ C⁻¹ (f - y) / 2``, m up to 200; of the
        points that are there, where some are missing.  For as many curves as points ``(m, m)`` is standard
        deviations; ``bn.shared(C)`` is always a covariance.
    absolute_sigma : bool
        Whether ``cov`` takes sigma as absolute; else it is scaled by the reduced chi-square, as in SciPy.  With a
        likelihood or a ``prior`` it always is.
    counts : array_like of int, optional
        ``(B,)``: curve b has the first ``counts[b]`` points only; what lies behind does not matter.
    mask : array_like of bool, optional
        ``(B, m)`` or ``(m,)``: True where a point counts.
    nan : {"omit", "raise"}
        NaN in xdata or ydata: leave out the point, or raise ValueError.
    loss : str or callable
        What is summed in place of r²/2, with r the residual (in units of sigma): as in SciPy's ``least_squares``,
        ``C² rho((r / C)²) / 2`` with rho "linear", "soft_l1", "huber", "cauchy", "arctan", or a function ``rho(z)``
        of one number, written as a formula is.  Or a likelihood of ydata, by half its deviance, so that ``2 fun`` is
        the deviance: "poisson" (f is the mean count), "binomial" (f is the probability; ``trials``),
        "negative-binomial" (f is the mean; variance ``f + f² / trials``), "scmos" (Poisson with read noise ``sigma``),
        "rician" (magnitudes of noise ``sigma``; ``fun`` is -log L but for terms without f).
    f_scale : float or array_like
        The scale C of a loss: a number, or ``(B,)``.
    trials : array_like, optional
        Number of trials of "binomial", size of "negative-binomial": a number, ``(m,)`` or ``(B, m)``.
    bounds : (lower, upper), dict or "natural", optional
        Each a number, ``(n,)``, ``(B, n)`` or None; infinite where there is none; equal ones fix a parameter.  By
        name: ``{"tau": (0, None)}``, each a number, ``(B,)`` or None.  "natural": those of a `Model`.  A start outside
        is moved to the nearest bound (`Result.start_moved`).  Which parameters end at a bound: `Result.at_bound`.
    fixed : array_like of bool, sequence of str or dict, optional
        ``(n,)`` or ``(B, n)``: True where a parameter keeps its start.  Or names, ``["c"]``; or by name,
        ``{"c": True}``, each a truth value or ``(B,)`` of them.
    prior : callable, optional
        ``prior(a, b, ..., *prior_args)``, a plain formula of the parameters that is added once to what is minimised:
        ``-log`` of their density, for instance.  Sigma then counts as absolute (1 where there is none).
    prior_args : tuple of array_like, optional
        Constants of the prior, as ``args`` of `least_squares`.
    starts : array_like or int, optional
        Further starts, ``(k, n)`` for all or ``(B, k, n)``; or a number of Sobol points between finite bounds.
        `Result.starts_reached` says how many starts reached the minimum that is kept.
    keep : {"lowest", "certified"}
        Which end of the ``starts`` is kept.  "lowest": the certified minimum, unless another start ended lower without
        a success (at a kink, for instance) and neither is singular nor has run off; "certified": the lowest certified
        minimum, if there is one.  `Result.passed_over` tells what was lower and not kept.
    method : {"lm", "newton", "trust-region", "newton-pure", "bfgs", "lbfgs", "gradient-descent"}
        "lm", the default: Gauss-Newton steps, bounded and damped, then exact Newton steps and a test of the exact
        Hessian; "newton": the exact Hessian throughout; both with trust-region Newton for what is left.
        With a likelihood "newton" is the default, after steps of its Fisher information where that is known.
        "trust-region": steps of least model value within a radius.  The others run as they are, whatever becomes of
        them, on half the sum of squares: see `minimize`.
    ftol, xtol, gtol, max_iter
        See `batchnewton.options.Options`; the defaults are accurate, not loose.
    dtype : {"float64", "float32", "mixed"}
        Precision; "mixed" begins in float32 and ends in float64, with the accuracy and the tests of float64.
    device : {"auto", "cpu", "cuda", "cuda:0", ...}
        Where to solve: on the CPU; on all GPUs, or on one; "auto" takes the GPUs where there are usable ones and the
        batch is worth it (`batchnewton.info` says what it finds).
    threads : int, optional
        CPU threads; by default all cores, or one inside a worker of joblib, Dask or multiprocessing
        (`batchnewton.options.Options`).  Results do not depend on it.
    progress : bool or callable
        Show a bar, or call ``progress(done, total)``.
    history : bool
        Keep F, ``max |g_i|`` and the step of every evaluation: `Result.history`.

    Returns
    -------
    Result
        ``popt, pcov = curve_fit(...)`` unpacks as SciPy's does.

    Raises
    ------
    ValueError, TypeError
        For a bad call, before anything runs.  A bad problem gets a `Status` instead.
    Interrupted
        At Ctrl-C; its ``result`` holds what was finished.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> def decay(t, a, tau, c):
    ...     return a * np.exp(-t / tau) + c
    >>> t = np.linspace(0, 5, 16)
    >>> y = np.array([decay(t, 1.0, 1.5, 0.2), decay(t, 2.0, 0.7, 0.1)])
    >>> res = bn.curve_fit(decay, t, y, p0=[1.5, 1.0, 0.0])
    >>> res.x.round(6).tolist()
    [[1.0, 1.5, 0.2], [2.0, 0.7, 0.1]]
    >>> res.success.tolist()
    [True, True]

    References
    ----------
    Dennis & Schnabel (1983), Numerical Methods for Unconstrained Optimization, chapters 6 and 10.
    """
    check_keywords(unknown, curve_fit)
    check_choice("nan", nan, ("omit", "raise"))
    problem = from_curve(
        f, xdata, ydata, p0, sigma, counts, mask, nan, loss, f_scale, trials, bounds, fixed, prior, prior_args
    )
    chosen = options(problem.kind, method, ftol, xtol, gtol, max_iter, dtype, device, threads, history)
    likely = prior is not None or (isinstance(loss, str) and loss in LIKELIHOODS)
    absolute = likely or (bool(absolute_sigma) if sigma is not None else False)
    return solved(problem, chosen, progress, absolute, starts, keep)
