"""First partial derivatives of every operation. Second ones follow from these (`differentiate.second_partials`).

At a kink the derivative from the right is taken: ``|x|`` has the derivative 1 at 0, ``floor`` has 0 everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from batchnewton.derive import stable
from batchnewton.derive.errors import TraceError
from batchnewton.derive.graph import Expr
from batchnewton.derive.stable import splits

Partials = tuple[tuple[Expr, Expr], ...]


def partials(node: Expr) -> Partials:
    """Pairs (argument, d node / d argument) over the arguments that depend on an unknown."""
    if node.known_partials is None:
        rule = RULES.get(node.op)
        if rule is None:
            raise TraceError(f"the derivative of {node.op} is needed and not known; write the formula without it", "")
        node.known_partials = _merged([pair for pair in rule(node, *node.args) if pair[0].active])
    return node.known_partials


def _merged(pairs: list[tuple[Expr, Expr]]) -> Partials:
    """One pair for each argument: f(x, x) has the derivative f_1 + f_2."""
    merged: dict[int, tuple[Expr, Expr]] = {}
    for arg, partial in pairs:
        total = merged[arg.index][1] + partial if arg.index in merged else partial
        merged[arg.index] = (arg, total)
    return tuple(merged.values())


def _sign(x: Expr) -> Expr:
    return x.call("lt", 0.0).call("where", -1.0, 1.0)


def _one_minus_square(x: Expr) -> Expr:
    """1 - x**2 without cancellation near |x| = 1."""
    return (1.0 - x) * (1.0 + x)


def _i1e_over_x(x: Expr, y: Expr) -> Expr:
    return x.call("eq", 0.0).call("where", 0.5, y / x)


UNARY: dict[str, Callable[[Expr, Expr], Expr]] = {
    "exp": lambda x, y: y,
    "expm1": lambda x, y: y + 1.0,
    "exp2": lambda x, y: math.log(2) * y,
    "log1p": lambda x, y: 1.0 / (x + 1.0),
    "log2": lambda x, y: (1 / math.log(2)) / x,
    "log10": lambda x, y: (1 / math.log(10)) / x,
    "sin": lambda x, y: x.call("cos"),
    "cos": lambda x, y: -x.call("sin"),
    "tan": lambda x, y: 1.0 + y**2.0,
    "asin": lambda x, y: 1.0 / _one_minus_square(x).call("sqrt"),
    "acos": lambda x, y: -1.0 / _one_minus_square(x).call("sqrt"),
    "atan": lambda x, y: 1.0 / (1.0 + x**2.0),
    "sinh": lambda x, y: x.call("cosh"),
    "cosh": lambda x, y: x.call("sinh"),
    "tanh": lambda x, y: 1.0 - y**2.0,
    "asinh": lambda x, y: 1.0 / (1.0 + x**2.0).call("sqrt"),
    "acosh": lambda x, y: 1.0 / ((x - 1.0) * (x + 1.0)).call("sqrt"),
    "atanh": lambda x, y: 1.0 / _one_minus_square(x),
    "erf": lambda x, y: (2 / math.sqrt(math.pi)) * (-(x**2.0)).call("exp"),
    "erfc": lambda x, y: (-2 / math.sqrt(math.pi)) * (-(x**2.0)).call("exp"),
    "erfcx": lambda x, y: 2.0 * (x * y) - 2 / math.sqrt(math.pi),
    "gamma": lambda x, y: y * x.call("digamma"),
    "lgamma": lambda x, y: x.call("digamma"),
    "digamma": lambda x, y: x.call("trigamma"),
    "i0e": lambda x, y: x.call("i1e") - _sign(x) * y,
    "i1e": lambda x, y: x.call("i0e") - _i1e_over_x(x, y) - _sign(x) * y,
    "fabs": lambda x, y: _sign(x),
    "neg": lambda x, y: x.graph.constant(-1.0),
}
"""dy/dx of y = op(x), written with x and y."""


def _product(node: Expr, x: Expr, y: Expr) -> Partials:
    return ((x, y), (y, x))


def _quotient(node: Expr, x: Expr, y: Expr) -> Partials:
    return ((x, 1.0 / y), (y, -(node / y)))


def _power(node: Expr, x: Expr, y: Expr) -> Partials:
    """The derivative of ``x**y`` in y is 0 at x = 0, its limit for y > 0.

    ``(d / w)**y`` with d free of unknowns is differentiated in w at once: no ``0 * inf`` at a data point d = 0.
    """
    log = x.call("eq", 0.0).call("where", 0.0, x.call("log"))
    in_exponent = (y, node * log)
    if x.op in stable.OVER:
        return (*stable.over_power_partials(node, x, y), in_exponent)
    if not splits(x):
        return ((x, y * x ** _less_one(y)), in_exponent)
    given, factor = x.args if x.args[1].active else x.args[::-1]
    if x.op == "div":
        return ((factor, -(y * node) / factor), in_exponent)
    at_zero = y * x ** _less_one(y) * given
    return ((factor, factor.call("eq", 0.0).call("where", at_zero, y * node / factor)), in_exponent)


def _less_one(y: Expr) -> Expr:
    if y.op == "sub" and y.args[1].op == "const":
        return y.args[0] - (y.args[1] + 1.0)
    return y - 1.0


def _where(node: Expr, condition: Expr, x: Expr, y: Expr) -> Partials:
    return ((x, condition.call("where", 1.0, 0.0)), (y, condition.call("where", 0.0, 1.0)))


def _arctangent(node: Expr, y: Expr, x: Expr) -> Partials:
    square = x**2.0 + y**2.0
    return ((y, x / square), (x, -(y / square)))


def _constant_partials(*values: float) -> Callable[..., Partials]:
    return lambda node, *args: tuple((arg, node.graph.constant(value)) for arg, value in zip(args, values, strict=True))


def _unary_rule(partial: Callable[[Expr, Expr], Expr]) -> Callable[..., Partials]:
    return lambda node, x: ((x, partial(x, node)),)


def _analytic(part: str, order: int) -> Callable[..., Partials]:
    """Of the real or the imaginary part of an analytic function, by the Cauchy-Riemann equations."""

    def rule(node: Expr, x: Expr, y: Expr) -> Partials:
        re, im = (x.call(f"{name}_w{order + 1}", y) for name in ("re", "im"))
        return ((x, re), (y, -im)) if part == "re" else ((x, im), (y, re))

    return rule


RULES: dict[str, Callable[..., Partials]] = {
    **{op: _unary_rule(partial) for op, partial in UNARY.items()},
    "add": _constant_partials(1.0, 1.0),
    "sub": _constant_partials(1.0, -1.0),
    "mul": _product,
    "div": _quotient,
    "pow": _power,
    "where": _where,
    "atan2": _arctangent,
    "log": lambda node, x: tuple(stable.of_logarithm(x, node.graph.constant(1.0))),
    **{op: lambda node, *args, rule=rule: tuple(rule(node, *args)) for op, rule in stable.PARTIALS.items()},
    "hypot": lambda node, x, y: ((x, x / node), (y, y / node)),
    "copysign": lambda node, x, y: ((x, _sign(x) * _sign(y)),),
    **{f"{part}_w{order}": _analytic(part, order) for part in ("re", "im") for order in (0, 1)},
}
