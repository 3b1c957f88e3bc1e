"""The end of a patient search for one problem: what it found, and whether another one follows."""

import numpy as np

from . import status
from .bounded import EPS, inner, jit, ldl
from .converge import SMALL, UNSEEN
from .held import is_held, without_held
from .history import record_value
from .leap import look_back
from .trust import KICKS, RADIUS, record_step, search, start_search
from .trust_state import (
    BAD_START,
    BAD_STEP,
    DEGENERATE,
    DIVERGED,
    F0,
    FORCE,
    FOUND,
    GC,
    HOME,
    LEAP,
    LIMIT,
    MOVES,
    ROOT,
    SEARCHING,
    START,
    TRIPS,
    TURNS,
    UNIT,
    C,
    F,
    G,
    X,
)

LOWER = 1e-9  # share of F by which a point must be lower than an end that has a status of its own
DONE = -1  # in place of the number of a search: there is none left


@jit
def weight(curvature, x, scale, size):
    """What changing an unknown by all of itself (or of its start) does to F, as in `converge.determined`."""
    reach = max(abs(x), scale, SMALL * size)
    return curvature * reach * reach


@jit
def judge_end(kind, how, c, scale, gc, Hc, K, lo, hi, M, V, n):
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
        stationary = stationary and K[START] > 0.0  # |F|² was not zero, by underflow, from the start on
        return status.NO_ROOT if stationary else status.MAX_ITER if how == LIMIT else status.STALLED
    if stationary:
        A, L, d, v = M[0], M[1], V[0], V[1]
        size = 0.0
        without_held(Hc, c, gc, lo, hi, scale, A, n)
        for i in range(n):
            for j in range(n):
                A[i, j] = A[i, j] * scale[i] * scale[j]
                size = max(size, abs(A[i, j]))
        definite, p = ldl(A, 0.0, L, d, v, n)
        if not definite:
            return status.SADDLE if p < -1e-8 * size * inner(v, v, n) else status.SINGULAR
    if how == LIMIT:
        return status.MAX_ITER
    return status.NOT_FINITE if how == BAD_STEP else status.STALLED


@jit
def start_first(kind, hybrid, x0, v, K, n):
    """State at the beginning of the first search.  Least squares may begin with JᵀJ (``hybrid``)."""
    start_search(x0, v[X], v[UNIT], K, 0.0 if hybrid or kind == ROOT else 1.0, n)


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
def keep_best(c, f, p, best, lowest, n):
    """Keep the best point of problem p so far."""
    if f < lowest[p]:
        lowest[p] = f
        for i in range(n):
            best[i] = c[i]


@jit
def start_from_best(best, x, scale, K, n):
    """State at the beginning of a last search, which goes down from the best point and nowhere else: what ended
    without a success has its status there."""
    start_search(best, x, scale, K, 1.0, n)
    K[TURNS] = KICKS


@jit
def keep_end(
    kind, hybrid, how, attempt, p, current, v, K, limit, x0, best, lowest, end, fun, state, nit, nfev, lo, hi, M, V, n
):  # fmt: skip
    """Keep the better end of the searches for problem p so far, in ``end``, ``fun`` and ``state``.

    Returns the number of the next search, at whose start the trial point then is, or DONE.
    """
    found = judge_end(kind, how, v[C], v[UNIT], v[GC], current[0], K, lo, hi, M, V, n)
    nit[p] += np.int32(K[MOVES])
    nfev[p] += np.int32(K[TRIPS])
    started = found != status.NOT_FINITE_AT_START
    if attempt == 0 and not started:
        state[p] = found
        return DONE
    if started and (attempt == 0 or found == status.CONVERGED or K[F] < fun[p]):
        state[p] = found
        fun[p] = K[F]
        for i in range(n):
            end[i] = v[C, i]
    more = 2 if kind == ROOT else 1 if hybrid else 0
    if state[p] == status.CONVERGED or attempt > more:
        return DONE
    left = nfev[p] < limit
    if left and attempt < more:
        start_again(kind, attempt + 1, x0, v[C], v[X], v[UNIT], K, n)
        return attempt + 1
    if not lowest[p] < fun[p]:
        return DONE
    fall = fun[p] - lowest[p]
    clearly = fall > LOWER * abs(fun[p]) and fall > EPS * (K[F0] - lowest[p])
    if clearly and left:
        start_from_best(best, v[X], v[UNIT], K, n)
        return more + 1
    if clearly:
        state[p] = status.MAX_ITER
    if clearly or state[p] == status.MAX_ITER:
        fun[p] = lowest[p]
        for i in range(n):
            end[i] = best[i]
    return DONE


@jit
def take_trip(
    kind, hybrid, attempt, p, f, trial, current, v, K, limit, x0, best, lowest, end, fun, state, nit, nfev, seen, width,
    lo, hi, M, V, n,
):  # fmt: skip
    """One trip of search number ``attempt`` for problem p: from f, gradient (residuals) and matrices at the trial point
    (see `search`) to the next trial point.  ``nfev[p]`` of the ``limit`` evaluations were spent before this search.

    ``seen`` (problems, width, 4) takes the history, none where ``width`` is 0.  Returns the number of the search that
    goes on, or DONE.
    """
    at = nfev[p] + int(K[TRIPS])
    if width > 0:
        record_value(f, v[G], seen[p], at, K[TRIPS] == 0.0, n)
    left = max(limit - nfev[p], 1.0)
    how = search(kind, hybrid and attempt == 0, f, trial, current, v, K, left, lo, hi, M, V, n)
    if K[LEAP] > 0.0:
        how = look_back(how, K, v[X], v[HOME], n)
    if width > 0:
        record_step(v[X], v[C], v[UNIT], K, seen[p], at + 1, n)
    if how == SEARCHING:
        if K[FORCE] > 0.0:  # what comes may be higher
            keep_best(v[C], K[F], p, best, lowest, n)
        return attempt
    return keep_end(
        kind, hybrid, how, attempt, p, current, v, K, limit, x0, best, lowest, end, fun, state, nit, nfev, lo, hi, M, V,
        n,
    )  # fmt: skip
