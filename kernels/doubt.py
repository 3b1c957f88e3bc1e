"""Whether H is definite at the end of a search by more than rounding: what is in doubt is looked at from beside.

A pivot of H that is small beside its diagonal element may be what rounding made of zero: along a valley of minima, a
ring, for unknowns that the data do not determine.  No look at one point tells.  So the search begins anew a small step
``ASIDE`` of each unknown's size away, to both sides along each direction in which H is weak, and must lead back.
Plain loops over small arrays, one problem at a time.
"""

import math

from .bounded import EPS, backward, forward, jit, ldl
from .converge import SMALL
from .held import is_held, landed, without_held

DOUBT, SLIGHT = 4e-8, 2e-12  # float64: see `converge.beyond_doubt`
WEAK, LIGHT = 1e-5, 1e-7  # the same here, where a look costs little beside the search
SURE = 100.0  # roundings that a pivot exceeds, else it is one
SHOWN = 1e3  # roundings that the multiplier of a bound exceeds, else the unknown is free
ASIDE, FARTHER = 1e-3, 1e-2  # how far beside an end a search begins; where a pivot is near its rounding
NEAR_ROUNDING = 1e4  # times SURE
BACK = 0.01  # of that distance: so near the end it must lead, by a step ...
CLOSER = 0.1  # ... that leaves this part of the distance: of x⁴ a step leaves two thirds, of x³ a half
AT_REST = 1e-6  # relative length of a step
LONGEST = 20  # trips of such a search

NONE, SINGULAR = -1, -2  # in place of the number of a direction


@jit
def reach(x, scale):
    """The size of an unknown: its own, or a hundredth of its start's."""
    return max(abs(x), 1e-2 * scale)


@jit
def loosen(c, gc, Hc, y, scale, F, lo, hi, g, n):
    """g without the multipliers of bounds that may be rounding: of g itself, or what the next step ``scale y`` would
    change of it; returns whether there is one."""
    idle = False
    for i in range(n):
        g[i] = gc[i]
        if lo[i] < hi[i] and is_held(c[i], gc[i], lo[i], hi[i]):
            size = reach(c[i], scale[i])
            doubt = SHOWN * EPS * (abs(Hc[i, i]) * size + abs(F) / size)
            for j in range(n):
                doubt += abs(Hc[i, j] * scale[j] * y[j])
            if abs(gc[i]) <= doubt:
                g[i] = 0.0
                idle = True
    return idle


@jit
def direction(L, j, v, n):
    """The direction v whose curvature is the pivot j: ``Lᵀ v = e_j``, so that ``vᵀ A v = d_j``; its largest element
    becomes 1.  Returns by how much it shrank."""
    for i in range(n):
        v[i] = 0.0
    v[j] = 1.0
    for k in range(j - 1, -1, -1):
        for i in range(k + 1, j + 1):
            v[k] -= L[i, k] * v[i]
    return unit(v, n)


@jit
def unit(v, n):
    """v with 1 as its largest element; returns what that was."""
    most = 0.0
    for i in range(n):
        most = max(most, abs(v[i]))
    for i in range(n):
        v[i] /= most
    return most


@jit
def rounding(A, F, v, n):
    """What rounding of x and of the values of a formula makes of the curvature along v."""
    most = 0.0
    for k in range(n):
        size = abs(A[k, k])
        most = max(most, abs(v[k]) * (size + math.sqrt(2.0 * abs(F) * size)))
    return EPS * most


@jit
def next_doubt(at, every, c, gc, Hc, y, scale, F, fall, lo, hi, x, M, V, n):
    """The first look from beside an end c, of number ``at`` or later: its number and how far beside it begins, with
    its start in x; else NONE, or SINGULAR where a pivot is rounding.  ``every`` direction counts as weak where neither
    F nor its slope fell at the last step: that may be rounding, or a kink.

    Looks 2 j and 2 j + 1 are along the direction of pivot j; 2 n and 2 n + 1 along one in which H has no positive
    curvature once the unknowns are free whose bounds have no multiplier.
    """
    A, L, d, v, g = M[0], M[1], V[0], V[1], V[2]
    idle = loosen(c, gc, Hc, y, scale, F, lo, hi, g, n)
    size, high, light = 0.0, EPS / LIGHT * fall, math.inf
    for i in range(n):
        size = max(size, abs(c[i]))
    without_held(Hc, c, g, lo, hi, scale, A, n)
    for i in range(n):
        if not is_held(c[i], g[i], lo[i], hi[i]):
            wide = max(abs(c[i]), scale[i])
            high = max(high, Hc[i, i] * wide * wide)
            wide = max(wide, SMALL * size)
            light = min(light, Hc[i, i] * wide * wide)
    for i in range(n):
        for j in range(n):
            A[i, j] *= reach(c[i], scale[i]) * reach(c[j], scale[j])
    definite, p = ldl(A, 0.0, L, d, v, n)
    if not definite:
        most = unit(v, n)
        if not idle or p / (most * most) >= -SURE * rounding(A, F, v, n) or at > 2 * n + 1:
            return SINGULAR, 0.0
        at = max(at, 2 * n)
        beside(c, scale, ASIDE if at % 2 == 0 else -ASIDE, v, lo, hi, x, n)
        return at, ASIDE
    while at < 2 * n:
        j = at // 2
        weak = every or d[j] <= WEAK * A[j, j] or d[j] * light <= LIGHT * high * A[j, j]
        if weak and not is_held(c[j], g[j], lo[j], hi[j]):
            most = direction(L, j, v, n)
            least = SURE * rounding(A, F, v, n)
            p = d[j] / (most * most)
            if p <= least:
                return SINGULAR, 0.0
            far = ASIDE if p > NEAR_ROUNDING * least else FARTHER
            if beside(c, scale, far if at % 2 == 0 else -far, v, lo, hi, x, n):
                return at, far
            at += 1
        else:
            at += 2
    return NONE, 0.0


@jit
def rests_on_bound(c, gc, Hc, y, scale, F, lo, hi, z, w, M, V, n):
    """Whether c is a minimum on bounds without a multiplier: no step leads on from there, since rounding alone says
    whether these unknowns are free; H is definite with them, and Newton's step of the others is at most AT_REST."""
    A, L, d, v, g = M[0], M[1], V[0], V[1], V[2]
    idle = loosen(c, gc, Hc, y, scale, F, lo, hi, g, n)
    without_held(Hc, c, g, lo, hi, scale, A, n)
    for i in range(n):
        near = 4 * EPS * max(abs(c[i]), scale[i])
        at_bound = c[i] <= lo[i] + near or c[i] >= hi[i] - near
        held = is_held(c[i], g[i], lo[i], hi[i])
        idle = idle or (at_bound and not held)
        g[i] = 0.0 if at_bound or held else g[i] * reach(c[i], scale[i])
        for j in range(n):
            A[i, j] *= reach(c[i], scale[i]) * reach(c[j], scale[j])
    if not (idle and ldl(A, 0.0, L, d, v, n)[0]):
        return False
    forward(L, g, z, n)
    for i in range(n):
        z[i] /= d[i]
    backward(L, z, w, n)
    for i in range(n):
        if not abs(w[i]) <= AT_REST:
            return False
    return True


@jit
def beside(c, scale, far, v, lo, hi, x, n):
    """A point beside c, within the bounds; returns whether it is another one."""
    other = False
    for i in range(n):
        x[i] = landed(c[i] + far * reach(c[i], scale[i]) * v[i], c[i], lo[i], hi[i])
        other = other or x[i] != c[i]
    return other


@jit
def distance(c, end, scale, n):
    """How far c is from an end, in sizes of the unknowns."""
    most = 0.0
    for i in range(n):
        most = max(most, abs(c[i] - end[i]) / reach(end[i], scale[i]))
    return most
