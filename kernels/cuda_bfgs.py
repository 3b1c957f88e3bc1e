"""The inverse Hessian of BFGS by a group of lanes, in shared memory: as ``bfgs``, by rows."""

from typing import Any

from .cuda_factor import device


def together(kind: Any, n: int, lanes: int, at: dict[str, int], eps: float, sync: Any) -> tuple[Any, ...]:
    """``remember(K, t, u, members, gamma, curvature, keep, plain)`` and ``direction(K, t, u, members)`` for n unknowns.

    ``at`` says where B (packed), the step v, the change of the gradient w, B w, the gradient e and the direction lie.
    """
    zero, one = kind(0.0), kind(1.0)
    b, v, w, by, e, y = (at[name] for name in ("b_0_0", "v", "w", "by", "e", "y"))

    @device
    def times(K, t, i, vector):
        """Row i of B by a vector."""
        total = zero
        for j in range(n):
            row = i * (i + 1) // 2 + j if j < i else j * (j + 1) // 2 + i
            total += K[t + b + row] * K[t + vector + j]
        return total

    @device
    def remember(K, t, u, members, gamma, curvature, keep, plain):
        """`bfgs.restart` where the direction was ``plain``, and `bfgs.remember`, where the change is to be kept."""
        sync(members)
        if keep > zero:
            i = u
            while i < n and plain > zero:
                for j in range(i + 1):
                    K[t + b + i * (i + 1) // 2 + j] = gamma if i == j else zero
                i += lanes
            sync(members)
            i = u
            while i < n:
                K[t + by + i] = times(K, t, i, w)
                i += lanes
            sync(members)
            bend = zero
            for j in range(n):
                bend += K[t + w + j] * K[t + by + j]
            inverse = one / curvature
            weight = (one + bend * inverse) * inverse
            i = u
            while i < n:
                v_i, by_i = K[t + v + i], K[t + by + i]
                for j in range(i + 1):
                    v_j, by_j = K[t + v + j], K[t + by + j]
                    K[t + b + i * (i + 1) // 2 + j] += weight * (v_i * v_j) - inverse * (by_i * v_j + v_i * by_j)
                i += lanes
            sync(members)

    @device
    def direction(K, t, u, members):
        """``-B e``, of which a lane has its own elements."""
        i = u
        while i < n:
            K[t + y + i] = -times(K, t, i, e)
            i += lanes

    return remember, direction
