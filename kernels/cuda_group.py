"""Text of the CUDA kernels for many unknowns: a group of lanes has one problem together, and its matrix between them.

Nothing of a problem is held whole by a lane: unknowns, gradient and Hessian lie in shared memory (``K``, from ``t``
on), the vectors of the step are spread over the lanes' registers (`spread`), the factorisation is done by rows
(`cuda_factor`), the sums over the data in tiles (`cuda_tiles`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from . import step
from .converge import HAND_OVER, NEXT_PHASE, NOT_FINITE_AT_START
from .cuda import Way, _lost, begin_text, call_names, cells, named, widths
from .cuda_tiles import add_text, as_needed, gather_text, halves, in_shared, outputs, table, tiles
from .iterations import ITERATIONS
from .lanes import (
    Formula,
    Layout,
    carried,
    function,
    indent,
    limits,
    loads,
    once_text,
    slot,
    stores,
    summed,
)
from .spread import CUT, elements, reduced, spread, truths
from .unroll import Text, straight_line

VECTORS = ("x", "c", "d", "q", "g", "z", "inverse", "diagonal")
BOX = ("lo", "hi")
GIVEN = ("finite", "definite")  # truth values that the lanes find together
BLOCK, SHARED = 128, 48 * 1024  # threads of a block at most, bytes that it has everywhere


def places(program: Formula, where: Layout, lanes: int) -> dict[str, int]:
    """Where everything lies in the shared memory of a problem.  Vectors have room for every element of every lane."""
    n, room = program.n, elements(program.n, lanes) * lanes
    found: dict[str, int] = {}
    at = 0

    def put(names: Iterable[str], size: int | None = None) -> None:
        nonlocal at
        listed = list(names)
        found.update({name: at + i for i, name in enumerate(listed)})
        at += len(listed) if size is None else size

    put((f"x_{i}" for i in range(n)), room)
    put(outputs(n))
    for name in ("diagonal", "inverse", "y"):
        put([name], room)
    put([*in_common(program, where), *carried(program), *call_names(program), "nowhere"])
    found["whole"] = at | 1  # an odd distance: the problems of a block begin in different banks
    return found


def in_common(program: Formula, where: Layout) -> list[str]:
    """Scalars of a problem that lie in shared memory: all but the bounds, which are vectors."""
    bounds = limits(program.n) if where.bounded else ()
    return [name for name in where.problem if name not in bounds]


def group_layout(program: Formula, where: Layout, lanes: int, tile: int) -> tuple[Layout, dict[str, int]]:
    """Slots of a lane's registers, and the places in shared memory."""
    vectors = (*VECTORS, *(BOX if where.bounded else ()))
    mine = [f"{array}_{e}" for array in vectors for e in range(elements(program.n, lanes))]
    mine += [*ITERATIONS["minimize"].scalars, *(ITERATIONS["minimize"].edges if where.bounded else ())]
    mine += ["f", "own", *GIVEN, *halves(lanes), *(f"sum_{i}" for i in range(tile))]
    return (
        Layout({name: at for at, name in enumerate(mine)}, 1, where.call, where.rows, where.problem, where.points,
               where.missing),
        places(program, where, lanes),
    )  # fmt: skip


def solve_text(
    program: Formula, where: Layout, phase: str, way: Way, itemsize: int, eps: float, eps_before: float,
    tolerances: Mapping[str, float],
) -> tuple[list[str], Text, Layout, dict[str, int], list[list[str]]]:  # fmt: skip
    """All functions of a kernel, the kernel last; its constants; slots, places and tiles."""
    cut = tiles(program, itemsize)
    mine, shared = group_layout(program, where, way.lanes, max(map(len, cut), default=0))
    constants = Text()
    known = {name: place for name, place in shared.items() if name not in ("diagonal", "inverse", "y", "whole")}
    once, _ = once_text(program, where, [], summed(program))
    functions = [begin(program, where, shared, mine)]
    functions += [enter_text(program, where, mine, shared, way, constants)]
    functions += [as_needed(in_shared(once, known), 128 // itemsize)]
    for at, names in enumerate(cut):
        functions += [add_text(program, where, names, known, at)]
        functions += [gather_text(names, way.lanes, at, table(cut, way.lanes, shared)[1][at])]
    trip, bend = trip_texts(program, where, phase, way, mine, shared, eps, tolerances, constants)
    functions += trip
    functions += [leave_text(program, way, mine, eps_before, constants)]
    return [*functions, kernel_text(program, where, way, shared, cut, bend)], constants, mine, shared, cut


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
    body += [f"K[{shared['x_0']} + t + u + {e * way.lanes}] = x_{e}" for e in range(len(mine_at))]
    given = dict(zip(where.problem, cells("P", arrays, "b"), strict=True))
    body += [f"K[{shared[name]} + t] = {given[name]}" for name in in_common(program, where)]
    if where.bounded:
        first = sum(one.level == "problem" for one in program.inputs)  # the arrays of bounds follow those of scalars
        for at, bound in enumerate(BOX):
            body += [f"S[{bound}_{e}_ + l] = P{first + at}[b * {n} + {place}]" for e, place in enumerate(mine_at)]
    body += text.lines
    body += ["F0 = lowest" if way.first else "F0 = tops[b]", "radius = first_radius", "trips = zero"]
    body += stores([*(f"{v}_{e}" for v in "xq" for e in range(len(mine_at))), "F0", "radius", "trips"])
    head = ", ".join(["S, K, t, l, u, last, members, x, tops, b", *named("P", arrays)])
    return function(f"enter({head})", body, "lowered")


def trip_texts(
    program: Formula, where: Layout, phase: str, way: Way, mine: Layout, shared: Mapping[str, int], eps: float,
    tolerances: Mapping[str, float], constants: Text,
) -> tuple[list[str], str]:  # fmt: skip
    """One trip, the vectors spread over the lanes: ``before`` and ``after`` the factorisation; where there are bounds
    ``cut``, too, once it is known what of the step lies in the box, and its dᵀHd (whose name is returned)."""
    n, lanes, bounded = program.n, way.lanes, where.bounded
    iteration = ITERATIONS[phase]
    known = iteration.constants(n, bounded=bounded, eps=eps, **tolerances)
    del known["n"]
    text = spread(iteration.trip, lanes, iteration.arrays, n, **known)
    constants.constants |= text.constants
    count = range(elements(n, lanes))
    own = [("K[{} + t + u + " + f"{e * lanes}]").format for e in count]
    first = [f"f = K[{shared['f']} + t]"] + (["f = half * f"] if program.scale == 0.5 else [])
    first += [f"g_{e} = {own[e](shared['g_0'])}" for e in count]
    first += [
        f"finite = {slot('finite')}",
        *reduced("finite", "{0} + {1}", lanes),
        "finite = finite == zero",
    ]
    second = [f"z_{e} = {own[e](shared['y'])}" for e in count]
    second += [f"{name}_{e} = {own[e](shared[name])}" for name in ("inverse", "diagonal") for e in count]
    parts, bend = pieces(text.lines)
    heads, tails = [first, second], [[], [f"{own[e](shared['x_0'])} = x_{e}" for e in count]]
    if bounded:
        tails[0] = [f"{own[e](shared['y'])} = hold_{e}" for e in count]
        tails.insert(1, [f"{own[e](shared['y'])} = z_{e}" for e in count])
        heads += [[f"{bend} = {slot(bend)}", *reduced(bend, "{0} + {1}", lanes)]]
    lines = [line for part in parts for line in part]
    truth = truths(["finite = True", "definite = True", "own = True", "settled = True", "tiny = True", *lines])
    through = {name for at in range(1, len(parts))
               for name in awaited(parts[at]) & assigned(line for part in parts[:at] for line in part)}  # fmt: skip
    for name in sorted((through | {bend} - {""}) - mine.slots.keys()):
        mine.slots[name] = len(mine.slots)
    functions = []
    for name, head, part, tail in zip(("before", "after", "cut"), heads, parts, tails, strict=False):
        fetched = sorted((awaited(part) & mine.slots.keys()) - assigned(head))
        body = [f"{one} = {slot(one)}{' > zero' if one in truth else ''}" for one in fetched] + head + part
        kept = sorted((assigned(part) | assigned(head)) & mine.slots.keys())
        body += [f"{slot(one)} = {f'one if {one} else zero' if one in truth else one}" for one in kept] + tail
        functions.append(function(f"{name}(S, K, t, l, u, members, limit, ftol, xtol, gtol)", body, "lowered"))
    return functions, bend


def pieces(lines: Sequence[str]) -> tuple[list[list[str]], str]:
    """A trip, cut where the lanes factorise together, and where they work out dᵀHd (if so, the name of that)."""
    parts: list[list[str]] = [[]]
    bend = ""
    for line in lines:
        step, _, name = line.removeprefix(CUT).partition(" ")
        if not line.startswith(CUT):
            parts[-1].append(line)
        elif step in ("factor", "quadratic"):
            parts.append([])
            bend = name if step == "quadratic" else bend
    return parts, bend


def assigned(lines: Iterable[str]) -> set[str]:
    """Names that lines set."""
    return {line.partition(" = ")[0] for line in lines}


def awaited(lines: Iterable[str]) -> set[str]:
    """Names that lines read before they set them."""
    found: set[str] = set()
    there: set[str] = set()
    for line in lines:
        name, _, value = line.partition(" = ")
        found |= {word for word in re.findall(r"[A-Za-z_]\w*", value) if word not in there}
        there.add(name)
    return found


def leave_text(program: Formula, way: Way, mine: Layout, eps_before: float, constants: Text) -> str:
    """``leave(S, K, t, l, u, last, x, fun, b)``: what a problem's end leaves in the arrays, in the registers first: the
    unknowns in ``x_e``, and F."""
    n = program.n
    mine_at = element_places(n, way.lanes)
    constants.constants |= {"hand_over": HAND_OVER, "next_phase": NEXT_PHASE, "no_start": NOT_FINITE_AT_START}
    constants.constants |= {"nothing": float("nan")}
    body = loads([*(f"{v}_{e}" for v in "xc" for e in range(len(mine_at))), "F", "F0", "code"])
    if not way.first:
        text = straight_line(_lost, (), eps=eps_before)
        constants.constants |= text.constants
        body += ["before = fun[b]", *text.lines]
        body += ["code = hand_over if lost | (code == no_start) else code", f"{slot('code')} = code"]
    body += ["kept = code < hand_over", "onward = code == next_phase", f"{slot('F')} = F if kept else nothing"]
    for e, place in enumerate(mine_at):
        body += [f"end = x_{e} if onward else c_{e}", f"{slot(f'x_{e}')} = end if kept else x[b * {n} + {place}]"]
    return function("leave(S, l, u, last, x, fun, b)", body, "lowered")


def kernel_text(
    program: Formula, where: Layout, way: Way, shared: Mapping[str, int], cut: Sequence[Sequence[str]], bend: str
) -> str:
    """The kernel, as `cuda.kernel_text`."""
    args, data = named("P", widths(program, where, "problem")), named("D", widths(program, where, "point"))
    given = ["x, fun, tops, code, nit, nfev, X, A, queue, m, limit, ftol, xtol, gtol", *args, *data]
    n, lanes = program.n, way.lanes
    adds = "=" if way.fresh else "+="
    numbers = "S, K, t, 0, u, members, limit, ftol, xtol, gtol"
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
        "begin(S, K, t, 0, A)",
        f"S[own_] = one if u + {(elements(n, lanes) - 1) * lanes} < {n} else zero",
        *(f"S[{name}_] = one if u & {name.split('_')[1]} else zero" for name in halves(lanes)),
        "while True:",
        "    if ended:",
        "        if b >= 0:",
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
                f"        while b < count and code[b] != {int(NEXT_PHASE)}:",
                "            b = take(queue, u, members)",
            ]
        ),
        "        if b >= count:",
        "            break",
        "        sync(members)",
        f"        enter({', '.join(['S, K, t, 0, u, last, members, x, tops, b', *args])})",
        "        sync(members)",
        "    k = u",
        f"    while k < {len(outputs(n))}:",
        f"        K[t + {shared['f']} + k] = zero",
        "        k += LANES",
        "    sync(members)",
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
    body += [
        "    sync(members)",
        "    S[finite_] = not_finite(K, t, u)",
        f"    before({numbers})",
    ]
    body += ["    clear(K, t, u, members)"] * where.bounded
    body += [
        "    S[definite_] = one if factor(K, t, u, members) else zero",
        "    solve_factored(K, t, u, members)",
        f"    after({numbers})",
    ]
    if where.bounded:
        body += [f"    S[{bend}_] = quadratic(K, t, u, members)", f"    cut({numbers})"]
    body += ["    ended = S[code_] > zero"]
    lines = [line for block in body for line in block.split("\n")]
    return "\n".join([f"def solve({', '.join(given)}):", *indent(lines, 1)])


def problems_of_a_block(whole: int, itemsize: int, lanes: int) -> int:
    """Groups that share a block and its shared memory."""
    return max(1, min(BLOCK // lanes, SHARED // (whole * itemsize)))
