"""Text of the CPU lane kernels: W problems side by side, lane l of slot s at ``S[s + l]``.

One flat workspace with constant offsets: each ``for l in range(W)`` becomes vector instructions (``lower.Lanes``).
What is generated here is the part that depends on the formula and its size
(``evaluate``, ``advance``, ``load``, ``store``); the loops around it are plain functions in ``cpu``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from . import step
from .iterations import ITERATIONS
from .sections import SECTION, sectioned
from .text import EACH, Loop, Text
from .unroll import straight_line

CACHE = 24_000  # bytes of workspace that should stay in the first-level cache
LANES = "lanes(W)"  # decorator of what every lane does
PREPARE, ENTER, EVALUATE, ADVANCE = (f'entry("{kinds}")' for kinds in ("PPI", "PIR", "PPPPI", "PRRRR"))
UNROLLED = 64  # unknowns; of more the loops of a long iteration stay loops
MANY = 32  # sums; more do not fit into the registers
GAPS = "gaps"  # and the number of an array of a problem's own data, whose first value is NaN where there is no row
PRESENT = {"counts": ("count", "left{0} > zero"), "mask": ("present", "present{0} > zero")}  # see `presence`


class Formula(Protocol):
    """What is needed of a derived program (see ``batchnewton.derive.Program``)."""

    @property
    def n(self) -> int: ...
    @property
    def outputs(self) -> Mapping[str, tuple[str, str]]: ...
    @property
    def inputs(self) -> Sequence: ...
    @property
    def stages(self) -> Mapping[str, Sequence]: ...
    @property
    def shares(self) -> Mapping[str, tuple[str, str]]: ...
    @property
    def bases(self) -> Mapping[str, tuple[str, str]]: ...
    @property
    def scale(self) -> float: ...

    def uses(self, stage: str) -> set[str]: ...


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


def scalars(program: Formula, level: str) -> tuple[str, ...]:
    """Names of the scalars of the inputs of one level, in order."""
    return tuple(name for one in program.inputs if one.level == level for name in one.scalars)


def triangle(n: int) -> list[str]:
    """Names of the lower triangle of H."""
    return [f"h_{i}_{j}" for i in range(n) for j in range(i + 1)]


def carried(program: Formula) -> list[str]:
    """Values worked out once a trip that the data loop needs."""
    point = program.uses("point") if has_data(program) else set()
    return [one.name for one in program.stages["problem"] if one.name in point]


def computed_rows(program: Formula) -> list[str]:
    """Values that depend on the shared data alone and that the data loop needs: worked out once a call."""
    read = program.uses("point") | {name for stage, name in program.outputs.values() if stage in ("row", "point")}
    return [one.name for one in program.stages["row"] if one.name in read]


def presence(program: Formula, missing: str) -> tuple[str, str]:
    """The column that says which rows a problem has, and the condition, with room for what numbers the row."""
    if missing in PRESENT:
        return PRESENT[missing]
    arrays = [one for one in program.inputs if one.level == "point"]
    column = arrays[int(missing.removeprefix(GAPS))].scalars[0]
    return column, f"{column}{{0}} == {column}{{0}}"


def has_data(program: Formula) -> bool:
    """Whether the formula is summed over data."""
    return any(one.level in ("row", "point") for one in program.inputs)


def summed(program: Formula) -> list[str]:
    """Outputs that are summed over the data rows."""
    data = has_data(program)
    return [name for name, (stage, _) in program.outputs.items() if data and stage in ("row", "point")]


def begun(program: Formula) -> list[str]:
    """Outputs that are summed over the data rows, and do not start at zero (`once_text`)."""
    return [name for name in summed(program) if name in program.shares or name in program.bases]


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


def indent(lines: Iterable[str], depth: int) -> list[str]:
    """Lines moved right."""
    return ["    " * depth + line for line in lines]


def slot(name: str) -> str:
    """One lane of a slot."""
    return f"S[{name}_ + l]"


def loads(names: Iterable[str]) -> list[str]:
    """Slots into locals."""
    return [f"{name} = {slot(name)}" for name in names]


def stores(names: Iterable[str]) -> list[str]:
    """Locals into slots."""
    return [f"{slot(name)} = {name}" for name in names]


def statements(program: Formula, stage: str) -> list[str]:
    """Code of a stage."""
    return [f"{one.name} = {one.expression}" for one in program.stages[stage]]


def renamed(line: str, names: set[str], suffix: str) -> str:
    """The line with ``suffix`` behind each of the names."""
    return re.sub(r"[A-Za-z_]\w*", lambda word: word[0] + suffix if word[0] in names else word[0], line)


def function(head: str, body: Iterable[str], how: str) -> str:
    """Text of a function: ``how`` is its decorator (see ``machine``)."""
    lines = list(body) or ["pass"]
    return "\n".join([f"@{how}", f"def {head}:", *indent(lines, 1)])


def enter_text(program: Formula, phase: str) -> tuple[list[str], Text]:
    """``enter(S, l, top)``: state of lane l at the beginning of a problem; ``top`` is the largest F at a start so far.
    The rest follows from ``trips == 0`` (``step.trip``).  A bracketed search begins at an end of its bracket."""
    n = program.n
    text = straight_line(step.scales, ("x", "q"), n=n)
    text.constants["first_radius"] = step.RADIUS * n**0.5
    body = ["F0 = top", *loads(inputs(program)), *text.lines, "radius = first_radius", "trips = zero"]
    begun = [*(f"q_{i}" for i in range(n)), "F0", "radius", "trips"]
    body += stores(name for name in begun if name in ITERATIONS[phase].slots(n))
    if phase == "bracket":
        body += [f"{slot('c_0')} = x_0", f"{slot('x_0')} = {slot('lo_0')}"]
    begin = function("begin(S, l, top)", body, "lowered")
    return [begin, function("enter(S, l, top)", ["begin(S, l, top)"], ENTER)], text


def evaluate_text(program: Formula, where: Layout, points: int) -> list[str]:
    """``evaluate(S, D, X, A, m)``: f, g, H (or r, J) of every lane at its trial point, summed over m data rows
    (f is to be multiplied by the program's ``scale``).  Where data are missing, a lane adds only its own rows, and no
    group of rows after the last of any lane is looked at; which rows make a group does not depend on the lanes.

    ``D[(k * columns + q) * W + l]`` is column q of row k of lane l, ``X[q * m + k]`` the shared columns.
    """
    sums = summed(program)
    call = [*where.call, *(one.name for one in program.stages["call"])]
    body = [f"{name} = A[{at}]" for at, name in enumerate(where.call)] + statements(program, "call")
    once, read = once_text(program, where, call, sums)
    functions = [once]
    body += ["count = T(m)", f"once({', '.join(['S', 'count', *read])})"]
    last = "m"
    if where.missing == "counts":  # of m rows, which is the stride of X and divides them into groups
        last = "most"
        body += ["longest = zero", "for l in range(W):", f"    longest = max(longest, {slot('count')})"]
        body += ["most = int64(longest)"]
    first = "0"
    if sums and points > 1:
        text, loop = pass_text(program, where, call, sums, points)
        functions += [text]
        body += [f"whole = m // {points} * {points}"]
        end = "whole" if last == "m" else f"min(whole, {last})"
        body += [f"for k in range(0, {end}, {points}):", *indent(loop, 1)]
        first = "whole"
    if sums:
        text, loop = pass_text(program, where, call, sums, 1)
        functions += [text]
        body += [f"for k in range({first}, {last}):", *indent(loop, 1)]
    return [*functions, function("evaluate(S, D, X, A, m)", body, EVALUATE)]


def once_text(program: Formula, where: Layout, call: list[str], sums: list[str]) -> tuple[str, list[str]]:
    """``once(S, l, count, ...)``: what does not depend on the data row; sums start at what it adds to them."""
    alone = {name: program.outputs[name][1] for name in program.outputs if name not in sums}
    alone |= {name: share for name, (_, share) in program.shares.items()}
    bases = {name: base for name, (_, base) in program.bases.items()}
    needed = program.uses("problem") | {*alone.values(), *bases.values()}
    needed |= {"count"} if where.missing else set()
    body = loads(name for name in (*inputs(program), *where.problem) if name in needed)
    body += statements(program, "problem") + stores(carried(program))
    starts = {name: f"{value} * count" if has_data(program) else value for name, value in alone.items()}
    starts |= {name: f"{starts[name]} + {base}" if name in starts else base for name, base in bases.items()}
    body += [f"{slot(name)} = {total}" for name, total in starts.items()]
    body += [f"{slot(name)} = zero" for name in sums if name not in starts]
    read = [name for name in call if name in needed]
    return function(f"once({', '.join(['S', 'l', 'count', *read])})", body, LANES), read


def inputs(program: Formula) -> list[str]:
    """Names of the unknowns."""
    return [f"x_{i}" for i in range(program.n)]


def prepare_text(program: Formula, where: Layout) -> list[str]:
    """``prepare(X, A, m)``: fills the columns of X that are worked out from its others."""
    call = [*where.call, *(one.name for one in program.stages["call"])]
    used = program.uses("row")
    given = ", ".join(["X", "k", "m", *(name for name in call if name in used)])
    row = [f"{name} = X[{q} * m + k]" for q, name in enumerate(where.rows) if name in used]
    row += statements(program, "row")
    row += [f"X[{q} * m + k] = {name}" for q, name in enumerate(computed_rows(program), len(where.rows))]
    body = [f"{name} = A[{at}]" for at, name in enumerate(where.call)] + statements(program, "call")
    body += ["for k in range(m):", f"    row({given})"]
    return [function(f"row({given})", row, "lowered"), function("prepare(X, A, m)", body, PREPARE)]


def pass_text(program: Formula, where: Layout, call: list[str], sums: list[str], points: int) -> tuple[str, list[str]]:
    """``add{points}(S, D, l, k, ...)`` adds rows k, k + 1, ... to the sums of a lane; and the loop that calls it."""
    uses = program.uses("point") | {program.outputs[name][1] for name in sums}
    head: list[str] = []
    body: list[str] = []
    shared: list[str] = []
    columns = [*where.rows, *computed_rows(program)]
    uses |= {presence(program, where.missing)[0]} if where.missing else set()
    body += loads(name for name in (*inputs(program), *where.problem, *carried(program)) if name in uses)
    for u in range(points):
        suffix = f"__{u}"
        head += [f"{name}{suffix} = X[{q} * m + k + {u}]" for q, name in enumerate(columns) if name in uses]
        shared += [f"{name}{suffix}" for name in columns if name in uses]
        for q, name in enumerate(where.points):
            if name in uses:
                body += [f"{name}{suffix} = D[((k + {u}) * {len(where.points)} + {q}) * W + l]"]
        if where.missing == "counts":
            head += [f"row{suffix} = T(k + {u})"]
            shared += [f"row{suffix}"]
            body += [f"left{suffix} = count - row{suffix}"]
    body += additions(program, where, sums, points)
    given = ", ".join(["k", *(name for name in call if name in uses), *shared])
    return function(f"add{points}(S, D, l, {given})", body, LANES), [*head, f"add{points}(S, D, {given})"]


def additions(program: Formula, where: Layout, sums: Sequence[str], points: int) -> list[str]:
    """Rows side by side, where the sums stay in the registers: one row's exponentials need not wait for those of the
    one before (LLVM keeps the order of such long blocks; row after row takes a tenth longer).  Else sum after sum, so
    that each passes through the registers once.  What an addition needs is worked out right before it, so that few
    values live at a time."""
    code = {one.name: one.expression for one in program.stages["point"]}
    own = {*where.rows, *computed_rows(program), *where.points, *code}
    there: set[str] = set()
    lines: list[str] = []

    def need(name: str, suffix: str) -> None:
        if name in code and name + suffix not in there:
            there.add(name + suffix)
            for word in re.findall(r"[A-Za-z_]\w*", code[name]):
                need(word, suffix)
            lines.append(renamed(f"{name} = {code[name]}", own, suffix))

    def add(name: str, rows: Iterable[int]) -> None:
        value = program.outputs[name][1]
        for u in rows:
            need(value, f"__{u}")
        for u in rows:
            more = f"{name} + {renamed(value, own, f'__{u}')}"
            kept = f" if {presence(program, where.missing)[1].format(f'__{u}')} else {name}" if where.missing else ""
            lines.append(f"{name} = {more}{kept}")

    if len(sums) <= MANY:
        rows = []
        for u in range(points):
            for name in sums:
                add(name, [u])
            rows.append(lines[sum(map(len, rows)) :])
        return [*loads(sums), *(line for together in zip(*rows, strict=True) for line in together), *stores(sums)]
    for name in sums:
        lines += loads([name])
        add(name, range(points))
        lines += stores([name])
    return lines


def advance_text(
    program: Formula,
    phase: str,
    eps: float,
    tolerances: Mapping[str, float],
    bounded: bool = False,
    slots: dict[str, int] | None = None,
) -> tuple[list[str], Text]:
    """``advance(S, limit, ftol, xtol, gtol)``: one trip of every lane; returns a bit for each that has ended.

    Where ``slots`` are given, the text of an iteration that is ``long`` becomes several functions, for whose common
    values slots are added (see ``sections``).
    """
    n, iteration = program.n, ITERATIONS[phase]
    zeros = root_zeros(program) if iteration.root else minimum_zeros(program)
    bare_diagonal = sorted(zeros & {f"h_{i}_{i}" for i in range(n)}) if bounded else []
    zeros = zeros - {*bare_diagonal}
    known = iteration.constants(n=n, bounded=bounded, eps=eps, **tolerances)
    spaces = slots if iteration.long else None
    rolled = n if spaces is not None and n > UNROLLED and in_a_row(spaces, "g", n) else 0
    text = straight_line(iteration.trip, iteration.arrays, zeros, rolled, **known)
    words = set(re.findall(r"\w+", "\n".join(text.plain())))
    state = [name for name in iteration.state(n) if name in words]
    kept = [name for name in iteration.scalars if name != "code" and name in words]
    flags = [name for name in iteration.flags if name in words]
    edges = list(iteration.edges) if bounded else []
    if spaces is not None and (rolled or len(text.lines) > SECTION):
        lines = ["f = half * f", *text.lines] if program.scale == 0.5 else text.lines
        return in_sections(sectioned(lines, spaces, {*inputs(program), *state, *kept, "code"}, {*flags}, n)), text
    body = loads([*inputs(program), *(name for name in program.outputs if name in words), *state])
    body += loads(f"q_{i}" for i in range(n))
    body += loads(name for name in kept if name not in flags)
    body += loads(dict.fromkeys([*limits(n), *edges]) if bounded else []) + [f"{name} = zero" for name in bare_diagonal]
    body += ["f = half * f"] if program.scale == 0.5 else []  # the sum of squares is twice the cost
    body += [f"{flag} = {slot(flag)} > zero" for flag in flags] + text.lines
    body += stores([*inputs(program), *state])
    body += stores(name for name in (*kept, *edges, "code") if name not in flags)
    body += [f"{slot(flag)} = one if {flag} else zero" for flag in flags]
    steps = ["trip(S, limit, ftol, xtol, gtol)", "return ended_lanes(S, code_)"]
    return [
        function("trip(S, l, limit, ftol, xtol, gtol)", body, LANES),
        function("advance(S, limit, ftol, xtol, gtol)", steps, ADVANCE),
    ], text


def in_sections(parts: Sequence[Loop | list[str]]) -> list[str]:
    """The functions of a trip in pieces, and ``advance``, which calls them in turn."""
    functions, body = [], []
    given = "limit, ftol, xtol, gtol"
    for at, part in enumerate(parts):
        if isinstance(part, Loop):
            functions.append(function(f"trip{at}(S, l, {EACH}, {given})", part.lines, LANES))
            body += [f"for {EACH} in {part.begins}:", f"    trip{at}(S, {EACH}, {given})"]
        else:
            functions.append(function(f"trip{at}(S, l, {given})", part, LANES))
            body.append(f"trip{at}(S, {given})")
    body.append("return ended_lanes(S, code_)")
    return [*functions, function(f"advance(S, {given})", body, ADVANCE)]


def in_a_row(slots: Mapping[str, int], array: str, n: int) -> bool:
    """Whether the elements of an array lie one behind the other."""
    found = [slots.get(f"{array}_{i}", -1) for i in range(n)]
    width = found[1] - found[0]
    return found == list(range(found[0], found[0] + n * width, width)) if width > 0 else False


def minimum_zeros(program: Formula) -> set[str]:
    """Elements of g and H that are zero whatever x is."""
    return {*(f"g_{i}" for i in range(program.n)), *triangle(program.n)} - set(program.outputs)


def root_zeros(program: Formula) -> set[str]:
    """Elements of r and J that are zero whatever x is."""
    n = range(program.n)
    return {*(f"r_{i}" for i in n), *(f"j_{i}_{k}" for i in n for k in n)} - set(program.outputs)


def places(program: Formula, where: Layout, kind: str) -> list[int]:
    """Where the outputs lie, in the order that ``cpu`` reads them; -1 for a structural zero."""
    n = range(program.n)
    if kind == "root":
        names = [f"r_{i}" for i in n] + [f"j_{i}_{k}" for i in n for k in n]
    else:
        names = ["f", *(f"g_{i}" for i in n), *(f"h_{i}_{k}" for i in n for k in n)]
        names += [f"b_{i}_{k}" for i in n for k in n] if kind == "hybrid" else []
    return [where.slots.get(name, -1) if name in program.outputs else -1 for name in names]
