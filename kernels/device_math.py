"""Mathematical functions inside a CUDA kernel: which come from libdevice, and `vector_math` for those it has not."""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from . import inline

# Name in formulas -> name in libdevice (float64; float32 has an f behind it).
LIBDEVICE = {name: name for name in (
    "exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "cbrt", "hypot", "pow", "sin", "cos", "tan",
    "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erfcx",
    "lgamma", "floor", "copysign", "fabs", "sqrt", "rint", "fma",
)} | {"gamma": "tgamma", "abs": "fabs"}  # fmt: skip

OWN = ("digamma", "trigamma", "i0e", "i1e")  # what libdevice has not


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


class Inlined(inline.Inlined):
    """`inline.Inlined` for NVVM, which takes few of LLVM's own functions."""

    def instructions(self, function: Any, values: Sequence[Any]) -> Any:
        if function.__name__ in LIBDEVICE:
            return libdevice(self.builder, function.__name__, values)
        return super().instructions(function, values)
