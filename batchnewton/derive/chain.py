"""The chain rule for one node: products that are safe beside a select, tangents, second partial derivatives."""

from __future__ import annotations

from functools import lru_cache

from batchnewton.derive.graph import Expr, Graph, topological
from batchnewton.derive.rules import partials
from batchnewton.derive.stable import opened

Triples = list[tuple[Expr, Expr, Expr]]


def scale(x: Expr, y: Expr, beside: Expr | None = None) -> Expr:
    """x * y, with a select that has a zero arm moved outwards.

    An infinity of the branch not taken then never meets the zero: ``where(c, x * y, 0)``, not ``where(c, x, 0) * y``.
    ``beside`` is the condition on which another value is taken.
    """
    for select, factor in ((y, x), (x, y)):
        if select.op == "where" and (select.args[1].is_constant(0) or select.args[2].is_constant(0)):
            condition, a, b = select.args
            return condition.call("where", scale(a, factor, condition), scale(b, factor, condition))
        if factor.op != "const" and has_logarithm(select, beside):
            return factor.call("eq", 0.0).call("where", 0.0, factor * select)
    return x * y


def has_logarithm(x: Expr, beside: Expr | None) -> bool:
    """Whether a factor may be infinite as log(0) of a data point is, if that is not looked at ``beside``.

    A value that is finite there, as ``1 / (1 + exp(b log(x)))`` is, does not change with b: the other factor is 0, and
    so is the product.
    """
    return any(base.call("eq", 0.0) is not beside for base in x.logarithms)


def tangent_of(node: Expr, tangents: dict[int, Expr], zero: Expr) -> Expr:
    """Derivative of a node, given those of its arguments that are not zero."""
    if node.op == "where":
        return node.args[0].call("where", *[tangents.get(arg.index, zero) for arg in node.args[1:]])
    if node.op == "div":
        numerator, denominator = (tangents.get(arg.index, zero) for arg in node.args)
        return (numerator - scale(node, denominator)) / node.args[1]
    total = zero
    for arg, partial in partials(node):
        if arg.index in tangents:
            total = total + scale(partial, tangents[arg.index])
    return total


def second_partials(node: Expr) -> Triples:
    """Triples (a, b, d2 node / da db), each pair of arguments once.

    They are derived once for each shape of operation, on placeholders, and filled in: in the formula's own graph a
    simplification may have looked through an argument, and its derivative could not be told from its parts'.
    """
    leaves: list[Expr] = []
    parts = [_shape(arg, leaves, k in opened(node)) for k, arg in enumerate(node.args)]
    template, placeholders, triples = _second_template((node.op, *parts))
    actual = dict(zip((leaf.index for leaf in placeholders), leaves, strict=True)) | {template.index: node}
    return [(actual[a.index], actual[b.index], _filled(second, actual)) for a, b, second in triples]


def _shape(node: Expr, leaves: list[Expr], parted: bool = False) -> tuple:
    """A constant, a number of `leaves`, or, parted, an operation on such."""
    if node.op == "const":
        return ("const", node.value)
    if parted:
        return (node.op, *[_shape(arg, leaves, k in opened(node)) for k, arg in enumerate(node.args)])
    known = next((k for k, leaf in enumerate(leaves) if leaf is node), None)
    if known is None:
        known = len(leaves)
        leaves.append(node)
    return ("leaf", known, node.active)


@lru_cache(maxsize=1000)
def _second_template(shape: tuple) -> tuple[Expr, list[Expr], Triples]:
    graph = Graph()
    placeholders: list[Expr] = []
    template = _template(graph, shape, placeholders)
    zero, one = graph.constant(0.0), graph.constant(1.0)
    triples: Triples = []
    pairs = partials(template)
    for k, (other, other_partial) in enumerate(pairs):
        known = {arg.index: zero for arg, _ in pairs} | {other.index: one, template.index: other_partial}
        for arg, partial in pairs[k:]:
            second = _local_tangent(partial, known, zero)
            if not second.is_constant(0):
                triples.append((arg, other, second))
    return template, placeholders, triples


def _template(graph: Graph, shape: tuple, placeholders: list[Expr]) -> Expr:
    kind, *rest = shape
    if kind == "const":
        return graph.constant(rest[0])
    if kind == "leaf":
        leaf = graph.input(f"x{rest[0]}", "unknown" if rest[1] else "call")
        if rest[0] == len(placeholders):
            placeholders.append(leaf)
        return leaf
    return graph.intern(kind, tuple(_template(graph, part, placeholders) for part in rest))


def _local_tangent(expr: Expr, known: dict[int, Expr], zero: Expr) -> Expr:
    tangents = {index: tangent for index, tangent in known.items() if not tangent.is_constant(0)}
    for node in topological([expr], active_only=True):
        if node.args and node.index not in known:
            tangents[node.index] = tangent_of(node, tangents, zero)
    return tangents.get(expr.index, zero)


def _filled(expr: Expr, actual: dict[int, Expr]) -> Expr:
    """An expression over placeholders with the actual arguments in their place."""
    if expr.index not in actual:
        graph = next(iter(actual.values())).graph
        if expr.op == "const":
            actual[expr.index] = graph.constant(float(expr.value))  # type: ignore[arg-type]
        else:
            actual[expr.index] = graph.build(expr.op, *[_filled(arg, actual) for arg in expr.args])
    return actual[expr.index]
