"""From mathematics to arithmetic: Faddeeva's function, powers, and divisions by reciprocals where that saves work."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from batchnewton.derive.graph import PROBLEM, ROW, Expr, topological
from batchnewton.derive.numeric import FADDEEVA
from batchnewton.derive.stable import Written

MAX_PRODUCT_POWER = 64
"""An integer power up to this is written as products."""

Rule = Callable[[Expr, tuple[Expr, ...]], "Expr | None"]


def lower(outputs: dict[str, Expr]) -> dict[str, Expr]:
    """The outputs with Faddeeva's function, powers, divisions and negated comparisons written out."""
    outputs = _rewrite(written(outputs), _faddeeva)
    powers = _Powers(topological(outputs.values()))
    outputs = _rewrite(outputs, powers.rule)
    return _rewrite(outputs, _Divisions(topological(outputs.values())).rule)


def written(outputs: dict[str, Expr]) -> dict[str, Expr]:
    """The outputs with the forms of `stable` written out."""
    return _rewrite(outputs, Written(topological(outputs.values())).rule)


def _rewrite(outputs: dict[str, Expr], rule: Rule) -> dict[str, Expr]:
    done: dict[int, Expr] = {}
    for node in topological(outputs.values()):
        args = tuple(done[arg.index] for arg in node.args)
        changed = any(arg is not old for arg, old in zip(args, node.args, strict=True))
        new = rule(node, args)
        done[node.index] = new if new is not None else node.graph.intern(node.op, args) if changed else node
    return {key: done[node.index] for key, node in outputs.items()}


def _faddeeva(node: Expr, args: tuple[Expr, ...]) -> Expr | None:
    return FADDEEVA[node.op](*args) if node.op in FADDEEVA else None


class _Powers:
    """Rules for powers, knowing which powers of each base are needed."""

    def __init__(self, nodes: Iterable[Expr]) -> None:
        self.exponents: dict[int, list[Expr]] = defaultdict(list)
        for node in nodes:
            if node.op == "pow":
                self.exponents[node.args[0].index].append(node.args[1])

    def rule(self, node: Expr, args: tuple[Expr, ...]) -> Expr | None:
        if node.op == "not":
            return _complement(args[0])
        if node.op != "pow":
            return None
        family = self.exponents[node.args[0].index]
        base, exponent = args
        if exponent.constant is None:
            return _variable_power(base, exponent, family)
        return _constant_power(base, exponent.constant, [e.constant for e in family if e.constant is not None])


def _constant_power(base: Expr, exponent: float, family: list[float]) -> Expr | None:
    whole = math.floor(exponent)
    if abs(exponent) > MAX_PRODUCT_POWER:
        return None
    if exponent == whole:
        return _product_power(base, whole, family)
    if exponent == whole + 0.5:
        root = base.call("sqrt")
        if whole < 0:
            below = root if whole == -1 else _times(_product_power(base, -whole - 1, family), root)
            return base.graph.intern("div", (base.graph.constant(1.0), below))
        return root if whole == 0 else _times(_product_power(base, whole, family), root)
    apart = [other - exponent for other in family]
    steps = max((round(gap) for gap in apart if abs(gap - round(gap)) < 1e-9), default=0)
    return _stepped_down(base, base.graph.constant(exponent + steps), steps) if steps else None


def _product_power(base: Expr, exponent: int, family: list[float]) -> Expr:
    if exponent < 0:
        return base.graph.intern("div", (base.graph.constant(1.0), _product_power(base, -exponent, family)))
    if exponent == 1:
        return base
    if exponent % 2 == 0 and (exponent - 1 not in family or exponent == 2):
        half = _product_power(base, exponent // 2, family)
        return _times(half, half)
    return _times(_product_power(base, exponent - 1, family), base)


def _variable_power(base: Expr, exponent: Expr, family: list[Expr]) -> Expr | None:
    """base**(p - k), where base**p is needed too."""
    if exponent.op == "sub" and exponent.args[1].op == "const" and any(e is exponent.args[0] for e in family):
        steps = float(exponent.args[1].value)  # type: ignore[arg-type]
        if steps in (1.0, 2.0):
            return _stepped_down(base, exponent.args[0], int(steps))
    return None


def _stepped_down(base: Expr, exponent: Expr, steps: int) -> Expr:
    """base**(exponent - steps) as base**exponent / base / ..., with its own value at base = 0."""
    if steps == 0:
        return base.graph.intern("pow", (base, exponent))
    quotient = base.graph.intern("div", (_stepped_down(base, exponent, steps - 1), base))
    rest = exponent - float(steps)
    at_zero = rest.graph.build("lt", 0.0, rest).call("where", 0.0, rest.call("eq", 0.0).call("where", 1.0, math.inf))
    return base.call("eq", 0.0).call("where", at_zero, quotient)


def _times(x: Expr, y: Expr) -> Expr:
    return x.graph.intern("mul", (x, y))


def _complement(condition: Expr) -> Expr:
    """What holds where a condition does not: where an operand is NaN, no comparison does."""
    opposite = {"lt": "le", "le": "lt"}.get(condition.op)
    if opposite:
        result = condition.graph.build(opposite, condition.args[1], condition.args[0])
        for arg in condition.args:
            result = result if arg.op == "const" else result.call("or", arg.call("ne", arg))
        return result
    if condition.op in ("and", "or"):
        other = "or" if condition.op == "and" else "and"
        return condition.graph.build(other, *map(_complement, condition.args))
    return condition.graph.build("not", condition)


class _Divisions:
    """A reciprocal serves several divisions by the same, or one whose divisor is known before its dividend."""

    def __init__(self, nodes: Iterable[Expr]) -> None:
        self.divisions = Counter(node.args[1].index for node in nodes if node.op == "div")

    def rule(self, node: Expr, args: tuple[Expr, ...]) -> Expr | None:
        if node.op != "div" or args[0].is_constant(1):
            return None
        early = (node.depends ^ node.args[1].depends) & (ROW | PROBLEM)
        if self.divisions[node.args[1].index] == 1 and not early:
            return None
        reciprocal = node.graph.intern("div", (node.graph.constant(1.0), args[1]))
        return _times(args[0], reciprocal)
