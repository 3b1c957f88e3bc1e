"""Data that are not all there: problems of different length, and rows that are left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import LISTS, on_host, real, shape_error


def check_counts(counts: Any, size: int, m: int) -> np.ndarray:
    """Rows of each problem, (B,): whole numbers from 0 to m."""
    array = np.asarray(counts)
    if array.dtype.kind not in "iu":
        raise TypeError(f"counts has dtype {array.dtype}; expected whole numbers")
    if array.shape not in ((), (size,)):
        raise shape_error("counts", array, f"({size},), a number of rows for each problem")
    if array.min() < 0 or array.max() > m:
        raise ValueError(f"counts goes from {array.min()} to {array.max()}; expected 0 to {m}, the rows of the data")
    return np.broadcast_to(array, (size,))


def check_mask(mask: Any, size: int, m: int) -> np.ndarray:
    """Which rows each problem has, (B, m) of truth values; True where a row counts."""
    array = np.asarray(mask)
    if array.dtype != bool:
        raise TypeError(f"mask has dtype {array.dtype}; expected truth values, True where a row counts")
    if array.shape not in ((m,), (size, m)):
        raise shape_error("mask", array, f"({size}, {m}), or ({m},) for all problems")
    return np.broadcast_to(array, (size, m))


def with_gaps(y: np.ndarray, counts: Any, mask: Any) -> np.ndarray:
    """ydata with NaN where a row does not count; itself where all do."""
    size, m = (1, len(y)) if y.ndim == 1 else y.shape
    if counts is not None:
        lengths = check_counts(counts, size, m)
        there = np.arange(m) < lengths[:, None]
        mask = there if mask is None else there & check_mask(mask, size, m)
    if mask is None:
        return y
    return np.where(check_mask(mask, size, m).reshape(y.shape), y, np.nan)


def rows_there(y: np.ndarray, counts: Any, mask: Any, problems: slice) -> np.ndarray:
    """Which rows of some problems count, (problems, m): those that are there, and not NaN in ydata."""
    size, m = (1, len(y)) if y.ndim == 1 else y.shape
    there = ~np.isnan(on_host(np.atleast_2d(y)[problems]))
    if counts is not None:
        there = there & (np.arange(m) < check_counts(counts, size, m)[problems, None])
    return there if mask is None else there & check_mask(mask, size, m)[problems]


def quietly_finite(array: Any) -> bool:
    """Whether all numbers are finite, by the sum of their squares; perhaps not where one is huge."""
    return math.isfinite(np.vdot(array, array))


def without_nan(
    x: np.ndarray, y: np.ndarray, own: bool, nan: str, counts: Any, mask: Any, size: int, at_once: bool
) -> Any:
    """The mask, less the points at which data are NaN that all curves share.

    A NaN in data of their ``own`` is looked for later, where a fit was not finite (``schedule.with_nan``); in an xdata
    ``at_once``, if that is said.

    Raises
    ------
    ValueError
        For NaN with ``nan="raise"``; for infinity in what all curves share.  A problem whose own are infinite gets a
        status.
    """
    m = y.shape[-1]
    for name, array, shared in (("xdata", x, x.ndim < 3 and not own), ("ydata", y, y.ndim == 1)):
        looked_at = shared or nan == "raise" or (at_once and name == "xdata")
        if not looked_at or array.shape[-1:] != (m,) or quietly_finite(array):  # a wrong shape is refused later
            continue
        there, values = given(array, shared, counts, mask, size), on_host(array)
        bad = np.isnan(values) & there
        if nan == "raise":
            refuse(name, values, bad, "expected none with nan='raise' (nan='omit' leaves it out)")
        if shared:
            refuse(name, values, np.isinf(values) & there, "expected finite numbers (mask=, or NaN, leaves out points)")
        if bad.any():
            whole = ~bad if bad.ndim == 1 or (bad.ndim == 2 and not shared) else ~bad.any(-2)
            mask = whole if mask is None else whole & check_mask(mask, size, m)
    return mask


def given(array: Any, shared: bool, counts: Any, mask: Any, size: int) -> np.ndarray:
    """Which points of an array count, as it came, in a shape that goes with its own; of a shared one: for any curve."""
    m = array.shape[-1]
    there = np.ones((1, m), bool) if mask is None else check_mask(mask, size, m)
    if counts is not None:
        there = there & (np.arange(m) < check_counts(counts, size, m)[:, None])
    if shared:
        return np.asarray(np.any(there, axis=0))
    return there[:, None] if array.ndim == 3 else there


def refuse(name: str, array: np.ndarray, bad: np.ndarray, expected: str) -> None:
    """An error for the first bad number, if there is one."""
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        value = array[where]
        raise ValueError(f"{name} holds {'NaN' if np.isnan(value) else value}, the first at {where}; {expected}")


def is_ragged(value: Any) -> bool:
    """Whether this is a list of sequences of different lengths."""
    return is_list_of_curves(value) and len({len(one) for one in value}) > 1


def is_list_of_curves(value: Any) -> bool:
    """Whether this is a list of sequences."""
    if not isinstance(value, LISTS) or not value:
        return False
    return all(isinstance(one, LISTS) or getattr(one, "ndim", 0) > 0 for one in value)


def padded(name: str, curves: Sequence[Any], counts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A list of B arrays (..., m_b), one below the other in (B, ..., m) with zeros behind; and their lengths m_b."""
    arrays = [real(f"{name}[{b}]", one) for b, one in enumerate(curves)]
    leading = arrays[0].shape[:-1]
    for b, one in enumerate(arrays):
        if one.ndim == 0 or one.shape[:-1] != leading:
            raise shape_error(f"{name}[{b}]", one, f"{(*leading, 'm')}, as {name}[0] has".replace("'", ""))
        if counts is not None and one.shape[-1] != counts[b]:
            raise shape_error(f"{name}[{b}]", one, f"{counts[b]} points, as ydata[{b}] has")
    lengths = np.array([one.shape[-1] for one in arrays])
    full = np.zeros((len(arrays), *leading, lengths.max()), np.result_type(*arrays))
    for row, one in zip(full, arrays, strict=True):
        row[..., : one.shape[-1]] = one
    return full, lengths


def padded_curves(xdata: Any, ydata: Any, sigma: Any) -> tuple[Any, np.ndarray, Any, np.ndarray]:
    """(xdata, ydata, sigma, counts) of curves of different lengths, as `curve_fit` takes them.

    xdata is a list as ydata is, (B, m) or (B, k, m) then, or shared by all; sigma is a list, or a number.
    """
    y, counts = padded("ydata", ydata)
    if y.ndim != 2:
        raise shape_error("ydata[0]", np.asarray(ydata[0]), "(m,): one curve")
    own = {}
    for name, value in (("xdata", xdata), ("sigma", sigma)):
        own[name] = value
        if isinstance(value, LISTS) and value and hasattr(value[0], "__len__"):
            if len(value) != len(counts):
                raise ValueError(f"{name} holds {len(value)} arrays; expected {len(counts)}, as ydata does")
            own[name] = padded(name, value, counts)[0]
    return own["xdata"], y, own["sigma"], counts
