"""Covariances of many problems on a GPU: `inverse.invert`, a thread for each matrix."""

# pyright: reportCallIssue=false
# (the signature that pyright sees of `cuda.grid` is that of its stub)

import numpy as np
from numba import cuda

from .cuda_factor import device
from .cuda_lower import SIMULATED
from .inverse import SINGULAR, UNSURE, invert

OPTIONS = {} if SIMULATED else dict(cache=True, lto=False)
invert_some = device(invert)


@cuda.jit(**OPTIONS)
def covariances(h, fun, scaled, freedom, bounded, apart, least, found, factor, work):
    """Hessians become covariances: the inverse, where ``scaled`` times the variance of the data, ``2 fun / freedom``.

    Infinite is what is singular or has no freedom; zero, where there are bounds, what belongs to unknowns that are held
    (``apart[b, i]``).  A matrix of which ``found`` says UNSURE stays a Hessian, without those.  ``factor`` (B,) takes
    the variances; ``work`` (n, n + 1, threads) holds a column for each thread, so that neighbours read neighbouring
    numbers.
    """
    n = h.shape[1]
    first, step = cuda.grid(1), cuda.gridsize(1)
    for b in range(first, found.size, step):
        factor[b] = 1.0
        if scaled:
            factor[b] = 2.0 * fun[b] / freedom[b] if freedom[b] > 0.0 else np.inf
        for i in range(n if bounded else 0):
            for j in range(n if apart[b, i] else 0):
                h[b, i, j] = h[b, j, i] = 1.0 if i == j else 0.0
    invert_some(h, least, factor, h, found, False, work[:, 0, first], work[:, 1:, first], first, step)
    for b in range(first, found.size, step):
        for i in range(n if found[b] == SINGULAR else 0):
            for j in range(n):
                h[b, i, j] = np.inf
        for i in range(n if bounded and found[b] != UNSURE else 0):
            for j in range(n if apart[b, i] else 0):
                h[b, i, j] = h[b, j, i] = 0.0
