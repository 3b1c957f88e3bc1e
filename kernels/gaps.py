"""Rows of data that are not there: counted, and as a lane gets them, NaN in its first column (``formula.GAPS``).

Masks come as addresses of truth values, of which eight are one word.
"""

# The first parameter of an intrinsic is Numba's own:
# pyright: reportCallIssue=false

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.extending import intrinsic

from .intrinsics import get, only, peek, pointer, put, truth
from .lower import INDEX

OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}
TOGETHER = 8  # rows that are looked at as one
ONES = 0x0101010101010101  # so many truth values that hold
BYTE = ir.IntType(8)
LOST = 32  # where in the number that `copy_rows` returns those begin that are NaN


@intrinsic
def copy_rows(
    typing: Any, address: Any, first: Any, mask: Any, D: Any, place: Any, step: Any
) -> tuple[Any, Callable[..., Any]]:
    """Copy TOGETHER values from the ``first`` of an array to ``D[place + i step]``, NaN where their mask does not hold.

    Returns how many are there, plus 2**LOST times how many of these are NaN.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[ir.Value]) -> Any:
        real = context.get_value_type(D.dtype)
        row, flags = ir.VectorType(real, TOGETHER), ir.VectorType(BYTE, TOGETHER)
        begin = builder.gep(builder.inttoptr(values[0], real.as_pointer()), [values[1]], inbounds=True)
        found = builder.load(builder.bitcast(begin, row.as_pointer()), align=D.dtype.bitwidth // 8)
        said = builder.load(builder.inttoptr(values[2], flags.as_pointer()), align=1)
        there = builder.icmp_unsigned("!=", said, ir.Constant(flags, [0] * TOGETHER))
        kept = builder.select(there, found, ir.Constant(row, [float("nan")] * TOGETHER))
        for i in range(TOGETHER):
            at = builder.add(values[4], builder.mul(values[5], ir.Constant(INDEX, i)))
            element = builder.extract_element(kept, ir.Constant(ir.IntType(32), i))
            builder.store(element, builder.gep(values[3], [at], inbounds=True))
        lost = builder.and_(there, builder.fcmp_unordered("uno", found, found))
        return builder.add(how_many(builder, there), builder.shl(how_many(builder, lost), ir.Constant(INDEX, LOST)))

    return types.int64(types.int64, types.int64, types.int64, D, types.int64, types.int64), generate


def how_many(builder: Any, conditions: Any) -> Any:
    """How many of TOGETHER conditions hold."""
    return builder.zext(builder.ctpop(builder.bitcast(conditions, BYTE)), INDEX)


@njit(**OPTIONS)
def leave_out(S, D, W, lane, n, m, place, line, column, address, first, width, mask):
    """The columns of an array into a lane, the first one NaN in the rows that are not there.  Those that are there are
    counted (``place``); a NaN in one of them makes the unknowns NaN: the problem is not finite."""
    count, k = 0, 0
    while width == 1 and k <= m - TOGETHER:
        count += copy_rows(address, first + k, mask + k, D, column + k * line, line)
        k += TOGETHER
    while k < m:
        there, value = truth(mask, k), peek(address, first + k * width, S)
        put(D, column + k * line, only(there, value))
        count += there
        count += (there & (value != value)) << LOST
        k += 1
    for k in range(m if width > 1 else 0):
        for i in range(1, width):
            put(D, column + k * line + i * W, peek(address, first + k * width + i, S))
    put(S, place, count & ((1 << LOST) - 1))
    for i in range(n if count >> LOST != 0 else 0):
        put(S, i * W + lane, only(False, get(S, i * W + lane)))


@njit(**OPTIONS)
def short(mask, step, m, size, least):
    """Which of so many problems have fewer rows than their ``least`` (or all the same one), by the address of a mask
    and the way from row to row."""
    few = np.zeros(size, np.bool_)
    words = np.zeros(1, np.int64)
    for b in range(size):
        enough = least[b if least.size > 1 else 0]
        count, k = 0, 0
        while k <= m - TOGETHER and count < enough:
            count += (peek(mask + b * step + k, 0, pointer(words)) * ONES) >> 56
            k += TOGETHER
        while k < m and count < enough:
            count += truth(mask, b * step + k)
            k += 1
        few[b] = count < enough
    return few
