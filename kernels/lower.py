"""Straight-line Python -> LLVM, without Numba's front end.

``@lowered`` turns a function of straight-line text (what ``unroll`` and ``lanes`` write) into an intrinsic that Numba
code can call: each statement becomes the one or two LLVM instructions that it says, in the block of the caller's loop.
Numba itself would spend about a millisecond on every statement to find types that are known beforehand: all numbers
are of one float type, conditions are truth values, and indices are integers.  ``a if c else b`` is LLVM's ``select``.
``@lanes(W)`` puts the loop ``for l in range(W)`` around it and tells LLVM what the text promises, that no pass reads
what another writes: so the loop becomes vector instructions however long it is.

The text stays ordinary Python and can be read, run and stepped through as such.
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

from batchnewton.syntax import parse

FLAGS = ("contract", "nsz")  # no nnan, ninf: tests for NaN must work; no reassoc: it breaks up multiply-adds
FLOATS = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
INTEGERS = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
TRUTHS = {ast.BitAnd: "and_", ast.BitOr: "or_"}
COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
INTRINSICS = {"sqrt": "llvm.sqrt", "fabs": "llvm.fabs", "abs": "llvm.fabs"}
WIDE = (
    '"prefer-vector-width"="512"'  # LLVM would take 256 bits on most hosts that have 512; an attribute in LLVM's text
)
MACHINE = {"x86_64": "x86", "AMD64": "x86", "arm64": "arm", "aarch64": "arm"}.get(platform.machine(), "unknown")
FLUSH = {"x86": 0x8040, "arm": 1 << 24}  # FTZ and DAZ of MXCSR; FZ of FPCR
LINE = 64  # bytes
INDEX = ir.IntType(64)
TRUTH = ir.IntType(1)


def lowered(function: Callable[..., None]) -> Any:
    """The intrinsic of a straight-line function; it returns nothing, but stores into its array arguments."""
    return _intrinsic(function, None)


def lanes(count: int) -> Callable[[Callable[..., None]], Any]:
    """The intrinsic of a straight-line function for ``count`` values of its argument ``l``, which callers leave out."""
    return lambda function: _intrinsic(function, count)


def _intrinsic(function: Callable[..., None], looped: int | None) -> Any:
    tree = parsed(function)
    names = [argument.arg for argument in tree.args.args if looped is None or argument.arg != "l"]

    def typed(*given: types.Type) -> tuple[Any, Callable[..., Any]]:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> ir.Value:
            set.add(builder.function.attributes, WIDE)
            aligned(builder.function)
            separate(builder.function, given)
            block = _Block(context, builder, function.__globals__, names, signature.args, values)
            if looped is None:
                block.run(tree.body)
            else:
                _Loop(builder, looped).run(block, tree.body)
            return context.get_dummy_value()

        return types.void(*given), generate

    listed = ", ".join(names)
    space = {"typed": typed, "__name__": function.__module__}
    exec(f"def {function.__name__}(typing, {listed}):\n    return typed({listed})", space)
    return intrinsic(space[function.__name__])


def aligned(function: ir.Function) -> None:
    """The stack of a function begins with a cache line: LLVM takes it as it comes, and a spilled vector that lies in
    two lines, or pages, then costs several times as much: up to a quarter of all time, by where the caller's ended."""
    if MACHINE == "x86":
        function.attributes.alignstack = LINE


def parsed(function: Callable[..., None]) -> ast.FunctionDef:
    """What Python makes of a function's text.  `inspect.getsource` would look for the function's end token by token,
    which takes as long as all the rest here."""
    code = function.__code__
    return _functions(code.co_filename)[code.co_firstlineno]


@functools.lru_cache(maxsize=1)  # the functions of a module come one after the other
def _functions(path: str) -> dict[int, ast.FunctionDef]:
    """The functions of a file by their first lines, where their decorators are."""
    linecache.checkcache(path)
    nodes = parse("".join(linecache.getlines(path))).body
    return {
        min([node.lineno, *(one.lineno for one in node.decorator_list)]): node
        for node in nodes
        if isinstance(node, ast.FunctionDef)
    }


def positive_lanes(lanes: int) -> Any:
    """``(S, place) -> int64``: a bit for each lane of a slot that is positive, by one vector comparison."""

    def bits_of(typing: Any, S: Any, place: Any) -> tuple[Any, Callable[..., Any]]:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
            vector = ir.VectorType(context.get_value_type(S.dtype), lanes)
            start = builder.gep(values[0], [values[1]], inbounds=True)
            slot = builder.load(builder.bitcast(start, vector.as_pointer()), align=S.dtype.bitwidth // 8)
            positive = builder.fcmp_ordered(">", slot, ir.Constant(vector, [0.0] * lanes))
            bits = builder.bitcast(positive, ir.IntType(lanes))
            return builder.zext(bits, INDEX) if lanes < 64 else bits

        return types.int64(S, place), generate

    return intrinsic(bits_of)


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


def separate(function: ir.Function, given: Sequence[types.Type]) -> None:
    """Say that the arrays handed to the caller do not overlap: else each loop is there twice, behind a check."""
    pointers = {kind.dtype for kind in given if isinstance(kind, types.CPointer)}
    for argument in function.args:
        if pointers and argument.name.startswith("arg.") and isinstance(argument.type, ir.PointerType):
            argument.add_attribute("noalias")


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


class _Loop:
    """``for l in range(count)``, whose passes do not depend on each other (LLVM Language Reference:
    llvm.loop.parallel_accesses)."""

    def __init__(self, builder: Any, count: int) -> None:
        self.builder, self.count, self.accesses = builder, count, _distinct(builder)

    def run(self, block: "_Block", statements: Sequence[ast.stmt]) -> None:
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


class _Block:
    """Statements into the current block of the builder; ``accesses`` is the group of memory accesses they are in."""

    accesses: ir.MDValue | None = None

    def __init__(
        self,
        context: Any,
        builder: ir.IRBuilder,
        outside: dict[str, Any],
        names: Sequence[str],
        given: Sequence[types.Type],
        values: Sequence[ir.Value],
    ) -> None:
        self.context, self.builder, self.outside = context, builder, outside
        self.locals: dict[str, ir.Value] = {}
        self.arrays: dict[str, ir.Value] = {}
        for name, kind, value in zip(names, given, values, strict=True):
            if isinstance(kind, types.Array):
                self.arrays[name] = context.make_array(kind)(context, builder, value).data
                self.float = kind.dtype
            elif isinstance(kind, types.CPointer):
                self.arrays[name] = value
                self.float = kind.dtype
            elif isinstance(kind, types.Integer):
                self.locals[name] = context.cast(builder, value, kind, types.int64)
            else:
                self.locals[name] = value
        self.real = context.get_value_type(self.float)

    def run(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            if isinstance(statement, ast.Assign):
                self.assign(statement.targets, self.value(statement.value))
            elif isinstance(statement, ast.AugAssign):
                value = self.binary(statement.op, self.value(statement.target), self.value(statement.value))
                self.assign([statement.target], value)
            elif not isinstance(statement, ast.Expr | ast.Pass):  # a docstring
                raise NotImplementedError(f"{ast.unparse(statement)} is not straight line")

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
        return self.context.get_constant(self.float, float(value))

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
        return compare(how, self.value(node.left), self.value(right))

    def value_IfExp(self, node: ast.IfExp) -> Any:
        return self.builder.select(*(self.value(one) for one in (node.test, node.body, node.orelse)))

    def value_Call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        values = [self.value(argument) for argument in node.args]
        name = INTRINSICS.get(node.func.id)
        if name:
            function = cgutils.get_or_insert_function(
                self.builder.module, ir.FunctionType(self.real, [self.real]), f"{name}.f{self.float.bitwidth}"
            )
            return self.builder.call(function, values)
        return self.call(self.outside[node.func.id], values)

    def call(self, function: Any, values: Sequence[ir.Value]) -> ir.Value:
        """A call of another compiled function (of ``vector_math``), float to float."""
        kind = self.context.typing_context.resolve_value_type(function)
        signature = kind.get_call_type(self.context.typing_context, (self.float,) * len(values), {})
        compiled = self.context.get_function(kind, signature)
        result = compiled(self.builder, values)
        self.context.add_linking_libs(getattr(compiled, "libs", ()))
        return result
