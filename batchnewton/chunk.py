"""Some problems of a batch, in one precision, as the kernels take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import compile as compiler
from .arrays import on_host, one_row, rows_of
from .kernels.cpu import TABLE
from .problem import Problem

NOWHERE = np.empty((0, TABLE), np.int64)


@dataclass(eq=False)
class Chunk:
    """Arrays of some problems in one precision, as the kernels take them."""

    x0: np.ndarray
    args: list[np.ndarray]
    data: list[np.ndarray]
    X: np.ndarray
    A: np.ndarray
    m: int
    masks: list[np.ndarray | None] | None = None

    @property
    def shared(self) -> tuple[Any, ...]:
        return addresses(self.args), addresses(self.data, self.masks), self.X, self.A, self.m


def addresses(arrays: list[np.ndarray], masks: list[np.ndarray | None] | None = None) -> np.ndarray:
    """For each array where it lies, how long its last axis is, and how far it is from one problem to the next (0 where
    all share the only row); the same of its mask, if it has one."""
    if not arrays:
        return NOWHERE
    where = [
        (place(one), one.shape[-1], stride(one), *((0, 0) if mask is None else (place(mask), stride(mask))))
        for one, mask in zip(arrays, masks or [None] * len(arrays), strict=True)
    ]
    return np.array(where, np.int64)


def place(array: np.ndarray) -> int:
    """Where the array lies."""
    return array.__array_interface__["data"][0]


def stride(array: np.ndarray) -> int:
    """Values from one problem to the next."""
    return array.size // len(array) if len(array) > 1 else 0


def kernel(problem: Problem, derive: str, step: str | None, dtype: np.dtype) -> compiler.Kernel:
    """A kernel of the problem's formula, for data of which rows may be missing or not."""
    return compiler.kernel(problem.signature, derive, step, dtype)


def chunk(
    problem: Problem, rows: Any, X: np.ndarray, A: np.ndarray, dtype: np.dtype, x: np.ndarray | None = None
) -> Chunk:
    """Arrays of some rows, converted where the precision differs (not copied where it does not)."""

    start = single_or_double(on_host(rows_of(problem.x0 if x is None else x, rows)), dtype)
    args, data = columns(problem, problem.gaps is not None)
    parts = [single_or_double(on_host(one_row(rows_of(one, rows))), dtype) for one in (*args, *data)]
    masks: list[np.ndarray | None] | None = None
    if problem.mask is not None and problem.gaps is not None:
        mask = np.ascontiguousarray(one_row(problem.mask[rows]))
        masks = [mask if i == problem.gaps else None for i in range(len(data))]
    return Chunk(start, parts[: len(args)], parts[len(args) :], X, A, problem.m, masks)


def columns(problem: Problem, gaps: bool = False) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Arrays of each problem's own scalars and data; behind them, where data are missing, what tells the kernels, but
    for those that see ``gaps``."""
    args, data = list(problem.args), list(problem.data)
    if problem.box is not None:
        args += problem.box
    if problem.missing and not gaps:
        args += [problem.points()[:, None]]
    if problem.mask is not None and not gaps:
        data += [problem.mask[:, :, None]]
    return args, data


def shared_data(problem: Problem, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Shared columns, one after the other, each of m values; and the scalars of the call."""
    columns = [single_or_double(on_host(one).T, dtype).ravel() for one in problem.rows]
    scalars = [single_or_double(on_host(one), dtype) for one in problem.call]
    return joined(columns, dtype), joined(scalars, dtype)


def joined(arrays: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """One behind the other."""
    return np.concatenate(arrays) if len(arrays) > 1 else arrays[0] if arrays else np.empty(0, dtype)


def single_or_double(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The array in one piece and of this precision, itself where it is that; what float32 cannot hold is infinite."""
    if array.dtype == dtype:
        return np.ascontiguousarray(array)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(array, dtype)
