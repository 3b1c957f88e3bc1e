"""What happens to the arrays between two phases of mixed precision, on the device."""

# pyright: reportCallIssue=false
# (the signature that pyright sees of `cuda.grid` is that of its stub)

from numba import cuda

from .converge import CONVERGED, HAND_OVER, NEXT_PHASE
from .cuda_lower import SIMULATED

OPTIONS = {} if SIMULATED else dict(cache=True, lto=False)
CLOSED, ONWARD, LEFT = int(CONVERGED), int(NEXT_PHASE), int(HAND_OVER)


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
        if code[b] == CLOSED or code[b] == ONWARD:
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
        if code[b] == LEFT:
            for i in range(b * n, b * n + n):
                x[i] = x0[i]
            code[b] = ONWARD
