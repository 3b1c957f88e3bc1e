"""The end of a patient search for one problem: what it found, and whether another one follows."""

import numpy as np

from . import status
from .bounded import EPS, inner, jit, ldl
from .doubt import BACK, CLOSER, LONGEST, NONE, distance, next_doubt, rests_on_bound
from .held import is_held, without_held
from .history import record_value
from .leap import look_back
from .trust import KICKS, RADIUS, record_step, search, start_search
from .trust_state import (
    APART,
    BAD_START,
    BAD_STEP,
    BESIDE,
    BLIND,
    DEGENERATE,
    DIVERGED,
    EVERY,
    EXACT,
    F0,
    FELL,
    FORCE,
    FOUND,
    GC,
    HOME,
    LEAP,
    LIMIT,
    LOOK,
    MOVES,
    NEWTON,
    ROOT,
    SEARCHING,
    STALLED,
    START,
    STEP,
    TRIPS,
    TURNS,
    UNIT,
    C,
    F,
    G,
    X,
    Y,
)

LOWER = 1e-9  # share of F by which a point must be lower than an end that has a status of its own
DONE = -1  # in place of the number of a search: there is none left
BACK_AGAIN = -1  # how a look from beside ended that led back
CANDIDATE = -1.0  # in place of the number of a look: from what the fast path found
NEAR = 1e-8  # relative length of the Newton step there


@jit
def judge_end(kind, how, v, Hc, K, lo, hi, M, V, n):
    """Status of a search that ended: what is known of the point, never more."""
    c, scale, gc = v[C], v[UNIT], v[GC]
    if how == FOUND:
        singular = False
        for i in range(n):
            unseen = Hc[i, i] * max(c[i] * c[i], scale[i] * scale[i]) <= EPS * abs(K[F])
            held = is_held(c[i], gc[i], lo[i], hi[i])
            singular = singular or (unseen and kind != ROOT and not held)
        return status.SINGULAR if singular else status.CONVERGED
    if how == DEGENERATE:  # or rounding: to be looked at along every direction
        K[BLIND] = 1.0
        return status.CONVERGED
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
        A, L, d, along = M[0], M[1], V[0], V[1]
        size = 0.0
        without_held(Hc, c, gc, lo, hi, scale, A, n)
        for i in range(n):
            for j in range(n):
                A[i, j] = A[i, j] * scale[i] * scale[j]
                size = max(size, abs(A[i, j]))
        definite, p = ldl(A, 0.0, L, d, along, n)
        if not definite:
            flat = 1e-8 * size + EPS * abs(K[F0])
            return status.SADDLE if p < -flat * inner(along, along, n) else status.SINGULAR
        if next_doubt(0, False, c, gc, Hc, v[Y], scale, K[F], K[F0] - K[F], lo, hi, V[3], M, V, n)[0] != NONE:
            return status.SINGULAR
        if how == STALLED and rests_on_bound(c, gc, Hc, v[Y], scale, K[F], lo, hi, V[3], V[4], M, V, n):
            return status.CONVERGED
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

    Returns the number of the search that goes on, at whose start the trial point then is, or DONE.  What was found and
    is in doubt is looked at from beside (`doubt`): such a search has the number of the one that found it.
    """
    found = judge_end(kind, how, v, current[0], K, lo, hi, M, V, n)
    nfev[p] += np.int32(K[TRIPS])
    look, back = max(int(K[LOOK]), 0), how == BACK_AGAIN  # 0: no look from beside, else its number + 1
    if K[LOOK] == CANDIDATE and found != status.CONVERGED:
        start_first(kind, hybrid, x0, v, K, n)
        return 0
    started = found != status.NOT_FINITE_AT_START
    if attempt == 0 and look == 0 and not started:
        state[p] = found
        return DONE
    better = started and not back and (look == 0 and attempt == 0 or lower(K[F], fun[p], K[FELL], look))
    sure = back or found == status.CONVERGED and (kind == ROOT or better or look == 0)
    if sure and kind != ROOT:
        if not back:
            K[EVERY], K[FELL] = K[BLIND], max(K[F0], K[FELL]) - K[F] if K[LOOK] == CANDIDATE else K[F0] - K[F]
        at, far = next_doubt(
            look if back else 0, K[EVERY] > 0.0, end if back else v[C], v[GC], current[0], v[Y], v[UNIT], K[F],
            K[FELL], lo, hi, V[3], M, V, n,
        )  # fmt: skip
        sure = at == NONE
        if at >= 0 and (back or better) and nfev[p] < limit:
            if better:
                keep(v[C], K, p, end, fun, nit, n)
            look_from(V[3], at, far, hybrid, x0, v[X], v[UNIT], K, n)
            return attempt
        found = status.CONVERGED if sure else status.SINGULAR if at < 0 else status.MAX_ITER
    elif look > 0 and not better:
        found = status.MAX_ITER if nfev[p] >= limit else status.SINGULAR
    if better or (sure and not back):
        keep(v[C], K, p, end, fun, nit, n)
        state[p] = found
    elif look > 0:
        state[p] = found
    if look == 0 and not (better or sure):
        nit[p] += np.int32(K[MOVES])
    if sure:
        return DONE
    return go_on(kind, hybrid, attempt, p, v, K, limit, x0, best, lowest, end, fun, state, nfev, n)


@jit
def go_on(kind, hybrid, attempt, p, v, K, limit, x0, best, lowest, end, fun, state, nfev, n):
    """After a search of problem p without a success: another one, or, where they ended higher than the best point that
    was met, one from there; returns its number, or DONE."""
    more = 2 if kind == ROOT else 1 if hybrid else 0
    if attempt > more:
        return DONE
    left = nfev[p] < limit
    if left and attempt < more:
        start_again(kind, attempt + 1, x0, v[C], v[X], v[UNIT], K, n)
        return attempt + 1
    if not lowest[p] < fun[p]:
        return DONE
    fall = fun[p] - lowest[p]
    clearly = fall > LOWER * abs(fun[p]) and fall > EPS * max(K[F0] - lowest[p], K[FELL])
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
def go_to_candidate(end, x, K, n):
    """The trial point after the first, which was the start: what the fast path found, and had doubts of."""
    K[LOOK], K[FELL], K[FORCE], K[EXACT] = CANDIDATE, K[F], 1.0, 1.0
    for i in range(n):
        x[i] = end[i]


@jit
def led_back(v, K, end, n):
    """Whether the last step of a look from beside led back to the end."""
    before = K[APART]
    K[APART] = distance(v[C], end, v[UNIT], n)
    return K[APART] <= min(BACK * K[BESIDE], CLOSER * before)


@jit
def lower(F, best, fell, look):
    """Whether F is lower than the best so far; of a look from beside by more than rounding."""
    return F < best - (1e-12 * abs(best) + EPS * fell if look > 0 else 0.0)


@jit
def keep(c, K, p, end, fun, nit, n):
    """The end c of a search is the best so far."""
    fun[p] = K[F]
    nit[p] += np.int32(K[MOVES])
    for i in range(n):
        end[i] = c[i]


@jit
def look_from(x, at, far, hybrid, x0, trial, scale, K, n):
    """State at the beginning of look number ``at``, from x, so ``far`` beside the end (`doubt.next_doubt`).  Those that
    follow are along every direction: where this one leads back to, H may be less weak than at the end.  Least squares
    begins with JᵀJ: beside a bent valley H is not definite."""
    fell = K[FELL]
    start_search(x0, trial, scale, K, 0.0 if hybrid else 1.0, n)
    K[LOOK], K[BESIDE], K[APART], K[EVERY], K[FELL] = at + 1.0, far, far, 1.0, fell
    for i in range(n):
        trial[i] = x[i]


@jit
def take_trip(
    kind, hybrid, attempt, p, f, trial, current, v, K, limit, x0, best, lowest, end, fun, state, nit, nfev, seen, width,
    lo, hi, M, V, n,
):  # fmt: skip
    """One trip of search number ``attempt`` for problem p: from f, gradient (residuals) and matrices at the trial point
    (see `search`) to the next trial point.  ``nfev[p]`` of the ``limit`` evaluations were spent before this search.

    ``seen`` (problems, width, 4) takes the history, none where ``width`` is 0.  Returns the number of the search that
    goes on, or DONE.  Where ``state[p]`` is DOUBTED the search goes from the start to ``end``, to end there.
    """
    at = nfev[p] + int(K[TRIPS])
    if width > 0:
        record_value(f, v[G], seen[p], at, K[TRIPS] == 0.0, n)
    left = max(limit - nfev[p], 1.0)
    looking = K[LOOK] > 0.0
    left = min(left, LONGEST) if K[LOOK] != 0.0 else left
    auto = hybrid and (looking or attempt == 0 and K[LOOK] == 0.0)
    how = search(kind, auto, f, trial, current, v, K, left, lo, hi, M, V, n)
    if K[LEAP] > 0.0:
        how = look_back(how, K, v[X], v[HOME], n)
    if width > 0:
        record_step(v[X], v[C], v[UNIT], K, seen[p], at + 1, n)
    if state[p] == status.DOUBTED and K[TRIPS] == 1.0 and how == SEARCHING:
        state[p] = status.NOT_RUN
        go_to_candidate(end, v[X], K, n)
    elif K[LOOK] == CANDIDATE and K[NEWTON] > 0.0 and K[STEP] <= NEAR:
        how = FOUND
        K[BLIND] = 1.0  # to be looked at along every direction
    if looking and led_back(v, K, end, n):
        how = BACK_AGAIN
    if how == SEARCHING:
        if K[FORCE] > 0.0:  # what comes may be higher
            keep_best(v[C], K[F], p, best, lowest, n)
        return attempt
    return keep_end(
        kind, hybrid, how, attempt, p, current, v, K, limit, x0, best, lowest, end, fun, state, nit, nfev, lo, hi, M, V,
        n,
    )  # fmt: skip
