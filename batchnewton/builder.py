"""What a user gives, checked and collected level by level to a `Problem`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from .arrays import LISTS, Shared, real, shape_error
from .derive import Input
from .losses import check_scale
from .methods import LARGE
from .missing import check_counts, check_mask
from .problem import Problem

LARGEST = LARGE  # unknowns, with the methods that need no Hessian


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


def check_coordinates(x: np.ndarray, m: int, size: int) -> None:
    """xdata has a shape that fits ydata."""
    if x.ndim not in (1, 2, 3) or x.shape[-1] != m or (x.ndim == 3 and x.shape[0] != size):
        turned = "; is ydata transposed? It is (B, m)" if m != size == x.shape[-1] else ""
        expected = f"({m},) or (k, {m}) shared, or ({size}, k, {m}): ydata has {m} points{turned}"
        raise shape_error("xdata", x, expected)


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

    def array(self, inputs: Sequence[Input], i: int) -> Any:
        """The array of input i of these."""
        level = inputs[i].level
        return self.arrays[level][sum(one.level == level for one in inputs[:i])]

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
