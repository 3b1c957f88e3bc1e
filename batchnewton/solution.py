"""Arrays of the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arrays import on_host, put, rows_of
from .kernels import status
from .kernels.history import COLUMNS
from .problem import Problem

HELD = 1e-5  # of an unknown: what rounding to float32 may change
ANSWERS = ("x", "fun", "status", "nit", "nfev")


@dataclass
class Solution:
    """Arrays of the answers, in the order of the problems; ``there`` those of them that lie on a GPU, by name, of which
    the host makes a copy when it asks for it."""

    x: np.ndarray
    fun: np.ndarray
    status: np.ndarray
    nit: np.ndarray
    nfev: np.ndarray
    histories: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    there: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def empty(cls, problem: Problem, dtype: np.dtype) -> Solution:
        size = problem.size
        state, nit, nfev = np.empty(size, np.int8), np.zeros(size, np.int32), np.zeros(size, np.int32)
        state.fill(status.NOT_RUN)
        return cls(np.empty((size, problem.n), dtype), np.empty(size, dtype), state, nit, nfev)

    def put(self, rows: np.ndarray, other: Solution) -> None:
        """The answers of some problems."""
        for name in ("x", "fun", "nit", "nfev", "status"):  # the status says that the rest is there
            getattr(self, name)[rows] = getattr(other, name)
        self.histories += [(rows[within], part) for within, part in other.histories]

    def take(self, found: Sequence[Any], rows: Any = slice(None)) -> None:
        """Answers of some problems, from where they are."""
        for name, array in zip(ANSWERS, found, strict=True):
            getattr(self, name)[rows] = on_host(rows_of(array, rows))

    def stay(self, found: Sequence[Any], rows: np.ndarray) -> None:
        """The answers stay where they are, on a GPU; those of the problems ``rows`` are the host's."""
        for name, array in zip(ANSWERS, found, strict=True):
            if rows.size:
                put(array, rows, getattr(self, name)[rows])
            delattr(self, name)
        self.there = dict(zip(ANSWERS, found, strict=True))

    def where_it_lies(self, name: str) -> Any:
        """One of the answers, on the host or a GPU."""
        return self.there[name] if name in self.there else getattr(self, name)

    def __getattr__(self, name: str) -> np.ndarray:
        there = self.__dict__.get("there", {})
        if name not in there:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        setattr(self, name, on_host(there[name]))
        return getattr(self, name)

    def put_rounded(self, rows: np.ndarray, x: np.ndarray, fun: np.ndarray, state: np.ndarray, start: Any) -> None:
        """Answers of float64 of some problems.  A success that float32 cannot hold, as 1e-40 or 1e40, is STALLED."""
        with np.errstate(over="ignore", under="ignore"):  # what diverged may be beyond float32, too
            self.x[rows], self.fun[rows] = x, fun
        if self.x.dtype == np.float32:
            with np.errstate(invalid="ignore"):
                near = np.abs(self.x[rows] - x) <= HELD * np.maximum(np.abs(x), 0.01 * np.abs(on_host(start)))
            state = np.where((state == status.CONVERGED) & ~near.all(1), status.STALLED, state)
        self.status[rows] = state

    def refuse(self, problem: Problem, rows: np.ndarray, state: int) -> None:
        """Problems that cannot be solved keep their start."""
        if rows.any():
            self.x[rows], self.fun[rows], self.status[rows] = on_host(problem.x0)[rows], np.nan, state
            self.nit[rows] = self.nfev[rows] = 0

    def history(self) -> np.ndarray:
        """f, max |g|, the step and alpha of every evaluation, (B, most evaluations, COLUMNS), NaN behind the last of
        each problem."""
        width = max((part.shape[1] for _, part in self.histories), default=0)
        full = np.full((len(self.x), width, COLUMNS), np.nan)
        for rows, part in self.histories:
            full[rows, : part.shape[1]] = part
        full[np.arange(width) >= self.nfev[:, None]] = np.nan
        return full

    def forget_unfinished(self, problem: Problem) -> None:
        """What has not come to its end keeps its start."""
        rows = self.status < 0
        self.status[rows] = status.NOT_RUN
        self.x[rows], self.fun[rows] = on_host(problem.x0)[rows], np.nan
        self.nit[rows] = self.nfev[rows] = 0
