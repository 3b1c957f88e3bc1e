"""Operations on plain floats: constant folding, and the special functions that `math` lacks."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from batchnewton.derive import faddeeva


def digamma(x: float) -> float:
    """Logarithmic derivative of the gamma function (Abramowitz & Stegun 6.3.5, 6.3.7, 6.3.18)."""
    if x <= 0:
        return math.nan if x == math.floor(x) else digamma(1 - x) - math.pi / math.tan(math.pi * x)
    shift = 0.0
    while x < 15:
        shift, x = shift - 1 / x, x + 1
    s = 1 / (x * x)
    tail = s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - s * (691 / 32760 - s / 12))))))
    return shift + math.log(x) - 0.5 / x - tail


def trigamma(x: float) -> float:
    """Derivative of `digamma` (Abramowitz & Stegun 6.4.6, 6.4.7, 6.4.12)."""
    if x <= 0:
        return math.nan if x == math.floor(x) else (math.pi / math.sin(math.pi * x)) ** 2 - trigamma(1 - x)
    shift = 0.0
    while x < 15:
        shift, x = shift + 1 / (x * x), x + 1
    s = 1 / (x * x)
    tail = s * (1 / 6 - s * (1 / 30 - s * (1 / 42 - s * (1 / 30 - s * (5 / 66 - s * (691 / 2730 - s * 7 / 6))))))
    return shift + (1 + 0.5 / x + tail) / x


def i0e(x: float) -> float:
    """exp(-|x|) I0(x), the modified Bessel function of order 0."""
    return _bessel(abs(x), 0)


def i1e(x: float) -> float:
    """exp(-|x|) I1(x), the modified Bessel function of order 1."""
    return math.copysign(_bessel(abs(x), 1), x)


def _bessel(x: float, order: int) -> float:
    """Power series below 30 (Abramowitz & Stegun 9.6.10), asymptotic above (9.7.1)."""
    if math.isinf(x):
        return 0.0
    total = term = 1.0 if x >= 30 else (x / 2) ** order
    for k in range(1, 200):
        ratio = ((2 * k - 1) ** 2 - 4 * order) / (8 * k * x) if x >= 30 else x * x / (4 * k * (k + order))
        term *= ratio
        total += term
        if abs(term) <= 1e-18 * abs(total):
            break
    return total / math.sqrt(2 * math.pi * x) if x >= 30 else total * math.exp(-x)


def erfcx(x: float) -> float:
    """exp(x**2) erfc(x); above 8 by its asymptotic series (Abramowitz & Stegun 7.1.23)."""
    if x < -26.7:
        return math.inf
    if not x > 8:
        return math.exp(x * x) * math.erfc(x)
    total = term = 1.0
    for k in range(1, 60):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
        if abs(term) < 1e-17:
            break
    return total / (x * math.sqrt(math.pi))


def power(x: float, y: float) -> float:
    """x**y as C's pow: NaN where the result is complex."""
    try:
        return math.pow(x, y)
    except ValueError:
        return math.inf if x == 0 else math.nan


def cbrt(x: float) -> float:
    """Cube root: a power, and one Newton step."""
    if x == 0 or not math.isfinite(x):
        return x
    root = abs(x) ** (1 / 3)
    return math.copysign(root - (root - abs(x) / (root * root)) / 3, x)


def _from_math(names: str) -> dict[str, Callable[..., float]]:
    return {name: getattr(math, name) for name in names.split()}


FUNCTIONS: dict[str, Callable[..., float]] = {
    **_from_math("exp expm1 log log1p log2 log10 sqrt sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh"),
    **_from_math("atanh erf erfc gamma lgamma hypot fabs copysign"),
    "exp2": lambda x: math.pow(2.0, x),
    "cbrt": cbrt,
    "floor": lambda x: float(math.floor(x)) if math.isfinite(x) else x,
    "pow": power,
    "digamma": digamma,
    "trigamma": trigamma,
    "i0e": i0e,
    "i1e": i1e,
    "erfcx": erfcx,
}
"""The functions that generated code may call, on floats."""

FADDEEVA: dict[str, Callable[..., Any]] = {
    f"{part}_w{order}": lambda x, y, part=part, order=order: getattr(faddeeva.derivative(order, x, y), part)
    for part in ("re", "im")
    for order in (0, 1, 2)
}
"""Real and imaginary part of w, w', w'' at x + iy, on numbers, arrays and expressions: `lower` writes them out."""

EVALUATE: dict[str, Callable[..., float]] = {
    **FUNCTIONS,
    **FADDEEVA,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "neg": lambda x: -x or 0.0,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
    "and": lambda a, b: bool(a) and bool(b),
    "or": lambda a, b: bool(a) or bool(b),
    "not": operator.not_,
}
"""Every operation that can be done on constants."""
