"""What to write in place of what cannot be derived: one row a function, by its name."""

from __future__ import annotations

import os
import traceback
from types import CodeType, TracebackType

from batchnewton.derive.errors import TraceError, is_shown

SOLVE = (
    "a solve inside a formula is not derived; write its solution in closed form, or make its unknown a parameter and "
    "its equation a residual of bn.least_squares"
)
EQUATION = (
    "a differential equation inside a formula is not solved; write its solution in closed form, or a `for` loop over a "
    "fixed number of steps (Runge-Kutta) with arithmetic"
)
INTEGRAL = (
    "an integral inside a formula is not derived; write its closed form, or a weighted sum over fixed nodes, as "
    "np.polynomial.legendre.leggauss(16) gives them"
)
DENSITY = (
    "write the density out, as in np.exp(-0.5 * ((x - mu) / s) ** 2) / (s * np.sqrt(2 * np.pi)); scipy.special's ndtr, "
    "gammaln, betaln, ... may be used"
)
CURVE = (
    "bn.models.spline(values) makes a measured shape that may be shifted and scaled; np.interp(x, known, known) may be "
    "used. Of x alone the function may be used"
)
OTHER_POINTS = "a formula is evaluated at one data point at a time, so it does not know its values at other points"
SCALE = f"{OTHER_POINTS}; normalise by a closed form or by a parameter of its own. Of x alone the function may be used"
SUM = (
    f"{SCALE}. In least_squares and minimize with data= the formula returns the residuals or the summand of one row, "
    "and batchnewton adds over the rows"
)
RUNNING = f"{OTHER_POINTS}; write the closed form of the sum or integral. Of x alone the function may be used"
NEIGHBOURS = (
    f"{OTHER_POINTS}; write the derivative, or give the neighbouring x as further coordinates, xdata of shape (k, m). "
    "Of x alone the function may be used"
)
ORDER = f"{OTHER_POINTS}, and cannot change their order. Of x alone the function may be used"
LIBRARY = "write it with arithmetic, sums, np.where and the functions of math, NumPy and scipy.special"

_ROWS: list[tuple[str, str]] = [
    ("odeint solve_ivp ode solve_bvp complex_ode", EQUATION),
    ("quad dblquad tplquad nquad quad_vec fixed_quad romberg cubature", INTEGRAL),
    ("pdf logpdf cdf logcdf sf logsf pmf logpmf ppf isf", DENSITY),
    ("root root_scalar brentq brenth bisect newton fsolve toms748 ridder fixed_point", SOLVE),
    ("minimize minimize_scalar least_squares curve_fit fmin leastsq", SOLVE),
    ("interp1d CubicSpline UnivariateSpline splev interpolate", CURVE),
    ("sum mean average dot vdot inner einsum matmul norm", SUM),
    (
        "max min amax amin ptp std var median percentile quantile trapezoid trapz simpson prod any all argmax argmin",
        SCALE,
    ),
    ("cumsum cumprod cumulative_trapezoid convolve correlate fftconvolve", RUNNING),
    ("diff ediff1d gradient unwrap", NEIGHBOURS),
    ("roll sort argsort flip take unique searchsorted", ORDER),
]
ADVICE = {name: advice for names, advice in _ROWS for name in names.split()}
"""By the name of the function that a formula calls."""


def advice_for(name: str, otherwise: str) -> str:
    """What to write in place of a function."""
    return ADVICE.get(name.rpartition(".")[2], otherwise)


def of_library(error: BaseException, formula: str) -> TraceError | None:
    """An error that names the function of a library which failed at traced values, and who called it."""
    user, library = _call(error.__traceback__)
    if library is None:
        return None
    known = "interpolate" if ".interpolate." in library else library
    way_out = f"which works with numbers only; {advice_for(known, LIBRARY)}"
    if user is None:
        return TraceError(f"{formula} is a function of a library, {library}, {way_out}")
    place = f"{user.filename}, line {user.lineno}, in {user.name}: {user.line}"
    return TraceError(f"{formula} calls {library}, {way_out}", place)


def _call(trace: TracebackType | None) -> tuple[traceback.FrameSummary | None, str | None]:
    """The first function of a library that was called, and the user's line that called it, if one did."""
    user: traceback.FrameSummary | None = None
    for (frame, _), summary in zip(traceback.walk_tb(trace), traceback.extract_tb(trace), strict=True):
        if is_shown(summary.filename):
            user = summary
        elif name := _library_function(frame.f_code, frame.f_globals.get("__name__", "")):
            return user, name
    return None, None


def _library_function(code: CodeType, module: str) -> str | None:
    """The public name of a function of a library; None for NumPy's and Python's, which know traced values."""
    installed = f"-packages{os.sep}" in code.co_filename
    if not installed or module.partition(".")[0] in ("numpy", "numba", "batchnewton"):
        return None
    names = [*module.split("."), *code.co_qualname.split(".")]
    return ".".join(name for name in names if not name.startswith(("_", "<")))
