"""Rules that make an expression simpler. Each takes the operands and returns a simpler expression, or None.

They keep the value to rounding (constants of a product are gathered) and never reorder a sum that the user wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from batchnewton.derive import stable

if TYPE_CHECKING:
    from batchnewton.derive.graph import Expr


def _add(x: Expr, y: Expr) -> Expr | None:
    if x.is_constant(0):
        return y
    if y.is_constant(0):
        return x
    if y.op == "neg":
        return x - y.args[0]
    if x.op == "neg":
        return y - x.args[0]
    if x is y:
        return 2.0 * x
    if x.op == y.op == "where" and x.args[0] is y.args[0]:
        return _add_selects(x, y)
    return None


def _add_selects(x: Expr, y: Expr) -> Expr | None:
    """where(c, a, b) + where(c, d, e), where at most one addition remains."""
    condition, a, b = x.args
    _, d, e = y.args
    if (a.is_constant(0) or d.is_constant(0)) or (b.is_constant(0) or e.is_constant(0)):
        return condition.call("where", a + d, b + e)
    return None


def _sub(x: Expr, y: Expr) -> Expr | None:
    if y.is_constant(0):
        return x
    if x.is_constant(0):
        return -y
    if y.op == "neg":
        return x + y.args[0]
    if x.op == "neg":
        return -(x.args[0] + y)
    return None


def _mul(x: Expr, y: Expr) -> Expr | None:
    if y.op == "const":
        x, y = y, x
    if x.op == "const":
        return _mul_constant(x, y)
    if x is y:
        return x**2.0
    if x.op == "neg":
        return -(x.args[0] * y)
    if y.op == "neg":
        return -(x * y.args[0])
    if x.op == "mul" and y.op == "mul" and x.args[0].op == "const" and y.args[0].op == "const":
        return (x.args[0] * y.args[0]) * (x.args[1] * y.args[1])
    for u, v in ((x, y), (y, x)):
        if v.op == "div" and v.args[0].is_constant(1):
            return u / v.args[1]
    return None


def _mul_constant(c: Expr, y: Expr) -> Expr | None:
    if c.is_constant(0):
        return c
    if c.is_constant(1):
        return y
    if c.is_constant(-1):
        return -y
    if y.op == "neg":
        return -c * y.args[0]
    if y.op == "mul" and y.args[0].op == "const":
        return (c * y.args[0]) * y.args[1]
    if y.op == "div" and y.args[0].op == "const":
        return (c * y.args[0]) / y.args[1]
    return None


def _div(x: Expr, y: Expr) -> Expr | None:
    if x.is_constant(0):
        return x
    if y.op == "const" and y.value != 0 and abs(float(y.value)) > 1e-300:  # type: ignore[arg-type]
        return (1.0 / y) * x
    if x.op == "neg":
        return -(x.args[0] / y)
    if y.op == "neg":
        return -(x / y.args[0])
    if y.op == "div" and y.args[0].is_constant(1):
        return x * y.args[1]
    return stable.quotient(x, y)


def _neg(x: Expr) -> Expr | None:
    if x.op == "neg":
        return x.args[0]
    if x.op == "sub":
        return x.args[1] - x.args[0]
    if x.op in ("mul", "div"):
        return _negated_constant(x, 2)
    if x.op == "where" and (x.args[1].op == "const" or x.args[2].op == "const"):
        return x.args[0].call("where", -x.args[1], -x.args[2])
    return None


def _negated_constant(x: Expr, depth: int) -> Expr | None:
    """-x, where a product or quotient has a constant factor that can take the sign."""
    if x.op == "const":
        return -x
    if x.op not in ("mul", "div") or depth == 0:
        return None
    for k, arg in enumerate(x.args):
        negative = _negated_constant(arg, depth - 1)
        if negative is not None:
            return x.graph.build(x.op, *x.args[:k], negative, *x.args[k + 1 :])
    return None


def _pow(x: Expr, y: Expr) -> Expr | None:
    if y.is_constant(0):
        return x.graph.constant(1.0)
    if y.is_constant(1):
        return x
    if y.is_constant(-1):
        return 1.0 / x
    if y.is_constant(0.5):
        return x.call("sqrt")
    if y.is_constant(2) and x.op in ("neg", "fabs"):
        return x.args[0] ** 2.0
    if x.is_constant(2):
        return y.call("exp2")
    return stable.power(x, y)


def _where(c: Expr, a: Expr, b: Expr) -> Expr | None:
    if c.op == "const":
        return a if c.value else b
    if a is b:
        return a
    if c.op == "not":
        return c.args[0].call("where", b, a)
    if a.op == "where" and a.args[0] is c:
        return c.call("where", a.args[1], b)
    if b.op == "where" and b.args[0] is c:
        return c.call("where", a, b.args[2])
    return None


def _not(c: Expr) -> Expr | None:
    if c.op == "not":
        return c.args[0]
    if c.op in ("eq", "ne"):
        return c.graph.build("ne" if c.op == "eq" else "eq", *c.args)
    return None


def _and(a: Expr, b: Expr) -> Expr | None:
    if a is b or b.op == "const":
        return a if a is b or b.value else b
    if a.op == "const":
        return b if a.value else a
    return None


def _or(a: Expr, b: Expr) -> Expr | None:
    if a is b or b.op == "const":
        return b if a is not b and b.value else a
    if a.op == "const":
        return a if a.value else b
    return None


def _fabs(x: Expr) -> Expr | None:
    if x.op in ("fabs", "exp", "sqrt"):
        return x
    return x.args[0].call("fabs") if x.op == "neg" else None


SIMPLIFY: dict[str, Callable[..., Expr | None]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "pow": _pow,
    "where": _where,
    "not": _not,
    "and": _and,
    "or": _or,
    "fabs": _fabs,
    "exp": stable.exponential,
    "log": stable.logarithm,
    "log1p": stable.logarithm1p,
    "sqrt": stable.root,
}
