"""One trip of Newton's method for a root as the textbook has it: ``x - J⁻¹ r``, whatever becomes of |r|.

To compare with: it diverges, and cycles, from starts from which the damped iteration (``step``) arrives.  It ends as a
success by the same tests only.
"""

from .converge import CONVERGED, ENDED, FINE_ZERO, NOT_FINITE_AT_START, RUNNING, residuals_vanish, within
from .linalg import backward, gradient, orthogonalise
from .status import MAX_ITER, NOT_FINITE, SINGULAR
from .step import residuals_finite


def trip(x, g, r, j, c, d, q, z, lower, inverse, F, F0, trips, moves, limit, tight_x, n, eps):
    """From r and J at x to the next x; returns the state and the exit code.  A point where F is not finite, or J
    singular, is the last; c is the last finite one."""
    first = trips == 0.0
    trips = trips + 1.0
    f = gradient(r, j, g, n)
    finite = residuals_finite(f, j, n)
    vanish = residuals_vanish(r, j, x, n, eps)
    regular, left = orthogonalise(j, r, lower, inverse, z, n, eps)
    backward(lower, inverse, z, n)
    quick = (not first) & (f <= 0.01 * F)
    for i in range(n):
        c[i] = x[i] if finite | first else c[i]
        d[i] = 0.0 - z[i]
        x[i] = c[i] + d[i]
    F = f if finite | first else F
    F0 = f if first else F0
    moves = trips - 1.0 if finite else moves
    moves = 0.0 if first else moves
    last = regular & quick & (not vanish) & within(c, d, q, tight_x, FINE_ZERO, n)  # the step is taken unseen
    found = vanish | last
    rest = f - 0.5 * left  # of |F|² / 2, behind that step: zero, and rounding
    rest = rest if rest > 0.0 else 0.0
    F = rest if last else F
    for i in range(n):
        c[i] = x[i] if last else c[i]
    code = ENDED + MAX_ITER if trips >= limit else RUNNING
    code = code if regular else ENDED + SINGULAR
    code = CONVERGED if found else code
    code = code if finite else ENDED + NOT_FINITE
    code = NOT_FINITE_AT_START if first & (not finite) else code
    return F, F0, trips, moves, code
