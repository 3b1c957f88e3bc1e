"""What NumPy's functions mean for traced arrays, where NumPy's own code does not work on objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from batchnewton.derive.arrays import TracedArray, call_function, elementwise, floats, has_traced, plain, reduce, traced
from batchnewton.derive.broadcast import elementwise as over_rows
from batchnewton.derive.errors import TraceError
from batchnewton.derive.known import is_known, known
from batchnewton.derive.scalar import TracedScalar
from batchnewton.derive.survey import current_survey
from batchnewton.derive.whole import Whole
from batchnewton.derive.whole_functions import SHAPES, filled, holds_rows


def array(value: Any, dtype: Any = None, **options: Any) -> Any:
    """np.array, np.asarray."""
    if holds_rows(value):
        found = value if isinstance(value, Whole) else call_function(np.array, (value,), {})
        return found.astype(float if dtype is None else dtype) if isinstance(found, Whole) else found
    if isinstance(value, TracedArray) and not has_traced(value) and dtype is not None:
        return np.array(floats(value), dtype=dtype)
    if not has_traced(value) and not isinstance(value, TracedArray):
        return np.array(value, dtype=dtype, **options)
    if dtype is not None and np.dtype(dtype).kind not in "fO":
        raise TraceError(f"an array of type {np.dtype(dtype)} of traced values; they are real numbers")
    return np.array(plain(value), dtype=object).view(TracedArray)


def _asarray(value: Any, dtype: Any = None, **options: Any) -> Any:
    if isinstance(value, Whole):
        return value if dtype is None or np.dtype(dtype).kind in "fO" else value.astype(dtype)
    return value if isinstance(value, TracedArray) and dtype in (None, float) else array(value, dtype)


def _filled(real: Callable[..., Any]) -> Callable[..., Any]:
    """np.zeros and its like: an array into which traced values can be written."""

    def make(*args: Any, **options: Any) -> Any:
        if holds_rows((args, options)):
            return call_function(real, args, options) if real in SHAPES else filled(real, args, options)
        args, options = tuple(map(_example, args)), {key: _example(value) for key, value in options.items()}
        result = np.asarray(real(*args, **options))
        return result.astype(object).view(TracedArray) if result.dtype.kind == "f" else result

    return make


def _example(value: Any) -> Any:
    """For np.zeros_like(traced): a float array of its shape."""
    return np.zeros(shape(value)) if has_traced(value) else floats(value)


def shape(value: Any) -> tuple[int, ...]:
    """np.shape: a traced number has none."""
    return () if isinstance(value, TracedScalar) else np.shape(plain(value))


def _full(sides: Any, fill: Any, dtype: Any = None, **options: Any) -> Any:
    if holds_rows(sides):
        return elementwise("multiply", fill, filled(np.ones, (sides,), {}))
    if not has_traced(fill):
        return _filled(np.full)(sides, fill, dtype, **options)
    result = np.empty(sides, dtype=object)
    result[...] = plain(fill)
    return result.view(TracedArray)


def _full_like(example: Any, fill: Any, dtype: Any = None, **options: Any) -> Any:
    return (
        call_function(np.full_like, (example, fill), {})
        if isinstance(example, Whole)
        else _full(shape(example), fill, dtype)
    )


def _where(condition: Any, *arms: Any) -> Any:
    if len(arms) != 2:
        raise TraceError("np.where of a traced condition alone gives indices, which are not known; give both arms")
    return elementwise("where", condition, *arms)


def _piecewise(x: Any, conditions: Any, functions: Any, *args: Any, **options: Any) -> Any:
    """The last condition that holds counts; one function more than conditions is for where none does."""
    conditions = conditions if isinstance(conditions, (list, tuple)) else [conditions]
    if len(functions) - len(conditions) not in (0, 1):
        raise ValueError(f"np.piecewise got {len(functions)} functions for {len(conditions)} conditions")
    pieces = [one(x, *args, **options) if callable(one) else one for one in functions]
    result = pieces[len(conditions)] if len(pieces) > len(conditions) else 0.0
    for condition, piece in zip(conditions, pieces, strict=False):
        result = elementwise("where", condition, piece, result)
    return result


def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: None = None, **options: Any) -> Any:
    low, high = options.get("min", a_min), options.get("max", a_max)
    a = a if low is None else elementwise("maximum", a, low)
    return a if high is None else elementwise("minimum", a, high)


def _reduction(name: str) -> Callable[..., Any]:
    def function(
        a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False, initial: Any = None
    ) -> Any:
        if dtype is not None and np.dtype(dtype).kind not in "fO":
            raise TraceError(f"a reduction to type {np.dtype(dtype)} of traced values; they are real numbers")
        return reduce(name, a, axis, keepdims=keepdims is True, initial=initial)

    return function


def _count(a: Any, axis: Any) -> int:
    sides = shape(a)
    return int(np.prod(sides if axis is None else [sides[k] for k in np.atleast_1d(axis)]))


def _mean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: Any = False) -> Any:
    return _reduction("add")(a, axis, keepdims=keepdims) / _count(a, axis)


def _var(a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: Any = False) -> Any:
    deviation = _asarray(a) - _mean(a, axis, keepdims=True)
    return _reduction("add")(deviation * deviation, axis, keepdims=keepdims) / (_count(a, axis) - ddof)


def _std(*args: Any, **options: Any) -> Any:
    return elementwise("sqrt", _var(*args, **options))


def _average(a: Any, axis: Any = None, weights: Any = None) -> Any:
    if weights is None:
        return _mean(a, axis)
    weights = _asarray(a) * 0.0 + weights
    return _reduction("add")(weights * a, axis) / _reduction("add")(weights, axis)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = _asarray(x)
    if ord in (None, "fro") or (ord == 2 and (x.ndim == 1 or axis is not None)):
        return elementwise("sqrt", _reduction("add")(x * x, axis, keepdims=keepdims))
    if ord in (1, np.inf) and (x.ndim == 1 or axis is not None and np.ndim(axis) == 0):
        return _reduction("add" if ord == 1 else "maximum")(abs(x), axis, keepdims=keepdims)
    raise TraceError(f"np.linalg.norm with ord={ord!r} of traced values; supported: None, 1, 2, inf of vectors, 'fro'")


def _select(conditions: Any, choices: Any, default: Any = 0) -> Any:
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        default = elementwise("where", condition, choice, default)
    return default


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    xp, fp = (one.__array__() if isinstance(one, Whole) and is_known(one) else one for one in (xp, fp))
    if has_traced(xp):
        raise TraceError("np.interp between traced points; they have to be known numbers")
    result = fp[0] if left is None else left
    for k in range(len(xp) - 1):
        line = fp[k] + (fp[k + 1] - fp[k]) / (xp[k + 1] - xp[k]) * (x - xp[k])
        result = elementwise("where", elementwise("less_equal", xp[k], x), line, result)
    past = elementwise("less" if right is not None else "less_equal", xp[-1], x)
    result = elementwise("where", past, fp[-1] if right is None else right, result)
    return elementwise("where", elementwise("equal", x, x), result, np.nan)


def _polyval(p: Any, x: Any) -> Any:
    """By Horner's rule; p and x are small arrays, or over data rows."""
    result = 0.0
    for coefficient in p:
        result = result * x + coefficient
    return result


def vectorize(function: Callable[..., Any], *options: Any, **more: Any) -> Callable[..., Any]:
    """np.vectorize; NumPy's own takes the type of the first result for that of all."""

    def vectorized(*args: Any) -> Any:
        if not has_traced(list(args)):
            return np.vectorize(function, *options, **more)(*args)
        if any(isinstance(one, Whole) for one in args):
            return over_rows("vectorize", *args, function=function)
        if not any(map(shape, args)):
            return function(*args)
        return traced(np.frompyfunc(function, len(args), 1)(*map(plain, args)))

    return vectorized


def _own_code(function: Callable[..., Any]) -> Callable[..., Any]:
    own_code = getattr(function, "_implementation", function)
    return lambda *args, **options: traced(own_code(*map(plain, args), **options))


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    """scipy.special.logsumexp."""
    a = _asarray(a)
    largest = _reduction("maximum")(a, axis, keepdims=True)
    terms = elementwise("exp", a - largest)
    total = _reduction("add")(terms if b is None else b * terms, axis, keepdims=True)
    result = elementwise("log", total) + largest
    return result if keepdims else _own_code(np.squeeze)(result, axis=axis)


def softmax(x: Any, axis: Any = None) -> Any:
    """scipy.special.softmax."""
    x = _asarray(x)
    terms = elementwise("exp", x - _reduction("maximum")(x, axis, keepdims=True))
    return terms / _reduction("add")(terms, axis, keepdims=True)


def _generated(real: Callable[..., Any]) -> Callable[..., Any]:
    """np.arange and its like, some of whose arguments may be numbers that depend on the data."""

    def make(*args: Any, **options: Any) -> Any:
        survey = current_survey()
        if survey is not None and holds_rows((args, options)) and is_known((args, list(options.values()))):
            return known(survey, real, args, options)
        return real(*args, **options)

    return make


MAKERS: dict[Any, Callable[..., Any]] = {
    **{make: _generated(make) for make in (np.arange, np.linspace, np.logspace, np.geomspace)},
    np.array: array,
    np.asarray: _asarray,
    np.asanyarray: _asarray,
    np.ascontiguousarray: _asarray,
    **{make: _filled(make) for make in (np.zeros, np.ones, np.empty, np.eye, np.identity)},
    **{make: _filled(make) for make in (np.zeros_like, np.ones_like, np.empty_like)},
    np.full: _full,
    np.vectorize: vectorize,
    np.full_like: _full_like,
}
"""Functions that make arrays: NumPy does not ask their arguments, so formulas see these instead."""

HANDLERS: dict[Any, Callable[..., Any]] = {
    **{make: MAKERS[make] for make in (np.zeros_like, np.ones_like, np.empty_like, np.full_like)},
    np.where: _where,
    np.piecewise: _piecewise,
    np.clip: _clip,
    np.sum: _reduction("add"),
    np.prod: _reduction("multiply"),
    np.max: _reduction("maximum"),
    np.amax: _reduction("maximum"),
    np.min: _reduction("minimum"),
    np.amin: _reduction("minimum"),
    np.any: _reduction("logical_or"),
    np.all: _reduction("logical_and"),
    np.mean: _mean,
    np.var: _var,
    np.std: _std,
    np.average: _average,
    np.linalg.norm: _norm,
    np.select: _select,
    np.interp: _interp,
    np.polyval: _polyval,
    np.sinc: lambda x: elementwise("sinc", x),
    np.i0: lambda x: elementwise("i0", x),
    np.shape: shape,
    np.ndim: lambda a: len(shape(a)),
    np.size: lambda a, axis=None: _count(a, axis),
    np.copy: lambda a, *args, **options: array(a),
    np.real: lambda a: a,
    np.iscomplexobj: lambda a: False,
    np.isrealobj: lambda a: True,
}

_SAFE = """
dot matmul inner outer vdot tensordot kron einsum cross trace diagonal diag diagflat triu tril cumsum cumprod diff
ediff1d stack concatenate hstack vstack dstack column_stack block append insert delete split array_split hsplit vsplit
reshape ravel transpose swapaxes moveaxis rollaxis squeeze expand_dims atleast_1d atleast_2d atleast_3d broadcast_to
broadcast_arrays flip fliplr flipud roll rot90 repeat tile take polyval convolve trapezoid trapz meshgrid resize vander
"""
OBJECT_SAFE = {getattr(np, name) for name in _SAFE.split() if hasattr(np, name)}
"""Functions whose own code works on object arrays."""


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *args, **options: call_function(function, (self, *args), options)


for _name in ("sum", "prod", "mean", "std", "var", "max", "min", "any", "all", "clip"):
    setattr(TracedArray, _name, _method(getattr(np, _name)))
for _name in ("dot", "cumsum", "cumprod", "trace", "diagonal"):
    setattr(TracedArray, _name, _method(getattr(np, _name)))
