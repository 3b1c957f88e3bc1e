"""A formula of data, read as NumPy reads it on all their rows: with the columns that its survey found."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from batchnewton.derive.arrays import TracedArray, has_traced
from batchnewton.derive.broadcast import same_node
from batchnewton.derive.known import adopted
from batchnewton.derive.rebind import formula_name, rebound, source_place
from batchnewton.derive.scalar import TracedScalar
from batchnewton.derive.survey import Survey, surveying
from batchnewton.derive.whole import Refused, Whole


class Surveyed:
    """A formula that is traced over all rows.

    Attributes
    ----------
    surveyed_formula : callable
        As the user wrote it.
    survey : Survey
    key : hashable
        What the traced formula is: kernels are the same where keys are equal.
    """

    def __init__(self, formula: Callable[..., Any], survey: Survey, of_rows: Callable[..., Any]) -> None:
        self.surveyed_formula, self.survey, self.of_rows = formula, survey, of_rows
        self.key: Hashable = None
        self.__name__: str = formula_name(formula)

    def __call__(self, *arguments: Any) -> Any:
        return self.of_rows(self, *arguments)

    def run(self, given: Sequence[Any], columns: Sequence[Any] | None) -> Any:
        """The formula's value in one row; ``columns`` are the values of its columns there, if they are known yet."""
        with surveying(self.survey, columns):
            value = rebound(self.surveyed_formula)(*given)
            if are_numbers(value) and len(value) == self.survey.m > 1:
                value = self.of_a_loop(value)
            return row_of(value)

    def of_a_loop(self, values: Any) -> Any:
        """One value for each data point, made one by one: they must be the same expression."""
        first = values[0]
        if has_traced(list(values)) and not all(same_node(one, first) for one in values):
            raise Refused(
                f"{self.__name__} works out {len(values)} values one by one, each by an expression of its own; "
                "expected a formula of x, as NumPy takes it for all data points at once",
                source_place(self.surveyed_formula),
            )
        return first if has_traced(list(values)) else values


def curve(formula: Callable[..., Any], survey: Survey) -> Surveyed:
    """``f(x, a, b, ...)`` of data ``(x,)``; x is (m,), or (k, m)."""
    stacked = survey.data[0].ndim == 2
    k = len(survey.data[0]) if stacked else 1

    def of_rows(self: Surveyed, x: Any, *parameters: Any) -> Any:
        values = list(x) if isinstance(x, np.ndarray) else [x]
        inner = np.empty(k, dtype=object)
        inner[:] = values[:k]
        whole = Whole(survey, ("data", 0), lambda data: data[0], inner.reshape(k, 1) if stacked else inner, -1)
        return self.run([whole, *parameters], values[k:] or None)

    return Surveyed(formula, survey, of_rows)


def rows(formula: Callable[..., Any], survey: Survey, places: Sequence[int], count: int) -> Surveyed:
    """``fun(x, *args, *row)`` of ``count`` arguments, of which those at these places are columns of the data."""

    def of_rows(self: Surveyed, *arguments: Any) -> Any:
        given = list(arguments[:count])
        for i, place in enumerate(places):
            inner = np.empty(1, dtype=object)
            inner[0] = given[place]
            given[place] = Whole(survey, ("data", i), lambda data, i=i: data[i], inner, -1)
        return self.run(given, arguments[count:] or None)

    return Surveyed(formula, survey, of_rows)


def are_numbers(value: Any) -> bool:
    """Whether a formula returned a list or an array of single numbers."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, list) and all(isinstance(one, TracedScalar | float | int) for one in value)


def row_of(value: Any) -> Any:
    """What a formula returned, in one row."""
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [row_of(one) for one in value]
    value = adopted(value)
    if isinstance(value, Whole):
        inner, _ = value.parts()
        return inner.item() if inner.size == 1 else inner.view(TracedArray)
    return value
