"""Text of the CUDA kernels: ``LANES`` threads a problem (one, a part of a warp, or a whole warp), refilled.

The state of a problem is one lane of the CPU's workspace, ``S``; all its indices are constants, so that the compiler
keeps it in registers.  Threads whose problem has ended take the next one from a common counter, so that none waits
for the slowest; what happens to a problem does not depend on which threads have it.  With several lanes a problem,
each lane adds up every ``LANES``-th data row, the sums are exchanged (`total`) in one fixed order, and every lane
takes the same step.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from . import step
from .advance import advance_text
from .converge import HAND_OVER, NEXT_PHASE, NOT_FINITE_AT_START, worse
from .cuda_history import noted, see_text, went_text, written
from .cuda_layout import SEEN, Way, call_names, cells, named, staged_cells, widths
from .formula import Formula, begun, carried, computed_rows, inputs, statements, summed
from .lanes import additions, once_text
from .layout import Layout
from .text import Text, function, indent, loads, slot, stores
from .unroll import straight_line


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
    functions += [leave_text(program, way, eps_before, constants)]
    functions += [see_text(program, phase, constants)] if way.sees else []
    functions += [went_text(program.n, phase, constants)] if way.history else []
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


def leave_text(program: Formula, way: Way, eps: float, constants: Text) -> str:
    """``leave(S, l, x, fun, tops, b)``: what a problem's end leaves in the arrays; ``best, low`` follow where the best
    point is kept.

    A phase after the first may not end higher than the one before it did.
    """
    n = program.n
    constants.constants |= {"hand_over": HAND_OVER, "next_phase": NEXT_PHASE, "no_start": NOT_FINITE_AT_START}
    constants.constants |= {"nothing": float("nan")}
    body = loads([*inputs(program), *(f"c_{i}" for i in range(n)), "F", "F0", "code"])
    if way.keeps:
        constants.constants |= {"endless": float("inf")}
        body += [f"held = {'endless' if way.fresh and not way.limited else 'low[b]'}"]
        body += ["better = ((code == hand_over) | (code == next_phase)) & (F < held)", "low[b] = F if better else held"]
        for i in range(n):
            at = f"best[b * {n} + {i}]"
            body += [f"was_{i} = {at}", f"{at} = c_{i} if better else was_{i}"]
    if not way.first:
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
    return function(f"leave(S, l, x, fun, tops, b{', best, low' * way.keeps})", body, "lowered")


def _lost(F, before, F0, eps, sqrt):
    lost = worse(F, before, F0, eps, sqrt)
    return lost  # noqa: RET504 (a step's results are read by their names)


def stage_text(program: Formula, where: Layout) -> str:
    """``stage(R, k, u, row, D0, ...)``: row k of a problem's data into shared memory, where its thread, ``u``, reads it
    trip after trip at the place next to its neighbours'."""
    arrays = widths(program, where, "point")
    body = [f"{place} = {cell}" for place, cell in zip(staged_cells(arrays), cells("D", arrays, "row"), strict=True)]
    return function(f"stage({', '.join(['R, k, u, row', *named('D', arrays)])})", body, "lowered")


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


def kernel_text(program: Formula, where: Layout, way: Way, parking: bool, read: Iterable[str]) -> str:
    """The kernel: problems in, trips, problems out.

    ``queue[0]`` counts the problems taken.  A ``fresh`` phase takes all, and finds nothing in the arrays but the
    start ``x``; any other takes those whose ``code`` is NEXT_PHASE, and adds to their counts.
    """
    args, data = named("P", widths(program, where, "problem")), named("D", widths(program, where, "point"))
    given = ["x, fun, tops, code, nit, nfev, X, A, queue, m, limit, ftol, xtol, gtol", *args, *data]
    state = "S, K, t, 0" if parking else "S, 0"
    together, staged, first = way.lanes > 1, way.staged, way.fresh
    given[-1] += way.given
    take = "take(queue, lane, members)"
    out = [f"leave({{state}}, x, fun, tops, b{', best, low' * way.keeps})", "code[b] = int8(S[code_])"]
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
        *([] if first else [f"        while b < count and {passed_by(way)}:", f"            b = {take}"]),
        "        if b >= count:",
        "            break",
        *indent(limited(way), 2),
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
    body += noted(way, ((f"S[x_{i}_]", str(i)) for i in range(program.n)))
    body += [
        f"    trip({{state}}, {'within' if way.limited else 'limit'}, ftol, xtol, gtol)",
        "    ended = S[code_] > zero",
    ]
    body += written(way, "went", SEEN[2:], 2) if way.history else []
    return "\n".join([f"def solve({', '.join(given)}):", *indent((line.format(state=state) for line in body), 1)])


def limited(way: Way) -> list[str]:
    """Lines at the beginning of a problem whose evaluations may run out."""
    if not way.limited:
        return []
    spent = "" if way.fresh else " - nfev[b]"
    return [f"within = min(limit, T(most{spent}))", *["low[b] = endless"] * (way.fresh and way.keeps)]


def passed_by(way: Way) -> str:
    """Which problems a later phase does not take."""
    other = f"code[b] != {int(NEXT_PHASE)}"
    return f"({other} or nfev[b] >= most)" if way.limited else other


def prepare_text(program: Formula, where: Layout) -> list[str]:
    """``prepare(X, A, m)``: a kernel that fills the columns of X which are worked out from its others."""
    body = [f"{name} = A[{at}]" for at, name in enumerate(where.call)] + statements(program, "call")
    body += [f"{name} = X[{q} * m + k]" for q, name in enumerate(where.rows)] + statements(program, "row")
    body += [f"X[{q} * m + k] = {name}" for q, name in enumerate(computed_rows(program), len(where.rows))]
    loop = ["k = int64(cuda.grid(1))", "while k < m:", "    row(X, A, m, k)", "    k += cuda.gridsize(1)"]
    kernel = "\n".join(["def prepare(X, A, m):", *indent(loop, 1)])
    return [function("row(X, A, m, k)", body, "lowered"), kernel]
