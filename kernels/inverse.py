"""Inverses of many small symmetric matrices: standard errors must not cost more than the fits."""

import math

import numpy as np
from numba import njit

from . import cache  # noqa: F401  (where Numba keeps the machine code of this package)

DEFINITE, SINGULAR, UNSURE = 0, 1, 2


def invert(matrices, least, factor, inverse, found, also_unsure, scale, lower, first, step):
    """``inverse[b] = factor[b] matrices[b]⁻¹``, infinite where it is not finite, through the Cholesky factor of the
    matrix scaled to a unit diagonal, ``L Lᵀ``; for every ``step``-th matrix from the ``first`` on.

    ``found[b]`` says whether the smallest eigenvalue of the scaled matrix exceeds ``least``.  Of its inverse C it is
    known that ``1 / trace C <= smallest eigenvalue <= n / trace C``: DEFINITE where the lower bound exceeds ``least``,
    SINGULAR where the upper does not or a pivot is not positive, UNSURE between.  Only what is DEFINITE, or with
    ``also_unsure`` that too, gets its inverse, which may take the place of the matrix.
    ``scale`` (n,) and ``lower`` (n, n) are room for work, in float64.
    """
    n = matrices.shape[1]
    for b in range(first, matrices.shape[0], step):
        a, c = matrices[b], inverse[b]
        good = True
        for i in range(n):
            scale[i] = 1.0 / math.sqrt(a[i, i]) if a[i, i] > 0.0 else 0.0
            good = good and math.isfinite(scale[i]) and scale[i] > 0.0
        for j in range(n if good else 0):
            for i in range(j, n):
                s = a[i, j] * scale[i] * scale[j]
                for k in range(j):
                    s -= lower[i, k] * lower[j, k]
                if i > j:
                    lower[i, j] = s * lower[j, j]
                elif s > 0.0 and math.isfinite(s):
                    lower[j, j] = 1.0 / math.sqrt(s)  # the diagonal holds reciprocals
                else:
                    good = False
                    lower[j, j] = 0.0
        trace = 0.0
        for j in range(n if good else 0):  # the inverse of L, above the diagonal, and the trace of C = L⁻ᵀ L⁻¹
            trace += lower[j, j] * lower[j, j]
            for i in range(j + 1, n):
                s = lower[i, j] * lower[j, j]
                for k in range(j + 1, i):
                    s += lower[i, k] * lower[j, k]
                lower[j, i] = -s * lower[i, i]
                trace += lower[j, i] * lower[j, i]
        good = good and math.isfinite(trace) and n > least * trace
        found[b] = SINGULAR if not good else DEFINITE if 1.0 > least * trace else UNSURE
        wanted = found[b] == DEFINITE or (also_unsure and found[b] == UNSURE)
        for i in range(n if wanted else 0):
            for j in range(i + 1):
                s = lower[i, i] * (lower[i, i] if i == j else lower[j, i])
                for k in range(i + 1, n):
                    s += lower[i, k] * lower[j, k]
                s *= scale[i] * scale[j] * factor[b]
                c[i, j] = c[j, i] = s if math.isfinite(s) else np.inf


_invert = njit(cache=True, nogil=True, error_model="numpy")(invert)


@njit(cache=True, nogil=True, error_model="numpy")
def inverses(matrices, least, factor, inverse, found, also_unsure):
    """`invert` for all of the matrices."""
    n = matrices.shape[1]
    scale, lower = np.empty(n, np.float64), np.empty((n, n), np.float64)
    _invert(matrices, least, factor, inverse, found, also_unsure, scale, lower, 0, 1)
