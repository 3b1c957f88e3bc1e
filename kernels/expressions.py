"""Expressions of a step as text over scalars: what is known beforehand is worked out, what is zero is left out."""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from .text import Text

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
ZERO = "k_zero"  # what is structurally zero


class Unknown(Exception):
    """An expression whose value is not known beforehand."""


class Expressions:
    """Expressions of a function: its known names, its arrays, what its parameters stand for, its prefix.

    Calls (``text_Call``) are left to who knows what they stand for.
    """

    def __init__(
        self,
        outside: Mapping[str, Any],
        known: Mapping[str, Any],
        arrays: Mapping[str, str],
        names: Mapping[str, str],
        prefix: str,
        text: Text,
        zeros: set[str],
    ) -> None:
        self.globals, self.text = outside, text
        self.zeros: set[str] = zeros
        self.known, self.arrays, self.names, self.prefix = dict(known), dict(arrays), dict(names), prefix

    def value(self, node: Any) -> Any:
        """Value of an expression of known names."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            found = self.known.get(node.id, self.globals.get(node.id) if node.id.isupper() else None)
            if found is None or node.id in self.names:
                raise Unknown(node.id)
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
        raise Unknown(ast.unparse(node))

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
        except Unknown:
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
