"""Elementwise functions on arrays, some of which are over data rows: NumPy's rules of broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from batchnewton.derive.known import frozen, is_known, key_of, known, of_constant, real, real_function
from batchnewton.derive.scalar import TracedScalar, apply
from batchnewton.derive.survey import Data, Survey, current_survey
from batchnewton.derive.whole import WAY_OUT, Refused, Whole


def elementwise(name: str, *values: Any, function: Callable[..., Any] | None = None) -> Any:
    """A function of the vocabulary (or ``function``, of one row) on broadcast arrays, some of them over data rows."""
    from batchnewton.derive.arrays import traced

    survey = current_survey()
    assert survey is not None
    own = real_function(name) if function is None else None
    everything = own is not None and all(map(is_known, values))
    if own is not None and everything and not any(isinstance(one, Whole) and one.is_traced for one in values):
        return known(survey, own, values)
    arrays, axis = aligned(survey, values)
    of_one = np.frompyfunc(function or (lambda *args: apply(name, *args)), len(arrays), 1)
    inner = np.asarray(of_one(*arrays), dtype=object)
    if axis is None:
        return traced(inner)
    if own is None or not everything:
        return Whole(survey, None, None, inner, axis)
    of_numbers, given = own, tuple(map(frozen, values))

    def compute(data: Data) -> Any:
        return of_numbers(*real(given, data))

    return Whole(survey, ("call", own, key_of(given)), compute, inner, axis)


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
        raise Refused(
            f"an array of {survey.m} different expressions is combined with one over the data points; {WAY_OUT}"
        )
    inner, own = of_constant(survey, array.astype(float)).parts()
    if own != axis:
        raise Refused(f"an array of shape {array.shape} is combined with one over {survey.m} data points; {WAY_OUT}")
    return inner


def same_node(one: Any, other: Any) -> bool:
    """Whether two elements are the same expression."""
    if isinstance(one, TracedScalar) and isinstance(other, TracedScalar):
        return one.expr is other.expr
    return not isinstance(one, TracedScalar) and not isinstance(other, TracedScalar) and one == other
