"""Text of the CPU lane kernels: W problems side by side, lane l of slot s at ``S[s + l]``.

One flat workspace with constant offsets (``layout``): each ``for l in range(W)`` becomes vector instructions
(``lower.Lanes``).  What is generated here, and in ``advance``, is the part that depends on the formula and its size;
the loops around it are plain functions in ``cpu``.
"""

import re
from collections.abc import Iterable, Sequence

from . import step
from .formula import Formula, carried, computed_rows, has_data, inputs, presence, statements, summed
from .iterations import ITERATIONS
from .layout import MANY, Layout
from .text import LANES, Text, function, indent, loads, renamed, slot, stores
from .unroll import straight_line

PREPARE, ENTER, EVALUATE = (f'entry("{kinds}")' for kinds in ("PPI", "PIR", "PPPPI"))


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
