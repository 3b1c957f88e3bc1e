"""A batch whose arrays lie on a GPU: one launch a phase, nothing is copied but what the kernels overwrite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .arrays import on_host, there
from .engine import Arrays, Engine, sources
from .kernels.converge import NOT_FINITE_AT_START
from .kernels.history import COLUMNS
from .methods import Phase
from .options import Options
from .problem import Problem
from .slot import NO_HISTORY, Ends, left_over, statuses


@dataclass(frozen=True)
class Landed:
    """How a batch left the GPU on which its arrays lie.

    Attributes
    ----------
    answers : tuple
        x, fun, status, nit, nfev, there; the status of what the fast path left is NOT_RUN.
    left, bad : numpy.ndarray
        Numbers of the problems that it left, and of those that were not finite at their start; on the host.
    code, top : Any
        As in `Ends`, there.
    seen : numpy.ndarray
        The history, on the host.
    """

    answers: tuple[Any, ...]
    left: np.ndarray
    bad: np.ndarray
    code: Any
    top: Any
    seen: np.ndarray

    def ends(self) -> Ends:
        """The same, on the host."""
        return Ends(slice(0, len(self.code)), on_host(self.code), on_host(self.top), self.seen)


def solve(problem: Problem, sequences: Sequence[Sequence[Phase]], options: Options) -> Landed:
    """Solve a batch whose arrays lie on a GPU, one launch a phase."""
    import cupy
    from numba import cuda

    gpu, dtype, size = problem.gpu, options.dtype, problem.size
    assert gpu is not None
    with cupy.cuda.Device(gpu), cuda.gpus[gpu]:
        cupy.cuda.get_current_stream().synchronize()  # what the arrays wait for may be on another stream
        engine = Engine(problem, sequences, options)
        x = cupy.array(problem.x0, dtype, copy=True, order="C")
        given = [cupy.ascontiguousarray(cupy.asarray(one), dtype).ravel() for one in sources(problem)[1:]]
        fun, top = cupy.empty(size, dtype), cupy.empty(size, dtype)
        code, nit, nfev = (cupy.zeros(size, kind) for kind in (np.int8, np.int32, np.int32))
        queue = cupy.zeros(len(engine.steps), np.int32)
        seen = cupy.empty(size * engine.width * COLUMNS, np.float64) if options.history else None
        rough = [cupy.empty(one.size, np.float32) for one in (x, fun, top, *given)] if engine.mixed else []
        kept = cupy.empty(x.size, dtype) if engine.renewed else None
        best = [cupy.empty(one.size, dtype) for one in (x, fun)] if engine.keeps else []
        cupy.cuda.get_current_stream().synchronize()
        on = arrays_in_place(x.ravel(), fun, top, (code, nit, nfev), queue, given, seen, rough, kept, best)
        engine.launch(0, replace(on, ends=engine.room(size)))
        cuda.synchronize()
        left, bad = (on_host(these.nonzero()[0]) for these in (left_over(code), code == NOT_FINITE_AT_START))
        if bad.size:
            at = there(bad, x)
            x[at], fun[at] = cupy.asarray(problem.x0)[at], np.nan
        history = NO_HISTORY if seen is None else seen.reshape(size, -1, COLUMNS)[:, : int(nfev.max())].get()
        return Landed((x, fun, statuses(cupy, code), nit, nfev), left, bad, code, top, history)


def arrays_in_place(
    x: Any, fun: Any, top: Any, counts: Any, queue: Any, given: Any, seen: Any, rough: Any, kept: Any, best: Any
) -> Arrays:
    """What the phases work on: CuPy's arrays as Numba's, for which there are kernels already."""
    from numba import cuda

    def as_numba(array: Any) -> Any:
        return None if array is None else cuda.as_cuda_array(array, sync=False)

    x, fun, top, queue, seen, kept = map(as_numba, (x, fun, top, queue, seen, kept))
    code, nit, nfev = map(as_numba, counts)
    copies = None
    if rough:
        x_rough, fun_rough, top_rough, *given_rough = map(as_numba, rough)
        copies = Arrays(x_rough, fun_rough, top_rough, code, nit, nfev, queue, given_rough, seen)
    return Arrays(
        x, fun, top, code, nit, nfev, queue, list(map(as_numba, given)), seen, copies, kept, list(map(as_numba, best))
    )
