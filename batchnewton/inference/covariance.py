"""Covariances at the answers, by the CPU: inverses of curvatures."""

from __future__ import annotations

import numpy as np

from batchnewton.kernels import inverse as invert
from batchnewton.problem import Problem
from batchnewton.schedule import chunks, derivatives
from batchnewton.threads import for_each


def covariances(problem: Problem, x: np.ndarray, kind: str, freedom: np.ndarray | None, threads: int) -> np.ndarray:
    """Covariances at x, by the CPU: of curvature ``kind``, scaled by the variance of the data where ``freedom`` says
    how many degrees it has.

    Chunk by chunk and in place: temporary arrays of a large batch would take longer than the work.
    """
    f, _, cov = derivatives(problem, x, kind, threads)

    def work(rows: slice) -> int:
        apart = None if problem.box is None else held(problem, x[rows], rows)
        if apart is not None:
            np.copyto(cov[rows], np.eye(problem.n), where=apart)
        factor = np.ones(len(cov[rows])) if freedom is None else variance_of(f[rows], freedom[rows])
        invert_in_place(cov[rows], factor)
        if apart is not None:
            cov[rows][apart] = 0.0
        return rows.stop - rows.start

    for_each(work, list(chunks(problem, threads)), problem.size, threads, np.zeros(1, np.int8))
    return cov


def apart_from_others(problem: Problem, x: np.ndarray, rows: slice) -> np.ndarray:
    """Unknowns of some problems that are fixed or ended at a bound."""
    return problem.at_bound(x, rows) | problem.fixed[rows]


def held(problem: Problem, x: np.ndarray, rows: slice) -> np.ndarray:
    """The elements of the matrices of some problems that belong to such unknowns."""
    apart = apart_from_others(problem, x, rows)
    return apart[:, :, None] | apart[:, None, :]


def variance_of(f: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """``2 f / degrees of freedom``, in float64; infinite where there are none."""
    return np.where(freedom > 0, 2.0 * f.astype(np.float64) / np.maximum(freedom, 1), np.inf)


def invert_in_place(matrices: np.ndarray, factor: np.ndarray) -> None:
    """Symmetric matrices become their inverses, each times its factor; infinite where one is not positive definite:
    where the smallest eigenvalue, its diagonal scaled to 1, is not above 4 n ε."""
    least, found = 4 * matrices.shape[1] * np.finfo(matrices.dtype).eps, np.empty(len(matrices), np.int8)
    invert.inverses(matrices, least, factor, matrices, found, False)
    unsure = np.flatnonzero(found == invert.UNSURE)
    if unsure.size:
        some = matrices[unsure]
        scale = np.sqrt(np.diagonal(some, axis1=1, axis2=2))
        singular = np.linalg.eigvalsh(some / scale[:, :, None] / scale[:, None, :])[:, 0] <= least
        invert.inverses(some, 0.0, factor[unsure], some, np.empty(len(some), np.int8), True)
        matrices[unsure], found[unsure[singular]] = some, invert.SINGULAR
    matrices[found == invert.SINGULAR] = np.inf
