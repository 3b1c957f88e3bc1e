"""Functions of `vector_math` written out in place: their Python text, operation by operation, as LLVM.

They are straight lines of arithmetic, of calls of one another and of Numba intrinsics (``bits``), each of which writes
its own instructions.  Compiled by Numba they have the same bits (tests/test_device_math.py), but that takes up to a
second a function.
"""

import ast
import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from .expressions import SYMBOLS
from .lower import COMPARISONS, parsed

OPERATORS = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
TRUTHS = {ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor"}
TYPES: dict[type, Any] = {ir.FloatType: types.float32, ir.DoubleType: types.float64, ir.IntType: types.boolean}


class Inlined:
    """Writes calls where ``builder`` stands.  A value is an LLVM value, or a tuple of values; a constant is a NumPy
    scalar."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def call(self, function: Any, values: Sequence[Any]) -> Any:
        """The result of a compiled function, an intrinsic or a type, for the given arguments."""
        if hasattr(function, "_defn"):
            return self.intrinsic(function, values)
        if function in (np.float32, np.float64):
            return self.converted(values[0], ir.FloatType() if function is np.float32 else ir.DoubleType())
        python = getattr(function, "py_func", function)
        tree, outside = _text(python)
        names = dict(zip([one.arg for one in tree.args.args], values, strict=True))
        return _Lines(self, names, outside).run(tree.body)

    def intrinsic(self, function: Any, values: Sequence[Any]) -> Any:
        if function.__name__ == "polynomial":  # its coefficients are constants: no tuple in LLVM
            fused = _global_named(function, "fma")
            x, coefficients = values
            total = self.real(coefficients[-1], x.type)
            for one in reversed(coefficients[:-1]):
                total = self.intrinsic(fused, (total, x, one))
            return total
        kind = next(_kind(one) for one in values if not isinstance(_kind(one), ir.IntType))
        plain = [self.real(one, kind) for one in values]
        return self.instructions(function, plain)

    def instructions(self, function: Any, values: Sequence[Any]) -> Any:
        """What an intrinsic of ``bits`` writes."""
        signature, generate = function._defn(None, *(TYPES[type(one.type)] for one in values))
        return generate(_Tuples(), self.builder, signature, values)

    def real(self, value: Any, kind: ir.Type) -> Any:
        """A value, or a constant as one."""
        return value if _in_llvm(value) else ir.Constant(kind, float(value))

    def converted(self, value: Any, kind: ir.Type) -> Any:
        if value.type == kind:
            return value
        return self.builder.fptrunc(value, kind) if isinstance(kind, ir.FloatType) else self.builder.fpext(value, kind)


def _in_llvm(value: Any) -> bool:
    """Whether it is a value of the kernel, not a constant."""
    return isinstance(value, ir.Value)


def _kind(value: Any) -> Any:
    """LLVM type of a value, or of a constant."""
    if _in_llvm(value):
        return value.type
    return ir.FloatType() if getattr(value, "itemsize", 8) == 4 else ir.DoubleType()


class _Tuples:
    """As much of a Numba context as the intrinsics of ``bits`` ask for: a tuple is one of Python."""

    @staticmethod
    def make_tuple(builder: ir.IRBuilder, kind: Any, values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(values)


@cache
def _text(function: Callable[..., Any]) -> tuple[ast.FunctionDef, dict[str, Any]]:
    """The text of a function and what its free names stand for."""
    found = inspect.getclosurevars(function)
    return parsed(function), {**found.builtins, **found.globals, **found.nonlocals}


def _global_named(intrinsic: Any, name: str) -> Any:
    return intrinsic._defn.__globals__[name]


class _Lines:
    """The statements of one function."""

    def __init__(self, into: Inlined, names: dict[str, Any], outside: dict[str, Any]) -> None:
        self.into, self.builder, self.names, self.outside = into, into.builder, names, outside

    def run(self, statements: Sequence[ast.stmt]) -> Any:
        for statement in statements:
            if isinstance(statement, ast.Return):
                return self.value(statement.value)
            if isinstance(statement, ast.Assign):
                value = self.value(statement.value)
                for target in statement.targets:
                    self.assign(target, value)
            elif isinstance(statement, ast.For):
                for value in self.value(statement.iter):
                    self.assign(statement.target, value)
                    self.run(statement.body)
            elif not isinstance(statement, ast.Expr):  # a docstring
                raise NotImplementedError(f"{ast.unparse(statement)} is not straight line")
        return None

    def assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Tuple):
            for one, part in zip(target.elts, value, strict=True):
                self.assign(one, part)
        else:
            assert isinstance(target, ast.Name)
            self.names[target.id] = value

    def value(self, node: Any) -> Any:
        return getattr(self, f"value_{type(node).__name__}")(node)

    def value_Name(self, node: ast.Name) -> Any:
        return self.names[node.id] if node.id in self.names else self.outside[node.id]

    def value_Attribute(self, node: ast.Attribute) -> Any:
        return getattr(self.value(node.value), node.attr)

    def value_Constant(self, node: ast.Constant) -> Any:
        return node.value

    def value_Tuple(self, node: ast.Tuple) -> Any:
        return tuple(map(self.value, node.elts))

    def value_Subscript(self, node: ast.Subscript) -> Any:
        return self.value(node.value)[self.value(node.slice)]

    def both(self, left: Any, right: Any) -> tuple[Any, Any]:
        kind = left.type if _in_llvm(left) else right.type
        return self.into.real(left, kind), self.into.real(right, kind)

    def value_BinOp(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if not _in_llvm(left) and not _in_llvm(right):
            return SYMBOLS[type(node.op)][1](left, right)
        left, right = self.both(left, right)
        names = TRUTHS if isinstance(left.type, ir.IntType) else OPERATORS
        return getattr(self.builder, names[type(node.op)])(left, right)

    def value_UnaryOp(self, node: ast.UnaryOp) -> Any:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not | ast.Invert):
            return self.builder.not_(value)
        if not _in_llvm(value):
            return -value
        return self.builder.fsub(ir.Constant(value.type, -0.0), value)

    def value_Compare(self, node: ast.Compare) -> Any:
        left, right = self.both(self.value(node.left), self.value(node.comparators[0]))
        how = COMPARISONS[type(node.ops[0])]
        compare = self.builder.fcmp_unordered if how == "!=" else self.builder.fcmp_ordered
        return compare(how, left, right)

    def value_Call(self, node: ast.Call) -> Any:
        return self.into.call(self.value(node.func), list(map(self.value, node.args)))
