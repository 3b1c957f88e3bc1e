"""A formula of a curve that knows its parameters, their natural bounds, and where to start."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from batchnewton.arrays import real

BLOCK = 1024  # curves for which a start is guessed at once: their arrays stay in the cache
Columns = Sequence[np.ndarray]  # one (B,) array for each parameter


class Model:
    """A formula ``f(x, a, b, ...)`` with a guess of its parameters; `curve_fit` takes it as it takes a function.

    Parameters
    ----------
    formula : callable
        ``f(x, a, b, ...)``, a plain function of one data point that NumPy can also broadcast.
    start : callable
        ``start(x, y)`` returns one (B,) array for each parameter.  x is (m,) or (B, m), ascending; ``(k, m)`` or
        ``(B, k, m)``, as given, where the formula takes k > 1 coordinates.  y is (B, m), finite.
    bounds : dict, optional
        Name to (lower, upper): the natural range of a parameter.
    names : sequence of str, optional
        Names of the parameters; read from the formula's signature by default.
    coordinates : int
        How many numbers x has.
    origin : tuple, optional
        ``(function, arguments)`` that make this model again: what pickle writes.

    Attributes
    ----------
    names : tuple of str
    bounds : (lower, upper)
        Arrays (n,), as SciPy's ``bounds``.  They are data: a guess lies within them.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> line = bn.Model(lambda x, a: a * x, lambda x, y: [(y / x).mean(1)], {"a": (0, np.inf)})
    >>> line.names, line.guess([1.0, 2.0], [[2.0, 4.0], [3.0, 6.0]]).tolist()
    (('a',), [[2.0], [3.0]])
    """

    def __init__(
        self,
        formula: Callable[..., Any],
        start: Callable[[np.ndarray, np.ndarray], Columns],
        bounds: dict[str, tuple[float, float]] | None = None,
        names: Sequence[str] | None = None,
        coordinates: int = 1,
        origin: tuple[Any, ...] | None = None,
    ) -> None:
        functools.update_wrapper(self, formula)
        self.__name__: str = getattr(formula, "__name__", "formula")
        self.formula, self.start, self.coordinates, self.origin = formula, start, coordinates, origin
        self.names = tuple(names or inspect.signature(formula).parameters)[names is None :]
        limits = bounds or {}
        unknown = sorted(set(limits) - set(self.names))
        if unknown:
            raise ValueError(f"bounds names {unknown}; expected parameters of the formula, {list(self.names)}")
        pairs = np.array([limits.get(name, (-np.inf, np.inf)) for name in self.names], float)
        self.bounds = pairs[:, 0], pairs[:, 1]

    def __call__(self, x: Any, *parameters: Any) -> Any:
        """The formula: of numbers, or of arrays that broadcast."""
        return self.formula(x, *parameters)

    def guess(self, x: Any, y: Any) -> np.ndarray:
        """A start for each curve: rough, finite, within the bounds; points with NaN in x or y are left out.

        Parameters
        ----------
        x : array_like
            As xdata of `curve_fit`: (m,), or (k, m) where the formula takes k coordinates; with a batch axis in front
            where each curve has its own.
        y : array_like
            (B, m), or (m,) for one curve.

        Returns
        -------
        (B, n) array
            Or (n,) for one curve.

        Raises
        ------
        ValueError
            Where x does not fit y.
        """
        y = np.asarray(real("y", y), float)
        single = y.ndim == 1
        y = y[None] if single else y
        x = self._abscissae(np.asarray(real("x", x), float), y)
        own = x.ndim > min(self.coordinates, 2)
        parts = [slice(first, first + BLOCK) for first in range(0, len(y), BLOCK)]
        starts = np.concatenate([self._guess(x[rows] if own else x, y[rows]) for rows in parts])
        return starts[0] if single else starts

    def _abscissae(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """x as (m,) or (B, m), or with k coordinates as (k, m) or (B, k, m)."""
        size, m = y.shape
        shape = (self.coordinates, m) if self.coordinates > 1 else (m,)
        for shared in (shape, (1, *shape) if self.coordinates == 1 else shape):
            if x.shape == shared:
                return x.reshape(shape)
        for own in ((size, *shape), (size, self.coordinates, m)):
            if x.shape == own:
                return x.reshape(size, *shape)
        raise ValueError(f"x has shape {x.shape}; expected {shape} or {(size, *shape)}: y has shape {y.shape}")

    def _guess(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The guess for some curves, made finite and put within the bounds."""
        x, y = prepared(x, y, self.coordinates)
        with np.errstate(all="ignore"):
            columns = self.start(x, y)
            came = len(columns) if hasattr(columns, "__len__") else f"a {type(columns).__name__}"
            if came != len(self.names):
                expected = f"(B,) arrays or numbers, one for each of {', '.join(self.names)}"
                raise ValueError(f"the start of {self.__name__} returned {came}; expected {expected}")
            columns = np.broadcast_arrays(*columns, np.empty(len(y)))[:-1]
            starts = np.stack(columns, 1)
        return np.clip(np.where(np.isfinite(starts), starts, 1.0), *self.bounds)

    def hold(self, **values: float) -> Model:
        """The model with some parameters held at given numbers.

        >>> import batchnewton as bn
        >>> bn.models.gaussian.hold(offset=0.0).names
        ('amplitude', 'center', 'sigma')
        """
        from .composite import held

        return held(self, values)

    def prefixed(self, prefix: str) -> Model:
        """The model with a prefix before the names of its parameters."""
        limits = {prefix + name: pair for name, pair in self.limits().items()}
        names = [prefix + name for name in self.names]
        return Model(self.formula, self.start, limits, names, self.coordinates, (Model.prefixed, (self, prefix)))

    def limits(self) -> dict[str, tuple[float, float]]:
        """Bounds by name."""
        return {name: (float(a), float(b)) for name, a, b in zip(self.names, *self.bounds, strict=True)}

    def __add__(self, other: Model) -> Model:
        from .composite import add

        return add(self, other) if isinstance(other, Model) else NotImplemented

    def __mul__(self, other: Model) -> Model:
        from .composite import multiply

        return multiply(self, other) if isinstance(other, Model) else NotImplemented

    def __reduce__(self) -> Any:
        name = self.__name__
        if getattr(sys.modules.get(self.__module__), name, None) is self:
            return name  # found by its name, as a function is
        if self.origin is not None:
            return self.origin
        return Model, (self.formula, self.start, self.limits(), self.names, self.coordinates)

    def __repr__(self) -> str:
        return f"<batchnewton.Model {self.__name__}(x, {', '.join(self.names)})>"


def model(
    start: Callable[[np.ndarray, np.ndarray], Columns], *, coordinates: int = 1, **bounds: tuple[float, float]
) -> Callable[[Callable[..., Any]], Model]:
    """Decorator that makes a formula a `Model`."""
    return lambda formula: Model(formula, start, bounds, coordinates=coordinates)


def prepared(x: np.ndarray, y: np.ndarray, coordinates: int) -> tuple[np.ndarray, np.ndarray]:
    """x ascending where it is one number, y without gaps (``Model.start``)."""
    if not np.isfinite(x).all():
        x, y = without_gaps(x, y, coordinates)
    missing = ~np.isfinite(y)
    if coordinates > 1:
        if missing.any():
            inside = np.sort(np.where(missing, np.inf, y), axis=1)
            middle = np.take_along_axis(inside, ((~missing).sum(1, keepdims=True) - 1).clip(0) // 2, 1)
            y = np.where(missing, np.where(np.isfinite(middle), middle, 0.0), y)
        return x, y
    if x.ndim == 2 and missing.any():  # where y is missing x may be anything
        x, y = filled(np.where(missing, np.nan, x)), filled(y)
    if np.any(np.diff(x) < 0):
        order = np.argsort(x, axis=-1, kind="stable")
        x = np.take_along_axis(x, order, -1)
        y = y[:, order] if order.ndim == 1 else np.take_along_axis(y, order, -1)
    return x, filled(y)


def without_gaps(x: np.ndarray, y: np.ndarray, coordinates: int) -> tuple[np.ndarray, np.ndarray]:
    """x finite, y NaN (or not there) where x is not: points are dropped where all curves share x, else x is filled."""
    there = np.isfinite(x) if coordinates == 1 else np.all(np.isfinite(x), axis=-2)
    if there.ndim == 1:
        return (x[..., there], y[:, there]) if there.any() else (np.zeros(x.shape), y)
    known = there if coordinates == 1 else there[:, None, :]
    rows = np.where(known, x, np.nan).reshape(-1, x.shape[-1])
    return filled(rows).reshape(x.shape), np.where(there, y, np.nan)


def filled(y: np.ndarray) -> np.ndarray:
    """NaN and infinities replaced by the line between their neighbours in the row, at its ends by the nearest value."""
    missing = ~np.isfinite(y)
    if not missing.any():
        return y
    m = y.shape[1]
    at = np.arange(m)
    before = np.maximum.accumulate(np.where(missing, -1, at), axis=1)
    after = np.minimum.accumulate(np.where(missing, m, at)[:, ::-1], axis=1)[:, ::-1]
    left, right = np.where(before < 0, after, before), np.where(after >= m, before, after)
    nothing = (left >= m) | (right < 0)
    left, right = np.clip(left, 0, m - 1), np.clip(right, 0, m - 1)
    share = (at - left) / np.maximum(right - left, 1)
    low, high = np.take_along_axis(y, left, 1), np.take_along_axis(y, right, 1)
    return np.where(nothing, 0.0, np.where(missing, low + share * (high - low), y))
