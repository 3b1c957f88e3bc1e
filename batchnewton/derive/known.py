"""What depends on the data alone, worked out by NumPy on all of them while a formula is traced."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from batchnewton.derive.scalar import TracedScalar
from batchnewton.derive.survey import ROWS, Compute, Data, Survey, current_survey
from batchnewton.derive.whole import KnownScalar, Whole


def known(survey: Survey, function: Callable[..., Any], args: Any = (), options: Any = None) -> Any:
    """What NumPy gives for a function of the data alone.  Errors are NumPy's."""
    args, options = frozen(args), {name: frozen(one) for name, one in (options or {}).items()}
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
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "fiubc":
        found = Whole(survey, key, compute)
        found._values = value
        return found
    if isinstance(value, np.ndarray | np.generic | int | float) and np.asarray(value).dtype.kind in "fiub":
        return KnownScalar(Whole(survey, key, compute))
    if value is not None:  # an object of a kind of its own: it is that of these data only
        survey.condition(("data",), lambda data: np.array(data), np.array(survey.data))
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
        start, stop, step = (as_index(real(one, data)) for one in (value.start, value.stop, value.step))
        return slice(start, stop, step)
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.view(np.ndarray).astype(float)
    if type(value) in (tuple, list):
        return type(value)([real(one, data) for one in value])
    if type(value) is dict:
        return {name: real(one, data) for name, one in value.items()}
    return value


def as_index(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) else value


def frozen(value: Any) -> Any:
    """A known value as it is now: an array may be written into later."""
    if isinstance(value, Whole):
        return Whole(value.survey, value.key, value.compute)
    return type(value)(map(frozen, value)) if type(value) in (tuple, list) else value


def key_of(value: Any) -> Hashable:
    """A known value as a hashable key."""
    if isinstance(value, Whole):
        return value.key
    if isinstance(value, KnownScalar):
        return value.whole.key
    if isinstance(value, np.ndarray):
        return (
            "array",
            value.dtype.str,
            value.shape,
            repr(value.tolist()) if value.dtype == object else value.tobytes(),
        )
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
    return of_constant(survey, value) if survey.m > 1 and value.shape.count(survey.m) == 1 else value


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
"""NumPy's functions of the names that differ from its own."""
