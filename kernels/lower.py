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
import platform
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic

FLAGS = ("contract", "nsz")  # no nnan, ninf: tests for NaN must work; no reassoc: it breaks up multiply-adds
FLOATS = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
INTEGERS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
TRUTHS = {ast.BitAnd: "and_", ast.BitOr: "or_"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
MACHINE = {"x86_64": "x86", "AMD64": "x86", "arm64": "arm", "aarch64": "arm"}.get(platform.machine(), "unknown")
FLUSH = {"x86": 0x8040, "arm": 1 << 24}  # FTZ and DAZ of MXCSR; FZ of FPCR
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
    nodes = ast.walk(ast.parse("".join(linecache.getlines(path))))
    return {
        min([node.lineno, *(one.lineno for one in node.decorator_list)]): node
        for node in nodes
        if isinstance(node, ast.FunctionDef)
    }


@intrinsic
def small(typing: Any) -> tuple[Any, Callable[..., Any]]:
    """Asks for short code of the function it is called in: no copies of its loops for every case there might be."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        builder.function.attributes.add("optsize")
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def flush_subnormals(typing: Any) -> tuple[Any, Callable[..., Any]]:
    """From here on this thread takes subnormal numbers as zero, on x86 and ARM; returns the mode before, for
    `set_mode`.  A processor spends some 150 cycles on each operation with one: the tails of a Gaussian in float32."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        before = _mode(builder)
        _set_mode(builder, builder.or_(before, ir.Constant(INDEX, FLUSH.get(MACHINE, 0))))
        return before

    return types.int64(), generate


@intrinsic
def set_mode(typing: Any, mode: Any) -> tuple[Any, Callable[..., Any]]:
    """Back to a mode of floating-point arithmetic."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        _set_mode(builder, values[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _mode(builder: Any) -> Any:
    """The register that says how this thread calculates; 0 where we do not know it."""
    if MACHINE == "x86":
        place = cgutils.alloca_once(builder, ir.IntType(32))
        store = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
        function = cgutils.get_or_insert_function(builder.module, store, "llvm.x86.sse.stmxcsr")
        builder.call(function, [builder.bitcast(place, ir.IntType(8).as_pointer())])
        return builder.zext(builder.load(place), INDEX)
    if MACHINE == "arm":
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(INDEX, []), "llvm.aarch64.get.fpcr")
        return builder.call(function, [])
    return ir.Constant(INDEX, 0)


def _set_mode(builder: Any, mode: Any) -> None:
    if MACHINE == "x86":
        place = cgutils.alloca_once_value(builder, builder.trunc(mode, ir.IntType(32)))
        load = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
        function = cgutils.get_or_insert_function(builder.module, load, "llvm.x86.sse.ldmxcsr")
        builder.call(function, [builder.bitcast(place, ir.IntType(8).as_pointer())])
    if MACHINE == "arm":
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [INDEX]), "llvm.aarch64.set.fpcr"
        )
        builder.call(function, [mode])


@intrinsic
def lowest_bit(typing: Any, bits: Any) -> tuple[Any, Callable[..., Any]]:
    """Number of the lowest bit that is set."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        return builder.cttz(values[0], TRUTH(1))

    return types.int64(types.int64), generate


@intrinsic
def pointer(typing: Any, array: Any) -> tuple[Any, Callable[..., Any]]:
    """Where a contiguous array lies.  Unlike the array it is not counted, and not kept alive: see `keep`."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        return context.make_array(array)(context, builder, values[0]).data

    return types.CPointer(array.dtype)(array), generate


@intrinsic
def keep(typing: Any, array: Any) -> tuple[Any, Callable[..., Any]]:
    """The last use of an array whose `pointer` was in use until here."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        return context.get_dummy_value()

    return types.void(array), generate


@intrinsic
def get(typing: Any, p: Any, index: Any) -> tuple[Any, Callable[..., Any]]:
    """Element of an array by its pointer and flat index."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        return builder.load(builder.gep(values[0], [values[1]], inbounds=True))

    return p.dtype(p, types.int64), generate


@intrinsic
def put(typing: Any, p: Any, index: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """Set an element of an array by its pointer and flat index."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        builder.store(values[2], builder.gep(values[0], [values[1]], inbounds=True))
        return context.get_dummy_value()

    return types.void(p, types.int64, p.dtype), generate


@intrinsic
def peek(typing: Any, address: Any, index: Any, like: Any) -> tuple[Any, Callable[..., Any]]:
    """Element of memory at an address, of the type that the pointer ``like`` has."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        data = builder.inttoptr(values[0], context.get_value_type(like.dtype).as_pointer())
        return builder.load(builder.gep(data, [values[1]], inbounds=True))

    return like.dtype(types.int64, types.int64, like), generate


@intrinsic
def truth(typing: Any, address: Any, index: Any) -> tuple[Any, Callable[..., Any]]:
    """Element of an array of truth values at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        data = builder.inttoptr(values[0], ir.IntType(8).as_pointer())
        element = builder.load(builder.gep(data, [values[1]], inbounds=True))
        return builder.icmp_unsigned("!=", element, ir.Constant(ir.IntType(8), 0))

    return types.boolean(types.int64, types.int64), generate


@intrinsic
def only(typing: Any, there: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """The value where it is there, else NaN; without a branch."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        return builder.select(values[0], values[1], context.get_constant(value, float("nan")))

    return value(types.boolean, value), generate


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
