"""How problems leave the lanes of the CPU: what they have found, and which go on (``cpu``)."""

# The first parameter of an intrinsic is Numba's own:
# pyright: reportCallIssue=false

import math

import numpy as np
from numba import njit

from . import converge
from .converge import CONVERGED, HAND_OVER, NEXT_PHASE, NOT_FINITE_AT_START
from .history import OPTIONS, value_and_slope
from .intrinsics import get, put, small

AT = ("c_0", "F", "F0", "trips", "moves", "code", "q_0")  # order of the places in ``at``; behind them `fraction`
C, VALUE, START, TRIPS, MOVES, CODE, UNIT, ALPHA, FALL = range(9)

worse = njit(**OPTIONS)(converge.worse)


@njit(**OPTIONS)
def able(rows, code, nfev, most):
    """The rows that have evaluations left; the others are handed over."""
    every = True
    for b in rows:
        every = every and nfev[b] < most
    if every:
        return rows
    wanted = np.int8(0)
    for b in rows:
        code[b] = wanted if nfev[b] < most else np.int8(HAND_OVER)
    return those(rows, code, wanted, wanted)


@njit(**OPTIONS)
def those(rows, code, wanted, other):
    """The rows that left in the wanted way, or the other."""
    chosen, count = np.empty(rows.size, np.int64), 0
    for b in rows:
        if code[b] == wanted or code[b] == other:
            chosen[count] = b
            count += 1
    return chosen[:count].copy()


@njit(**OPTIONS)
def keep_low(S, W, outputs, scale, problem, n, best, low):
    """Trial points that are lower than all before are kept, whether they will be accepted or not."""
    for lane in range(W):
        b = problem[lane]
        if b >= 0:
            f, slope = value_and_slope(S, lane, outputs, scale, n)
            if f < low[b] and slope < np.inf:
                low[b] = f
                for i in range(n):
                    best[b, i] = get(S, i * W + lane)


@njit(**OPTIONS)
def spent(S, W, at, problem, nfev, most):
    """The lanes, a bit each, whose problem goes on, but has no evaluation left: it is handed over."""
    lanes = np.int64(0)
    for lane in range(W):
        place = get(at, CODE) * W + lane
        b = problem[lane]
        if b >= 0 and get(S, place) == 0 and nfev[b] + get(S, get(at, TRIPS) * W + lane) >= most:
            put(S, place, HAND_OVER)
            lanes |= np.int64(1) << lane
    return lanes


@njit(forceinline=True, **OPTIONS)
def leave(S, W, lane, at, b, n, later, precision, x, fun, top, code, nit, nfev, best, low):
    """What a lane has to say of problem b."""
    small()
    how = get(S, get(at, CODE) * W + lane)
    F, F0 = get(S, get(at, VALUE) * W + lane), get(S, get(at, START) * W + lane)
    if (how == NEXT_PHASE or how == HAND_OVER) and F < get(low, b):
        put(low, b, F)
        for i in range(n):
            put(best, b * n + i, get(S, (get(at, C) + i) * W + lane))
    if later and how == CONVERGED and worse(F, get(fun, b), F0, precision, math.sqrt):
        how = HAND_OVER
    if later and how == NOT_FINITE_AT_START:
        how = HAND_OVER
    put(code, b, np.int8(how))
    put(top, b, F0)
    put(nit, b, np.int32(get(nit, b) + get(S, get(at, MOVES) * W + lane)))
    put(nfev, b, np.int32(get(nfev, b) + get(S, get(at, TRIPS) * W + lane)))
    if how < HAND_OVER or how > NOT_FINITE_AT_START:
        put(fun, b, F)
        place = lane if how == NEXT_PHASE else get(at, C) * W + lane  # onward: the next trial point
        for i in range(n):
            put(x, b * n + i, get(S, place + i * W))
