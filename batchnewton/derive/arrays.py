"""NumPy on small arrays of traced numbers: NumPy's own code where it works on objects, ours where it does not."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from batchnewton.derive.broadcast import elementwise as over_rows
from batchnewton.derive.errors import TraceError
from batchnewton.derive.graph import ROW
from batchnewton.derive.known import adopted, is_known, known
from batchnewton.derive.scalar import OverRows, TracedScalar, apply
from batchnewton.derive.survey import current_survey
from batchnewton.derive.vocabulary import VOCABULARY
from batchnewton.derive.whole import Whole
from batchnewton.derive.whole_functions import (
    REDUCTIONS,
    call,
    contracted,
    holds_rows,
    reduced,
    refusal,
)

WRITE = "write into an array made inside the formula (np.zeros(n)), or collect the values in a list"
WHERE = "use np.where(condition, a, b)"
VOCABULARY_HINT = "write it with arithmetic, sums, np.where and the functions of math, NumPy and batchnewton.special"


class TracedArray(np.ndarray):
    """An object array of traced numbers and floats."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Callable, types: Any, args: Any, options: Any) -> Any:
        return call_function(function, args, options)

    def __getitem__(self, key: Any) -> Any:
        if has_traced(key):
            raise TraceError(f"an array is indexed by a traced value; {WHERE}")
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, TracedArray) and has_traced(key):  # a[a < 0] = 0
            if np.ndim(value):
                raise TraceError(f"an array is assigned to where a condition holds; {WHERE}")
            key, value = ..., elementwise("where", key, value, self.copy())
        elif has_traced(key):
            if self.ndim:
                raise TraceError(f"an array is indexed by a traced value; {WHERE}")
            key, value = (), elementwise("where", key, value, self.item())  # out = np.zeros_like(t); out[t < 0] = 1
        super().__setitem__(key, plain(value))

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """A copy, where `dtype` is a float type."""
        if not has_traced(self):
            return floats(self).astype(dtype, *args, **options)
        if np.dtype(dtype).kind not in "fO":
            raise TraceError(f"astype({dtype}) of traced values; they are real numbers")
        return self.copy()


def has_traced(value: Any) -> bool:
    """Whether a value, array or nested list holds a traced number."""
    if isinstance(value, TracedScalar | OverRows):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(isinstance(item, TracedScalar) for item in value.ravel().view(np.ndarray))
    return isinstance(value, (list, tuple)) and any(has_traced(item) for item in value)


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """A function on the items of a list or tuple; anything else as it is."""
    if type(value) in (list, tuple):
        items = [function(item) for item in value]
        return items if isinstance(value, list) else tuple(items)
    return value


def plain(value: Any) -> Any:
    """The same with ordinary object arrays, which NumPy's own code takes."""
    if isinstance(value, TracedArray):
        return value.view(np.ndarray)
    return _mapped(plain, value)


def traced(value: Any) -> Any:
    """The results of NumPy's own code as traced arrays and numbers."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.view(TracedArray) if value.ndim else value.item()
    return _mapped(traced, value)


def floats(value: Any) -> Any:
    """Arrays that turned out to hold plain numbers, as float arrays."""
    if isinstance(value, TracedArray):
        return value.view(np.ndarray).astype(float)
    return _mapped(floats, value)


def elementwise(name: str, *values: Any) -> Any:
    """A function of `VOCABULARY` on broadcast arrays."""
    values = tuple(map(adopted, values))
    if any(isinstance(value, Whole) for value in values):
        return over_rows(name, *values)
    objects = [np.asarray(plain(value), dtype=object) for value in values]
    return traced(np.frompyfunc(functools.partial(apply, name), len(objects), 1)(*objects))


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A NumPy or SciPy ufunc on traced values."""
    out = options.pop("out", None)
    if out is not None and isinstance(out[0], Whole):
        out[0][...] = call_ufunc(ufunc, method, inputs, options)
        return out[0]
    if options.pop("where", True) is not True:
        raise TraceError(f"np.{ufunc.__name__}(..., where=...) on traced values; {WHERE}")
    for name in ("dtype", "casting", "subok"):
        options.pop(name, None)
    result = _ufunc_result(ufunc, method, inputs, options)
    if out is None:
        return result
    if out[0].dtype != object:
        raise TraceError(f"an array that is not part of the trace is changed in place by traced values; {WRITE}")
    out[0].view(np.ndarray)[...] = plain(result)
    return out[0]


def _ufunc_result(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    name = ufunc.__name__
    if holds_rows(inputs):
        return _ufunc_over_rows(ufunc, method, inputs, options)
    on_objects = all(set(loop) <= set("O->") for loop in ufunc.types)  # made by np.frompyfunc, np.vectorize
    if (ufunc.signature is not None or on_objects) and method == "__call__":  # matmul and vecdot work on objects too
        return traced(ufunc(*[np.asarray(plain(value), dtype=object) for value in inputs], **options))
    if name not in VOCABULARY:
        if not any(map(has_traced, inputs)):
            return getattr(ufunc, method)(*map(floats, inputs), **options)
        raise TraceError(f"the derivative of {name} is not known; {VOCABULARY_HINT}")
    if method == "__call__":
        return elementwise(name, *inputs)
    if method == "reduce":
        return reduce(name, *inputs, **options)
    if method in ("accumulate", "outer"):
        objects = [np.asarray(plain(value), dtype=object) for value in inputs]
        return traced(getattr(np.frompyfunc(functools.partial(apply, name), 2, 1), method)(*objects, **options))
    raise TraceError(f"np.{name}.{method} of traced values is not supported; {WRITE}")


def _ufunc_over_rows(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A ufunc on values that depend on all data rows."""
    name, survey = ufunc.__name__, current_survey()
    assert survey is not None
    if method == "__call__" and name in VOCABULARY and ufunc.signature is None:
        return elementwise(name, *inputs)
    if is_known(inputs):
        return known(survey, ufunc if method == "__call__" else getattr(ufunc, method), inputs, options)
    if method == "__call__" and ufunc.signature is not None:
        return contracted(ufunc, inputs, options)
    if method == "__call__" and all(set(loop) <= set("O->") for loop in ufunc.types):
        return over_rows(name, *inputs, function=ufunc)
    if method == "reduce" and name in VOCABULARY:
        return reduce(name, *inputs, **options)
    if name not in VOCABULARY:
        raise TraceError(f"the derivative of {name} is not known; {VOCABULARY_HINT}")
    raise refusal(f"np.{name}.{method}")


def reduce(name: str, array: Any, axis: Any = 0, keepdims: bool = False, initial: Any = None, **ignored: Any) -> Any:
    """A function of two arguments of `VOCABULARY` over one axis, several, or all (None)."""
    if isinstance(array, Whole):
        return reduced(name, array, axis, keepdims, initial, reduce)
    check_not_one_row(name, array)
    objects = np.asarray(plain(array), dtype=object)
    axes = tuple(range(objects.ndim)) if axis is None else (axis,) if np.ndim(axis) == 0 else tuple(axis)
    axes = tuple(sorted((k % max(objects.ndim, 1) for k in axes), reverse=True))
    function = np.frompyfunc(functools.partial(apply, name), 2, 1)
    for k in axes if objects.ndim else ():
        objects = np.asarray(function.reduce(objects, axis=k), dtype=object)
    if initial is not None and type(initial).__name__ != "_NoValueType":
        objects = np.asarray(function(objects, initial), dtype=object)
    return traced(np.expand_dims(objects, axes[::-1]) if keepdims else objects)


def call_function(function: Callable, args: Any, options: dict[str, Any]) -> Any:
    """A NumPy function that is not a ufunc on traced values."""
    from batchnewton.derive.numpy_functions import HANDLERS, OBJECT_SAFE

    args = tuple(map(adopted, args))
    if holds_rows((args, options)):
        return call(function, args, options, HANDLERS)
    name = getattr(function, "__name__", str(function))
    if args and name in OF_WHOLE_ARRAYS:
        check_not_one_row(name, args[0])
    if function in HANDLERS:
        _check_options(function, HANDLERS[function], args, options)
        return HANDLERS[function](*args, **options)
    if function in OBJECT_SAFE:
        own_code = getattr(function, "_implementation", function)  # does not ask the arguments again
        return traced(own_code(*map(plain, args), **{key: plain(value) for key, value in options.items()}))
    if not has_traced(list(args)) and not has_traced(list(options.values())):
        return function(*map(floats, args), **{key: floats(value) for key, value in options.items()})
    raise TraceError(f"np.{name} of traced values is not supported; {VOCABULARY_HINT}")


_WHOLE = """
sum prod max amax min amin any all mean var std median average norm cumsum cumprod diff ediff1d roll flip sort argsort
argmax argmin convolve correlate trapezoid trapz gradient ptp percentile quantile size count_nonzero nansum nanmean
nanmax nanmin nanstd unwrap
"""
OF_WHOLE_ARRAYS = frozenset(_WHOLE.split())
"""Functions that do nothing to one number, or something that is no use."""


def check_not_one_row(name: str, value: Any) -> None:
    """NumPy's functions of whole arrays do nothing to the one data point that a formula is traced at.

    Raises
    ------
    Refused
        For such a function of one traced number that is another at each data point.
    """
    if isinstance(value, TracedScalar) and not isinstance(value, OverRows) and value.expr.depends & ROW:
        raise refusal(f"np.{REDUCTIONS.get(name, name)}")


def _check_options(function: Callable, ours: Callable, args: Any, options: dict[str, Any]) -> None:
    """No option that our version would pass over."""
    name = getattr(function, "__name__", str(function))
    if options.pop("where", True) is not True:
        raise TraceError(f"np.{name}(..., where=...) on traced values; {WHERE}")
    if options.get("out") is not None:
        raise TraceError(f"np.{name}(..., out=...) on traced values; assign what it returns")
    try:
        inspect.signature(ours).bind(*args, **options)
    except TypeError as error:
        raise TraceError(f"np.{name} of traced values: {error}; {VOCABULARY_HINT}") from None
