"""A user's formula to the expressions of what it returns."""

from __future__ import annotations

import inspect
import numbers
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from batchnewton.derive.advice import of_library
from batchnewton.derive.arrays import TracedArray
from batchnewton.derive.errors import FROZEN, TraceError, is_shown
from batchnewton.derive.gaps import noticed
from batchnewton.derive.graph import Expr, Graph
from batchnewton.derive.paths import current, tracing
from batchnewton.derive.program import Input
from batchnewton.derive.rebind import formula_name, rebound, source_place
from batchnewton.derive.scalar import TracedScalar, operand
from batchnewton.derive.survey import surveying
from batchnewton.derive.whole import Refused, Whole

Argument = Input | tuple[Input, ...]


class Penalized(NamedTuple):
    """What a formula may return: the values of a data row, and a number that is added once, whatever the rows."""

    values: Any
    once: Any


class Scored(NamedTuple):
    """What the summand of a likelihood may return, a function of the ``residual`` r = mean - y: its ``value`` v, v' as
    ``pull``, what is expected of v'' as ``weight``, and v'' itself, its ``curvature``.

    So the gradient is v' ∇r, the Hessian v'' ∇r∇rᵀ + v' ∇²r, Fisher's information weight ∇r∇rᵀ.
    """

    value: Any
    residual: Any
    pull: Any
    weight: Any
    curvature: Any


class Traced(NamedTuple):
    """Expressions of the values that a formula returns, flattened in order; of what is added once (`Penalized`); of
    residual, pull, weight and curvature (`Scored`)."""

    values: list[Expr]
    once: Expr | None
    scoring: list[Expr]


def trace(function: Any, arguments: Sequence[Argument], graph: Graph) -> Traced:
    """What ``function(*arguments)`` returns."""
    _check_signature(function, arguments)
    copy = rebound(function)
    kinds: set[type] = set()
    with surveying(None, None):  # of a formula that solves another one within
        values, again = (_all_paths(copy, function, arguments, graph, kinds) for _ in range(2))
    if any(one is not other for one, other in zip(values, again, strict=False)) or len(values) != len(again):
        raise TraceError(
            f"{formula_name(function)} is another formula each time it is run: it, or a function that it calls, draws "
            f"random numbers, reads the time, or keeps what it worked out before (a cache of its own). {FROZEN}",
            source_place(function),
        )
    once = values.pop() if Penalized in kinds else None
    return Traced(values[:1], once, values[1:]) if Scored in kinds else Traced(values, once, [])


def _all_paths(copy: Any, function: Any, arguments: Sequence[Argument], graph: Graph, kinds: set[type]) -> list[Expr]:
    """Values over all paths.  Equal expressions are one node: run again, they are the same objects."""
    with tracing(graph) as paths:
        return paths.run(lambda: _run(copy, function, arguments, graph, kinds))


def _run(copy: Any, function: Any, arguments: Sequence[Argument], graph: Graph, kinds: set[type]) -> list[Expr]:
    """One path. Arguments are made anew: a formula may change its arrays."""
    try:
        result = copy(*[_argument(argument, graph) for argument in arguments])
    except Refused:
        raise
    except Exception as error:
        named = of_library(error, formula_name(function))
        if named is not None:
            raise named from error
        if isinstance(error, TraceError):
            raise
        name, place = formula_name(function), _raised_at(error)
        if isinstance(error, (TypeError, AttributeError, ValueError)) and _is_of_tracing(error):
            raise TraceError(f"{name} cannot be traced: {_explained(str(error))}", place) from error
        if current().taken:  # both sides of an `if` are run, whatever the numbers will be
            raised = f"{type(error).__name__}{f': {error}' if str(error) else ''}"
            branch = "on one side of an `if` (or `assert`) on traced values, both of which are run to derive them"
            way_out = "return np.nan there, or keep parameters away with bounds="
            raise TraceError(f"{name} raises {raised}, {branch}; {way_out}", place) from error
        raise
    values: list[Expr] = []
    once: list[Expr] = []
    kinds.add(type(result))
    if isinstance(result, Penalized):
        _flatten(result.once, function, graph, once)
        if len(once) != 1:
            raise TraceError(f"the prior of {formula_name(function)} returns {len(once)} values; expected one number")
        result = result.values
        kinds.add(type(result))
    _flatten(result, function, graph, values)
    return values + once


def _argument(argument: Argument, graph: Graph) -> Any:
    if isinstance(argument, tuple):
        return tuple(_argument(part, graph) for part in argument)
    scalars = [TracedScalar(graph.input(name, argument.level)) for name in argument.scalars]
    if not argument.shape:
        return scalars[0]
    array = np.empty(len(scalars), dtype=object)
    array[:] = scalars
    return array.reshape(argument.shape).view(TracedArray)


def _flatten(value: Any, function: Any, graph: Graph, into: list[Expr]) -> None:
    if isinstance(value, (TracedScalar, numbers.Real, np.bool_)):
        into.append(operand(graph, value))
    elif isinstance(value, Whole):
        _flatten(value.parts()[0], function, graph, into)
    elif isinstance(value, np.ndarray):
        for item in value.ravel().tolist():
            _flatten(item, function, graph, into)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _flatten(item, function, graph, into)
    else:
        kind = "None (is a `return` missing?)" if value is None else f"a {type(value).__name__}"
        expected = "a number, or nested lists or arrays of numbers"
        raise TraceError(f"{formula_name(function)} returns {kind}; expected {expected}", source_place(function))


def of_a_point(value: Any, function: Any, x: Any) -> Any:
    """The number that a curve ``function`` returned for one data point x; NaN where x is.

    Raises
    ------
    TraceError
        If it is not one number.
    """
    if isinstance(value, (TracedScalar, numbers.Real, np.bool_)):
        return noticed(value, x)
    name, place = formula_name(function), source_place(function)
    expected = "expected one number for each data point"
    if value is None or not isinstance(value, (np.ndarray, list, tuple)):
        kind = "None (is a `return` missing?)" if value is None else f"a {type(value).__name__}"
        raise TraceError(f"{name} returns {kind}; {expected}", place)
    items = np.array(value, dtype=object).ravel().tolist()
    if len(items) == 1:
        return of_a_point(items[0], function, x)
    if np.shape(x):
        k = len(x)
        expected += (
            f" x, which is an array of {k}: xdata of shape ({k}, m) are {k} coordinates of points that all share. "
            "Where each curve has its own x, xdata is (B, 1, m), or xdata and ydata are lists of arrays"
        )
    raise TraceError(f"{name} returns {len(items)} values; {expected}", place)


def _check_signature(function: Any, arguments: Sequence[Argument]) -> None:
    if not callable(function):
        raise TraceError(f"a formula is a function; got {type(function).__name__}: {function!r}", "")
    try:
        signature = inspect.signature(getattr(function, "py_func", function))
    except (TypeError, ValueError):  # a function without a signature
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        name = formula_name(function)
        message = f"{name}{signature} is to be called with {len(arguments)} arguments ({_listed(arguments)}): {error}"
        raise TraceError(message, source_place(function)) from None


def _listed(arguments: Sequence[Argument]) -> str:
    return ", ".join(f"({_listed(part)})" if isinstance(part, tuple) else part.name for part in arguments)


def _is_of_tracing(error: Exception) -> bool:
    """Whether a library, rather than the user, objects to a traced value."""
    text = str(error)
    return any(
        word in text
        for word in (
            "TracedScalar",
            "TracedArray",
            "dtype('O')",
            "object arrays",
            "loop of ufunc",
            "for the input types",
        )
    )


def _explained(text: str) -> str:
    """An error of Python or NumPy about a traced value, in words about the formula."""
    for word in ("'TracedScalar' object", "object of type 'TracedScalar'", "TracedScalar.__format__"):
        text = text.replace(word, "a traced number")
    if any(word in text for word in ("subscriptable", "len()", "iterable", "iterate", "attribute")):
        text += (
            ". Here the formula gets one data point (or an array of its coordinates): what belongs to all "
            "points (the first, their number, the largest) is known in curve_fit; elsewhere it is given as a constant"
        )
    if "format string" in text:
        text += ": its number is not known while the formula is traced"
    return text


def _raised_at(error: Exception) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_shown(frame.filename)]
    if not frames:
        return ""
    last = frames[-1]
    return f"{last.filename}, line {last.lineno}, in {last.name}: {last.line}"
