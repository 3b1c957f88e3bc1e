"""One trip of damped Newton for one problem: judge the trial point, then turn or shorten the step.

Everything is a select and nothing branches, so every lane of a SIMD vector and every thread of a warp runs the
same instructions.  ``unroll`` makes the text straight line for one n; as it stands it is plain Python.

State: the current point ``c`` with its value ``F``; the step ``d = -alpha H⁻¹ g`` from it to the trial point ``x``;
``s = gᵀ H⁻¹ g``, so that the model promises a decrease of ``alpha s (1 - alpha / 2)``; in relative units
``q_i = 1 / s_i`` the bound ``radius`` of a step, the ``size`` of d, and the share ``over`` of d that the bound allows
(1 unless the very first step is tried in full); ``first``'s value ``F0``; counters and flags.  Where
bounds (``bounded``) cut d short, ``alpha`` and ``s`` are such that slope and promise are those of d; ``cut[0]`` is 1.

Divisions and square roots take as long as twenty additions, so quotients that exclude each other share one.
"""

from .box import confine, hold, land
from .converge import (
    CONVERGED,
    DOUBTFUL,
    FINE_ZERO,
    FIRM,
    HAND_OVER,
    NEAR_ZERO,
    NEXT_PHASE,
    NOT_FINITE_AT_START,
    QUICK,
    RUNNING,
    STEADY,
    arrived,
    beyond_doubt,
    flatness,
    foreseen,
    minimum,
    near_minimum,
    residuals_vanish,
    visible,
    within,
)
from .linalg import backward, factor, gradient, orthogonalise, solve

ARMIJO = 1e-4  # sufficient decrease: F - f > ARMIJO (promised decrease)
RADIUS = 0.3  # first bound of a step relative to |x0|, per sqrt(n)
INSIDE = 1.1  # a step may exceed the bound by a tenth
AGREEMENT = 0.5  # the very first step may exceed it by any length, if F falls as promised to within this share
SHORTEST = 0.1  # a rejected step shrinks by a factor of at least this ...
LONGEST = 0.5  # ... and at most this


def scales(x, q, n):
    """``q_i = 1 / s_i`` with ``s_i = |x_i|``; where that is zero, the largest of them, or 1."""
    top = 0.0
    for i in range(n):
        size = abs(x[i])
        top = size if size > top else top
    top = top if top > 0.0 else 1.0
    for i in range(n):
        size = abs(x[i])
        scale = size if size > 0.0 else top
        q[i] = 1.0 / scale


def all_finite(f, g, h, n):
    """Whether f, g and H are finite: ``0 v == 0`` holds for finite v alone."""
    total = 0.0 * f
    for i in range(n):
        total = total + 0.0 * g[i]
        for j in range(i + 1):
            total = total + 0.0 * h[i, j]
    return total == 0.0


def residuals_finite(f, j, n):
    """Whether half the sum of squared residuals and their Jacobian are finite."""
    total = 0.0 * f
    for i in range(n):
        for k in range(n):
            total = total + 0.0 * j[i, k]
    return total == 0.0


def shrinkage(cut, finite):
    """Factor of a rejected step: ``cut``, where the parabola through F, its slope and the rejected f is least
    (Dennis & Schnabel 1983, 6.3.2), within limits."""
    cut = cut if cut > SHORTEST else SHORTEST
    cut = cut if cut < LONGEST else LONGEST
    return cut if finite else SHORTEST


def length(q, v, n, sqrt):
    """Length of v in units of the scales: ``|q v|``."""
    total = 0.0
    for i in range(n):
        share = q[i] * v[i]
        total = total + share * share
    return sqrt(total)


def dot(a, b, n):
    """``aᵀ b``."""
    total = 0.0
    for i in range(n):
        total = total + a[i] * b[i]
    return total


def largest(v, n):
    """``max |v_i|``."""
    most = 0.0
    for i in range(n):
        size = abs(v[i])
        most = size if size > most else most
    return most


def judge(f, g, d, F, s, alpha, radius, size, over, first, tiny, finite, n, eps):
    """Accept or reject the trial point; the bound of the next step, if it is accepted.

    Where F is at its rounding level (``tiny``) the slope at the trial point decides instead of F
    (approximate Wolfe test, Hager & Zhang 2005).
    """
    gain = F - f
    slope = alpha * s
    promise = slope * (1.0 - 0.5 * alpha)
    beyond = over < 1.0
    agrees = abs(gain - promise) <= AGREEMENT * promise
    flat = tiny & finite & (f <= F + (450 * eps) * abs(F)) & (dot(g, d, n) <= 0.9 * slope)
    accept = finite & (first | flat | ((gain > ARMIJO * promise) & (agrees | (not beyond))))
    poor = (gain < 0.25 * promise) & (not flat)
    good = flat | (gain > 0.75 * promise)
    longer = 2.0 * size
    longer = longer if longer > radius else radius
    bound = longer if good else radius
    bound = LONGEST * size if poor else bound
    bound = radius if first else bound
    return accept, bound, gain, slope


def trip(
    x, f, g, h, r, j, c, d, q, z, lower, inverse, lo, hi, cut,
    F, F0, s, alpha, radius, size, over, trips, moves, settled, tiny, flat_before,
    limit, ftol, xtol, gtol, phase, bounded, kinked, n, eps, tight_f, tight_x, floor, ahead, doubt, slight, scant, sqrt,
):  # fmt: skip
    """One trip: from f, g, H at the trial point x to the next trial point; returns the state and the exit code.

    ``phase`` is "gauss-newton", then "exact"; or "minimize", which is "exact" without anything before it; or "root"
    (then r and its Jacobian j come instead of f, g, H, and are overwritten; the step is J⁻¹ r).  Of a formula that is
    ``kinked`` every point is looked at: a kink may lie before the end of a step that is foreseen.
    """
    if phase == "root":
        f = gradient(r, j, g, n)
        vanish = residuals_vanish(r, j, x, n, eps)
        finite = residuals_finite(f, j, n)
    else:
        finite = all_finite(f, g, h, n)
    first = trips == 0.0  # accepted if it is finite: what a former problem left in the state counts for nothing
    moves = 0.0 if first else moves
    accept, bound, gain, slope = judge(f, g, d, F, s, alpha, radius, size, over, first, tiny, finite, n, eps)
    full = alpha == 1.0
    promise = slope * (1.0 - 0.5 * alpha)
    rejected_settled = (not accept) & finite & settled
    trips = trips + 1.0
    moved = accept & (not first)
    moves = moves + 1.0 if moved else moves
    F = f if accept else F
    top = f if f > F0 else F0
    F0 = top if first else F0
    for i in range(n):
        c[i] = x[i] if accept else c[i]
    if bounded:
        loose, idle = hold(x, g, h, q, lo, hi, F, F0, n, doubt)
        same = (not loose) & ((not moved) | (not (cut[0] > 0.0)))  # the active set is that of the last point

    # The Newton step of the modified Hessian, cut to the bound; or the last step, shortened.
    s_before = s
    if phase == "root":
        definite, s_newton = orthogonalise(j, r, lower, inverse, z, n, eps)
        backward(lower, inverse, z, n)
    else:
        definite = factor(h, lower, inverse, n, eps)
        solve(lower, inverse, g, z, n)
        s_newton = dot(g, z, n)
    whole = length(q, z, n, sqrt)
    long = whole > INSIDE * bound
    inside = first | (not long)
    newton = definite & inside
    part = bound if long else s_newton
    part = part if accept else 0.5 * slope
    total = whole if long else s_before
    total = total if accept else slope - gain
    ratio = part / total  # long: the share that the bound allows; else s / s_before; rejected: see shrinkage
    shrink = over if over < 1.0 else shrinkage(ratio, finite)
    alpha_newton = 1.0 if inside else ratio
    alpha = alpha_newton if accept else shrink * alpha
    shrunk = shrink * size
    reduced = radius if first else shrunk
    radius = bound if accept else reduced
    size = alpha_newton * whole if accept else shrunk
    over = ratio if accept & first & long else 1.0
    s = s_newton if accept else s
    for i in range(n):
        step = 0.0 - alpha * z[i]
        kept = shrink * d[i]
        d[i] = step if accept else kept
    if bounded:
        cut_now, left, curvature, span = confine(c, d, z, q, g, h, lo, hi, accept, alpha * s, n, eps)
        newton = newton & (not cut_now)
        alpha = curvature if cut_now else alpha
        s = left / curvature if cut_now else s
        size = span if cut_now else size  # no less than the length, and no square root
        stopped = 1.0 if cut_now else 0.0
        cut[0] = stopped if accept else cut[0]

    # Stop tests.
    short = within(c, d, q, xtol, NEAR_ZERO, n)
    tight = within(c, d, q, tight_x, FINE_ZERO, n)
    tiny_now = alpha * s * (1.0 - 0.5 * alpha) <= (450 * eps) * abs(F)
    tiny = tiny_now if accept else tiny
    if phase == "root":
        settled_now = newton & tight & (tiny_now | (0.5 * s <= (0.5 * eps) * (F0 - F)))
        settled_now = settled_now & (s <= QUICK * s_before)  # of a double root a sixteenth is left
        last = accept & newton & (not vanish) & arrived(F, gain, moved, tight, tight_x, eps)  # the step is taken unseen
        found = (accept & vanish) | last
        on = False
        rest = F - 0.5 * s  # of |F|² / 2, behind that step: zero, and rounding
        rest = rest if rest > 0.0 else 0.0
        F = rest if last else F
        for i in range(n):
            c[i] = c[i] + d[i] if last else c[i]
            d[i] = 0.0 if last else d[i]
    else:
        settled_now = newton & short & (tiny_now | (0.5 * s <= (0.5 * eps) * (F0 - F)))
        seen = visible(h, c, q, F, n, eps)
        found = (accept & newton) & minimum(
            F, F0, s, s_before, largest(g, n), moved, short, tight, seen, ftol, gtol, tight_f, floor, eps
        )
        on = False
    if bounded:
        found = found & (same | (s == 0.0))
        settled_now = settled_now & same
    if (phase == "exact") | (phase == "minimize"):
        flat = flatness(inverse, q, abs(F0), n)
        known = (flat > 0.0) & (0.0 * flat_before == 0.0)  # a product that under- or overflows says nothing
        steady = moved & known & (flat <= STEADY * flat_before) & (flat_before <= STEADY * flat)
        lightest = slight if phase == "minimize" else scant  # "exact" begins near the end: s_i is not that of the start
        certain, narrow = beyond_doubt(h, inverse, c, q, F0 - F, n, eps, doubt, lightest)
        if phase == "exact":  # Gauss-Newton has moved
            certain = certain & ((not first) | (FIRM * whole * narrow < 1.0))
            steady = steady | first
        found = found & (steady | (s == 0.0))
        newton = newton & steady
        settled_now = settled_now & steady
        flat = flat if definite else 0.0
        flat_before = flat if accept else flat_before
    if ((phase == "exact") | (phase == "minimize")) & (not kinked):
        sure = (accept & newton) & (not found)
        sure = sure & foreseen(F, s, ratio, gain, promise, moved & full, c, d, q, ftol, xtol, ahead, n, eps, sqrt)
        if bounded:
            sure = sure & same
        found = found | sure
        F = F - 0.5 * s if sure else F
        for i in range(n):
            c[i] = c[i] + d[i] if sure else c[i]
            d[i] = 0.0 if sure else d[i]
    if phase == "gauss-newton":
        on = (accept & newton & near_minimum(F, s, s_before, moved)) | found | rejected_settled
        found = False
    settled = settled_now if accept else settled
    stuck = (not (eps * s > 0.0)) | (radius < 4 * eps) | (trips >= limit)
    code = HAND_OVER if stuck else RUNNING
    code = NEXT_PHASE if on else code
    code = CONVERGED if found | (rejected_settled & (phase != "gauss-newton")) else code
    if (phase == "exact") | (phase == "minimize"):
        if bounded:
            certain = certain & (not idle)
        code = DOUBTFUL if accept & (found | settled_now) & (not certain) else code
        if kinked:  # F may have risen across a kink
            code = DOUBTFUL if rejected_settled else code
    code = NOT_FINITE_AT_START if first & (not finite) else code
    for i in range(n):
        x[i] = c[i] + d[i]
    if bounded:
        land(x, lo, hi, n)
    return F, F0, s, alpha, radius, size, over, trips, moves, settled, tiny, flat_before, code
