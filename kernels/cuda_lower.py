"""Straight-line Python -> LLVM inside a CUDA kernel, and the few operations that only a GPU has.

The text is that of the CPU lanes (`lanes`, `unroll`); `lower` translates it, and this file says what is different on
the device: elementary functions are NVIDIA's libdevice, the others the package's own straight-line ones
(`vector_math`) written out in place; `swap` exchanges a value between lanes of a warp, `plus` adds what was exchanged.

In Numba's CUDA simulator nothing is translated: the text runs as the Python that it is.
"""

import ast
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.ir import instructions

from . import vector_math
from .device_math import LIBDEVICE, Inlined, declared, libdevice
from .lower import INDEX, Block, parsed

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
WORD = ir.IntType(32)


def lowered(function: Callable[..., None]) -> Any:
    """As `machine.lowered`, for kernels."""
    if SIMULATED:
        return function
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    tree = parsed(function)
    names = [argument.arg for argument in tree.args.args]

    def typed(*given: Any) -> tuple[Any, Callable[..., Any]]:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[Any]) -> Any:
            _DeviceBlock(context, builder, function.__globals__, names, signature.args, values).run(tree.body)
            return context.get_dummy_value()

        return types.void(*given), generate  # pyright: ignore[reportAttributeAccessIssue]

    listed = ", ".join(names)
    space = {"typed": typed, "__name__": function.__module__}
    exec(f"def {function.__name__}(typing, {listed}):\n    return typed({listed})", space)
    return intrinsic(space[function.__name__])


def lanes(count: int) -> Callable[[Callable[..., None]], Any]:
    """As `machine.lanes`; but a thread has one lane, whose number it gives itself."""
    return lowered


class _DeviceBlock(Block):
    """Statements into the current block of a kernel.  Arrays of one float type, integers, floats of that type."""

    def __init__(
        self,
        context: Any,
        builder: ir.IRBuilder,
        outside: dict[str, Any],
        names: Sequence[str],
        given: Sequence[Any],
        values: Sequence[Any],
    ) -> None:
        self.context, self.builder, self.outside = context, builder, outside
        self.locals, self.arrays = {}, {}
        for name, kind, value in zip(names, given, values, strict=True):
            if hasattr(kind, "dtype"):
                self.arrays[name] = context.make_array(kind)(context, builder, value).data
                self.float = kind.dtype if "float" in str(kind.dtype) else self.float
            elif isinstance(value.type, ir.IntType) and value.type.width < INDEX.width:
                self.locals[name] = builder.sext(value, INDEX)  # pyright: ignore[reportArgumentType]
            else:
                self.locals[name] = value
        self.real = context.get_value_type(self.float)

    def value_Subscript(self, node: ast.Subscript) -> Any:
        assert isinstance(node.value, ast.Name)
        if node.value.id != "K":
            read = super().value_Subscript(node)
            return self.builder.sext(read, INDEX) if isinstance(read.type, ir.IntType) else read  # a table of places
        read = _FreshLoad(self.builder.block, self.place(node))
        self.builder._insert(read)
        return read

    def constant(self, value: Any) -> Any:
        if isinstance(value, bool | int):
            return super().constant(value)
        return ir.Constant(self.real, float(value))

    def value_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return super().value_UnaryOp(node)
        return self.builder.fsub(ir.Constant(self.real, -0.0), self.value(node.operand))  # NVVM knows no fneg

    def value_Call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name == "swap":
            return swapped(self.builder, *(self.value(one) for one in node.args))
        values = [self.value(one) for one in node.args]
        if name == "plus":
            return added(self.builder, *values)
        if name in LIBDEVICE:
            return libdevice(self.builder, name, values)
        single = isinstance(self.real, ir.FloatType)
        function = vector_math.FUNCTIONS[name]["float32" if single else "float64"]
        return Inlined(self.builder).call(function, values)


class _FreshLoad(instructions.LoadInstr):
    """A load that the compiler may not replace by keeping the value in a register: it lies in shared memory to
    save that register."""

    def descr(self, buf: list[str]) -> None:
        super().descr(buf)
        buf[-1] = buf[-1].replace("load ", "load volatile ", 1)


def added(builder: ir.IRBuilder, value: Any, other: Any) -> Any:
    """The sum, rounded by itself: a multiplication fused with it would see one lane's product before its rounding, the
    other's after it, and lanes that add the same two numbers would no longer have the same bits."""
    name = "__nv_fadd_rn" if isinstance(value.type, ir.FloatType) else "__nv_dadd_rn"
    return builder.call(declared(builder, name, ir.FunctionType(value.type, [value.type] * 2)), [value, other])


def swapped(builder: ir.IRBuilder, value: Any, distance: Any, members: Any) -> Any:
    """What the lane at ``lane ^ distance`` has; ``members`` are the lanes that take part (a bit each)."""
    kind = ir.FunctionType(WORD, [WORD] * 4)
    shuffle = declared(builder, "llvm.nvvm.shfl.sync.bfly.i32", kind)
    mask, far = (builder.trunc(one, WORD) for one in (members, distance))

    def exchange(word: Any) -> Any:
        return builder.call(shuffle, [mask, word, far, WORD(31)])

    if isinstance(value.type, ir.FloatType):
        return builder.bitcast(exchange(builder.bitcast(value, WORD)), value.type)
    bits = builder.bitcast(value, INDEX)
    low, high = exchange(builder.trunc(bits, WORD)), exchange(builder.trunc(builder.lshr(bits, INDEX(32)), WORD))
    whole = builder.or_(builder.zext(low, INDEX), builder.shl(builder.zext(high, INDEX), INDEX(32)))
    return builder.bitcast(whole, value.type)


def function(name: str, kind: Any) -> Callable[..., Any] | None:
    """What a formula's function is in the simulator, of numbers of this kind (in a kernel its name is enough: see
    `_DeviceBlock`)."""
    if not SIMULATED:
        return None
    known = vector_math.FUNCTIONS[name][np.dtype(kind).name]
    return lambda *values: kind(known(*values))  # Numba gives back a float64 whatever it was given
