"""Long straight-line text in several pieces: what LLVM does with one block grows faster than its length.

A value that one piece works out and another needs lies in the workspace in between; truth values as 1 or 0.
"""

import ast
import re
from collections.abc import Collection, Sequence

SECTION = 400  # statements


def sectioned(
    lines: Sequence[str], slots: dict[str, int], state: Collection[str], flags: Collection[str]
) -> list[list[str]]:
    """The lines in pieces, each with its loads before and its stores behind it.

    ``state`` are the names whose values must be in their slots at the end; ``flags`` those of them that are truth
    values.  Slots of what is handed on are added to ``slots``, each behind all lanes of the one before it.
    """
    width = min(place for place in slots.values() if place > 0)
    pieces = [lines[at : at + SECTION] for at in range(0, len(lines), SECTION)]
    reads = [read_first(piece) for piece in pieces]
    truths = truth_values(lines, flags)
    worked_out: set[str] = set()
    parts = []
    for at, piece in enumerate(pieces):
        assigned = {line.split(" = ", 1)[0] for line in piece}
        needed = sorted(name for name in reads[at] if name in worked_out or name in slots)
        worked_out |= assigned
        later = set().union(*reads[at + 1 :])
        kept = sorted(name for name in assigned if name in state or name in later)
        for name in kept:
            slots.setdefault(name, len(slots) * width)
        load = [f"{name} = S[{name}_ + l]" + (" > zero" if name in truths else "") for name in needed]
        store = [f"S[{name}_ + l] = " + (f"one if {name} else zero" if name in truths else name) for name in kept]
        parts.append([*load, *piece, *store])
    return parts


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
        if is_truth(ast.parse(expression, mode="eval").body, found):
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
