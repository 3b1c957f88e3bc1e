"""The number that a formula is called with while it is traced: it records what is done to it."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from batchnewton.derive.errors import TraceError
from batchnewton.derive.graph import BOOLEAN, Expr, Graph
from batchnewton.derive.paths import current
from batchnewton.derive.vocabulary import VOCABULARY, may_kink

ELSEWHERE = "a traced value is used in another formula's trace"


class OverRows:
    """What depends on all data rows; such values have functions of their own (`batchnewton.derive.whole`)."""

    __slots__ = ()

    def over_rows(self, name: str, values: tuple[Any, ...]) -> Any:
        """A function of `VOCABULARY` of values among which this one is; or NotImplemented."""
        return NotImplemented


def apply(name: str, *values: Any) -> Any:
    """Apply a function of `VOCABULARY` to traced values and numbers; the result is a number if it is known."""
    for value in values:
        if isinstance(value, OverRows):
            found = value.over_rows(name, values)
            if found is not NotImplemented:
                return found
    graph = current().graph
    operands = [operand(graph, value) for value in values]
    graph.kinked = graph.kinked or may_kink(name, operands)
    result = VOCABULARY[name](*operands)
    return np.float64(result.value) if result.op == "const" else TracedScalar(result)  # type: ignore[arg-type]


def operand(graph: Graph, value: Any) -> Expr:
    """The expression of a traced value or of a real number."""
    if isinstance(value, TracedScalar):
        if value.expr.graph is not graph:
            raise TraceError(f"{ELSEWHERE}; keep it inside its formula")
        return value.expr
    if isinstance(value, np.ndarray) and value.size == 1:
        return operand(graph, value.item())
    if isinstance(value, (numbers.Real, np.bool_)):
        return graph.constant(float(value))
    if isinstance(value, np.ndarray):
        raise TraceError("a function of one number is called with an array; use NumPy's function of that name")
    raise TraceError(
        f"a {type(value).__name__} is used in arithmetic with traced values; formulas take real numbers"
        + (" (Re wofz: see scipy.special.voigt_profile)" if isinstance(value, complex) else "")
    )


def _binary(name: str, swap: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: TracedScalar, other: Any) -> Any:
        if isinstance(other, np.ndarray) and other.ndim:
            return NotImplemented
        return apply(name, other, self) if swap else apply(name, self, other)

    return method


def _equality(name: str) -> Callable[[Any, Any], Any]:
    method = _binary(name)
    return lambda self, other: NotImplemented if other is None or isinstance(other, str) else method(self, other)


def _logical(name: str) -> Callable[[Any, Any], Any]:
    method = _binary(name)

    def checked(self: TracedScalar, other: Any) -> Any:
        if self.expr.op not in BOOLEAN:
            raise TraceError("&, | and ~ of a traced number; they are for comparisons, as in (x > 0) & (x < 1)")
        return method(self, other)

    return checked


def _unary(name: str) -> Callable[[Any], Any]:
    return lambda self: apply(name, self)


def _refusal(what: str) -> Callable[..., NoReturn]:
    def method(self: TracedScalar, *args: Any) -> NoReturn:
        raise TraceError(
            f"{what} of a traced value: its number is not known while the formula is traced; use operators, math.* or "
            "np.* on it. To store it in an array, make that array inside the formula (np.zeros(n), np.array([...]))"
        )

    return method


class TracedScalar:
    """A number known by its expression only."""

    __slots__ = ("expr",)
    __hash__ = object.__hash__

    shape: tuple[int, ...] = ()
    ndim = 0
    size = 1

    def __init__(self, expr: Expr) -> None:
        self.expr = expr

    def __bool__(self) -> bool:
        return current().decide(self.expr)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from batchnewton.derive.arrays import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Callable, types: Any, args: Any, options: dict[str, Any]) -> Any:
        from batchnewton.derive.arrays import call_function

        return call_function(function, args, options)

    def __repr__(self) -> str:
        return f"traced({self.expr!r})"[:200]

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    def __pow__(self, other: Any, modulus: None = None) -> Any:
        return NotImplemented if isinstance(other, np.ndarray) and other.ndim else apply("power", self, other)

    @property
    def real(self) -> TracedScalar:
        return self

    @property
    def T(self) -> TracedScalar:
        return self

    def item(self) -> TracedScalar:
        return self

    def conjugate(self) -> TracedScalar:
        return self


ARITHMETIC = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
}
COMPARE = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
LOGICAL = {"and": "logical_and", "or": "logical_or", "xor": "logical_xor"}
UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "floor": "floor", "ceil": "ceil", "trunc": "trunc"}
REFUSED = {
    "float": "float()",
    "int": "int()",
    "index": "an index or a range()",
    "complex": "complex()",
    "round": "round()",
}
METHODS = "exp log sqrt sin cos tan tanh arctan expm1 log1p"
"""NumPy calls these on the elements of ordinary object arrays."""


def _install() -> None:
    for short, name in ARITHMETIC.items():
        setattr(TracedScalar, f"__{short}__", _binary(name))
        setattr(TracedScalar, f"__r{short}__", _binary(name, swap=True))
    for short, name in COMPARE.items():
        setattr(TracedScalar, f"__{short}__", _binary(name))
    for short, name in LOGICAL.items():
        setattr(TracedScalar, f"__{short}__", _logical(name))
        setattr(TracedScalar, f"__r{short}__", _logical(name))
    for short, name in UNARY.items():
        setattr(TracedScalar, f"__{short}__", _unary(name))
    for short, what in REFUSED.items():
        setattr(TracedScalar, f"__{short}__", _refusal(what))
    for name in METHODS.split():
        setattr(TracedScalar, name, _unary(name))
    TracedScalar.__eq__ = _equality("equal")  # type: ignore[assignment, method-assign]
    TracedScalar.__ne__ = _equality("not_equal")  # type: ignore[assignment, method-assign]
    TracedScalar.__rpow__ = _binary("power", swap=True)  # type: ignore[attr-defined]
    TracedScalar.__invert__ = _logical_not  # type: ignore[attr-defined]


def _logical_not(self: TracedScalar) -> Any:
    return _logical("logical_and")(self, 1.0) if self.expr.op not in BOOLEAN else apply("logical_not", self)


_install()
