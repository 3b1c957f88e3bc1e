"""Text of the CUDA kernel for f, g and H at given points: no iteration, one passage through the data for each tile.

A tile is the formula's program with a part of its outputs (`parts`), as many as stay in registers; so what a thread
holds does not grow with the number of unknowns, and nothing is shared between threads but the sums of lanes.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .cuda import (
    add_text,
    begin_text,
    call_names,
    cells,
    first_lane_text,
    layout,
    named,
    total_text,
    widths,
)
from .cuda_tiles import outputs, tiles
from .lanes import Layout, begun, function, indent, inputs, loads, once_text, stores, summed


def parts(program: Any, itemsize: int) -> list[Any]:
    """The program with a part of its outputs, for each tile."""

    def only(listed: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
        return {name: value for name, value in listed.items() if name in names}

    return [
        replace(program, **{one: only(getattr(program, one), names) for one in ("outputs", "shares", "bases")})
        for names in tiles(program, itemsize, every=True)
    ]


def values_layout(program: Any, missing: str | None) -> Layout:
    """Slots of one lane."""
    return layout(program, missing, phase=None)


def evaluate_text(program: Any, where: Layout, lanes: int, itemsize: int) -> list[str]:
    """All functions of the kernel ``evaluate``, the kernel last."""
    functions = [begin_text(program, where), enter_text(program, where)]
    passes = []
    for at, part in enumerate(parts(program, itemsize)):
        texts, lines = pass_text(part, where, lanes, at, [] if at else never(program))
        functions += texts
        passes += lines
    return [*functions, kernel_text(program, where, passes)]


def enter_text(program: Any, where: Layout) -> str:
    """``enter(S, l, x, b, P0, ...)``: where problem b is evaluated, and its scalars."""
    n, arrays = program.n, widths(program, where, "problem")
    body = [f"x_{i} = x[b * {n} + {i}]" for i in range(n)]
    body += [f"{name} = {cell}" for name, cell in zip(where.problem, cells("P", arrays, "b"), strict=True)]
    return function(
        f"enter({', '.join(['S, l, x, b', *named('P', arrays)])})",
        [*body, *stores([*inputs(program), *where.problem])],
        "lowered",
    )


def never(program: Any) -> list[str]:
    """Elements of g and H that are zero whatever x is."""
    return [name for name in outputs(program.n) if name not in program.outputs]


def pass_text(part: Any, where: Layout, lanes: int, at: int, zeros: Sequence[str]) -> tuple[list[str], list[str]]:
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
    texts += [leave_text(part, zeros)]
    lines += ["if lane == 0:", f"    leave_{at}(S, 0, fun, grad, hess, b)"]
    return [re.sub(r"def (\w+)\(", rf"def \1_{at}(", text, count=1) for text in texts], lines


def leave_text(part: Any, zeros: Sequence[str]) -> str:
    """``leave(S, l, fun, grad, hess, b)``: a tile, and what is always zero, to the arrays."""
    n, body = part.n, loads(part.outputs)
    for name in [*part.outputs, *zeros]:
        letter, *at = name.split("_")
        i, j = (int(one) for one in (*at, "0", "0")[:2])
        value = "zero" if name in zeros else name
        if letter == "f":
            body += [f"fun[b] = {'half * ' * (part.scale == 0.5)}{value}"]
        elif letter == "g":
            body += [f"grad[b * {n} + {i}] = {value}"]
        else:
            body += [f"hess[b * {n * n} + {place}] = {value}" for place in dict.fromkeys([i * n + j, j * n + i])]
    return function("leave(S, l, fun, grad, hess, b)", body, "lowered")


def kernel_text(program: Any, where: Layout, passes: Sequence[str]) -> str:
    """The kernel: ``LANES`` threads a problem, one problem after the other."""
    args, data = named("P", widths(program, where, "problem")), named("D", widths(program, where, "point"))
    body = [
        "S = cuda.local.array(SLOTS, dtype=REAL)",
        "lane = cuda.threadIdx.x % LANES",
        "members = group(cuda.threadIdx.x)",
        "b = int64(cuda.grid(1) // LANES)",
        "begin(S, 0, A)",
        "while b < fun.size:",
        f"    enter({', '.join(['S, 0, x, b', *args])})",
        "    last = int64(S[count_])" if where.missing == "counts" else "    last = m",
        *indent(passes, 1),
        "    b += cuda.gridsize(1) // LANES",
    ]
    return "\n".join([f"def evaluate({', '.join(['x, fun, grad, hess, X, A, m', *args, *data])}):", *indent(body, 1)])
