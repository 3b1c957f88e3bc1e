"""Arrays of the answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arrays import on_host
from .kernels import status
from .kernels.history import COLUMNS
from .problem import Problem


@dataclass
class Solution:
    """Arrays of the answers, in the order of the problems."""

    x: np.ndarray
    fun: np.ndarray
    status: np.ndarray
    nit: np.ndarray
    nfev: np.ndarray
    histories: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

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

    def take(self, x: Any, fun: Any, state: Any, nit: Any, nfev: Any) -> None:
        """Answers of all problems, from where they are."""
        found = dict(x=x, fun=fun, status=state, nit=nit, nfev=nfev)
        for name, array in found.items():
            getattr(self, name)[:] = on_host(array)

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
        rows = self.status == status.NOT_RUN
        self.x[rows], self.fun[rows] = problem.x0[rows], np.nan
        self.nit[rows] = self.nfev[rows] = 0
