"""Some problems of a batch, in one precision, as the kernels take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import compile as compiler
from .arrays import on_host, rows_of
from .problem import Problem

NOWHERE = np.empty((0, 2), np.int64)


@dataclass(eq=False)
class Chunk:
    """Arrays of some problems in one precision, as the kernels take them."""

    x0: np.ndarray
    args: list[np.ndarray]
    data: list[np.ndarray]
    X: np.ndarray
    A: np.ndarray
    m: int

    @property
    def shared(self) -> tuple[Any, ...]:
        return addresses(self.args), addresses(self.data), self.X, self.A, self.m


def addresses(arrays: list[np.ndarray]) -> np.ndarray:
    """For each array where it lies and how long its last axis is."""
    if not arrays:
        return NOWHERE
    return np.array([(one.__array_interface__["data"][0], one.shape[-1]) for one in arrays], np.int64)


def kernel(problem: Problem, derive: str, step: str | None, dtype: np.dtype) -> compiler.Kernel:
    """A kernel of the problem's formula, for data of which rows may be missing or not."""
    return compiler.kernel(problem.signature, derive, step, dtype)


def chunk(
    problem: Problem, rows: Any, X: np.ndarray, A: np.ndarray, dtype: np.dtype, x: np.ndarray | None = None
) -> Chunk:
    """Arrays of some rows, converted where the precision differs (not copied where it does not)."""

    args, data = columns(problem)
    arrays = [problem.x0 if x is None else x, *args, *data]
    parts = [single_or_double(on_host(rows_of(one, rows)), dtype) for one in arrays]
    return Chunk(parts[0], parts[1 : 1 + len(args)], parts[1 + len(args) :], X, A, problem.m)


def columns(problem: Problem) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Arrays of each problem's own scalars and data; behind them, where data are missing, what tells the kernels."""
    args, data = list(problem.args), list(problem.data)
    if problem.box is not None:
        args += problem.box
    if problem.missing:
        args += [problem.points()[:, None]]
    if problem.mask is not None:
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
