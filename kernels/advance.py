"""Text of a trip of the CPU lane kernels, ``advance``: one iteration, whole or in pieces."""

import re
from collections.abc import Mapping, Sequence

from .formula import Formula, inputs, minimum_zeros, root_zeros
from .iterations import ITERATIONS
from .layout import limits
from .sections import SECTION, sectioned
from .text import EACH, LANES, Loop, Text, function, loads, slot, stores
from .unroll import straight_line

ADVANCE = 'entry("PRRRR")'
UNROLLED = 64  # unknowns; of more the loops of a long iteration stay loops


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
    known = iteration.constants(n=n, bounded=bounded, kinked=program.kinked, eps=eps, **tolerances)
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
