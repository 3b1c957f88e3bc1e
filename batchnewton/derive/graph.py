"""Expressions as a graph in which equal expressions are one node (hash-consing is common-subexpression elimination)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from batchnewton.derive.numeric import EVALUATE
from batchnewton.derive.simplify import SIMPLIFY

ROW, PROBLEM, UNKNOWN = 1, 2, 4
"""Bits of what an expression depends on: the data row, the problem, and (differentiably) an unknown."""

DEPENDS = {"call": 0, "row": ROW, "problem": PROBLEM, "point": ROW | PROBLEM, "unknown": PROBLEM | UNKNOWN}

COMPARISONS = frozenset({"lt", "le", "eq", "ne"})
LOGIC = frozenset({"and", "or", "not"})
BOOLEAN = COMPARISONS | LOGIC
FLAT = BOOLEAN | {"floor"}
"""Operations whose derivative is zero wherever it exists."""

COMMUTATIVE = frozenset({"add", "mul", "eq", "ne", "and", "or", "hypot"})

Operand: TypeAlias = "Expr | float"


class Expr:
    """A node: an operation on other nodes, a constant or an input.

    Attributes
    ----------
    op : str
        ``"const"``, ``"input"``, or an operation.
    args : tuple of Expr
    value : float or str or None
        Of a constant its value, of an input its name.
    index : int
        Place in the graph: arguments come before what uses them.
    logarithms : frozenset of Expr
        What of the data row has a logarithm in it, as a summand or a factor.
    depends : int
        Bits `ROW`, `PROBLEM`, `UNKNOWN`.
    """

    __slots__ = ("args", "depends", "graph", "index", "known_partials", "logarithms", "op", "value")

    def __init__(self, graph: Graph, op: str, args: tuple[Expr, ...], value: float | str | None, depends: int) -> None:
        self.graph, self.op, self.args, self.value, self.depends = graph, op, args, value, depends
        self.index = len(graph.nodes)
        self.known_partials: tuple[tuple[Expr, Expr], ...] | None = None
        self.logarithms = _logarithms(op, args, depends)

    @property
    def active(self) -> bool:
        """Whether some derivative with respect to an unknown may differ from zero."""
        return bool(self.depends & UNKNOWN)

    @property
    def constant(self) -> float | None:
        """The value of a constant, else None."""
        return self.value if self.op == "const" else None  # type: ignore[return-value]

    def is_constant(self, value: float) -> bool:
        """Whether this is the constant `value`."""
        return self.op == "const" and self.value == value

    def call(self, op: str, *others: Operand) -> Expr:
        """Apply `op` to this and `others`."""
        return self.graph.build(op, self, *others)

    def __add__(self, other: Operand) -> Expr:
        return self.graph.build("add", self, other)

    def __radd__(self, other: Operand) -> Expr:
        return self.graph.build("add", other, self)

    def __sub__(self, other: Operand) -> Expr:
        return self.graph.build("sub", self, other)

    def __rsub__(self, other: Operand) -> Expr:
        return self.graph.build("sub", other, self)

    def __mul__(self, other: Operand) -> Expr:
        return self.graph.build("mul", self, other)

    def __rmul__(self, other: Operand) -> Expr:
        return self.graph.build("mul", other, self)

    def __truediv__(self, other: Operand) -> Expr:
        return self.graph.build("div", self, other)

    def __rtruediv__(self, other: Operand) -> Expr:
        return self.graph.build("div", other, self)

    def __pow__(self, other: Operand) -> Expr:
        return self.graph.build("pow", self, other)

    def __neg__(self) -> Expr:
        return self.graph.build("neg", self)

    def __repr__(self) -> str:
        return self._shown(8)

    def _shown(self, depth: int) -> str:
        """The expression, as deep as one reads."""
        parts = [arg._shown(depth - 1) if depth else "..." for arg in self.args]
        return f"{self.op}({', '.join(parts) if parts else self.value})"


def decided_by_unknowns(condition: Expr) -> bool:
    """Whether a truth value changes with an unknown: none of its derivatives does."""
    return any(arg.active or decided_by_unknowns(arg) for arg in condition.args)


class Graph:
    """The nodes of one formula."""

    def __init__(self) -> None:
        self.kinked = False  # whether the formula was written with a choice between values that an unknown decides
        self.nodes: list[Expr] = []
        self._known: dict[tuple, Expr] = {}

    def constant(self, value: float) -> Expr:
        """The node of a constant."""
        return self._intern(("const", value.hex()), "const", (), value, 0)

    def input(self, name: str, level: str) -> Expr:
        """The node of an input of one of `DEPENDS`."""
        return self._intern(("input", name), "input", (), name, DEPENDS[level])

    def build(self, op: str, *operands: Operand) -> Expr:
        """The simplest known expression equal to ``op(*operands)``."""
        args = tuple(arg if isinstance(arg, Expr) else self.constant(float(arg)) for arg in operands)
        args = self._typed(op, args)
        folded = _fold(op, args)
        if folded is not None:
            return self.constant(folded)
        rule = SIMPLIFY.get(op)
        simpler = rule(*args) if rule else None
        return self.intern(op, args) if simpler is None else simpler

    def intern(self, op: str, args: tuple[Expr, ...]) -> Expr:
        """The node ``op(*args)`` as it stands."""
        if op in COMMUTATIVE and _constants_first(args[1]) < _constants_first(args[0]):
            args = args[::-1]
        key = (op, *[arg.index for arg in args])
        node = self._known.get(key)
        if node is not None:
            return node
        depends = 0
        for arg in args:
            depends |= arg.depends
        if op in FLAT:
            depends &= ~UNKNOWN
        return self._intern(key, op, args, None, depends)

    def _intern(self, key: tuple, op: str, args: tuple[Expr, ...], value: float | str | None, depends: int) -> Expr:
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = Expr(self, op, args, value, depends)
            self.nodes.append(node)
        return node

    def _typed(self, op: str, args: tuple[Expr, ...]) -> tuple[Expr, ...]:
        """Truth values where the operation wants them, numbers elsewhere."""
        if op in LOGIC:
            return tuple(map(self._truth, args))
        if op == "where":
            return (self._truth(args[0]), self._number(args[1]), self._number(args[2]))
        for arg in args:
            if arg.op in BOOLEAN:
                return tuple(map(self._number, args))
        return args

    def _truth(self, arg: Expr) -> Expr:
        return arg if arg.op in BOOLEAN or arg.op == "const" else self.build("ne", arg, 0.0)

    def _number(self, arg: Expr) -> Expr:
        return self.build("where", arg, 1.0, 0.0) if arg.op in BOOLEAN else arg


def _logarithms(op: str, args: tuple[Expr, ...], depends: int) -> frozenset[Expr]:
    """What depends on the data row and of which a sum or a product holds the logarithm."""
    if op in ("log", "log2", "log10"):
        return frozenset(args) if depends & ROW else frozenset()
    return frozenset().union(*(arg.logarithms for arg in args)) if op in ("add", "sub", "neg", "mul") else frozenset()


def _constants_first(node: Expr) -> tuple[bool, int]:
    return (node.op != "const", node.index)


def _fold(op: str, args: tuple[Expr, ...]) -> float | None:
    """The value of an operation on constants; None where it is left to run time (division by zero, overflow)."""
    for arg in args:
        if arg.op != "const":
            return None
    evaluate = EVALUATE.get(op)
    try:
        return None if evaluate is None else float(evaluate(*[arg.value for arg in args]))
    except (ArithmeticError, ValueError, TypeError):
        return None


def topological(outputs: Iterable[Expr], active_only: bool = False) -> list[Expr]:
    """All nodes below `outputs`, arguments first, in an order that depends on the formula alone."""
    order: list[Expr] = []
    seen: set[int] = set()
    stack = [(node, False) for node in reversed(list(outputs))]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            order.append(node)
        elif node.index not in seen and (node.active or not active_only):
            seen.add(node.index)
            stack.append((node, True))
            stack.extend((arg, False) for arg in reversed(node.args) if arg.index not in seen)
    return order
