"""Long straight-line text in several pieces: what LLVM does with one block grows faster than its length.

A value that one piece works out and another needs lies in the workspace in between; truth values as 1 or 0.  A loop
over all unknowns is a piece of its own; its elements lie in the workspace one behind the other.
"""

import ast
import re
from collections.abc import Collection, Iterable, Sequence

from batchnewton.syntax import parse

from .text import EACH, Loop

SECTION = 400  # statements
TOGETHER = 8  # elements that one pass of a loop takes
WORD = re.compile(r"[A-Za-z_]\w*")


def sectioned(
    lines: Sequence[str | Loop], slots: dict[str, int], state: Collection[str], flags: Collection[str], n: int = 0
) -> list[Loop | list[str]]:
    """The lines in pieces, each with its loads before and its stores behind it.

    ``state`` are the names whose values must be in their slots at the end; ``flags`` those of them that are truth
    values.  Slots of what is handed on are added to ``slots``, each behind all lanes of the one before it.
    """
    width = min(place for place in slots.values() if place > 0)
    cut = list(pieces(lines))
    plain = [piece.lines if isinstance(piece, Loop) else piece for piece in cut]
    arrays = {word for piece in plain for line in piece for word in WORD.findall(line) if word.endswith(f"_{EACH}")}
    elements = {f"{array.removesuffix(EACH)}{i}": 0 for array in sorted(arrays) for i in range(n)}
    for name in elements:
        slots.setdefault(name, len(slots) * width)
    reads = [read_first(piece) for piece in plain]
    truths = truth_values([line for piece in plain for line in piece], flags)
    lasting = {*state, *elements}
    worked_out: set[str] = set()
    parts: list[Loop | list[str]] = []
    for at, piece in enumerate(plain):
        assigned = {line.split(" = ", 1)[0] for line in piece}
        needed = sorted(name for name in reads[at] if name in worked_out or name in slots or name in arrays)
        worked_out |= assigned - arrays
        later = set().union(*reads[at + 1 :])
        again = reads[at] if isinstance(cut[at], Loop) else set()  # by the next element
        kept = sorted(name for name in assigned if name in lasting or name in later or name in again or name in arrays)
        for name in kept:
            if name not in arrays:
                slots.setdefault(name, len(slots) * width)
        load = [
            f"{name} = {place(name)}" + (" > zero" if name in truths else "") for name in needed if name not in arrays
        ]
        store = [
            f"{place(name)} = " + (f"one if {name} else zero" if name in truths else name)
            for name in kept
            if name not in arrays
        ]
        if isinstance(cut[at], Loop):
            own = [name for name in needed if name in arrays], [name for name in kept if name in arrays]
            parts += [Loop([*load, *several(piece, *own, count), *store], count, whole) for count, whole in passes(n)]
        else:
            parts.append([*load, *piece, *store])
    return parts


def pieces(lines: Sequence[str | Loop]) -> Iterable[list[str] | Loop]:
    """Runs of statements, none too long, and the loops between them."""
    run: list[str] = []
    for one in lines:
        if run and (isinstance(one, Loop) or len(run) == SECTION):
            yield run
            run = []
        if isinstance(one, Loop):
            yield one
        else:
            run.append(one)
    if run:
        yield run


def passes(n: int) -> Iterable[tuple[int, range]]:
    """How many elements a pass of a loop takes, and where its passes begin: in each, sums stay in registers."""
    most = n // TOGETHER * TOGETHER
    return [(count, at) for count, at in ((TOGETHER, range(0, most, TOGETHER)), (1, range(most, n))) if at]


def several(piece: Sequence[str], read: Sequence[str], kept: Sequence[str], count: int) -> list[str]:
    """A piece for so many elements."""
    lines = []
    for more in range(count):
        lines += [f"{name} = {place(name, more)}" for name in read]
        lines += [*piece, *(f"{place(name, more)} = {name}" for name in kept)]
    return lines


def place(name: str, more: int = 0) -> str:
    """Where a value lies; ``at`` is the number of the element that a loop stands at."""
    if name.endswith(f"_{EACH}"):
        return f"S[{name.removesuffix(EACH)}0_ + ({EACH} + {more}) * W + l]"
    return f"S[{name}_ + l]"


def read_first(piece: Sequence[str]) -> set[str]:
    """Names that a piece reads before it assigns them, if it does."""
    known: set[str] = set()
    read: set[str] = set()
    for line in piece:
        name, expression = line.split(" = ", 1)
        read |= set(re.findall(r"[A-Za-z_]\w*", expression)) - known
        known.add(name)
    return read


def truth_values(lines: Sequence[str], flags: Collection[str]) -> set[str]:
    """Names that stand for truth values."""
    found = {*flags}
    for line in lines:
        name, expression = line.split(" = ", 1)
        if is_truth(parse(expression, mode="eval").body, found):
            found.add(name)
    return found


def is_truth(node: ast.expr, known: Collection[str]) -> bool:
    """Whether an expression is a truth value."""
    if isinstance(node, ast.Name):
        return node.id in known
    if isinstance(node, ast.IfExp):
        return is_truth(node.body, known)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitAnd | ast.BitOr)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.Compare)
