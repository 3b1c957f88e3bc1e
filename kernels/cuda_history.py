"""Text of what a CUDA kernel writes down of each evaluation, for the history."""

import re
from collections.abc import Iterable

from .cuda_layout import SEEN, Way
from .formula import Formula, minimum_zeros, root_zeros
from .history import COLUMNS, part_of_newton
from .iterations import ITERATIONS
from .linalg import gradient
from .spread import elements
from .text import Text, function, loads, slot, stores
from .unroll import straight_line


def see_text(program: Formula, phase: str, constants: Text) -> str:
    """``see(S, l)``: F and max |g| at the trial point, for the history."""
    root = ITERATIONS[phase].root
    zeros = root_zeros(program) if root else minimum_zeros(program)
    text = straight_line(_seen, ("r", "j", "g", "h"), zeros, root=root, n=program.n)
    constants.constants |= text.constants
    words = set(re.findall(r"\w+", "\n".join(text.lines)))
    body = loads(name for name in program.outputs if name in words)
    body += ["f = half * f"] if program.scale == 0.5 else []
    return function("see(S, l)", [*body, *text.lines, *stores(SEEN[:2])], "lowered")


def _seen(f, r, j, g, h, root, n):
    if root:
        f = gradient(r, j, g, n)
    F_seen = f
    g_seen = 0.0
    for i in range(n):
        one_seen = abs(g[i])
        g_seen = one_seen if (one_seen > g_seen) | (one_seen != one_seen) else g_seen  # NaN where one is
    return F_seen, g_seen


def went_text(n: int, phase: str, constants: Text) -> str:
    """``went(S, l)``: the step to the next trial point, for the history."""
    fraction = ITERATIONS[phase].fraction
    text = straight_line(_went, ("x", "c", "q"), parts=-1 if fraction is None else len(fraction), n=n)
    constants.constants |= text.constants | {"nothing": float("nan")}
    body = loads(f"{vector}_{i}" for vector in "xcq" for i in range(n))
    body += [f"{name} = {slot(place)}" for name, place in zip(("given", "fall"), fraction or (), strict=False)]
    return function("went(S, l)", [*body, *text.lines, *stores(SEEN[2:])], "lowered")


def _went(x, c, q, given, fall, nothing, parts, n, sqrt):
    total = 0.0
    for i in range(n):
        share = q[i] * (x[i] - c[i])
        total = total + share * share
    step_seen = sqrt(total)
    if parts == 2:
        alpha_seen = part_of_newton(given, fall)
    elif parts == 1:
        alpha_seen = given
    elif parts == 0:
        alpha_seen = 1.0
    else:
        alpha_seen = nothing
    return step_seen, alpha_seen


def noted(way: Way, x: Iterable[tuple[str, str]]) -> list[str]:
    """A trial point that is lower than all before is kept, whether it will be accepted or not, where evaluations may
    run out; ``x`` are its numbers and their places."""
    if not (way.keeps and way.limited):
        return []
    one_of_many = " and lane == 0" if way.lanes > 1 and not way.grouped else ""
    mine, first = ("if {} < N: ", "if u == 0: ") if way.grouped else ("", "")
    return [
        "    see({state})",
        f"    lower = S[F_seen_] < low[b] and S[g_seen_] < endless{one_of_many}",
        *["    sync(members)"] * way.grouped,
        "    if lower:",
        *(f"        {mine.format(place)}best[b * N + {place}] = {one}" for one, place in x),
        f"        {first}low[b] = S[F_seen_]",
    ]


def best_kept(n: int, way: Way) -> list[str]:
    """Lines that keep the best point that the problem has met, where it is handed on or over (as in `cuda.leave_text`).
    All lanes have read what there was before one writes."""
    if not way.keeps:
        return []
    return [
        f"held = {'endless' if way.fresh and not way.limited else 'low[b]'}",
        "handed = S[code_] == hand_over or S[code_] == next_phase",
        "better = handed and S[F_] < held",
        "sync(members)",
        "if better:",
        *(
            line
            for e in range(elements(n, way.lanes))
            for line in (
                f"    if u + {e * way.lanes} < {n}:",
                f"        best[b * {n} + u + {e * way.lanes}] = S[c_{e}_]",
            )
        ),
        "if u == 0:",
        "    low[b] = S[F_] if better else held",
    ]


def written(way: Way, what: str, names: Iterable[str], first: int) -> list[str]:
    """What the function ``what`` sees, into the columns of the history from ``first``; zeros where a search begins.
    The lanes of a group all see it, since they find it together."""
    before = "" if way.fresh else "int64(nfev[b]) + "
    lines = [
        f"    k = {before}int64(S[trips_])",
        f"    if k < width{' and lane == 0' if way.lanes > 1 and not way.grouped else ''}:",
        f"        {what}({{state}})",
        f"        k = {COLUMNS} * (b * width + k)",
        *(f"        seen[k + {at}] = S[{name}_]" for at, name in enumerate(names, first)),
    ]
    if first == 0 and way.first:
        lines += ["        if S[trips_] == zero:", "            seen[k + 2] = zero", "            seen[k + 3] = zero"]
    return lines
