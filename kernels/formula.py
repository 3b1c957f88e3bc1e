"""What the kernels need to know of a formula: its names by level and stage, what is summed, what is zero."""

from collections.abc import Mapping, Sequence
from typing import Protocol

GAPS = "gaps"  # and the number of an array of a problem's own data, whose first value is NaN where there is no row
PRESENT = {"counts": ("count", "left{0} > zero"), "mask": ("present", "present{0} > zero")}  # see `presence`


class Formula(Protocol):
    """What is needed of a derived program (see ``batchnewton.derive.Program``)."""

    @property
    def n(self) -> int: ...
    @property
    def outputs(self) -> Mapping[str, tuple[str, str]]: ...
    @property
    def inputs(self) -> Sequence: ...
    @property
    def stages(self) -> Mapping[str, Sequence]: ...
    @property
    def shares(self) -> Mapping[str, tuple[str, str]]: ...
    @property
    def bases(self) -> Mapping[str, tuple[str, str]]: ...
    @property
    def scale(self) -> float: ...
    @property
    def kinked(self) -> bool: ...

    def uses(self, stage: str) -> set[str]: ...


def scalars(program: Formula, level: str) -> tuple[str, ...]:
    """Names of the scalars of the inputs of one level, in order."""
    return tuple(name for one in program.inputs if one.level == level for name in one.scalars)


def triangle(n: int) -> list[str]:
    """Names of the lower triangle of H."""
    return [f"h_{i}_{j}" for i in range(n) for j in range(i + 1)]


def carried(program: Formula) -> list[str]:
    """Values worked out once a trip that the data loop needs."""
    point = program.uses("point") if has_data(program) else set()
    return [one.name for one in program.stages["problem"] if one.name in point]


def computed_rows(program: Formula) -> list[str]:
    """Values that depend on the shared data alone and that the data loop needs: worked out once a call."""
    read = program.uses("point") | {name for stage, name in program.outputs.values() if stage in ("row", "point")}
    return [one.name for one in program.stages["row"] if one.name in read]


def presence(program: Formula, missing: str) -> tuple[str, str]:
    """The column that says which rows a problem has, and the condition, with room for what numbers the row."""
    if missing in PRESENT:
        return PRESENT[missing]
    arrays = [one for one in program.inputs if one.level == "point"]
    column = arrays[int(missing.removeprefix(GAPS))].scalars[0]
    return column, f"{column}{{0}} == {column}{{0}}"


def has_data(program: Formula) -> bool:
    """Whether the formula is summed over data."""
    return any(one.level in ("row", "point") for one in program.inputs)


def summed(program: Formula) -> list[str]:
    """Outputs that are summed over the data rows."""
    data = has_data(program)
    return [name for name, (stage, _) in program.outputs.items() if data and stage in ("row", "point")]


def begun(program: Formula) -> list[str]:
    """Outputs that are summed over the data rows, and do not start at zero (`once_text`)."""
    return [name for name in summed(program) if name in program.shares or name in program.bases]


def inputs(program: Formula) -> list[str]:
    """Names of the unknowns."""
    return [f"x_{i}" for i in range(program.n)]


def statements(program: Formula, stage: str) -> list[str]:
    """Code of a stage."""
    return [f"{one.name} = {one.expression}" for one in program.stages[stage]]


def minimum_zeros(program: Formula) -> set[str]:
    """Elements of g and H that are zero whatever x is."""
    return {*(f"g_{i}" for i in range(program.n)), *triangle(program.n)} - set(program.outputs)


def root_zeros(program: Formula) -> set[str]:
    """Elements of r and J that are zero whatever x is."""
    n = range(program.n)
    return {*(f"r_{i}" for i in n), *(f"j_{i}_{k}" for i in n for k in n)} - set(program.outputs)
