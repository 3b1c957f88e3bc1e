"""A batch of problems: a formula with its sizes and arrays, checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from types import FunctionType
from typing import Any

import numpy as np

from .arrays import Shared, library, real, shape_error
from .bounds import Box, boxed, check_bounds, start_within
from .derive import Input
from .fingerprint import Formula, Signature, fingerprint, signature
from .losses import LOSSES, NEEDS, check_loss, check_scale, likelihood, robust
from .missing import check_counts, check_mask, is_ragged, padded_curves

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
    counts : (B,) array, optional
        Problem b has the first ``counts[b]`` rows of the data.
    mask : (B, m) array, optional
        Problem b has the rows where ``mask[b]``.
    omit : int, optional
        Number of the array in ``data`` whose NaNs leave out their rows.
    library : str
        Library of the answers: "numpy", or that of the arrays which lie on a GPU.
    box : pair of (B, n) arrays, optional
        Lower and upper bounds of the unknowns; equal where one is fixed.
    curve : bool
        Each row of the data is one measured point, whatever the ``kind``.
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
    counts: np.ndarray | None = None
    mask: np.ndarray | None = None
    omit: int | None = None
    library: str = "numpy"
    curve: bool = False
    box: Box | None = None

    @cached_property
    def formula(self) -> Formula:
        """The formula with its key, worked out once."""
        return fingerprint(self.fun)

    @cached_property
    def signature(self) -> Signature:
        """What kernels are made for."""
        return signature(self.formula, self.inputs, self.missing, self.box is not None)

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

    @cached_property
    def fixed(self) -> np.ndarray:
        """Which unknowns are fixed, (B, n)."""
        return np.zeros((1, self.n), bool) if self.box is None else self.box[0] == self.box[1]

    def at_bound(self, x: np.ndarray, rows: Any = slice(None)) -> np.ndarray:
        """Which unknowns that are not fixed lie at a bound, at x of some problems."""
        if self.box is None:
            return np.zeros(x.shape, bool)
        lower, upper = (one[rows].astype(x.dtype) for one in self.box)
        return ((x <= lower) | (x >= upper)) & ~self.fixed[rows]

    def free(self, rows: Any = slice(None)) -> Any:
        """Unknowns of each of these problems that are not fixed."""
        return self.n if self.box is None else self.n - self.fixed[rows].sum(1)

    @property
    def counted(self) -> bool:
        """Whether there must be as many residuals as unknowns."""
        return self.kind == "least-squares" or self.curve

    @property
    def missing(self) -> str | None:
        """How the kernels learn which rows a problem has."""
        return "mask" if self.mask is not None else "counts" if self.counts is not None else None

    def points(self, rows: Any = slice(None)) -> np.ndarray:
        """Data rows that each of these problems has."""
        if self.mask is not None:
            return self.mask[rows].sum(1)
        if self.counts is not None:
            return self.counts[rows]
        return np.full(len(self.x0[rows]), self.m)

    def present(self, rows: Any) -> np.ndarray:
        """Data rows of some problems that are there and hold no NaN that is to be left out, (rows, m)."""
        there = np.arange(self.m) < self.points(rows)[:, None] if self.mask is None else self.mask[rows]
        return there if self.omit is None else there & ~np.isnan(self.data[self.omit][rows]).any(2)

    def without_nan(self, rows: np.ndarray) -> Problem:
        """Some problems, their NaNs left out."""
        return replace(self.some(rows), counts=None, mask=self.present(rows), omit=None)

    def some(self, rows: np.ndarray) -> Problem:
        """Some problems, in any order, some perhaps several times."""
        parts: dict[str, Any] = {name: [array[rows] for array in getattr(self, name)] for name in ("args", "data")}
        for name in ("x0", "counts", "mask"):
            array = getattr(self, name)
            parts[name] = None if array is None else array[rows]
        box = None if self.box is None else (self.box[0][rows], self.box[1][rows])
        return replace(self, box=box, **parts)


def from_function(
    kind: str,
    fun: Any,
    x0: Any,
    args: Any,
    data: Any,
    counts: Any = None,
    mask: Any = None,
    loss: Any = "linear",
    f_scale: Any = 1.0,
    bounds: Any = None,
    fixed: Any = None,
) -> Problem:
    """Problems of ``fun(x, *args, *row)``, as `minimize`, `least_squares` and `root` take them."""
    check_loss(loss, likelihoods=False)
    check_callable("fun", fun)
    start = real("x0", x0)
    if start.ndim not in (1, 2):
        raise shape_error("x0", start, "(n,) for one problem or (B, n) for a batch")
    single = start.ndim == 1
    start = start[None] if single else start
    check_batch("x0", start)
    start, box = boxed(start, bounds, fixed)
    build = _Builder(start, single)
    inputs: list[Any] = [Input("x", (start.shape[1],), "unknown")]
    inputs += [build.argument(i, one) for i, one in enumerate(sequence("args", args))]
    inputs += [build.column(f"data[{i}]", one) for i, one in enumerate(sequence("data", data))]
    names = tuple(f"x{i}" for i in range(start.shape[1]))
    if not (isinstance(loss, str) and loss == "linear"):
        kind, fun = "minimize", robust(fun, LOSSES[loss] if isinstance(loss, str) else loss)
        inputs = [build.scale(f_scale), *inputs]
    problem = build.problem(fun, kind, inputs, names, counts, mask, box=box)
    found = library((x0, *sequence("args", args), *sequence("data", data)))
    return problem if found == "numpy" else replace(problem, library=found)


def from_curve(
    f: Any,
    xdata: Any,
    ydata: Any,
    p0: Any,
    sigma: Any,
    counts: Any = None,
    mask: Any = None,
    nan: str = "omit",
    loss: Any = "linear",
    f_scale: Any = 1.0,
    trials: Any = None,
    bounds: Any = None,
    fixed: Any = None,
) -> Problem:
    """Problems of fitting ``f(x, a, b, ...)`` to (xdata, ydata), as `curve_fit` takes them."""
    check_callable("f", f)
    check_loss(loss, likelihoods=True)
    check_numbers(loss, sigma, trials)
    ragged = is_ragged(ydata)
    if ragged and counts is not None:
        raise ValueError(
            "counts is given, but ydata is a list of curves that have their own lengths; expected one of both"
        )
    if ragged:
        xdata, ydata, sigma, counts = padded_curves(xdata, ydata, sigma)
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
    if p0 is None and bounds is not None:
        start = start_within(check_bounds(bounds, size, n) or (start - np.inf, start + np.inf))
    start = np.broadcast_to(start, (size, n)) if start.ndim == 1 else start
    check_batch("p0", start)
    start, box = boxed(start, bounds, fixed)
    m = y.shape[-1]
    if nan == "raise" and np.isnan(y).any():
        where = tuple(int(i) for i in np.argwhere(np.isnan(y))[0])
        raise ValueError(
            f"ydata holds NaN, the first at {where}; expected none with nan='raise' (nan='omit' leaves it out)"
        )
    if nan == "omit" and y.ndim == 1 and np.isnan(y).any():
        mask = ~np.isnan(y) if mask is None else ~np.isnan(y) & check_mask(mask, size, m)
    build = _Builder(start, False)
    inputs = [build.coordinates(real("xdata", xdata), m, size, ragged)]
    own_y = len(build.arrays["point"]) if nan == "omit" and y.ndim == 2 else None
    inputs += [build.column("ydata", y if y.ndim == 2 else Shared(y))]
    for name, value in (("sigma", sigma), ("trials", trials)):
        if value is not None:
            s = real(name, value)
            if s.shape not in ((), (m,), (size, m)):
                raise shape_error(name, s, f"({m},) for all curves or ({size}, {m})")
            inputs += [build.column(name, s if s.ndim == 2 else Shared(np.broadcast_to(s, (m,))))]
    kind, fun = "minimize", weighted(f) if sigma is not None else plain(f)
    if isinstance(loss, str) and loss == "linear":
        kind = "least-squares"
    elif isinstance(loss, str) and loss not in LOSSES:
        fun = likelihood(f, loss)
    else:
        inputs = [build.scale(f_scale), *inputs]
        fun = robust(fun, LOSSES[loss] if isinstance(loss, str) else loss)
    inputs += unknowns(n)
    names = names or tuple(f"x{i}" for i in range(n))
    problem = build.problem(fun, kind, inputs, names, counts, mask, single=single, omit=own_y, curve=True, box=box)
    found = library((ydata, xdata, p0, sigma))
    return problem if found == "numpy" else replace(problem, library=found)


known_input = lru_cache(Input)


@lru_cache
def unknowns(n: int) -> tuple[Input, ...]:
    """n unknowns, each an argument of its own."""
    return tuple(Input(f"x_{i}") for i in range(n))


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


def check_numbers(loss: Any, sigma: Any, trials: Any) -> None:
    """The numbers that the loss takes, and no others."""
    likely = isinstance(loss, str) and loss not in LOSSES
    needed = NEEDS.get(loss) if likely else None
    for name, value in (("sigma", sigma), ("trials", trials)):
        if value is None and needed == name:
            raise ValueError(f"{name} is None; loss={loss!r} needs it: a number, (m,) or (B, m)")
        if value is not None and needed != name and (likely or name == "trials"):
            raise ValueError(f"{name} is given, but loss={loss!r} does not take it")


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
        return known_input(f"{level}{len(stored) - 1}", shape, level)

    def argument(self, i: int, value: Any) -> Input:
        """One of ``args``: a scalar or shared value, or one with a batch axis."""
        array = real(f"args[{i}]", value.value if isinstance(value, Shared) else value)
        if isinstance(value, Shared) or array.ndim == 0 or self.single:
            return self.add("call", array, 0)
        if array.shape[0] != self.x0.shape[0]:
            expected = f"a batch axis of {self.x0.shape[0]}, as x0 has (or bn.shared(...) if it is the same for all)"
            raise shape_error(f"args[{i}]", array, expected)
        return self.add("problem", array, 1)

    def scale(self, f_scale: Any) -> Input:
        """Scale of a loss."""
        scale = check_scale(f_scale, self.x0.shape[0])
        return self.add("problem" if scale.ndim else "call", scale, scale.ndim)

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

    def coordinates(self, x: np.ndarray, m: int, size: int, own: bool) -> Input:
        """``xdata``: (m,), (k, m) shared, or (B, k, m); where each has its ``own``, (B, m) too."""
        expected = f"({m},) or (k, {m}) shared, or ({size}, k, {m}): ydata has {m} points"
        if x.ndim not in (1, 2, 3) or x.shape[-1] != m or (x.ndim == 3 and x.shape[0] != size):
            raise shape_error("xdata", x, expected)
        self.rows("xdata", x, m)
        if own and x.ndim == 2:
            return self.add("point", x, 2)
        if x.ndim == 3:
            return self.add("point", np.swapaxes(x, 1, 2), 2)
        return self.add("row", x.T, 1)

    def rows(self, name: str, array: np.ndarray, m: int) -> None:
        if self.m is not None and self.m != m:
            raise shape_error(name, array, f"{self.m} rows of data, as the arrays before it have")
        self.m = m

    def problem(
        self,
        fun: Callable[..., Any],
        kind: str,
        inputs: list[Any],
        names: tuple[str, ...],
        counts: Any = None,
        mask: Any = None,
        **more: Any,
    ) -> Problem:
        """The problem, once all inputs are there; ``mask`` overrules ``counts``, which it takes in."""
        a = self.arrays
        parts = (a["problem"], a["point"], a["row"], a["call"])
        more = {"single": self.single} | more
        problem = Problem(fun, kind, tuple(inputs), self.x0, *parts, self.m or 1, names=names, **more)
        for name, value in (("counts", counts), ("mask", mask)):
            if value is not None and self.m is None:
                raise ValueError(f"{name} is given, but there are no data whose rows it could count")
        if counts is not None:
            problem = replace(problem, counts=check_counts(counts, problem.size, problem.m))
        if mask is not None:
            given = check_mask(mask, problem.size, problem.m)
            problem = replace(
                problem, counts=None, mask=given & problem.present(slice(None)) if counts is not None else given
            )
        return problem
