"""Elements of arrays over data rows: read and assigned."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from batchnewton.derive.broadcast import elementwise
from batchnewton.derive.known import frozen, is_known, key_of, known
from batchnewton.derive.moved import moved
from batchnewton.derive.scalar import OverRows
from batchnewton.derive.whole import Refused, Whole
from batchnewton.derive.whole_functions import holds_rows, known_or_moved, refusal

WHERE = "use np.where(condition, a, b)"


def item_of(array: Whole, key: Any) -> Any:
    """``array[key]``."""
    if array.compute is not None and is_known(key):
        return known_or_moved(array.survey, operator.getitem, (array, key), {})
    if holds_rows(key) and not is_known(key):
        raise Refused(f"an array is indexed by a condition that holds parameters; {WHERE}")
    found = NotImplemented if holds_rows(key) else moved(operator.getitem, (array, key), {})
    if found is NotImplemented:
        raise refusal("an element, or a part,")
    return found


def assign(array: Whole, key: Any, value: Any) -> None:
    """``array[key] = value``, where a condition holds, or for all rows."""
    whole_value = value.sides == array.sides if isinstance(value, Whole) else not np.ndim(value)
    if isinstance(key, Whole) and key.sides == array.sides and whole_value:
        array.become(elementwise("where", key, value, array.copied()))
    elif isinstance(value, Whole) and whole_value and (key is Ellipsis or key == slice(None)):
        array.become(value.copied())
    elif is_known((array, key, value)):
        array.become(_with_numbers(array, key, value))
    elif holds_rows(key):
        raise Refused(f"an array is assigned to at some data points; {WHERE}")
    else:
        array.become(_with_rows(array, key, value))


def _with_rows(array: Whole, key: Any, value: Any) -> Whole:
    """The array with other elements in all rows."""
    inner, axis = array.parts()
    numbers = np.arange(inner.size).reshape(inner.shape).astype(object)
    places = moved(operator.getitem, (Whole(array.survey, None, None, numbers, axis), key), {})
    if not isinstance(places, Whole):
        raise refusal("an assignment to some of the elements")
    values = value.parts()[0] if isinstance(value, OverRows) and isinstance(value, Whole) else value
    inner = inner.copy()
    inner.reshape(-1)[places.parts()[0].astype(int)] = values
    return Whole(array.survey, None, None, inner, axis)


def _with_numbers(array: Whole, key: Any, value: Any) -> Whole:
    """The array, whose numbers are known, with others at some places."""
    before, given = frozen(array), (frozen(key), frozen(value))

    def assigned(target: np.ndarray, key: Any, value: Any) -> np.ndarray:
        target = target.copy()
        target[key] = value
        return target

    found = known(array.survey, assigned, (before, *given))
    found.key = ("assigned", key_of(before), key_of(given))
    return found
