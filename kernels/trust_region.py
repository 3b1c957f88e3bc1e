"""One trip of trust-region Newton for one problem: the exact Hessian, and the step of least model value in a radius.

Like ``step``: nothing branches, ``unroll`` makes it straight line.  The step d solves ``(H + lam Q²) d = -g`` with
Q = diag(q), ``q_i = 1 / s_i``; lam is zero where H is positive definite and the Newton step within the radius, else
such that ``|Q d|`` is the radius to a tenth (Moré & Sorensen 1983; Conn, Gould & Toint 2000, section 7.3).  A trip has
the Newton step and SHIFTS factorisations more; lam is kept, so that what one trip leaves open the next one settles.

State: the current point ``c`` with F, gradient ``gc`` and Hessian ``hc``; the step ``d`` to the trial point with
``size = |Q d|``, ``slope = -gᵀ d`` and ``fall``, by which the model lowers F; ``s = gᵀ H⁻¹ g``; counters and flags as
those of ``step``.  A minimum passes the same tests; what is left is handed over.
"""

from .converge import (
    CONVERGED,
    DOUBTFUL,
    FINE_ZERO,
    HAND_OVER,
    NEAR_ZERO,
    NOT_FINITE_AT_START,
    RUNNING,
    STEADY,
    beyond_doubt,
    flatness,
    foreseen,
    minimum,
    visible,
    within,
)
from .linalg import factor, solve
from .step import ARMIJO, INSIDE, all_finite, dot, largest, length

SHIFTS = 3  # factorisations of H + lam Q² in a trip
LEAST = 0.9  # of the radius, for a step that is cut to it
CUT, BLIND = 0.25, 0.1  # a refused step shrinks the radius to this part of itself; where F is not finite


def shifted(h, q, lam, m, n):
    """``M = H + lam Q²``."""
    for i in range(n):
        for j in range(i):
            m[i, j] = h[i, j]
        m[i, i] = h[i, i] + lam * (q[i] * q[i])


def limits_of_shift(g, h, q, radius, n, sqrt):
    """What lam lies between: ``max(0, -h_ii s_i²)``, and ``|g s| / radius`` with the norm of H in relative units."""
    slope = 0.0
    norm = 0.0
    low = 0.0
    for i in range(n):
        share = g[i] / q[i]
        slope = slope + share * share
        for j in range(i):
            part = h[i, j] / (q[i] * q[j])
            norm = norm + 2.0 * (part * part)
        part = h[i, i] / (q[i] * q[i])
        norm = norm + part * part
        low = -part if -part > low else low
    high = sqrt(slope) / radius + sqrt(norm)
    high = high if high > 0.0 else 1.0
    return low, high


def next_shift(lam, size, radius, low, high, ok, lower, inverse, q, z, u, v, n, sqrt):
    """Newton's iteration for ``1 / |Q d| = 1 / radius``; between the limits, else their geometric mean."""
    for i in range(n):
        u[i] = (q[i] * q[i]) * z[i]
    solve(lower, inverse, u, v, n)
    better = lam + (size * size) * (size - radius) / (dot(u, v, n) * radius)
    mean = sqrt(low * high) if low > 0.0 else 1e-3 * high
    return better if ok & (better > low) & (better < high) else mean


def model(g, h, d, n):
    """``-gᵀ d``, and by how much the quadratic model falls along d: ``-gᵀ d - dᵀ H d / 2``."""
    slope = 0.0 - dot(g, d, n)
    bend = 0.0
    for i in range(n):
        along = 0.5 * (h[i, i] * d[i])
        for j in range(i):
            along = along + h[i, j] * d[j]
        bend = bend + along * d[i]
    return slope, slope - bend


def trip(
    x, f, g, h, c, d, q, z, u, v, m, gc, hc, lower, inverse, below, pivots,
    F, F0, s, slope, fall, lam, radius, size, trips, moves, settled, tiny, flat_before,
    limit, ftol, xtol, gtol, kinked, n, eps, tight_f, tight_x, floor, ahead, doubt, slight, sqrt,
):  # fmt: skip
    """One trip: from f, g, H at the trial point x to the next trial point; returns the state and the exit code."""
    first = trips == 0.0
    moves = 0.0 if first else moves
    lam = 0.0 if first else lam
    finite = all_finite(f, g, h, n)
    gain = F - f
    flat = tiny & finite & (f <= F + (450 * eps) * abs(F)) & (dot(g, d, n) <= 0.9 * slope)
    accept = finite & (first | flat | (gain > ARMIJO * fall))
    good = flat | (gain > 0.75 * fall)
    poor = (gain < 0.25 * fall) & (not flat)
    longer = 2.0 * size
    longer = longer if longer > radius else radius
    bound = longer if good else radius
    bound = CUT * size if poor else bound
    bound = bound if finite else BLIND * size
    radius = radius if first else bound
    rejected_settled = (not accept) & finite & settled
    full = lam == 0.0
    promise = fall
    trips = trips + 1.0
    moved = accept & (not first)
    moves = moves + 1.0 if moved else moves
    F = f if accept else F
    top = f if f > F0 else F0
    F0 = top if first else F0
    for i in range(n):
        c[i] = x[i] if accept else c[i]
        gc[i] = g[i] if accept else gc[i]
        for j in range(i + 1):
            hc[i, j] = h[i, j] if accept else hc[i, j]

    # The Newton step, where H is definite and it lies inside; else steps of shifted Hessians.
    low, high = limits_of_shift(gc, hc, q, radius, n, sqrt)
    definite = factor(hc, lower, inverse, n, eps)
    solve(lower, inverse, gc, z, n)
    s_before = s
    s_newton = dot(gc, z, n)
    s = s_newton if accept else s
    ratio = s / s_before
    whole = length(q, z, n, sqrt)
    newton = definite & (whole <= INSIDE * radius)
    done = newton
    for i in range(n):
        steep = 0.0 - gc[i] / (high * (q[i] * q[i]))
        d[i] = 0.0 - z[i] if newton else steep
    warm = lam if (lam > low) & (lam < high) else 0.0
    lam = next_shift(0.0, whole, radius, low, high, definite, lower, inverse, q, z, u, v, n, sqrt)
    lam = warm if (warm > 0.0) & (not definite) else lam
    kept = warm
    for _ in range(SHIFTS):
        shifted(hc, q, lam, m, n)
        ok = factor(m, below, pivots, n, eps)
        solve(below, pivots, gc, z, n)
        whole = length(q, z, n, sqrt)
        inside = ok & (whole <= INSIDE * radius)
        take = inside & (not done)
        for i in range(n):
            d[i] = 0.0 - z[i] if take else d[i]
        kept = lam if take else kept
        done = done | (take & (whole >= LEAST * radius))
        high = lam if inside & (lam < high) else high
        low = lam if (not inside) & (lam > low) else low
        lam = next_shift(lam, whole, radius, low, high, ok, below, pivots, q, z, u, v, n, sqrt)
    lam = kept if done & (not newton) else lam
    lam = 0.0 if newton else lam
    size = length(q, d, n, sqrt)
    slope, fall = model(gc, hc, d, n)

    # Stop tests, as in ``step``.
    short = within(c, d, q, xtol, NEAR_ZERO, n)
    tight = within(c, d, q, tight_x, FINE_ZERO, n)
    tiny_now = fall <= (450 * eps) * abs(F)
    tiny = tiny_now if accept else tiny
    flatter = flatness(inverse, q, abs(F0), n)
    known = (flatter > 0.0) & (0.0 * flat_before == 0.0)
    steady = moved & known & (flatter <= STEADY * flat_before) & (flat_before <= STEADY * flatter)
    seen = visible(hc, c, q, F, n, eps)
    found = (accept & newton) & minimum(
        F, F0, s, s_before, largest(gc, n), moved, short, tight, seen, ftol, gtol, tight_f, floor, eps
    )
    found = found & (steady | (s == 0.0))
    flatter = flatter if definite else 0.0
    flat_before = flatter if accept else flat_before
    if not kinked:
        sure = (accept & newton & steady) & (not found)
        sure = sure & foreseen(F, s, ratio, gain, promise, moved & full, c, d, q, ftol, xtol, ahead, n, eps, sqrt)
        found = found | sure
        F = F - 0.5 * s if sure else F
        for i in range(n):
            c[i] = c[i] + d[i] if sure else c[i]
            d[i] = 0.0 if sure else d[i]
    settled_now = newton & steady & tight & (tiny_now | (0.5 * s <= (0.5 * eps) * (F0 - F)))
    settled = settled_now if accept else settled
    stuck = (not (fall > 0.0)) | (not (eps * s > 0.0)) | (radius < 4 * eps) | (trips >= limit)
    code = HAND_OVER if stuck else RUNNING
    code = CONVERGED if found | rejected_settled else code
    certain, _ = beyond_doubt(hc, inverse, c, q, F0 - F, n, eps, doubt, slight)
    code = DOUBTFUL if accept & (found | settled_now) & (not certain) else code
    if kinked:
        code = DOUBTFUL if rejected_settled else code
    code = NOT_FINITE_AT_START if first & (not finite) else code
    for i in range(n):
        x[i] = c[i] + d[i]
    return F, F0, s, slope, fall, lam, radius, size, trips, moves, settled, tiny, flat_before, code
