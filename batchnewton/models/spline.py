"""Cubic-spline models in one, two and three dimensions: a measured shape, scaled, shifted and raised."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from batchnewton.arrays import real, shape_error

from .model import Columns, Model

AXES = ("x", "y", "z")
LARGEST = 1000  # coefficients; each is a product and a sum in the kernel


def spline(values: Any, origin: Any = 0.0, spacing: Any = 1.0) -> Model:
    """A measured shape s, as ``amplitude s(x - shift) + offset``: a cubic spline through values on a regular grid.

    Parameters
    ----------
    values : array_like
        (K,), (K, L) or (K, L, M): the shape at ``origin + spacing * index`` of each axis; at most 1000 values.
    origin, spacing : array_like
        Of the grid, a number or one for each axis.

    Returns
    -------
    Model
        With the parameters amplitude, shift_x, shift_y, ..., offset.

    Raises
    ------
    ValueError, TypeError
        For values of another shape, fewer than 4 along an axis or more than 1000, a spacing that is not positive.

    Notes
    -----
    In B-spline form, ``s(u) = sum_ij c_ij B(u_1 - i) B(u_2 - j)``: smooth everywhere, second derivatives zero at the
    ends (natural); beyond the grid it falls to zero within three spacings.  Coefficients are constants of the formula:
    one shape, one kernel, which takes ten seconds to compile for 200 values in three dimensions.  The guess takes the
    shape where it is, without a shift.

    References
    ----------
    de Boor (1978), A Practical Guide to Splines, chapters IV and XVII; Babcock & Zhuang (2017), Sci. Rep. 7, 552, for
    measured images of molecules.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> grid = np.linspace(-5, 5, 21)
    >>> peak = bn.models.spline(np.exp(-grid**2 / 4), origin=-5.0, spacing=0.5)
    >>> x = np.linspace(-3, 3, 31)
    >>> bn.curve_fit(peak, x, peak(x, 2.0, 0.3, 1.0)).x.round(6).tolist()
    [2.0, 0.3, 1.0]
    """
    table = real("values", values)
    d = table.ndim
    if d not in (1, 2, 3) or min(table.shape, default=0) < 4:
        raise shape_error("values", table, "(K,), (K, L) or (K, L, M) with at least 4 along each axis")
    if table.size > LARGEST:
        raise shape_error("values", table, f"at most {LARGEST} values")
    first = np.broadcast_to(real("origin", origin), d).tolist()
    step = np.broadcast_to(real("spacing", spacing), d).tolist()
    if not np.isfinite(table).all() or min(step) <= 0:
        raise ValueError(f"spacing={spacing!r} and the values; expected positive and finite numbers")
    coefficients = table.astype(np.float64)
    for axis in range(d):
        coefficients = along(coefficients, axis)
    constants = coefficients.tolist()

    def shape(x: Any, *shifts: Any) -> Any:
        coordinates = (x,) if d == 1 else x
        bases = [
            [bump((at - shift - low) / width - (i - 1)) for i in range(count)]
            for at, shift, low, width, count in zip(coordinates, shifts, first, step, coefficients.shape, strict=True)
        ]
        return contracted(constants, bases)

    def formula(x, amplitude, *rest):
        return amplitude * shape(x, *rest[:-1]) + rest[-1]

    def start(x: np.ndarray, y: np.ndarray) -> Columns:
        inside = x if d == 1 else np.moveaxis(x, -2, 0)
        s = np.broadcast_to(shape(inside, *[0.0] * d), y.shape)
        rest = s - s.mean(1, keepdims=True)
        amplitude = (rest * y).sum(1) / (rest**2).sum(1)
        return amplitude, *[np.zeros(len(y))] * d, y.mean(1) - amplitude * s.mean(1)

    formula.__name__ = formula.__qualname__ = f"spline_{d}d"
    names = ("amplitude", *(f"shift_{axis}" for axis in AXES[:d]), "offset")
    return Model(formula, start, names=names, coordinates=d, origin=(spline, (table, origin, spacing)))


def bump(t: Any) -> Any:
    """The cardinal cubic B-spline: ``(2 - |t|)³ / 6`` out to 2, less ``4 (1 - |t|)³ / 6`` within 1."""
    outer, inner = np.maximum(2.0 - abs(t), 0.0), np.maximum(1.0 - abs(t), 0.0)
    return (outer * outer * outer - 4.0 * (inner * inner * inner)) * (1.0 / 6.0)


def contracted(coefficients: Any, bases: list[list[Any]]) -> Any:
    """``sum_ij c_ij b_i b_j``, the last axis first."""
    parts = [contracted(one, bases[1:]) for one in coefficients] if len(bases) > 1 else coefficients
    total = parts[0] * bases[0][0]
    for part, base in zip(parts[1:], bases[0][1:], strict=True):
        total = total + part * base
    return total


def along(values: np.ndarray, axis: int) -> np.ndarray:
    """B-spline coefficients along one axis: two more than values, second derivative zero at both ends."""
    count = values.shape[axis]
    matrix = np.zeros((count + 2, count + 2))
    for i, j in itertools.product(range(count), range(3)):
        matrix[i + 1, i + j] = (1 / 6, 4 / 6, 1 / 6)[j]
    matrix[0, :3] = matrix[-1, -3:] = 1, -2, 1
    moved = np.moveaxis(values, axis, 0)
    full = np.concatenate([np.zeros_like(moved[:1]), moved, np.zeros_like(moved[:1])])
    return np.moveaxis(np.linalg.solve(matrix, full.reshape(count + 2, -1)).reshape(full.shape), 0, axis)
