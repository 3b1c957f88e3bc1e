"""Errors of the vector functions against mpmath, called as generated code calls them: from a loop over lanes.

`python -m tests.vector_errors` prints docs/vector_math.md, the table of the largest errors.
"""

import ctypes
from functools import cache
from typing import NamedTuple

import mpmath as mp
import numpy as np
import scipy.special as sp

from batchnewton.kernels import machine

DTYPES = ("float64", "float32")
POINTS = 400  # of each kind, for each function


class Case(NamedTuple):
    """A function: what mpmath and NumPy or SciPy call it, where it is asked, which error it may have."""

    exact: object  # of mpmath numbers
    peer: object  # of arrays, for the special values
    ulps: float
    low: float = 1e-330  # sizes of the arguments
    high: float = 1e330
    signs: tuple = (-1, 1)
    near: tuple = ()  # where pieces meet, zeros and ends: the floats around each are asked too
    floor: object = lambda *x: 0  # the error is relative to the larger of this and the function


def _log_gamma(x):
    return mp.loggamma(x) if x > 0 else mp.log(abs(mp.gamma(x)))


def _erfcx(x):
    if x < 1e4:
        return mp.exp(x * x) * mp.erfc(x)
    return sum((-1) ** k * mp.fac2(2 * k - 1) / (2 * x * x) ** k for k in range(12)) / (x * mp.sqrt(mp.pi))


def _bessel(order, x):
    return mp.besseli(order, x) * mp.exp(-abs(x))


def _power(x, y):
    return mp.power(x, y) if x > 0 or mp.isint(y) else mp.nan


HALF_PI = [float(k * mp.pi / 2) for k in (1, 2, 3, 4, 5, 7, 11, 12, 100, 355, 1001, 2**20 + 1, 3**15, 10**10, 3**29)]
POLES = (-1, -2, -3, -10, -20.5, -1.5)
CASES = {
    "exp": Case(mp.exp, np.exp, 2, 1e-20, 760, near=(0.34657, -708.4, 709.78, -745.1, 88.72, -87.34, -103.97)),
    "expm1": Case(mp.expm1, np.expm1, 2, high=760, near=(0.34657, -0.34657, 1.04, -37.4, 709.78, 88.72)),
    "exp2": Case(lambda x: mp.power(2, x), np.exp2, 2, 1e-20, 1100, near=(0.5, 1.5, 1024, -1022, -1074, 128, -149)),
    "log": Case(mp.log, np.log, 2, signs=(1,), near=(1, 2**0.5, 0.5**0.5, 2, 0.5, 2.0**-1022, 2.0**-126)),
    "log1p": Case(mp.log1p, np.log1p, 2, signs=(1,), near=(-0.999, -0.5, -0.2929, 0.4142, 1, 2.0**60, 1e-16)),
    "log2": Case(lambda x: mp.log(x, 2), np.log2, 2, signs=(1,), near=(1, 2**0.5, 0.5**0.5, 2, 8, 2.0**-1022)),
    "log10": Case(lambda x: mp.log(x, 10), np.log10, 2, signs=(1,), near=(1, 2**0.5, 0.5**0.5, 10, 1000)),
    "sqrt": Case(mp.sqrt, np.sqrt, 0.5, signs=(1,)),
    "cbrt": Case(lambda x: mp.sign(x) * mp.cbrt(abs(x)), np.cbrt, 2, near=(1, 2, 2**0.5, 2**-0.5, 8, 27)),
    "hypot": Case(mp.hypot, np.hypot, 2),
    "pow": Case(_power, np.power, 4, near=(1, 2, 0.5, 2**0.5, 1e300)),
    "sin": Case(mp.sin, np.sin, 4, high=2.0**49, near=HALF_PI),
    "cos": Case(mp.cos, np.cos, 4, 1e-20, high=2.0**49, near=HALF_PI),
    "tan": Case(mp.tan, np.tan, 4, high=2.0**49, near=[*HALF_PI, 0.7854, 2.356]),
    "asin": Case(mp.asin, np.arcsin, 4, high=1, near=(0.5, -0.5, 0.99999, -0.99999)),
    "acos": Case(mp.acos, np.arccos, 4, 1e-20, high=1, near=(0.5, -0.5, 0.99999, -0.99999)),
    "atan": Case(mp.atan, np.arctan, 4, near=(0.41421356, 2.41421356, 1, -1)),
    "atan2": Case(mp.atan2, np.arctan2, 4, near=(0.41421356, 2.41421356, 1, -1)),
    "sinh": Case(mp.sinh, np.sinh, 4, high=760, near=(0.34657, 710.47, 89.41, 709.8, 88.75)),
    "cosh": Case(mp.cosh, np.cosh, 4, 1e-20, high=760, near=(0.34657, 710.47, 89.41, 709.8, 88.75)),
    "tanh": Case(mp.tanh, np.tanh, 4, high=100, near=(0.17328, 0.54931, 19.06, 9.01)),
    "asinh": Case(mp.asinh, np.arcsinh, 4, near=(1, 2.0**28, 2.0**13)),
    "acosh": Case(mp.acosh, np.arccosh, 4, 1, signs=(1,), near=(1.0001, 2, 2.0**28, 2.0**13)),
    "atanh": Case(mp.atanh, np.arctanh, 4, high=1, near=(0.5, -0.5, 0.99999, -0.99999)),
    "erf": Case(mp.erf, sp.erf, 4, high=10, near=(1, -1, 4, 5.9, 6)),
    "erfc": Case(mp.erfc, sp.erfc, 4, 1e-20, high=30, near=(0, 26.5, 27.2, 9.19, 10, -6)),
    "erfcx": Case(_erfcx, sp.erfcx, 4, 1e-20, near=(0, 4, -26.6, -9.38, 2.0**60)),
    "gamma": Case(mp.gamma, sp.gamma, 4, high=190, near=(0.5, 1, 1.5, 2, 8.5, 171.6, -170.5, 35.04, *POLES)),
    "lgamma": Case(
        _log_gamma, lambda x: np.where(x == -np.inf, np.inf, sp.gammaln(x)), 4, high=1e5,
        near=(0.5, 1, 1.5, 2, 2.5, 8.5, *POLES),
        floor=lambda x: max(1, abs(_log_gamma(abs(x)))) if x else 1,
    ),
    "digamma": Case(
        mp.digamma, sp.digamma, 4, high=1e5, near=(1, 1.4616321449683622, 7, *POLES),
        floor=lambda x: max(1, mp.pi * abs(mp.cot(mp.pi * x))) if x < 0 else 1,
    ),
    "trigamma": Case(
        lambda x: mp.psi(1, x), lambda x: np.where(x == -np.inf, np.nan, sp.polygamma(1, x)), 4, high=1e5,
        near=(1, 7, *POLES),
    ),
    "i0e": Case(lambda x: _bessel(0, x), sp.i0e, 4, 1e-20, high=1e9, near=(7.75, 5)),
    "i1e": Case(lambda x: _bessel(1, x), lambda x: np.copysign(sp.i1e(x), x), 4, high=1e9, near=(7.75, 5)),
    "floor": Case(mp.floor, np.floor, 0, near=(1, -1, 0, 2.0**31)),
    "fabs": Case(lambda x: abs(x), np.fabs, 0),
    "copysign": Case(lambda x, y: abs(x) if y > 0 else -abs(x), np.copysign, 0),
}  # fmt: skip
TWO_ARGUMENTS = ("hypot", "pow", "atan2", "copysign")


def lane_loop(name, dtype, lanes):
    """A module whose ``run`` sets S[lanes + lane] from S[lane], or S[2 lanes + lane] from two: of one workspace with
    constant offsets, as a generated one."""
    two = name in TWO_ARGUMENTS
    called = f"f(S[l], S[{lanes} + l])" if two else "f(S[l])"
    return f"""import numpy as np
from batchnewton.kernels.machine import entry, lanes
from batchnewton.kernels.vector_math import {name}_{dtype[0]}{dtype[-2:]} as f
T, W = np.{dtype}, {lanes}

@lanes(W)
def one(S, l):
    S[{2 * lanes if two else lanes} + l] = {called}

@entry("P")
def run(S):
    one(S)
"""


@cache
def compiled(name, dtype, lanes):
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(machine.load(f"lanes_{name}", lane_loop(name, dtype, lanes))["run"])


def evaluate(name, dtype, *arguments, lanes=256):
    """f of every argument, in blocks of `lanes`."""
    size = len(arguments[0])
    padded = [np.resize(a.astype(dtype), -(-size // lanes) * lanes).reshape(-1, lanes) for a in arguments]
    run, out = compiled(name, dtype, lanes), []
    for block in zip(*padded, strict=True):
        workspace = np.concatenate([*block, np.zeros(lanes, dtype)])
        run(workspace.ctypes.data)
        out.append(workspace[-lanes:])
    return np.concatenate(out)[:size]


def arguments_for(name, dtype):
    """Sizes spread evenly in their logarithm, half of them between 1/100 and 100, and floats around the near points."""
    case, info = CASES[name], np.finfo(dtype)
    rng = np.random.default_rng(sum(map(ord, name)))
    limit = 2.0**20 if dtype == "float32" and name in ("sin", "cos", "tan") else case.high
    low, high = max(case.low, float(info.smallest_subnormal)), min(limit, float(info.max))

    def sizes(count):
        middle = rng.uniform(np.log10(max(low, 1e-2)), np.log10(min(high, 1e2)), count)
        return 10.0 ** np.concatenate([rng.uniform(np.log10(low), np.log10(high), count), middle])

    near = np.array([c for c in case.near if abs(c) <= high], dtype)
    steps = np.arange(-4, 5, dtype=dtype)[:, None]
    around = np.concatenate([near + steps * np.spacing(near), near * (1 + steps * dtype_of(dtype)(2.0**-9))]).ravel()
    x = np.concatenate([sizes(POINTS) * rng.choice(case.signs, 2 * POINTS), around]).astype(dtype)
    if name not in TWO_ARGUMENTS:
        return (x,)
    y = sizes(len(x))[: len(x)] * rng.choice((-1, 1), len(x))
    if name == "pow":  # most of them with a result within range
        x = np.where(x < 0, np.where(rng.random(len(x)) < 0.9, -x, x), x)
        logs = np.log(np.maximum(np.abs(x.astype(float)), 1e-300))
        reach = float(np.log(info.max)) * rng.uniform(-1.05, 1.05, len(x)) / np.where(logs == 0, 1, logs)
        y = np.where(x < 0, np.round(np.clip(reach, -1e6, 1e6)), reach)
    elif name in ("hypot", "atan2"):  # half of them of like size
        y = np.where(rng.random(len(x)) < 0.5, y, x.astype(float) * rng.uniform(-4, 4, len(x)))
    with np.errstate(over="ignore"):
        return x, y.astype(dtype)


def dtype_of(name):
    return np.dtype(name).type


def error_in_ulps(got, exact, floor, info):
    """|got - exact| in units in the last place of exact, or of the floor, or of a subnormal."""
    largest = mp.mpf(float(info.max))
    if abs(exact) > largest * (1 + mp.mpf(2) ** -(info.nmant + 2)):
        return 0.0 if np.isinf(got) and (got > 0) == (exact > 0) else np.inf
    if not np.isfinite(got):
        return 0.0 if abs(exact) > largest * (1 - mp.mpf(2) ** -info.nmant) else np.inf
    size = max(abs(exact), floor)
    exponent = max(int(mp.frexp(size)[1]) - 1, info.minexp) if size else info.minexp
    return float(abs(mp.mpf(float(got)) - exact) / mp.mpf(2) ** (exponent - info.nmant))


@cache
def largest_error(name, dtype):
    """(ulps, arguments, answer) where the error is largest."""
    case, info = CASES[name], np.finfo(dtype)
    arguments = arguments_for(name, dtype)
    worst = (0.0, None, None)
    with mp.workdps(50):
        for *x, got in zip(*arguments, evaluate(name, dtype, *arguments), strict=True):
            numbers = [mp.mpf(float(v)) for v in x]
            try:
                exact = case.exact(*numbers)
            except (ValueError, ZeroDivisionError):  # a pole
                continue
            if not (isinstance(exact, mp.mpf | int) and mp.isfinite(exact)):
                continue
            error = error_in_ulps(got, mp.mpf(exact), case.floor(*numbers), info)
            worst = max(worst, (error, [float(v) for v in x], float(got)), key=lambda w: w[0])
    return worst


HEADER = """# Errors of the vector functions

`batchnewton.kernels.vector_math` has its own elementary and special functions, because a loop that calls the C library
does not vectorise. This is the largest error that the tests find against mpmath (50 digits), in units in the last place
of the exact result, over the whole range of arguments: tiny and huge, subnormal, around the points where two formulas
meet, around zeros and poles. Zeros, infinities and NaN give what NumPy and SciPy give.

- sin, cos, tan are NaN for |x| above 2^49 (float32: 2^20), where neighbouring floats are an eighth of a radian apart.
- lgamma and digamma have zeros that are no floats. Near one the error counts in units of max(|f|, 1), and left of 0 of
  the terms that cancel there.
- The float32 gamma, lgamma, digamma, trigamma compute in float64.

Made by `python -m tests.vector_errors > docs/vector_math.md`.

| function | float64 | float32 | at most |
|---|---|---|---|"""


def main():
    print(HEADER)
    for name in CASES:
        errors = " | ".join(f"{largest_error(name, dtype)[0]:.2f}" for dtype in DTYPES)
        print(f"| {name} | {errors} | {CASES[name].ulps:g} |")


if __name__ == "__main__":
    main()
