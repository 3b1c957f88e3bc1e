"""What happens to the arrays between two phases on the device: of mixed precision, of a method and its certificate."""

# pyright: reportCallIssue=false
# (the signature that pyright sees of `cuda.grid` is that of its stub)

import math

from numba import cuda

from .converge import CONVERGED, DOUBTFUL, HAND_OVER, NEXT_PHASE
from .cuda_lower import SIMULATED
from .history import ALPHA, COLUMNS, STEP

OPTIONS = {} if SIMULATED else dict(cache=True, lto=False)
CLOSED, ONWARD, LEFT, DOUBTED = int(CONVERGED), int(NEXT_PHASE), int(HAND_OVER), int(DOUBTFUL)


@cuda.jit(**OPTIONS)
def convert(source, copy):
    """The same numbers in the precision of ``copy``; what float32 cannot hold is infinite."""
    for i in range(cuda.grid(1), source.size, cuda.gridsize(1)):
        copy[i] = source[i]


@cuda.jit(**OPTIONS)
def refine(code, x, fun, top, x_rough, fun_rough, top_rough, bounded, lower, upper):
    """Where a rough phase came to its end, the next one goes on from there, within the bounds (which float32 may not
    hold); all other problems are left over."""
    n = x.size // code.size
    for b in range(cuda.grid(1), code.size, cuda.gridsize(1)):
        if code[b] == CLOSED or code[b] == ONWARD or code[b] == DOUBTED:
            for i in range(b * n, b * n + n):
                place = x.dtype.type(x_rough[i])
                if bounded:
                    place = lower[i] if place < lower[i] else place
                    place = upper[i] if place > upper[i] else place
                x[i] = place
            fun[b] = fun_rough[b]
            top[b] = top_rough[b]
            code[b] = ONWARD
        else:
            code[b] = LEFT


@cuda.jit(**OPTIONS)
def begin_anew(code, x, x0):
    """What is left over goes back to its start and takes part in the next phase."""
    n = x.size // code.size
    for b in range(cuda.grid(1), code.size, cuda.gridsize(1)):
        if code[b] == LEFT or code[b] == DOUBTED:
            for i in range(b * n, b * n + n):
                x[i] = x0[i]
            code[b] = ONWARD


@cuda.jit(**OPTIONS)
def no_best(low):
    """Nothing has been met yet."""
    for b in range(cuda.grid(1), low.size, cuda.gridsize(1)):
        low[b] = math.inf


@cuda.jit(**OPTIONS)
def give_best(code, x, fun, best, low):
    """What is left over gets the best point that it has met."""
    n = x.size // code.size
    for b in range(cuda.grid(1), code.size, cuda.gridsize(1)):
        if (code[b] == LEFT or code[b] == ONWARD) and low[b] < math.inf:
            fun[b] = low[b]
            for i in range(b * n, b * n + n):
                x[i] = best[i]


@cuda.jit(**OPTIONS)
def measure(size, x):
    """The largest number of each start, by its size."""
    n = x.size // size.size
    for b in range(cuda.grid(1), size.size, cuda.gridsize(1)):
        size[b] = abs(x[b * n])
        for i in range(b * n + 1, b * n + n):
            size[b] = max(size[b], abs(x[i]))


@cuda.jit(**OPTIONS)
def keep_ends(code, x, fun, top, nit, x_end, fun_end, top_end, nit_end, code_end):
    """How a method ended, before its certificate."""
    n = x.size // code.size
    for b in range(cuda.grid(1), code.size, cuda.gridsize(1)):
        fun_end[b], top_end[b], nit_end[b], code_end[b] = fun[b], top[b], nit[b], code[b]
        for i in range(b * n, b * n + n):
            x_end[i] = x[i]


@cuda.jit(**OPTIONS)
def begin_search(code, nfev, seen, width):
    """No step leads to the first evaluation of what is handed on, in the history."""
    for b in range(cuda.grid(1), code.size, cuda.gridsize(1)):
        if code[b] == ONWARD and nfev[b] < width:
            row = COLUMNS * (b * width + nfev[b])
            seen[row + STEP] = seen[row + ALPHA] = 0.0


@cuda.jit(**OPTIONS)
def confirm(code, x, fun, top, nit, x_end, fun_end, top_end, nit_end, code_end, size, close):
    """An end that a certificate confirms has its numbers: Newton's tests held, and no unknown is farther from the end
    than ``close`` times its own size or the start's.  Any other goes back to what it was."""
    n = x.size // code.size
    for b in range(cuda.grid(1), code.size, cuda.gridsize(1)):
        if code_end[b] == ONWARD:
            nit[b] = nit_end[b]
            top[b] = top_end[b]
            good = code[b] == CLOSED
            unit = size[b] if size[b] > 0 else size.dtype.type(1)
            for i in range(b * n, b * n + n):
                good = good and abs(x[i] - x_end[i]) <= close * max(abs(x_end[i]), unit)
            if not good:
                fun[b], code[b] = fun_end[b], ONWARD
                for i in range(b * n, b * n + n):
                    x[i] = x_end[i]
