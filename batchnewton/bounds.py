"""Bounds and fixed unknowns, checked: what the user gave to arrays (B, n)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .arrays import Shared, on_host, one_row, real, shape_error, there
from .options import nearest

Box = tuple[np.ndarray, np.ndarray]
Names = Sequence[str]
MANY = 256  # problems that are looked at as one row, where all have the same bounds


def check_bounds(bounds: Any, size: int, n: int, names: Names = ()) -> Box | None:
    """Lower and upper bounds, (B, n) each; None where there are none.

    Raises
    ------
    ValueError, TypeError
        Where it is no pair, of a wrong shape, NaN, or a lower bound lies above its upper one; where a name is none.
    """
    if bounds is None:
        return None
    if isinstance(bounds, Mapping):
        bounds = by_name(bounds, size, names)
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):  # scipy.optimize.Bounds
        bounds = bounds.lb, bounds.ub
    if not isinstance(bounds, tuple | list) or len(bounds) != 2:
        expected = f"a pair (lower, upper), each a number, ({n},) or ({size}, {n})"
        raise TypeError(f"bounds is {bounds!r:.80}; expected {expected}")
    lower, upper = (  # what all share is looked at once
        one_side(name, value, free, size, n)
        for name, value, free in zip(("lower", "upper"), bounds, (-np.inf, np.inf), strict=True)
    )
    if not ((lower <= upper) & (lower < np.inf) & (upper > -np.inf)).all():
        refuse(lower, upper)
    return np.broadcast_to(lower, (size, n)), np.broadcast_to(upper, (size, n))


def check_no_pairs(bounds: Any, n: int) -> None:
    """Two pairs (low, high), which SciPy's `minimize` takes for two unknowns, would pass for (lower, upper)."""
    if n != 2 or not isinstance(bounds, tuple | list) or len(bounds) != 2:
        return
    if all(isinstance(one, tuple) and len(one) == 2 for one in bounds):
        first, turned = (tuple(map(list, one)) for one in (bounds, zip(*bounds, strict=True)))
        raise ValueError(
            f"bounds={bounds!r} may be pairs (low, high), as in SciPy's minimize, or (lower, upper); expected lists: "
            f"{turned} for the former, {first} for the latter"
        )


def refuse(lower: np.ndarray, upper: np.ndarray) -> None:
    """Say what is wrong with these bounds."""
    for name, array, free in (("lower", lower, -np.inf), ("upper", upper, np.inf)):
        if np.isnan(array).any():
            raise ValueError(f"{name} bounds hold NaN; expected numbers, {free} for none")
    for at in np.argwhere(~(lower <= upper)).tolist():
        low, high = np.broadcast_arrays(lower, upper)
        came = f"lower {low[tuple(at)]} is above upper {high[tuple(at)]} at {tuple(at)}"
        raise ValueError(f"bounds: {came}; expected lower <= upper")
    raise ValueError("bounds: a lower bound is inf or an upper one -inf; expected room for a finite number")


def by_name(bounds: Mapping[str, Any], size: int, names: Names) -> Box:
    """The pair (lower, upper) of ``{"name": (lower, upper)}``; free where nothing is said."""
    lower, upper = np.full((size, len(names)), -np.inf), np.full((size, len(names)), np.inf)
    for name, pair in bounds.items():
        i = number("bounds", name, names)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"bounds[{name!r}] is {pair!r:.80}; expected a pair (lower, upper)")
        for side, value in zip((lower, upper), pair, strict=True):
            if value is not None:
                array = real(f"bounds[{name!r}]", value)
                if array.shape not in ((), (size,)):
                    raise shape_error(f"bounds[{name!r}]", array, f"a number or ({size},)")
                side[:, i] = array
    return lower, upper


def number(what: str, name: Any, names: Names) -> int:
    """Number of the unknown of this name."""
    if name not in names:
        raise ValueError(f"{what} names {name!r}, which is no parameter{nearest(str(name), names)}")
    return names.index(name)


def one_side(name: str, value: Any, free: float, size: int, n: int) -> np.ndarray:
    """One of the two, (B, n), or (1, n) for all."""
    array = on_host(real(f"{name} bounds", free if value is None else value))
    if array.shape not in ((), (n,), (size, n)):
        raise shape_error(f"{name} bounds", array, f"a number, ({n},) or ({size}, {n})")
    return np.broadcast_to(array, (array.shape[0] if array.ndim == 2 else 1, n))


def check_fixed(fixed: Any, size: int, n: int, names: Names = ()) -> np.ndarray | None:
    """Which unknowns stay at their start, (B, n)."""
    if fixed is None:
        return None
    if isinstance(fixed, str):
        fixed = (fixed,)
    if isinstance(fixed, Mapping | tuple | list) and any(isinstance(one, str) for one in fixed):
        fixed = fixed_by_name(fixed, size, names)
    array = np.asarray(fixed)
    if array.dtype != bool:
        raise TypeError(f"fixed has dtype {array.dtype}; expected truth values, True where an unknown keeps its start")
    if array.shape not in ((n,), (size, n)):
        raise shape_error("fixed", array, f"({n},) or ({size}, {n})")
    return np.broadcast_to(array, (size, n))


def fixed_by_name(fixed: Any, size: int, names: Names) -> np.ndarray:
    """``["name", ...]``, or ``{"name": True}`` with truth values, (B,) perhaps."""
    array = np.zeros((size, len(names)), bool)
    for name in fixed:
        value = np.asarray(fixed[name] if isinstance(fixed, Mapping) else True)
        i = number("fixed", name, names)
        if value.dtype != bool or value.shape not in ((), (size,)):
            came = f"fixed[{name!r}] has dtype {value.dtype} and shape {value.shape}"
            raise TypeError(f"{came}; expected True where it keeps its start, else False, or ({size},) of them")
        array[:, i] = value
    return array


class Bounded(NamedTuple):
    """A start within its bounds, these bounds (equal where an unknown is fixed), and where the start was outside."""

    x0: np.ndarray
    box: Box | None
    moved: np.ndarray | None


def boxed(x0: np.ndarray, bounds: Any, fixed: Any, names: Names = ()) -> Bounded:
    """The start moved into its bounds."""
    if bounds is None and fixed is None:
        return Bounded(x0, None, None)
    size, n = x0.shape
    box, stay = check_bounds(bounds, size, n, names), check_fixed(fixed, size, n, names)
    lower, upper = box or (np.full((1, n), -np.inf), np.full((1, n), np.inf))
    given = on_host(x0)
    inside = within(given, (lower, upper))
    start = given if inside else np.clip(given, lower, upper)
    if stay is not None:
        lower, upper = np.where(stay, start, lower), np.where(stay, start, upper)
    moved = np.broadcast_to(False, given.shape) if inside else (given < start) | (given > start)
    return Bounded(x0 if inside else there(start, x0), (lower, upper), moved)


def within(x: np.ndarray, box: Box) -> bool:
    """Whether all of the unknowns x (B, n) lie within their bounds, and none is NaN."""
    lower, upper = map(one_row, box)
    low, high = extremes(x) if len(lower) == len(upper) == 1 else (x, x)
    return bool((low >= lower).all() and (high <= upper).all())


def extremes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and the highest of each unknown.  A row of n is too short for vectors: MANY are taken as one."""
    whole = len(x) // MANY * MANY
    few = x[whole:]
    if whole:
        long = x[:whole].reshape(-1, MANY * x.shape[1])
        few = np.concatenate([few, *(one.reshape(MANY, -1) for one in (long.min(0), long.max(0)))])
    along = np.ascontiguousarray(few.T)
    return along.min(1), along.max(1)


def touching(x: np.ndarray, box: Box) -> np.ndarray:
    """Which of the unknowns x (B, n) lie at a bound, or beyond."""
    lower, upper = map(one_row, box)
    found = np.empty(x.shape, bool)
    whole = len(x) // MANY * MANY if len(lower) == len(upper) == 1 else 0
    if whole:
        long = -1, MANY * x.shape[1]
        rows = np.tile(lower[0], MANY), np.tile(upper[0], MANY)
        compare(x[:whole].reshape(long), rows[0], rows[1], found[:whole].reshape(long))
    compare(x[whole:], lower, upper, found[whole:])
    return found


def compare(x: np.ndarray, lower: np.ndarray, upper: np.ndarray, found: np.ndarray) -> None:
    """``x <= lower`` or ``x >= upper``, to ``found``."""
    np.less_equal(x, lower, out=found)
    found |= x >= upper


def bracketed(x0: Any, bracket: Any, args: Any) -> tuple[np.ndarray, Box]:
    """Starts and the ends of the brackets, lower ones first, (B, 1) each; ``(1,)`` the start of a single problem.

    Without ``x0`` the start is the middle; the batch is then that of the brackets, or of the first of ``args`` that has
    an axis.  An end that is no finite number makes both NaN: such a problem gets its status.

    Raises
    ------
    ValueError, TypeError
        Where ``bracket`` is neither a pair of numbers or (B,) arrays nor a (B, 2) array, or there is more than one
        unknown.
    """
    given = bracket if isinstance(bracket, tuple) else real("bracket", bracket)
    if isinstance(given, np.ndarray):
        if given.shape[-1:] != (2,) or given.ndim > 2:
            raise shape_error("bracket", given, "a pair (a, b) of numbers or (B,) arrays, or (B, 2)")
        given = given[..., 0], given[..., 1]
    if len(given) != 2:
        raise ValueError(f"bracket has {len(given)} parts; expected a pair (a, b)")
    a, b = (real(f"bracket[{i}]", one) for i, one in enumerate(given))
    start = None if x0 is None else real("x0", x0)
    if start is not None and (start.ndim not in (1, 2) or start.shape[-1] != 1):
        raise shape_error("x0", start, "(1,) or (B, 1): a bracket is for one unknown")
    if start is not None:
        size: tuple[int, ...] = start.shape[:-1]
    else:
        axes = (np.shape(one)[:1] for one in (a, b, *args) if not isinstance(one, Shared))
        size = next((one for one in axes if one), ())
    for i, end in enumerate((a, b)):
        if end.shape not in ((), size):
            raise shape_error(f"bracket[{i}]", end, f"a number or {size}" if size else "a number, for one problem")
    a, b = (np.broadcast_to(np.asarray(end, float), size or (1,))[:, None] for end in (a, b))
    lower, upper = np.minimum(a, b), np.maximum(a, b)
    good = np.isfinite(lower) & np.isfinite(upper)
    lower, upper = np.where(good, lower, np.nan), np.where(good, upper, np.nan)
    middle = 0.5 * lower + 0.5 * upper
    start = middle if start is None else np.clip(start.reshape(-1, 1), lower, upper)
    return (start if size else start[0]), (lower, upper)


def start_within(box: Box) -> np.ndarray:
    """A start for who gives none, as SciPy's: the middle, one beside a single bound, or 1."""
    lower, upper = box
    below, above = np.isfinite(lower), np.isfinite(upper)
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (lower + upper)
    return np.select([below & above, below, above], [middle, lower + 1.0, upper - 1.0], 1.0)
