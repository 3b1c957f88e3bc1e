"""The numbers of expressions, by NumPy: what a traced formula gives, without a compiler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from batchnewton.derive.graph import Expr, topological
from batchnewton.derive.lower import written
from batchnewton.derive.numeric import EVALUATE

_OF_NUMPY = """
exp expm1 exp2 log log1p log2 log10 sqrt cbrt sin cos tan sinh cosh tanh hypot copysign floor
"""
BY_NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "pow": np.power,
    "where": np.where,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "fabs": np.abs,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    **{name: getattr(np, name) for name in _OF_NUMPY.split()},
}


def evaluate(outputs: Sequence[Expr], inputs: Mapping[str, Any]) -> list[np.ndarray]:
    """Numbers of the expressions, where ``inputs`` are arrays by the names of the inputs, which broadcast."""
    outputs = list(written({str(i): node for i, node in enumerate(outputs)}).values())
    found: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for node in topological(outputs):
            if node.op == "const":
                found[node.index] = np.float64(node.value)
            elif node.op == "input":
                found[node.index] = inputs[str(node.value)]
            else:
                found[node.index] = function_of(node.op)(*(found[arg.index] for arg in node.args))
    return [np.asarray(found[node.index], np.float64) for node in outputs]


def function_of(op: str) -> Callable[..., Any]:
    """An operation on arrays; NaN where it is not defined."""
    known = BY_NUMPY.get(op)
    if known is not None:
        return known
    of_floats = EVALUATE[op]

    def one(*numbers: float) -> float:
        try:
            return float(of_floats(*numbers))
        except (ArithmeticError, ValueError):
            return np.nan

    return np.vectorize(one, otypes=[float])
