"""Generated text: statements, functions, loops that stay."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

LANES = "lanes(W)"  # decorator of what every lane does
EACH = "at"  # index of the elements that a loop stands at


@dataclass
class Loop:
    """Straight-line statements for each unknown, one after the other; or for ``together`` of them from each that
    ``begins`` names."""

    lines: list[str]
    together: int = 1
    begins: range = range(0)


@dataclass
class Text:
    """Straight-line statements and the constants (name -> value) that they use; ``rolled`` unknowns have `Loop`s."""

    lines: list[Any] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)
    rolled: int = 0

    def plain(self) -> list[str]:
        """All statements, those of a loop once."""
        return [line for one in self.lines for line in (one.lines if isinstance(one, Loop) else [one])]


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


def renamed(line: str, names: set[str], suffix: str) -> str:
    """The line with ``suffix`` behind each of the names."""
    return re.sub(r"[A-Za-z_]\w*", lambda word: word[0] + suffix if word[0] in names else word[0], line)


def function(head: str, body: Iterable[str], how: str) -> str:
    """Text of a function: ``how`` is its decorator (see ``machine``)."""
    lines = list(body) or ["pass"]
    return "\n".join([f"@{how}", f"def {head}:", *indent(lines, 1)])
