"""How a formula is read: traced over all data points, and compared with what NumPy makes of it.

The first time that a formula is met, it is traced with the whole x (`derive.whole`), and what is traced is evaluated at
every point of one problem, at its start and beside it.  Python's own value of the formula must be the same.  So no
formula is fitted that means something else than NumPy makes of it.  What was found is kept with the formula.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .derive import surveyed
from .derive.comparison import compare
from .derive.errors import TraceError
from .derive.graph import Graph
from .derive.program import Input
from .derive.rebind import source_place
from .derive.survey import Data, Survey, digest, in_double
from .derive.surveyed import Surveyed
from .derive.trace import Traced, of_a_point, trace
from .derive.weight import weight_of
from .derive.whole import Refused
from .fingerprint import Formula

KEPT = 256  # formulas
VARIANTS = 4  # readings of one formula, for data of other numbers of points, say


@dataclass(eq=False)
class Reading:
    """How a formula is read.

    Attributes
    ----------
    formula : Formula or Surveyed
        What is derived: the user's own function, or one with more columns of data.
    survey : Survey, optional
        Its columns, where there are any.
    compared : str
        How it was compared with NumPy's values: "whole", "points", or "not: " and why not.
    residuals : int
        Numbers that it returns a row.
    weight : int
        How much there is to derive (`weight_of`).
    digest : tuple
        What was traced, whatever its inputs are called.
    """

    formula: Formula | Surveyed
    survey: Survey | None
    compared: str
    residuals: int = 1
    weight: int = 0
    digest: tuple[Any, ...] = ()

    @property
    def columns(self) -> int:
        """How many columns it adds to the data."""
        return 0 if self.survey is None else len(self.survey.columns)


_READINGS: dict[Hashable, tuple[Reading, ...]] = {}


def readings(key: Hashable) -> tuple[Reading, ...]:
    """What is kept of a formula."""
    return _READINGS.get(key, ())


def kept(key: Hashable, data: Data) -> Reading | None:
    """The reading of a formula that holds for these data, if it has been met."""
    holding = (one for one in readings(key) if one.survey is None or one.survey.holds(data))
    return next(holding, None)


def keep(key: Hashable, reading: Reading) -> Reading:
    """Keep a reading for the next call, in place of the oldest one."""
    _READINGS[key] = (*readings(key)[1 - VARIANTS :], reading)
    if len(_READINGS) > KEPT:
        _READINGS.pop(next(iter(_READINGS)), None)
    return reading


def of_curve(f: Formula, x: np.ndarray, n: int, start: np.ndarray) -> Reading:
    """How ``f(x, a, b, ...)`` of n parameters is read over x, (m,) or (k, m), of one problem with this start.

    Raises
    ------
    TraceError
        What the formula does cannot be derived.
    ValueError
        The formula is traced to something else than NumPy's value of it.
    """
    key, data = key_of_curve(f, x.shape[:-1], n), (x,)
    return kept(key, data) or keep(key, new_reading(f, data, n, start))


def key_of_curve(f: Formula, shape: tuple[int, ...], n: int) -> Hashable:
    """What a reading of a curve is kept under."""
    return (f, "curve", shape, n)


def new_reading(f: Formula, data: Data, n: int, start: np.ndarray) -> Reading:
    """How a formula is read that has not been met."""
    (x,) = in_double(data)
    shape = x.shape[:-1]
    inputs = (Input("x", shape, "row"), *(Input(f"p{i}") for i in range(n)))

    def point(x: Any, *parameters: Any) -> Any:
        return of_a_point(f(x, *parameters), f, x)

    point.__name__ = f.__name__

    def in_a_row(one: Surveyed) -> Callable[..., Any]:
        def whole_point(x: Any, *parameters: Any) -> Any:
            return of_a_point(one(x, *parameters), f, x)

        whole_point.__name__ = one.__name__
        return whole_point

    survey, traced, formula = over_rows(lambda one: surveyed.curve(f.function, one), data, in_a_row, point, inputs, f)
    values = {f"p{i}": value for i, value in enumerate(start)}
    names = inputs[0].scalars

    def by_numpy(parameters: Sequence[float], at: int | None) -> Any:
        return f.function(x.copy() if at is None else (x[..., at].copy() if shape else x[at]), *parameters)

    compared = compare(
        f, traced.values, values, dict(zip(names, np.atleast_2d(x), strict=True)), x.shape[-1], survey, by_numpy
    )
    renamed = {one: f"x{i}" for i, one in enumerate(names)}
    return Reading(formula, survey, compared, digest=digest(*traced, renamed))


def of_function(fun: Formula, inputs: Sequence[Input], of_problem: Callable[[int], Sequence[np.ndarray]]) -> Reading:
    """How ``fun(x, *args, *row)`` is read; ``of_problem(b)`` are its arguments for problem b: x, args as the formula
    gets them, columns of the data with the axis of the rows in front.

    Raises
    ------
    TraceError
        What the formula does cannot be derived.
    ValueError
        The formula is traced to something else than NumPy's value of it.
    """
    key = key_of_function(fun, inputs)
    values = in_double(tuple(of_problem(0)))
    columns = [i for i, one in enumerate(inputs) if one.level in ("row", "point")]
    data = tuple(values[i] for i in columns)
    return kept(key, data) or keep(key, new_reading_of_function(fun, inputs, values, columns, data))


def key_of_function(fun: Formula, inputs: Sequence[Input]) -> Hashable:
    """What a reading of a function is kept under."""
    return (fun, "function", *inputs)


def new_reading_of_function(
    fun: Formula, inputs: Sequence[Input], values: Sequence[np.ndarray], columns: list[int], data: Data
) -> Reading:
    """How a function is read that has not been met."""
    numbers = bool(columns) and all(one.ndim == 1 for one in data)
    if numbers:
        make = functools.partial(surveyed.rows, fun.function, places=columns, count=len(inputs))
        survey, traced, formula = over_rows(lambda one: make(survey=one), data, lambda one: one, fun, inputs, fun)
    else:
        survey, traced, formula = None, trace(fun, inputs, Graph()), fun
    m = len(data[0]) if data else 1
    start = dict(zip(inputs[0].scalars, values[0].tolist(), strict=True))
    known: dict[str, Any] = {}
    for one, value in zip(inputs[1:], values[1:], strict=True):
        flat = value.reshape(m, -1).T if one.level in ("row", "point") else value.reshape(-1)
        known |= dict(zip(one.scalars, flat, strict=True))

    def by_numpy(parameters: Sequence[float], at: int | None) -> Any:
        if at is None and data and not numbers:
            raise TypeError("the formula takes one row of arrays")
        row = [np.copy(value if i not in columns or at is None else value[at]) for i, value in enumerate(values)]
        row = [one.item() if one.ndim == 0 else one for one in row]
        return fun.function(np.array(parameters), *row[1:])

    compared = compare(fun, traced.values, start, known, m, survey, by_numpy)
    return Reading(formula, survey, compared, len(traced.values), weight_of(traced.values))


def over_rows(
    make: Callable[[Survey], Surveyed],
    data: Data,
    in_a_row: Callable[[Surveyed], Callable[..., Any]],
    point: Callable[..., Any],
    inputs: Sequence[Input | tuple[Input, ...]],
    user: Formula,
) -> tuple[Survey | None, Traced, Formula | Surveyed]:
    """The formula traced over all rows of the data, if it can be, else in one row: its survey where it has columns or
    is another formula than the one that is traced in one row, what was traced, and the function to derive."""
    errors: list[Exception] = []
    for adopts in (True, False):
        survey = Survey(data, adopts)
        formula = make(survey)
        traced = traced_or_error(in_a_row(formula), inputs, errors, user)
        if traced is None:
            continue
        formula.key = ("surveyed", digest(*traced))
        if not survey.columns and not survey.conditions:
            alone = traced_or_error(point, inputs, [])
            if alone is not None and digest(*alone) == formula.key[1]:
                return None, alone, user
        return survey, traced, formula
    refused = next((one for one in errors[::-1] if isinstance(one, Refused)), None)
    if refused is not None:
        raise refused
    alone = traced_or_error(point, inputs, errors)
    if alone is None:
        raise next((one for one in errors[1:] if isinstance(one, TraceError)), errors[1])
    return None, alone, user


def traced_or_error(
    formula: Callable[..., Any],
    inputs: Sequence[Input | tuple[Input, ...]],
    errors: list[Exception],
    user: Formula | None = None,
) -> Traced | None:
    """What is traced; None where it cannot be, with the reason in ``errors``; ``user`` is what the user wrote."""
    try:
        return trace(formula, inputs, Graph())
    except RecursionError:
        message = "a loop in Python over so many data points; use NumPy's function of all (np.sum(x), np.max(x))"
        errors.append(TraceError(f"{formula.__name__} holds {message}", source_place(user or formula)))
    except Exception as error:  # of the user's function, too
        errors.append(error)
    return None
