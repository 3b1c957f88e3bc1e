"""Residuals of all data points, as SciPy's users write them, read as those of one (`reading`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .derive import surveyed
from .derive.comparison import compare
from .derive.program import Input
from .derive.survey import Survey, digest
from .fingerprint import Formula
from .reading import Reading, keep, readings, traced_or_error

FEW_ROWS = 8  # so many residuals at least are looked at as rows of data


def of_residuals(fun: Formula, inputs: Sequence[Input], values: Sequence[np.ndarray]) -> Reading | None:
    """How ``fun(x, *args)`` that returns the residuals of all data points is read in one of them; None where it cannot
    be: arrays of as many numbers, among the arguments or held by the formula, are columns of data then.
    """
    key = (fun, "residuals", tuple(inputs))
    for reading in readings(key):
        survey = reading.survey
        if survey is None:
            return None
        if survey.holds(tuple(values[i] for i in row_arguments(inputs, survey.m))):
            return reading
    reading = keep(key, _in_one_row(fun, inputs, values))
    return reading if reading.survey is not None else None


def row_arguments(inputs: Sequence[Input], m: int) -> list[int]:
    """The arguments that are columns of m rows."""
    return [i for i, one in enumerate(inputs) if i and one.shape == (m,)]


def _in_one_row(fun: Formula, inputs: Sequence[Input], values: Sequence[np.ndarray]) -> Reading:
    nothing = Reading(fun, None, "residuals that are no rows: as a whole")
    try:
        with np.errstate(all="ignore"):
            m = len(np.asarray(fun.function(*map(np.copy, values)), np.float64).reshape(-1, 1))
    except Exception:  # the user's function does not take plain arrays
        return nothing
    if m < FEW_ROWS:
        return nothing
    places = row_arguments(inputs, m)
    survey = Survey(tuple(values[i] for i in places), True, m)
    formula = surveyed.rows(fun.function, survey, places, len(inputs))
    in_row = [replace(one, shape=(), level="point") if i in places else one for i, one in enumerate(inputs)]
    traced = traced_or_error(formula, in_row, [])
    if traced is None or len(traced.values) != 1 or not (survey.columns or places):
        return nothing
    formula.key = ("surveyed", digest(*traced))
    known: dict[str, Any] = {}
    for i, one in enumerate(in_row[1:], 1):
        known |= {one.name: values[i]} if i in places else dict(zip(one.scalars, values[i].reshape(-1), strict=True))

    def by_numpy(parameters: Sequence[float], at: int | None) -> Any:
        if at is not None:
            raise TypeError("the residuals of all data points")
        return np.ravel(fun.function(np.array(parameters), *map(np.copy, values[1:])))

    start = dict(zip(inputs[0].scalars, values[0].tolist(), strict=True))
    try:
        compared = compare(fun, traced.values, start, known, m, survey, by_numpy)
    except ValueError:  # the rows are not what they seem: all residuals are derived
        return nothing
    return Reading(formula, survey, compared) if compared == "whole" else nothing
