"""A batch of problems: a formula with its sizes and arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from .arrays import on_host, one_row, rows_of
from .bounds import Box, touching
from .derive import Input
from .fingerprint import Signature, fingerprint, signature
from .kernels.formula import GAPS
from .losses import SCORES

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
    columns : tuple of bool
        The columns that the formula adds to xdata (`reading`): which hold one number for all points of a curve.
    """

    f: Callable[..., Any]
    given: tuple[str, ...]
    noise: str = "gaussian"
    correlated: bool = False
    likelihood: str | None = None
    columns: tuple[bool, ...] = ()


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
    omit : tuple of int
        Numbers of the arrays in ``data`` whose NaNs leave out their rows: ydata first.
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
    labels : tuple of str
        What the user calls each input; empty where its level and number say it.
    batch : int, optional
        Problems of the batch, where these are only those with NaN in it: what is chosen by its size is so for them,
        too, however many they are.
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
    omit: tuple[int, ...] = ()
    library: str = "numpy"
    curve: Curve | None = None
    observed: bool = False
    summands: int | None = None
    box: Box | None = None
    moved: np.ndarray | None = None
    labels: tuple[str, ...] = ()
    batch: int | None = None

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
    def whole(self) -> int:
        """Number of problems of the batch that they are a part of."""
        return self.batch or self.size

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
        return None if self.mask is None or not self.omit else self.omit[0]

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
        for i in self.omit:
            there = there & ~on_host(np.isnan(rows_of(self.data[i], rows)).any(2))
        return there

    def take(self, rows: np.ndarray) -> Problem:
        """Some problems, in any order, perhaps several times."""
        parts = {name: [rows_of(array, rows) for array in getattr(self, name)] for name in ("args", "data")}
        counts, mask = (None if array is None else array[rows] for array in (self.counts, self.mask))
        box = None if self.box is None else (self.box[0][rows], self.box[1][rows])
        return replace(self, x0=rows_of(self.x0, rows), counts=counts, mask=mask, box=box, **parts)

    def without_nan(self, rows: np.ndarray) -> Problem:
        """Some problems, their NaNs left out."""
        return replace(self.take(rows), counts=None, mask=self.present(rows), batch=self.whole)

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
