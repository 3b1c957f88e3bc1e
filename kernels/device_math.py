"""Mathematical functions inside a CUDA kernel: which come from libdevice, and `vector_math` for those it has not."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types

from batchnewton.syntax import parse

from .unroll import SYMBOLS

# Name in formulas -> name in libdevice (float64; float32 has an f behind it).
LIBDEVICE = {name: name for name in (
    "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "cbrt", "hypot", "pow", "sin", "cos", "tan",
    "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erfcx",
    "lgamma", "floor", "copysign", "fabs", "sqrt", "rint", "fma",
)} | {"gamma": "tgamma", "abs": "fabs"}  # fmt: skip

OWN = ("digamma", "trigamma", "i0e", "i1e")  # what libdevice has not
OPERATORS = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
TRUTHS = {ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor"}
TYPES: dict[type, Any] = {ir.FloatType: types.float32, ir.DoubleType: types.float64, ir.IntType: types.boolean}


def declared(builder: ir.IRBuilder, name: str, kind: ir.FunctionType) -> ir.Function:
    """A function of another module."""
    found = builder.module.globals.get(name)
    return found if found is not None else ir.Function(builder.module, kind, name)


def libdevice(builder: ir.IRBuilder, name: str, values: Sequence[Any]) -> Any:
    """A call of libdevice's function."""
    real = values[0].type
    kind = ir.FunctionType(real, [real] * len(values))
    suffix = "f" if isinstance(real, ir.FloatType) else ""
    return builder.call(declared(builder, f"__nv_{LIBDEVICE[name]}{suffix}", kind), values)


class Inlined:
    """Writes functions of `vector_math` out in place: their Python text, operation by operation.

    They are straight lines of arithmetic, of calls of one another and of Numba intrinsics (``bits``), each of which
    writes its own instructions.  A value is an LLVM value, or a tuple of values; a constant is a NumPy scalar.
    """

    def __init__(self, context: Any, builder: ir.IRBuilder) -> None:
        self.context, self.builder = context, builder

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
        if function.__name__ in LIBDEVICE:  # NVVM takes few of LLVM's own
            return libdevice(self.builder, function.__name__, plain)
        signature, generate = function._defn(None, *(TYPES[type(one.type)] for one in plain))
        return generate(_Tuples(), self.builder, signature, plain)

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
    tree = parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    found = inspect.getclosurevars(function)
    return tree, {**found.builtins, **found.globals, **found.nonlocals}


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
