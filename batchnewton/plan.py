"""What runs for a problem: its method, the phases, how many evaluations they may take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .methods import BRACKETED, CERTIFY, DEFAULT, METHODS, MIXED, SCORING, Method, Phase
from .options import Options
from .problem import Problem

SPARE = 2 * CERTIFY  # evaluations that a problem may have beyond ``max_iter``


def record_length(options: Options) -> int:
    """Evaluations for which there is room in a history while it is written; 0 where there is none."""
    return options.max_iter + SPARE if options.history else 0


def method_of(problem: Problem, options: Options) -> Method:
    """What runs for the problem."""
    if problem.bracketed:
        return BRACKETED
    return METHODS[problem.kind][options.method] if options.method else DEFAULT[problem.kind]


def phases_of(problem: Problem, options: Options) -> tuple[Phase, ...]:
    """The phases of the method; none where they do not know the problem's bounds, or would be too long: the patient
    path has it to itself."""
    method = method_of(problem, options)
    return method.phases if (method.boxed or problem.box is None) and problem.n <= method.unrolled else ()


def phases_on_cuda(problem: Problem, options: Options) -> tuple[Phase, ...]:
    """The same on CUDA, where kernels of more unknowns take too long to compile."""
    return phases_of(problem, options) if problem.n <= method_of(problem, options).cuda else ()


def attempts(problem: Problem, options: Options, cuda: bool = False) -> list[tuple[Phase, ...]]:
    """What runs one after the other, each from the start for the problems that the one before did not settle."""
    first = [MIXED[problem.kind]] if options.mixed else [SCORING] if problem.scored and not options.method else []
    return [*first, (phases_on_cuda if cuda else phases_of)(problem, options)]


def check_method(problem: Problem, options: Options) -> None:
    """What the method cannot do.

    Raises
    ------
    ValueError
        More unknowns than it takes, or bounds, with the methods that can.
    """
    methods, method = METHODS[problem.kind], method_of(problem, options)
    if method is DEFAULT[problem.kind] and problem.n <= method.largest:
        return
    name = options.method or next(iter(methods))

    def others(can: Callable[[Method], bool]) -> str:
        found = [f"{one!r}" for one, row in methods.items() if can(row)]
        return f"; expected method={' or '.join(found)}" if found else ""

    if problem.n > method.largest:
        array = "x0" if problem.curve is None else "p0"
        came = f"{array} has {problem.n} unknowns a problem; method={name!r} takes at most {method.largest}"
        raise ValueError(came + others(lambda row: row.largest >= problem.n))
    if problem.box is not None and not method.bounds:
        raise ValueError(f"method={name!r} takes no bounds or fixed" + others(lambda row: row.bounds))


def evaluations(problem: Problem, options: Options) -> int:
    """Evaluations that the fast path may take; the patient path, where it follows, needs one at least."""
    return options.max_iter - (method_of(problem, options).patient is not None)


def limits(phases: Sequence[Phase], left: int) -> list[int]:
    """Trips of each phase that may begin, with so many evaluations ``left``."""
    most = []
    for phase in phases:
        if left > 0:
            most.append(min(phase.trips, left))
        left -= phase.trips
    return most
