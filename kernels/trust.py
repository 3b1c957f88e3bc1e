"""Trust-region Newton for one problem: the patient method for what the fast path hands over.

Plain loops over small arrays, one problem at a time, in float64.  The trial point of every lane is evaluated
together (``patient.solve_trust``); what follows here is scalar work on its f, g, H and, for least squares, B = JᵀJ.

Coordinates are relative, ``y_i = d_i / s_i`` with ``s_i = |x0_i|``, so that the radius R is a relative change per
step and the units of x do not matter.  For least squares the model is Gauss-Newton until the exact Hessian
predicted the last change of f better, and always exact at the end.

References: Moré & Sorensen (1983); Conn, Gould & Toint (2000), sections 7.3 and 17.4; Hager & Zhang (2005).
"""

import math

import numpy as np

from . import history, linalg, status, step
from .bounded import EPS, backward, bounded_step, form, forward, inner, jit, ldl
from .converge import RESIDUAL, SMALL, UNSEEN
from .strict import is_steady, residuals_small, shrinkage_of_pivots

scales = jit(step.scales)
orthogonalise, back_substituted = jit(linalg.orthogonalise), jit(linalg.backward)

RADIUS = 0.3  # first bound of a step, relative, per sqrt(n)
GROW, GROW_MOST = 2.0, 64.0  # how a bound that was reached grows; it doubles while the model foretells f to 3 % and
FAR_OUT = 100.0  # the bound is so many times the start, whose size then says nothing
RELAX = 8.0  # longest over-relaxation of a Newton step (speeds x⁴-like minima, leaves inflexions)
BIAS = 2.0  # how much better Gauss-Newton must predict to be kept
XTOL, FTOL = 1e-11, 1e-20
QUICK = 0.05  # of x³ a Newton step leaves an eighth of what it promised, of x⁴ a fifth: that is not quadratic
AWAY = 5  # trips beyond 1e20 times the start, with no minimum ahead, until f counts as unbounded
SHORTER = 40  # times that a step may be shortened until it goes downhill after all that the bounds cut off
KICKS = 3  # forced Newton steps of a root search that is stuck

MINIMIZE, LEAST_SQUARES, ROOT = range(3)

# How a search ended.
SEARCHING, FOUND, LIMIT, STALLED, FLAT, DIVERGED, BAD_START, BAD_STEP, DEGENERATE = range(9)

# Scalars of the state, by position.
(F, F0, R, LAM, TAU, DEC, SLOPE, PRED, PRED_H, PRED_B, STEP, TRIPS, MOVES, EXACT, NEWTON, TINY, GAINED, FORCE, TURNS,
 BACK, GROWTH, FAR, SHRUNK, SHARE, SCALARS) = range(25)  # fmt: skip


@jit
def start_search(x0, x, scale, K, exact, n):
    """State at the beginning of a search from x0."""
    scales(x0, scale, n)
    for i in range(n):
        scale[i] = 1.0 / scale[i]
        x[i] = x0[i]
    K[:] = 0.0
    K[F] = np.inf
    K[R] = RADIUS * math.sqrt(n)
    K[TAU] = 1.0
    K[GROWTH] = GROW
    K[DEC] = K[STEP] = np.inf
    K[EXACT] = exact
    K[FORCE] = 1.0


@jit
def start_again(kind, attempt, x0, c, x, scale, K, n):
    """State at the beginning of search number ``attempt`` (from 0), after one that ended at c.

    Least squares: from x0 with the exact Hessian throughout.  Roots: from as far beyond the local minimum of |F|, or,
    where that is x0 itself, from beside it; then from the side of x0 that lies away from it.
    """
    start_search(x0, x, scale, K, 0.0 if kind == ROOT else 1.0, n)
    if kind == ROOT:
        far = 0.0
        for i in range(n):
            far = max(far, abs(c[i] - x0[i]) / scale[i])
        for i in range(n):
            aside = RADIUS * scale[i] if i % 2 == 0 else -RADIUS * scale[i]
            beyond = 2.0 * c[i] - x0[i] if attempt == 1 else 2.0 * x0[i] - c[i]
            x[i] = beyond if far > 0.1 else x0[i] + aside


@jit
def is_held(x, g, lo, hi):
    """Whether an unknown stays at its bound: there, its gradient points out of the box."""
    return (x <= lo and g > 0.0) or (x >= hi and g < 0.0) or lo >= hi


@jit
def without_held(A, x, g, lo, hi, scale, n):
    """A without the unknowns that are held: their rows and columns are those of a unit matrix, in relative
    coordinates times the size of A."""
    free = A.copy()
    for i in range(n):
        if is_held(x[i], g[i], lo[i], hi[i]):
            size = abs(A[i, i]) * scale[i] * scale[i]
            for j in range(n):
                free[i, j] = free[j, i] = 0.0
            free[i, i] = (size if size > 0.0 else 1.0) / (scale[i] * scale[i])
    return free


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


@jit
def newton_step_of_roots(J, r, scale, y, n):
    """``y = -J⁻¹ r`` in relative coordinates; returns whether J is regular, each equation in its own units."""
    scaled, left = np.zeros((n, n)), np.zeros(n)
    for i in range(n):
        most = 0.0
        for k in range(n):
            most = max(most, abs(J[i, k] * scale[k]))
        unit = 1.0 / most if most > 0.0 else 1.0
        left[i] = unit * r[i]
        for k in range(n):
            scaled[i, k] = unit * J[i, k] * scale[k]
    lower, inverse = np.zeros((n, n)), np.zeros(n)
    regular, _ = orthogonalise(scaled, left, lower, inverse, y, n, EPS)
    back_substituted(lower, inverse, y, n)
    for i in range(n):
        y[i] = -y[i]
    return regular


@jit
def slope_and_bend(J, r, scale, y, n):
    """``rᵀJy`` and ``|Jy|²``."""
    slope = bend = 0.0
    for i in range(n):
        change = 0.0
        for k in range(n):
            change += J[i, k] * scale[k] * y[k]
        slope += r[i] * change
        bend += change * change
    return slope, bend


@jit
def left_over(r, J, x, n):
    """``|r|² / 2`` of the residuals that are more than the rounding of x."""
    total = 0.0
    for i in range(n):
        size = 0.0
        for k in range(n):
            size += abs(J[i, k] * x[k])
        if abs(r[i]) > RESIDUAL * EPS * size:
            total += 0.5 * r[i] * r[i]
    return total


@jit
def judge_trial(kind, f, g, H, B, r, J, x, c, y, scale, gc, Hc, Bc, rc, Jc, K, auto, lo, hi, n):
    """Accept or reject the trial point x; returns (accepted, at the rounding level of F, slope changed sign)."""
    finite = math.isfinite(f)
    slope_there = 0.0
    for i in range(n):
        slope_there += g[i] * scale[i] * y[i]
        finite = finite and math.isfinite(g[i])
        for j in range(n):
            finite = finite and math.isfinite(H[i, j])
    force = K[FORCE] > 0.0
    gain = K[F] - f
    ratio = gain / K[PRED] if K[PRED] > 0.0 else -1.0
    tiny, newton = K[TINY] > 0.0, K[NEWTON] > 0.0
    unseen = tiny or f == K[F]  # a change of F; where terms cancel, F may be 0 at its rounding level
    flat = finite and unseen and f <= K[F] + 1e-13 * abs(K[F]) and slope_there <= 0.9 * abs(K[SLOPE])
    if kind == ROOT and newton and finite and not force:
        flat = flat or left_over(r, J, x, n) < 0.9 * left_over(rc, Jc, c, n)
    accept = finite and (force or ratio > 1e-4 or flat)
    if flat:
        ratio = 1.0
    exact = K[EXACT] > 0.0
    settled = newton and (exact or kind == ROOT) and K[STEP] <= 1e-6 and (tiny or K[DEC] <= 1e-16 * (K[F0] - K[F]))
    bracket = finite and K[TAU] > 1.0 and exact and K[STEP] <= 1e-6 and K[GAINED] > 0.0 and slope_there > 0.0
    if not force:
        size = math.sqrt(inner(y, y, n))
        if not finite:
            K[R] = 0.1 * size
        elif ratio < 0.25:
            cut = K[SLOPE] / (2.0 * (K[SLOPE] + gain)) if gain < 0.0 else 0.5
            K[R] = size * min(0.5, max(0.1, cut))
        elif ratio > 0.75:
            K[R] = max(K[R], K[GROWTH] * size)
        foretold = K[R] > FAR_OUT and abs(ratio - 1.0) <= 0.03 and not flat
        K[GROWTH] = min(2.0 * K[GROWTH], GROW_MOST) if foretold else GROW
        if auto and finite:
            K[EXACT] = 1.0 if tiny or abs(K[PRED_H] - gain) <= BIAS * abs(K[PRED_B] - gain) else 0.0
    K[BACK] = 0.0 if finite else 1.0
    relaxed = min(2.0 * K[TAU], RELAX) if accept and newton and ratio > 1.1 and not tiny else 1.0
    K[TAU] = relaxed
    if accept:
        if not force:
            K[MOVES] += 1.0
        former, now = without_held(Hc, x, g, lo, hi, scale, n), without_held(H, x, g, lo, hi, scale, n)
        K[SHRUNK], K[SHARE] = shrinkage_of_pivots(former, now, scale, n)
        K[SHRUNK] = np.inf if force else K[SHRUNK]
        K[F] = f
        for i in range(n):
            c[i], gc[i] = x[i], g[i]
            for j in range(n):
                Hc[i, j], Bc[i, j] = H[i, j], B[i, j]
    return finite, accept, finite and not accept and settled, bracket


@jit
def search(kind, auto, f, g, H, B, r, J, x, c, y, scale, gc, Hc, Bc, rc, Jc, K, limit, lo, hi, n):
    """One trip of the search: from the values at the trial point x to the next; returns how it stands."""
    K[TRIPS] += 1.0
    first = K[TRIPS] == 1.0
    forced = K[FORCE] > 0.0
    plain = K[NEWTON] > 0.0 and K[TAU] == 1.0  # the step that led here was a Newton step, not relaxed
    finite, accept, noise, bracket = judge_trial(
        kind, f, g, H, B, r, J, x, c, y, scale, gc, Hc, Bc, rc, Jc, K, auto, lo, hi, n
    )  # fmt: skip
    if first and not finite:
        return BAD_START
    if accept and kind == ROOT:
        for i in range(n):
            rc[i] = r[i]
            for j in range(n):
                Jc[i, j] = J[i, j]
    moved = accept and not forced
    K[FORCE] = 1.0 if forced and not finite else 0.0
    exact = K[EXACT] > 0.0

    # New direction from the model at the current point, in relative coordinates.
    A, gs = np.zeros((n, n)), np.zeros(n)
    model = without_held(Hc if exact else Bc, c, gc, lo, hi, scale, n)
    loose = False  # at a bound, but free
    for i in range(n):
        held = is_held(c[i], gc[i], lo[i], hi[i])
        loose = loose or (not held and (c[i] <= lo[i] or c[i] >= hi[i]))
        gs[i] = 0.0 if held else gc[i] * scale[i]
        for j in range(n):
            A[i, j] = model[i, j] * scale[i] * scale[j]
    for _ in range(SHORTER):
        definite = kind == ROOT and newton_step_of_roots(Jc, rc, scale, y, n)
        newton = definite and inner(y, y, n) <= (1.1 * K[R]) ** 2
        if newton:
            K[LAM] = 0.0
        else:
            K[LAM], positive = bounded_step(A, gs, K[R], K[LAM], y, n)
            newton = kind != ROOT and positive and K[LAM] == 0.0
            definite = definite or (kind != ROOT and positive)
        K[TAU] = K[TAU] if newton else 1.0
        for i in range(n):
            y[i] *= K[TAU]
        cut = confine(c, y, scale, lo, hi, n)
        descent = -inner(gs, y, n)
        if not cut or (descent > 0.0 and descent - 0.5 * form(A, y, n) > 0.1 * descent):
            break
        K[R] = 0.25 * min(K[R], math.sqrt(inner(y, y, n)) if descent > 0.0 else K[R])
    newton = newton and not cut
    K[TAU] = 1.0 if cut else K[TAU]
    slope = bend_h = bend_b = step = 0.0
    for i in range(n):
        slope += gs[i] * y[i]
        size = max(abs(c[i]), 1e-2 * scale[i])
        step = max(step, abs(scale[i] * y[i]) / size)
        for j in range(n):
            product = scale[i] * y[i] * scale[j] * y[j]
            bend_h += Hc[i, j] * product
            bend_b += Bc[i, j] * product
    if kind == ROOT:
        slope, bend_b = slope_and_bend(Jc, rc, scale, y, n)
        bend_h = bend_b
    before = K[DEC]
    K[SLOPE] = slope
    K[PRED_H], K[PRED_B] = -(slope + 0.5 * bend_h), -(slope + 0.5 * bend_b)
    K[PRED] = K[PRED_H] if exact else K[PRED_B]
    if K[TAU] > 1.0:
        K[PRED] = max(K[PRED], -0.25 * slope)
    dec = max(-0.5 * slope, K[PRED]) / K[TAU]  # what a Newton step still promises
    step /= K[TAU]
    if first or forced:
        K[F0] = K[F]
    gained = dec <= FTOL * (K[F0] - K[F])
    tiny = K[PRED] <= 1e-13 * abs(K[F])
    K[DEC], K[STEP] = dec, step
    K[NEWTON], K[TINY], K[GAINED] = 1.0 if newton else 0.0, 1.0 if tiny else 0.0, 1.0 if gained else 0.0

    if kind == ROOT:
        vanish = residuals_small(rc, Jc, c, 1e-15, n)
        if vanish or (newton and step <= XTOL and K[MOVES] > 0.0) or (noise and step <= 1e-9):
            return FOUND
    else:
        bottom = moved and plain and dec <= 1e-6 * abs(K[F]) and dec >= 0.25 * before and exact and not loose
        normal = without_held(Bc, c, gc, lo, hi, scale, n)
        certain = slope == 0.0 or is_steady(kind == LEAST_SQUARES, normal, scale, K[SHRUNK], K[SHARE], n)
        quick = not exact or (moved and plain and dec <= QUICK * before) or slope == 0.0
        small = quick and (dec <= FTOL * abs(K[F]) or (gained and step <= XTOL))
        if step <= 1e-6 and K[TAU] == 1.0 and (small or bottom):
            if not exact:  # the model must be exact at the end
                K[EXACT] = 1.0
                K[DEC] = np.inf
                K[PRED] = 0.0
                for i in range(n):
                    x[i], y[i] = c[i], 0.0
                return LIMIT if K[TRIPS] >= limit else SEARCHING
            if newton and certain:
                return FOUND
        if noise and certain:
            return FOUND
        if bracket:
            return DEGENERATE
    stuck = not K[PRED] > 0.0 or K[R] < (1e-9 if kind == ROOT else 1e-15)
    stuck = stuck or (dec <= FTOL * abs(K[F]) and not newton and step <= 1e-6)
    if stuck and kind == ROOT and K[TURNS] < KICKS:
        kick(A, gs, y, K, n)
    elif stuck:
        flat = True
        for i in range(n):
            flat = flat and (gc[i] == 0.0 or is_held(c[i], gc[i], lo[i], hi[i]))
        return FLAT if flat else BAD_STEP if K[BACK] > 0.0 else STALLED
    if kind != ROOT:
        far = False
        for i in range(n):
            far = far or abs(c[i]) > 1e20 * scale[i]
        ahead = definite and K[LAM] > 0.0 or newton and step <= 0.1  # a minimum of the model lies ahead, or near
        K[FAR] = K[FAR] + 1.0 if far and not ahead else 0.0
        if K[FAR] > AWAY:
            return DIVERGED
    for i in range(n):
        x[i] = landed(c[i] + scale[i] * y[i], c[i], lo[i], hi[i])
    return LIMIT if K[TRIPS] >= limit else SEARCHING


@jit
def record_step(x, c, scale, K, row, at, n):
    """The step from c to the trial point x into the ``row`` of a history (``history``): its length in relative
    units, and by how much of a Newton step it is one; NaN of one that was forced."""
    if at >= row.shape[0]:
        return
    total = 0.0
    for i in range(n):
        share = (x[i] - c[i]) / scale[i]
        total += share * share
    fall = K[PRED_H] if K[EXACT] > 0.0 else K[PRED_B]
    row[at, history.STEP] = math.sqrt(total)
    row[at, history.ALPHA] = math.nan
    if total > 0.0 and not K[FORCE] > 0.0:
        row[at, history.ALPHA] = history.model_alpha(-K[SLOPE], fall)


@jit
def kick(A, gs, y, K, n):
    """A forced, nearly undamped Newton step of alternating sign, for a root search that is stuck."""
    L, d, v, z = np.zeros((n, n)), np.ones(n), np.zeros(n), np.zeros(n)
    K[TURNS] += 1.0
    trace = 0.0
    for i in range(n):
        trace += A[i, i]
    ldl(A, 1e-12 * trace + 1e-300, L, d, v, n)
    forward(L, gs, z, n)
    sign = -1.0 if K[TURNS] % 2.0 == 0.0 else 1.0
    for i in range(n):
        z[i] *= sign / d[i]
    backward(L, z, y, n)
    K[FORCE] = 1.0
    K[R] = math.sqrt(inner(y, y, n))


@jit
def weight(curvature, x, scale, size):
    """What changing an unknown by all of itself (or of its start) does to F, as in `converge.determined`."""
    reach = max(abs(x), scale, SMALL * size)
    return curvature * reach * reach


@jit
def judge_end(kind, how, c, scale, gc, Hc, Bc, K, lo, hi, n):
    """Status of a search that ended: what is known of the point, never more."""
    if how == FOUND:
        size, most = 0.0, 0.0
        for i in range(n):
            size = max(size, abs(c[i]))
        for i in range(n):
            if not is_held(c[i], gc[i], lo[i], hi[i]):
                most = max(most, weight(Hc[i, i], c[i], scale[i], 0.0))
        singular = False
        for i in range(n):
            unseen = Hc[i, i] * max(c[i] * c[i], scale[i] * scale[i]) <= EPS * abs(K[F])
            unseen = unseen or weight(Hc[i, i], c[i], scale[i], size) <= (UNSEEN * EPS) ** 2 * most
            held = is_held(c[i], gc[i], lo[i], hi[i])
            singular = singular or (unseen and kind != ROOT and not held)
        return status.SINGULAR if singular else status.CONVERGED
    if how == DEGENERATE:
        return status.SINGULAR
    if how == BAD_START:
        return status.NOT_FINITE_AT_START
    if how == DIVERGED:
        return status.UNBOUNDED
    slope = 0.0
    for i in range(n):
        if not is_held(c[i], gc[i], lo[i], hi[i]):
            slope += abs(gc[i]) * max(abs(c[i]), 1e-2 * scale[i])
    stationary = slope <= 1e-9 * max(abs(K[F]), K[F0] - K[F])
    if kind == ROOT:
        return status.NO_ROOT if stationary else status.MAX_ITER if how == LIMIT else status.STALLED
    if stationary:
        A, L, d, v = np.zeros((n, n)), np.zeros((n, n)), np.ones(n), np.zeros(n)
        size = 0.0
        curvature = without_held(Hc, c, gc, lo, hi, scale, n)
        for i in range(n):
            for j in range(n):
                A[i, j] = curvature[i, j] * scale[i] * scale[j]
                size = max(size, abs(A[i, j]))
        definite, p = ldl(A, 0.0, L, d, v, n)
        if not definite:
            return status.SADDLE if p < -1e-8 * size * inner(v, v, n) else status.SINGULAR
    if how == LIMIT:
        return status.MAX_ITER
    return status.NOT_FINITE if how == BAD_STEP else status.STALLED
