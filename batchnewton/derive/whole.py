"""NumPy's array over all data points, of which one is traced: what a formula gets as its x.

`Whole` has the shape that NumPy's array has, with one axis of m rows.  Elementwise operations are traced for one row,
as operations on numbers are.  What depends on the data alone also has its numbers, so that NumPy can work out any
function of it (`known`): the result is a number (`KnownScalar`) or another `Whole`, and comes into the trace as a
column of the data (`survey.Survey`).
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from batchnewton.derive.errors import TraceError
from batchnewton.derive.scalar import OverRows, TracedScalar, apply
from batchnewton.derive.survey import ROWS, Compute, Data, Survey, current_survey

MANY = 512  # columns of data that a formula may add to them
WAY_OUT = (
    "a formula is evaluated one data point at a time, so it cannot use the values that it has at other points; "
    "functions of x alone may use all of x"
)


class Refused(TraceError):
    """The formula mixes values that it has at different data points."""


class Whole(NDArrayOperatorsMixin, OverRows):
    """An array with an axis of m data rows, or one that is worked out of such arrays.

    Parameters
    ----------
    survey : Survey
    key : hashable
        What it is, where it is known; equal for equal functions of the data.
    compute : callable, optional
        Its numbers, a function of the data; None where it holds parameters.
    inner : object array, optional
        Traced values, with length 1 along the axis of the rows.
    axis : int, optional
        That axis, counted from the end; None where there is none.
    """

    def __init__(
        self,
        survey: Survey,
        key: Hashable,
        compute: Compute | None,
        inner: np.ndarray | None = None,
        axis: int | None = None,
    ) -> None:
        self.survey, self.key, self.compute = survey, key, compute
        self._inner, self._axis, self._values = inner, axis, None

    @property
    def values(self) -> np.ndarray:
        """Its numbers for the data of the survey."""
        if self._values is None:
            assert self.compute is not None
            self._values = np.asarray(self.compute(self.survey.data))
        return self._values

    def parts(self) -> tuple[np.ndarray, int | None]:
        """Traced values, and the axis of the rows among them."""
        if self._inner is None:
            self._inner, self._axis = columns_of(self)
        return self._inner, self._axis

    @property
    def sides(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        if self._inner is None:
            return self.values.shape
        sides = list(self._inner.shape)
        if self._axis is not None:
            sides[self._axis] = self.survey.m
        return tuple(sides)

    @property
    def shape(self) -> tuple[Any, ...]:
        """As NumPy's; the number of rows is known, but may be another at the next call."""
        sides: list[Any] = list(self.sides)
        axis = self._axis if self._inner is not None else row_axis(self.sides, self.survey.m)
        if axis is not None:
            sides[axis] = number_of_rows(self.survey)
        return tuple(sides)

    @property
    def ndim(self) -> int:
        return len(self.sides)

    @property
    def size(self) -> Any:
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(float) if self.compute is None else self.values.dtype

    def __len__(self) -> int:
        if not self.sides:
            raise TypeError("len() of a number")
        return operator.index(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if not self.sides:
            raise TypeError("iteration over a number")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        inner, axis = self.parts()
        if axis is None and self.compute is not None:
            return bool(self.values)
        if inner.size != 1:
            raise ValueError("the truth value of an array with several elements is ambiguous; use .any() or .all()")
        return bool(inner.item())

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """Its numbers, for code that knows nothing of traced values: they are those of these data only."""
        if self.compute is None:
            raise TraceError(f"an expression that holds parameters is turned into an array of numbers; {WAY_OUT}")
        self.survey.condition(("array", self.key), self.compute, self.values)
        return np.array(self.values, dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from batchnewton.derive.arrays import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Callable, types: Any, args: Any, options: Any) -> Any:
        from batchnewton.derive.arrays import call_function

        return call_function(function, args, options)

    def __getattr__(self, name: str) -> Any:
        from batchnewton.derive.whole_functions import method_of

        if name.startswith("_"):
            raise AttributeError(name)
        return method_of(self, name)

    def __getitem__(self, key: Any) -> Any:
        from batchnewton.derive.whole_functions import item_of

        return item_of(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from batchnewton.derive.whole_functions import assign

        assign(self, key, value)

    def become(self, other: Whole) -> None:
        """Take over what another array of the same shape holds."""
        self.key, self.compute = other.key, other.compute
        self._inner, self._axis, self._values = other._inner, other._axis, other._values

    def __repr__(self) -> str:
        return f"Whole{self.sides}"

    def over_rows(self, name: str, values: tuple[Any, ...]) -> Any:
        """A function of the vocabulary of values among which this one is."""
        return elementwise(name, *values)

    def __float__(self) -> float:
        raise TypeError("only an array of one number can be converted to a Python number")

    __hash__ = None  # type: ignore[assignment]


class KnownScalar(TracedScalar, OverRows):
    """A number that depends on the data alone."""

    __slots__ = ("whole",)

    def __init__(self, whole: Whole) -> None:
        self.whole = whole

    @property
    def expr(self) -> Any:  # type: ignore[override]
        """The number in the trace: a column of the data."""
        return self.whole.survey.column(self.whole.key, self.compute).expr

    @property
    def compute(self) -> Compute:
        assert self.whole.compute is not None
        return self.whole.compute

    @property
    def value(self) -> Any:
        return self.whole.values.item()

    def python(self) -> Any:
        """The number itself: the formula is traced for data that give this one."""
        self.whole.survey.condition(self.whole.key, self.compute, self.value)
        return self.value

    def over_rows(self, name: str, values: tuple[Any, ...]) -> Any:
        """A function of the vocabulary of numbers among which this one is; known if all are."""
        real = real_function(name)
        if real is None or not all(isinstance(one, KnownScalar | int | float | np.generic) for one in values):
            return NotImplemented
        return known(self.whole.survey, real, values)

    def __bool__(self) -> bool:
        return bool(self.python())

    def __float__(self) -> float:
        return float(self.python())

    def __int__(self) -> int:
        return int(self.python())

    def __index__(self) -> int:
        return operator.index(self.python())

    def __complex__(self) -> complex:
        return complex(self.python())

    def __round__(self, digits: Any = None) -> Any:
        return round(self.python(), digits)

    def __format__(self, form: str) -> str:
        return format(self.python(), form)

    def __hash__(self) -> int:
        return hash(self.python())

    def tolist(self) -> Any:
        return self.python()


def number_of_rows(survey: Survey) -> KnownScalar:
    """m."""
    return KnownScalar(Whole(survey, ROWS, lambda data: np.asarray(data[0].shape[-1] if data else survey.m)))


def row_axis(sides: tuple[int, ...], m: int) -> int | None:
    """The axis of m data rows, counted from the end, of an array that was worked out of the data."""
    found = [k - len(sides) for k, side in enumerate(sides) if side == m]
    if m == 1 or not found:
        return None
    if len(found) > 1:
        raise Refused(f"an array of shape {sides} has two axes of {m} data points; {WAY_OUT}")
    return found[0]


def columns_of(known_array: Whole) -> tuple[np.ndarray, int | None]:
    """Values that NumPy worked out, as columns of the data in the trace."""
    values, survey, compute = known_array.values, known_array.survey, known_array.compute
    assert compute is not None
    if values.dtype.kind not in "fiub":
        raise TraceError(f"an array of {values.dtype} in a formula; it is made of real numbers")
    axis = row_axis(values.shape, survey.m)
    inner = np.empty([1 if axis is not None and k - values.ndim == axis else n for k, n in enumerate(values.shape)], "O")
    if inner.size > MANY:
        raise TraceError(f"an array of shape {values.shape} that depends on x alone; at most {MANY} columns are supported")
    for at in np.ndindex(inner.shape):
        place = tuple(slice(None) if axis is not None and k - values.ndim == axis else i for k, i in enumerate(at))
        inner[at] = survey.column((known_array.key, at), lambda data, place=place: np.asarray(compute(data))[place])
    return inner, axis


def known(survey: Survey, function: Callable[..., Any], args: Any = (), options: Any = None) -> Any:
    """What NumPy gives for a function of the data alone.  Errors are NumPy's."""
    options = options or {}
    key = ("call", function, key_of(args), key_of(options))

    def compute(data: Data) -> Any:
        return function(*real(args, data), **real(options, data))

    return in_trace(survey, compute(survey.data), compute, key)


def in_trace(survey: Survey, value: Any, compute: Compute, key: Hashable) -> Any:
    """A value that was worked out of the data alone, as formulas see it."""
    if isinstance(value, tuple | list):
        parts = [
            in_trace(survey, one, lambda data, i=i: compute(data)[i], (key, "part", i)) for i, one in enumerate(value)
        ]
        return type(value)(parts) if type(value) in (tuple, list) else tuple(parts)
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fiub":
        found = Whole(survey, key, compute)
        found._values = value
        return found
    if isinstance(value, np.ndarray | np.generic | int | float) and np.asarray(value).dtype.kind in "fiub":
        return KnownScalar(Whole(survey, key, compute))
    return value


def is_known(value: Any) -> bool:
    """Whether a value depends on no parameter."""
    from batchnewton.derive.arrays import TracedArray, has_traced

    if isinstance(value, Whole):
        return value.compute is not None
    if isinstance(value, KnownScalar):
        return True
    if isinstance(value, slice):
        return is_known((value.start, value.stop, value.step))
    if isinstance(value, tuple | list):
        return all(map(is_known, value))
    if isinstance(value, TracedScalar | TracedArray):
        return not has_traced(value)
    return not (callable(value) and not isinstance(value, type | np.dtype))


def real(value: Any, data: Data) -> Any:
    """A known value as NumPy knows it, for some data."""
    if isinstance(value, Whole | KnownScalar):
        assert value.compute is not None
        return value.compute(data)
    if isinstance(value, slice):
        return slice(*(as_index(real(one, data)) for one in (value.start, value.stop, value.step)))
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.view(np.ndarray).astype(float)
    if type(value) in (tuple, list):
        return type(value)(real(one, data) for one in value)
    if type(value) is dict:
        return {name: real(one, data) for name, one in value.items()}
    return value


def as_index(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) else value


def key_of(value: Any) -> Hashable:
    """A known value as a hashable key."""
    if isinstance(value, Whole):
        return value.key
    if isinstance(value, KnownScalar):
        return value.whole.key
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.shape, repr(value.tolist()) if value.dtype == object else value.tobytes())
    if isinstance(value, slice):
        return ("slice", key_of((value.start, value.stop, value.step)))
    if isinstance(value, tuple | list):
        return (type(value), *map(key_of, value))
    if isinstance(value, dict):
        return tuple((name, key_of(one)) for name, one in value.items())
    try:
        hash(value)
    except TypeError:
        return ("object", id(value))
    return (type(value), value)


def of_constant(survey: Survey, array: np.ndarray) -> Whole:
    """An array of the formula's own, with m rows, as a column of the data; so it is for so many data points only."""
    survey.condition(ROWS, lambda data: data[0].shape[-1] if data else survey.m, survey.m)
    return Whole(survey, ("constant", key_of(array)), lambda data: array)


def adopted(value: Any) -> Any:
    """An array of numbers with m rows as a column of the data, where the survey wants it so."""
    survey = current_survey()
    if survey is None or not survey.adopts or type(value) is not np.ndarray or value.dtype.kind not in "fiub":
        return value
    return of_constant(survey, value) if 1 < survey.m and value.shape.count(survey.m) == 1 else value


def real_function(name: str) -> Callable[..., Any] | None:
    """NumPy's function of a name of the vocabulary, if there is one."""
    own = REAL.get(name) or getattr(np, name, None)
    if own is None and "scipy.special" in sys.modules:
        own = getattr(sys.modules["scipy.special"], name, None)
    if own is None and hasattr(math, name):
        own = np.vectorize(getattr(math, name), otypes=[float])
    return own if isinstance(own, np.ufunc | np.vectorize) or own is np.where else None


REAL: dict[str, Any] = {
    "max": np.maximum,
    "min": np.minimum,
    "pow": np.power,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "ieee_remainder": np.vectorize(math.remainder, otypes=[float]),
    "where": np.where,
}


def elementwise(name: str, *values: Any, function: Callable[..., Any] | None = None) -> Any:
    """A function of the vocabulary (or ``function``, of one row) on broadcast arrays, some of them over data rows."""
    survey = next((one.survey for one in values if isinstance(one, Whole)), None) or current_survey()
    assert survey is not None
    own = real_function(name) if function is None else None
    everything = own is not None and all(map(is_known, values))
    if everything and not any(isinstance(one, Whole) and one._inner is not None for one in values):
        return known(survey, own, values)
    arrays, axis = aligned(survey, values)
    of_one = np.frompyfunc(function or (lambda *args: apply(name, *args)), len(arrays), 1)
    inner = np.asarray(of_one(*arrays), dtype=object)
    if axis is None:
        from batchnewton.derive.arrays import traced

        return traced(inner)
    compute, key = None, None
    if everything:
        key, given = ("call", own, key_of(values)), tuple(values_of(values))

        def compute(data: Data) -> Any:
            return own(*real(given, data))

    return Whole(survey, key, compute, inner, axis)


def values_of(values: Any) -> Iterator[Any]:
    """Operands as they are now: an array may be written into later."""
    for one in values:
        if isinstance(one, Whole):
            copy = Whole(one.survey, one.key, one.compute)
            yield copy
        else:
            yield one.copy() if isinstance(one, np.ndarray) else one


def aligned(survey: Survey, values: Any) -> tuple[list[np.ndarray], int | None]:
    """Operands with length 1 along the axis of the rows, and that axis."""
    from batchnewton.derive.arrays import plain

    found: list[Any] = [one.parts() if isinstance(one, Whole) else (one, None) for one in values]
    axes = {axis for _, axis in found if axis is not None}
    if len(axes) > 1 and survey.m > 1:
        raise Refused(f"an expression has two axes of data points, as in t[:, None] - t; {WAY_OUT}")
    axis = min(axes, default=None)
    arrays = []
    for one, own in found:
        array = one if own is not None else np.asarray(plain(one), dtype=object)
        if axis is not None and own is None and array.ndim >= -axis and array.shape[axis] != 1:
            array = along_rows(survey, array, axis)
        arrays.append(array)
    return arrays, axis


def along_rows(survey: Survey, array: np.ndarray, axis: int) -> np.ndarray:
    """An array without traced rows, broadcast against one that has them."""
    from batchnewton.derive.arrays import has_traced

    if array.shape[axis] != survey.m:
        raise ValueError(f"an array of shape {array.shape} is combined with one of {survey.m} data points")
    first = array.take([0], axis)
    if all(same_node(one, other) for one, other in np.broadcast(array, first)):
        return first
    if has_traced(array):
        raise Refused(f"an array of {survey.m} different expressions is combined with one over the data points; {WAY_OUT}")
    inner, own = of_constant(survey, array.astype(float)).parts()
    if own != axis:
        raise Refused(f"an array of shape {array.shape} is combined with one over {survey.m} data points; {WAY_OUT}")
    return inner


def same_node(one: Any, other: Any) -> bool:
    """Whether two elements are the same expression."""
    if isinstance(one, TracedScalar) and isinstance(other, TracedScalar):
        return one.expr is other.expr
    return not isinstance(one, TracedScalar) and not isinstance(other, TracedScalar) and one == other
