"""Straight-line Python -> LLVM, without Numba's front end.

Each statement of the text that ``unroll`` and ``lanes`` write becomes the one or two LLVM instructions that it says, in
the block where the builder stands.  Numba itself would spend about a millisecond on every statement to find types that
are known beforehand: all numbers are of one float type, conditions are truth values, and indices are integers.
``a if c else b`` is LLVM's ``select``.  `Lanes` puts the loop ``for l in range(W)`` around statements and tells LLVM
what the text promises, that no pass reads what another writes: so the loop becomes vector instructions however long it
is.
"""

import ast
import functools
import linecache
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from batchnewton.syntax import parse

FLAGS = ("contract", "nsz")  # no nnan, ninf: tests for NaN must work; no reassoc: it breaks up multiply-adds
FLOATS = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
INTEGERS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
TRUTHS = {ast.BitAnd: "and_", ast.BitOr: "or_"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
INDEX = ir.IntType(64)
TRUTH = ir.IntType(1)


def parsed(function: Callable[..., None]) -> ast.FunctionDef:
    """What Python makes of a function's text.  `inspect.getsource` would look for the function's end token by token,
    which takes as long as all the rest here."""
    code = function.__code__
    return _functions(code.co_filename)[code.co_firstlineno]


@functools.lru_cache(maxsize=16)  # the functions of a module come one after the other; those of `vector_math` anew
def _functions(path: str) -> dict[int, ast.FunctionDef]:
    """The functions of a file by their first lines, where their decorators are."""
    linecache.checkcache(path)
    nodes = ast.walk(parse("".join(linecache.getlines(path))))
    return {
        min([node.lineno, *(one.lineno for one in node.decorator_list)]): node
        for node in nodes
        if isinstance(node, ast.FunctionDef)
    }


class _Distinct(ir.MDValue):
    """A piece of metadata that is equal to no other."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def descr(self, buf: list[str]) -> None:
        text: list[str] = []
        super().descr(text)
        buf += ["distinct ", *text]


def _distinct(builder: ir.IRBuilder) -> _Distinct:
    return _Distinct(builder.module, [], name=str(len(builder.module.metadata)))


class Lanes:
    """``for l in range(count)``, whose passes do not depend on each other (LLVM Language Reference:
    llvm.loop.parallel_accesses)."""

    def __init__(self, builder: Any, count: int) -> None:
        self.builder, self.count, self.accesses = builder, count, _distinct(builder)

    def run(self, block: "Block", statements: Sequence[ast.stmt]) -> None:
        builder, before = self.builder, self.builder.block
        inside, behind = builder.append_basic_block("lanes"), builder.append_basic_block("behind")
        builder.branch(inside)
        builder.position_at_end(inside)
        lane = builder.phi(INDEX)
        block.locals["l"], block.accesses = lane, self.accesses
        block.run(statements)
        following = builder.add(lane, ir.Constant(INDEX, 1), flags=("nuw", "nsw"))
        again = builder.icmp_unsigned("<", following, ir.Constant(INDEX, self.count))
        lane.add_incoming(ir.Constant(INDEX, 0), before)
        lane.add_incoming(following, builder.block)
        builder.cbranch(again, inside, behind).set_metadata("llvm.loop", self.promises())
        builder.position_at_end(behind)

    def promises(self) -> ir.MDValue:
        """What LLVM may take for granted: without it, it compares every two accesses, and gives up on long loops."""
        told = _distinct(self.builder)
        told.operands = (told, self.builder.module.add_metadata(["llvm.loop.parallel_accesses", self.accesses]))
        return told


class Block:
    """Statements into the current block of the builder; ``accesses`` is the group of memory accesses they are in."""

    accesses: ir.MDValue | None = None
    relaxed: tuple[str, ...] = ()  # flags of comparisons

    def __init__(self, builder: ir.IRBuilder, outside: dict[str, Any], real: ir.Type) -> None:
        self.builder, self.outside, self.real = builder, outside, real
        self.locals: dict[str, ir.Value] = {}
        self.arrays: dict[str, ir.Value] = {}

    def run(self, statements: Sequence[ast.stmt]) -> None:
        for one in statements:
            self.statement(one)

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign):
            self.assign(node.targets, self.value(node.value))
        elif isinstance(node, ast.AugAssign):
            self.assign([node.target], self.binary(node.op, self.value(node.target), self.value(node.value)))
        elif not isinstance(node, ast.Expr | ast.Pass):  # a docstring
            raise NotImplementedError(f"{ast.unparse(node)} is not straight line")

    def assign(self, targets: Sequence[ast.expr], value: ir.Value) -> None:
        for target in targets:
            if isinstance(target, ast.Subscript):
                self.grouped(self.builder.store(value, self.place(target)))
            else:
                assert isinstance(target, ast.Name)
                self.locals[target.id] = value

    def place(self, node: ast.Subscript) -> ir.Value:
        assert isinstance(node.value, ast.Name)
        return self.builder.gep(self.arrays[node.value.id], [self.value(node.slice)], inbounds=True)

    def value(self, node: ast.expr) -> Any:
        return getattr(self, f"value_{type(node).__name__}")(node)

    def value_Name(self, node: ast.Name) -> Any:
        found = self.locals.get(node.id)
        return self.constant(self.outside[node.id]) if found is None else found

    def value_Constant(self, node: ast.Constant) -> Any:
        return self.constant(node.value)

    def constant(self, value: Any) -> Any:
        if isinstance(value, bool):
            return ir.Constant(TRUTH, int(value))
        if isinstance(value, int):
            return ir.Constant(INDEX, value)
        return ir.Constant(self.real, float(value))

    def value_Subscript(self, node: ast.Subscript) -> Any:
        return self.grouped(self.builder.load(self.place(node)))

    def grouped(self, access: Any) -> Any:
        if self.accesses is not None:
            access.set_metadata("llvm.access.group", self.accesses)
        return access

    def value_BinOp(self, node: ast.BinOp) -> Any:
        return self.binary(node.op, self.value(node.left), self.value(node.right))

    def binary(self, operator: ast.operator, left: Any, right: Any) -> Any:
        if left.type == TRUTH:
            return getattr(self.builder, TRUTHS[type(operator)])(left, right)
        if left.type == INDEX:
            return getattr(self.builder, INTEGERS[type(operator)])(left, right, flags=("nsw",))
        return getattr(self.builder, FLOATS[type(operator)])(left, right, flags=FLAGS)

    def value_UnaryOp(self, node: ast.UnaryOp) -> Any:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return self.builder.not_(value)
        return self.builder.fneg(value, flags=FLAGS)

    def value_Compare(self, node: ast.Compare) -> Any:
        (operator,), (right,) = node.ops, node.comparators
        how = COMPARISONS[type(operator)]
        compare = self.builder.fcmp_unordered if how == "!=" else self.builder.fcmp_ordered
        return compare(how, self.value(node.left), self.value(right), flags=self.relaxed)

    def value_IfExp(self, node: ast.IfExp) -> Any:
        return self.builder.select(*(self.value(one) for one in (node.test, node.body, node.orelse)))
