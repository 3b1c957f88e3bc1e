"""Which CUDA kernel, and where its values lie: slots of a thread, shared memory, arrays of the problems."""

from dataclasses import dataclass

from .formula import Formula, carried, scalars
from .iterations import ITERATIONS
from .layout import Layout, limits

BLOCK = 128  # threads of a block
SHARED = 48 * 1024 // BLOCK  # bytes of shared memory that a thread may have everywhere, without asking for more
SEEN = ("F_seen", "g_seen", "step_seen", "alpha_seen")  # of an evaluation, for the history, in its order
ROOMY = 30  # registers (of 32 bits) that the sums may take before the state is parked: fewer threads share the file


@dataclass(frozen=True)
class Way:
    """Which kernel of a formula's phase.

    Attributes
    ----------
    lanes : int
        Threads that work on a problem: 1, 2, 4, 8, 16 or 32.
    staged : bool
        Whether each thread keeps its problem's data in shared memory (`engine.staged_bytes` of them).
    first : bool
        Whether the problems are at their starts.  A later phase may not end higher than the one before it did.
    fresh : bool
        Whether all problems are taken and nothing is in the arrays but the start; else those that were handed on.
    before : str
        Precision of the phase before this one.
    history : bool
        Whether F, max |g| and the step of every evaluation are written down.
    grouped : bool
        Whether the lanes share a problem's matrix and vectors too (`cuda_group`).
    keeps : bool
        Whether the best point that a problem has met is kept, where it is handed on or over.
    limited : bool
        Whether evaluations may run out before the trips of this phase do.
    """

    lanes: int = 1
    staged: bool = False
    first: bool = True
    fresh: bool = True
    before: str = "float64"
    history: bool = False
    grouped: bool = False
    keeps: bool = False
    limited: bool = False

    @property
    def sees(self) -> bool:
        """Whether F of each trial point is looked at: for the history, or as the best where it may be the last one."""
        return self.history or (self.keeps and self.limited)

    @property
    def given(self) -> str:
        """Arguments of a kernel that it has only where it needs them, behind the others."""
        names = ["seen, width"] * self.history + ["best, low"] * self.keeps + ["most"] * self.limited
        return "".join(f", {one}" for one in names)

    @property
    def types(self) -> str:
        """Their types."""
        kinds = ["float64[::1], int64"] * self.history + ["R, R"] * self.keeps + ["int64"] * self.limited
        return "".join(f", {one}" for one in kinds)


def layout(
    program: Formula,
    missing: str | None,
    bounded: bool = False,
    history: bool = False,
    phase: str | None = "minimize",
) -> Layout:
    """Slots of one lane: unknowns, scalars of the problem and of the call, outputs, state of the iteration (if there
    is one)."""
    n = program.n
    problem = scalars(program, "problem") + (limits(n) if bounded else ()) + (("count",) if missing else ())
    points = scalars(program, "point") + (("present",) if missing == "mask" else ())
    names = [f"x_{i}" for i in range(n)] + list(problem) + carried(program)
    names += call_names(program) + list(program.outputs)
    if phase:
        names += ITERATIONS[phase].slots(n)
        names += [name for name in ITERATIONS[phase].edges if bounded and name not in problem]
    names += list(SEEN) if history else []
    places = {name: at for at, name in enumerate(names)}
    return Layout(places, 1, scalars(program, "call"), scalars(program, "row"), problem, points, missing, bounded)


def parked(program: Formula, itemsize: int, bounded: bool = False, phase: str = "minimize") -> list[str]:
    """What lies in shared memory rather than in registers, because the data loop does not read it and the sums
    need the room: the current point, the step, the scales, the bounds, as far as the iteration keeps them and as there
    is room for them."""
    n = program.n
    if (len(program.outputs) + n) * itemsize // 4 <= ROOMY:
        return []
    kept = ITERATIONS[phase].slots(n)
    arrays = [*(one for one in "cdq" if f"{one}_0" in kept), *(["lo", "hi"] if bounded else [])]
    return [f"{array}_{i}" for array in arrays[: SHARED // (n * itemsize)] for i in range(n)]


def call_names(program: Formula) -> list[str]:
    """What is worked out once a call."""
    return [*scalars(program, "call"), *(one.name for one in program.stages["call"])]


def widths(program: Formula, where: Layout, level: str) -> list[int]:
    """Number of scalars of each array of a level; behind them what tells which data are missing."""
    more = where.missing is not None if level == "problem" else where.missing == "mask"
    box = [program.n] * 2 if where.bounded and level == "problem" else []
    return [one.size for one in program.inputs if one.level == level] + box + [1] * more


def staged_cells(arrays: list[int]) -> list[str]:
    """Where the scalars of row k lie in shared memory."""
    columns = sum(arrays)
    return [f"R[(k * {columns} + {q}) * {BLOCK} + u]" for q in range(columns)]


def named(letter: str, arrays: list[int]) -> list[str]:
    """Names of the arrays of a level."""
    return [f"{letter}{at}" for at in range(len(arrays))]


def cells(letter: str, arrays: list[int], row: str) -> list[str]:
    """Where the scalars of a row lie."""
    names = named(letter, arrays)
    return [f"{name}[{row} * {width} + {i}]" for name, width in zip(names, arrays, strict=True) for i in range(width)]
