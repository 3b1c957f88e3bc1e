"""Loops around the lane kernels: problems in and out of W lanes.

``prepare``, ``enter``, ``evaluate`` and ``advance`` are addresses of the compiled functions of one formula (see
``lanes``); everything here is compiled once for all formulas.  A lane whose problem has ended takes the next one, so
that no lane waits for the slowest and the cost is the sum of the trips.

Slots of the workspace: the unknowns first, then the scalars of the problem; ``at`` holds the numbers of others.
"""

# The first parameter of an intrinsic is Numba's own:
# pyright: reportCallIssue=false

from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.extending import intrinsic

from . import status
from .converge import CONVERGED, DOUBTFUL, ENDED, HAND_OVER, NEXT_PHASE, NOT_FINITE_AT_START
from .gaps import leave_out
from .history import FULL, OPTIONS, UNKNOWN, WITHIN, record_lanes, record_steps
from .intrinsics import flush_subnormals, get, keep, lowest_bit, peek, pointer, put, set_mode, small
from .iterations import ITERATIONS
from .leave import ALPHA, AT, FALL, TRIPS, UNIT, C, able, keep_low, leave, spent, those

LINE = 64  # bytes of a cache line
TABLE = 5  # numbers of an array: address, values of a problem or data row, from problem to problem; its mask or 0, same
NARROW = 3  # columns; fewer are copied one after the other
PHASE = ("prepare", "computed", "enter", "evaluate", "advance", "slots", "lanes")  # what ``solve`` needs of a kernel
PREPARE, COMPUTED, ENTER, EVALUATE, ADVANCE, SLOTS, LANES = range(7)


def places(phase: str, place: Callable[[str], int]) -> list[int]:
    """Where ``solve`` finds the state of an iteration (AT), and how much of a step was taken."""
    fraction = ITERATIONS[phase].fraction
    found = [UNKNOWN if fraction is None else FULL] if not fraction else [place(name) for name in fraction]
    return [*(place(name) for name in AT), *found, *[FULL] * (2 - len(found))]


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
call_enter = _pointer_call("nothing", 3)  # S, lane, top
call_evaluate = _pointer_call("nothing", 5)  # S, D, X, A, m
call_advance = _pointer_call("bits", 5)  # S, limit, ftol, xtol, gtol


@njit(forceinline=True, **OPTIONS)
def load(S, D, W, lane, b, n, m, x, args, arg_arrays, data, data_arrays):
    """Problem b into one lane: unknowns, scalars of its own, data.  All arrays are pointers: nothing is counted here.

    ``args`` and ``data`` hold a row of TABLE for each array.
    """
    small()
    for i in range(n):
        put(S, i * W + lane, get(x, b * n + i))
    place = n * W + lane
    for array in range(arg_arrays):
        address, width, stride = get(args, TABLE * array), get(args, TABLE * array + 1), get(args, TABLE * array + 2)
        for i in range(width if stride != 0 else 0):
            put(S, place + i * W, peek(address, b * stride + i, S))
        place += width * W
    line = 0
    for array in range(data_arrays):
        line += get(data, TABLE * array + 1) * W
    column = lane
    for array in range(data_arrays):
        address, width, first = get(data, TABLE * array), get(data, TABLE * array + 1), get(data, TABLE * array + 2) * b
        if get(data, TABLE * array + 3) != 0:
            mask = get(data, TABLE * array + 3) + get(data, TABLE * array + 4) * b
            leave_out(S, D, W, lane, n, m, place, line, column, address, first, width, mask)
            width, column = 0, column + width * W
        for i in range(width if width <= NARROW else 0):
            for k in range(m):
                put(D, k * line + column + i * W, peek(address, first + k * width + i, S))
        for k in range(m if width > NARROW else 0):  # row by row: D is larger than the first-level cache
            for i in range(width):
                put(D, k * line + column + i * W, peek(address, first + k * width + i, S))
        column += width * W


@njit(**OPTIONS)
def workspaces(slots, W, m, n, args, data, like):
    """State of the lanes, with the scalars that all problems share in every lane; and their data."""
    columns = 0
    for array in range(data.shape[0]):
        columns += data[array, 1]
    S, D = aligned_zeros(slots * W, like), aligned_zeros((m * columns + 1) * W, like)
    place = n * W
    for array in range(args.shape[0]):
        for i in range(args[array, 1] * W if args[array, 2] == 0 else 0):
            S[place + i] = peek(args[array, 0], i // W, pointer(S))
        place += args[array, 1] * W
    return S, D


@njit(**OPTIONS)
def aligned_zeros(size, like):
    """Zeros that begin with a cache line: a vector that lies in two of them costs twice."""
    item = like.itemsize
    array = np.zeros(size + LINE // item, like.dtype)
    first = (LINE - array.ctypes.data % LINE) % LINE // item
    return array[first : first + size]


@njit(**WITHIN)
def prepared(prepare, computed, X, A, m):
    """The shared columns, followed by those that are worked out from them."""
    if computed == 0:
        return X
    full = np.empty(X.size + computed * m, X.dtype)
    for i in range(X.size):  # a slice would compile for seconds what it says of one that does not fit
        full[i] = X[i]
    call_prepare(prepare, full, A, m)
    return full


@njit(**OPTIONS)
def solve_phases(
    phases, at, outputs, scale, numbers, later, todo, x, fun, top, best, low, state, nit, nfev, args, data, X, A, m,
    stop, history, most,
):  # fmt: skip
    """Solve the problems ``todo`` (row numbers) by phase after phase; each takes what the one before it hands on.

    x is the start on entry and the solution on return; ``top`` is the largest F at a start so far (-inf before the
    first).  ``best`` and ``low`` are the lowest point that a phase left without a success, and F there (infinite before
    the first).  A problem has at most ``most`` evaluations, with those that ``nfev`` holds on entry.

    A phase has a row in ``phases`` (PHASE), ``at``, ``outputs`` and ``numbers``: most trips, ftol, xtol, gtol, the
    precision of the phase before it, than which it may not end higher, and whether evaluations may run out in it;
    ``later`` says that there was one before the first of these.  ``history`` (problems, evaluations, 4) takes f,
    max |g| and the step of every evaluation (`history`); none where it is empty.  ``stop[0] != 0`` ends the run early;
    problems not finished keep code 0 and their state.

    Returns
    -------
    how each problem left (``converge``), and the rows of those that were handed over
    """
    code = np.empty(x.shape[0], np.int8)
    for b in range(code.size):
        code[b] = 0
    rows = todo
    for k in range(phases.shape[0]):
        rows = able(rows, code, nfev, most)
        if rows.size == 0 or stop[0] != 0:
            break
        solve(phases[k], at[k], outputs[k], scale, numbers[k], later or k > 0, rows, x, fun, top, best, low, code, nit,
              nfev, args, data, X, A, m, stop, history, most)  # fmt: skip
        rows = those(rows, code, NEXT_PHASE, NEXT_PHASE)
    for b in todo:
        if code[b] == CONVERGED:
            state[b] = status.CONVERGED
        elif code[b] == NOT_FINITE_AT_START:
            state[b] = status.NOT_FINITE_AT_START
        elif code[b] >= ENDED:
            state[b] = code[b] - np.int8(ENDED)
        elif code[b] == DOUBTFUL or code[b] == HAND_OVER:
            state[b] = status.DOUBTED if code[b] == DOUBTFUL else status.NOT_RUN
    return code, those(todo, code, HAND_OVER, DOUBTFUL)


@njit(**OPTIONS)
def solve(
    phase, at, outputs, scale, numbers, later, todo, x, fun, top, best, low, code, nit, nfev, args, data, X, A, m, stop,
    history, most,
):  # fmt: skip
    """One phase of ``solve_phases``."""
    small()
    enter, evaluate, advance, W = phase[ENTER], phase[EVALUATE], phase[ADVANCE], phase[LANES]
    limit, ftol, xtol, gtol, precision = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    tight = numbers[5] > 0  # whether evaluations may run out in this phase
    n, size = x.shape[1], todo.size
    S, D = workspaces(phase[SLOTS], W, m, n, args, data, x)
    X = prepared(phase[PREPARE], phase[COMPUTED], X, A, m)
    state, rows, start, where = pointer(S), pointer(D), pointer(x), pointer(at)
    tables = pointer(args), pointer(data)
    out = pointer(fun), pointer(top), pointer(code), pointer(nit), pointer(nfev), pointer(best), pointer(low)
    problem = np.empty(W, np.int64)
    for lane in range(W):
        problem[lane] = -1
    mode = flush_subnormals()
    ended = np.int64(-1) if W == 64 else (np.int64(1) << W) - 1
    taken = 0
    running = 0
    for lane in range(size, W if size > 0 else 0):  # idle: numbers as good as any other, no zeros and subnormals
        load(state, rows, W, lane, todo[0], n, m, start, tables[0], args.shape[0], tables[1], data.shape[0])
        call_enter(enter, S, lane, top[todo[0]])
    while True:
        while ended != 0:
            lane = lowest_bit(ended)
            ended &= ended - 1
            if problem[lane] >= 0:
                leave(state, W, lane, where, problem[lane], n, later, precision, start, *out)
                problem[lane] = -1
                running -= 1
            if taken < size:
                b = todo[taken]
                problem[lane] = b
                load(state, rows, W, lane, b, n, m, start, tables[0], args.shape[0], tables[1], data.shape[0])
                call_enter(enter, S, lane, get(out[1], b))
                taken += 1
                running += 1
        if running == 0 or stop[0] != 0:
            break
        call_evaluate(evaluate, S, D, X, A, m)
        if history.size > 0:
            record_lanes(state, W, at[TRIPS], problem, outputs, scale, n, nfev, later, history)
        if tight:
            keep_low(state, W, outputs, scale, problem, n, best, low)
        ended = call_advance(advance, S, limit, ftol, xtol, gtol)
        if history.size > 0:
            record_steps(state, W, at[TRIPS], at[C], at[UNIT], at[ALPHA], at[FALL], problem, n, nfev, history)
        if tight:
            ended |= spent(state, W, where, problem, nfev, most)
    set_mode(mode)
    keep(S)
    keep(D)


@njit(**OPTIONS)
def derivatives(prepare, computed, evaluate, slots, W, outputs, scale, x, f, g, h, args, data, X, A, m):
    """f, g and H of every problem at x; ``outputs[i]`` is the place of g_i, ``outputs[n + i n + j]`` of h_ij."""
    n = x.shape[1]
    S, D = workspaces(slots, W, m, n, args, data, x)
    X = prepared(prepare, computed, X, A, m)
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
