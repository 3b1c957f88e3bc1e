"""A batch of problems: a formula with its sizes and arrays, checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np

from .arrays import Shared, library, real, shape_error
from .derive import Input
from .fingerprint import Formula, fingerprint

LARGEST = 32  # unknowns


@dataclass(frozen=True)
class Problem:
    """A formula and the arrays of a batch.

    Attributes
    ----------
    fun : callable
        What is traced: called with the ``inputs``, in order.
    kind : {"least-squares", "minimize", "root"}
    inputs : tuple
        The formula's arguments (`batchnewton.derive.Input`, or a tuple of them).
    x0 : (B, n) array
    args : list of (B, size) arrays
        The inputs of level "problem".
    data : list of (B, m, size) arrays
        The inputs of level "point".
    rows : list of (m, size) arrays
        The inputs of level "row".
    call : list of (size,) arrays
        The inputs of level "call".
    m : int
        Rows of data; 1 where there is none.
    single : bool
        One problem given without a batch axis.
    names : tuple of str
        Names of the unknowns.
    library : str
        Library of the answers: "numpy", or that of the arrays which lie on a GPU.
    """

    fun: Callable[..., Any]
    kind: str
    inputs: tuple[Any, ...]
    x0: np.ndarray
    args: list[np.ndarray] = field(default_factory=list)
    data: list[np.ndarray] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    call: list[np.ndarray] = field(default_factory=list)
    m: int = 1
    single: bool = False
    names: tuple[str, ...] = ()
    library: str = "numpy"

    @cached_property
    def formula(self) -> Formula:
        """The formula with its key, worked out once."""
        return fingerprint(self.fun)

    @property
    def size(self) -> int:
        """Number of problems."""
        return self.x0.shape[0]

    @property
    def gpu(self) -> int | None:
        """Number of the GPU on which the arrays lie; None for the host."""
        for array in (self.x0, *self.args, *self.data):
            if not isinstance(array, np.ndarray):
                return int(array.device.id)
        return None

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return self.x0.shape[1]


def from_function(kind: str, fun: Any, x0: Any, args: Any, data: Any) -> Problem:
    """Problems of ``fun(x, *args, *row)``, as `minimize`, `least_squares` and `root` take them."""
    check_callable("fun", fun)
    start = real("x0", x0)
    if start.ndim not in (1, 2):
        raise shape_error("x0", start, "(n,) for one problem or (B, n) for a batch")
    single = start.ndim == 1
    start = start[None] if single else start
    check_batch("x0", start)
    build = _Builder(start, single)
    inputs: list[Any] = [Input("x", (start.shape[1],), "unknown")]
    inputs += [build.argument(i, one) for i, one in enumerate(sequence("args", args))]
    inputs += [build.column(f"data[{i}]", one) for i, one in enumerate(sequence("data", data))]
    names = tuple(f"x{i}" for i in range(start.shape[1]))
    return replace(build.problem(fun, kind, inputs, names), library=library((x0, *listed(args), *listed(data))))


def listed(value: Any) -> Sequence[Any]:
    """The arrays of an argument."""
    return sequence("", value)


def from_curve(f: Any, xdata: Any, ydata: Any, p0: Any, sigma: Any) -> Problem:
    """Problems of fitting ``f(x, a, b, ...)`` to (xdata, ydata), as `curve_fit` takes them."""
    check_callable("f", f)
    y = real("ydata", ydata)
    if y.ndim not in (1, 2):
        raise shape_error("ydata", y, "(m,) for one curve or (B, m) for a batch")
    names = parameter_names(f)
    if p0 is None and names is None:
        raise ValueError("p0 is needed: the number of parameters cannot be read from the signature of f")
    start = np.ones(len(names or ())) if p0 is None else real("p0", p0)
    if start.ndim not in (1, 2):
        raise shape_error("p0", start, "(n,) for all curves or (B, n)")
    n = start.shape[-1]
    if names is not None and n != len(names):
        takes = f"f takes {len(names)} parameter{'s' * (len(names) != 1)} after x ({', '.join(names)})"
        raise ValueError(f"{takes}, but p0 has shape {start.shape}; expected ({len(names)},) or (B, {len(names)})")
    single = y.ndim == 1 and start.ndim == 1
    size = y.shape[0] if y.ndim == 2 else start.shape[0] if start.ndim == 2 else 1
    check_batch("ydata", y)
    if start.ndim == 2 and start.shape[0] != size:
        raise shape_error("p0", start, f"({n},) or ({size}, {n}): ydata holds {size} curves")
    start = np.broadcast_to(start, (size, n))
    check_batch("p0", start)
    m = y.shape[-1]
    build = _Builder(start, False)
    inputs = [build.coordinates(real("xdata", xdata), m, size, single)]
    inputs += [build.column("ydata", y if y.ndim == 2 else Shared(y))]
    residual = weighted if sigma is not None else plain
    if sigma is not None:
        s = real("sigma", sigma)
        if s.shape not in ((), (m,), (size, m)):
            raise shape_error("sigma", s, f"({m},) for all curves or ({size}, {m})")
        inputs += [build.column("sigma", s if s.ndim == 2 else Shared(np.broadcast_to(s, (m,))))]
    inputs += [Input(f"x_{i}") for i in range(n)]
    problem = build.problem(residual(f), "least-squares", inputs, names or tuple(f"x{i}" for i in range(n)))
    problem = replace(problem, library=library((ydata, xdata, p0, sigma)))
    return problem if not single else without_batch(problem)


def without_batch(problem: Problem) -> Problem:
    """The same single problem, its result to be given without a batch axis."""
    return replace(problem, single=True)


def plain(f: Callable[..., Any]) -> Callable[..., Any]:
    """Residual of a curve."""

    def residual(x, y, *parameters):
        return f(x, *parameters) - y

    residual.__name__ = getattr(f, "__name__", "formula")
    return residual


def weighted(f: Callable[..., Any]) -> Callable[..., Any]:
    """Residual of a curve in units of the standard deviation."""

    def residual(x, y, sigma, *parameters):
        return (f(x, *parameters) - y) * (1.0 / sigma)

    residual.__name__ = getattr(f, "__name__", "formula")
    return residual


def parameter_names(f: Callable[..., Any]) -> tuple[str, ...] | None:
    """Names of the parameters after x; None where ``*args`` hides them."""
    if isinstance(f, FunctionType) and not f.__code__.co_flags & inspect.CO_VARARGS and not hasattr(f, "__wrapped__"):
        return f.__code__.co_varnames[1 : f.__code__.co_argcount]
    try:
        found = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_POSITIONAL for one in found):
        return None
    return tuple(one.name for one in found if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD))[1:]


def check_callable(name: str, fun: Any) -> None:
    if not callable(fun):
        raise TypeError(f"{name} is a {type(fun).__name__}; expected a Python function, the formula")


def check_batch(name: str, array: np.ndarray) -> None:
    """No empty batch, not too many unknowns."""
    if array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: it is empty; expected at least one problem")
    if name in ("x0", "p0") and array.shape[1] > LARGEST:
        raise ValueError(f"{name} has {array.shape[1]} unknowns a problem; at most {LARGEST} are supported")


def sequence(name: str, value: Any) -> Sequence[Any]:
    """A tuple of arrays; one array alone is taken as one."""
    return value if isinstance(value, tuple | list) else (value,)


class _Builder:
    """Collects inputs and arrays, level by level, checking each against the batch."""

    def __init__(self, x0: np.ndarray, single: bool) -> None:
        self.x0, self.single = x0, single
        self.m: int | None = None
        self.arrays: dict[str, list[np.ndarray]] = {"problem": [], "point": [], "row": [], "call": []}

    def add(self, level: str, array: np.ndarray, leading: int) -> Input:
        """Register an array whose first ``leading`` axes are batch and data row; the rest is what the formula sees."""
        shape = array.shape[leading:]
        stored = self.arrays[level]
        stored.append(array.reshape(*array.shape[:leading], -1))
        return Input(f"{level}{len(stored) - 1}", shape, level)

    def argument(self, i: int, value: Any) -> Input:
        """One of ``args``: a scalar or shared value, or one with a batch axis."""
        array = real(f"args[{i}]", value.value if isinstance(value, Shared) else value)
        if isinstance(value, Shared) or array.ndim == 0 or self.single:
            return self.add("call", array, 0)
        if array.shape[0] != self.x0.shape[0]:
            expected = f"a batch axis of {self.x0.shape[0]}, as x0 has (or bn.shared(...) if it is the same for all)"
            raise shape_error(f"args[{i}]", array, expected)
        return self.add("problem", array, 1)

    def column(self, name: str, value: Any) -> Input:
        """Data: ``(B, m, ...)``, or shared ``(m, ...)``."""
        alone = isinstance(value, Shared) or self.single
        array = real(name, value.value if isinstance(value, Shared) else value)
        size = self.x0.shape[0]
        if array.ndim < 1 + (not alone):
            raise shape_error(name, array, "(m, ...)" if alone else f"({size}, m, ...), or bn.shared of (m, ...)")
        if not alone and array.shape[0] != size:
            raise shape_error(name, array, f"({size}, m, ...): there are {size} problems (or bn.shared of (m, ...))")
        if array.shape[not alone] == 0:
            raise shape_error(name, array, "at least one row of data")
        self.rows(name, array, array.shape[not alone])
        if isinstance(value, Shared):
            return self.add("row", array, 1)
        return self.add("point", array[None] if alone else array, 2)

    def coordinates(self, x: np.ndarray, m: int, size: int, single: bool) -> Input:
        """``xdata``: (m,), (k, m) shared, or (B, k, m)."""
        expected = f"({m},) or (k, {m}) shared, or ({size}, k, {m}): ydata has {m} points"
        if x.ndim not in (1, 2, 3) or x.shape[-1] != m or (x.ndim == 3 and x.shape[0] != size):
            raise shape_error("xdata", x, expected)
        self.rows("xdata", x, m)
        if x.ndim == 3:
            return self.add("point", np.swapaxes(x, 1, 2), 2)
        return self.add("row", x.T, 1)

    def rows(self, name: str, array: np.ndarray, m: int) -> None:
        if self.m is not None and self.m != m:
            raise shape_error(name, array, f"{self.m} rows of data, as the arrays before it have")
        self.m = m

    def problem(self, fun: Callable[..., Any], kind: str, inputs: list[Any], names: tuple[str, ...]) -> Problem:
        a = self.arrays
        parts = (a["problem"], a["point"], a["row"], a["call"])
        return Problem(fun, kind, tuple(inputs), self.x0, *parts, self.m or 1, self.single, names)
