"""Instructions that Numba has not: memory by its address, the mode of floating-point arithmetic.

For the loops that are compiled once for all formulas (``cpu``, ``gaps``, ``history``, ``patient``).
"""

# The first parameter of an intrinsic is Numba's own:
# pyright: reportCallIssue=false

import platform
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from .lower import INDEX, TRUTH

MACHINE = {"x86_64": "x86", "AMD64": "x86", "arm64": "arm", "aarch64": "arm"}.get(platform.machine(), "unknown")
FLUSH = {"x86": 0x8040, "arm": 1 << 24}  # FTZ and DAZ of MXCSR; FZ of FPCR


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
