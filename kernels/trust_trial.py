"""Whether the trial point of a patient search is accepted, and how far the next step may go (``trust``)."""

import math

import numpy as np

from .bounded import EPS, form, inner, jit
from .held import without_held
from .strict import shrinkage_of_pivots
from .trust_roots import bends, left_over
from .trust_state import (
    BACK,
    BLIND,
    DEC,
    EXACT,
    F0,
    FORCE,
    GAINED,
    GROWTH,
    LEAST_SQUARES,
    LOOK,
    MOVES,
    NEWTON,
    PRED,
    PRED_B,
    PRED_H,
    ROOT,
    SHARE,
    SHRUNK,
    SLOPE,
    STEP,
    TAU,
    TINY,
    F,
    R,
)

GROW, GROW_MOST = 2.0, 64.0  # how a bound that was reached grows; it doubles while the model foretells f to 3 % and
FAR_OUT = 100.0  # the bound is so many times the start, whose size then says nothing
RELAX = 8.0  # longest over-relaxation of a Newton step (speeds x⁴-like minima, leaves inflexions)
BIAS = 2.0  # how much better Gauss-Newton must predict to be kept


@jit
def judge_trial(kind, f, g, H, B, r, J, x, c, y, scale, gc, Hc, Bc, rc, Jc, K, auto, lo, hi, M, V, n):
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
    noise = 1e-13 * abs(K[F])
    if kind == LEAST_SQUARES:  # the residuals have the rounding errors of the curve, EPS |J c|
        noise += EPS * math.sqrt(abs(2.0 * K[F] * form(Bc, c, n)))
    flat = finite and unseen and f <= K[F] + noise and slope_there <= 0.9 * abs(K[SLOPE])
    if kind == ROOT and newton and finite and not force:
        flat = flat or left_over(r, J, x, n) < 0.9 * left_over(rc, Jc, c, n)
    accept = finite and (force or ratio > 1e-4 or flat)
    if flat:
        ratio = 1.0
    exact = K[EXACT] > 0.0
    settled = newton and (exact or kind == ROOT) and K[STEP] <= 1e-6 and (tiny or K[DEC] <= 1e-16 * (K[F0] - K[F]))
    bracket = finite and K[TAU] > 1.0 and exact and K[STEP] <= 1e-6 and K[GAINED] > 0.0 and slope_there > 0.0
    if kind != ROOT:
        K[BLIND] = 0.0 if abs(slope_there) <= 0.5 * abs(K[SLOPE]) else 1.0
    elif accept:  # J, too, vanishes where this leads
        K[BLIND] = 1.0 if bends(rc, J, Jc, scale, y, n) else 0.0
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
    if kind == ROOT and settled and finite and not accept:
        settled = not bends(r, J, Jc, scale, y, n)
    K[BACK] = 0.0 if finite else 1.0
    relaxed = min(2.0 * K[TAU], RELAX) if accept and newton and ratio > 1.1 and not (tiny or K[LOOK] != 0.0) else 1.0
    K[TAU] = relaxed
    if accept:
        if not force:
            K[MOVES] += 1.0
        without_held(Hc, x, g, lo, hi, scale, M[0], n)
        without_held(H, x, g, lo, hi, scale, M[1], n)
        K[SHRUNK], K[SHARE] = shrinkage_of_pivots(M[0], M[1], scale, M[2], M[3], V[0], V[1], V[2], n)
        K[SHRUNK] = np.inf if force else K[SHRUNK]
        K[F] = f
        for i in range(n):
            c[i], gc[i] = x[i], g[i]
            for j in range(n):
                Hc[i, j], Bc[i, j] = H[i, j], B[i, j]
    return finite, accept, finite and not accept and settled, bracket
