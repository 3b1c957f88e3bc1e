"""Functions that only move the elements of arrays, for arrays over data rows: they are watched on numbered elements.

Each element gets a number, each data row another one.  NumPy's own function is run on these numbers, for two numbers of
rows.  Where every row of the result is the same row of the arguments, the result is an array over data rows again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from batchnewton.derive.scalar import TracedScalar
from batchnewton.derive.survey import ROWS
from batchnewton.derive.whole import KnownScalar, Whole

STRIDE = 64  # numbers of an element: 0 without rows, else 1 + the row
LENGTHS = (41, 43, 47, 53, 59, 61)  # numbers of rows to try, two that are no length of an axis


def moved(function: Callable[..., Any], args: Any, options: Any) -> Any:
    """What the function gives, or NotImplemented where it does more than move elements, or mixes rows."""
    elements: list[Any] = []
    taken: set[int] = set()
    plan = _numbered((args, options), elements, taken)
    lengths = [n for n in LENGTHS if n not in taken][:2]

    def on_numbers(rows: int) -> Any:
        own_args, own_options = _probe(plan, rows)
        return function(*own_args, **own_options)

    survey = _survey(args) or _survey(list(options.values()))
    return _decoded(on_numbers(lengths[0]), on_numbers(lengths[1]), lengths, elements, survey)


class _Numbers:
    """The elements of an array by their numbers, with length 1 along the axis of the rows."""

    def __init__(self, numbers: np.ndarray, axis: int | None) -> None:
        self.numbers, self.axis = numbers, axis

    def of(self, rows: int) -> np.ndarray:
        if self.axis is None:
            return self.numbers * STRIDE
        sides = [1] * self.numbers.ndim
        sides[self.axis] = rows
        return self.numbers * STRIDE + 1 + np.arange(rows).reshape(sides)


def _numbered(value: Any, elements: list[Any], taken: set[int]) -> Any:
    if isinstance(value, KnownScalar):
        return value if value.whole.key == ROWS else value.python()
    if isinstance(value, Whole | TracedScalar) or (isinstance(value, np.ndarray) and value.dtype == object):
        inner, axis = value.parts() if isinstance(value, Whole) else (np.asarray(value, dtype=object), None)
        numbers = len(elements) + np.arange(inner.size).reshape(inner.shape)
        elements.extend(inner.ravel().view(np.ndarray).tolist())
        taken.update(inner.shape)
        return _Numbers(numbers, axis)
    if isinstance(value, slice):
        start, stop, step = (_numbered(one, elements, taken) for one in (value.start, value.stop, value.step))
        return slice(start, stop, step)
    if type(value) in (tuple, list):
        return type(value)([_numbered(one, elements, taken) for one in value])
    if type(value) is dict:
        return {name: _numbered(one, elements, taken) for name, one in value.items()}
    return value


def _probe(plan: Any, rows: int) -> Any:
    if isinstance(plan, _Numbers):
        return plan.of(rows)
    if isinstance(plan, KnownScalar):
        return rows
    if isinstance(plan, slice):
        start, stop, step = (_probe(one, rows) for one in (plan.start, plan.stop, plan.step))
        return slice(start, stop, step)
    if type(plan) in (tuple, list):
        return type(plan)([_probe(one, rows) for one in plan])
    if type(plan) is dict:
        return {name: _probe(one, rows) for name, one in plan.items()}
    return plan


def _decoded(one: Any, other: Any, lengths: list[int], elements: list[Any], survey: Any) -> Any:
    if isinstance(one, tuple | list):
        parts = [_decoded(a, b, lengths, elements, survey) for a, b in zip(one, other, strict=True)]
        return NotImplemented if any(part is NotImplemented for part in parts) else type(one)(parts)
    one, other = np.asarray(one), np.asarray(other)
    if one.ndim != other.ndim or one.dtype.kind not in "iu":
        return NotImplemented
    objects = np.empty(len(elements), dtype=object)
    objects[:] = elements
    changed = [k - one.ndim for k in range(one.ndim) if one.shape[k] != other.shape[k]]
    if not changed:
        return _dense(objects[one // STRIDE]) if not (one % STRIDE).any() else NotImplemented
    if len(changed) > 1 or one.shape[changed[0]] != lengths[0]:
        return NotImplemented
    (axis,) = changed
    numbers, rows = one // STRIDE, one % STRIDE
    sides = [1] * one.ndim
    sides[axis] = lengths[0]
    in_order = 1 + np.arange(lengths[0]).reshape(sides)
    if not ((rows == in_order) | (rows == 0)).all() or (numbers != numbers.take([0], axis)).any():
        return NotImplemented
    return Whole(survey, None, None, objects[numbers.take([0], axis)], axis)


def _dense(array: np.ndarray) -> Any:
    from batchnewton.derive.arrays import traced

    return traced(np.asarray(array, dtype=object))


def _survey(value: Any) -> Any:
    if isinstance(value, Whole):
        return value.survey
    if isinstance(value, KnownScalar):
        return value.whole.survey
    if isinstance(value, tuple | list):
        return next((found for one in value if (found := _survey(one)) is not None), None)
    return None
