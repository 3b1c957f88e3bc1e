"""Text of the CUDA kernels for many unknowns: a group of lanes has one problem together, and its matrix between them.

Nothing of a problem is held whole by a lane: unknowns, gradient and Hessian lie in shared memory (``K``, from ``t``
on), the vectors of the step are spread over the lanes' registers (`spread`), steps on matrices are done by rows or
columns (`cuda_across`), the sums over the data in tiles (`cuda_tiles`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from . import step
from .converge import HAND_OVER, NEXT_PHASE, NOT_FINITE_AT_START
from .cuda import _lost, begin_text, limited, passed_by
from .cuda_across import FAMILIES, registers
from .cuda_history import _seen, _went, best_kept, noted, written
from .cuda_layout import SEEN, Way, call_names, cells, named, widths
from .cuda_orthogonal import pitch
from .cuda_tiles import add_text, as_needed, gather_text, halves, in_shared, outputs, table, tiles
from .cuda_trip import in_vector, parked, trip_texts, value
from .formula import Formula, carried, summed
from .iterations import ITERATIONS
from .lanes import once_text
from .layout import Layout, limits
from .spread import CUT, elements, spread
from .text import Text, function, indent, loads, slot, stores
from .unroll import straight_line

BOX = ("lo", "hi")
BLOCK, SHARED = 128, 48 * 1024  # threads of a block at most, bytes that it has everywhere


def places(program: Formula, where: Layout, lanes: int, phase: str) -> dict[str, int]:
    """Where everything lies in the shared memory of a problem, and how long it (``whole``) and what a trip needs of the
    formula (``trip``, from f on) are.  Vectors have room for every element of every lane."""
    n, room, family = program.n, elements(program.n, lanes) * lanes, FAMILIES[phase]
    found: dict[str, int] = {}
    at = 0

    def put(names: Iterable[str], size: int | None = None) -> None:
        nonlocal at
        listed = list(names)
        found.update({name: at + i for i, name in enumerate(listed)})
        at += len(listed) if size is None else size

    put((f"x_{i}" for i in range(n)), room)
    put(outputs(n, family.outputs.replace("j", "")))
    for row in range(n if "j" in family.outputs else 0):
        put((f"j_{row}_{i}" for i in range(n)), pitch(n))
    found["trip"] = at - found["f"]
    for name in (*family.vectors, *parked(phase)):
        put([name], room)
    for name in family.triangles:
        put([name], n * (n + 1) // 2)
    put([*in_common(program, where), *carried(program), *call_names(program), "nowhere"])
    found["whole"] = at | 1  # an odd distance: the problems of a block begin in different banks
    return found


def in_common(program: Formula, where: Layout) -> list[str]:
    """Scalars of a problem that lie in shared memory: all but the bounds, which are vectors."""
    bounds = limits(program.n) if where.bounded else ()
    return [name for name in where.problem if name not in bounds]


def formula_names(program: Formula, where: Layout, phase: str) -> list[str]:
    """What of the formula's names lies in shared memory."""
    outer = [*in_common(program, where), *carried(program), *call_names(program)]
    return [*(f"x_{i}" for i in range(program.n)), *outputs(program.n, FAMILIES[phase].outputs), *outer]


def group_layout(program: Formula, where: Layout, way: Way, phase: str, tile: int) -> Layout:
    """Slots of a lane's registers."""
    count, iteration = elements(program.n, way.lanes), ITERATIONS[phase]
    vectors = ("x", *(BOX if where.bounded else ()))
    mine = [f"{array}_{e}" for array in vectors for e in range(count)] + registers(phase, count)
    mine += [*(iteration.edges if where.bounded else ()), *(SEEN if way.sees else ())]
    mine += ["own", *FAMILIES[phase].begin.slots, *halves(way.lanes), *(f"sum_{i}" for i in range(tile))]
    return replace(where, slots={name: at for at, name in enumerate(dict.fromkeys(mine))})


def solve_text(
    program: Formula, where: Layout, phase: str, way: Way, itemsize: int, eps: float, eps_before: float,
    tolerances: Mapping[str, float],
) -> tuple[list[str], Text, Layout, dict[str, int], list[list[str]]]:  # fmt: skip
    """All functions of a kernel, the kernel last; its constants; slots, places and tiles."""
    cut = tiles(program, itemsize, kind=FAMILIES[phase].outputs)
    mine = group_layout(program, where, way, phase, max(map(len, cut), default=0))
    shared = places(program, where, way.lanes, phase)
    constants = Text()
    known = {name: shared[name] for name in formula_names(program, where, phase)}
    once, _ = once_text(program, where, [], summed(program))
    trip, passage = trip_texts(program, where, phase, way.lanes, mine, shared, eps, tolerances, constants)
    functions = [begin(program, where, shared, mine)]
    functions += [enter_text(program, where, mine, shared, way, constants)]
    functions += [as_needed(in_shared(once, known), 128 // itemsize)]
    for at, names in enumerate(cut):
        functions += [add_text(program, where, names, known, at)]
        functions += [gather_text(names, way.lanes, at, table(cut, way.lanes, shared)[1][at])]
    functions += [*trip, leave_text(program, way, mine, eps_before, constants)]
    if way.sees:
        functions += [see_text(program, phase, way.lanes, shared, constants)]
    if way.history:
        functions += [went_text(program.n, phase, way.lanes, constants)]
    return [*functions, kernel_text(program, where, way, shared, cut, passage, phase)], constants, mine, shared, cut


def begin(program: Formula, where: Layout, shared: Mapping[str, int], mine: Layout) -> str:
    """``begin(S, K, t, l, A)``: what depends on the call alone; everything else is zero at first."""
    whole = Layout({}, 1, where.call, (), (), ())
    text = in_shared(begin_text(program, whole), {name: shared[name] for name in call_names(program)})
    zeros = [f"    {slot(name)} = zero" for name in mine.slots]
    return "\n".join([text, *zeros])


def element_places(n: int, lanes: int) -> list[str]:
    """Where the elements of lane ``u`` are in a vector; ``last`` is the place of its last one, if there is one."""
    count = elements(n, lanes)
    return [f"u + {e * lanes}" if (e + 1) * lanes <= n else "last" for e in range(count)]


def enter_text(
    program: Formula, where: Layout, mine: Layout, shared: Mapping[str, int], way: Way, constants: Text
) -> str:
    """``enter(S, K, t, l, u, last, x, tops, b, P0, ...)``: the start of problem b."""
    n, arrays = program.n, widths(program, where, "problem")
    text = spread(step.scales, way.lanes, ("x", "q"), n)
    constants.constants |= text.constants | {"first_radius": step.RADIUS * n**0.5, "lowest": float("-inf")}
    mine_at = element_places(n, way.lanes)
    body = [f"x_{e} = x[b * {n} + {place}]" for e, place in enumerate(mine_at)]
    body += [f"own = {slot('own')} > zero"]
    body += [f"{in_vector(shared['x_0'], e, way.lanes)} = x_{e}" for e in range(len(mine_at))]
    given = dict(zip(where.problem, cells("P", arrays, "b"), strict=True))
    body += [f"K[{shared[name]} + t] = {given[name]}" for name in in_common(program, where)]
    if where.bounded:
        first = sum(one.level == "problem" for one in program.inputs)  # the arrays of bounds follow those of scalars
        for at, bound in enumerate(BOX):
            body += [f"S[{bound}_{e}_ + l] = P{first + at}[b * {n} + {place}]" for e, place in enumerate(mine_at)]
    body += text.lines
    body += ["F0 = lowest" if way.first else "F0 = tops[b]", "radius = first_radius", "trips = zero"]
    begun = [*(f"{v}_{e}" for v in "xq" for e in range(len(mine_at))), "F0", "radius", "trips"]
    body += stores(name for name in begun if name in mine.slots)
    head = ", ".join(["S, K, t, l, u, last, members, x, tops, b", *named("P", arrays)])
    return function(f"enter({head})", body, "lowered")


def see_text(program: Formula, phase: str, lanes: int, shared: Mapping[str, int], constants: Text) -> str:
    """``see(S, K, t, l, u, members)``: as `cuda.see_text`."""
    n = program.n
    text = spread(_seen, lanes, ("r", "j", "g", "h"), n, root=ITERATIONS[phase].root)
    constants.constants |= text.constants
    body = [f"own = {slot('own')} > zero", *value(program, shared)]
    body += [f"g_{e} = {in_vector(shared['g_0'], e, lanes)}" for e in range(elements(n, lanes))]
    body += [line for line in text.lines if not line.startswith(CUT)]  # f and g of residuals are there
    return function("see(S, K, t, l, u, members)", [*body, *stores(SEEN[:2])], "lowered")


def went_text(n: int, phase: str, lanes: int, constants: Text) -> str:
    """``went(S, K, t, l, u, members)``: as `cuda.went_text`."""
    fraction = ITERATIONS[phase].fraction
    text = spread(_went, lanes, ("x", "c", "q"), n, parts=-1 if fraction is None else len(fraction))
    constants.constants |= text.constants | {"nothing": float("nan")}
    body = [f"own = {slot('own')} > zero", *loads(f"{v}_{e}" for v in "xcq" for e in range(elements(n, lanes)))]
    body += [f"{name} = {slot(place)}" for name, place in zip(("given", "fall"), fraction or (), strict=False)]
    return function("went(S, K, t, l, u, members)", [*body, *text.lines, *stores(SEEN[2:])], "lowered")


def leave_text(program: Formula, way: Way, mine: Layout, eps_before: float, constants: Text) -> str:
    """``leave(S, K, t, l, u, last, x, fun, b)``: what a problem's end leaves in the arrays, in the registers first: the
    unknowns in ``x_e``, and F."""
    n = program.n
    mine_at = element_places(n, way.lanes)
    constants.constants |= {"hand_over": HAND_OVER, "next_phase": NEXT_PHASE, "no_start": NOT_FINITE_AT_START}
    constants.constants |= {"nothing": float("nan"), "endless": float("inf")}
    body = loads([*(f"{v}_{e}" for v in "xc" for e in range(len(mine_at))), "F", "F0", "code"])
    if not way.first:
        text = straight_line(_lost, (), eps=eps_before)
        constants.constants |= text.constants
        body += ["before = fun[b]", *text.lines]
        body += ["code = hand_over if lost | (code == no_start) else code", f"{slot('code')} = code"]
    body += [
        "kept = (code < hand_over) | (code > no_start)",
        "onward = code == next_phase",
        f"{slot('F')} = F if kept else nothing",
    ]
    for e, place in enumerate(mine_at):
        body += [f"end = x_{e} if onward else c_{e}", f"{slot(f'x_{e}')} = end if kept else x[b * {n} + {place}]"]
    return function("leave(S, l, u, last, x, fun, b)", body, "lowered")


def kernel_text(
    program: Formula, where: Layout, way: Way, shared: Mapping[str, int], cut: Sequence[Sequence[str]],
    passage: Sequence[str], phase: str,
) -> str:  # fmt: skip
    """The kernel, as `cuda.kernel_text`; ``passage`` are the lines of a trip."""
    args, data = named("P", widths(program, where, "problem")), named("D", widths(program, where, "point"))
    given = ["x, fun, tops, code, nit, nfev, X, A, queue, m, limit, ftol, xtol, gtol", *args, *data]
    given[-1] += way.given
    n, lanes = program.n, way.lanes
    adds = "=" if way.fresh else "+="
    body = [
        "S = cuda.local.array(SLOTS, dtype=REAL)",
        "K = cuda.shared.array(SHARED, dtype=REAL)",
        *(["table = cuda.const.array_like(TABLE)"] if cut else []),
        "u = int64(cuda.threadIdx.x % LANES)",
        "t = int64(cuda.threadIdx.x // LANES * WHOLE)",
        f"last = min(u + {(elements(n, lanes) - 1) * lanes}, int64({n - 1}))",
        "members = group(cuda.threadIdx.x)",
        "count = int64(code.size)",
        "b = int64(-1)",
        "ended = True",
        *cleared("t", "WHOLE"),
        "begin(S, K, t, 0, A)",
        f"S[own_] = one if u + {(elements(n, lanes) - 1) * lanes} < {n} else zero",
        *(f"S[{name}_] = one if u & {name.split('_')[1]} else zero" for name in halves(lanes)),
        "while True:",
        "    if ended:",
        "        if b >= 0:",
        *indent(best_kept(n, way), 3),
        "            leave(S, 0, u, last, x, fun, b)",
        "            sync(members)",
        *(
            f"            if u + {e * lanes} < {n}:\n                x[b * {n} + u + {e * lanes}] = S[x_{e}_]"
            for e in range(elements(n, lanes))
        ),
        "            if u == 0:",
        "                fun[b] = S[F_]",
        "                tops[b] = S[F0_]",
        "                code[b] = int8(S[code_])",
        f"                nit[b] {adds} int32(S[moves_])",
        f"                nfev[b] {adds} int32(S[trips_])",
        "        b = take(queue, u, members)",
        *(
            []
            if way.fresh
            else [
                f"        while b < count and {passed_by(way)}:",
                "            b = take(queue, u, members)",
            ]
        ),
        "        if b >= count:",
        "            break",
        *indent(limited(way), 2),
        "        sync(members)",
        f"        enter({', '.join(['S, K, t, 0, u, last, members, x, tops, b', *args])})",
        "        sync(members)",
        *([] if FAMILIES[phase].stops else ["    sync(members)"]),  # all have read what the last trip needed
        *indent(cleared(f"t + {shared['f']}", str(shared["trip"])), 1),
        "    once(S, K, t, 0, T(m))",
        "    sync(members)",
    ]
    if cut:
        count = f"int64(K[t + {shared['count']}])" if where.missing == "counts" else "m"
        body += [f"    rows = {count}"]
    for at in range(len(cut)):
        body += [
            "    k = u",
            "    while k < rows:",
            f"        add_{at}({', '.join(['S, K, t, 0, X, m, k, b * m + k', *data])})",
            "        k += LANES",
            f"    gather_{at}(S, K, t, 0, u, members, table)",
        ]
    begin, trip = passage[: len(FAMILIES[phase].begin.calls)], passage[len(FAMILIES[phase].begin.calls) :]
    body += ["    sync(members)", *indent(begin, 1)]
    body += seen(way, "see", SEEN[:2], 0) if way.history else []
    mine = ((f"S[x_{e}_]", f"u + {e * lanes}") for e in range(elements(n, lanes)))
    body += [line.format(state="S, K, t, 0, u, members") for line in noted(way, mine)]
    trip = [line.replace("limit, ftol", "within, ftol") for line in trip] if way.limited else trip
    body += [*indent(trip, 1), "    ended = S[code_] > zero"]
    body += seen(way, "went", SEEN[2:], 2) if way.history else []
    lines = [line for block in body for line in block.split("\n")]
    return "\n".join([f"def solve({', '.join(given)}):", *indent(lines, 1)])


def cleared(first: str, count: str) -> list[str]:
    """Lines that set a part of the shared memory to zero."""
    return ["k = u", f"while k < {count}:", f"    K[{first} + k] = zero", "    k += LANES", "sync(members)"]


def seen(way: Way, what: str, names: Sequence[str], first: int) -> list[str]:
    """`cuda.written` for all lanes, which write the same numbers."""
    return [line.format(state="S, K, t, 0, u, members") for line in written(way, what, names, first)]


def problems_of_a_block(whole: int, itemsize: int, lanes: int) -> int:
    """Groups that share a block and its shared memory."""
    return max(1, min(BLOCK // lanes, SHARED // (whole * itemsize)))
