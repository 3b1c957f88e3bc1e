"""A batch of problems: a formula with its sizes and arrays, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from .arrays import LISTS, Shared, library, on_host, one_row, real, rows_of, shape_error
from .bounds import Bounded, Box, boxed, bracketed, touching
from .derive import Input, values
from .fingerprint import Formula, Signature, fingerprint, signature
from .kernels.lanes import GAPS
from .losses import LOSSES, SCORES, check_loss, check_scale, robust, squares
from .methods import LARGE
from .missing import check_counts, check_mask
from .prior import check_prior, penalized

LARGEST = LARGE  # unknowns, with the methods that need no Hessian
STORED = {"problem": "args", "point": "data", "row": "rows", "call": "call"}  # where the arrays of a level are


@dataclass(eq=False)
class Curve:
    """A curve that is fitted.

    Attributes
    ----------
    f : callable
        ``f(x, a, b, ...)``, as the user wrote it.
    given : tuple of str
        Names of the inputs that come before the unknowns: "xdata", "ydata", "sigma", ...
    noise : {"gaussian", "robust", "likelihood"}
        What the cost says of the data: half a sum of squares, of a loss, or a likelihood.
    correlated : bool
        Whether sigma was a covariance: "xdata" then holds all points of a curve, "ydata" is W y, and "whitening" W
        (``correlated.py``).
    likelihood : str, optional
        Its name, where the noise is "likelihood".
    """

    f: Callable[..., Any]
    given: tuple[str, ...]
    noise: str = "gaussian"
    correlated: bool = False
    likelihood: str | None = None


@dataclass(eq=False)
class Problem:
    """A formula and the arrays of a batch.  Nothing changes it: `replace` makes another.

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
    curve : Curve, optional
        What is known of the formula and its inputs where curves are fitted.
    box : pair of (B, n) arrays, optional
        Lower and upper bounds of the unknowns; equal where one is fixed.  Of a root: the ends of its bracket.
    moved : (B, n) array of bool, optional
        Which starts lay outside their bounds, and were moved.
    observed : bool
        There must be as many data rows as unknowns, whatever the ``kind``.
    summands : int, optional
        Residuals of a data row, where the formula is the sum of their losses.
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
    curve: Curve | None = None
    observed: bool = False
    summands: int | None = None
    box: Box | None = None
    moved: np.ndarray | None = None

    @property
    def signature(self) -> Signature:
        """What kernels are made for, worked out once."""
        known = self.__dict__.get("_signature")
        if known is None:
            missing = self.missing if self.gaps is None else f"{GAPS}{self.gaps}"
            known = signature(fingerprint(self.fun), self.inputs, missing, self.box is not None)
            self.__dict__["_signature"] = known
        return known

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
        if self.box is None:
            return np.broadcast_to(False, (self.size, self.n))
        lower, upper = map(one_row, self.box)
        return np.broadcast_to(lower == upper, (self.size, self.n))

    def at_bound(self, x: np.ndarray, rows: Any = slice(None)) -> np.ndarray:
        """Which unknowns that are not fixed lie at a bound, at x of some problems."""
        if self.box is None:
            return np.zeros(x.shape, bool)
        lower, upper = (one_row(one[rows]).astype(x.dtype, copy=False) for one in self.box)
        there = touching(x, (lower, upper))
        fixed = one_row(self.fixed[rows])
        return there & ~fixed if fixed.any() else there

    def free(self, rows: Any = slice(None)) -> Any:
        """Unknowns of each of these problems that are not fixed; a single number where it is the same for all."""
        return self.n if self.box is None else self.n - one_row(self.fixed[rows]).sum(1)

    @property
    def bracketed(self) -> bool:
        """Whether a root is searched between two ends, which are the ``box``."""
        return self.kind == "root" and self.box is not None

    @property
    def counted(self) -> bool:
        """Whether there must be as many residuals as unknowns."""
        return self.kind == "least-squares" or self.observed

    @property
    def scored(self) -> bool:
        """Whether the cost is a likelihood alone whose expected Hessian is known."""
        return self.curve is not None and self.observed and self.curve.likelihood in SCORES

    @property
    def missing(self) -> str | None:
        """How the kernels learn which rows a problem has."""
        return "mask" if self.mask is not None else "counts" if self.counts is not None else None

    @property
    def gaps(self) -> int | None:
        """Number of the array in ``data`` in which NaN tells the kernels of the CPU what the ``mask`` leaves out."""
        return None if self.mask is None else self.omit

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
        return there if self.omit is None else there & ~on_host(np.isnan(rows_of(self.data[self.omit], rows)).any(2))

    def take(self, rows: np.ndarray) -> Problem:
        """Some problems, in any order, perhaps several times."""
        parts = {name: [rows_of(array, rows) for array in getattr(self, name)] for name in ("args", "data")}
        counts, mask = (None if array is None else array[rows] for array in (self.counts, self.mask))
        box = None if self.box is None else (self.box[0][rows], self.box[1][rows])
        return replace(self, x0=rows_of(self.x0, rows), counts=counts, mask=mask, box=box, **parts)

    def without_nan(self, rows: np.ndarray) -> Problem:
        """Some problems, their NaNs left out."""
        return replace(self.take(rows), counts=None, mask=self.present(rows))

    def place(self, name: str) -> int:
        """Number of the input of a curve that has this name."""
        assert self.curve is not None
        return self.curve.given.index(name)

    def array(self, i: int) -> np.ndarray:
        """The array of input i, as it is stored for its level."""
        level = self.inputs[i].level
        before = sum(one.level == level for one in self.inputs[:i])
        return getattr(self, STORED[level])[before]

    def rearranged(self, changes: Mapping[int, tuple[str, np.ndarray | None]], **more: Any) -> Problem:
        """The problem with some inputs on another level (and the array there; None: unknown, a part of ``x0``).

        Unknowns are gathered to one array, in the order of the inputs; the formula gets them as before.  They have no
        bounds, unless ``more`` says which.
        """
        stored: dict[str, list[Any]] = {name: [] for name in STORED.values()}
        plan: list[tuple[int, int, tuple[int, ...]]] = []
        known: list[Input] = []
        unknowns = 0
        for i, one in enumerate(self.inputs):
            level, array = changes.get(i) or (one.level, None if one.level == "unknown" else self.array(i))
            if level == "unknown":
                plan.append((-1, unknowns, one.shape))
                unknowns += one.size
            else:
                plan.append((len(known), 0, one.shape))
                known.append(Input(f"given{len(known)}", one.shape, level))
                stored[STORED[level]].append(array)
        inputs = Input("x", (unknowns,)), *known
        return replace(
            self, fun=gathered(self.fun, tuple(plan)), inputs=inputs, **{"curve": None, "box": None, **stored, **more}
        )


def gathered(fun: Callable[..., Any], plan: tuple[tuple[int, int, tuple[int, ...]], ...]) -> Callable[..., Any]:
    """The formula with one array of unknowns first: ``plan`` says for each argument which of the others it is (-1: the
    unknowns from there), where it begins, its shape."""

    def whole(x, *known):
        arguments = []
        for which, first, shape in plan:
            if which >= 0:
                arguments.append(known[which])
            elif shape:
                arguments.append(x[first : first + math.prod(shape)].reshape(shape))
            else:
                arguments.append(x[first])
        return fun(*arguments)

    whole.__name__ = getattr(fun, "__name__", "formula")
    return whole


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
    prior: Any = None,
    bracket: Any = None,
) -> Problem:
    """Problems of ``fun(x, *args, *row)``, as `minimize`, `least_squares` and `root` take them."""
    check_loss(loss, likelihoods=False)
    check_callable("fun", fun)
    x0, ends = (x0, None) if bracket is None else bracketed(x0, bracket, sequence("args", args))
    if x0 is None:
        raise TypeError("x0 is None; expected (n,) for one problem or (B, n) for a batch")
    start = real("x0", x0)
    if start.ndim not in (1, 2):
        raise shape_error("x0", start, "(n,) for one problem or (B, n) for a batch")
    single = start.ndim == 1
    start = start[None] if single else start
    check_batch("x0", start)
    names = tuple(f"x{i}" for i in range(start.shape[1]))
    bounded = boxed(start, bounds, fixed, names) if ends is None else Bounded(start, ends, None)
    start, box, moved = bounded
    build = Builder(start, single)
    robustly = not (isinstance(loss, str) and loss == "linear")
    inputs: list[Any] = [build.scale(f_scale)] if robustly else []  # arrays are in the order of the inputs
    inputs += [Input("x", (start.shape[1],), "unknown")]
    inputs += [build.argument(f"args[{i}]", one) for i, one in enumerate(sequence("args", args))]
    inputs += [build.column(f"data[{i}]", one) for i, one in enumerate(sequence("data", data))]
    residual = fun
    if robustly:
        kind, fun = "minimize", robust(fun, LOSSES[loss] if isinstance(loss, str) else loss)
    elif prior is not None and kind == "least-squares":
        kind, fun = "minimize", squares(fun)
    if prior is not None:
        given = ("x", *(f"args[{i}]" for i in range(len(sequence("args", args)))))
        check_prior(prior, given)
        fun = penalized(fun, prior, range(len(inputs)), range(robustly, robustly + len(given)))
    more: dict[str, Any] = {"box": box, "moved": moved}
    if robustly and prior is None:
        more |= {"observed": True, "summands": number_of_values(residual, tuple(inputs[1:]))}
    problem = build.problem(fun, kind, inputs, names, counts, mask, **more)
    found = library((x0, *sequence("args", args), *sequence("data", data)))
    return problem if found == "numpy" else replace(problem, library=found)


def number_of_values(fun: Callable[..., Any], inputs: tuple[Input, ...]) -> int:
    """How many values a formula returns."""
    return counted_values(fingerprint(fun), inputs)


@lru_cache(maxsize=512)
def counted_values(formula: Formula, inputs: tuple[Input, ...]) -> int:
    """`number_of_values` of a formula, traced once."""
    return values(formula.function, inputs)


@lru_cache
def numbered_input(i: int, shape: tuple[int, ...], level: str) -> Input:
    """Input i of a level."""
    return Input(f"{level}{i}", shape, level)


@lru_cache
def unknowns(n: int) -> tuple[Input, ...]:
    """n unknowns, each an argument of its own."""
    return tuple(Input(f"x_{i}") for i in range(n))


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
    return value if isinstance(value, LISTS) else (value,)


class Builder:
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
        return numbered_input(len(stored) - 1, shape, level)

    def argument(self, name: str, value: Any) -> Input:
        """One of ``args``: a scalar or shared value, or one with a batch axis."""
        array = real(name, value.value if isinstance(value, Shared) else value)
        if isinstance(value, Shared) or array.ndim == 0 or self.single:
            return self.add("call", array, 0)
        if array.shape[0] != self.x0.shape[0]:
            expected = f"a batch axis of {self.x0.shape[0]}, as x0 has (or bn.shared(...) if it is the same for all)"
            raise shape_error(name, array, expected)
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

    def coordinates(self, x: np.ndarray, m: int, size: int, own: bool, together: bool = False) -> Input:
        """``xdata``: (m,), (k, m) shared, or (B, k, m); where each has its ``own``, (B, m) too.  The formula gets one
        point, or all of them ``together``."""
        if x.ndim not in (1, 2, 3) or x.shape[-1] != m or (x.ndim == 3 and x.shape[0] != size):
            turned = "; is ydata transposed? It is (B, m)" if m != size == x.shape[-1] else ""
            expected = f"({m},) or (k, {m}) shared, or ({size}, k, {m}): ydata has {m} points{turned}"
            raise shape_error("xdata", x, expected)
        self.rows("xdata", x, m)
        each, all_of_them = ("problem", "call") if together else ("point", "row")
        if own and x.ndim == 2:
            return self.add(each, x, 2 - together)
        if x.ndim == 3:
            return self.add(each, np.swapaxes(x, 1, 2), 2 - together)
        return self.add(all_of_them, x.T, 1 - together)

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
