"""Loops around the lane kernels: problems in and out of W lanes.

``prepare``, ``evaluate`` and ``advance`` are addresses of the compiled functions of one formula (see ``lanes``);
everything here is compiled once for all formulas.  A lane whose problem has ended takes the next one, so that no lane
waits for the slowest and the cost is the sum of the trips.

Slots of the workspace: the unknowns first, then the scalars of the problem; ``at`` holds the numbers of others.
"""

# The first parameter of an intrinsic is Numba's own:
# pyright: reportCallIssue=false

import math

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.extending import intrinsic

from . import linalg, status, step, trust
from .converge import HAND_OVER, NEXT_PHASE
from .history import record, record_lanes
from .lower import flush_subnormals, get, keep, lowest_bit, peek, pointer, put, set_mode, small

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}
AT = ("c_0", "q_0", "F", "F0", "radius", "trips", "moves", "code")  # order of the places in ``at``
C, Q, F, F0, RADIUS, TRIPS, MOVES, CODE = range(8)

normal_equations = njit(**OPTIONS)(linalg.normal_equations)
FIRST_RADIUS = step.RADIUS
LINE = 64  # bytes of a cache line
NARROW = 3  # columns; fewer are copied one after the other


def _pointer_call(result: str, arguments: int):
    """Call of a compiled function by its address: arrays are handed over as pointers to their data."""

    def typed(typing, address, *given):
        returned = types.int64 if result == "bits" else types.void

        def generate(context, builder, signature, values):
            plain = []
            for kind, value in zip(signature.args[1:], values[1:], strict=True):
                is_array = isinstance(kind, types.Array)
                plain.append(context.make_array(kind)(context, builder, value).data if is_array else value)
            out = context.get_value_type(returned) if result == "bits" else ir.VoidType()
            kind = ir.FunctionType(out, [value.type for value in plain])
            called = builder.call(builder.inttoptr(values[0], kind.as_pointer()), plain)
            return called if result == "bits" else context.get_dummy_value()

        return returned(address, *given), generate

    listed = ", ".join(f"a{i}" for i in range(arguments))
    space = {"typed": typed, "__name__": __name__}
    exec(f"def call(typing, address, {listed}):\n    return typed(typing, address, {listed})", space)
    return intrinsic(space["call"])


call_prepare = _pointer_call("nothing", 3)  # X, A, m
call_evaluate = _pointer_call("nothing", 5)  # S, D, X, A, m
call_advance = _pointer_call("bits", 5)  # S, limit, ftol, xtol, gtol


@njit(forceinline=True, **OPTIONS)
def load(S, D, W, lane, b, n, m, x, args, arg_arrays, data, data_arrays):
    """Problem b into one lane: unknowns, scalars, data.  All arrays are pointers: nothing is counted here.

    ``args`` and ``data`` hold a row (address, values of a problem or of a data row) for each array.
    """
    small()
    for i in range(n):
        put(S, i * W + lane, get(x, b * n + i))
    place = n * W + lane
    for array in range(arg_arrays):
        address, width = get(args, 2 * array), get(args, 2 * array + 1)
        for i in range(width):
            put(S, place, peek(address, b * width + i, S))
            place += W
    stride = 0
    for array in range(data_arrays):
        stride += get(data, 2 * array + 1) * W
    column = lane
    for array in range(data_arrays):
        address, width = get(data, 2 * array), get(data, 2 * array + 1)
        for i in range(width if width <= NARROW else 0):
            for k in range(m):
                put(D, k * stride + column + i * W, peek(address, (b * m + k) * width + i, S))
        for k in range(m if width > NARROW else 0):  # row by row: D is larger than the first-level cache
            for i in range(width):
                put(D, k * stride + column + i * W, peek(address, (b * m + k) * width + i, S))
        column += width * W


@njit(**OPTIONS)
def workspaces(slots, W, m, data, like):
    """State of the lanes, and their data."""
    columns = data[:, 1].sum()
    return aligned_zeros(slots * W, like), aligned_zeros((m * columns + 1) * W, like)


@njit(**OPTIONS)
def aligned_zeros(size, like):
    """Zeros that begin with a cache line: a vector that lies in two of them costs twice."""
    item = like.itemsize
    array = np.zeros(size + LINE // item, like.dtype)
    first = (LINE - array.ctypes.data % LINE) % LINE // item
    return array[first : first + size]


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
    prepare, computed, evaluate, advance, slots, W, at, outputs, scale, todo, x, fun, top, code, nit, nfev, args, data,
    X, A, m, stop, history, limit, ftol, xtol, gtol,
):  # fmt: skip
    """Solve the problems ``todo`` (row numbers); x is the start on entry and the solution on return.

    ``top`` is the largest F at a start, of this phase and those before it (-inf before the first).
    ``stop[0] != 0`` ends the run early; problems not finished keep code 0.  ``history`` (problems, evaluations, 2)
    takes f and max |g| of every evaluation; none where it is empty.
    """
    small()
    S, D = workspaces(slots, W, m, data, x)
    X = prepared(prepare, computed, X, A, m)
    n, size = x.shape[1], todo.size
    state, rows, start, where = pointer(S), pointer(D), pointer(x), pointer(at)
    tables = pointer(args), pointer(data)
    out = pointer(fun), pointer(top), pointer(code), pointer(nit), pointer(nfev)
    problem = np.full(W, -1, np.int64)
    mode = flush_subnormals()
    ended = np.int64(-1) if W == 64 else (np.int64(1) << W) - 1
    taken = 0
    running = 0
    for lane in range(size, W if size > 0 else 0):  # idle: numbers as good as any other, no zeros and subnormals
        load(state, rows, W, lane, todo[0], n, m, start, tables[0], args.shape[0], tables[1], data.shape[0])
        enter(state, W, lane, where, n, top[todo[0]])
    while True:
        while ended != 0:
            lane = lowest_bit(ended)
            ended &= ended - 1
            if problem[lane] >= 0:
                leave(state, W, lane, where, problem[lane], n, start, *out)
                problem[lane] = -1
                running -= 1
            if taken < size:
                b = todo[taken]
                problem[lane] = b
                load(state, rows, W, lane, b, n, m, start, tables[0], args.shape[0], tables[1], data.shape[0])
                enter(state, W, lane, where, n, get(out[1], b))
                taken += 1
                running += 1
        if running == 0 or stop[0] != 0:
            break
        call_evaluate(evaluate, S, D, X, A, m)
        if history.size > 0:
            record_lanes(state, W, at[TRIPS], problem, outputs, scale, n, nfev, history)
        ended = call_advance(advance, S, limit, ftol, xtol, gtol)
    set_mode(mode)
    keep(S)
    keep(D)


@njit(forceinline=True, **OPTIONS)
def scales_of_lane(S, x, q, W, n):
    """``step.scales`` on slots: x and q are the places of their first elements."""
    small()
    top = get(S, x) * 0
    for i in range(n):
        top = max(top, abs(get(S, x + i * W)))
    top = top if top > 0 else top + 1
    for i in range(n):
        size = abs(get(S, x + i * W))
        put(S, q + i * W, 1 / (size if size > 0 else top))


@njit(forceinline=True, **OPTIONS)
def enter(S, W, lane, at, n, top):
    """State of a lane at the beginning of a problem; the rest follows from ``trips == 0`` (``step.trip``)."""
    small()
    scales_of_lane(S, lane, get(at, Q) * W + lane, W, n)
    put(S, get(at, TRIPS) * W + lane, 0.0)
    put(S, get(at, F0) * W + lane, top)
    put(S, get(at, RADIUS) * W + lane, FIRST_RADIUS * math.sqrt(n))


@njit(forceinline=True, **OPTIONS)
def leave(S, W, lane, at, b, n, x, fun, top, code, nit, nfev):
    """What a lane has to say of problem b."""
    small()
    how = get(S, get(at, CODE) * W + lane)
    put(code, b, np.int8(how))
    put(top, b, get(S, get(at, F0) * W + lane))
    put(nit, b, np.int32(get(nit, b) + get(S, get(at, MOVES) * W + lane)))
    put(nfev, b, np.int32(get(nfev, b) + get(S, get(at, TRIPS) * W + lane)))
    if how < HAND_OVER:
        put(fun, b, get(S, get(at, F) * W + lane))
        place = lane if how == NEXT_PHASE else get(at, C) * W + lane  # onward: the next trial point
        for i in range(n):
            put(x, b * n + i, get(S, place + i * W))


@njit(**OPTIONS)
def derivatives(prepare, computed, evaluate, slots, W, outputs, scale, x, f, g, h, args, data, X, A, m):
    """f, g and H of every problem at x; ``outputs[i]`` is the place of g_i, ``outputs[n + i n + j]`` of h_ij."""
    S, D = workspaces(slots, W, m, data, x)
    X = prepared(prepare, computed, X, A, m)
    n = x.shape[1]
    for first in range(0, x.shape[0], W):
        lanes = min(W, x.shape[0] - first)
        for lane in range(lanes):
            load(
                pointer(S), pointer(D), W, lane, first + lane, n, m, pointer(x),
                pointer(args), args.shape[0], pointer(data), data.shape[0],
            )  # fmt: skip
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
    stop, history, low, high, limit, kind, exact,
):  # fmt: skip
    """Solve the problems ``todo`` from x0 by trust-region Newton (``trust``); x, fun and state on return.

    ``nfev`` holds what was spent before, out of ``limit``.  Least squares starts with the model that ``trust`` chooses.
    Where that, or a root search, found nothing, there is a second attempt (``trust.start_again``); the better end is
    kept.  ``low`` and ``high`` are the bounds, (problems, n), or (1, n) for all.
    ``exact`` uses the exact Hessian at once.  Where ``stop[0] != 0`` ends the run, what is not finished gets
    NOT_RUN.
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
                record(pointer(S), lane, outputs, scale, n, history[p], nfev[p] + int(K[lane, trust.TRIPS]))
            bound = min(p, low.shape[0] - 1)
            how = trust.search(
                kind, hybrid and attempt[lane] == 0, f, g, h, b, r, j,
                vectors[0, lane], vectors[1, lane], vectors[2, lane], vectors[3, lane], vectors[4, lane],
                matrices[0, lane], matrices[1, lane], vectors[5, lane], matrices[2, lane], K[lane],
                max(limit - nfev[p], 1.0), low[bound], high[bound], n,
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
                again = (hybrid or kind == trust.ROOT) and attempt[lane] == 0 and nfev[p] < limit
                if again and found != status.CONVERGED and found != status.NOT_FINITE_AT_START:
                    attempt[lane] = 1
                    trust.start_again(kind, x0[p], vectors[1, lane], vectors[0, lane], vectors[3, lane], K[lane], n)
                else:
                    problem[lane] = -1
                    running -= 1
            for i in range(n):
                S[i * W + lane] = vectors[0, lane, i]
