"""Bounds ``lo <= x <= hi`` of one problem: projected Newton with an active set, as steps of ``step.trip``.

An unknown at its bound whose gradient points out of the box is held there: the Newton step is that of the others.
A step that leaves the box ends at its bounds.  Reference: Bertsekas (1982), SIAM J. Control Optim. 20, 221.
"""

from .linalg import quadratic

DESCENT = 0.1  # a step cut off at the bounds must keep this share of its slope; else it ends at the first of them
LEAST_CURVATURE = 0.01  # of a step that was cut, relative to its slope


def hold(x, g, h, q, lo, hi, F0, n):
    """Take the held unknowns out of g and H, leaving ``|F0| q_i²`` on the diagonal; returns whether another one lies
    at a bound."""
    size = abs(F0)
    size = size if size > 0.0 else 1.0
    loose = False
    for i in range(n):
        low = x[i] <= lo[i]
        high = x[i] >= hi[i]
        held = (low & (g[i] > 0.0)) | (high & (g[i] < 0.0)) | (low & high)
        loose = loose | ((low | high) & (not held))
        g[i] = 0.0 if held else g[i]
        clear(h, i, held, size * (q[i] * q[i]), n)
    return loose


def clear(h, i, held, diagonal, n):
    """Of the row and column i of H nothing is left but the ``diagonal``, where that unknown is held."""
    for j in range(i):
        h[i, j] = 0.0 if held else h[i, j]
    for j in range(i + 1, n):
        h[j, i] = 0.0 if held else h[j, i]
    h[i, i] = diagonal if held else h[i, i]


def least(ratio):
    """The least of all; a lane that has all unknowns knows it (`spread` exchanges it where several share them)."""
    return ratio


def confine(c, d, z, q, g, h, lo, hi, accept, slope, n):
    """Cut a new step d from c, of this ``slope = -gᵀd``, off at the bounds; z is overwritten.

    Each unknown stops at its own bound; where too little descent is left, all stop at the first bound on the way,
    except those that are at one already (they may be left out: their share ``-g_i d_i`` is not positive).  Then the
    step is shortened to where the model is least.  Returns whether the step was cut, its slope, and dᵀHd / slope.

    The first bound is that of the least ratio ``|part_i| / |d_i|``; ratios are compared by products (in units of
    s_i = 1 / q_i), so that it takes one division, not n.
    """
    near = 1.0
    away = 1.0
    left = 0.0
    cut = False
    for i in range(n):
        end = c[i] + d[i]
        below = (end <= lo[i]) & (d[i] < 0.0)
        above = (end >= hi[i]) & (d[i] > 0.0)
        whole = d[i]
        part = lo[i] - c[i] if below else whole
        part = hi[i] - c[i] if above else part
        reaches = below | above
        short = abs(q[i] * part)
        long = abs(q[i] * whole)
        nearest = reaches & (short > 0.0) & (short * away < near * long)
        near = short if nearest else near
        away = long if nearest else away
        left = left - g[i] * part
        cut = cut | reaches
        z[i] = part
    cut = cut & accept
    poor = cut & (left < DESCENT * slope)
    first = least(near / away)
    for i in range(n):
        whole = first * d[i]
        until = whole if abs(z[i]) > 0.0 else 0.0
        part = until if poor else z[i]
        d[i] = part if cut else d[i]
    left = 0.0
    for i in range(n):
        left = left - g[i] * d[i]
    bend = quadratic(h, d, n)
    far = cut & (bend > left) & (left > 0.0)
    divisor = left if left > 0.0 else 1.0
    divisor = bend if far else divisor
    dividend = left if far else bend
    ratio = dividend / divisor
    best = ratio if far else 1.0
    for i in range(n):
        nearer = best * d[i]
        d[i] = nearer if far else d[i]
    curvature = 1.0 if far else ratio
    curvature = curvature if curvature > LEAST_CURVATURE else LEAST_CURVATURE
    return cut, best * left, curvature


def land(x, c, lo, hi, n, eps):
    """A trial point within rounding of a bound, or beyond it, lies on it."""
    for i in range(n):
        place = x[i]
        low = lo[i] + (4 * eps) * (abs(c[i]) + abs(lo[i]))  # NaN, and no case, where there is no bound
        high = hi[i] - (4 * eps) * (abs(c[i]) + abs(hi[i]))
        place = lo[i] if place <= low else place
        x[i] = hi[i] if place >= high else place
