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
import textwrap
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

from batchnewton.syntax import parse

from .expressions import ZERO, Expressions, Unknown, bare
from .text import EACH, Loop, Text

FUNCTIONS = ("sqrt", "abs")  # called as they are


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


@cache
def _parsed(function: Callable[..., Any]) -> ast.FunctionDef:
    tree = parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree


class _Scope(Expressions):
    """One function being written out, statement by statement."""

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
        super().__init__(function.__globals__, known, arrays, names, prefix, text, zeros)
        self.function, self.tree = function, _parsed(function)
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
                except Unknown:
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
