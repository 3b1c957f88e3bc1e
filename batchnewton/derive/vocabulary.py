"""The functions that a formula may call, by the names of NumPy, `math` and SciPy, in terms of the graph's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from batchnewton.derive.graph import Expr, decided_by_unknowns
from batchnewton.derive.numeric import FUNCTIONS

Function = Callable[..., Expr]


def _own(op: str) -> Function:
    return lambda x, *others: x.call(op, *others)


def _where(condition: Expr, x: Expr, y: Expr) -> Expr:
    return condition.call("where", x, y)


def _maximum(x: Expr, y: Expr) -> Expr:
    """NaN if either is, as NumPy's; at a tie the first, whose derivative then counts."""
    if x.op == "const":
        return _where(y.call("lt", x), x, y)
    other = x.call("lt", y)
    return _where(other if y.op == "const" else other.call("or", y.call("ne", y)), y, x)


def _minimum(x: Expr, y: Expr) -> Expr:
    if x.op == "const":
        return _where(x.call("lt", y), x, y)
    other = y.call("lt", x)
    return _where(other if y.op == "const" else other.call("or", y.call("ne", y)), y, x)


def _sign(x: Expr) -> Expr:
    """Of 0 and NaN, themselves: their floor, which is flat."""
    positive = x.graph.build("lt", 0.0, x)
    return x.call("lt", 0.0).call("where", -1.0, positive.call("where", 1.0, x.call("floor")))


def _ceil(x: Expr) -> Expr:
    return -(-x).call("floor")


def _trunc(x: Expr) -> Expr:
    return _where(x.call("lt", 0.0), _ceil(x), x.call("floor"))


def _floor_divide(x: Expr, y: Expr) -> Expr:
    return (x / y).call("floor")


def _remainder(x: Expr, y: Expr) -> Expr:
    return x - y * _floor_divide(x, y)


def _nearest(x: Expr) -> Expr:
    """The nearest whole number, the even one of two."""
    below = x.call("floor")
    part, odd = x - below, (below - 2.0 * (0.5 * below).call("floor")).call("eq", 1.0)
    above = x.graph.build("lt", 0.5, part).call("or", part.call("eq", 0.5).call("and", odd))
    return _where(above, below + 1.0, below)


def _logaddexp(x: Expr, y: Expr) -> Expr:
    """Larger + log1p(exp(-|difference|)), both chosen by one comparison: no overflow, and right at a tie too."""
    below, difference = x.call("lt", y), x - y
    return _where(below, y, x) + _where(below, difference, -difference).call("exp").call("log1p")


def _softplus(x: Expr) -> Expr:
    return _logaddexp(x, x.graph.constant(0.0))


def _sigmoid(x: Expr) -> Expr:
    """exp(min(x, 0)) / (1 + exp(-|x|)): no overflow, and no cancellation in either tail."""
    negative = x.call("lt", 0.0)
    tail = _where(negative, x, -x).call("exp")
    return _where(negative, tail, x.graph.constant(1.0)) / (1.0 + tail)


def _log_sigmoid(x: Expr) -> Expr:
    return -_softplus(-x)


def _normal_cdf(x: Expr) -> Expr:
    return 0.5 * (-math.sqrt(0.5) * x).call("erfc")


def _log_normal_cdf(x: Expr) -> Expr:
    """By the scaled complementary error function below 0, by the upper tail above."""
    z = math.sqrt(0.5) * x
    below = (0.5 * (-z).call("erfcx")).call("log") - z**2.0
    return _where(x.call("lt", 0.0), below, (-0.5 * z.call("erfc")).call("log1p"))


def _xlogy(x: Expr, y: Expr) -> Expr:
    return _where(x.call("eq", 0.0), x.graph.constant(0.0), x * y.call("log"))


def _xlog1py(x: Expr, y: Expr) -> Expr:
    return _where(x.call("eq", 0.0), x.graph.constant(0.0), x * y.call("log1p"))


def _sinc(x: Expr) -> Expr:
    z = math.pi * x
    return _where(x.call("eq", 0.0), x.graph.constant(1.0), z.call("sin") / z)


def _heaviside(x: Expr, at_zero: Expr) -> Expr:
    return _where(x.call("eq", 0.0), at_zero, 0.5 * (_sign(x) + 1.0))


def _log_beta(x: Expr, y: Expr) -> Expr:
    return x.call("lgamma") + y.call("lgamma") - (x + y).call("lgamma")


def _voigt_profile(x: Expr, sigma: Expr, gamma: Expr) -> Expr:
    scale = math.sqrt(0.5) / sigma
    return (1 / math.sqrt(math.pi)) * scale * (x * scale).call("re_w0", gamma * scale)


def _unscaled(op: str) -> Function:
    return lambda x: x.call(op) * x.call("fabs").call("exp")


def _hypot(x: Expr, *others: Expr) -> Expr:
    for other in others:
        x = x.call("hypot", other)
    return x


KINKS = frozenset(
    {"maximum", "minimum", "fmax", "fmin", "max", "min", "clip", "sign", "absolute", "floor", "heaviside"}
)
KINKS |= {"ceil", "trunc", "floor_divide", "remainder", "mod", "ieee_remainder", "rint", "fmod"}
"""Functions with a kink or a jump, wherever an argument may be."""


def may_kink(name: str, operands: Sequence[Expr]) -> bool:
    """Whether this function of these values may have a kink or a jump at some values of the unknowns.  A choice
    between a value and one that is not finite says where a formula ends, no more."""
    if name == "where":
        ends = any(arm.constant is not None and not math.isfinite(arm.constant) for arm in operands[1:])
        return not ends and decided_by_unknowns(operands[0])
    return name in KINKS and any(one.active for one in operands)


VOCABULARY: dict[str, Function] = {
    **{name: _own(name) for name in (*FUNCTIONS, "add", "neg", "div", "lt", "le", "eq", "ne", "and", "or", "not")},
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "true_divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "conjugate": lambda x: x,
    "power": _own("pow"),
    "float_power": _own("pow"),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
    "where": _where,
    "maximum": _maximum,
    "minimum": _minimum,
    "fmax": lambda x, y: _where(x.call("lt", y).call("or", x.call("ne", x)), y, x),
    "fmin": lambda x, y: _where(y.call("lt", x).call("or", x.call("ne", x)), y, x),
    "max": lambda x, y: _where(x.call("lt", y), y, x),
    "min": lambda x, y: _where(y.call("lt", x), y, x),
    "clip": lambda x, low, high: _minimum(_maximum(x, low), high),
    "sign": _sign,
    "absolute": _own("fabs"),
    "hypot": _hypot,
    "ceil": _ceil,
    "trunc": _trunc,
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "mod": _remainder,
    "ieee_remainder": lambda x, y: x - y * _nearest(x / y),
    "rint": _nearest,
    "fmod": lambda x, y: x - y * _trunc(x / y),
    "exp10": lambda x: x.graph.build("pow", 10.0, x),
    "arcsin": _own("asin"),
    "arccos": _own("acos"),
    "arctan": _own("atan"),
    "arctan2": _own("atan2"),
    "arcsinh": _own("asinh"),
    "arccosh": _own("acosh"),
    "arctanh": _own("atanh"),
    "logaddexp": _logaddexp,
    "logaddexp2": lambda x, y: _logaddexp(math.log(2) * x, math.log(2) * y) / math.log(2),
    "radians": lambda x: x * (math.pi / 180),
    "deg2rad": lambda x: x * (math.pi / 180),
    "degrees": lambda x: x * (180 / math.pi),
    "rad2deg": lambda x: x * (180 / math.pi),
    "heaviside": _heaviside,
    "sinc": _sinc,
    "less": _own("lt"),
    "less_equal": _own("le"),
    "greater": lambda x, y: y.call("lt", x),
    "greater_equal": lambda x, y: y.call("le", x),
    "equal": _own("eq"),
    "not_equal": _own("ne"),
    "logical_and": _own("and"),
    "logical_or": _own("or"),
    "logical_not": _own("not"),
    "logical_xor": lambda x, y: x.call("or", y).call("and", x.call("and", y).call("not")),
    "bitwise_and": _own("and"),
    "bitwise_or": _own("or"),
    "invert": _own("not"),
    "isnan": lambda x: x.call("ne", x),
    "isinf": lambda x: x.call("fabs").call("eq", math.inf),
    "isfinite": lambda x: x.call("fabs").call("lt", math.inf),
    "gammaln": _own("lgamma"),
    "psi": _own("digamma"),
    "i0": _unscaled("i0e"),
    "i1": _unscaled("i1e"),
    "expit": _sigmoid,
    "sigmoid": _sigmoid,
    "log_expit": _log_sigmoid,
    "log_sigmoid": _log_sigmoid,
    "softplus": _softplus,
    "logit": lambda x: (x / (1.0 - x)).call("log"),
    "ndtr": _normal_cdf,
    "normal_cdf": _normal_cdf,
    "log_ndtr": _log_normal_cdf,
    "log_normal_cdf": _log_normal_cdf,
    "xlogy": _xlogy,
    "xlog1py": _xlog1py,
    "entr": lambda x: -_xlogy(x, x),
    "betaln": _log_beta,
    "voigt_profile": _voigt_profile,
    "beta": lambda x, y: _log_beta(x, y).call("exp"),
}
"""Name to function of expressions."""
