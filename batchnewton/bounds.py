"""Bounds and fixed unknowns, checked: what the user gave to arrays (B, n)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import on_host, real, shape_error, there

Box = tuple[np.ndarray, np.ndarray]


def check_bounds(bounds: Any, size: int, n: int) -> Box | None:
    """Lower and upper bounds, (B, n) each; None where there are none.

    Raises
    ------
    ValueError, TypeError
        Where it is no pair, of a wrong shape, NaN, or a lower bound lies above its upper one.
    """
    if bounds is None:
        return None
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):  # scipy.optimize.Bounds
        bounds = bounds.lb, bounds.ub
    if not isinstance(bounds, tuple | list) or len(bounds) != 2:
        raise TypeError(f"bounds is {bounds!r:.80}; expected a pair (lower, upper)")
    lower, upper = (
        one_side(name, value, free, size, n)
        for name, value, free in zip(("lower", "upper"), bounds, (-np.inf, np.inf), strict=True)
    )
    wrong = np.argwhere(~(lower <= upper))
    if wrong.size:
        at = tuple(int(i) for i in wrong[0])
        raise ValueError(f"bounds: lower {lower[at]} is above upper {upper[at]} at {at}; expected lower <= upper")
    if (lower == np.inf).any() or (upper == -np.inf).any():
        raise ValueError("bounds: a lower bound is inf or an upper one -inf; expected room for a finite number")
    return lower, upper


def one_side(name: str, value: Any, free: float, size: int, n: int) -> np.ndarray:
    """One of the two, (B, n)."""
    array = on_host(real(f"{name} bounds", free if value is None else value))
    if array.shape not in ((), (n,), (size, n)):
        raise shape_error(f"{name} bounds", array, f"a number, ({n},) or ({size}, {n})")
    if np.isnan(array).any():
        raise ValueError(f"{name} bounds hold NaN; expected numbers, {free} for none")
    return np.broadcast_to(array, (size, n))


def check_fixed(fixed: Any, size: int, n: int) -> np.ndarray | None:
    """Which unknowns stay at their start, (B, n)."""
    if fixed is None:
        return None
    array = np.asarray(fixed)
    if array.dtype != bool:
        raise TypeError(f"fixed has dtype {array.dtype}; expected truth values, True where an unknown keeps its start")
    if array.shape not in ((n,), (size, n)):
        raise shape_error("fixed", array, f"({n},) or ({size}, {n})")
    return np.broadcast_to(array, (size, n))


def boxed(x0: np.ndarray, bounds: Any, fixed: Any) -> tuple[np.ndarray, Box | None]:
    """The start moved into its bounds, and the bounds; equal ones where an unknown is fixed."""
    size, n = x0.shape
    box, stay = check_bounds(bounds, size, n), check_fixed(fixed, size, n)
    if box is None and stay is None:
        return x0, None
    lower, upper = box or (np.full((1, n), -np.inf), np.full((1, n), np.inf))
    start = np.clip(on_host(x0), lower, upper)
    if stay is not None:
        lower, upper = np.where(stay, start, lower), np.where(stay, start, upper)
    return there(start, x0), (lower, upper)


def start_within(box: Box) -> np.ndarray:
    """A start for who gives none, as SciPy's: the middle, one beside a single bound, or 1."""
    lower, upper = box
    below, above = np.isfinite(lower), np.isfinite(upper)
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (lower + upper)
    return np.select([below & above, below, above], [middle, lower + 1.0, upper - 1.0], 1.0)
