"""A step of one problem spread over several lanes: lane u has the elements ``u, u + lanes, ...`` of every vector.

The text is that of ``step`` and ``converge``, unrolled as ``unroll`` does, but for ``for i in range(n)``: it becomes
one passage for each element that a lane has, and what such a loop adds up, multiplies, compares or joins is then
exchanged between the lanes, so that all of them go on with the same scalars.  Steps on matrices (`ACROSS`) are left
out: who spreads a step says what they yield.
"""

import ast
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from batchnewton.syntax import parse

from .expressions import Unknown
from .text import Text
from .unroll import _Scope

ACROSS = (  # steps that the lanes do together (``cuda_across``)
    *("all_finite", "factor", "solve", "quadratic"),
    *("factor_plain", "refine"),
    *("gradient", "residuals_vanish", "residuals_finite", "orthogonalise", "backward"),
    *("bfgs_restart", "bfgs_remember", "bfgs_direction"),
)
CUT = "# across the lanes: "  # the line where such a step stands
SUM = "plus({0}, {1})"
JOINS = {ast.Add: SUM, ast.Sub: SUM, ast.Mult: "{0} * {1}"}


def spread(function: Callable[..., Any], lanes: int, arrays: Collection[str], n: int, **known: Any) -> Text:
    """Text of ``function`` for one of ``lanes`` lanes; elements are called ``name_e`` (the last one counts where
    ``own``); ``h[i, i]`` is the vector ``diagonal``, and ``hold`` that of a row that is held, else -1 (`box.clear`).

    Where a step on a matrix stands, there is a comment: CUT, its name, the names that take what it yields."""
    text = Text()
    _Spread(function, {**known, "n": n}, {name: name for name in arrays}, {}, "", text, set(), lanes).run(False)
    return text


def elements(n: int, lanes: int) -> int:
    """Elements of a vector that a lane has."""
    return -(-n // lanes)


def reduced(name: str, how: str, lanes: int) -> list[str]:
    """Exchanges after which all lanes have the same ``name``; both sides join the same two numbers."""
    lines, distance = [], lanes // 2
    while distance:
        lines += [f"far = swap({name}, {distance}, members)", f"{name} = {how.format(name, 'far')}"]
        distance //= 2
    return lines


class _Spread(_Scope):
    def __init__(
        self,
        function: Callable[..., Any],
        known: Mapping[str, Any],
        arrays: Mapping[str, str],
        names: Mapping[str, str],
        prefix: str,
        text: Text,
        zeros: set[str],
        lanes: int,
    ) -> None:
        super().__init__(function, known, arrays, names, prefix, text, zeros)
        self.lanes = lanes
        self.at: tuple[str, int] | None = None  # the loop's variable, and which of a lane's elements it stands for

    def called(self, *arguments: Any) -> _Scope:
        return _Spread(*arguments, lanes=self.lanes)

    def write(self, statement: Any) -> None:
        call = getattr(statement, "value", None)
        name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) else ""
        if name in ACROSS:
            target: Any = statement.targets[0] if isinstance(statement, ast.Assign) else ast.Tuple([])
            taken: list[Any] = target.elts if isinstance(target, ast.Tuple) else [target]
            self.text.lines.append(CUT + " ".join([name, *(self.prefix + one.id for one in taken)]))
        elif name == "clear":  # a row of the matrix: its new diagonal goes to all lanes
            assert self.at is not None and call is not None
            held, diagonal = (self.expression(one) for one in call.args[2:4])
            self.text.lines.append(f"hold_{self.at[1]} = {diagonal} if {held} else {self.constant(-1.0)}")
        elif isinstance(statement, ast.For) and ast.unparse(statement.iter) == "range(n)":
            self.share(statement)
        else:
            super().write(statement)

    def share(self, loop: Any) -> None:
        """The loop over a lane's own elements, and the exchange of what it carries on."""
        if self.at is not None:
            raise NotImplementedError(f"{self.function.__name__}: a loop within a loop cannot be spread")
        n, lanes = self.known["n"], self.lanes
        carried = carried_on(loop.body)
        for e in range(elements(n, lanes)):
            self.at = loop.target.id, e
            partial = (e + 1) * lanes > n
            for statement in loop.body:
                self.write(statement)
                name = statement.targets[0] if isinstance(statement, ast.Assign) else None
                if partial and isinstance(name, ast.Name) and name.id in carried:
                    line = self.text.lines.pop()
                    local, value = line.split(" = ", 1)
                    more = "more" if isinstance(carried[name.id], str) else "also"  # a number, or a truth value
                    self.text.lines += [f"{more} = {value}", f"{local} = {more} if own else {local}"]
        self.at = None
        for name, how in carried.items():
            self.exchange(self.prefix + name, how)

    def exchange(self, name: str, how: Any) -> None:
        """``name`` of all lanes."""
        if isinstance(how, str):
            self.text.lines += reduced(name, how, self.lanes)
            return
        every = how is ast.BitAnd
        self.text.lines += [f"flag = {'zero if ' + name + ' else one' if every else 'one if ' + name + ' else zero'}"]
        self.text.lines += [*reduced("flag", SUM, self.lanes), f"{name} = flag {'==' if every else '>'} zero"]

    def element(self, node: Any) -> str:
        if self.at is None:
            return super().element(node)
        variable, e = self.at
        array = self.arrays[node.value.id]
        if array == "h" and ast.unparse(node.slice) == f"({variable}, {variable})":
            return f"diagonal_{e}"
        *others, last = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        try:
            own = isinstance(last, ast.Name) and last.id == variable
            return "_".join([array, *(str(self.value(one)) for one in others), str(e if own else self.value(last))])
        except Unknown:
            where = f"{self.function.__name__}: {ast.unparse(node)}"
            raise NotImplementedError(f"{where} cannot be spread over lanes") from None


def carried_on(body: Sequence[Any]) -> dict[str, Any]:
    """Names that a pass of a loop takes over from the one before it, each with how it joins to them."""
    assigned: set[str] = set()
    found = {}
    for statement in body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(target, ast.Name):
            if target.id not in assigned and (how := joined(statement)):
                found[target.id] = how
            assigned.add(target.id)
    return found


def joined(statement: Any) -> Any:
    """How a loop joins what it carries on in a name: text for numbers, an operator for truth values; None for what it
    does not carry on."""
    target, value = statement.targets[0], statement.value
    if isinstance(value, ast.BinOp) and isinstance(value.left, ast.Name) and value.left.id == target.id:
        return JOINS.get(type(value.op)) or type(value.op)
    if (
        isinstance(value, ast.IfExp)
        and isinstance(value.test, ast.Compare | ast.BinOp)
        and isinstance(value.orelse, ast.Name)
        and value.orelse.id == target.id
    ):
        assert isinstance(value.body, ast.Name)
        places = {value.body.id: "{1}", target.id: "{0}"}
        return re.sub(r"[A-Za-z_]\w*", lambda word: places.get(word[0], word[0]), ast.unparse(value))
    if target.id in {one.id for one in ast.walk(value) if isinstance(one, ast.Name)}:
        raise NotImplementedError(f"{ast.unparse(statement)} cannot be joined over lanes")
    return None


def truths(lines: Collection[str]) -> set[str]:
    """Names that hold truth values."""
    found: set[str] = set()

    def is_truth(node: Any) -> bool:
        if isinstance(node, ast.Name):
            return node.id in found
        if isinstance(node, ast.IfExp):
            return is_truth(node.body)
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, ast.BitAnd | ast.BitOr)
        plain = isinstance(node, ast.Constant) and isinstance(node.value, bool)
        return (
            plain or isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
        )

    for line in lines:
        name, _, value = line.partition(" = ")
        if is_truth(parse(value or "0", mode="eval").body):
            found.add(name)
    return found
