"""One trip of a bracketed search for the root of one equation: Newton's step where it is good, else bisection.

Like ``step``: nothing branches, ``unroll`` makes it straight line.  At every trip F has one sign at ``lo`` and the
other at ``hi``, so that a continuous F has a root between them.  A Newton step is taken where it stays inside and is at
most half as long as the step before it (Press et al. 2007, Numerical Recipes, section 9.4); it goes a little too far:
so the next point lies beyond the root, and the bracket closes from both sides.

State: the bracket; ``F0``, the smaller ``F² / 2`` at its ends; ``side``, the sign of F at ``lo``; ``scale``, the
largest |x| of the first bracket; ``before``, the length of the last step; the last point ``c`` (the user's start until
the ends have been seen).
"""

from .converge import CONVERGED, ENDED, NOT_FINITE_AT_START, RESIDUAL, RUNNING
from .status import MAX_ITER, NO_ROOT, NOT_FINITE, SINGULAR, STALLED

FLOOR = 1e-8  # x is compared with this share of the scale where it tends to zero
NOISE = 1e3  # roundings of |F| at the ends: less is taken for the rounding error of F
NARROW = 64.0  # roundings of the scale: the widest bracket in which F = 0 counts although its slope underflows


def vanishes(r, j, size, eps, least):
    """Whether ``|r| <= RESIDUAL eps |j| size``, and would be seen if it did not: not by underflow."""
    return abs(r) + least <= ((RESIDUAL * eps) * abs(j)) * size


def trip(x, r, j, c, lo, hi, F, F0, side, scale, before, trips, moves, limit, xtol, eps, tight_x, least):
    """From r and its derivative j at x to the next x; returns the state and the exit code.

    At the first two trips x is ``lo`` and ``hi``, at the third the user's start.
    """
    low, high, point, residual, slope, start = lo[0], hi[0], x[0], r[0], j[0, 0], c[0]
    first = trips == 0.0
    second = trips == 1.0
    inside = trips > 1.0
    trips = trips + 1.0
    moves = trips - 1.0
    positive = residual > 0.0
    negative = residual < 0.0
    zero = residual == 0.0
    unknown = not (positive | negative | zero)
    f = 0.5 * residual * residual
    sign = 1.0 if positive else 0.0
    sign = -1.0 if negative else sign
    side = sign if first else side
    same = side * sign > 0.0
    low = point if inside & same else low
    high = point if inside & (side * sign < 0.0) else high
    widest = abs(low) if abs(low) > abs(high) else abs(high)
    scale = widest if first else scale
    width = high - low
    before = width if second else before

    # Newton's step and where it leads.
    z = residual / slope
    share = abs(z) / before
    further = z * (1.0 + share * share) + ((2 * eps) * abs(point) if z > 0.0 else (-2 * eps) * abs(point))
    target = point - further
    good = inside & (target > low) & (target < high) & (share <= 0.5)
    following = target if good else 0.5 * low + 0.5 * high
    following = high if first else following
    following = start if second else following

    # Stop tests: the slope at a root leads from the sign at lo to that at hi; at a pole it does not.
    finite = 0.0 * residual + 0.0 * slope == 0.0
    place = abs(point) if abs(point) > FLOOR * scale else FLOOR * scale
    through = (side * slope < 0.0) | zero
    reached = (inside | zero) & vanishes(residual, slope, place, eps, least)
    closed = inside & (width <= (2 * eps) * place)
    noise = f <= (NOISE * eps * NOISE * eps) * F0
    certain = closed & ((abs(z) <= tight_x * place) | (noise & (abs(z) <= xtol * place)))
    sunk = inside & zero & (width <= (NARROW * eps) * scale)
    found = (finite & through & (reached | certain)) | sunk
    falls = f <= eps * F0
    code = ENDED + MAX_ITER if trips >= limit else RUNNING
    code = (ENDED + STALLED if falls else ENDED + NO_ROOT) if closed else code
    code = ENDED + NO_ROOT if second & same else code
    code = ENDED + SINGULAR if zero else code
    code = CONVERGED if found else code
    code = ENDED + NOT_FINITE if unknown else code
    code = NOT_FINITE_AT_START if unknown & (not inside) else code

    better = first | (f < F0)
    other = second & same & (not better)  # of two ends without a change of sign the better one
    taken = inside | zero | (second & same)
    start = point if taken else start
    c[0] = low if other else start
    F = f if taken else F
    F = F0 if other else F
    smaller = f if f < F0 else F0
    F0 = f if first else F0
    F0 = smaller if second else F0
    step = abs(following - point)
    before = step if inside else before
    lo[0] = low
    hi[0] = high
    x[0] = following
    return F, F0, side, scale, before, trips, moves, code
