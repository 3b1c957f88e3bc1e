"""`if` and `while` on traced values: the formula is run once for every path, and the paths are merged by selects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from batchnewton.derive.errors import TraceError
from batchnewton.derive.graph import Expr, Graph
from batchnewton.derive.vocabulary import may_kink

MAX_PATHS = 64
MAX_DECISIONS = 64

Decision = tuple[Expr, bool]

WAY_OUT = "use np.where (or batchnewton's own functions) instead of if/while on values that are only known at run time"


class Paths:
    """The decisions of the path that is being run, and the paths still to run."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.taken: list[Decision] = []
        self._planned: list[bool] = []
        self._open: list[list[bool]] = [[]]

    def decide(self, condition: Expr) -> bool:
        """The truth value of a condition on this path; the other value becomes a path still to run."""
        for known, answer in self.taken:
            if known is condition:
                return answer
        if len(self.taken) >= MAX_DECISIONS:
            raise TraceError(f"a loop whose end depends on traced values, or more than {MAX_DECISIONS} ifs: {WAY_OUT}")
        depth = len(self.taken)
        if depth < len(self._planned):
            answer = self._planned[depth]
        else:
            answer = True
            self._open.append([value for _, value in self.taken] + [False])
        self.taken.append((condition, answer))
        return answer

    def run(self, formula: Callable[[], Sequence[Expr]]) -> list[Expr]:
        """Values of the formula, over all its paths."""
        leaves: list[tuple[Sequence[Expr], list[Decision]]] = []
        while self._open:
            if len(leaves) >= MAX_PATHS:
                raise TraceError(f"more than {MAX_PATHS} paths through ifs and loops on traced values: {WAY_OUT}", "")
            self._planned, self.taken = self._open.pop(), []
            leaves.append((formula(), self.taken))
        if len({len(values) for values, _ in leaves}) > 1:
            raise TraceError("the formula returns different numbers of values on different paths", "")
        return _merge(leaves, 0)


def _merge(leaves: list[tuple[Sequence[Expr], list[Decision]]], depth: int) -> list[Expr]:
    if len(leaves) == 1:
        return list(leaves[0][0])
    condition = leaves[0][1][depth][0]
    yes = _merge([leaf for leaf in leaves if leaf[1][depth][1]], depth + 1)
    no = _merge([leaf for leaf in leaves if not leaf[1][depth][1]], depth + 1)
    graph = condition.graph
    graph.kinked = graph.kinked or any(may_kink("where", (condition, *arms)) for arms in zip(yes, no, strict=True))
    return [condition.call("where", a, b) for a, b in zip(yes, no, strict=True)]


_current: ContextVar[Paths | None] = ContextVar("current", default=None)


def current() -> Paths:
    """The trace that is under way."""
    paths = _current.get()
    if paths is None:
        raise TraceError("a traced value is used after its formula has been traced; keep it inside the formula")
    return paths


@contextmanager
def tracing(graph: Graph) -> Iterator[Paths]:
    """Make a trace current."""
    token = _current.set(Paths(graph))
    try:
        yield current()
    finally:
        _current.reset(token)
