"""Generated text: straight lines, loops that stay."""

from dataclasses import dataclass, field
from typing import Any

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
