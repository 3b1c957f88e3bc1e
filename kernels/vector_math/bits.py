"""What the functions of this package are made of: the house decorator, IEEE formats, instructions Numba has not.

Each intrinsic is one or two LLVM instructions of the argument's own width, so an f32 function never meets an f64 or
i64 register, and the loop vectoriser sees nothing that it cannot widen.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# No fast-math flag at all: every rounding, and every fused multiply-add, is the one that is written, and all hosts with
# an FMA unit give the same bits. `fastmath=False` must be said: left out, Numba takes the flags of the first caller.
# LLVM's flags belong to an instruction and survive inlining. `forceinline` keeps long functions vectorisable.
kernel = njit(error_model="numpy", fastmath=False, forceinline=True)


class Format(NamedTuple):
    """An IEEE binary format, and constants of its type."""

    real: type
    mantissa: int  # stored bits
    bias: int

    @property
    def magic(self):
        """Added to a small number, it rounds to the nearest integer k and leaves k in the low bits of the sum."""
        return self.real(1.5 * 2.0**self.mantissa)

    def reals(self, *values):
        """The values as constants of this format."""
        return tuple(self.real(v) for v in values)

    def pick(self, f64, f32):
        """What this format's version of a formula takes: a coefficient table, a bound."""
        value = f64 if self.real is np.float64 else f32
        return tuple(self.real(v) for v in value) if isinstance(value, tuple) else self.real(value)


F64 = Format(np.float64, 52, 1023)
F32 = Format(np.float32, 23, 127)


def _layout(kind):
    """LLVM integer type, mantissa bits and exponent bias of a Numba float type."""
    return (ir.IntType(64), 52, 1023) if kind == types.float64 else (ir.IntType(32), 23, 127)


def _llvm_function(name, arguments):
    """An LLVM intrinsic of 1 to 3 floats of one type, under the name it has in LLVM."""

    def codegen(context, builder, signature, values):
        kind = values[0].type
        function = ir.FunctionType(kind, [kind] * arguments)
        return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [kind], function), values)

    typing = (
        lambda typingctx, x: (x(x), codegen),
        lambda typingctx, x, y: (x(x, x), codegen),
        lambda typingctx, x, y, z: (x(x, x, x), codegen),
    )[arguments - 1]
    typing.__name__ = name
    return intrinsic(typing)


fabs = _llvm_function("fabs", 1)
floor = _llvm_function("floor", 1)
rint = _llvm_function("rint", 1)
sqrt = _llvm_function("sqrt", 1)
copysign = _llvm_function("copysign", 2)
fma = _llvm_function("fma", 3)


@intrinsic
def where(typingctx, condition, x, y):
    """`x if condition else y`, always as a select: both sides are computed, nothing branches."""

    def codegen(context, builder, signature, values):
        return builder.select(*values)

    return x(types.boolean, x, x), codegen


@intrinsic
def power_of_two(typingctx, t):
    """2**k from t = magic + k."""

    def codegen(context, builder, signature, values):
        integer, mantissa, bias = _layout(t)
        k = builder.add(builder.bitcast(values[0], integer), integer(bias))
        return builder.bitcast(builder.shl(k, integer(mantissa)), values[0].type)

    return t(t), codegen


@intrinsic
def add_exponent(typingctx, x, t):
    """x * 2**k, from t = magic + k, where both x and the product are normal."""

    def codegen(context, builder, signature, values):
        integer, mantissa, _ = _layout(t)
        bits, k = (builder.bitcast(v, integer) for v in values)
        return builder.bitcast(builder.add(bits, builder.shl(k, integer(mantissa))), values[0].type)

    return x(x, t), codegen


@intrinsic
def flip_sign(typingctx, x, t):
    """x times (-1)**k, from t = magic + k."""

    def codegen(context, builder, signature, values):
        integer, _, _ = _layout(t)
        bits, k = (builder.bitcast(v, integer) for v in values)
        sign = builder.shl(k, integer(integer.width - 1))
        return builder.bitcast(builder.xor(bits, sign), values[0].type)

    return x(x, t), codegen


@intrinsic
def is_odd(typingctx, t):
    """Whether k is odd, from t = magic + k."""

    def codegen(context, builder, signature, values):
        integer, _, _ = _layout(t)
        return builder.trunc(builder.bitcast(values[0], integer), ir.IntType(1))

    return types.boolean(t), codegen


@intrinsic
def split_exponent(typingctx, x):
    """(m, k) with x = m * 2**k and sqrt(1/2) <= m < sqrt(2), k a float; x positive and normal."""

    def codegen(context, builder, signature, values):
        integer, mantissa, bias = _layout(x)
        real = values[0].type
        root_half = integer(0x3FE6A09E667F3BCD if mantissa == 52 else 0x3F3504F3)
        two_m = integer((bias + mantissa) << mantissa)  # the bits of 2**mantissa
        shifted = builder.sub(builder.bitcast(values[0], integer), root_half)
        m = builder.add(builder.and_(shifted, integer((1 << mantissa) - 1)), root_half)
        # a logical shift of a biased (positive) number: AVX2 has no arithmetic one for 64 bits
        biased = builder.lshr(builder.add(shifted, integer(bias << mantissa)), integer(mantissa))
        k = builder.bitcast(builder.or_(biased, two_m), real)
        k = builder.fsub(k, ir.Constant(real, float(2**mantissa + bias)))
        return context.make_tuple(builder, signature.return_type, [builder.bitcast(m, real), k])

    return types.UniTuple(x, 2)(x), codegen


@intrinsic
def polynomial(typingctx, x, coefficients):
    """c[0] + c[1] x + c[2] x**2 + ... by Horner's rule, one fused multiply-add a coefficient."""

    def codegen(context, builder, signature, values):
        x, c = values
        terms = [builder.extract_value(c, i) for i in range(len(coefficients))]
        total = terms.pop()
        while terms:
            total = builder.fma(total, x, terms.pop())
        return total

    return x(x, coefficients), codegen


@kernel
def at_most(x, high):
    """The smaller of the two; NaN stays."""
    return where(x > high, high, x)


@kernel
def clamp(x, low, high):
    """x moved into [low, high]; NaN stays."""
    return where(x > high, high, where(x < low, low, x))


@kernel
def two_sum(a, b):
    """(s, e): s = fl(a + b) and a + b = s + e exactly (Knuth 1969, TAOCP 4.2.2)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@kernel
def fast_two_sum(a, b):
    """The same for |a| >= |b| or a = 0 (Dekker 1971)."""
    s = a + b
    return s, b - (s - a)


@kernel
def two_product(a, b):
    """(p, e): p = fl(a b) and a b = p + e exactly."""
    p = a * b
    return p, fma(a, b, -p)
