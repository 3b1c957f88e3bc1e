"""Loops around the lane kernels, as they stand in every generated CPU module.

``W``, ``T``, ``SLOTS`` and the functions ``evaluate``, ``advance``, ``load``, ``store`` are those of the module that a
function's text is written into (see ``lanes``); a lane whose problem has ended takes the next one, so that no
lane waits for the slowest and the cost is the sum of the trips.
"""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false

import numpy as np

from . import status, trust


def solve(todo, x, fun, top, code, nit, nfev, args, data, X, A, m, stop, limit, ftol, xtol, gtol):
    """Solve the problems ``todo`` (row numbers); x is the start on entry and the solution on return.

    ``top`` is the largest F at a start, of this phase and those before it (-inf before the first).
    ``stop[0] != 0`` ends the run early; problems not finished keep code 0.
    """
    S = np.zeros(SLOTS * W, T)
    D = np.zeros((m * POINTS + 1) * W, T)
    problem = np.full(W, -1, np.int64)
    taken = 0
    running = 0
    ended = one
    while True:
        for l in range(W if ended > zero else 0):
            b = problem[l]
            if b >= 0 and S[code_ + l] > zero:
                code[b] = np.int8(S[code_ + l])
                top[b] = S[F0_ + l]
                nit[b] += np.int32(S[moves_ + l])
                nfev[b] += np.int32(S[trips_ + l])
                if code[b] < 3:
                    fun[b] = S[F_ + l]
                    store(S, l, b, x, code[b] == 2)
                problem[l] = -1
                running -= 1
            if problem[l] < 0 and taken < todo.size:
                problem[l] = todo[taken]
                load(S, D, l, todo[taken], m, x, args, data)
                S[F0_ + l] = top[todo[taken]]
                taken += 1
                running += 1
        if running == 0 or stop[0] != 0:
            return
        evaluate(S, D, X, A, m)
        ended = advance(S, limit, ftol, xtol, gtol)


def derivatives(x, f, g, h, args, data, X, A, m):
    """f, g and H of every problem at x."""
    S = np.zeros(SLOTS * W, T)
    D = np.zeros((m * POINTS + 1) * W, T)
    for first in range(0, x.shape[0], W):
        lanes = min(W, x.shape[0] - first)
        for l in range(lanes):
            load(S, D, l, first + l, m, x, args, data)
        evaluate(S, D, X, A, m)
        for l in range(lanes):
            store_derivatives(S, l, first + l, f, g, h)


def solve_trust(todo, x0, x, fun, state, nit, nfev, args, data, X, A, m, stop, limit, kind, exact):
    """Solve the problems ``todo`` from x0 by trust-region Newton (``trust``); x, fun and state on return.

    Least squares starts with the model ``trust`` chooses, then, where that found no certified minimum, with the exact
    Hessian throughout; the better end is kept.  ``exact`` uses the exact Hessian at once.
    """
    S = np.zeros(SLOTS * W, T)
    D = np.zeros((m * POINTS + 1) * W, T)
    n = x0.shape[1]
    problem = np.full(W, -1, np.int64)
    attempt = np.zeros(W, np.int64)
    K = np.zeros((W, trust.SCALARS))
    vectors = np.zeros((6, W, n))  # trial point, current point, step, scale, gradient, residuals
    matrices = np.zeros((3, W, n, n))  # exact Hessian, Gauss-Newton Hessian, Jacobian
    g, r = np.zeros(n), np.zeros(n)
    h, b, j = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    hybrid = kind == trust.LEAST_SQUARES and not exact
    taken = 0
    running = 0
    while True:
        for l in range(W):
            if problem[l] < 0 and taken < todo.size:
                problem[l] = todo[taken]
                load(S, D, l, todo[taken], m, x0, args, data)
                trust.start_search(x0[todo[taken]], vectors[0, l], vectors[3, l], K[l], 0.0 if hybrid or kind == trust.ROOT else 1.0, n)
                attempt[l] = 0
                taken += 1
                running += 1
        if running == 0 or stop[0] != 0:
            return
        evaluate(S, D, X, A, m)
        for l in range(W):
            p = problem[l]
            if p < 0:
                continue
            f = gather(S, l, g, h, b, r, j)
            how = trust.search(
                kind, hybrid and attempt[l] == 0, f, g, h, b, r, j,
                vectors[0, l], vectors[1, l], vectors[2, l], vectors[3, l], vectors[4, l],
                matrices[0, l], matrices[1, l], vectors[5, l], matrices[2, l], K[l], limit, n,
            )  # fmt: skip
            if how != trust.SEARCHING:
                found = trust.judge_end(kind, how, vectors[1, l], vectors[3, l], vectors[4, l], matrices[0, l], K[l], n)
                nit[p] += np.int32(K[l, trust.MOVES])
                nfev[p] += np.int32(K[l, trust.TRIPS])
                if found == status.NOT_FINITE_AT_START:
                    state[p] = found
                elif attempt[l] == 0 or found == status.CONVERGED or K[l, trust.F] < fun[p]:
                    state[p] = found
                    fun[p] = K[l, trust.F]
                    for i in range(n):
                        x[p, i] = vectors[1, l, i]
                if hybrid and attempt[l] == 0 and found != status.CONVERGED and found != status.NOT_FINITE_AT_START:
                    attempt[l] = 1
                    trust.start_search(x0[p], vectors[0, l], vectors[3, l], K[l], 1.0, n)
                else:
                    problem[l] = -1
                    running -= 1
            for i in range(n):
                S[i * W + l] = vectors[0, l, i]
