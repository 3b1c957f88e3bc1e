"""Loops of the patient path: problems in and out of the lanes of ``evaluate``, judged one by one (``trust``).

Compiled once for all formulas, as ``cpu`` is.
"""

# The first parameter of an intrinsic is Numba's own:
# pyright: reportCallIssue=false

import numpy as np
from numba import njit

from . import linalg, status, trust
from .cpu import OPTIONS, call_evaluate, load, prepared, take, workspaces
from .history import record
from .lower import pointer

gradient = njit(**OPTIONS)(linalg.gradient)
products = njit(**OPTIONS)(linalg.products)


@njit(**OPTIONS)
def gather(S, outputs, scale, lane, kind, g, h, b, r, j, n):
    """What lane lane yielded, into arrays; returns f.  Of a root search: r and J, and from them f, g and JᵀJ."""
    if kind != trust.ROOT:
        take(S, outputs[1:], lane, g, h, n)
        if outputs.size > 1 + n + n * n:
            for i in range(n):
                for k in range(i + 1):
                    place = outputs[1 + n + n * n + i * n + k]
                    if place >= 0:
                        b[i, k] = b[k, i] = S[place + lane]
        return scale * S[outputs[0] + lane]
    for i in range(n):
        r[i] = S[outputs[i] + lane] if outputs[i] >= 0 else 0.0
        for k in range(n):
            place = outputs[n + i * n + k]
            j[i, k] = S[place + lane] if place >= 0 else 0.0
    f = gradient(r, j, g, n)
    products(j, h, n)
    for i in range(n):
        for k in range(i + 1):
            h[k, i] = b[i, k] = b[k, i] = h[i, k]
    return f


@njit(**OPTIONS)
def solve_trust(
    prepare, computed, evaluate, slots, W, outputs, scale, todo, x0, x, fun, state, nit, nfev, args, data, X, A, m,
    stop, history, low, high, limit, kind, exact,
):  # fmt: skip
    """Solve the problems ``todo`` from x0 by trust-region Newton (``trust``); x, fun and state on return.

    ``nfev`` holds what was spent before, out of ``limit``.  Least squares starts with the model that ``trust`` chooses.
    Where that, or a root search, found nothing, there is a second attempt (``trust.start_again``); the better end is
    kept.  ``exact`` uses the exact Hessian at once.  Where ``stop[0] != 0`` ends the run, what is not finished gets
    NOT_RUN.
    """
    n = x0.shape[1]
    S, D = workspaces(slots, W, m, n, args, data, x)
    X = prepared(prepare, computed, X, A, m)
    problem = np.full(W, -1, np.int64)
    attempt = np.zeros(W, np.int64)
    K = np.zeros((W, trust.SCALARS))
    vectors = np.zeros((6, W, n))  # trial point, current point, step, scale, gradient, residuals
    matrices = np.zeros((3, W, n, n))  # exact Hessian, Gauss-Newton Hessian, Jacobian
    g, r = np.zeros(n), np.zeros(n)
    h, b, j = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    hybrid = kind == trust.LEAST_SQUARES and not exact
    first_model = 0.0 if hybrid or kind == trust.ROOT else 1.0
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
                trust.start_search(x0[p], vectors[0, lane], vectors[3, lane], K[lane], first_model, n)
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
            f = gather(S, outputs, scale, lane, kind, g, h, b, r, j, n)
            if history.size > 0:
                spent = int(K[lane, trust.TRIPS])
                record(pointer(S), lane, outputs, scale, n, history[p], nfev[p] + spent, spent == 0)
            bound = min(p, low.shape[0] - 1)
            how = trust.search(
                kind, hybrid and attempt[lane] == 0, f, g, h, b, r, j,
                vectors[0, lane], vectors[1, lane], vectors[2, lane], vectors[3, lane], vectors[4, lane],
                matrices[0, lane], matrices[1, lane], vectors[5, lane], matrices[2, lane], K[lane],
                max(limit - nfev[p], 1.0), low[bound], high[bound], n,
            )  # fmt: skip
            if history.size > 0:
                at = nfev[p] + int(K[lane, trust.TRIPS])
                trust.record_step(vectors[0, lane], vectors[1, lane], vectors[3, lane], K[lane], history[p], at, n)
            if how != trust.SEARCHING:
                found = trust.judge_end(
                    kind,
                    how,
                    vectors[1, lane],
                    vectors[3, lane],
                    vectors[4, lane],
                    matrices[0, lane],
                    matrices[1, lane],
                    K[lane],
                    low[bound],
                    high[bound],
                    n,
                )
                nit[p] += np.int32(K[lane, trust.MOVES])
                nfev[p] += np.int32(K[lane, trust.TRIPS])
                if found == status.NOT_FINITE_AT_START:
                    state[p] = found
                elif attempt[lane] == 0 or found == status.CONVERGED or K[lane, trust.F] < fun[p]:
                    state[p] = found
                    fun[p] = K[lane, trust.F]
                    for i in range(n):
                        x[p, i] = vectors[1, lane, i]
                more = 2 if kind == trust.ROOT else 1 if hybrid else 0
                again = attempt[lane] < more and nfev[p] < limit
                if again and found != status.CONVERGED and found != status.NOT_FINITE_AT_START:
                    attempt[lane] += 1
                    ends = vectors[1, lane], vectors[0, lane], vectors[3, lane], K[lane]
                    trust.start_again(kind, attempt[lane], x0[p], *ends, n)
                else:
                    problem[lane] = -1
                    running -= 1
            for i in range(n):
                S[i * W + lane] = vectors[0, lane, i]
