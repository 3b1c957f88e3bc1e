"""A data point whose x is NaN is not there: the formula has to be NaN too, for the problem to be looked at again."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchnewton.derive.graph import BOOLEAN, DEPENDS, Expr, topological
from batchnewton.derive.scalar import TracedScalar, apply


def noticed(value: Any, x: Any) -> Any:
    """A curve's value at a data point of its own x; NaN where a coordinate is and the formula would hide it.

    ``np.where(x > 1, a, b)`` is b at NaN.  The x that all curves share is looked at before anything runs.
    """
    for one in np.ravel(np.array(x, dtype=object)).tolist():
        own = isinstance(one, TracedScalar) and one.expr.op == "input" and one.expr.depends == DEPENDS["point"]
        if own and not (isinstance(value, TracedScalar) and carries(value.expr, one.expr)):
            value = apply("where", apply("eq", one, one), value, np.nan)
    return value


def carries(value: Expr, source: Expr) -> bool:
    """Whether an expression is NaN whenever another one in it is."""
    found = {source.index}
    for node in topological([value]):
        args = [arg.index in found for arg in node.args]
        if node.op == "where":
            args = [args[1] and args[2]]
        elif node.op in BOOLEAN:
            args = []
        elif node.op == "copysign":
            args = args[:1]
        if any(args):
            found.add(node.index)
    return value.index in found
