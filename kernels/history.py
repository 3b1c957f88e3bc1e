"""What is written down of every evaluation, where somebody wants to see how a solve went.

The value and the slope at a trial point are known once it was evaluated; the step that leads to the next one is known
at the end of the trip, before it is known whether anybody evaluates it.  Where a search begins, both numbers of the
step are zero.
"""

# The first parameter of an intrinsic is Numba's own:
# pyright: reportCallIssue=false

import math
from typing import Any

from numba import njit

from .intrinsics import get

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}
WITHIN: dict[str, Any] = OPTIONS | {"inline": "always"}  # of a caller: not compiled by themselves
COLUMNS = 4
STEP, ALPHA = 2, 3  # behind F and max |g|
FULL, UNKNOWN = -1, -2  # in place of the place of a number: every step is a full one; there is none


def part_of_newton(slope, fall):
    """``alpha = dᵀHd / (-gᵀd)`` of a step d with ``slope = -gᵀd`` along which the model ``gᵀd + dᵀHd / 2`` falls by
    ``fall``: alpha of a Newton step that was cut to that part, negative along a negative curvature."""
    return 2.0 * (1.0 - fall / slope)


model_alpha = njit(**OPTIONS)(part_of_newton)


@njit(**WITHIN)
def larger(size, than):
    """The larger of two sizes; NaN where one is."""
    return size if size > than or size != size else than


@njit(**WITHIN)
def value_and_slope(S, lane, outputs, scale, n):
    """f and ``max |g_i|`` at the trial point of a lane; of r and J (n + n² ``outputs``) those of |r|²/2."""
    f = steepest = scale * 0.0
    if outputs.size == n + n * n:
        for i in range(n):
            r = get(S, outputs[i] + lane) if outputs[i] >= 0 else 0.0
            f += 0.5 * r * r
            slope = 0.0
            for k in range(n):
                if outputs[k] >= 0 and outputs[n + k * n + i] >= 0:
                    slope += get(S, outputs[k] + lane) * get(S, outputs[n + k * n + i] + lane)
            steepest = larger(abs(slope), steepest)
        return f, steepest
    f = scale * get(S, outputs[0] + lane)
    for i in range(n):
        if outputs[1 + i] >= 0:
            steepest = larger(abs(get(S, outputs[1 + i] + lane)), steepest)
    return f, steepest


@njit(**WITHIN)
def record(S, lane, outputs, scale, n, row, at, begins):
    """Evaluation number ``at`` of the problem in a lane into its ``row``, (evaluations, COLUMNS); whether a search
    ``begins`` with it."""
    if at < row.shape[0]:
        row[at, 0], row[at, 1] = value_and_slope(S, lane, outputs, scale, n)
        if begins:
            row[at, STEP] = row[at, ALPHA] = 0.0


@njit(**OPTIONS)
def record_value(f, g, row, at, begins, n):
    """Evaluation number ``at`` of a problem, f and the gradient g, into its ``row``; as `record`."""
    if at < row.shape[0]:
        steepest = 0.0
        for i in range(n):
            steepest = larger(abs(g[i]), steepest)
        row[at, 0], row[at, 1] = f, steepest
        if begins:
            row[at, STEP] = row[at, ALPHA] = 0.0


@njit(**WITHIN)
def record_lanes(S, W, trips, problem, outputs, scale, n, nfev, later, history):
    """One evaluation of every lane that is at work; ``trips`` is the place of the evaluations before it; a ``later``
    phase begins no search."""
    for lane in range(W):
        b = problem[lane]
        if b >= 0:
            spent = int(get(S, trips * W + lane))
            record(S, lane, outputs, scale, n, history[b], nfev[b] + spent, spent == 0 and not later)


@njit(**OPTIONS)
def record_steps(S, W, trips, c, q, alpha, fall, problem, n, nfev, history):
    """The step of every lane that is at work to its next trial point: ``|q (x - c)|``, and alpha.

    ``trips``, ``c``, ``q``, ``alpha`` and ``fall`` are places; where fall has one, that of alpha is slope's
    (`part_of_newton`).
    """
    for lane in range(W):
        b = problem[lane]
        if b >= 0:
            at = nfev[b] + int(get(S, trips * W + lane))
            if at < history.shape[1]:
                total = 0.0
                for i in range(n):
                    share = get(S, (q + i) * W + lane) * (get(S, i * W + lane) - get(S, (c + i) * W + lane))
                    total += share * share
                history[b, at, STEP] = math.sqrt(total)
                part = 1.0 if alpha == FULL else math.nan
                if alpha >= 0:
                    part = get(S, alpha * W + lane)
                if fall >= 0:
                    part = model_alpha(part, get(S, fall * W + lane))
                history[b, at, ALPHA] = part
