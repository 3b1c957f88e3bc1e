"""What was traced of a formula, beside Python's own value of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from batchnewton.derive.evaluate import evaluate
from batchnewton.derive.graph import Expr
from batchnewton.derive.rebind import formula_name
from batchnewton.derive.survey import Survey

CLOSE = 1e-6  # traced and NumPy's value may differ by this share of the value ...
LEVEL = 1e-9  # ... plus this share of the largest value at any point
MOVED = 0.0625  # the second comparison is so far from the start, in units of max(|start|, 1)
POINTS = 5  # data points at which a formula that takes numbers only is compared


def compare(
    f: Callable[..., Any],
    outputs: Sequence[Expr],
    start: dict[str, float],
    columns: dict[str, np.ndarray],
    m: int,
    survey: Survey | None,
    by_numpy: Callable[[Sequence[float], int | None], Any],
) -> str:
    """Compare what was traced with Python's own value of the formula.

    Raises
    ------
    ValueError
        Where they differ by more than rounding.
    """
    extra = {} if survey is None else {f"whole_{i}": one for i, one in enumerate(survey.values(survey.data))}
    reason = ""
    results = []
    for moved in (0.0, MOVED):
        parameters = beside(list(start.values()), moved)
        ours = evaluate(outputs, {**dict(zip(start, parameters, strict=True)), **columns, **extra})
        ours = [np.broadcast_to(one, (m,)) for one in ours]
        theirs, how = of_python(by_numpy, parameters, m, len(outputs), bool(extra))
        if theirs is None:
            reason = how
            continue
        results.append(how)
        for ours_q, theirs_q in zip(ours, theirs, strict=True):
            _check(f, ours_q, theirs_q, columns, m)
    return results[0] if results else f"not: {reason}"


def beside(start: list[float], moved: float) -> list[float]:
    """A point near the start, in no special direction."""
    return [
        float(value) + moved * (1.0 + 0.37 * ((7 * i) % 5)) * max(abs(float(value)), 1.0)
        for i, value in enumerate(start)
    ]


def of_python(
    by_numpy: Callable[[Sequence[float], int | None], Any],
    parameters: Sequence[float],
    m: int,
    count: int,
    columns: bool,
) -> tuple[list[np.ndarray] | None, str]:
    """Python's own values of the formula, (m,) each, NaN where they were not asked for; and how they were got."""
    with np.errstate(all="ignore"):
        try:
            found = by_numpy([np.float64(one) for one in parameters], None)
            return rows_of(found, count, m), "whole"
        except Exception as error:  # whatever the user's function raises for arrays
            reason = f"{type(error).__name__}: {error}"
        if columns:
            return None, f"it takes no arrays ({reason}), and uses functions of all data points"
        every = [np.full(m, np.nan) for _ in range(count)]
        for at in sorted(set(np.linspace(0, m - 1, POINTS).astype(int).tolist())):
            try:
                one = rows_of(by_numpy([float(one) for one in parameters], at), count, 1)
            except Exception as error:
                return None, f"it cannot be called with numbers: {type(error).__name__}: {error}"
            for values, value in zip(every, one, strict=True):
                values[at] = value[0]
        return every, "points"


def rows_of(found: Any, count: int, m: int) -> list[np.ndarray]:
    """The values that a formula returned for all rows, one array for each number that it returns a row."""
    if m == 1 and count > 1:
        parts = [np.reshape(one, 1) for one in flat_numbers(found)]
        if len(parts) != count:
            raise ValueError(f"{len(parts)} values")
        return parts
    if count == 1:
        array = np.asarray(found, np.float64)
        if array.shape not in ((), (m,), (1, m), (m, 1), (1,)):
            raise ValueError(f"an array of shape {array.shape}")
        return [np.broadcast_to(array.reshape(-1), (m,))]
    parts = flat_rows(found, m)
    if len(parts) != count:
        raise ValueError(f"{len(parts)} values")
    return parts


def flat_numbers(found: Any) -> list[float]:
    """Nested values, one after the other."""
    if isinstance(found, tuple | list):
        return [part for one in found for part in flat_numbers(one)]
    return np.asarray(found, np.float64).ravel().tolist()


def flat_rows(found: Any, m: int) -> list[np.ndarray]:
    """Nested values, each (m,) or a number, one after the other."""
    if isinstance(found, tuple | list):
        return [part for one in found for part in flat_rows(one, m)]
    array = np.asarray(found, np.float64)
    if array.ndim == 0 or array.shape == (m,):
        return [np.broadcast_to(array, (m,))]
    if array.shape[-1] != m:
        raise ValueError(f"an array of shape {array.shape}")
    return list(array.reshape(-1, m))


def _check(f: Callable[..., Any], ours: np.ndarray, theirs: np.ndarray, columns: dict[str, np.ndarray], m: int) -> None:
    """No point at which both are finite and differ by more than rounding."""
    with np.errstate(all="ignore"):
        both = np.isfinite(ours) & np.isfinite(theirs)
        size = np.maximum(np.abs(ours), np.abs(theirs))
        level = np.max(size[both], initial=0.0)
        wrong = both & (np.abs(ours - theirs) > CLOSE * size + LEVEL * level)
    if not wrong.any():
        return
    at = int(np.argmax(wrong))
    row = ", ".join(f"{float(one[at]):.6g}" for one in columns.values() if np.shape(one) == (m,))
    where = f", at data point {at} ({row})" if row else ""
    came = f"{formula_name(f)} is {float(theirs[at])!r} in NumPy and {float(ours[at])!r} as it is traced"
    raise ValueError(
        f"{came}{where}. A formula is derived from its operations at one data point: something in it depends on other "
        "data points, on the types of its arguments, or on what it changes outside. Write it with arithmetic and "
        "elementwise functions of x and the parameters"
    )
