"""One trip of Newton's method as it is for one problem: ``x - H⁻¹ g``, whatever F does, whatever the signs of H.

For comparison: it converges quadratically where it does, to minima, saddles and maxima alike, and diverges elsewhere.
Nothing here says that a minimum was found (``batchnewton.chosen`` does).
"""

from .converge import (
    AT_LIMIT,
    EDGE,
    FINE_ZERO,
    NEAR_ZERO,
    NEXT_PHASE,
    NOT_FINITE_AT_START,
    RUNNING,
    within,
)
from .linalg import solve
from .step import all_finite, dot, largest


def factor_plain(a, lower, inverse, q, n, eps, sqrt):
    """``L D Lᵀ`` of an indefinite A without exchanges; fills what `linalg.factor` fills.

    A pivot that is lost in rounding (``32 n eps`` of the largest element of its column, in units of ``s_i = 1 / q_i``)
    is replaced by ``sqrt(eps)`` of that (static pivoting: Li & Demmel 2003, ACM TOMS 29, 110); `refine` gives the
    digits back.
    """
    root = sqrt(eps)
    for j in range(n):
        pivot = a[j, j]
        for k in range(j):
            pivot = pivot - lower[j, k] * lower[k, j]
        top = 0.0
        for i in range(j + 1):
            size = abs(a[j, i]) / q[i]
            top = size if size > top else top
        for i in range(j + 1, n):
            size = abs(a[i, j]) / q[i]
            top = size if size > top else top
        top = top * q[j]
        top = top if top > 0.0 else 1.0
        pivot = pivot if abs(pivot) > (32 * n * eps) * top else root * top
        inverse[j] = 1.0 / pivot
        for i in range(j + 1, n):
            s = a[i, j]
            for k in range(j):
                s = s - lower[i, k] * lower[k, j]
            lower[j, i] = s
            lower[i, j] = s * inverse[j]


def refine(a, lower, inverse, b, y, w, z, n):
    """``y + z`` into y, where z solves for what y leaves of b."""
    for i in range(n):
        total = b[i]
        for j in range(i + 1):
            total = total - a[i, j] * y[j]
        for j in range(i + 1, n):
            total = total - a[j, i] * y[j]
        w[i] = total
    solve(lower, inverse, w, z, n)
    for i in range(n):
        y[i] = y[i] + z[i]


def trip(
    x, f, g, h, c, d, q, y, z, w, lower, inverse, F, F0, s, trips, moves,
    limit, ftol, xtol, gtol, n, eps, tight_f, tight_x, floor, sqrt,
):  # fmt: skip
    """One trip: from f, g, H at x to ``x - H⁻¹ g``; returns the state and the exit code."""
    first = trips == 0.0
    trips = trips + 1.0
    finite = all_finite(f, g, h, n)
    moved = finite & (not first)
    moves = moves + 1.0 if moved else moves
    moves = 0.0 if first else moves
    F = f if finite else F
    top = f if f > F0 else F0
    F0 = top if first else F0
    factor_plain(h, lower, inverse, q, n, eps, sqrt)
    solve(lower, inverse, g, y, n)
    refine(h, lower, inverse, g, y, w, z, n)
    for i in range(n):
        c[i] = x[i] if finite else c[i]
        d[i] = 0.0 - y[i]
    s_before = s
    s = abs(dot(g, y, n))
    short = within(c, d, q, xtol, NEAR_ZERO, n)
    tight = within(c, d, q, tight_x, FINE_ZERO, n)
    steepest = largest(g, n)
    size = abs(F)
    small = (0.5 * s <= ftol * size) | (steepest <= gtol) | (steepest == 0.0)
    gained = (0.5 * s <= tight_f * abs(F0 - F)) & tight
    bottom = moved & (0.5 * s < floor * size) & (s >= 0.25 * s_before)
    claim = finite & short & (small | gained | bottom)
    code = AT_LIMIT if trips >= limit else RUNNING
    code = EDGE if not finite else code
    code = NEXT_PHASE if claim else code
    code = NOT_FINITE_AT_START if first & (not finite) else code
    for i in range(n):
        ahead = c[i] + d[i]
        x[i] = c[i] if claim else ahead
    return F, F0, s, trips, moves, code
