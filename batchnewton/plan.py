"""What runs for a problem: its method, the phases, how many evaluations they may take."""

from __future__ import annotations

from collections.abc import Callable

from .methods import BRACKETED, DEFAULT, METHODS, MIXED, SCORING, Method, Phase
from .options import Options
from .problem import Problem


def record_length(options: Options) -> int:
    """Evaluations for which there is room in a history while it is written; 0 where there is none."""
    return options.max_iter if options.history else 0


def method_of(problem: Problem, options: Options) -> Method:
    """What runs for the problem."""
    if problem.bracketed:
        return BRACKETED
    return METHODS[problem.kind][options.method] if options.method else DEFAULT[problem.kind]


def phases_of(problem: Problem, options: Options) -> tuple[Phase, ...]:
    """The phases of the method; none where they do not know the problem's bounds, or would be too long, or there is one
    evaluation, of which they would say nothing: the patient path has it to itself."""
    method = method_of(problem, options)
    if method.patient and options.max_iter == 1:
        return ()
    return method.phases if (method.boxed or problem.box is None) and problem.n <= method.unrolled else ()


def phases_on_cuda(problem: Problem, options: Options) -> tuple[Phase, ...]:
    """The same on CUDA, where kernels of more unknowns take too long to compile."""
    return phases_of(problem, options) if problem.n <= method_of(problem, options).cuda else ()


def attempts(problem: Problem, options: Options, cuda: bool = False) -> list[tuple[Phase, ...]]:
    """What runs one after the other, each from the start for the problems that the one before did not settle.

    Mixed precision begins in float32 only where ``max_iter`` leaves enough for all of float64: by itself, what float32
    finds counts for nothing.
    """
    own = (phases_on_cuda if cuda else phases_of)(problem, options)
    if options.mixed and own:
        rough = MIXED[problem.kind]
        return [rough, own] if sum(phase.trips for phase in (*rough, *own)) < options.max_iter else [own]
    return [SCORING, own] if own and problem.scored and not options.method else [own]


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


def trips(phase: Phase, options: Options) -> int:
    """Trips of a phase that may begin; no problem has more than ``max_iter`` in all phases together."""
    return min(phase.trips, options.max_iter)


def is_tight(spent: int, most: int, problem: Problem, options: Options) -> bool:
    """Whether evaluations may run out in a phase of ``most`` trips, after phases of ``spent`` trips: or, of a method
    that hands over, with the last of these trips."""
    return spent + most > options.max_iter - (method_of(problem, options).patient is not None)
