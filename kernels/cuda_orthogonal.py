"""Residuals and Jacobian of one problem by a group of lanes, in shared memory: as ``linalg.orthogonalise``, by columns.

Lane u has the columns ``u, u + lanes, ...`` of J.  A row of J is as long as an odd number of elements, so that neither
lanes that read neighbouring columns of a row nor those that read neighbouring rows of a column wait for each other.
"""

from typing import Any

from .converge import RESIDUAL
from .cuda_factor import device, looking, substituting
from .linalg import RAISE


def pitch(n: int) -> int:
    """Elements from one row of J to the next."""
    return n | 1


def together(kind: Any, n: int, lanes: int, at: dict[str, int], eps: float, sync: Any) -> tuple[Any, ...]:
    """``not_finite(K, t, u)``, ``gradient(K, t, u)``, ``residuals_vanish``, ``orthogonalise(K, t, u, members)`` and
    ``backward`` for n residuals.

    ``at`` says where f, r, J, g, x, the inverse pivots, the solution and L D (``h_0_0``, packed) lie.
    """
    zero, one, half, least = kind(0.0), kind(1.0), kind(0.5), kind(RAISE)
    limit, rounding = kind((32 * n * eps) * (32 * n * eps)), kind(RESIDUAL * eps)
    value, r, jacobian, width = at["f"], at["r_0"], at["j_0_0"], pitch(n)
    g, x, h, inverse, y = at["g_0"], at["x_0"], at["h_0_0"], at["inverse"], at["y"]

    @device
    def gradient(K, t, u):
        """``g = Jᵀ r``, of which a lane has its own elements, and ``|r|² / 2``, which all have."""
        total = zero
        for k in range(n):
            total += K[t + r + k] * K[t + r + k]
        K[t + value] = half * total
        i = u
        while i < n:
            s = zero
            for k in range(n):
                s += K[t + jacobian + k * width + i] * K[t + r + k]
            K[t + g + i] = s
            i += lanes

    @device
    def residuals_vanish(K, t, u):
        """How many residuals of a lane do not vanish, and ``sum |J_ik|`` of its rows; see
        ``converge.residuals_vanish``."""
        there, slopes = zero, zero
        i = u
        while i < n:
            size = zero
            for k in range(n):
                slope = K[t + jacobian + i * width + k]
                size += abs(slope * K[t + x + k])
                slopes += abs(slope)
            there += zero if abs(K[t + r + i]) <= rounding * size else one
            i += lanes
        return there, slopes

    @device
    def orthogonalise(K, t, u, members):
        """``J = Q Lᵀ`` and ``Qᵀ r``: whether J is regular (1, else 0), and the slope."""
        sync(members)
        regular, slope = one, zero
        for k in range(n):
            pivot, share = zero, zero
            for i in range(n):
                element = K[t + jacobian + i * width + k]
                pivot += element * element
                share += element * K[t + r + i]
            size = pivot
            for m in range(k):
                known = K[t + h + k * (k + 1) // 2 + m]
                size += known * K[t + inverse + m] * known
            good = pivot > limit * size
            regular = regular if good else zero
            raised = max(pivot, least * size)
            raised = raised if raised > zero else one
            quotient = one / (pivot if good else raised)
            part = share * quotient
            slope += share * part
            sync(members)  # all have read r
            K[t + inverse + k] = quotient
            K[t + y + k] = share
            i = u
            while i < n:
                K[t + r + i] -= part * K[t + jacobian + i * width + k]
                i += lanes
            m = u + (k + lanes - u) // lanes * lanes
            while m < n:
                s = zero
                for i in range(n):
                    s += K[t + jacobian + i * width + k] * K[t + jacobian + i * width + m]
                K[t + h + m * (m + 1) // 2 + k] = s
                s *= quotient
                for i in range(n):
                    K[t + jacobian + i * width + m] -= s * K[t + jacobian + i * width + k]
                m += lanes
            sync(members)
        return regular, slope

    not_finite = looking(kind, lanes, value, jacobian + n * width)
    return not_finite, gradient, residuals_vanish, orthogonalise, substituting(n, lanes, h, inverse, y, sync)
