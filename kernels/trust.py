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

from . import history, step
from .bounded import EPS, bounded_step, form, inner, jit
from .converge import RESIDUAL
from .held import confine, is_held, landed, without_held
from .leap import begin, is_due, leap
from .strict import is_steady, residuals_small
from .trust_roots import kick, newton_step_of_roots, newton_within, slope_and_bend
from .trust_state import (
    BACK,
    BAD_START,
    BAD_STEP,
    BLIND,
    DEC,
    DEGENERATE,
    DIVERGED,
    EXACT,
    F0,
    FAR,
    FLAT,
    FORCE,
    FOUND,
    GAINED,
    GC,
    GROWTH,
    HOME,
    LAM,
    LEAST_SQUARES,
    LIMIT,
    LOOK,
    MOVES,
    NEWTON,
    PRED,
    PRED_B,
    PRED_H,
    RC,
    RESIDUALS,
    ROOT,
    SCALARS,
    SEARCHING,
    SHARE,
    SHRUNK,
    SLOPE,
    STALLED,
    START,
    STEP,
    TAU,
    TINY,
    TRIPS,
    TURNS,
    UNIT,
    C,
    F,
    G,
    R,
    X,
    Y,
)
from .trust_trial import GROW, judge_trial

scales = jit(step.scales)

RADIUS = 0.3  # first bound of a step, relative, per sqrt(n)
XTOL, FTOL = 1e-11, 1e-20  # (of a root XTOL is enough where F falls no more, which its own rounding errors may forbid)
QUICK = 0.05  # of x³ a Newton step leaves an eighth of what it promised, of x⁴ a fifth: that is not quadratic
AWAY = 5  # trips beyond 1e20 times the start, with no minimum ahead, until f counts as unbounded
SHORTER = 40  # times that a step may be shortened until it goes downhill after all that the bounds cut off
KICKS = 3  # forced Newton steps of a root search that is stuck


@jit
def start_search(x0, x, scale, K, exact, n):
    """State at the beginning of a search from x0."""
    scales(x0, scale, n)
    for i in range(n):
        scale[i] = 1.0 / scale[i]
        x[i] = x0[i]
    for i in range(SCALARS):
        K[i] = 0.0
    K[F] = np.inf
    K[R] = RADIUS * math.sqrt(n)
    K[TAU] = 1.0
    K[GROWTH] = GROW
    K[DEC] = K[STEP] = np.inf
    K[EXACT] = exact
    K[FORCE] = 1.0
    begin(K)


@jit
def search(kind, auto, f, trial, current, v, K, limit, lo, hi, M, V, n):
    """One trip of the search: from the values at the trial point x to the next; returns how it stands.

    ``trial`` and ``current`` hold the matrices of both points: H, and behind it JᵀJ of least squares or J of a root,
    whose H is JᵀJ; ``v`` holds the vectors, K the scalars of the state.  The matrices M and the
    vectors V (`ROOM` of them) are room for work: M[0] and V[0] for the model, the others for its parts.
    """
    x, c, y, scale, gc, rc, g, r = v[X], v[C], v[Y], v[UNIT], v[GC], v[RC], v[G], v[RESIDUALS]
    H, J, Hc, Jc = trial[0], trial[trial.shape[0] - 1], current[0], current[current.shape[0] - 1]
    B, Bc = (H, Hc) if kind == ROOT else (J, Jc)
    K[TRIPS] += 1.0
    first = K[TRIPS] == 1.0
    forced = K[FORCE] > 0.0
    plain = K[NEWTON] > 0.0 and K[TAU] == 1.0  # the step that led here was a Newton step, not relaxed
    finite, accept, noise, bracket = judge_trial(
        kind, f, g, H, B, r, J, x, c, y, scale, gc, Hc, Bc, rc, Jc, K, auto, lo, hi, M, V, n
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
    A, gs = M[0], V[0]
    without_held(Hc if exact else Bc, c, gc, lo, hi, scale, A, n)
    loose = False  # at a bound, but free
    for i in range(n):
        held = is_held(c[i], gc[i], lo[i], hi[i])
        loose = loose or (not held and (c[i] <= lo[i] or c[i] >= hi[i]))
        gs[i] = 0.0 if held else gc[i] * scale[i]
        for j in range(n):
            A[i, j] = A[i, j] * scale[i] * scale[j]
    for _ in range(SHORTER):
        definite = kind == ROOT and newton_step_of_roots(Jc, rc, scale, y, M[1], M[2], V[1], V[2], n)
        newton = definite and inner(y, y, n) <= (1.1 * K[R]) ** 2
        if newton:
            K[LAM] = 0.0
        else:
            K[LAM], positive = bounded_step(A, gs, K[R], K[LAM], y, M[1], V[1], V[2], V[3], V[4], V[5], n)
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
    if first:
        K[START] = K[F]
    if first or (forced and K[LOOK] < 0.0):
        K[F0] = K[F]
    gained = dec <= FTOL * (K[F0] - K[F])
    tiny = K[PRED] <= 1e-13 * abs(K[F])
    K[DEC], K[STEP] = dec, step
    K[NEWTON], K[TINY], K[GAINED] = 1.0 if newton else 0.0, 1.0 if tiny else 0.0, 1.0 if gained else 0.0

    if kind == ROOT:
        vanish = residuals_small(rc, Jc, c, 1e-15, n)
        close = newton and K[MOVES] > 0.0 and step <= 4.0 * EPS
        if vanish or close or (noise and step <= 1e-9):
            return FOUND
    else:
        bottom = moved and plain and dec <= 1e-6 * abs(K[F]) and dec >= 0.25 * before and exact and not loose
        if kind == LEAST_SQUARES:
            without_held(Bc, c, gc, lo, hi, scale, M[1], n)
        certain = slope == 0.0 or is_steady(
            kind == LEAST_SQUARES, M[1], scale, K[SHRUNK], K[SHARE], M[2], M[3], V[1], V[2], n
        )
        quick = not exact or (moved and plain and dec <= QUICK * before) or slope == 0.0
        # Where F is the rounding of zero, nothing falls any more, and rounding alone may lead out of the box.
        vanished = kind == LEAST_SQUARES and K[F] <= 0.5 * (RESIDUAL * EPS) ** 2 * form(Bc, c, n)
        small = (quick and (dec <= FTOL * abs(K[F]) or (gained and step <= XTOL))) or vanished
        if step <= 1e-6 and K[TAU] == 1.0 and (small or bottom):
            if not exact:  # the model must be exact at the end
                K[EXACT] = 1.0
                K[DEC] = np.inf
                K[PRED] = 0.0
                for i in range(n):
                    x[i], y[i] = c[i], 0.0
                return LIMIT if K[TRIPS] >= limit else SEARCHING
            if (newton or (vanished and definite)) and certain:
                K[BLIND] = 0.0
                return FOUND
        if noise and certain:
            return FOUND
        K[BLIND] = 0.0
        if bracket:
            return DEGENERATE
    stuck = not K[PRED] > 0.0 or K[R] < (1e-9 if kind == ROOT else 1e-15)
    stuck = stuck or (dec <= FTOL * abs(K[F]) and not newton and step <= 1e-6)
    on_root = stuck and kind == ROOT and K[MOVES] > 0.0 and K[BLIND] == 0.0
    if on_root and newton_within(XTOL, Jc, rc, c, scale, y, M[1], M[2], V[1], V[2], n):
        return FOUND  # as near as the rounding errors of F allow
    if stuck and kind == ROOT and K[TURNS] < KICKS:
        K[TURNS] += 1.0
        K[FORCE] = 1.0
        K[R] = kick(A, gs, y, K[TURNS], M[1], V[1], V[2], V[3], n)
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
        if is_due(K, not newton and K[LAM] > 0.0 and K[LOOK] == 0.0):
            leap(A, gs, c, scale, v[HOME], y, K, V[6], M[1], V[1], V[2], V[3], V[4], V[5], n)
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
