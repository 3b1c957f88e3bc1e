"""Plain loops over small arrays -> straight-line text over scalars, for one size.

A step (``linalg``, ``step``, ``converge``) is an ordinary Python function.  ``straight_line`` evaluates at once
whatever is known beforehand (sizes, phases, module constants): ``for`` loops over a known range are run, ``if``s with
a known test are decided, calls of other steps are written out in place, and every array element becomes a scalar
(``lower[2, 1]`` -> ``lower_2_1``).  Elements named in ``zeros`` are structurally zero: they become the constant 0, and
what is multiplied by them, or they are added to, costs nothing, nor does what that makes zero in turn.

Where there are many unknowns, loops over all of them may stay loops (``rolled``): then straight lines and `Loop`s
follow each other, and in a loop ``x_at`` stands for its element of x.
"""

import ast
import inspect
import operator
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from batchnewton.syntax import parse

SYMBOLS: dict[type, tuple[str, Callable[..., Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.BitAnd: ("&", operator.and_),
    ast.BitOr: ("|", operator.or_),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.USub: ("-", operator.neg),
    ast.Not: ("not ", operator.not_),
}
FUNCTIONS = ("sqrt", "abs")  # called as they are
ZERO = "k_zero"  # what is structurally zero
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


def straight_line(
    function: Callable[..., Any], arrays: Collection[str], zeros: Collection[str] = (), rolled: int = 0, **known: Any
) -> Text:
    """Unroll ``function`` for the ``known`` values of some parameters.

    Parameters that are not known keep their names; those in ``arrays`` stand for arrays whose elements become
    ``name_i`` or ``name_i_j``.  A final ``return a, b`` is left out: the caller finds the results under these names.
    """
    text = Text(rolled=rolled)
    scope = _Scope(function, known, {name: name for name in arrays}, {}, "", text, set(zeros))
    scope.run(with_return=False)
    return text


class _Unknown(Exception):
    """An expression whose value is not known beforehand."""


@cache
def _parsed(function: Callable[..., Any]) -> ast.FunctionDef:
    tree = parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree


class _Scope:
    """One function being written out: its known names, its arrays, what its parameters stand for, its prefix."""

    def __init__(
        self,
        function: Callable[..., Any],
        known: Mapping[str, Any],
        arrays: Mapping[str, str],
        names: Mapping[str, str],
        prefix: str,
        text: Text,
        zeros: set[str],
    ) -> None:
        self.function, self.tree, self.text, self.zeros = function, _parsed(function), text, zeros
        self.globals = function.__globals__
        self.known, self.arrays, self.names, self.prefix = dict(known), dict(arrays), dict(names), prefix
        self.calls: dict[str, int] = {}

    # -- statements

    def run(self, with_return: bool = True) -> list[str]:
        """Write out the body; what the final ``return`` gives, in the outer names."""
        for statement in self.tree.body:
            if isinstance(statement, ast.Return):
                return self.results(statement.value) if with_return and statement.value else []
            self.write(statement)
        return []

    def results(self, node: Any) -> list[str]:
        return [self.result(one) for one in (node.elts if isinstance(node, ast.Tuple) else [node])]

    def result(self, node: Any) -> str:
        """The text of what is assigned: a sum that begins with 0.0 begins with nothing."""
        nothing = isinstance(node, ast.Constant) and type(node.value) is float and node.value == 0.0
        return self.nothing() if nothing else self.expression(node)

    def write(self, statement: Any) -> None:
        if isinstance(statement, ast.Assign):
            self.assign(statement.targets[0], statement.value)
        elif isinstance(statement, ast.For):
            values = self.value(statement.iter)
            if self.text.rolled and values == range(self.text.rolled) and can_stay(statement):
                self.keep(statement)
                return
            for value in values:
                self.known[statement.target.id] = value  # type: ignore[attr-defined]
                self.write_all(statement.body)
        elif isinstance(statement, ast.If):
            self.write_all(statement.body if self.value(statement.test) else statement.orelse)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            self.inline(statement.value)  # a step called for what it writes into its arrays
        elif not isinstance(statement, ast.Expr):
            raise NotImplementedError(f"{self.function.__name__}: {ast.unparse(statement)} cannot be unrolled")

    def keep(self, statement: Any) -> None:
        """A loop over all unknowns, as it is; what it changes has a name, and a value, before it."""
        for name in changed(statement):
            value = ast.Name(name)
            if name in self.names or name in self.known or self.prefix + name in self.zeros:
                before = self.expression(value)
                self.zeros.discard(self.local(name))
                self.text.lines.append(f"{self.local(name)} = {before}")
        outside, self.text.lines = self.text.lines, []
        self.known[statement.target.id] = EACH
        self.write_all(statement.body)
        self.zeros -= {name for name in self.zeros if name.endswith(f"_{EACH}")}  # of one loop, not of the next
        inside, self.text.lines = self.text.lines, outside
        self.text.lines.append(Loop(inside))

    def write_all(self, statements: list[Any]) -> None:
        for statement in statements:
            self.write(statement)

    def assign(self, target: Any, value: Any) -> None:
        called = isinstance(value, ast.Call) and self.step_called(value)
        values = self.inline(value) if called else self.results(value)
        targets: list[Any] = target.elts if isinstance(target, ast.Tuple) else [target]
        for one, new in zip(targets, values, strict=True):
            name = self.element(one) if isinstance(one, ast.Subscript) else self.local(one.id)
            if new == ZERO:
                self.zeros.add(name)
            else:
                self.zeros.discard(name)
            if new != name:
                self.text.lines.append(f"{name} = {bare(new)}")

    def local(self, name: str) -> str:
        self.names.pop(name, None)  # an assigned parameter becomes a local
        self.known.pop(name, None)
        return self.prefix + name

    # -- calls

    def step_called(self, call: ast.Call) -> Callable[..., Any] | None:
        """The step that ``call`` names, if it is one (a Python function of the kernels)."""
        found = self.globals.get(call.func.id) if isinstance(call.func, ast.Name) else None
        return found if inspect.isfunction(found) else None

    def inline(self, call: ast.Call) -> list[str]:
        """Write out the called step in place; what it returns, in the names of this scope."""
        function: Any = self.step_called(call)
        name = function.__name__
        self.calls[name] = self.calls.get(name, 0) + 1
        prefix = f"{self.prefix}{name}{self.calls[name] if self.calls[name] > 1 else ''}_"
        known, arrays, names = {}, {}, {}
        for parameter, argument in zip(_parsed(function).args.args, call.args, strict=True):
            if isinstance(argument, ast.Name) and argument.id in self.arrays:
                arrays[parameter.arg] = self.arrays[argument.id]
            elif not (isinstance(argument, ast.Name) and argument.id in FUNCTIONS):
                try:
                    known[parameter.arg] = self.value(argument)
                except _Unknown:
                    names[parameter.arg] = self.held(prefix + parameter.arg, argument)
        return self.called(function, known, arrays, names, prefix, self.text, self.zeros).run()

    def called(self, *arguments: Any) -> "_Scope":
        """The scope of a step that is called."""
        return _Scope(*arguments)

    def held(self, name: str, argument: ast.expr) -> str:
        """An argument that is not known: a plain name is used as it is, an expression gets a name first."""
        value = self.expression(argument)
        if value.isidentifier():
            return value
        self.text.lines.append(f"{name} = {bare(value)}")
        return name

    # -- expressions

    def value(self, node: Any) -> Any:
        """Value of an expression of known names."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            found = self.known.get(node.id, self.globals.get(node.id) if node.id.isupper() else None)
            if found is None or node.id in self.names:
                raise _Unknown(node.id)
            return found
        if isinstance(node, ast.BinOp):
            return SYMBOLS[type(node.op)][1](self.value(node.left), self.value(node.right))
        if isinstance(node, ast.UnaryOp):
            return SYMBOLS[type(node.op)][1](self.value(node.operand))
        if isinstance(node, ast.Compare):
            return SYMBOLS[type(node.ops[0])][1](self.value(node.left), self.value(node.comparators[0]))
        if isinstance(node, ast.Tuple):
            return tuple(map(self.value, node.elts))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            return range(*map(self.value, node.args))
        raise _Unknown(ast.unparse(node))

    def element(self, node: Any) -> str:
        index = self.value(node.slice)
        return "_".join([self.arrays[node.value.id], *map(str, index if isinstance(index, tuple) else (index,))])

    def constant(self, value: Any) -> str:
        if isinstance(value, bool | str):
            return repr(value)
        name = "k_" + repr(float(value)).replace("-", "m").replace("+", "").replace(".", "_")
        self.text.constants[name] = float(value)
        return name

    def expression(self, node: Any) -> str:
        """The text of an expression; what is known of it is a constant."""
        try:
            return self.constant(self.value(node))
        except _Unknown:
            return getattr(self, f"text_{type(node).__name__}")(node)

    def text_Name(self, node: ast.Name) -> str:
        return self.present(self.names.get(node.id) or self.prefix + node.id)

    def text_Subscript(self, node: ast.Subscript) -> str:
        return self.present(self.element(node))

    def present(self, name: str) -> str:
        """The name, unless it stands for nothing."""
        return self.nothing() if name in self.zeros else name

    def nothing(self) -> str:
        self.text.constants[ZERO] = 0.0
        return ZERO

    def text_BinOp(self, node: ast.BinOp) -> str:
        left, right = self.expression(node.left), self.expression(node.right)
        if ZERO in (left, right):
            if isinstance(node.op, ast.Mult):
                return ZERO
            if isinstance(node.op, ast.Add):
                return left if right == ZERO else right
            if isinstance(node.op, ast.Sub) and right == ZERO:
                return left
        return f"({left} {SYMBOLS[type(node.op)][0]} {right})"

    def text_UnaryOp(self, node: ast.UnaryOp) -> str:
        operand = self.expression(node.operand)
        return ZERO if operand == ZERO else f"({SYMBOLS[type(node.op)][0]}{operand})"

    def text_Compare(self, node: ast.Compare) -> str:
        right = self.expression(node.comparators[0])
        return f"({self.expression(node.left)} {SYMBOLS[type(node.ops[0])][0]} {right})"

    def text_IfExp(self, node: ast.IfExp) -> str:
        test, body, other = (self.expression(one) for one in (node.test, node.body, node.orelse))
        return ZERO if body == other == ZERO else f"({body} if {test} else {other})"

    def text_Call(self, node: ast.Call) -> str:
        if self.step_called(node):
            (value,) = self.inline(node)
            return value
        given = [bare(self.expression(one)) for one in node.args]
        return ZERO if given == [ZERO] else f"{ast.unparse(node.func)}({', '.join(given)})"


def can_stay(loop: ast.For) -> bool:
    """Whether a loop consists of assignments in which its variable is but the last index of elements."""
    if not all(isinstance(one, ast.Assign) for one in loop.body):
        return False
    uses = sum(isinstance(one, ast.Name) and one.id == loop.target.id for one in inside(loop))  # type: ignore[attr-defined]
    places = [one.slice for one in inside(loop) if isinstance(one, ast.Subscript)]
    last = [place.elts[-1] if isinstance(place, ast.Tuple) else place for place in places]
    return uses == sum(isinstance(one, ast.Name) and one.id == loop.target.id for one in last)  # type: ignore[attr-defined]


def inside(loop: ast.For) -> list[ast.AST]:
    """All that the body of a loop consists of."""
    return [one for statement in loop.body for one in ast.walk(statement)]


def changed(loop: ast.For) -> list[str]:
    """Scalars that a loop reads before it sets them: sums and the like."""
    new: set[str] = set()
    read: set[str] = set()
    for statement in loop.body:
        assert isinstance(statement, ast.Assign)
        read |= {one.id for one in ast.walk(statement.value) if isinstance(one, ast.Name)} - new
        new |= {one.id for one in statement.targets if isinstance(one, ast.Name)}
    return sorted(read & new)


def bare(text: str) -> str:
    """Without the outermost parentheses."""
    if not text.startswith("("):
        return text
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return text[1:-1] if at == len(text) - 1 else text
    return text
