"""Loops of the patient path: problems in and out of the lanes of ``evaluate``, judged one by one (``trust``).

Compiled once for all formulas, as ``cpu`` is.
"""

# The first parameter of an intrinsic is Numba's own:
# pyright: reportCallIssue=false

import numpy as np
from numba import njit

from . import status, trust_end, trust_state
from .cpu import OPTIONS, call_evaluate, load, prepared, take, workspaces
from .intrinsics import pointer
from .trust_roots import squared


@njit(**OPTIONS)
def gather(S, outputs, scale, lane, kind, v, trial, n):
    """What lane lane yielded, into vectors and matrices of the trial point; returns f.  Of a root search: r and J, and
    from them f, g and JᵀJ."""
    g, r, h, other = v[trust_state.G], v[trust_state.RESIDUALS], trial[0], trial[1]
    if kind != trust_state.ROOT:
        take(S, outputs[1:], lane, g, h, n)
        if outputs.size > 1 + n + n * n:
            for i in range(n):
                for k in range(i + 1):
                    place = outputs[1 + n + n * n + i * n + k]
                    if place >= 0:
                        other[i, k] = other[k, i] = S[place + lane]
        return scale * S[outputs[0] + lane]
    for i in range(n):
        r[i] = S[outputs[i] + lane] if outputs[i] >= 0 else 0.0
        for k in range(n):
            place = outputs[n + i * n + k]
            other[i, k] = S[place + lane] if place >= 0 else 0.0
    return squared(r, other, g, h, n)


@njit(**OPTIONS)
def solve_trust(
    prepare, computed, evaluate, slots, W, outputs, scale, todo, x0, best, lowest, x, fun, state, nit, nfev, args,
    data, X, A, m, stop, history, low, high, limit, kind, exact,
):  # fmt: skip
    """Solve the problems ``todo`` from x0 by trust-region Newton (``trust``); x, fun and state on return.

    ``nfev`` holds what was spent before, out of ``limit``; ``best`` is the best point met before, and F is ``lowest``
    there.  Least squares starts with the model that ``trust`` chooses.
    Where that, or a root search, found nothing, there is a second attempt (``trust_end.start_again``); the better end
    is kept.  ``exact`` uses the exact Hessian at once.  Where ``stop[0] != 0`` ends the run, what is not finished gets
    NOT_RUN.
    """
    n = x0.shape[1]
    S, D = workspaces(slots, W, m, n, args, data, x)
    X = prepared(prepare, computed, X, A, m)
    problem = np.full(W, -1, np.int64)
    attempt = np.zeros(W, np.int64)
    K = np.zeros((W, trust_state.SCALARS))
    vectors, trial = np.zeros((W, trust_state.VECTORS, n)), np.zeros((2, n, n))
    current = np.zeros((W, 2, n, n))
    M, V = np.zeros((trust_state.ROOM[0], n, n)), np.zeros((trust_state.ROOM[1], n))
    width = history.shape[1] if history.size > 0 else 0
    hybrid = kind == trust_state.LEAST_SQUARES and not exact
    taken = 0
    running = 0
    while True:
        for lane in range(W):
            if problem[lane] < 0 and taken < todo.size:
                p = todo[taken]
                problem[lane] = p
                load(
                    pointer(S), pointer(D), W, lane, p, n, m, pointer(x0),
                    pointer(args), args.shape[0], pointer(data), data.shape[0],
                )  # fmt: skip
                trust_end.start_first(kind, hybrid, x0[p], vectors[lane], K[lane], n)
                attempt[lane] = 0
                taken += 1
                running += 1
        if running == 0 or stop[0] != 0:
            for lane in range(W):
                if problem[lane] >= 0:  # interrupted, perhaps in a second attempt
                    state[problem[lane]] = status.NOT_RUN
            return
        call_evaluate(evaluate, S, D, X, A, m)
        for lane in range(W):
            p = problem[lane]
            if p < 0:
                continue
            v = vectors[lane]
            f = gather(S, outputs, scale, lane, kind, v, trial, n)
            bound = min(p, low.shape[0] - 1)
            attempt[lane] = trust_end.take_trip(
                kind, hybrid, attempt[lane], p, f, trial, current[lane], v, K[lane], limit, x0[p], best[p], lowest,
                x[p], fun, state, nit, nfev, history, width, low[bound], high[bound], M, V, n,
            )  # fmt: skip
            if attempt[lane] == trust_end.DONE:
                problem[lane] = -1
                running -= 1
            for i in range(n):
                S[i * W + lane] = v[trust_state.X, i]
