"""Loops around the lane kernels: problems in and out of W lanes.

``prepare``, ``evaluate`` and ``advance`` are addresses of the compiled functions of one formula (see ``lanes``);
everything here is compiled once for all formulas.  A lane whose problem has ended takes the next one, so that no lane
waits for the slowest and the cost is the sum of the trips.

Slots of the workspace: the unknowns first, then the scalars of the problem; ``at`` holds the places of the others.
"""

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.extending import intrinsic

from . import linalg, status, step, trust
from .converge import HAND_OVER, NEXT_PHASE

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}
AT = ("c_0", "q_0", "F", "F0", "radius", "trips", "moves", "code")  # order of the places in ``at``
C, Q, F, F0, RADIUS, TRIPS, MOVES, CODE = range(8)

scales = njit(**OPTIONS)(step.scales)
normal_equations = njit(**OPTIONS)(linalg.normal_equations)
FIRST_RADIUS = step.RADIUS


def _pointer_call(result: str, arguments: int):
    """Call of a compiled function by its address: arrays are handed over as pointers to their data."""

    def typed(typing, address, *given):
        number = next(kind.dtype for kind in given if isinstance(kind, types.Array))
        returned = number if result == "number" else types.void

        def generate(context, builder, signature, values):
            plain = []
            for kind, value in zip(signature.args[1:], values[1:], strict=True):
                is_array = isinstance(kind, types.Array)
                plain.append(context.make_array(kind)(context, builder, value).data if is_array else value)
            out = context.get_value_type(returned) if result == "number" else ir.VoidType()
            kind = ir.FunctionType(out, [value.type for value in plain])
            called = builder.call(builder.inttoptr(values[0], kind.as_pointer()), plain)
            return called if result == "number" else context.get_dummy_value()

        return returned(address, *given), generate

    listed = ", ".join(f"a{i}" for i in range(arguments))
    space = {"typed": typed, "__name__": __name__}
    exec(f"def call(typing, address, {listed}):\n    return typed(typing, address, {listed})", space)
    return intrinsic(space["call"])


call_prepare = _pointer_call("nothing", 3)  # X, A, m
call_evaluate = _pointer_call("nothing", 5)  # S, D, X, A, m
call_advance = _pointer_call("number", 5)  # S, limit, ftol, xtol, gtol


@njit(**OPTIONS)
def load(S, D, W, lane, b, m, x, args, data):
    """Problem b into lane lane: unknowns, scalars, data."""
    n = x.shape[1]
    for i in range(n):
        S[i * W + lane] = x[b, i]
    slot = n
    for values in args:
        for i in range(values.shape[1]):
            S[slot * W + lane] = values[b, i]
            slot += 1
    columns = 0
    for values in data:
        columns += values.shape[2]
    column = 0
    for values in data:
        for i in range(values.shape[2]):
            for k in range(m):
                D[(k * columns + column) * W + lane] = values[b, k, i]
            column += 1


@njit(**OPTIONS)
def workspaces(slots, W, m, data, like):
    """State of the lanes, and their data."""
    columns = 0
    for values in data:
        columns += values.shape[2]
    return np.zeros(slots * W, like.dtype), np.zeros((m * columns + 1) * W, like.dtype)


@njit(**OPTIONS)
def prepared(prepare, computed, X, A, m):
    """The shared columns, followed by those that are worked out from them."""
    if computed == 0:
        return X
    full = np.empty(X.size + computed * m, X.dtype)
    full[: X.size] = X
    call_prepare(prepare, full, A, m)
    return full


@njit(**OPTIONS)
def solve(
    prepare, computed, evaluate, advance, slots, W, at, todo, x, fun, top, code, nit, nfev, args, data, X, A, m, stop,
    limit, ftol, xtol, gtol,
):  # fmt: skip
    """Solve the problems ``todo`` (row numbers); x is the start on entry and the solution on return.

    ``top`` is the largest F at a start, of this phase and those before it (-inf before the first).
    ``stop[0] != 0`` ends the run early; problems not finished keep code 0.
    """
    S, D = workspaces(slots, W, m, data, x)
    X = prepared(prepare, computed, X, A, m)
    n = x.shape[1]
    q = np.empty(n, x.dtype)
    problem = np.full(W, -1, np.int64)
    taken = 0
    running = 0
    ended = True
    while True:
        if ended:
            for lane in range(W):
                b = problem[lane]
                if b >= 0 and S[at[CODE] + lane] > 0:
                    how = S[at[CODE] + lane]
                    code[b] = np.int8(how)
                    top[b] = S[at[F0] + lane]
                    nit[b] += np.int32(S[at[MOVES] + lane])
                    nfev[b] += np.int32(S[at[TRIPS] + lane])
                    if how < HAND_OVER:
                        fun[b] = S[at[F] + lane]
                        place = 0 if how == NEXT_PHASE else at[C]  # onward: the next trial point
                        for i in range(n):
                            x[b, i] = S[place + i * W + lane]
                    problem[lane] = -1
                    running -= 1
                if problem[lane] < 0 and taken < todo.size:
                    b = todo[taken]
                    problem[lane] = b
                    load(S, D, W, lane, b, m, x, args, data)
                    S[at[C] + lane : slots * W : W] = 0
                    scales(x[b], q, n)
                    for i in range(n):
                        S[at[Q] + i * W + lane] = q[i]
                    S[at[F0] + lane] = top[b]
                    S[at[RADIUS] + lane] = FIRST_RADIUS * np.sqrt(n)
                    taken += 1
                    running += 1
        if running == 0 or stop[0] != 0:
            return
        call_evaluate(evaluate, S, D, X, A, m)
        ended = call_advance(advance, S, limit, ftol, xtol, gtol) > 0


@njit(**OPTIONS)
def derivatives(prepare, computed, evaluate, slots, W, outputs, scale, x, f, g, h, args, data, X, A, m):
    """f, g and H of every problem at x; ``outputs[i]`` is the place of g_i, ``outputs[n + i n + j]`` of h_ij."""
    S, D = workspaces(slots, W, m, data, x)
    X = prepared(prepare, computed, X, A, m)
    n = x.shape[1]
    for first in range(0, x.shape[0], W):
        lanes = min(W, x.shape[0] - first)
        for lane in range(lanes):
            load(S, D, W, lane, first + lane, m, x, args, data)
        call_evaluate(evaluate, S, D, X, A, m)
        for lane in range(lanes):
            f[first + lane] = scale * S[outputs[0] + lane]
            take(S, outputs[1:], lane, g[first + lane], h[first + lane], n)


@njit(**OPTIONS)
def take(S, outputs, lane, vector, matrix, n):
    """A vector and a symmetric matrix of lane lane; what is structurally zero (place -1) stays as it is."""
    for i in range(n):
        if outputs[i] >= 0:
            vector[i] = S[outputs[i] + lane]
        for j in range(i + 1):
            place = outputs[n + i * n + j]
            if place >= 0:
                matrix[i, j] = matrix[j, i] = S[place + lane]


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
    f = normal_equations(r, j, g, h, n)
    for i in range(n):
        for k in range(i + 1):
            h[k, i] = b[i, k] = b[k, i] = h[i, k]
    return f


@njit(**OPTIONS)
def solve_trust(
    prepare, computed, evaluate, slots, W, outputs, scale, todo, x0, x, fun, state, nit, nfev, args, data, X, A, m,
    stop, limit, kind, exact,
):  # fmt: skip
    """Solve the problems ``todo`` from x0 by trust-region Newton (``trust``); x, fun and state on return.

    Least squares starts with the model that ``trust`` chooses, then, where that found no certified minimum, with the
    exact Hessian throughout; the better end is kept.  ``exact`` uses the exact Hessian at once.
    """
    S, D = workspaces(slots, W, m, data, x)
    X = prepared(prepare, computed, X, A, m)
    n = x0.shape[1]
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
                load(S, D, W, lane, p, m, x0, args, data)
                trust.start_search(x0[p], vectors[0, lane], vectors[3, lane], K[lane], first_model, n)
                attempt[lane] = 0
                taken += 1
                running += 1
        if running == 0 or stop[0] != 0:
            return
        call_evaluate(evaluate, S, D, X, A, m)
        for lane in range(W):
            p = problem[lane]
            if p < 0:
                continue
            f = gather(S, outputs, scale, lane, kind, g, h, b, r, j, n)
            how = trust.search(
                kind, hybrid and attempt[lane] == 0, f, g, h, b, r, j,
                vectors[0, lane], vectors[1, lane], vectors[2, lane], vectors[3, lane], vectors[4, lane],
                matrices[0, lane], matrices[1, lane], vectors[5, lane], matrices[2, lane], K[lane], limit, n,
            )  # fmt: skip
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
                if hybrid and attempt[lane] == 0 and found != status.CONVERGED and found != status.NOT_FINITE_AT_START:
                    attempt[lane] = 1
                    trust.start_search(x0[p], vectors[0, lane], vectors[3, lane], K[lane], 1.0, n)
                else:
                    problem[lane] = -1
                    running -= 1
            for i in range(n):
                S[i * W + lane] = vectors[0, lane, i]
