"""Linear algebra of one problem by a group of lanes, in shared memory: as ``linalg``, by rows.

Lane u has the rows ``u, u + lanes, ...`` of the lower triangle, row i from ``i (i + 1) / 2`` on.  These distances are
all different modulo 32, so lanes that read one column of neighbouring rows do not wait for each other.
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
    value, g, h = at["f"], at["g_0"], at["h_0_0"]
    diagonal, inverse, y = at["diagonal"], at["inverse"], at["y"]
    numbers = h + n * (n + 1) // 2 - value

    @device
    def not_finite(K, t, u):
        """0 where every number of f, g and H that a lane looks at is finite, else NaN (see ``step.all_finite``)."""
        total = zero
        k = u
        while k < numbers:
            total += zero * K[t + value + k]
            k += lanes
        return total

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
            i = u + (k + lanes - u) // lanes * lanes
            while i < n:
                row = t + h + i * (i + 1) // 2
                share = K[row + k] * quotient
                for j in range(k + 1, i + 1):
                    K[row + j] -= share * K[t + h + j * (j + 1) // 2 + k]
                i += lanes
            sync(members)
        return definite

    @device
    def solve(K, t, u, members):
        """``L D Lᵀ y = g``: forward and backward, column by column."""
        i = u
        while i < n:
            K[t + y + i] = K[t + g + i]
            i += lanes
        sync(members)
        for k in range(n):
            known = K[t + y + k] * K[t + inverse + k]
            i = u + (k + lanes - u) // lanes * lanes
            while i < n:
                K[t + y + i] -= K[t + h + i * (i + 1) // 2 + k] * known
                i += lanes
            sync(members)
        for k in range(n - 1, -1, -1):
            known = K[t + y + k] * K[t + inverse + k]
            i = u
            while i < k:
                K[t + y + i] -= K[t + h + k * (k + 1) // 2 + i] * known
                i += lanes
            sync(members)
        i = u
        while i < n:  # its own elements, which are all that a lane reads
            K[t + y + i] *= K[t + inverse + i]
            i += lanes

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

    return not_finite, factor, solve, clear, quadratic


def syncing(lanes: int) -> Any:
    """``sync(members)``: the lanes of a group wait for each other, and see what the others have written."""

    @cuda.jit(device=True, inline="always")
    def sync(members):
        cuda.syncwarp(members)

    return sync
