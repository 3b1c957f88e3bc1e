"""The derivatives that each kind of problem needs, by whichever way takes the fewest operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from batchnewton.derive.differentiate import (
    Rows,
    edge_pushing,
    forward_over_reverse,
    jacobian,
    reverse,
    reverse_over_reverse,
)
from batchnewton.derive.emit import operation_kind
from batchnewton.derive.graph import ROW, Expr, topological
from batchnewton.derive.lower import lower

WEIGHTS = {"arithmetic": 1, "select": 1, "division": 4, "function": 8}
"""Relative time of an operation, by which derivations are compared."""

POINTS = 8
"""Data points, assumed in comparing what is done for each of them with what is done once."""

MAX_SWEEPS = 15_000
"""Derivations of one sweep an unknown are tried while unknowns times expressions stay below this."""

Outputs = dict[str, Expr]


def cost(outputs: Outputs) -> int:
    """Time to compute the outputs, in additions."""
    nodes = topological(lower(outputs).values())
    return sum(WEIGHTS[operation_kind(node.op)] * (POINTS if node.depends & ROW else 1) for node in nodes if node.args)


def value(residuals: Sequence[Expr], unknowns: Sequence[Expr]) -> Outputs:
    """The formula itself."""
    return {"f": residuals[0]}


def model(values: Sequence[Expr], unknowns: Sequence[Expr]) -> Outputs:
    """The formula and its gradient."""
    value, *scored = values
    (gradient,) = jacobian([value], unknowns)
    if scored:
        residual, pull, *_ = scored
        gradient, _ = _of_residual(residual, pull, unknowns)
    return {"f": value, **_vector(gradient)}


def minimize(values: Sequence[Expr], unknowns: Sequence[Expr]) -> Outputs:
    """The formula, its gradient and its Hessian; what is `Scored` brings a way of its own to them."""
    value, *scored = values
    one = value.graph.constant(1.0)
    (gradient,) = jacobian([value], unknowns)
    candidates = [(gradient, rows) for rows in _hessians([value], [one], gradient, unknowns)]
    if scored:
        residual, pull, _, curvature = scored
        gradient, slopes = _of_residual(residual, pull, unknowns)
        bent = edge_pushing([residual], [pull], unknowns)
        candidates.append((gradient, _sum(_square(curvature, slopes), bent)))
    return _cheapest({"f": value}, candidates)


def gauss_newton(residuals: Sequence[Expr], unknowns: Sequence[Expr]) -> Outputs:
    """Sum of squares, half its gradient, and J^T J."""
    rows = jacobian(residuals, unknowns)
    gradient = [_dot(residuals, column) for column in zip(*rows, strict=True)]
    return {"f": _dot(residuals, residuals), **_vector(gradient), **_triangle(_gram(rows))}


def least_squares(residuals: Sequence[Expr], unknowns: Sequence[Expr]) -> Outputs:
    """Sum of squares, half its gradient, and half its Hessian."""
    rows = jacobian(residuals, unknowns)
    gradient = [_dot(residuals, column) for column in zip(*rows, strict=True)]
    curvature = edge_pushing(residuals, residuals, unknowns)
    candidates = [(gradient, _sum(_gram(rows), curvature))]
    squares = _dot(residuals, residuals)
    half, one = 0.5 * squares, squares.graph.constant(1.0)
    adjoint = reverse([half], [one], unknowns)
    candidates += [(adjoint, hessian) for hessian in _hessians([half], [one], adjoint, unknowns)]
    return _cheapest({"f": squares}, candidates)


def squares(residuals: Sequence[Expr], unknowns: Sequence[Expr]) -> Outputs:
    """Sum of squares, and half its gradient."""
    gradient = [_dot(residuals, column) for column in zip(*jacobian(residuals, unknowns), strict=True)]
    total = _dot(residuals, residuals)
    adjoint = reverse([0.5 * total], [total.graph.constant(1.0)], unknowns)
    return _cheapest({"f": total}, [(gradient, []), (adjoint, [])])


def root(residuals: Sequence[Expr], unknowns: Sequence[Expr]) -> Outputs:
    """The residuals and their Jacobian (what is summed over data rows, if there are any)."""
    rows = jacobian(residuals, unknowns)
    outputs = {f"r_{q}": residual for q, residual in enumerate(residuals)}
    return outputs | {f"j_{q}_{i}": entry for q, row in enumerate(rows) for i, entry in enumerate(row)}


def hybrid(residuals: Sequence[Expr], unknowns: Sequence[Expr]) -> Outputs:
    """As `least_squares`, with J^T J as ``b_i_j``."""
    normal = _triangle(_gram(jacobian(residuals, unknowns)))
    return least_squares(residuals, unknowns) | {"b" + name[1:]: entry for name, entry in normal.items()}


def scoring(values: Sequence[Expr], unknowns: Sequence[Expr]) -> Outputs:
    """As `minimize`, with Fisher's information in place of the Hessian of what is `Scored`."""
    if len(values) == 1:
        return minimize(values, unknowns)
    value, residual, pull, weight, _ = values
    gradient, slopes = _of_residual(residual, pull, unknowns)
    return {"f": value, **_vector(gradient), **_triangle(_square(weight, slopes))}


KINDS: dict[str, tuple[Callable[[Sequence[Expr], Sequence[Expr]], Outputs], float]] = {
    "value": (value, 1.0),
    "model": (model, 1.0),
    "minimize": (minimize, 1.0),
    "gauss-newton": (gauss_newton, 0.5),
    "least-squares": (least_squares, 0.5),
    "hybrid": (hybrid, 0.5),
    "squares": (squares, 0.5),
    "root": (root, 1.0),
    "scoring": (scoring, 1.0),
}
"""What is derived for each kind of problem, and the factor of ``f`` after summation."""

SCORED = frozenset({"model", "minimize", "scoring"})
"""Kinds that know what to do with `Scored`."""

SUMS = frozenset({"gauss-newton", "least-squares", "hybrid", "squares", "root"})
"""Kinds whose formula may return several residuals."""


def _of_residual(residual: Expr, pull: Expr, unknowns: Sequence[Expr]) -> tuple[list[Expr], list[Expr]]:
    """Gradient of what is `Scored`, and that of its residual."""
    (slopes,) = jacobian([residual], unknowns)
    return [pull * slope for slope in slopes], slopes


def _square(weight: Expr, slopes: Sequence[Expr]) -> Rows:
    """``weight slopes slopesᵀ``."""
    weighted = [weight * slope for slope in slopes]
    return [[weighted[i] * slopes[j] for j in range(i + 1)] for i in range(len(slopes))]


def _hessians(
    outputs: Sequence[Expr], weights: Sequence[Expr], gradient: Sequence[Expr], unknowns: Sequence[Expr]
) -> Iterator[Rows]:
    yield edge_pushing(outputs, weights, unknowns)
    if len(unknowns) * len(topological(gradient, active_only=True)) < MAX_SWEEPS:
        yield reverse_over_reverse(gradient, unknowns)
        yield forward_over_reverse(gradient, unknowns)


def _cheapest(first: Outputs, candidates: Sequence[tuple[Sequence[Expr], Rows]]) -> Outputs:
    complete = [{**first, **_vector(gradient), **_triangle(rows)} for gradient, rows in candidates]
    return min(complete, key=cost)


def _vector(gradient: Sequence[Expr]) -> Outputs:
    return {f"g_{i}": entry for i, entry in enumerate(gradient)}


def _triangle(rows: Rows) -> Outputs:
    return {f"h_{i}_{j}": entry for i, row in enumerate(rows) for j, entry in enumerate(row)}


def _gram(rows: Sequence[Sequence[Expr]]) -> Rows:
    columns = list(zip(*rows, strict=True))
    return [[_dot(columns[i], columns[j]) for j in range(i + 1)] for i in range(len(columns))]


def _dot(x: Sequence[Expr], y: Sequence[Expr]) -> Expr:
    total = x[0] * y[0]
    for a, b in zip(x[1:], y[1:], strict=True):
        total = total + a * b
    return total


def _sum(x: Rows, y: Rows) -> Rows:
    return [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(x, y, strict=True)]
