"""Text of the sums over the data for a group of lanes (`cuda_group`): what a problem's lanes add up and exchange.

The sums are taken in `tiles` of as many as fit into the registers, one passage through a lane's rows for each tile; the
lanes then exchange halves, so that each ends with its own sums, and put them into shared memory.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from .cuda_layout import cells, named, widths
from .formula import Formula, computed_rows, summed
from .lanes import additions
from .layout import Layout
from .text import function, slot

TILE = {4: 64, 8: 36}  # sums that a lane adds up at a time, by the bytes of a number
SIDE = {4: 8, 8: 6}  # a tile is about a square of the Hessian: few unknowns take part in it


def outputs(n: int, kind: str = "fgh") -> list[str]:
    """What a trip needs of the formula: value, gradient and Hessian, or fewer of them, or "frj"."""
    return [name for letter in kind for part in parts(n, letter, max(1, n)) for name in part]


def parts(n: int, letter: str, side: int) -> list[list[str]]:
    """One of the outputs in pieces that should be together: elements, or squares of a matrix."""
    if letter in "hj":
        corners = [(top, left) for top in range(0, n, side) for left in range(0, n if letter == "j" else top + 1, side)]
        return [
            [f"{letter}_{i}_{k}" for i in range(top, min(top + side, n)) for k in range(left, min(left + side, n))
             if letter == "j" or k <= i]
            for top, left in corners
        ]  # fmt: skip
    return [["f"]] if letter == "f" else [[f"{letter}_{i}"] for i in range(n)]


def tiles(program: Formula, itemsize: int, every: bool = False, kind: str = "fgh") -> list[list[str]]:
    """The sums over the data (or ``every`` output), as many at a time as stay in registers: value, gradient, then
    squares of the Hessian; or residuals, then squares of their Jacobian."""
    there = set(program.outputs if every else summed(program))
    wanted_parts = [[name for name in part if name in there]
                    for letter in kind for part in parts(program.n, letter, SIDE[itemsize])]  # fmt: skip
    most = TILE[itemsize]
    if max(map(len, wanted_parts), default=0) == 1:  # no matrix: tiles of the same length
        count = sum(map(len, wanted_parts))
        most = -(-count // -(-count // most))
    found: list[list[str]] = [[]]
    for wanted in wanted_parts:
        if len(found[-1]) + len(wanted) > most:
            found.append([])
        found[-1] += wanted
    return [one for one in found if one]


def table(cut: Sequence[Sequence[str]], lanes: int, shared: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """Places of the sums of all tiles, each tile filled up to a multiple of the lanes; and where each tile begins."""
    found: list[int] = []
    first: list[int] = []
    for names in cut:
        first.append(len(found))
        found += [shared[name] for name in names] + [shared["nowhere"]] * (-len(names) % lanes)
    return found, first


def add_text(program: Formula, where: Layout, names: Sequence[str], known: Mapping[str, int], at: int) -> str:
    """``add_{at}(S, K, t, l, X, m, k, row, D0, ...)``: row k of the data of a problem into the sums of a tile."""
    code = {one.name: one.expression for one in program.stages["point"]}
    uses = needed([program.outputs[name][1] for name in names], code)
    uses |= {"present"} if where.missing == "mask" else set()
    arrays = widths(program, where, "point")
    body = [
        f"{name}__0 = X[{q} * m + k]" for q, name in enumerate([*where.rows, *computed_rows(program)]) if name in uses
    ]
    data = zip(where.points, cells("D", arrays, "row"), strict=True)
    body += [f"{name}__0 = {cell}" for name, cell in data if name in uses]
    there = Layout(
        {}, 1, where.call, where.rows, where.problem, where.points, "mask" if where.missing == "mask" else None
    )
    body += additions(program, there, names, 1)
    text = function(f"add_{at}({', '.join(['S, l, X, m, k, row', *named('D', arrays)])})", body, "lowered")
    sums = {name: f"sum_{i}" for i, name in enumerate(names)}
    outer = {name: place for name, place in known.items() if name not in sums}
    text = re.sub(r"\b(\w+)_ \+ l\]", lambda found: f"{sums.get(found[1], found[1])}_ + l]", text)
    return in_shared(text, outer)


def needed(values: Iterable[str], code: Mapping[str, str]) -> set[str]:
    """All names that the values are worked out from."""
    found: set[str] = set()
    todo = [word for value in values for word in re.findall(r"[A-Za-z_]\w*", value)]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += re.findall(r"[A-Za-z_]\w*", code.get(name, ""))
    return found


def gather_text(names: Sequence[str], lanes: int, at: int, offset: int) -> str:
    """``gather_{at}(S, K, t, l, u, members, table)``: the sums of a tile over all lanes, in shared memory.

    In each exchange a lane keeps one half of its sums and gives the other away, so that it ends with its own; their
    places stand in a table.  A sum is the same tree of additions in whichever lane it ends.
    """
    size = -(-len(names) // lanes) * lanes
    body = [f"v_{i} = {slot(f'sum_{i}') if i < len(names) else 'zero'}" for i in range(size)]
    distance = lanes // 2
    while distance:
        size //= 2
        body += [f"upper = {slot(f'upper_{distance}')} > zero"]
        for i in range(size):
            body += [f"kept = v_{i + size} if upper else v_{i}", f"given = v_{i} if upper else v_{i + size}"]
            body += [f"v_{i} = kept + swap(given, {distance}, members)"]
        distance //= 2
    for i in range(size):
        body += [f"place = table[{offset} + u * {size} + {i}]", f"K[place + t] = K[place + t] + v_{i}"]
    body += [f"{slot(f'sum_{i}')} = zero" for i in range(len(names))]
    return function(f"gather_{at}(S, K, t, l, u, members, table)", body, "lowered")


def halves(lanes: int) -> list[str]:
    """For each distance of an exchange, whether a lane is of the upper half."""
    return [f"upper_{1 << bit}" for bit in range(lanes.bit_length() - 1)]


def in_shared(text: str, where: Mapping[str, int]) -> str:
    """A function whose named values lie in shared memory, and are read there each time that they are needed."""
    head, *lines = text.replace("(S, l", "(S, K, t, l", 1).split("\n    ")
    copies = {f"{name} = {slot(name)}" for name in where} | {f"{slot(name)} = {name}" for name in where}

    def moved(line: str) -> str:
        target, sign, value = line.partition(" = ")
        if not sign:
            return line
        value = re.sub(r"\w+", lambda word: f"K[{where[word[0]]} + t]" if word[0] in where else word[0], value)
        stored = re.match(r"S\[(\w+)_ \+ l\]$", target)
        name = stored[1] if stored else target
        return f"{f'K[{where[name]} + t]' if name in where else target} = {value}"

    return "\n    ".join([head, *(moved(line) for line in lines if line not in copies)])


def as_needed(text: str, most: int) -> str:
    """A function in which each value is worked out right before what is stored and needs it, and once more where
    ``most`` others have been since (unless that makes the text three times as long): so that few live at a time."""
    head, *lines = text.split("\n    ")
    code = {name: value for name, _, value in (line.partition(" = ") for line in lines) if name.isidentifier()}
    recent: dict[str, None] = {}
    found: list[str] = []

    def work_out(value: str) -> None:
        for word in re.findall(r"[A-Za-z_]\w*", value):
            if word in code and word not in recent and len(found) <= 3 * len(lines):
                work_out(code[word])
                found.append(f"{word} = {code[word]}")
            if word in code:
                recent.pop(word, None)
                recent[word] = None
        while len(recent) > most:
            del recent[next(iter(recent))]

    for line in lines:
        target, _, value = line.partition(" = ")
        if not target.isidentifier() or line == "pass":
            work_out(value)
            found.append(line)
    return text if len(found) > 3 * len(lines) else "\n    ".join([head, *found])
