"""The patient path on CUDA: one trip of many searches, a thread for each problem; the text is the CPU's (``trust``).

No formula is in here: f, g, H at the trial points are another kernel's (`cuda_derivatives`, ``listed``), so that this
one is compiled once for all formulas.  A problem's state lies in global memory, in groups of `TOGETHER` problems whose
numbers lie side by side on the last axis: neighbouring threads read neighbouring numbers.
"""

# pyright: reportCallIssue=false
# (the signature that pyright sees of `cuda.grid` is that of its stub)

import math
from types import FunctionType
from typing import Any

from numba import cuda
from numba.core.dispatcher import Dispatcher

from . import cache, trust_end, trust_roots
from .cuda_derivatives import TOGETHER
from .cuda_lower import SIMULATED
from .trust_end import DONE
from .trust_state import RESIDUALS, ROOT, G

OPTIONS = {} if SIMULATED else dict(cache=True, lto=False)
if not SIMULATED:
    cache.on_cuda_too()


def device(function: Any) -> Any:
    """A compiled function of the CPU, for kernels: NVVM compiles its text.  In the simulator it is Python, and so is
    whatever it calls."""
    if not SIMULATED:
        return function
    code, known = function.py_func.__code__, function.py_func.__globals__
    used = {name: known[name] for name in code.co_names if name in known}
    called = {name: device(one) for name, one in used.items() if isinstance(one, Dispatcher)}
    return FunctionType(code, known | called)


start_first, take_trip = device(trust_end.start_first), device(trust_end.take_trip)
squared = device(trust_roots.squared)


@cuda.jit(**OPTIONS)
def begin(kind, hybrid, x0, scalars, vectors, fun, attempt, rows):
    """Every search at its start."""
    n = x0.shape[1]
    for p in range(cuda.grid(1), fun.size, cuda.gridsize(1)):
        group, at = p // TOGETHER, p % TOGETHER
        start_first(kind, hybrid, x0[p], vectors[:, group, :, at], scalars[group, :, at], n)
        fun[p], attempt[p], rows[p] = math.nan, 0, p


@cuda.jit(**OPTIONS)
def trip(
    rows, count, onward, left, kind, hybrid, limit, value, trial, current, scalars, vectors, x0, best, lowest, end, fun,
    state, nit, nfev, attempt, low, high, seen, width, M, V,
):  # fmt: skip
    """One trip of the first ``count[0]`` problems of ``rows``; those that go on, ``left[0]`` of them, to ``onward``.

    ``low`` and ``high`` are (problems, n), or (1, n) where all have the same bounds; M and V hold a room for each
    thread.
    """
    n, thread = x0.shape[1], cuda.grid(1)
    for at in range(thread, count[0], cuda.gridsize(1)):
        p = rows[at]
        group, k = p // TOGETHER, p % TOGETHER
        v, there, f = vectors[:, group, :, k], trial[:, group, :, :, k], value[p]
        if kind == ROOT:
            f = squared(v[RESIDUALS], there[there.shape[0] - 1], v[G], there[0], n)
        bound = min(p, low.shape[0] - 1)
        attempt[p] = take_trip(
            kind, hybrid, attempt[p], p, f, there, current[:, group, :, :, k], v, scalars[group, :, k], limit, x0[p],
            best[p], lowest, end[p], fun, state, nit, nfev, seen, width, low[bound], high[bound],
            M[:, :, :, thread], V[:, :, thread], n,
        )  # fmt: skip
        if attempt[p] != DONE:
            onward[cuda.atomic.add(left, 0, 1)] = p
