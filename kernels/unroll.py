"""Plain loops over small arrays -> straight-line text over scalars, for one size.

A step (``linalg``, ``step``, ``converge``) is an ordinary Python function.  ``straight_line`` evaluates at once
whatever is known beforehand (sizes, phases, module constants): ``for`` loops over a known range are run, ``if``s with
a known test are decided, calls of other steps are written out in place, and every array element becomes a scalar
(``lower[2, 1]`` -> ``lower_2_1``).  Elements named in ``zeros`` are structurally zero and become the constant 0.
"""

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any


@dataclass
class Text:
    """Straight-line statements and the constants (name -> value) that they use."""

    lines: list[str] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)


def straight_line(
    function: Callable[..., Any], arrays: Collection[str], zeros: Collection[str] = (), **known: Any
) -> Text:
    """Unroll ``function`` for the ``known`` values of some parameters.

    Parameters that are not known keep their names; those in ``arrays`` stand for arrays whose elements become
    ``name_i`` or ``name_i_j``.  A final ``return a, b`` is left out: the caller finds the results under these names.
    """
    text = Text()
    known = {name: value for name, value in known.items() if not callable(value)}
    scope = _Scope(function, known, {name: name for name in arrays}, "", text, frozenset(zeros))
    scope.run(with_return=False)
    return text


@cache
def _parsed(function: Callable[..., Any]) -> ast.FunctionDef:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree


class _Scope(ast.NodeTransformer):
    """One function being written out: its known names, its arrays, its prefix for locals."""

    def __init__(
        self,
        function: Callable[..., Any],
        known: Mapping[str, Any],
        arrays: Mapping[str, str],
        prefix: str,
        text: Text,
        zeros: frozenset[str],
        names: Mapping[str, ast.expr] | None = None,
    ) -> None:
        self.function, self.tree, self.text, self.zeros = function, _parsed(function), text, zeros
        self.globals = inspect.getmodule(function).__dict__
        self.known, self.arrays, self.prefix = dict(known), dict(arrays), prefix
        self.names: dict[str, ast.expr] = dict(names or {})  # parameters bound to an outer expression
        self.calls: dict[str, int] = {}

    # -- statements

    def run(self, with_return: bool = True) -> ast.expr | None:
        """Write out the body; the value of the final ``return``, rewritten in the outer names."""
        for statement in self.tree.body:
            if isinstance(statement, ast.Return):
                return self.visit(copy.deepcopy(statement.value)) if with_return and statement.value else None
            self.write(statement)
        return None

    def write(self, statement: ast.stmt) -> None:
        handler = getattr(self, f"write_{type(statement).__name__}", None)
        if handler is None:
            raise NotImplementedError(f"{self.function.__name__}: {ast.unparse(statement)} cannot be unrolled")
        handler(statement)

    def write_Expr(self, statement: Any) -> None:
        if isinstance(statement.value, ast.Call):  # a step called for what it writes into its arrays
            self.inline(statement.value)

    def write_Assign(self, statement: Any) -> None:
        (target,) = statement.targets
        called = isinstance(statement.value, ast.Call) and self.step_called(statement.value)
        value = self.inline(statement.value) if called else self.visit(copy.deepcopy(statement.value))
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        values = value.elts if isinstance(target, ast.Tuple) else [value]
        for one, new in zip(targets, values, strict=True):
            self.assign(one, new)

    def assign(self, target: Any, value: Any) -> None:
        name = self.element(target) if isinstance(target, ast.Subscript) else self.local(target.id)
        if not (isinstance(value, ast.Name) and value.id == name):
            self.text.lines.append(f"{name} = {ast.unparse(value)}")

    def write_For(self, statement: Any) -> None:
        for value in self.value(statement.iter):
            self.known[statement.target.id] = value
            for inner in statement.body:
                self.write(inner)

    def write_If(self, statement: ast.If) -> None:
        for inner in statement.body if self.value(statement.test) else statement.orelse:
            self.write(inner)

    # -- calls

    def step_called(self, call: ast.Call) -> Callable[..., Any] | None:
        """The step that ``call`` names, if it is one (a Python function of the kernels)."""
        found = self.globals.get(call.func.id) if isinstance(call.func, ast.Name) else None
        return found if inspect.isfunction(found) else None

    def inline(self, call: Any) -> Any:
        """Write out the called step in place; its value in the names of this scope."""
        function: Any = self.step_called(call)
        name = function.__name__
        self.calls[name] = self.calls.get(name, 0) + 1
        prefix = f"{self.prefix}{name}{self.calls[name] if self.calls[name] > 1 else ''}_"
        known, arrays, names = {}, {}, {}
        for parameter, argument in zip(_parsed(function).args.args, call.args, strict=True):
            if isinstance(argument, ast.Name) and argument.id in self.arrays:
                arrays[parameter.arg] = self.arrays[argument.id]
            elif isinstance(argument, ast.Name) and self.is_function(argument.id):
                names[parameter.arg] = argument
            else:
                try:
                    known[parameter.arg] = self.value(argument)
                except NameError:
                    names[parameter.arg] = self.held(f"{prefix}{parameter.arg}", argument)
        return _Scope(function, known, arrays, prefix, self.text, self.zeros, names).run()

    def is_function(self, name: str) -> bool:
        return name in ("sqrt", "abs")

    def held(self, name: str, argument: ast.expr) -> ast.expr:
        """An argument that is not known: a plain name is used as it is, an expression gets a name first."""
        value = self.visit(copy.deepcopy(argument))
        if isinstance(value, ast.Name | ast.Constant):
            return value
        self.text.lines.append(f"{name} = {ast.unparse(value)}")
        return ast.Name(name)

    # -- expressions

    def value(self, node: ast.expr) -> Any:
        """Value of an expression of known names; NameError where something in it is not known."""
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        space = {k: v for k, v in self.globals.items() if k.isupper()} | {"range": range} | self.known
        missing = used - space.keys()
        if missing or any(isinstance(n, ast.Subscript) for n in ast.walk(node)):
            raise NameError(f"{self.function.__name__}: {ast.unparse(node)} needs {missing}")
        return eval(compile(ast.Expression(copy.deepcopy(node)), "<known>", "eval"), {"__builtins__": {}}, space)

    def element(self, node: Any) -> str:
        index = self.value(node.slice)
        index = index if isinstance(index, tuple) else (index,)
        return "_".join([self.arrays[node.value.id], *map(str, index)])

    def local(self, name: str) -> str:
        self.names.pop(name, None)  # an assigned parameter becomes a local
        self.known.pop(name, None)
        return self.prefix + name

    def constant(self, value: Any) -> ast.expr:
        if isinstance(value, bool | str):
            return ast.Constant(value)
        name = "k_" + repr(float(value)).replace("-", "m").replace("+", "").replace(".", "_")
        self.text.constants[name] = float(value)
        return ast.Name(name)

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and not isinstance(node, ast.Tuple):
            try:
                return self.constant(self.value(node))
            except NameError:
                pass
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if self.is_function(node.id):
            return self.names.get(node.id, node)
        return self.names.get(node.id) or ast.Name(self.prefix + node.id)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        name = self.element(node)
        return self.constant(0.0) if name in self.zeros else ast.Name(name)

    def visit_Call(self, node: ast.Call) -> ast.expr | None:
        if self.step_called(node):
            return self.inline(node)
        node.args = [self.visit(argument) for argument in node.args]
        return node
