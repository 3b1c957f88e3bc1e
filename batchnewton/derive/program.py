"""What `derive` takes and what it returns: the inputs of a formula and its straight-line code."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache

from batchnewton.syntax import parse

STAGES = ("call", "row", "problem", "point")
"""What straight-line code may depend on, cheapest first: see `Program.stages`."""

LEVELS = ("unknown", *STAGES)


@dataclass(frozen=True)
class Input:
    """One argument of a formula.

    Parameters
    ----------
    name : str
        The name of a scalar; of shape ``(3,)`` the scalars are ``name_0``, ``name_1``, ``name_2``, in C order.
    shape : tuple of int
        Shape of the array that the formula receives; ``()`` is a scalar.
    level : {"unknown", "call", "row", "problem", "point"}
        What is solved for, or how often a known value changes: once a call; with the data row, the same for all
        problems; with the problem; with both.
    """

    name: str
    shape: tuple[int, ...] = ()
    level: str = "unknown"

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level of input {self.name!r} is {self.level!r}; expected one of {', '.join(LEVELS)}")

    @property
    def size(self) -> int:
        """Number of scalars."""
        size = 1
        for extent in self.shape:
            size *= extent
        return size

    @property
    def scalars(self) -> tuple[str, ...]:
        """Names of the scalars, in C order."""
        return tuple(f"{self.name}_{k}" for k in range(self.size)) if self.shape else (self.name,)


@dataclass(frozen=True)
class Statement:
    """``name = expression``, over names only."""

    name: str
    expression: str


@dataclass(frozen=True)
class Program:
    """Straight-line code of a formula and its derivatives.

    Attributes
    ----------
    name : str
        The formula's name.
    n, residuals : int
        Unknowns, and residuals a data row.
    inputs : tuple of Input
        In order of appearance.
    constants : dict
        Value of each constant's name; the code holds no literals, so that the kernel can type them.
    stages : dict
        Statements by what they depend on: ``call`` on call inputs only, ``row`` on the data row, ``problem`` on the
        unknowns and the problem (outside the data loop), ``point`` on both.
    outputs : dict
        Output to (stage in which it is known, name). Structural zeros are absent.
    shares : dict
        Of some outputs that change with the data row, the summand that does not: (stage, name). It is to be added for
        each row, which its multiple does at once.
    bases : dict
        Of some outputs, what is added once, however many rows there are: (stage, name).
    functions : frozenset
        Names of the mathematical functions called.
    operations : dict
        Numbers of ``arithmetic``, ``division``, ``function``, ``select`` and ``total`` operations.
    scale : float
        The sum of ``f`` over the data is to be multiplied by this.
    kinked : bool
        Whether the formula may have kinks or jumps: it takes ``abs``, a maximum, or a choice that an unknown decides.
    """

    name: str
    n: int
    residuals: int
    inputs: tuple[Input, ...]
    constants: dict[str, float]
    stages: dict[str, tuple[Statement, ...]]
    outputs: dict[str, tuple[str, str]]
    shares: dict[str, tuple[str, str]]
    bases: dict[str, tuple[str, str]]
    functions: frozenset[str]
    operations: dict[str, int]
    scale: float
    kinked: bool = False

    def uses(self, stage: str) -> set[str]:
        """Names that a stage reads: inputs, constants, and results of earlier stages.

        Its statements and the outputs delivered in it count as readers.
        """
        statements = self.stages[stage]
        read = {name for statement in statements for name in _names(statement.expression)}
        delivered = (*self.outputs.values(), *self.shares.values(), *self.bases.values())
        read |= {name for at, name in delivered if at == stage}
        return read - {statement.name for statement in statements}

    def source(self) -> str:
        """The code as text, with a header: formula, sizes, operation counts."""
        counts = ", ".join(f"{count} {kind}" for kind, count in self.operations.items())
        lines = [f"# {self.name}: {self.n} unknowns, {self.residuals} residuals a row", f"# operations: {counts}"]
        lines += [f"{name} = {value!r}" for name, value in self.constants.items()]
        for stage, statements in self.stages.items():
            delivered = [(key, name) for key, (at, name) in self.outputs.items() if at == stage]
            if statements or delivered:
                lines += ["", f"# {stage}"]
            lines += [f"{statement.name} = {statement.expression}" for statement in statements]
            lines += [f"{key} = {self._whole(key, name)}" for key, name in delivered]
        return "\n".join(lines) + "\n"

    def _whole(self, key: str, name: str) -> str:
        whole = f"{name} + {self.shares[key][1]}" if key in self.shares else name
        return f"{whole}  # and once {self.bases[key][1]}" if key in self.bases else whole


@lru_cache(maxsize=100_000)
def _names(expression: str) -> frozenset[str]:
    tree = parse(expression, mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called)
