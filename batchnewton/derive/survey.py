"""What is worked out by NumPy on the whole data, before a formula is derived: the columns that this adds to them.

A formula of x is traced at one data point, but NumPy's functions see all points of x: ``t / np.max(t)``,
``np.diff(t, prepend=0)``, ``len(t)``.  What depends on x alone is a number, or a column with a value for each point.
The survey of a formula lists these columns with the functions that make them of any x (`Survey.columns`), so that the
kernel is the same for another x.  Where Python needs a number while the formula is traced (``range(len(t))``), it is
kept as a condition (`Survey.conditions`): for an x that gives another number the formula is traced anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from batchnewton.derive.graph import Expr, topological
from batchnewton.derive.paths import current
from batchnewton.derive.scalar import TracedScalar

Data = tuple[np.ndarray, ...]
Compute = Callable[[Data], Any]
ROWS = ("rows",)  # key of the number of data points


class Survey:
    """The columns and conditions of one formula.

    Parameters
    ----------
    data : tuple of (..., m) arrays
        The columns of the data that the formula reads, for one problem.
    adopts : bool
        Whether an array with m rows that the formula holds (a constant of its own) counts as a column of the data.
    m : int, optional
        Number of rows, where there are no such columns.

    Attributes
    ----------
    columns : dict
        Key of a value that depends on the data alone -> the function that makes it of the data: a number, or one
        value for each row.
    conditions : dict
        Key -> (function of the data, the value that it has while this formula is traced).
    """

    def __init__(self, data: Data, adopts: bool, m: int | None = None) -> None:
        self.data, self.adopts = in_double(data), adopts
        self.m = int(data[0].shape[-1]) if m is None else m
        self.columns: dict[Hashable, Compute] = {}
        self.conditions: dict[Hashable, tuple[Compute, Any]] = {}
        self._numbers: dict[Hashable, int] = {}

    def column(self, key: Hashable, compute: Compute) -> TracedScalar:
        """The traced value of a column at the data point."""
        number = self._numbers.setdefault(key, len(self._numbers))
        self.columns.setdefault(key, compute)
        inputs = _inputs.get()
        if inputs is not None and number < len(inputs):
            return inputs[number]
        return TracedScalar(current().graph.input(f"whole_{number}", "row"))

    def condition(self, key: Hashable, compute: Compute, value: Any) -> None:
        """The formula that is traced holds for data that give this value."""
        self.conditions.setdefault(key, (compute, value))

    def holds(self, data: Data) -> bool:
        """Whether the formula, as it was traced, is that of other data, too."""
        data = in_double(data)
        if not all(same(compute(data), value) for compute, value in self.conditions.values()):
            return False
        shapes = {(), (data[0].shape[-1],)} if data else {(), (self.m,)}
        return all(np.shape(compute(data)) in shapes for compute in self.columns.values())

    @property
    def is_of_any_data(self) -> bool:
        """Whether the formula, as it was traced, is that of all data of so many rows."""
        return self.conditions.keys() <= {ROWS}

    def values(self, data: Data) -> np.ndarray:
        """The columns for some data, (number of columns, m)."""
        m, data = data[0].shape[-1] if data else self.m, in_double(data)
        found = [np.asarray(compute(data), np.float64) for compute in self.columns.values()]
        return np.array([np.broadcast_to(one, (m,)) for one in found]).reshape(len(found), m)

    def is_shared(self) -> list[bool]:
        """Which columns are arrays that the formula holds, the same whatever the data."""
        return [key[0][0] == "constant" for key in self.columns]  # type: ignore[index]

    def is_constant(self) -> list[bool]:
        """Which columns hold one number for all data points."""
        return [np.ndim(compute(self.data)) == 0 for compute in self.columns.values()]


def in_double(data: Data) -> Data:
    """Copies of the columns in float64, as NumPy's values of them are worked out; a formula cannot change them."""
    copies = tuple(np.array(one, np.float64) for one in data)
    for one in copies:
        one.flags.writeable = False
    return copies


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, arrays in shape and in every element."""
    one, other = np.asarray(one), np.asarray(other)
    return one.shape == other.shape and bool(np.all((one == other) | ((one != one) & (other != other))))


_inputs: ContextVar[Sequence[Any] | None] = ContextVar("inputs", default=None)
_current: ContextVar[Survey | None] = ContextVar("survey", default=None)


def current_survey() -> Survey | None:
    """The survey of the formula that is being traced, if its data are known."""
    return _current.get()


@contextmanager
def surveying(survey: Survey | None, inputs: Sequence[Any] | None) -> Iterator[None]:
    """Make a survey current; ``inputs`` are the traced values of its columns, where they are known already."""
    tokens = _current.set(survey), _inputs.set(inputs)
    try:
        yield
    finally:
        _current.reset(tokens[0])
        _inputs.reset(tokens[1])


def digest(
    values: Sequence[Expr], once: Expr | None, scoring: Sequence[Expr], renamed: Mapping[str, str] | None = None
) -> tuple[Any, ...]:
    """What a traced formula is, as a hashable key: equal for formulas of equal expressions."""
    names = renamed or {}
    outputs = [*values, *([] if once is None else [once]), *scoring]
    order = topological(outputs)
    place = {node.index: i for i, node in enumerate(order)}
    contents = [
        names.get(str(node.value), str(node.value)) if node.constant is None else node.constant.hex() for node in order
    ]
    nodes = tuple(
        (node.op, tuple(place[arg.index] for arg in node.args), content)
        for node, content in zip(order, contents, strict=True)
    )
    return (nodes, tuple(place[node.index] for node in outputs), once is None)
