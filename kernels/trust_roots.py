"""What only a patient search for a root does: its Newton step, its slopes, its way out of where it is stuck."""

import math

from . import linalg
from .bounded import EPS, backward, forward, inner, jit, ldl
from .converge import RESIDUAL

orthogonalise, back_substituted = jit(linalg.orthogonalise), jit(linalg.backward)
gradient, products = jit(linalg.gradient), jit(linalg.products)


@jit
def squared(r, j, g, h, n):
    """``|r|² / 2`` of n residuals, its gradient g, and h = JᵀJ."""
    f = gradient(r, j, g, n)
    products(j, h, n)
    for i in range(n):
        for k in range(i):
            h[k, i] = h[i, k]
    return f


@jit
def newton_step_of_roots(J, r, scale, y, scaled, lower, left, inverse, n):
    """``y = -J⁻¹ r`` in relative coordinates; returns whether J is regular, each equation in its own units.
    ``scaled``, ``lower``, ``left`` and ``inverse`` are room for work."""
    for i in range(n):
        most = 0.0
        for k in range(n):
            most = max(most, abs(J[i, k] * scale[k]))
        unit = 1.0 / most if most > 0.0 else 1.0
        left[i] = unit * r[i]
        for k in range(n):
            scaled[i, k] = unit * J[i, k] * scale[k]
    regular, _ = orthogonalise(scaled, left, lower, inverse, y, n, EPS)
    back_substituted(lower, inverse, y, n)
    for i in range(n):
        y[i] = -y[i]
    return regular


@jit
def newton_within(tol, J, r, x, scale, y, scaled, lower, left, inverse, n):
    """Whether J is regular, and its whole Newton step y short: ``|d_i| <= tol max(|x_i|, scale_i / 100)``."""
    if not newton_step_of_roots(J, r, scale, y, scaled, lower, left, inverse, n):
        return False
    for i in range(n):
        if not abs(scale[i] * y[i]) <= tol * max(abs(x[i]), 1e-2 * scale[i]):
            return False
    return True


@jit
def slope_and_bend(J, r, scale, y, n):
    """``rᵀJy`` and ``|Jy|²``."""
    slope = bend = 0.0
    for i in range(n):
        change = 0.0
        for k in range(n):
            change += J[i, k] * scale[k] * y[k]
        slope += r[i] * change
        bend += change * change
    return slope, bend


@jit
def left_over(r, J, x, n):
    """``|r|² / 2`` of the residuals that are more than the rounding of x."""
    total = 0.0
    for i in range(n):
        size = 0.0
        for k in range(n):
            size += abs(J[i, k] * x[k])
        if abs(r[i]) > RESIDUAL * EPS * size:
            total += 0.5 * r[i] * r[i]
    return total


@jit
def bends(r, J, Jc, scale, y, n):
    """Whether what curvature adds to the residuals along a step y, ``(J - Jc) y / 2``, is more than a tenth of r, each
    equation in its own units."""
    left = curved = 0.0
    for i in range(n):
        most = change = 0.0
        for k in range(n):
            most = max(most, abs(Jc[i, k] * scale[k]))
            change += (J[i, k] - Jc[i, k]) * scale[k] * y[k]
        unit = 1.0 / most if most > 0.0 else 1.0
        left = max(left, unit * abs(r[i]))
        curved = max(curved, 0.5 * unit * abs(change))
    return curved > 0.1 * left


@jit
def kick(A, gs, y, turn, L, d, v, z, n):
    """Number ``turn`` of the forced, nearly undamped Newton steps of alternating sign, for a root search that is stuck;
    returns its length.  ``L``, ``d``, ``v`` and ``z`` are room for work."""
    trace = 0.0
    for i in range(n):
        trace += A[i, i]
    ldl(A, 1e-12 * trace + 1e-300, L, d, v, n)
    forward(L, gs, z, n)
    sign = -1.0 if turn % 2.0 == 0.0 else 1.0
    for i in range(n):
        z[i] *= sign / d[i]
    backward(L, z, y, n)
    return math.sqrt(inner(y, y, n))
