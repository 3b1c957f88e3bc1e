"""What NumPy's functions mean for arrays over data rows (`whole.Whole`)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from batchnewton.derive.advice import advice_for
from batchnewton.derive.broadcast import elementwise
from batchnewton.derive.known import adopted, frozen, is_known, key_of, known, real
from batchnewton.derive.moved import moved
from batchnewton.derive.scalar import OverRows
from batchnewton.derive.survey import Survey, current_survey
from batchnewton.derive.whole import WAY_OUT, KnownScalar, Refused, Whole, row_axis


def holds_rows(value: Any) -> bool:
    """Whether a value, array or nested list or dictionary holds what depends on all data rows."""
    if isinstance(value, OverRows):
        return True
    if isinstance(value, np.ndarray) and value.dtype == object:
        return any(isinstance(one, OverRows) for one in value.ravel().view(np.ndarray))
    if isinstance(value, slice):
        return holds_rows((value.start, value.stop, value.step))
    if isinstance(value, dict):
        return holds_rows(tuple(value.values()))
    return isinstance(value, tuple | list) and any(map(holds_rows, value))


def call(function: Callable[..., Any], args: Any, options: dict[str, Any], handlers: Any) -> Any:
    """A NumPy function, some of whose arguments are over data rows, or were worked out of them."""
    survey = current_survey()
    assert survey is not None
    if function in SHAPES:
        return SHAPES[function](*args, **options)
    spread = function in ELEMENTWISE and not (function is np.where and len(args) == 1)
    if not spread and is_known(args) and is_known(list(options.values())):
        return known_or_moved(survey, function, args, options)
    if function in CONTRACTIONS:
        return contracted(function, args, options)
    if function in ALONG:
        return along(function, args, options)
    if function in MOVES:
        found = moved(function, args, options)
        if found is not NotImplemented:
            return found
    elif function in handlers:
        return handlers[function](*args, **options)
    raise refusal(f"np.{getattr(function, '__name__', function)}")


def known_or_moved(survey: Survey, function: Callable[..., Any], args: Any, options: Any) -> Any:
    """What depends on the data alone: where elements are only moved, as expressions, else by NumPy."""
    found = _moved_with_numbers(survey, function, args, options) if function in MOVES else NotImplemented
    return known(survey, function, args, options) if found is NotImplemented else found


def _moved_with_numbers(survey: Survey, function: Callable[..., Any], args: Any, options: Any) -> Any:
    """`moved`, for values whose numbers are known, too."""
    if not _traced_rows((args, options)):
        return NotImplemented
    try:
        found = moved(function, args, options)
    except Exception:  # NumPy's own error is that of the numbers
        return NotImplemented
    if isinstance(found, Whole):
        found.key = ("call", function, key_of(args), key_of(options))
        values = [frozen(one) for one in args]
        given = {name: frozen(one) for name, one in options.items()}
        found.compute = lambda data: np.asarray(function(*real(values, data), **real(given, data)))
        return found
    return NotImplemented


def _traced_rows(value: Any) -> bool:
    if isinstance(value, Whole):
        return value.is_traced
    if isinstance(value, dict):
        return _traced_rows(tuple(value.values()))
    return isinstance(value, tuple | list) and any(map(_traced_rows, value))


REDUCTIONS = {
    "add": "sum",
    "multiply": "prod",
    "maximum": "max",
    "minimum": "min",
    "logical_or": "any",
    "logical_and": "all",
}
"""Functions of the vocabulary by which NumPy's reduce."""


def refusal(what: str, more: str = "") -> Refused:
    """The error for what needs an expression at other data points than its own."""
    return Refused(
        f"{what} over the data points, of an expression that holds parameters: {advice_for(what, WAY_OUT)}{more}"
    )


def reduced(name: str, array: Whole, axis: Any, keepdims: bool, initial: Any, reduce: Callable[..., Any]) -> Any:
    """A reduction of an array that holds parameters, over other axes than that of the rows."""
    inner, row = array.parts()
    if row is None:
        return reduce(name, inner, axis, keepdims=keepdims, initial=initial)
    axes = sorted(k % array.ndim for k in (range(array.ndim) if axis is None else np.atleast_1d(axis).tolist()))
    if array.ndim + row in axes:
        if array.ndim > 1 and axis is None:
            numpys = f"np.{REDUCTIONS.get(name, name)}"
            raise Refused(
                f"{numpys} without axis is over the data points, too, of an expression that holds parameters; expected "
                "axis=0, which is over the coordinates of each point"
            )
        raise refusal(f"np.{REDUCTIONS.get(name, name)}")
    found = reduce(name, inner, tuple(axes), keepdims=keepdims, initial=initial)
    after = sum(k > array.ndim + row for k in axes)
    return Whole(array.survey, None, None, np.asarray(found, dtype=object), row if keepdims else row + after)


def contracted(function: Callable[..., Any], args: Any, options: Any) -> Any:
    """Products that add over axes: not over that of the rows."""
    from batchnewton.derive.arrays import has_traced, traced

    survey = current_survey()
    assert survey is not None
    args = [adopted(one) for one in args]
    parts: list[Any] = [one.parts() if isinstance(one, Whole) else (one, None) for one in args]
    several = any(axis == -1 and inner.ndim > 1 for inner, axis in parts)
    refused = refusal(f"np.{function.__name__}", ". With x of shape (k, m), w @ x is over the coordinates" * several)
    if all(axis is None for _, axis in parts):
        return traced(np.asarray(_own_code(function)(*_objects(parts), **options), dtype=object))
    shapes = []
    for rows in (41, 43):
        probes = [_zeros(inner, axis, rows) if _is_array(inner) else inner for inner, axis in parts]
        try:
            shapes.append(np.shape(function(*probes, **options)))
        except ValueError:
            raise refused from None
    axes = [k - len(shapes[0]) for k in range(len(shapes[0])) if shapes[0][k] != shapes[1][k]]
    if len(axes) != 1 or any(side not in (41, 1) for side in [shapes[0][k] for k in axes]):
        raise refused
    inner = np.asarray(_own_code(function)(*_objects(parts), **options), dtype=object)
    if not has_traced(inner):
        return traced(inner)
    return Whole(survey, None, None, inner, axes[0])


def _objects(parts: list[Any]) -> list[Any]:
    from batchnewton.derive.arrays import plain

    return [np.asarray(plain(inner), dtype=object) if _is_array(inner) else inner for inner, _ in parts]


def _own_code(function: Callable[..., Any]) -> Callable[..., Any]:
    return getattr(function, "_implementation", function)


def along(function: Callable[..., Any], args: Any, options: dict[str, Any]) -> Any:
    """np.cumsum and its like, along another axis than that of the rows."""
    array, axis = args[0], options.get("axis", args[-1] if len(args) > 1 else None)
    inner, row = array.parts() if isinstance(array, Whole) else (array, None)
    if row is None or not isinstance(axis, int) or axis % array.ndim == array.ndim + row:
        raise refusal(f"np.{function.__name__}")
    found = _own_code(function)(inner.view(np.ndarray), *args[1:], **options)
    return Whole(array.survey, None, None, found, row)


def _is_array(value: Any) -> bool:
    return not isinstance(value, str | type(None) | int) or isinstance(value, OverRows)


def _zeros(inner: Any, axis: int | None, rows: int) -> np.ndarray:
    sides: list[int] = list(np.shape(inner) if not isinstance(inner, OverRows) else ())
    if axis is not None:
        sides[axis] = rows
    return np.zeros(sides)


def filled(real_maker: Callable[..., Any], args: Any, options: Any) -> Any:
    """np.zeros and its like, whose shape holds the number of data points."""
    survey = current_survey()
    assert survey is not None
    found = known(survey, real_maker, args, options)
    return with_constant(found)


def with_constant(found: Any) -> Any:
    """A known array all of whose elements are one number, with that number in the trace."""
    if isinstance(found, Whole) and found.values.size and (found.values == found.values.flat[0]).all():
        axis = row_axis(found.values.shape, found.survey.m)
        if axis is not None:
            sides = [1 if k - found.values.ndim == axis else n for k, n in enumerate(found.values.shape)]
            inner = np.full(sides, float(found.values.flat[0]), dtype=object)
            found.trace(inner, axis)
    return found


def shape_of(value: Any) -> Any:
    """np.shape."""
    return value.shape if isinstance(value, Whole) else np.shape(value)


def _size(a: Any, axis: Any = None) -> Any:
    sides = shape_of(a)
    if axis is None:
        total: Any = 1
        for side in sides:
            total = total * side
        return total
    return sides[axis]


def _like(maker: Callable[..., Any]) -> Callable[..., Any]:
    def make(example: Any, *args: Any, **options: Any) -> Any:
        if isinstance(example, Whole):
            return filled(maker, (example.shape, *args), {})
        return maker(np.shape(example), *args)

    return make


def _full_like(example: Any, fill: Any, *args: Any, **options: Any) -> Any:
    ones = _like(np.ones)(example)
    return elementwise("multiply", fill, ones) if isinstance(ones, Whole) else fill * ones


SHAPES: dict[Any, Callable[..., Any]] = {
    np.shape: shape_of,
    np.ndim: lambda a: a.ndim,
    np.size: _size,
    np.zeros_like: _like(np.zeros),
    np.ones_like: _like(np.ones),
    np.empty_like: _like(np.zeros),
    np.full_like: _full_like,
    np.copy: lambda a, *args, **options: a.copied() if isinstance(a, Whole) else a,
    np.real: lambda a: known(a.survey, np.real, (a,)) if a.dtype.kind == "c" else a,
    np.iscomplexobj: lambda a: False,
    np.isrealobj: lambda a: True,
}
"""Functions of the shape alone, and copies."""
ELEMENTWISE = {np.where, np.clip, np.select, np.piecewise, np.sinc, np.i0}
"""Elementwise functions, which are traced even where they depend on the data alone."""
CONTRACTIONS = {np.matmul, np.dot, np.einsum, np.tensordot, np.inner, np.outer, np.vdot, np.kron}
"""Products that add over axes."""
ALONG = {np.cumsum, np.cumprod, np.diff}
"""Functions that work along one axis."""
_MOVES = """
stack concatenate hstack vstack dstack column_stack block split array_split hsplit vsplit reshape ravel transpose
swapaxes moveaxis rollaxis squeeze expand_dims atleast_1d atleast_2d atleast_3d broadcast_to broadcast_arrays flip
fliplr flipud roll rot90 repeat tile take insert append delete array diagonal diag
"""
MOVES = {operator.getitem} | {getattr(np, name) for name in _MOVES.split()}
"""Functions that move elements, and change none."""


def rows_of_argument(value: Any) -> Any:
    """``len(value)``."""
    if isinstance(value, Whole):
        first = value.shape[0]
        return first if isinstance(first, KnownScalar) else len(value)
    return len(value)
