"""Bounds in a patient search, for one problem: which unknowns are held, and where a step stops."""

from .bounded import EPS, jit


@jit
def is_held(x, g, lo, hi):
    """Whether an unknown stays at its bound: there, its gradient points out of the box."""
    return (x <= lo and g > 0.0) or (x >= hi and g < 0.0) or lo >= hi


@jit
def without_held(A, x, g, lo, hi, scale, free, n):
    """A without the unknowns that are held, in ``free``: their rows and columns are those of a unit matrix, in relative
    coordinates times the size of A."""
    for i in range(n):
        for j in range(n):
            free[i, j] = A[i, j]
    for i in range(n):
        if is_held(x[i], g[i], lo[i], hi[i]):
            size = abs(A[i, i]) * scale[i] * scale[i]
            for j in range(n):
                free[i, j] = free[j, i] = 0.0
            free[i, i] = (size if size > 0.0 else 1.0) / (scale[i] * scale[i])


@jit
def confine(c, y, scale, lo, hi, n):
    """Stop each unknown of the step y from c at its bound; returns whether any did."""
    cut = False
    for i in range(n):
        end = c[i] + scale[i] * y[i]
        if y[i] < 0.0 and end <= lo[i]:
            y[i] = (lo[i] - c[i]) / scale[i]
            cut = True
        elif y[i] > 0.0 and end >= hi[i]:
            y[i] = (hi[i] - c[i]) / scale[i]
            cut = True
    return cut


@jit
def landed(x, c, lo, hi):
    """A trial point within rounding of a bound, or beyond it, lies on it."""
    if x <= lo + 4 * EPS * (abs(c) + abs(lo)):  # NaN where there is no bound
        return lo
    if x >= hi - 4 * EPS * (abs(c) + abs(hi)):
        return hi
    return x
