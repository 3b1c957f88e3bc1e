"""Exponentials and powers that may overflow where the formula does not: forms whose derivatives stay finite with it.

``1 / (1 + exp(u))`` is 0 where exp(u) is infinite, but its derivative by parts is 0 times infinity.  Written by

    over(K, c, u)      = 1 / (K + c e^u)
    damped(k, A, c, u) = exp(A + k u + c e^u),   k = 0, 1, 2
    softplus(u)        = log(1 + e^u)
    sech(u)            = 1 / cosh(u)

derivatives are products of such again, as ``d over / du = -c over(K, c, u) over(c, K, -u)``: none of them overflows.
The same with a power, ``b**y`` in place of e^u.  `lower` writes out the text that the user wrote.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchnewton.derive.graph import Expr

Pairs = list[tuple["Expr", "Expr"]]
OVER, DAMPED = ("over_exp", "over_pow"), ("damped_exp", "damped_pow")
OPS = (*OVER, *DAMPED, "softplus", "softplus1p", "sech")
SATURATED = 1e18  # of an exponential E: log(1 + E) is log(E), in float64 and float32


# ---- how they are recognised


def quotient(x: Expr, y: Expr) -> Expr | None:
    """x / y, where y is such a sum, a power of one, or cosh."""
    base, exponent = y.args if y.op == "pow" else (y, None)
    if y.op == "sqrt":
        base, exponent = y.args[0], y.graph.constant(0.5)
    if base.op == "cosh" and base.active:
        return x * (base.args[0].call("sech") if exponent is None else base.args[0].call("sech") ** exponent)
    found = _sums(base)
    if not found:
        return None
    parts = _factors(x) if x.op == "mul" else ((x, x.graph.constant(1.0)),)
    for K, c, E in found:
        for factor, rest in parts:
            if factor is E and exponent is None:
                return rest * _over(c, K, E, True)
            if factor is E and exponent is not None and exponent.is_constant(2):
                return rest * (_over(K, c, E, False) * _over(c, K, E, True))
    K, c, E = found[0]
    if exponent is None:
        return x * _over(K, c, E, False)
    if E.op == "exp" and K.is_constant(1) and c.is_constant(1) and not _whole(exponent):
        return x * (-(exponent * E.args[0].call("softplus"))).call("exp")
    return x * y.graph.intern("pow", (_over(K, c, E, False), exponent))


def _whole(exponent: Expr) -> bool:
    return exponent.constant is not None and exponent.constant == math.floor(exponent.constant)


def power(x: Expr, y: Expr) -> Expr | None:
    """x**y of such a sum with a negative exponent."""
    negative = y.op == "neg" or (y.constant is not None and y.constant < 0)
    return x.graph.constant(1.0) / x ** (-y) if negative and _sum(x) is not None else None


def logarithm(x: Expr) -> Expr | None:
    """log(1 + e^u)."""
    found = _sum(x)
    if found is None or found[2].op != "exp" or not (found[0].is_constant(1) and found[1].is_constant(1)):
        return None
    return found[2].args[0].call("softplus")


def logarithm1p(x: Expr) -> Expr | None:
    """log1p(e^u)."""
    return x.args[0].call("softplus1p") if x.op == "exp" and x.active else None


def exponential(v: Expr) -> Expr | None:
    """exp(A + c E)."""
    negative = v.op == "neg"
    found = _sum(v.args[0]) if negative else _sum(v)
    if found is None:
        term = _term(v.args[0] if negative else v)
        if term is None:
            return None
        found = (v.graph.constant(0.0), *term)
    A, c, E = found
    if negative:
        A, c = -A, -c
    return v.graph.build(f"damped_{E.op}", 0.0, A, c, *E.args)


def root(x: Expr) -> Expr | None:
    """sqrt(x²) = |x|."""
    return x.args[0].call("fabs") if x.op == "pow" and x.args[1].is_constant(2) else None


def _sum(y: Expr) -> tuple[Expr, Expr, Expr] | None:
    """The first of `_sums`."""
    found = _sums(y)
    return found[0] if found else None


def _sums(y: Expr) -> list[tuple[Expr, Expr, Expr]]:
    """(K, c, E) of ``y = K + c E``, with E an exponential or a power of an unknown exponent: one, two or none."""
    if y.op not in ("add", "sub"):
        return []
    first, second = y.args
    found, term = [], _term(second)
    if term is not None:
        found += [(first, term[0] if y.op == "add" else -term[0], term[1])]
    term = _term(first)
    if term is not None:
        found += [(second if y.op == "add" else -second, *term)]
    return found


def _term(T: Expr) -> tuple[Expr, Expr] | None:
    """(c, E) of ``T = c E``."""
    if T.op == "neg":
        found = _term(T.args[0])
        return None if found is None else (-found[0], found[1])
    if _grows(T):
        return T.graph.constant(1.0), T
    if T.op == "mul":
        for E, c in _factors(T):
            if _grows(E):
                return c, E
    return None


def _factors(T: Expr) -> tuple[tuple[Expr, Expr], tuple[Expr, Expr]]:
    return (T.args[0], T.args[1]), (T.args[1], T.args[0])


def _grows(E: Expr) -> bool:
    return E.active and (E.op == "exp" or (E.op == "pow" and E.args[1].active))


def _over(K: Expr, c: Expr, E: Expr, inverse: bool) -> Expr:
    *rest, last = E.args
    return E.graph.build(f"over_{E.op}", K, c, *rest, -last if inverse else last)


# ---- their derivatives


def splits(base: Expr) -> bool:
    """Whether a power's base is d / w, d * w or w * d, of which only w depends on an unknown."""
    if base.op not in ("div", "mul") or base.args[0].active == base.args[1].active:
        return False
    return base.args[1].active if base.op == "div" else base.args[0].op != "const"


def of_logarithm(base: Expr, slope: Expr) -> Pairs:
    """What a derivative in log(base) is in base, or in w of `splits`."""
    if not splits(base):
        return [(base, slope / base)]
    w = base.args[0] if base.args[0].active else base.args[1]
    return [(w, -(slope / w) if base.op == "div" else slope / w)]


def root_partials(order: float) -> Callable[..., Pairs]:
    """Of ``(d w)**(1 / order)``: 0 at d = 0, where ``0.5 d / sqrt(d w)`` is 0 / 0; of others as it stands."""

    def partials(node: Expr, x: Expr) -> Pairs:
        if splits(x):
            return of_logarithm(x, (1.0 / order) * node)
        return [(x, 0.5 / node if order == 2 else 1.0 / (3.0 * node**2.0))]

    return partials


def of_exponential(args: tuple[Expr, ...], slope: Expr) -> Pairs:
    """What a derivative in log(E) is in u of ``E = exp(u)``, in b and y of ``E = b**y``.

    It vanishes faster than log(b) grows where b is 0.
    """
    if len(args) == 1:
        return [(args[0], slope)]
    b, y = args
    log = b.call("eq", 0.0).call("where", 0.0, b.call("log"))
    return [*of_logarithm(b, slope * y), (y, slope * log)]


def over_partials(node: Expr, *args: Expr) -> Pairs:
    """Of ``1 / (K + c E)``."""
    return _of_over(args, -node, node)


def over_power_partials(node: Expr, over: Expr, exponent: Expr) -> Pairs:
    """Of ``over**exponent``, in what over depends on: there is no division by it, which may be 0."""
    return _of_over(over.args, -(exponent * node), over)


def _of_over(args: tuple[Expr, ...], slope: Expr, over: Expr) -> Pairs:
    K, c, *rest = args
    other = over.graph.build(over.op, c, K, *rest[:-1], -rest[-1])
    share = slope * other
    return [(K, slope * over), (c, share), *of_exponential(tuple(rest), c * share)]


def damped_partials(node: Expr, k: Expr, A: Expr, c: Expr, *rest: Expr) -> Pairs:
    """Of ``exp(A + c E) E**k``."""
    higher = node.graph.build(node.op, k + 1.0, A, c, *rest)
    return [(A, node), (c, higher), *of_exponential(rest, k * node + c * higher)]


def softplus_partials(node: Expr, u: Expr) -> Pairs:
    return [(u, u.graph.build("over_exp", 1.0, 1.0, -u))]


def sech_partials(node: Expr, u: Expr) -> Pairs:
    return [(u, -(node * u.call("tanh")))]


PARTIALS: dict[str, Callable[..., Pairs]] = {
    **dict.fromkeys(OVER, over_partials),
    **dict.fromkeys(DAMPED, damped_partials),
    **dict.fromkeys(("softplus", "softplus1p"), softplus_partials),
    "sech": sech_partials,
    "sqrt": root_partials(2),
    "cbrt": root_partials(3),
}


def opened(node: Expr) -> tuple[int, ...]:
    """Arguments of which a derivative knows the parts."""
    if node.op in ("pow", "over_pow", "damped_pow"):
        at = len(node.args) - 2
        return (at,) if splits(node.args[at]) or (node.op == "pow" and node.args[at].op in OVER) else ()
    return (0,) if node.op in ("log", "sqrt", "cbrt") and splits(node.args[0]) else ()


# ---- their text


class Written:
    """A rule of `lower`.  Of e^u and e^-u, which derivatives use both, one is worked out, and 1 / e^u where needed."""

    def __init__(self, nodes: Iterable[Expr]) -> None:
        self.first: set[tuple[int, ...]] = set()
        for node in sorted(nodes, key=lambda one: one.index):
            rest = _argument(node)
            if rest and self._key(rest, True) not in self.first:
                self.first.add(self._key(rest, False))

    def _key(self, rest: tuple[Expr, ...], inverse: bool) -> tuple[int, ...]:
        *before, last = rest
        return *(one.index for one in before), (-last if inverse else last).index

    def rule(self, node: Expr, args: tuple[Expr, ...]) -> Expr | None:
        """The text of a node."""
        if node.op not in OPS:
            return None
        one = node.graph.constant(1.0)
        if node.op == "sech":
            return node.graph.intern("div", (one, args[0].call("cosh")))
        if node.op in OVER:
            return self._over(node, *args)
        if node.op in DAMPED:
            return _damped(node, *args)
        E = node.graph.intern("exp", args)
        log = node.graph.intern(*(("log1p", (E,)) if node.op == "softplus1p" else ("log", (1.0 + E,))))
        return node.graph.build("lt", SATURATED, E).call("where", args[0], log)

    def _over(self, node: Expr, K: Expr, c: Expr, *rest: Expr) -> Expr:
        graph, one = node.graph, node.graph.constant(1.0)
        if self._key(node.args[2:], False) in self.first:
            return graph.intern("div", (one, K + c * _exponential(node, rest)))
        E = _exponential(node, (*rest[:-1], -rest[-1]))
        ratio = graph.intern("mul", (E, graph.intern("div", (one, c + K * E))))
        plain = K.is_constant(1) and c.is_constant(1)  # no more than a rounding before infinity, as of softplus
        beyond = graph.build("lt", SATURATED, E) if plain else E.call("eq", math.inf)
        return beyond.call("where", 1.0 / K, ratio)


def _argument(node: Expr) -> tuple[Expr, ...]:
    """u, or b and y, of the exponential in a node."""
    if node.op in OVER:
        return node.args[2:]
    if node.op in DAMPED:
        return node.args[3:]
    return node.args if node.op in ("exp", "pow", "softplus", "softplus1p") else ()


def _exponential(node: Expr, rest: tuple[Expr, ...]) -> Expr:
    return node.graph.intern("pow" if len(rest) > 1 else "exp", rest)


def _damped(node: Expr, k: Expr, A: Expr, c: Expr, *rest: Expr) -> Expr:
    E = _exponential(node, rest)
    value = node.graph.intern("exp", (A + c * E,))
    times = int(k.constant or 0)
    product = value
    for _ in range(times):
        product = node.graph.intern("mul", (product, E))
    return E.call("eq", math.inf).call("where", 0.0, product) if times else value
