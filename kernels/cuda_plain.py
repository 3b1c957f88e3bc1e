"""Undamped Newton steps of one problem by a group of lanes, in shared memory: as ``newton_pure``, by rows."""

import math
from typing import Any

from .cuda_factor import device, eliminating, looking, solving


def together(kind: Any, n: int, lanes: int, at: dict[str, int], eps: float, sync: Any) -> tuple[Any, ...]:
    """``not_finite(K, t, u)``, ``factor_plain(K, t, u, members)``, ``solve`` and ``refine`` for matrices of n rows.

    ``at`` says where f, g, h, the scales q, the inverse pivots, the solution, its correction and what is left of g lie,
    and H as it was (``kept``, packed).
    """
    zero, one, limit, root = kind(0.0), kind(1.0), kind(32 * n * eps), kind(math.sqrt(eps))
    g, h, q, kept = at["g_0"], at["h_0_0"], at["q"], at["kept"]
    inverse, y, z, left = at["inverse"], at["y"], at["z"], at["left"]
    eliminate = eliminating(n, lanes, h, sync)
    correct = solving(n, lanes, h, inverse, left, z, sync)

    @device
    def factor_plain(K, t, u, members):
        """``L D Lᵀ`` with static pivoting, in place; the largest elements of the columns lie in ``left`` meanwhile."""
        sync(members)
        i = u
        while i < n:
            row, top = i * (i + 1) // 2, zero
            for j in range(n):
                element = K[t + h + (row + j if j < i else j * (j + 1) // 2 + i)]
                top = max(top, abs(element) / K[t + q + j])
            for j in range(i + 1):
                K[t + kept + row + j] = K[t + h + row + j]
            top *= K[t + q + i]
            K[t + left + i] = top if top > zero else one
            i += lanes
        sync(members)
        for k in range(n):
            pivot, top = K[t + h + k * (k + 1) // 2 + k], K[t + left + k]
            pivot = pivot if abs(pivot) > limit * top else root * top
            quotient = one / pivot
            K[t + inverse + k] = quotient
            eliminate(K, t, u, members, k, quotient)

    @device
    def refine(K, t, u, members):
        """What the solution leaves of g, solved for and added to it."""
        sync(members)
        i = u
        while i < n:
            total = K[t + g + i]
            for j in range(n):
                row = i * (i + 1) // 2 + j if j < i else j * (j + 1) // 2 + i
                total -= K[t + kept + row] * K[t + y + j]
            K[t + left + i] = total
            i += lanes
        correct(K, t, u, members)
        i = u
        while i < n:
            K[t + y + i] += K[t + z + i]
            i += lanes

    not_finite = looking(kind, lanes, at["f"], h + n * (n + 1) // 2)
    return not_finite, factor_plain, solving(n, lanes, h, inverse, g, y, sync), refine
