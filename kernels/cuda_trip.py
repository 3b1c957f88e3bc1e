"""Text of one trip of a group of lanes: the vectors spread over their registers, cut where they work together."""

import re
from collections.abc import Iterable, Mapping, Sequence

from .cuda_across import FAMILIES, Stop, stop
from .formula import Formula
from .iterations import ITERATIONS
from .layout import Layout
from .spread import CUT, SUM, elements, reduced, spread, truths
from .text import Text, function, slot


def in_vector(place: int, e: int, lanes: int) -> str:
    """Where the e-th element of lane ``u`` of a vector lies in shared memory."""
    return f"K[{place} + t + u + {e * lanes}]"


def trip_texts(
    program: Formula, where: Layout, phase: str, lanes: int, mine: Layout, shared: Mapping[str, int], eps: float,
    tolerances: Mapping[str, float], constants: Text,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """``trip_0(S, K, t, l, u, members, limit, ftol, xtol, gtol)``, ``trip_1``, ...: the pieces of a trip; and the lines
    of the kernel that call them and do what is between them.  What one hands on to another gets a slot."""
    n, iteration, family = program.n, ITERATIONS[phase], FAMILIES[phase]
    known = iteration.constants(n, bounded=where.bounded, kinked=program.kinked, eps=eps, **tolerances)
    del known["n"]
    text = spread(iteration.trip, lanes, iteration.arrays, n, **known)
    constants.constants |= text.constants
    parts, stops = pieces(text.lines, phase, where.bounded)
    parts = [found(one, n, lanes, shared) + part for one, part in zip((family.begin, *stops), parts, strict=True)]
    parts[0] = value(program, shared) + parts[0]
    ends = [left(one.given, n, lanes, shared) for one in (*stops, Stop((), {"x": "x_0"}))]
    flags = {*iteration.flags, "own", *(name for one in (family.begin, *stops) for name in one.truths)}
    truth = truths([*(f"{name} = True" for name in sorted(flags)), *(line for part in parts for line in part)])
    cells = {f"{row}_{e}": in_vector(shared[row], e, lanes)
             for row in parked(phase) for e in range(elements(n, lanes))}  # fmt: skip
    for name in sorted(handed_on([part + end for part, end in zip(parts, ends, strict=True)], stops) - cells.keys()):
        mine.slots.setdefault(name, len(mine.slots))
    functions, lines = [], [*family.begin.calls]
    for at, (part, end) in enumerate(zip(parts, ends, strict=True)):
        fetched = sorted(awaited(part + end) & mine.slots.keys())
        body = [f"{one} = {slot(one)}{' > zero' if one in truth else ''}" for one in fetched] + part
        kept = sorted(assigned(part) & mine.slots.keys())
        body += [f"{slot(one)} = {f'one if {one} else zero' if one in truth else one}" for one in kept] + end
        body = [re.sub(r"\w+", lambda word: cells.get(word[0], word[0]), line) for line in body]
        functions.append(function(f"trip_{at}(S, K, t, l, u, members, limit, ftol, xtol, gtol)", body, "lowered"))
        lines += [f"trip_{at}(S, K, t, 0, u, members, limit, ftol, xtol, gtol)"]
        lines += stops[at].calls if at < len(stops) else ()
    return functions, lines


def value(program: Formula, shared: Mapping[str, int]) -> list[str]:
    """F at the trial point."""
    return [f"f = K[{shared['f']} + t]"] + (["f = half * f"] if program.scale == 0.5 else [])


def found(one: Stop, n: int, lanes: int, shared: Mapping[str, int]) -> list[str]:
    """What the trip finds behind a stop."""
    lines = [f"{vector}_{e} = {in_vector(shared[place], e, lanes)}" for vector, place in one.found.items()
             for e in range(elements(n, lanes))]  # fmt: skip
    for line in one.head:
        name = line.removeprefix("total ")
        lines += [line] if name == line else [f"{name} = {slot(name)}", *reduced(name, SUM, lanes)]
    return lines


def left(given: Mapping[str, str], n: int, lanes: int, shared: Mapping[str, int]) -> list[str]:
    """Vectors of the trip to their places in shared memory."""
    return [f"{in_vector(shared[place], e, lanes)} = {vector}_{e}" for vector, place in given.items()
            for e in range(elements(n, lanes))]  # fmt: skip


def parked(phase: str) -> list[str]:
    """Vectors of the state that lie in shared memory."""
    rows = dict.fromkeys(name.rpartition("_")[0] for name in ITERATIONS[phase].slots(1))
    return [row for row in rows if row.split("_")[0] in FAMILIES[phase].parked]


def pieces(lines: Sequence[str], phase: str, bounded: bool) -> tuple[list[list[str]], list[Stop]]:
    """A trip, cut where the lanes do something together; and what that is, in the names of the trip."""
    parts: list[list[str]] = [[]]
    stops: list[Stop] = []
    for line in lines:
        step, *names = line.removeprefix(CUT).split(" ")
        found = stop(phase, step, bounded) if line.startswith(CUT) else None
        if found:
            stops.append(found.named(*names))
            parts.append([])
        elif not line.startswith(CUT):
            parts[-1].append(line)
    return parts, stops


def handed_on(parts: Sequence[Sequence[str]], stops: Sequence[Stop]) -> set[str]:
    """Names that a piece reads and an earlier one has set, or what the lanes did between them."""
    found = {name for one in stops for name in one.slots}
    for at in range(1, len(parts)):
        found |= awaited(parts[at]) & assigned(line for part in parts[:at] for line in part)
    return found


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
