"""Text of the CPU lane kernels: W problems side by side, lane l of slot s at ``S[s + l]``.

One flat workspace with constant offsets lets LLVM prove that nothing overlaps, so that each ``for l in range(W)``
becomes vector instructions.  What is generated here is the part that depends on the formula and its size
(``evaluate``, ``advance``, ``load``, ``store``); the loops around it are plain functions in ``cpu``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from . import linalg, step
from .unroll import Text, straight_line

ARRAYS = ("x", "g", "h", "r", "j", "c", "d", "q", "z", "lower", "inverse")
SCALARS = ("F", "F0", "s", "alpha", "radius", "trips", "moves", "settled", "tiny", "code")
FLAGS = ("settled", "tiny")
CACHE = 24_000  # bytes of workspace that should stay in the first-level cache


class Formula(Protocol):
    """What is needed of a derived program (see ``batchnewton.derive.Program``)."""

    n: int
    constants: Mapping[str, float]
    outputs: Mapping[str, tuple[str, str]]
    inputs: Sequence
    stages: Mapping[str, Sequence]
    scale: float

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


def has_data(program: Formula) -> bool:
    """Whether the formula is summed over data."""
    return any(one.level in ("row", "point") for one in program.inputs)


def layout(program: Formula, itemsize: int, solving: bool) -> Layout:
    """Slots for what the formula reads and yields and, where ``solving``, for the state of the iteration."""
    n = program.n
    names = [f"x_{i}" for i in range(n)] + list(scalars(program, "problem")) + carried(program) + list(program.outputs)
    if solving:
        names += [f"{array}_{i}" for array in "cdq" for i in range(n)] + list(SCALARS)
    vector = 64 // itemsize
    lanes = 4 * vector
    while lanes > vector and len(names) * lanes * itemsize > CACHE:
        lanes //= 2
    return Layout(
        {name: at * lanes for at, name in enumerate(names)},
        lanes,
        scalars(program, "call"),
        scalars(program, "row"),
        scalars(program, "problem"),
        scalars(program, "point"),
    )


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


def statements(program: Formula, stage: str, suffix: str = "") -> list[str]:
    """Code of a stage; ``suffix`` marks the names that belong to one data row."""
    lines = [f"{one.name} = {one.expression}" for one in program.stages[stage]]
    own = {one.name for kind in ("row", "point") for one in program.stages[kind]}
    own |= set(scalars(program, "row")) | set(scalars(program, "point"))
    return [renamed(line, own, suffix) for line in lines] if suffix else lines


def renamed(line: str, names: set[str], suffix: str) -> str:
    """The line with ``suffix`` behind each of the names."""
    return re.sub(r"[A-Za-z_]\w*", lambda word: word[0] + suffix if word[0] in names else word[0], line)


def evaluate_text(program: Formula, where: Layout, points: int) -> list[str]:
    """``evaluate(S, D, X, A, m)``: f, g, H (or r, J) of every lane at its trial point, summed over m data rows.

    ``D[(k * columns + q) * W + l]`` is column q of row k of lane l, ``X[q * m + k]`` the shared columns.
    """
    data = has_data(program)
    at_point = {name for name, (stage, _) in program.outputs.items() if data and stage in ("row", "point")}
    once = [name for name in program.outputs if name not in at_point]
    sums = [name for name in program.outputs if name in at_point]
    lines = ["def evaluate(S, D, X, A, m):"]
    lines += indent((f"{name} = A[{at}]" for at, name in enumerate(where.call)), 1)
    lines += indent(statements(program, "call"), 1)
    lines += indent(["count = T(m)", "for l in range(W):"], 1)
    needed = program.uses("problem") | {program.outputs[name][1] for name in once}
    lines += indent(loads(n for n in (*inputs(program), *where.problem) if n in needed), 2)
    lines += indent(statements(program, "problem"), 2)
    lines += indent(stores(carried(program)), 2)
    for name in once:
        value = program.outputs[name][1]
        total = f"{value} * count" if data else value
        lines += indent([f"{slot(name)} = {scaled(total, name, program)}"], 2)
    lines += indent((f"{slot(name)} = zero" for name in sums), 2)
    if sums:
        if points > 1:
            lines += indent([f"whole = m // {points} * {points}", f"for k in range(0, whole, {points}):"], 1)
            lines += pass_text(program, where, sums, points)
        lines += indent([f"for k in range({'whole' if points > 1 else 0}, m):"], 1)
        lines += pass_text(program, where, sums, 1)
        if "f" in sums and program.scale != 1.0:
            lines += indent(["for l in range(W):", f"    {slot('f')} = {scaled(slot('f'), 'f', program)}"], 1)
    return lines


def inputs(program: Formula) -> list[str]:
    """Names of the unknowns."""
    return [f"x_{i}" for i in range(program.n)]


def scaled(value: str, name: str, program: Formula) -> str:
    """The sum of squares is twice the cost."""
    return f"half * {value}" if name == "f" and program.scale == 0.5 else value


def pass_text(program: Formula, where: Layout, sums: list[str], points: int) -> list[str]:
    """One pass over the lanes that adds ``points`` data rows to the sums."""
    suffixes = [f"__{u}" for u in range(points)]
    uses, lines = program.uses("point") | program.uses("row"), []
    for u, suffix in enumerate(suffixes):
        lines += [f"{name}{suffix} = X[{q} * m + k + {u}]" for q, name in enumerate(where.rows) if name in uses]
        lines += statements(program, "row", suffix)
    lines += ["for l in range(W):"]
    kept = [n for n in (*inputs(program), *where.problem, *carried(program)) if n in uses]
    body = loads(kept) + loads(sums)
    own = {one.name for kind in ("row", "point") for one in program.stages[kind]} | set(where.rows) | set(where.points)
    for u, suffix in enumerate(suffixes):
        columns = len(where.points)
        body += [
            f"{name}{suffix} = D[((k + {u}) * {columns} + {q}) * W + l]"
            for q, name in enumerate(where.points)
            if name in uses
        ]
        body += statements(program, "point", suffix)
        body += [f"{name} += {renamed(program.outputs[name][1], own, suffix)}" for name in sums]
    return indent(lines, 2) + indent(body + stores(sums), 3)


def advance_text(program: Formula, phase: str, eps: float, tolerances: Mapping[str, float]) -> tuple[list[str], Text]:
    """``advance(S, limit, ftol, xtol, gtol)``: one trip of every lane; returns how many have ended."""
    n = program.n
    zeros = root_zeros(program) if phase == "root" else minimum_zeros(program)
    text = straight_line(step.trip, ARRAYS, zeros, phase=phase, n=n, eps=eps, **tolerances)
    body = "\n".join(text.lines)
    read = [name for name in program.outputs if re.search(rf"\b{name}\b", body)]
    state = [f"{array}_{i}" for array in "cdq" for i in range(n)]
    kept = [name for name in SCALARS if name != "code"]
    lines = ["def advance(S, limit, ftol, xtol, gtol):", "    for l in range(W):"]
    lines += indent(loads(inputs(program) + read + state + [k for k in kept if k not in FLAGS]), 2)
    lines += indent((f"{flag} = {slot(flag)} > zero" for flag in FLAGS), 2)
    lines += indent(text.lines, 2)
    lines += indent(stores(inputs(program) + [f"{a}_{i}" for a in "cd" for i in range(n)]), 2)
    lines += indent(stores(k for k in (*kept, "code") if k not in FLAGS), 2)
    lines += indent((f"{slot(flag)} = one if {flag} else zero" for flag in FLAGS), 2)
    lines += ["    ended = zero", "    for l in range(W):", f"        ended += one if {slot('code')} > zero else zero"]
    return [*lines, "    return ended"], text


def minimum_zeros(program: Formula) -> set[str]:
    """Elements of g and H that are zero whatever x is."""
    return {*(f"g_{i}" for i in range(program.n)), *triangle(program.n)} - set(program.outputs)


def root_zeros(program: Formula) -> set[str]:
    """Elements of r and J that are zero whatever x is."""
    n = range(program.n)
    return {*(f"r_{i}" for i in n), *(f"j_{i}_{k}" for i in n for k in n)} - set(program.outputs)


def load_text(program: Formula, solving: bool) -> tuple[list[str], Text]:
    """``load(S, D, l, b, m, x, args, data)``: problem b into lane l."""
    lines = ["def load(S, D, l, b, m, x, args, data):"]
    lines += indent((f"{slot(f'x_{i}')} = x[b, {i}]" for i in range(program.n)), 1)
    arrays = [one for one in program.inputs if one.level == "problem"]
    for at, one in enumerate(arrays):
        lines += indent((f"{slot(name)} = args[{at}][b, {i}]" for i, name in enumerate(one.scalars)), 1)
    columns = len(scalars(program, "point"))
    if columns:
        lines += ["    for k in range(m):"]
        column = 0
        for at, one in enumerate(i for i in program.inputs if i.level == "point"):
            for i in range(len(one.scalars)):
                place = f"D[(k * {columns} + {column}) * W + l]"
                lines += [f"        {place} = data[{at}][b, k, {i}]"]
                column += 1
    scale = straight_line(step.scales, ("x", "q"), n=program.n)
    if solving:
        lines += indent(loads(inputs(program)) + scale.lines, 1)
        lines += indent(stores(f"q_{i}" for i in range(program.n)), 1)
        lines += indent((f"{slot(f'{a}_{i}')} = zero" for a in "cd" for i in range(program.n)), 1)
        lines += indent((f"{slot(name)} = zero" for name in SCALARS if name != "radius"), 1)
        lines += indent([f"{slot('radius')} = radius0"], 1)
    return lines, scale


def store_text(program: Formula) -> list[str]:
    """``store(S, l, b, x, onward)``: the solution of lane l, or its next trial point, into row b of x."""
    lines = ["def store(S, l, b, x, onward):"]
    return lines + indent(
        (f"x[b, {i}] = {slot(f'x_{i}')} if onward else {slot(f'c_{i}')}" for i in range(program.n)), 1
    )


def store_derivatives_text(program: Formula) -> list[str]:
    """``store_derivatives(S, l, b, f, g, h)``: f, g and the whole symmetric H of lane l into row b."""
    n, lines = program.n, ["def store_derivatives(S, l, b, f, g, h):", f"    f[b] = {slot('f')}"]
    for i in range(n):
        if f"g_{i}" in program.outputs:
            lines += [f"    g[b, {i}] = {slot(f'g_{i}')}"]
        for j in range(i + 1):
            if f"h_{i}_{j}" in program.outputs:
                lines += [f"    h[b, {i}, {j}] = h[b, {j}, {i}] = {slot(f'h_{i}_{j}')}"]
    return lines


def gather_text(program: Formula) -> tuple[list[str], Text]:
    """``gather(S, l, g, h, b, r, j)``: what lane l yielded, into arrays; returns f.

    Structural zeros are left as they are: the arrays start as zeros.
    """
    n, lines, normal = program.n, ["def gather(S, l, g, h, b, r, j):"], Text()
    if "f" not in program.outputs:
        names = [f"r_{i}" for i in range(n)] + [f"j_{i}_{k}" for i in range(n) for k in range(n)]
        normal = straight_line(linalg.normal_equations, ("r", "j", "g", "h"), root_zeros(program), n=n)
        lines += indent([*loads(name for name in names if name in program.outputs), *normal.lines], 1)
        lines += [f"    {element(name)} = {name}" for name in names if name in program.outputs]
        lines += [f"    g[{i}] = g_{i}" for i in range(n)]
        for i in range(n):
            lines += [f"    h[{i}, {k}] = h[{k}, {i}] = b[{i}, {k}] = b[{k}, {i}] = h_{i}_{k}" for k in range(i + 1)]
        return [*lines, "    return f"], normal
    for name in program.outputs:
        if name != "f":
            array, *index = name.split("_")
            mirrored = f"{array}[{', '.join(reversed(index))}] = " if len(index) == 2 else ""
            lines += [f"    {element(name)} = {mirrored}{slot(name)}"]
    return [*lines, f"    return {slot('f')}"], normal


def element(name: str) -> str:
    """``h_2_1`` as ``h[2, 1]``."""
    array, *index = name.split("_")
    return f"{array}[{', '.join(index)}]"
