"""Whether the end of a search will be a strict minimum, or a root, for one problem: plain loops over small arrays."""

import numpy as np

from .bounded import jit, pivots

STEADY = 1.5  # near a strict minimum no pivot of H shrinks by more than this in one step
SURE = 1e-8  # least share of a pivot that must come from the curvature of residuals alone


@jit
def shrinkage_of_pivots(former, H, scale, scaled, L, before, now, v, n):
    """By how much the pivots of H shrank at most since the former point (infinite where either H is not positive
    definite), and the least share that one has of its diagonal element.  What follows the scale is room for work."""
    share = pivots(H, scale, now, scaled, L, v, n)
    if not (share > 0.0 and pivots(former, scale, before, scaled, L, v, n) > 0.0):
        return np.inf, share
    shrunk = 0.0
    for j in range(n):
        shrunk = max(shrunk, before[j] / now[j])
    return shrunk, share


@jit
def is_steady(squares, B, scale, shrunk, share, scaled, L, d, v, n):
    """Whether H will be positive definite at the end, too: no pivot shrinks any more.

    Along a valley of minima, and towards an inflexion, one vanishes as the gradient does.  Of least squares (B = JᵀJ)
    it is enough that B is definite: the curvature of the residuals is of less weight the smaller they are; else it must
    be more than what rounding errors of the residuals make of it.  What follows ``share`` is room for work.
    """
    if squares:
        return pivots(B, scale, d, scaled, L, v, n) > 0.0 or (shrunk <= STEADY and share > SURE)
    return shrunk <= STEADY


@jit
def residuals_small(r, J, x, tol, n):
    """Whether ``|r_i| <= tol sum_k |J_ik x_k|`` for every residual, at a point where J is not zero."""
    slopes = 0.0
    for i in range(n):
        size = 0.0
        for k in range(n):
            size += abs(J[i, k] * x[k])
            slopes += abs(J[i, k])
        if not abs(r[i]) <= tol * size:
            return False
    return slopes > 0.0
