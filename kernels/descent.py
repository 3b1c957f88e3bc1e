"""One trip of a method of direction and line search for one problem: steepest descent, BFGS, L-BFGS.

Nothing but f and g is evaluated, once a trip; everything is a select, as in ``step``.  State: the current point ``c``
with its value ``F`` and gradient ``e``; the direction ``d`` with its ``slope = -gᵀd``; the step ``alpha``, so that the
trial point is ``x = c + alpha d``; what the line search and the direction remember.  A trip that ends a search never
says more than NEXT_PHASE: whether its end is a minimum, only the exact Hessian tells (``batchnewton.chosen``).

All begin along -g, with a step of the relative length ``radius`` (after a direction was forgotten: that of the step
before).  BFGS and L-BFGS then begin with ``gamma I``, ``gamma = vᵀw / wᵀw`` (Nocedal & Wright 2006, eq. 6.20).  So
their steps depend on the units of x, as those of Newton's method do not.
"""

from .bfgs import direction as bfgs_direction
from .bfgs import remember as bfgs_remember
from .bfgs import restart as bfgs_restart
from .converge import (
    AT_LIMIT,
    AWAY,
    EDGE,
    FINE_ZERO,
    NEAR_ZERO,
    NEXT_PHASE,
    NOT_FINITE_AT_START,
    RUNNING,
    within,
)
from .lbfgs import direction as lbfgs_direction
from .lbfgs import remember as lbfgs_remember
from .lbfgs import restart as lbfgs_restart
from .linesearch import NONE, armijo, wolfe
from .step import dot, largest, length

TRIALS = 30.0  # of one line search; then the direction is forgotten, and at the second time it ends
FAR = 1e20  # |x| beyond this many times its start: F has no minimum there


def values_finite(f, g, n):
    """Whether f and g are finite."""
    total = 0.0 * f
    for i in range(n):
        total = total + 0.0 * g[i]
    return total == 0.0


def far_away(c, q, n):
    """Whether an unknown is beyond FAR times its scale."""
    most = 0.0
    for i in range(n):
        reach = abs(q[i] * c[i])
        most = reach if reach > most else most
    return most > FAR


def trip(
    x, f, g, c, e, d, q, z, v, w, b, by, sm, ym, rho, share,
    F, F0, s, slope, alpha, low, f_low, p_low, high, f_high, p_high, gamma, radius, tries, trips, moves, tiny, plain,
    limit, ftol, xtol, gtol, phase, n, eps, tight_f, tight_x, sqrt,
):  # fmt: skip
    """One trip: from f and g at the trial point x to the next trial point; returns the state and the exit code.

    ``phase`` is the method.  The direction is ``plain`` until a change of the gradient is remembered.
    """
    first = trips == 0.0  # accepted if it is finite: what a former problem left in the state counts for nothing
    finite = values_finite(f, g, n)
    trips = trips + 1.0
    tries = tries + 1.0
    p = dot(g, d, n)
    promised = alpha * slope
    if phase == "gradient-descent":
        good, next_alpha = armijo(f, p, finite, F, slope, alpha, tries, tiny, eps)
    else:
        good, next_alpha, low, f_low, p_low, high, f_high, p_high = wolfe(
            f, p, finite, F, slope, alpha, low, f_low, p_low, high, f_high, p_high, tries, tiny, eps, sqrt
        )
    accept = finite & (first | good)
    moved = accept & (not first)
    moves = moves + 1.0 if moved else moves
    moves = 0.0 if first else moves
    out = (not accept) & (not first) & (tries >= TRIALS)

    # What the step shows of the curvature.
    if phase != "gradient-descent":
        curvature = 0.0
        bend = 0.0
        for i in range(n):
            v[i] = x[i] - c[i]
            w[i] = g[i] - e[i]
            curvature = curvature + v[i] * w[i]
            bend = bend + w[i] * w[i]
        keep = moved & (curvature > 1e-3 * promised) & (0.0 * (curvature + bend) == 0.0) & (bend > 0.0)
        known = curvature / (bend if keep else 1.0)
        gamma = known if keep else gamma
        if phase == "bfgs":
            bfgs_restart(b, gamma, keep & plain, n)
            bfgs_remember(b, v, w, by, curvature, keep, n)
        else:
            lbfgs_restart(rho, keep & plain)
            lbfgs_remember(sm, ym, rho, v, w, curvature, keep, n)

    # The current point, and a new direction from it.
    F = f if accept else F
    top = f if f > F0 else F0
    F0 = top if first else F0
    for i in range(n):
        c[i] = x[i] if accept else c[i]
        e[i] = g[i] if accept else e[i]
    turn = accept | out
    if phase == "gradient-descent":
        stuck = out
        for i in range(n):
            d[i] = 0.0 - e[i]
        slope = dot(e, e, n)
        whole = length(q, e, n, sqrt)
        start = radius / (whole if whole > 0.0 else 1.0)
        alpha = start if first else next_alpha
    else:
        stuck = out & plain
        step = length(q, v, n, sqrt)
        radius = step if moved & (step > 0.0) else radius
        plain_before = first | (plain & (not keep))
        if phase == "bfgs":
            bfgs_direction(e, b, z, n)
        else:
            lbfgs_direction(e, gamma, sm, ym, rho, share, z, n)
        downhill = 0.0 - dot(e, z, n)
        plain_now = plain_before | out | (not (downhill > 0.0))
        plain = plain_now if turn else plain
        whole = length(q, e, n, sqrt)
        fit = radius / (whole if whole > 0.0 else 1.0)
        gamma = fit if turn & plain_now else gamma
        for i in range(n):
            along = 0.0 - fit * e[i]
            new = along if plain_now else z[i]
            d[i] = new if turn else d[i]
        straight = fit * dot(e, e, n)
        new_slope = straight if plain_now else downhill
        slope = new_slope if turn else slope
        alpha = 1.0 if turn else next_alpha
        low = 0.0 if turn else low
        f_low = F if turn else f_low
        p_low = 0.0 - slope if turn else p_low
        high = NONE if turn else high
    tries = 0.0 if turn else tries

    # Stop tests.
    for i in range(n):
        z[i] = alpha * d[i]
    s_before = s
    s_now = alpha * slope
    s = s_now if accept else s
    short = within(c, z, q, xtol, NEAR_ZERO, n)
    tight = within(c, z, q, tight_x, FINE_ZERO, n)
    size = abs(F)
    small = (0.5 * s <= ftol * size) | (largest(e, n) <= gtol)
    gained = (0.5 * s <= tight_f * (F0 - F)) & tight
    tiny_now = 0.5 * s_now <= (450 * eps) * size
    bottom = moved & tiny & (s >= 0.25 * s_before)
    tiny = tiny_now if turn else tiny
    claim = accept & ((short & (small | gained | bottom)) | (not (slope > 0.0)))
    code = AT_LIMIT if trips >= limit else RUNNING
    code = AWAY if accept & far_away(c, q, n) else code
    ended = NEXT_PHASE if finite & (0.0 * promised == 0.0) else EDGE
    code = ended if stuck else code
    code = NEXT_PHASE if claim else code
    code = NOT_FINITE_AT_START if first & (not finite) else code
    stop = claim | stuck
    for i in range(n):
        ahead = c[i] + z[i]
        x[i] = c[i] if stop else ahead
    return (
        F, F0, s, slope, alpha, low, f_low, p_low, high, f_high, p_high, gamma, radius, tries, trips, moves,
        tiny, plain, code,
    )  # fmt: skip
