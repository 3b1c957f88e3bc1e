"""Bounds ``lo <= x <= hi`` of one problem: projected Newton with an active set, as steps of ``step.trip``.

An unknown at its bound whose gradient points out of the box is held there: the Newton step is that of the others.
A step that leaves the box ends at its bounds.  Reference: Bertsekas (1982), SIAM J. Control Optim. 20, 221.
"""

from .linalg import quadratic

DESCENT = 0.3  # a step cut off at the bounds must keep this share of its slope; else see `confine`
LEAST_CURVATURE = 0.01  # of a step that was cut, relative to its slope


def hold(x, g, h, q, lo, hi, F, F0, n, doubt):
    """Take the held unknowns out of g and H, leaving ``|F0| q_i²`` on the diagonal; returns whether another one lies
    at a bound, and whether one is held by (nearly) nothing, ``|g_i| r_i <= doubt (h_ii r_i² + |F|)`` with
    ``r_i = max(|x_i|, s_i)``: such a multiplier may be rounding, and the unknown free."""
    size = abs(F0)
    size = size if size > 0.0 else 1.0
    loose = False
    idle = False
    for i in range(n):
        low = x[i] <= lo[i]
        high = x[i] >= hi[i]
        held = (low & (g[i] > 0.0)) | (high & (g[i] < 0.0)) | (low & high)
        loose = loose | ((low | high) & (not held))
        scale = q[i]
        reach = abs(scale * x[i])
        reach = reach if reach > 1.0 else 1.0
        least = doubt * (((h[i, i] * reach) * reach) / scale + abs(F) * scale)
        idle = idle | (held & (not (low & high)) & (abs(g[i]) * reach <= least))
        g[i] = 0.0 if held else g[i]
        clear(h, i, held, size * (scale * scale), n)
    return loose, idle


def clear(h, i, held, diagonal, n):
    """Of the row and column i of H nothing is left but the ``diagonal``, where that unknown is held."""
    for j in range(i):
        h[i, j] = 0.0 if held else h[i, j]
    for j in range(i + 1, n):
        h[j, i] = 0.0 if held else h[j, i]
    h[i, i] = diagonal if held else h[i, i]


def confine(c, d, z, q, g, h, lo, hi, accept, slope, n, eps):
    """Cut a new step d from c, of this ``slope = -gᵀd``, off at the bounds; z is overwritten.

    Each unknown stops at its own bound.  Where too little descent is left, only those move whose own share of it,
    ``-g_i d_i``, is positive: there is one, since the shares of all add up to a positive slope, and an unknown at its
    bound with a positive share moves inward.  Then the step is shortened to where the model is least.  What reaches its
    bound goes beyond it by a rounding, so that `land` puts it exactly there.  Returns whether the step was cut, its
    slope, dᵀHd / slope, and ``sum_i |q_i d_i|``.
    """
    left = 0.0
    sure = 0.0
    cut = False
    for i in range(n):
        end = c[i] + d[i]
        place = lo[i] if lo[i] > end else end
        place = hi[i] if hi[i] < place else place
        reaches = place != end
        part = (1.0 + 4 * eps) * (place - c[i])
        part = part if reaches else d[i]
        z[i] = part
        share = 0.0 - g[i] * part
        left = left + share
        sure = sure + (share if share > 0.0 else 0.0)
        cut = cut | reaches
    cut = cut & accept
    poor = left < DESCENT * slope
    left = sure if poor else left
    for i in range(n):
        part = z[i]
        against = poor & (g[i] * part >= 0.0)
        z[i] = 0.0 if against else part
    bend = quadratic(h, z, n)
    far = (bend > left) & (left > 0.0)
    divisor = left if left > 0.0 else 1.0
    divisor = bend if far else divisor
    dividend = left if far else bend
    ratio = dividend / divisor
    best = ratio if far else 1.0
    size = 0.0
    for i in range(n):
        part = best * z[i]
        d[i] = part if cut else d[i]
        size = size + abs(q[i] * d[i])
    curvature = 1.0 if far else ratio
    curvature = curvature if curvature > LEAST_CURVATURE else LEAST_CURVATURE
    return cut, best * left, curvature, size


def land(x, lo, hi, n):
    """A trial point beyond a bound lies on it."""
    for i in range(n):
        place = lo[i] if lo[i] > x[i] else x[i]
        x[i] = hi[i] if hi[i] < place else place
