"""Where a formula's values lie in the workspace of the lanes."""

from dataclasses import dataclass

from .formula import Formula, carried, scalars, summed
from .iterations import ITERATIONS

CACHE = 24_000  # bytes of workspace that should stay in the first-level cache
MANY = 32  # sums; more do not fit into the registers


@dataclass(frozen=True)
class Layout:
    """Where everything lies: slots of the workspace, columns of the data, number of lanes."""

    slots: dict[str, int]
    lanes: int
    call: tuple[str, ...]  # scalars once a call
    rows: tuple[str, ...]  # shared columns of the data
    problem: tuple[str, ...]  # scalars of a problem
    points: tuple[str, ...]  # columns of a problem's own data
    missing: str | None = None  # "counts": only the first rows of a problem count; "mask": those present; or GAPS
    bounded: bool = False  # whether the unknowns have bounds


def layout(
    program: Formula,
    itemsize: int,
    solving: bool,
    missing: str | None = None,
    vector_bytes: int = 64,
    bounded: bool = False,
    phase: str = "minimize",
) -> Layout:
    """Slots for what the formula reads and yields and, where ``solving``, for the state of the iteration ``phase``.

    Four vectors of lanes keep the units of the processor busy; with many sums, one: fewer pass through the caches.
    Where the unknowns are ``bounded``, the bounds follow a problem's scalars.  Where data are ``missing``, the last
    scalar of a problem is the ``count`` of its rows, the last column of its own data says (of "mask") which rows are
    ``present``.
    """
    n = program.n
    problem = scalars(program, "problem") + (limits(n) if bounded else ()) + (("count",) if missing else ())
    points = scalars(program, "point") + (("present",) if missing == "mask" else ())
    names = [f"x_{i}" for i in range(n)] + list(problem) + carried(program) + list(program.outputs)
    if solving:
        names += ITERATIONS[phase].slots(n)
        names += [name for name in ITERATIONS[phase].edges if bounded and name not in problem]
    vector = vector_bytes // itemsize
    lanes = vector if len(summed(program)) > MANY else 4 * vector
    while lanes > vector and len(names) * lanes * itemsize > CACHE:
        lanes //= 2
    places = {name: at * lanes for at, name in enumerate(names)}
    return Layout(
        places,
        lanes,
        scalars(program, "call"),
        scalars(program, "row"),
        problem,
        points,
        missing,
        bounded,
    )


def limits(n: int) -> tuple[str, ...]:
    """Names of the bounds."""
    return (*(f"lo_{i}" for i in range(n)), *(f"hi_{i}" for i in range(n)))


def places(program: Formula, where: Layout, kind: str) -> list[int]:
    """Where the outputs lie, in the order that ``cpu`` reads them; -1 for a structural zero."""
    n = range(program.n)
    if kind == "root":
        names = [f"r_{i}" for i in n] + [f"j_{i}_{k}" for i in n for k in n]
    else:
        names = ["f", *(f"g_{i}" for i in n), *(f"h_{i}_{k}" for i in n for k in n)]
        names += [f"b_{i}_{k}" for i in n for k in n] if kind == "hybrid" else []
    return [where.slots.get(name, -1) if name in program.outputs else -1 for name in names]
