"""Text of the CUDA kernel for f, g and H at given points: no iteration, one passage through the data for each tile.

A tile is the formula's program with a part of its outputs (`parts`), as many as stay in registers; so what a thread
holds does not grow with the number of unknowns, and nothing is shared between threads but the sums of lanes.

The kernel takes all problems, and arrays problem by problem; or, where it is ``listed``, those of a list, and arrays
in which `TOGETHER` problems lie number beside number, so that neighbouring threads find neighbouring numbers (the
patient path's).  There is an array for each letter of the program's outputs.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .cuda import add_text, begin_text, first_lane_text, total_text
from .cuda_layout import call_names, cells, layout, named, widths
from .cuda_tiles import SIDE, TILE
from .formula import begun, inputs, summed
from .lanes import once_text
from .layout import Layout
from .text import function, indent, loads, stores

ARRAYS = {"f": "fun", "g": "grad", "h": "hess", "b": "normal", "r": "residuals", "j": "jac"}
OUTPUTS = {"hybrid": "fghb", "root": "rj"}  # what is derived, where that is not f, g, H
TOGETHER = 32  # problems whose numbers lie side by side: a constant, for addresses that the compiler knows


def letters(kind: str) -> str:
    """The outputs of a kind of program."""
    return OUTPUTS.get(kind, "fgh")


def parts(program: Any, itemsize: int, what: str) -> list[Any]:
    """The program with a part of its outputs, for each tile."""

    def only(listed: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
        return {name: value for name, value in listed.items() if name in names}

    return [
        replace(program, **{one: only(getattr(program, one), names) for one in ("outputs", "shares", "bases")})
        for names in tiles(program, itemsize, what)
    ]


def pieces(n: int, letter: str, side: int) -> list[list[str]]:
    """An output in parts of which few unknowns take part in each: elements, or squares of a matrix (its triangle)."""
    if letter == "f":
        return [["f"]]
    if letter in "gr":
        return [[f"{letter}_{i}"] for i in range(n)]
    whole = letter == "j"
    corners = [(top, left) for top in range(0, n, side) for left in range(0, n if whole else top + 1, side)]
    return [
        [f"{letter}_{i}_{k}" for i in range(top, min(top + side, n)) for k in range(left, min(left + side, n))
         if whole or k <= i]
        for top, left in corners
    ]  # fmt: skip


def tiles(program: Any, itemsize: int, what: str) -> list[list[str]]:
    """The outputs that are not always zero, as many at a time as stay in registers."""
    found: list[list[str]] = [[]]
    for piece in (piece for letter in what for piece in pieces(program.n, letter, SIDE[itemsize])):
        wanted = [name for name in piece if name in program.outputs]
        if len(found[-1]) + len(wanted) > TILE[itemsize]:
            found.append([])
        found[-1] += wanted
    return [one for one in found if one]


def values_layout(program: Any, missing: str | None) -> Layout:
    """Slots of one lane."""
    return layout(program, missing, phase=None)


def evaluate_text(program: Any, where: Layout, lanes: int, itemsize: int, kind: str, listed: bool) -> list[str]:
    """All functions of the kernel ``evaluate`` for a program of this kind, the kernel last."""
    what = letters(kind)
    functions = [begin_text(program, where), enter_text(program, where, listed)]
    passes = []
    for at, part in enumerate(parts(program, itemsize, what)):
        texts, lines = pass_text(part, where, lanes, at, [] if at else never(program, what), listed)
        functions += texts
        passes += lines
    return [*functions, kernel_text(program, where, what, passes, listed)]


def cell(array: str, place: int, matrix: bool, listed: bool) -> str:
    """A number of a problem's vector or matrix, the first of which lies at ``v`` or ``h``."""
    return f"{array}[{'h' if matrix else 'v'} + {place * (TOGETHER if listed else 1)}]"


def first_cell(size: int, listed: bool) -> str:
    """Where the ``size`` numbers of problem b begin."""
    return f"b // {TOGETHER} * {TOGETHER * size} + b % {TOGETHER}" if listed else f"b * {size}"


def enter_text(program: Any, where: Layout, listed: bool) -> str:
    """``enter(S, l, x, v, b, P0, ...)``: where problem b is evaluated, and its scalars."""
    n, arrays = program.n, widths(program, where, "problem")
    body = [f"x_{i} = {cell('x', i, False, listed)}" for i in range(n)]
    body += [f"{name} = {cell}" for name, cell in zip(where.problem, cells("P", arrays, "b"), strict=True)]
    return function(
        f"enter({', '.join(['S, l, x, v, b', *named('P', arrays)])})",
        [*body, *stores([*inputs(program), *where.problem])],
        "lowered",
    )


def never(program: Any, what: str) -> list[str]:
    """Elements that are zero whatever x is."""
    every = [name for letter in what for piece in pieces(program.n, letter, program.n) for name in piece]
    return [name for name in every if name not in program.outputs]


def pass_text(
    part: Any, where: Layout, lanes: int, at: int, zeros: Sequence[str], listed: bool
) -> tuple[list[str], list[str]]:
    """The functions of one tile, and the lines of the kernel that call them."""
    once, read = once_text(part, where, call_names(part), summed(part))
    texts, lines = [once], [f"once_{at}({', '.join(['S, 0, T(m)', *(f'S[{name}_]' for name in read)])})"]
    if summed(part):
        texts += [add_text(part, where, staged=False)]
        if lanes > 1 and begun(part):
            texts += [first_lane_text(part)]
            lines += ["if lane > 0:", f"    first_lane_{at}(S, 0)"]
        data = named("D", widths(part, where, "point"))
        lines += [
            "k = int64(lane)",
            "while k < last:",
            f"    add_{at}({', '.join(['S, 0, X, m, k, b * m + k', *data])})",
            "    k += LANES",
        ]
        texts += [total_text(part, lanes)] if lanes > 1 else []
        lines += [f"total_{at}(S, 0, members)"] if lanes > 1 else []
    answers = sorted({ARRAYS[name[0]] for name in [*part.outputs, *zeros]})
    texts += [leave_text(part, zeros, answers, listed)]
    lines += ["if lane == 0:", f"    leave_{at}(S, 0, {', '.join(answers)}, b, v, h)"]
    return [re.sub(r"def (\w+)\(", rf"def \1_{at}(", text, count=1) for text in texts], lines


def leave_text(part: Any, zeros: Sequence[str], answers: Sequence[str], listed: bool) -> str:
    """``leave(S, l, ..., b, v, h)``: a tile, and what is always zero, to the arrays of the answers."""
    n, body = part.n, loads(part.outputs)
    for name in [*part.outputs, *zeros]:
        letter, *at = name.split("_")
        array, value = ARRAYS[letter], "zero" if name in zeros else name
        if letter == "f":
            body += [f"fun[b] = {'half * ' * (part.scale == 0.5)}{value}"]
        elif len(at) == 1:
            body += [f"{cell(array, int(at[0]), False, listed)} = {value}"]
        else:
            i, j = map(int, at)
            places = [i * n + j] if letter == "j" else dict.fromkeys([i * n + j, j * n + i])
            body += [f"{cell(array, place, True, listed)} = {value}" for place in places]
    return function(f"leave(S, l, {', '.join(answers)}, b, v, h)", body, "lowered")


def kernel_text(program: Any, where: Layout, what: str, passes: Sequence[str], listed: bool) -> str:
    """The kernel: ``LANES`` threads a problem, one problem after the other.

    ``listed``: the problems are the first ``count[0]`` of ``rows``.
    """
    n = program.n
    args, data = named("P", widths(program, where, "problem")), named("D", widths(program, where, "point"))
    given = ["rows, count"] * listed + ["x", *(ARRAYS[letter] for letter in what), "X, A, m", *args, *data]
    body = [
        "S = cuda.local.array(SLOTS, dtype=REAL)",
        "lane = cuda.threadIdx.x % LANES",
        "members = group(cuda.threadIdx.x)",
        "at = int64(cuda.grid(1) // LANES)",
        f"last_one = int64({'count[0]' if listed else 'fun.size'})",
        "begin(S, 0, A)",
        "while at < last_one:",
        f"    b = {'int64(rows[at])' if listed else 'at'}",
        f"    v = {first_cell(n, listed)}",
        f"    h = {first_cell(n * n, listed)}",
        f"    enter({', '.join(['S, 0, x, v, b', *args])})",
        "    last = int64(S[count_])" if where.missing == "counts" else "    last = m",
        *indent(passes, 1),
        "    at += cuda.gridsize(1) // LANES",
    ]
    return "\n".join([f"def evaluate({', '.join(given)}):", *indent(body, 1)])
