"""What the loops of ``cpu`` write down of every evaluation, where somebody wants to see how a solve went."""

# The first parameter of an intrinsic is Numba's own:
# pyright: reportCallIssue=false

from numba import njit

from .lower import get

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}
WITHIN = OPTIONS | {"inline": "always"}


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
def record(S, lane, outputs, scale, n, row, at):
    """Evaluation number ``at`` of the problem in a lane into its ``row``, (evaluations, 2)."""
    if at < row.shape[0]:
        row[at, 0], row[at, 1] = value_and_slope(S, lane, outputs, scale, n)


@njit(**WITHIN)
def record_lanes(S, W, trips, problem, outputs, scale, n, nfev, history):
    """One evaluation of every lane that is at work; ``trips`` is the place of the evaluations before it."""
    for lane in range(W):
        b = problem[lane]
        if b >= 0:
            record(S, lane, outputs, scale, n, history[b], nfev[b] + int(get(S, trips * W + lane)))
