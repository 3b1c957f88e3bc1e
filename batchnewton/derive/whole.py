"""NumPy's array over all data points, of which one is traced: what a formula gets as its x.

`Whole` has the shape that NumPy's array has, with one axis of m rows.  Elementwise operations are traced for one row,
as operations on numbers are.  What depends on the data alone also has its numbers, so that NumPy can work out any
function of it (`known`): the result is a number (`KnownScalar`) or another `Whole`, and comes into the trace as a
column of the data (`survey.Survey`).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from batchnewton.derive.errors import TraceError
from batchnewton.derive.scalar import OverRows, TracedScalar
from batchnewton.derive.survey import ROWS, Compute, Survey

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
        from batchnewton.derive.methods import method_of

        if name.startswith("_"):
            raise AttributeError(name)
        return method_of(self, name)

    def __getitem__(self, key: Any) -> Any:
        from batchnewton.derive.items import item_of

        return item_of(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from batchnewton.derive.items import assign

        assign(self, key, value)

    @property
    def is_traced(self) -> bool:
        """Whether it has expressions of its own, and is more than a column of numbers."""
        return self._inner is not None

    def trace(self, inner: np.ndarray, axis: int | None) -> None:
        """Give it expressions."""
        self._inner, self._axis = inner, axis

    def copied(self) -> Whole:
        """A copy, which does not change with it."""
        inner = None if self._inner is None else self._inner.copy()
        return Whole(self.survey, self.key, self.compute, inner, self._axis)

    def become(self, other: Whole) -> None:
        """Take over what another array of the same shape holds."""
        self.key, self.compute = other.key, other.compute
        self._inner, self._axis, self._values = other._inner, other._axis, other._values

    def __repr__(self) -> str:
        return f"Whole{self.sides}"

    def over_rows(self, name: str, values: tuple[Any, ...]) -> Any:
        """A function of the vocabulary of values among which this one is."""
        from batchnewton.derive.broadcast import elementwise

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
        from batchnewton.derive.known import known, real_function

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
    if not found or (m == 1 and len(found) > 1):
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
    rows = [k - values.ndim == axis for k in range(values.ndim)]
    inner = np.empty([1 if over_rows else n for n, over_rows in zip(values.shape, rows, strict=True)], dtype=object)
    if inner.size > MANY:
        raise TraceError(f"an array of shape {values.shape} of x alone makes more than {MANY} columns of data")
    for at in np.ndindex(inner.shape):
        place = tuple(slice(None) if over_rows else i for i, over_rows in zip(at, rows, strict=True))
        inner[at] = survey.column((known_array.key, at), lambda data, place=place: np.asarray(compute(data))[place])
    return inner, axis
