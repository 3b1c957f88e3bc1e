"""Linear algebra of one problem by a group of lanes, in shared memory: as ``linalg``, by rows.

Lane u has the rows ``u, u + lanes, ...`` of the lower triangle, row i from ``i (i + 1) / 2`` on.  These distances are
all different modulo 32, so lanes that read one column of neighbouring rows do not wait for each other.  ``K`` is the
shared memory, ``t`` the place of a problem in it, ``members`` are the lanes of its group.
"""

from typing import Any

from numba import cuda

from .cuda_lower import SIMULATED
from .linalg import RAISE


def device(function: Any) -> Any:
    """A function that kernels call; in the simulator, a plain one."""
    return function if SIMULATED else cuda.jit(device=True, inline="always")(function)


def together(kind: Any, n: int, lanes: int, at: dict[str, int], eps: float, sync: Any) -> tuple[Any, ...]:
    """``not_finite(K, t, u)``, ``factor(K, t, u, members)``, ``solve``, ``clear`` and ``quadratic`` for matrices of n
    rows.

    ``at`` says where f, g, h, the diagonal, the inverse pivots and the solution lie; ``sync(members)`` waits for all.
    """
    zero, one, least, limit = kind(0.0), kind(1.0), kind(RAISE), kind(32 * n * eps)
    g, h = at["g_0"], at["h_0_0"]
    diagonal, inverse, y = at["diagonal"], at["inverse"], at["y"]
    eliminate = eliminating(n, lanes, h, sync)

    @device
    def factor(K, t, u, members):
        """``U D⁻¹ Uᵀ`` of H, right-looking; of H the column k of U = L D is left below the diagonal; see
        ``linalg.factor``."""
        i = u
        while i < n:
            K[t + diagonal + i] = K[t + h + i * (i + 1) // 2 + i]
            i += lanes
        sync(members)
        definite = True
        for k in range(n):
            pivot = K[t + h + k * (k + 1) // 2 + k]
            size = abs(K[t + diagonal + k])
            good = pivot > limit * size
            definite = definite and good
            raised = max(abs(pivot), least * size)
            raised = raised if raised > zero else one
            quotient = one / (pivot if good else raised)
            K[t + inverse + k] = quotient
            eliminate(K, t, u, members, k, quotient)
        return definite

    @device
    def clear(K, t, u, members):
        """What is held goes out of g and H (the solution's place holds its new diagonal, -1 of the others): see
        ``box.hold``."""
        sync(members)
        i = u
        while i < n:
            row = t + h + i * (i + 1) // 2
            for j in range(i):
                if K[t + y + i] >= zero or K[t + y + j] >= zero:
                    K[row + j] = zero
            if K[t + y + i] >= zero:
                K[row + i] = K[t + y + i]
                K[t + g + i] = zero
            i += lanes
        sync(members)

    @device
    def quadratic(K, t, u, members):
        """A lane's share of ``dᵀ H d``, d being where the solution was: that of ``L D Lᵀ``, without what `factor` added
        to the pivots, which lie below the diagonal and on it."""
        sync(members)
        total = zero
        k = u
        while k < n:
            inner = K[t + y + k]
            for i in range(k + 1, n):
                inner += K[t + h + i * (i + 1) // 2 + k] * K[t + inverse + k] * K[t + y + i]
            raised = one / K[t + inverse + k]
            added = raised - K[t + h + k * (k + 1) // 2 + k]
            total += raised * inner * inner - added * K[t + y + k] * K[t + y + k]
            k += lanes
        return total

    not_finite = looking(kind, lanes, at["f"], h + n * (n + 1) // 2)
    return not_finite, factor, solving(n, lanes, h, inverse, g, y, sync), clear, quadratic


def looking(kind: Any, lanes: int, first: int, behind: int) -> Any:
    """``not_finite(K, t, u)``: 0 where every number between two places that a lane looks at is finite, else NaN (see
    ``step.all_finite``)."""
    zero = kind(0.0)

    @device
    def not_finite(K, t, u):
        total = zero
        k = u + first
        while k < behind:
            total += zero * K[t + k]
            k += lanes
        return total

    return not_finite


def eliminating(n: int, lanes: int, h: int, sync: Any) -> Any:
    """``eliminate(K, t, u, members, k, quotient)``: column k out of the rows below, ``quotient`` being 1 / d_k."""

    @device
    def eliminate(K, t, u, members, k, quotient):
        i = u + (k + lanes - u) // lanes * lanes
        while i < n:
            row = t + h + i * (i + 1) // 2
            share = K[row + k] * quotient
            for j in range(k + 1, i + 1):
                K[row + j] -= share * K[t + h + j * (j + 1) // 2 + k]
            i += lanes
        sync(members)

    return eliminate


def solving(n: int, lanes: int, h: int, inverse: int, b: int, y: int, sync: Any) -> Any:
    """``solve(K, t, u, members)``: ``L D Lᵀ y = b``, forward and backward, column by column."""
    backward = substituting(n, lanes, h, inverse, y, sync)

    @device
    def solve(K, t, u, members):
        i = u
        while i < n:
            K[t + y + i] = K[t + b + i]
            i += lanes
        sync(members)
        for k in range(n):
            known = K[t + y + k] * K[t + inverse + k]
            i = u + (k + lanes - u) // lanes * lanes
            while i < n:
                K[t + y + i] -= K[t + h + i * (i + 1) // 2 + k] * known
                i += lanes
            sync(members)
        backward(K, t, u, members)

    return solve


def substituting(n: int, lanes: int, h: int, inverse: int, y: int, sync: Any) -> Any:
    """``backward(K, t, u, members)``: ``D Lᵀ`` of what is left is y; L D lies below the diagonal.  A lane ends with its
    own elements, which are all that it reads."""

    @device
    def backward(K, t, u, members):
        for k in range(n - 1, -1, -1):
            known = K[t + y + k] * K[t + inverse + k]
            i = u
            while i < k:
                K[t + y + i] -= K[t + h + k * (k + 1) // 2 + i] * known
                i += lanes
            sync(members)
        i = u
        while i < n:
            K[t + y + i] *= K[t + inverse + i]
            i += lanes

    return backward


def syncing(lanes: int) -> Any:
    """``sync(members)``: the lanes of a group wait for each other, and see what the others have written."""

    @cuda.jit(device=True, inline="always")
    def sync(members):
        cuda.syncwarp(members)

    return sync
