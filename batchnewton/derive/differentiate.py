"""Gradients, Jacobians and Hessians of expressions, as expressions.

Three ways to a Hessian, whose cost differs by formula: edge pushing (Gower & Mello, 2012, "A new framework for the
computation of Hessians", algorithm 2), reverse over reverse, and forward over reverse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from batchnewton.derive.chain import scale, second_partials, tangent_of
from batchnewton.derive.graph import Expr, topological
from batchnewton.derive.rules import partials

Rows = list[list[Expr]]
"""The lower triangle of a symmetric matrix, row by row."""


def reverse(outputs: Sequence[Expr], weights: Sequence[Expr], unknowns: Sequence[Expr]) -> list[Expr]:
    """Gradient of ``sum(weights * outputs)``, the weights held constant, by reverse accumulation."""
    zero = unknowns[0].graph.constant(0.0)
    adjoints: dict[int, Expr] = {}
    for output, weight in zip(outputs, weights, strict=True):
        _accumulate(adjoints, output, weight)
    for node in reversed(topological(outputs, active_only=True)):
        adjoint = adjoints.get(node.index)
        if adjoint is None or not node.args:
            continue
        for arg, partial in partials(node):
            _accumulate(adjoints, arg, scale(adjoint, partial))
    return [adjoints.get(unknown.index, zero) for unknown in unknowns]


def _accumulate(adjoints: dict[int, Expr], node: Expr, term: Expr) -> None:
    if not term.is_constant(0):
        known = adjoints.get(node.index)
        adjoints[node.index] = term if known is None else known + term


def forward(outputs: Sequence[Expr], order: Sequence[Expr], unknown: Expr) -> list[Expr]:
    """Derivatives of the outputs in one unknown by forward accumulation over `order`, their topological order."""
    zero, one = unknown.graph.constant(0.0), unknown.graph.constant(1.0)
    tangents: dict[int, Expr] = {unknown.index: one}
    for node in order:
        if any(arg.index in tangents for arg in node.args):
            tangent = tangent_of(node, tangents, zero)
            if not tangent.is_constant(0):
                tangents[node.index] = tangent
    return [tangents.get(output.index, zero) for output in outputs]


def jacobian(residuals: Sequence[Expr], unknowns: Sequence[Expr]) -> list[list[Expr]]:
    """Row q holds the gradient of residual q."""
    one = unknowns[0].graph.constant(1.0)
    return [reverse([residual], [one], unknowns) for residual in residuals]


def reverse_over_reverse(gradient: Sequence[Expr], unknowns: Sequence[Expr]) -> Rows:
    """Hessian as the reverse gradient of each entry of the gradient."""
    one = unknowns[0].graph.constant(1.0)
    return [reverse([entry], [one], unknowns[: i + 1]) for i, entry in enumerate(gradient)]


def forward_over_reverse(gradient: Sequence[Expr], unknowns: Sequence[Expr]) -> Rows:
    """Hessian as the forward derivative of the gradient in each unknown."""
    order = topological(gradient, active_only=True)
    columns = [forward(gradient[j:], order, unknown) for j, unknown in enumerate(unknowns)]
    return [[columns[j][i - j] for j in range(i + 1)] for i in range(len(unknowns))]


def edge_pushing(outputs: Sequence[Expr], weights: Sequence[Expr], unknowns: Sequence[Expr]) -> Rows:
    """Hessian of ``sum(weights * outputs)``, the weights held constant, in one reverse sweep."""
    zero = unknowns[0].graph.constant(0.0)
    adjoints: dict[int, Expr] = {}
    edges = _Edges()
    for output, weight in zip(outputs, weights, strict=True):
        _accumulate(adjoints, output, weight)
    for node in reversed(topological(outputs, active_only=True)):
        if node.args and (node.index in adjoints or edges.touch(node)):
            _push(node, edges)
            _create(node, edges, adjoints)
    return [[edges.get(x, y, zero) for y in unknowns[: i + 1]] for i, x in enumerate(unknowns)]


class _Edges:
    """The symmetric matrix of second-order adjoints; `weights[a][b]` and `weights[b][a]` are the same."""

    def __init__(self) -> None:
        self.weights: dict[int, dict[int, Expr]] = defaultdict(dict)

    def touch(self, node: Expr) -> bool:
        return bool(self.weights.get(node.index))

    def get(self, x: Expr, y: Expr, default: Expr) -> Expr:
        return self.weights[x.index].get(y.index, default)

    def add(self, i: int, j: int, term: Expr) -> None:
        if not term.is_constant(0):
            known = self.weights[i].get(j)
            self.weights[i][j] = self.weights[j][i] = term if known is None else known + term

    def pop(self, node: Expr) -> dict[int, Expr]:
        row = self.weights.pop(node.index, {})
        for j in row:
            if j != node.index:
                del self.weights[j][node.index]
        return row


def _push(node: Expr, edges: _Edges) -> None:
    """Replace edges at a node by edges at its arguments."""
    pairs = partials(node)
    for j, weight in edges.pop(node).items():
        for i, (arg, partial) in enumerate(pairs):
            term = scale(weight, partial)
            if j != node.index:
                edges.add(arg.index, j, 2.0 * term if arg.index == j else term)
                continue
            for other, other_partial in pairs[: i + 1]:
                edges.add(arg.index, other.index, scale(term, other_partial))


def _create(node: Expr, edges: _Edges, adjoints: dict[int, Expr]) -> None:
    """Add the node's own curvature, and pass its adjoint on."""
    adjoint = adjoints.get(node.index)
    if adjoint is None:
        return
    pairs = partials(node)
    for arg, other, second in second_partials(node):
        edges.add(arg.index, other.index, scale(adjoint, second))
    for arg, partial in pairs:
        _accumulate(adjoints, arg, scale(adjoint, partial))
