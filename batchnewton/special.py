"""Functions for formulas that NumPy has no name for, on numbers, arrays and traced values.

Their names and definitions are SciPy's, with plainer aliases (``normal_cdf`` is ``ndtr``, ``sigmoid`` is ``expit``).
In a formula they have exact derivatives; on numbers they are ordinary functions, for checks and plots.

>>> import batchnewton.special as special
>>> float(special.normal_cdf(0.0))
0.5
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from batchnewton.derive import faddeeva, numeric
from batchnewton.derive.arrays import elementwise, has_traced

__all__ = [
    "digamma",
    "erf",
    "erfc",
    "erfcx",
    "expit",
    "gamma",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "lgamma",
    "log_expit",
    "log_ndtr",
    "log_normal_cdf",
    "log_sigmoid",
    "ndtr",
    "normal_cdf",
    "sigmoid",
    "softplus",
    "voigt_profile",
    "xlog1py",
    "xlogy",
]

Function = Callable[..., Any]


def _traceable(function: Function) -> Function:
    """In a formula, `batchnewton.derive`'s function of the same name."""

    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        if has_traced(list(args)):
            return elementwise(function.__name__, *args)
        with np.errstate(all="ignore"):
            return function(*[np.asarray(arg, dtype=float) for arg in args])[()]

    return wrapper


def _of_floats(name: str, description: str) -> Function:
    """A function that is known for floats, over arrays."""

    def evaluate(x: float) -> float:
        try:
            return numeric.FUNCTIONS[name](x)
        except (ValueError, OverflowError):  # a pole, or too large
            return np.inf

    vectorized = np.vectorize(evaluate, otypes=[float])

    def function(x: Any) -> Any:
        return vectorized(x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = description
    return _traceable(function)


erf = _of_floats("erf", "Error function.")
erfc = _of_floats("erfc", "1 - erf(x), without cancellation.")
erfcx = _of_floats("erfcx", "exp(x**2) erfc(x).")
gamma = _of_floats("gamma", "Gamma function.")
gammaln = lgamma = _of_floats("lgamma", "``log |gamma(x)|``.")
digamma = _of_floats("digamma", "Derivative of lgamma.")
i0e = _of_floats("i0e", "``exp(-|x|) I0(x)``, for the Rician density: ``log I0(x) = log(i0e(x)) + |x|``.")
i1e = _of_floats("i1e", "``exp(-|x|) I1(x)``.")


@_traceable
def i0(x: Any) -> Any:
    """Modified Bessel function I0."""
    return i0e(x) * np.exp(np.abs(x))


@_traceable
def i1(x: Any) -> Any:
    """Modified Bessel function I1."""
    return i1e(x) * np.exp(np.abs(x))


@_traceable
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow."""
    tail = np.exp(-np.abs(x))
    return np.where(x < 0, tail, 1.0) / (1.0 + tail)


@_traceable
def softplus(x: Any) -> Any:
    """log(1 + exp(x)), without overflow."""
    return np.logaddexp(x, 0.0)


@_traceable
def log_sigmoid(x: Any) -> Any:
    """Logarithm of `sigmoid`."""
    return -np.logaddexp(-x, 0.0)


@_traceable
def normal_cdf(x: Any) -> Any:
    """Probability that a standard normal variable is at most x."""
    return 0.5 * erfc(-np.sqrt(0.5) * x)


@_traceable
def log_normal_cdf(x: Any) -> Any:
    """Logarithm of `normal_cdf`, accurate far into the lower tail."""
    z = np.sqrt(0.5) * x
    return np.where(x < 0, np.log(0.5 * erfcx(-z)) - z * z, np.log1p(-0.5 * erfc(z)))


@_traceable
def voigt_profile(x: Any, sigma: Any, gamma: Any) -> Any:
    """A Gaussian of standard deviation sigma convolved with a Lorentzian of half width gamma, of area 1, at x.

    ``Re w(z) / (sigma sqrt(2 pi))`` with ``z = (x + i gamma) / (sigma sqrt(2))``, sigma > 0, gamma >= 0; w within 3e-15
    (Weideman 1994, SIAM J. Numer. Anal. 31, 1497).
    """
    scale = np.sqrt(0.5) / sigma
    return scale / np.sqrt(np.pi) * faddeeva.derivative(0, x * scale, gamma * scale).re


@_traceable
def xlogy(x: Any, y: Any) -> Any:
    """x log(y), 0 where x = 0."""
    return np.where(x == 0, 0.0, x * np.log(y))


@_traceable
def xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y), 0 where x = 0."""
    return np.where(x == 0, 0.0, x * np.log1p(y))


expit, log_expit, ndtr, log_ndtr = sigmoid, log_sigmoid, normal_cdf, log_normal_cdf
