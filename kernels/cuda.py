"""Text of the CUDA kernels: ``LANES`` threads a problem (one, a part of a warp, or a whole warp), refilled.

The state of a problem is one lane of the CPU's workspace, ``S``; all its indices are constants, so that the compiler
keeps it in registers.  Threads whose problem has ended take the next one from a common counter, so that none waits
for the slowest; what happens to a problem does not depend on which threads have it.  With several lanes a problem,
each lane adds up every ``LANES``-th data row, the sums are exchanged (`total`) in one fixed order, and every lane
takes the same step.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from . import step
from .advance import advance_text
from .converge import HAND_OVER, NEXT_PHASE, NOT_FINITE_AT_START, worse
from .formula import (
    Formula,
    begun,
    carried,
    computed_rows,
    inputs,
    minimum_zeros,
    root_zeros,
    scalars,
    statements,
    summed,
)
from .history import COLUMNS, part_of_newton
from .iterations import ITERATIONS
from .lanes import additions, once_text
from .layout import Layout, limits
from .linalg import gradient
from .text import Text, function, indent, loads, slot, stores
from .unroll import straight_line

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
    """

    lanes: int = 1
    staged: bool = False
    first: bool = True
    fresh: bool = True
    before: str = "float64"
    history: bool = False
    grouped: bool = False


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


def solve_text(
    program: Formula,
    where: Layout,
    phase: str,
    way: Way,
    parking: list[str],
    eps: float,
    eps_before: float,
    tolerances: Mapping[str, float],
) -> tuple[list[str], Text]:
    """All functions of a kernel, the kernel last; and the constants that they need."""
    advance, text = advance_text(program, phase, eps, tolerances, where.bounded)
    constants = Text(constants=dict(text.constants))
    functions = [begin_text(program, where), enter_text(program, where, way.first, constants, phase), advance[0]]
    functions += [leave_text(program, way.first, eps_before, constants)]
    functions += [see_text(program, phase, constants), went_text(program.n, phase, constants)] if way.history else []
    lanes, staged = way.lanes, way.staged
    once, read = once_text(program, where, call_names(program), summed(program))
    functions += [once]
    if summed(program):
        functions += [stage_text(program, where)] if staged else []
        functions += [add_text(program, where, staged)]
        functions += [total_text(program, lanes)] if lanes > 1 else []
        functions += [first_lane_text(program)] if lanes > 1 and begun(program) else []
    functions = [park(one, parking) for one in functions]
    return [*functions, kernel_text(program, where, way, bool(parking), read)], constants


def park(text: str, parking: list[str]) -> str:
    """A function whose ``parking`` slots lie in shared memory, ``K``, at the place of the thread, ``t``; it reads them
    there whenever it needs them."""
    if not parking:
        return text
    head, *lines = text.replace("(S, l", "(S, K, t, l", 1).split("\n    ")
    copies = {f"{name} = {slot(name)}" for name in parking} | {f"{slot(name)} = {name}" for name in parking}
    names = set(parking)

    def moved(line: str) -> str:
        line = re.sub(r"S\[(\w+)_ \+ l\]", lambda found: found[1] if found[1] in names else found[0], line)
        return re.sub(r"\w+", lambda word: f"K[{word[0]}_ + t]" if word[0] in names else word[0], line)

    return "\n    ".join([head, *(moved(line) for line in lines if line not in copies)])


def begin_text(program: Formula, where: Layout) -> str:
    """``begin(S, l, A)``: what depends on the call alone; everything else is zero at first."""
    body = [f"{slot(name)} = zero" for name in where.slots]
    body += [f"{name} = A[{at}]" for at, name in enumerate(where.call)]
    body += statements(program, "call") + stores(call_names(program))
    return function("begin(S, l, A)", body, "lowered")


def enter_text(program: Formula, where: Layout, first: bool, constants: Text, phase: str) -> str:
    """``enter(S, l, x, tops, b, P0, ...)``: the start of problem b; ``tops`` are the largest F at a start so far.
    A bracketed search begins at an end of its bracket."""
    n = program.n
    arrays = widths(program, where, "problem")
    text = straight_line(step.scales, ("x", "q"), n=n)
    constants.constants |= text.constants | {"first_radius": step.RADIUS * n**0.5, "lowest": float("-inf")}
    body = [f"x_{i} = x[b * {n} + {i}]" for i in range(n)]
    body += [f"{name} = {cell}" for name, cell in zip(where.problem, cells("P", arrays, "b"), strict=True)]
    body += text.lines
    body += ["F0 = lowest" if first else "F0 = tops[b]", "radius = first_radius", "trips = zero"]
    begun = [*(f"q_{i}" for i in range(n)), "F0", "radius", "trips"]
    body += stores([*inputs(program), *where.problem, *(name for name in begun if name in where.slots)])
    body += [f"{slot('c_0')} = x_0", f"{slot('x_0')} = lo_0"] if phase == "bracket" else []
    return function(f"enter({', '.join(['S, l, x, tops, b', *named('P', arrays)])})", body, "lowered")


def leave_text(program: Formula, first: bool, eps: float, constants: Text) -> str:
    """``leave(S, l, x, fun, tops, b)``: what a problem's end leaves in the arrays.

    A phase after the first may not end higher than the one before it did.
    """
    n = program.n
    constants.constants |= {"hand_over": HAND_OVER, "next_phase": NEXT_PHASE, "no_start": NOT_FINITE_AT_START}
    constants.constants |= {"nothing": float("nan")}
    body = loads([*inputs(program), *(f"c_{i}" for i in range(n)), "F", "F0", "code"])
    if not first:
        body += ["before = fun[b]"]
        text = straight_line(_lost, (), eps=eps)
        constants.constants |= text.constants
        body += text.lines
        body += ["code = hand_over if lost | (code == no_start) else code", f"{slot('code')} = code"]
    body += ["kept = (code < hand_over) | (code > no_start)", "onward = code == next_phase"]
    body += ["fun[b] = F if kept else nothing", "tops[b] = F0"]
    for i in range(n):
        body += [f"old_{i} = x[b * {n} + {i}]", f"end_{i} = x_{i} if onward else c_{i}"]
        body += [f"x[b * {n} + {i}] = end_{i} if kept else old_{i}"]
    return function("leave(S, l, x, fun, tops, b)", body, "lowered")


def _lost(F, before, F0, eps, sqrt):
    lost = worse(F, before, F0, eps, sqrt)
    return lost  # noqa: RET504 (a step's results are read by their names)


def see_text(program: Formula, phase: str, constants: Text) -> str:
    """``see(S, l)``: F and max |g| at the trial point, for the history."""
    root = ITERATIONS[phase].root
    zeros = root_zeros(program) if root else minimum_zeros(program)
    text = straight_line(_seen, ("r", "j", "g", "h"), zeros, root=root, n=program.n)
    constants.constants |= text.constants
    words = set(re.findall(r"\w+", "\n".join(text.lines)))
    body = loads(name for name in program.outputs if name in words)
    body += ["f = half * f"] if program.scale == 0.5 else []
    return function("see(S, l)", [*body, *text.lines, *stores(SEEN[:2])], "lowered")


def _seen(f, r, j, g, h, root, n):
    if root:
        f = gradient(r, j, g, n)
    F_seen = f
    g_seen = 0.0
    for i in range(n):
        one_seen = abs(g[i])
        g_seen = one_seen if (one_seen > g_seen) | (one_seen != one_seen) else g_seen  # NaN where one is
    return F_seen, g_seen


def went_text(n: int, phase: str, constants: Text) -> str:
    """``went(S, l)``: the step to the next trial point, for the history."""
    fraction = ITERATIONS[phase].fraction
    text = straight_line(_went, ("x", "c", "q"), parts=-1 if fraction is None else len(fraction), n=n)
    constants.constants |= text.constants | {"nothing": float("nan")}
    body = loads(f"{vector}_{i}" for vector in "xcq" for i in range(n))
    body += [f"{name} = {slot(place)}" for name, place in zip(("given", "fall"), fraction or (), strict=False)]
    return function("went(S, l)", [*body, *text.lines, *stores(SEEN[2:])], "lowered")


def _went(x, c, q, given, fall, nothing, parts, n, sqrt):
    total = 0.0
    for i in range(n):
        share = q[i] * (x[i] - c[i])
        total = total + share * share
    step_seen = sqrt(total)
    if parts == 2:
        alpha_seen = part_of_newton(given, fall)
    elif parts == 1:
        alpha_seen = given
    elif parts == 0:
        alpha_seen = 1.0
    else:
        alpha_seen = nothing
    return step_seen, alpha_seen


def stage_text(program: Formula, where: Layout) -> str:
    """``stage(R, k, u, row, D0, ...)``: row k of a problem's data into shared memory, where its thread, ``u``, reads it
    trip after trip at the place next to its neighbours'."""
    arrays = widths(program, where, "point")
    body = [f"{place} = {cell}" for place, cell in zip(staged_cells(arrays), cells("D", arrays, "row"), strict=True)]
    return function(f"stage({', '.join(['R, k, u, row', *named('D', arrays)])})", body, "lowered")


def staged_cells(arrays: list[int]) -> list[str]:
    """Where the scalars of row k lie in shared memory."""
    columns = sum(arrays)
    return [f"R[(k * {columns} + {q}) * {BLOCK} + u]" for q in range(columns)]


def add_text(program: Formula, where: Layout, staged: bool) -> str:
    """``add(S, l, X, m, k, row, D0, ...)``: row k of the data of a problem (row ``row`` of all) into its sums; or
    ``add(S, l, X, m, k, u, R)`` where the data are staged."""
    uses = program.uses("point") | {program.outputs[name][1] for name in summed(program)}
    uses |= {"present"} if where.missing == "mask" else set()
    columns = [*where.rows, *computed_rows(program)]
    arrays = widths(program, where, "point")
    call = [name for name in call_names(program) if name in uses]
    body = loads(name for name in (*inputs(program), *where.problem, *carried(program), *call) if name in uses)
    body += [f"{name}__0 = X[{q} * m + k]" for q, name in enumerate(columns) if name in uses]
    data = zip(where.points, staged_cells(arrays) if staged else cells("D", arrays, "row"), strict=True)
    body += [f"{name}__0 = {cell}" for name, cell in data if name in uses]
    there = where if where.missing == "mask" else replace(where, missing=None)  # the loop ends at the count
    body += additions(program, there, summed(program), 1)
    given = ", ".join(["S, l, X, m, k", *(["u, R"] if staged else ["row", *named("D", arrays)])])
    return function(f"add({given})", body, "lowered")


def first_lane_text(program: Formula) -> str:
    """``first_lane(S, l)``: what `once` put into the sums counts in one lane only."""
    return function("first_lane(S, l)", [f"{slot(name)} = zero" for name in begun(program)], "lowered")


def total_text(program: Formula, lanes: int) -> str:
    """``total(S, l, members)``: the sums of all lanes, in all lanes.  Each exchange adds the same two numbers on
    both sides, so all lanes end with the same bits."""
    body = loads(summed(program))
    distance = lanes // 2
    while distance:
        body += [f"{name} = plus({name}, swap({name}, {distance}, members))" for name in summed(program)]
        distance //= 2
    return function("total(S, l, members)", body + stores(summed(program)), "lowered")


def named(letter: str, arrays: list[int]) -> list[str]:
    """Names of the arrays of a level."""
    return [f"{letter}{at}" for at in range(len(arrays))]


def cells(letter: str, arrays: list[int], row: str) -> list[str]:
    """Where the scalars of a row lie."""
    names = named(letter, arrays)
    return [f"{name}[{row} * {width} + {i}]" for name, width in zip(names, arrays, strict=True) for i in range(width)]


def kernel_text(program: Formula, where: Layout, way: Way, parking: bool, read: Iterable[str]) -> str:
    """The kernel: problems in, trips, problems out.

    ``queue[0]`` counts the problems taken.  A ``fresh`` phase takes all, and finds nothing in the arrays but the
    start ``x``; any other takes those whose ``code`` is NEXT_PHASE, and adds to their counts.
    """
    args, data = named("P", widths(program, where, "problem")), named("D", widths(program, where, "point"))
    given = ["x, fun, tops, code, nit, nfev, X, A, queue, m, limit, ftol, xtol, gtol", *args, *data]
    state = "S, K, t, 0" if parking else "S, 0"
    together, staged, first = way.lanes > 1, way.staged, way.fresh
    if way.history:
        given.append("seen, width")
    take = "take(queue, lane, members)"
    out = ["leave({state}, x, fun, tops, b)", "code[b] = int8(S[code_])"]
    adds = "=" if first else "+="
    out += [f"nit[b] {adds} int32(S[moves_])", f"nfev[b] {adds} int32(S[trips_])"]
    body = [
        "S = cuda.local.array(SLOTS, dtype=REAL)",
        *(["K = cuda.shared.array(PARKED, dtype=REAL)", "t = cuda.threadIdx.x"] if parking else []),
        *(["R = cuda.shared.array(0, dtype=REAL)", "u = cuda.threadIdx.x"] if staged else []),
        "lane = cuda.threadIdx.x % LANES",
        "members = group(cuda.threadIdx.x)",
        "count = int64(code.size)",
        "b = int64(-1)",
        "ended = True",
        "begin({state}, A)",
        "while True:",
        "    if ended:",
        f"        if b >= 0{' and lane == 0' if together else ''}:",
        *indent(out, 3),
        f"        b = {take}",
        *([] if first else ["        while b < count and code[b] != WANTED:", f"            b = {take}"]),
        "        if b >= count:",
        "            break",
        f"        enter({', '.join(['{state}, x, tops, b', *args])})",
        *(
            [
                "        k = int64(0)",
                "        while k < m:",
                f"            stage({', '.join(['R, k, u, b * m + k', *data])})",
                "            k += 1",
            ]
            if staged
            else []
        ),
        f"    once({', '.join(['{state}, T(m)', *(f'S[{name}_]' for name in read)])})",
    ]
    if summed(program):
        shared_out = together and begun(program)
        body += [
            *(["    if lane > 0:", "        first_lane({state})"] if shared_out else []),
            "    last = int64(S[count_])" if where.missing == "counts" else "    last = m",
            "    k = int64(lane)",
            "    while k < last:",
            f"        add({', '.join(['{state}, X, m, k', *(['u, R'] if staged else ['b * m + k', *data])])})",
            "        k += LANES",
            *(["    total({state}, members)"] if together else []),
        ]
    body += written(way, "see", SEEN[:2], 0) if way.history else []
    body += ["    trip({state}, limit, ftol, xtol, gtol)", "    ended = S[code_] > zero"]
    body += written(way, "went", SEEN[2:], 2) if way.history else []
    return "\n".join([f"def solve({', '.join(given)}):", *indent((line.format(state=state) for line in body), 1)])


def written(way: Way, what: str, names: Iterable[str], first: int) -> list[str]:
    """What the function ``what`` sees, into the columns of the history from ``first``; zeros where a search begins.
    The lanes of a group all see it, since they find it together."""
    before = "" if way.fresh else "int64(nfev[b]) + "
    lines = [
        f"    k = {before}int64(S[trips_])",
        f"    if k < width{' and lane == 0' if way.lanes > 1 and not way.grouped else ''}:",
        f"        {what}({{state}})",
        f"        k = {COLUMNS} * (b * width + k)",
        *(f"        seen[k + {at}] = S[{name}_]" for at, name in enumerate(names, first)),
    ]
    if first == 0 and way.first:
        lines += ["        if S[trips_] == zero:", "            seen[k + 2] = zero", "            seen[k + 3] = zero"]
    return lines


def prepare_text(program: Formula, where: Layout) -> list[str]:
    """``prepare(X, A, m)``: a kernel that fills the columns of X which are worked out from its others."""
    body = [f"{name} = A[{at}]" for at, name in enumerate(where.call)] + statements(program, "call")
    body += [f"{name} = X[{q} * m + k]" for q, name in enumerate(where.rows)] + statements(program, "row")
    body += [f"X[{q} * m + k] = {name}" for q, name in enumerate(computed_rows(program), len(where.rows))]
    loop = ["k = int64(cuda.grid(1))", "while k < m:", "    row(X, A, m, k)", "    k += cuda.gridsize(1)"]
    kernel = "\n".join(["def prepare(X, A, m):", *indent(loop, 1)])
    return [function("row(X, A, m, k)", body, "lowered"), kernel]
