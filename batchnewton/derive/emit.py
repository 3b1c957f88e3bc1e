"""Lowered expressions to statements, staged by what they depend on."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from batchnewton.derive.graph import BOOLEAN, PROBLEM, ROW, Expr, topological
from batchnewton.derive.numeric import FUNCTIONS
from batchnewton.derive.program import STAGES, Statement

MAX_WIDTH = 100
"""An expression is nested into another while the line stays shorter than this."""

INFIX = {"lt": "<", "le": "<=", "eq": "==", "ne": "!=", "or": "|", "and": "&"}
INFIX |= {"add": "+", "sub": "-", "mul": "*", "div": "/"}
PRECEDENCE = {"lt": 1, "le": 1, "eq": 1, "ne": 1, "or": 2, "and": 3, "add": 4, "sub": 4, "mul": 5, "div": 5, "neg": 6}
ATOM = 9
"""Precedence of a name or a call."""

KINDS = {"add": "arithmetic", "sub": "arithmetic", "mul": "arithmetic", "neg": "arithmetic", "div": "division"}


def operation_kind(op: str) -> str:
    """What an operation is counted as."""
    return "function" if op in FUNCTIONS else KINDS.get(op, "select")


def stage_of(node: Expr) -> str:
    """The earliest stage in which a node can be computed."""
    return {0: "call", ROW: "row", PROBLEM: "problem", ROW | PROBLEM: "point"}[node.depends & (ROW | PROBLEM)]


@dataclass
class _Text:
    """The text that stands for a node; `op` is kept while it is nested, not yet a statement."""

    text: str
    precedence: int = ATOM
    nested: bool = False

    def within(self, precedence: int) -> str:
        return self.text if self.precedence >= precedence else f"({self.text})"


@dataclass
class Emission:
    """Statements and what they name; see `Program` for the fields."""

    constants: dict[str, float] = field(default_factory=dict)
    stages: dict[str, list[Statement]] = field(default_factory=lambda: {stage: [] for stage in STAGES})
    outputs: dict[str, tuple[str, str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    functions: set[str] = field(default_factory=set)


def emit(outputs: dict[str, Expr]) -> Emission:
    """Statements that compute the outputs."""
    writer = _Writer(outputs)
    for node in writer.order:
        writer.write(node)
    for key, node in outputs.items():
        stage = stage_of(node)
        writer.result.outputs[key] = (stage, writer.text(node, stage).text)
    return writer.result


class _Writer:
    def __init__(self, outputs: dict[str, Expr]) -> None:
        self.result = Emission()
        self.order = topological(outputs.values())
        self.places = _places(self.order)
        self.uses: Counter[int] = Counter(node.index for node in outputs.values())
        self.named: set[int] = {node.index for node in outputs.values()}
        self._find_uses()
        self._texts: dict[tuple[int, str], _Text] = {}
        self._number = 0

    def _find_uses(self) -> None:
        """Named are results that are used twice, in a later stage, or as the arm of a select."""
        for node in self.order:
            for position, arg in enumerate(node.args):
                self.uses[arg.index] += 1
                elsewhere = arg.op not in BOOLEAN and self.places[node.index] != self.places[arg.index]
                if self.uses[arg.index] > 1 or elsewhere or (node.op == "where" and position > 0):
                    self.named.add(arg.index)

    def text(self, node: Expr, stage: str) -> _Text:
        if node.op == "const":
            return self._constant(node)
        if node.op == "input":
            return _Text(str(node.value))
        return self._texts[node.index, stage if node.op in BOOLEAN else stage_of(node)]

    def _constant(self, node: Expr) -> _Text:
        key = (node.index, "")
        if key not in self._texts:
            name = f"c{len(self.result.constants)}"
            self.result.constants[name] = float(node.value)  # type: ignore[arg-type]
            self._texts[key] = _Text(name)
        return self._texts[key]

    def write(self, node: Expr) -> None:
        if not node.args:
            return
        for stage in sorted(self.places[node.index]):
            composed = self._compose(node, stage)
            self._texts[node.index, stage] = composed
            if node.index in self.named or node.op == "where":
                self._name(composed, stage)

    def _compose(self, node: Expr, stage: str) -> _Text:
        args = [self.text(arg, stage) for arg in node.args]
        self.result.counts[operation_kind(node.op)] += 1
        if node.op in FUNCTIONS:
            self.result.functions.add(node.op)
        while len(composed := _format(node.op, args)) > MAX_WIDTH and any(arg.nested for arg in args):
            self._name(max((arg for arg in args if arg.nested), key=lambda arg: len(arg.text)), stage)
        return _Text(composed, 0 if node.op == "where" else PRECEDENCE.get(node.op, ATOM), True)

    def _name(self, text: _Text, stage: str) -> None:
        """Make a statement of a nested text, which from then on is a name."""
        name = f"v{self._number}"
        self._number += 1
        self.result.stages[stage].append(Statement(name, text.text))
        text.text, text.precedence, text.nested = name, ATOM, False


def _places(order: list[Expr]) -> dict[int, set[str]]:
    """The stages in which each node is computed: one, but truth values are computed anew in each that reads them."""
    places: dict[int, set[str]] = defaultdict(set)
    for node in reversed(order):
        if node.op not in BOOLEAN:
            places[node.index] = {stage_of(node)}
        for arg in node.args:
            if arg.op in BOOLEAN:
                places[arg.index] |= places[node.index]
    return places


def _format(op: str, args: list[_Text]) -> str:
    if op == "where":
        return f"{args[1].text} if {args[0].text} else {args[2].text}"
    if op == "neg":
        return f"-{args[0].within(PRECEDENCE[op] + 1)}"
    if op in INFIX:
        precedence = PRECEDENCE[op]
        left = args[0].within(precedence + (precedence == 1))
        return f"{left} {INFIX[op]} {args[1].within(precedence + 1)}"
    return f"{op}({', '.join(arg.text for arg in args)})"
