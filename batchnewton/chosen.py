"""A method that the user chose by name, and nothing else: its iteration, a certificate of its end, or a status.

What such a method takes for a minimum is one where a few Newton steps with the exact Hessian, begun there, pass the
tests of the default path and stay near (`CLOSE`).  They also give the last digits.  Where that fails only because the
end is so good that nothing but rounding is left to see, they begin a little beside it (`ASIDE`) and must lead back.
What does not pass gets a status from the gradient and the Hessian at the method's own end; no other method takes over.
"""

from __future__ import annotations

import numpy as np

from .arrays import on_host
from .chunk import chunk, kernel, shared_data
from .differences import Gradient, hessian, is_minimum
from .kernels import status
from .kernels.converge import AT_LIMIT, AWAY, CONVERGED, EDGE, NEXT_PHASE, NOT_FINITE_AT_START
from .kernels.converge import worse as ends_worse
from .kinks import mark_kinks
from .methods import CERTIFY, CLOSE, SMALL
from .options import Options
from .phases import DOUBLE, Run
from .plan import method_of
from .problem import Problem
from .solution import Solution

ASIDE = {"float64": 1e-5, "float32": 3e-3}  # so far beside an end a second one begins, where nothing is rounding
STATIONARY = {"float64": 1e-9, "float32": 1e-5}  # see `stationary`
BLOCK = 1 << 20  # elements of the Hessians that are looked at together
CLEARLY = 1e-8  # an eigenvalue within this share of the largest is zero
ENDS = {AT_LIMIT: status.MAX_ITER, EDGE: status.NOT_FINITE, AWAY: status.UNBOUNDED, NEXT_PHASE: status.STALLED}


def run_chosen(problem: Problem, rows: slice, options: Options, answer: Solution, stop: np.ndarray) -> None:
    """The problems of one chunk by the method of the options."""
    run = Run(problem, rows, options, answer, stop)
    todo = run.enough()
    (own,) = method_of(problem, options).phases
    code = run.ends(own, todo) if todo.size else np.zeros(0)
    run.state[todo[code == NOT_FINITE_AT_START]] = status.NOT_FINITE_AT_START
    ended = (code != 0) & (code != NOT_FINITE_AT_START)  # 0: interrupted
    todo, code = todo[ended], code[ended]
    left = certify_first(run, todo, code)
    judge(run, todo[left], code[left])
    run.keep_history(answer)


def judge_ends(
    problem: Problem,
    rows: slice,
    options: Options,
    answer: Solution,
    stop: np.ndarray,
    todo: np.ndarray,
    code: np.ndarray,
    top: np.ndarray,
    seen: np.ndarray,
) -> None:
    """Statuses of the problems ``todo`` of a chunk that a GPU left open: method and first certificate have run there.
    What it found is in the answers; ``code`` says how each ended, ``top`` is the largest F at its start, ``seen`` its
    history."""
    run = Run(problem, rows, options, answer, stop, top)
    if options.history:
        run.history[:, : seen.shape[1]] = seen[:, : run.history.shape[1]]
    judge(run, todo, code[todo])
    run.keep_history(answer)


def certify_first(run: Run, todo: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Which ends, of all, the first certificate leaves open."""
    if run.problem.n > SMALL:
        return np.ones(len(todo), bool)
    return ~found_in(todo, certify(run, todo[code == NEXT_PHASE], 0.0))


def judge(run: Run, todo: np.ndarray, code: np.ndarray) -> None:
    """Statuses of ends that the first certificate left open."""
    large = run.problem.n > SMALL
    length = max(1, BLOCK // run.problem.n**2)
    for first in range(0, len(todo), length):
        some = slice(first, first + length)
        if run.stop[0]:
            return
        judge_some(run, todo[some], code[some], large)


def judge_some(run: Run, todo: np.ndarray, code: np.ndarray, large: bool) -> None:
    """Statuses of a few ends that the first certificate did not confirm."""
    states, strict = stationary(run, todo)
    ends = np.where(no_more(run, todo) & (code == NEXT_PHASE), status.MAX_ITER, [ENDS[how] for how in code])
    states = np.where(states < 0, ends, states)
    hopeful = todo[strict & (code == NEXT_PHASE) & ~no_more(run, todo)]
    found = certify_large(run, hopeful) if large else certify(run, hopeful, ASIDE[run.x.dtype.name])
    left = ~found_in(todo, found)
    if run.stop[0]:
        left &= ~found_in(todo, hopeful)  # perhaps interrupted: these have no end yet
    run.state[todo[left]] = states[left]
    mark_kinks(run.problem, run.rows.start + todo[left], run.answer)


def no_more(run: Run, todo: np.ndarray) -> np.ndarray:
    """Which of these have not the evaluations for (the rest of) a certificate."""
    n = run.problem.n
    return run.nfev[todo] + (1 if n <= SMALL else 2 + 4 * n) > run.options.max_iter


def found_in(rows: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Which of the rows are among some of them."""
    return np.isin(rows, some, assume_unique=True)


def certify(run: Run, todo: np.ndarray, aside: float) -> np.ndarray:
    """Which of these ends are certified minima, by Newton steps from beside them; the others stay where they are."""
    phase = method_of(run.problem, run.options).certificate
    assert phase is not None
    if not todo.size or run.stop[0]:
        return todo[:0]
    x, fun, top, steps = run.x[todo], run.fun[todo], run.top[todo], run.nit[todo]
    unit = reach(run, todo, x, 1.0)
    run.x[todo] = x + aside * unit * np.where(np.arange(x.shape[1]) % 2, -1, 1) if aside else x
    code = run.ends(phase, todo, CERTIFY)
    near = (np.abs(run.x[todo] - x) <= CLOSE[x.dtype.name] * unit).all(1)
    good = (code == CONVERGED) & near & ~ends_worse(run.fun[todo], fun, top, np.finfo(fun.dtype).eps, np.sqrt)
    run.nit[todo], run.top[todo] = steps, top
    run.x[todo[~good]], run.fun[todo[~good]] = x[~good], fun[~good]
    run.state[todo[good]] = status.CONVERGED
    return todo[good]


def certify_large(run: Run, todo: np.ndarray) -> np.ndarray:
    """The same for more unknowns than a kernel with a Hessian can have: by differences of gradients, in float64."""
    name, x = run.x.dtype.name, run.x[todo].astype(DOUBLE)
    gradient = gradients(run, todo)
    good, ahead, f = is_minimum(gradient, x, reach(run, todo, x, 1e-2), CLOSE[name], run.options.xtol)
    run.x[todo[good]], run.fun[todo[good]] = ahead[good], f[good]
    run.state[todo[good]] = status.CONVERGED
    if run.options.history:  # what these evaluations yield is not in it
        unseen = np.arange(run.history.shape[1]) >= run.nfev[todo, None]
        run.history[todo] = np.where(unseen[:, :, None], np.nan, run.history[todo])
    run.nfev[todo] += 2 + 4 * run.problem.n
    return todo[good]


def reach(run: Run, todo: np.ndarray, x: np.ndarray, share: float) -> np.ndarray:
    """``max(|x_i|, share s)`` with s the largest number of the start, 1 where that is zero."""
    start = np.abs(on_host(run.problem.x0[run.rows])[todo]).max(1, keepdims=True)
    return np.maximum(np.abs(x), share * np.where(start > 0, start, 1.0)).astype(x.dtype)


def stationary(run: Run, todo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SADDLE or SINGULAR by the inertia of H where the gradient has vanished, else -1; and where H is definite there.

    The gradient has vanished where ``sum |g_i| unit_i``, or what a Newton step would change, is small beside F or the
    decrease of F: ``|gᵀ H⁻¹ g| / 2 <= STATIONARY max(|F|, F0 - F)``.
    """
    x = run.x[todo].astype(DOUBLE)
    g, H = derivatives_at(run, todo, x)
    unit = reach(run, todo, x, 1e-2)
    gain = np.maximum(np.abs(run.fun[todo]), run.top[todo] - run.fun[todo]).astype(DOUBLE)
    with np.errstate(all="ignore"):
        scaled, slope = H * unit[:, :, None] * unit[:, None, :], g * unit
        finite = np.all(np.isfinite(scaled), axis=(1, 2)) & np.all(np.isfinite(slope), axis=1)
        values, vectors = np.linalg.eigh(np.where(finite[:, None, None], scaled, 0.0))
        along = np.einsum("bik,bi->bk", vectors, np.where(finite[:, None], slope, 0.0))
        change = 0.5 * np.where(along == 0.0, 0.0, along * along / np.abs(values)).sum(1)
        flat = np.minimum(np.abs(slope).sum(1), change) <= STATIONARY[run.x.dtype.name] * gain
    least, most = values[:, 0], np.abs(values).max(1)
    states = np.where(least < -CLEARLY * most, status.SADDLE, status.SINGULAR)
    unclear = least <= CLEARLY * np.maximum(most, gain)
    return np.where(finite & flat & unclear, states, -1), finite & flat & (least > 0.0)


def derivatives_at(run: Run, todo: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients and Hessians at x of these problems, in float64: exact, or for many unknowns by differences."""
    problem, method = run.problem, method_of(run.problem, run.options)
    assert method.certificate is not None
    if problem.n > SMALL:
        gradient = gradients(run, todo)
        return gradient(x)[1], hessian(gradient, x, reach(run, todo, x, 1e-2))
    _, g, H = evaluated(run, todo, x, method.certificate.derive)
    return g, H


def gradients(run: Run, todo: np.ndarray) -> Gradient:
    """``x -> f, g`` of these problems, in float64."""
    derive = method_of(run.problem, run.options).phases[0].derive
    return lambda x: evaluated(run, todo, x, derive)[:2]


def evaluated(run: Run, todo: np.ndarray, x: np.ndarray, derive: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """f, g and H (zeros, where it is not derived) at x of these problems, in float64."""
    problem, n = run.problem, run.problem.n
    f, g, H = np.zeros(len(x)), np.zeros((len(x), n)), np.zeros((len(x), n, n))
    part = chunk(problem, run.rows.start + todo, *shared_data(problem, DOUBLE), DOUBLE)
    kernel(problem, derive, None, DOUBLE).derivatives(np.ascontiguousarray(x), f, g, H, *part.shared)
    return f, g, H
