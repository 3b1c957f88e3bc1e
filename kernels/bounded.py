"""The step of least model value within a radius, for one problem: plain loops over small arrays.

References: Moré & Sorensen (1983); Conn, Gould & Toint (2000), section 7.3.
"""

import math

from numba import njit

from . import cache  # noqa: F401  (where Numba keeps the machine code of this package)

EPS = 2.220446049250313e-16
FACTORIZATIONS = 6  # of A + lambda I in one step, at most

jit = njit(cache=True, nogil=True, error_model="numpy")


@jit
def ldl(A, lam, L, d, v, n):
    """``L D Lᵀ = A + lam I``; False at the first pivot that is not clearly positive (``<= 32 n eps |a_kk|``), then
    v is a direction with ``vᵀ (A + lam I) v = p``; returns (positive definite, p)."""
    ok = True
    bad = 0
    p = 0.0
    for i in range(n):
        v[i] = 0.0
    for k in range(n):
        pivot = A[k, k] + lam
        for j in range(k):
            pivot -= L[k, j] * L[k, j] * d[j]
        if ok and not pivot > 32 * n * EPS * (abs(A[k, k]) + lam):
            ok = False
            bad = k
            p = pivot
        d[k] = pivot if ok else 1.0
        L[k, k] = 1.0
        for i in range(k + 1, n):
            t = A[i, k]
            for j in range(k):
                t -= L[i, j] * L[k, j] * d[j]
            L[i, k] = t / d[k] if ok else 0.0
    v[bad] = 1.0
    for j in range(bad - 1, -1, -1):
        for i in range(j + 1, bad + 1):
            v[j] -= L[i, j] * v[i]
    return ok, p


@jit
def forward(L, b, y, n):
    """``L y = b``."""
    for i in range(n):
        y[i] = b[i]
        for k in range(i):
            y[i] -= L[i, k] * y[k]


@jit
def backward(L, b, y, n):
    """``Lᵀ y = b``."""
    for i in range(n - 1, -1, -1):
        y[i] = b[i]
        for k in range(i + 1, n):
            y[i] -= L[k, i] * y[k]


@jit
def inner(a, b, n):
    """``aᵀ b``."""
    total = 0.0
    for i in range(n):
        total += a[i] * b[i]
    return total


@jit
def form(A, y, n):
    """``yᵀ A y``."""
    total = 0.0
    for i in range(n):
        for j in range(n):
            total += A[i, j] * y[i] * y[j]
    return total


@jit
def bounded_step(A, g, R, lam0, y, L, d, v, z, w, negative, n):
    """``min gᵀy + yᵀAy / 2`` with ``|y| <= R`` to a tenth, by at most FACTORIZATIONS of ``A + lambda I``.

    Fills y; returns (lambda of y, whether A is positive definite).  In the hard case, and near a saddle, the step is
    filled up to the radius along a direction of negative curvature.  What follows y in the arguments is room for work.
    """
    g_norm = math.sqrt(inner(g, g, n))
    least, size = A[0, 0], 0.0
    for i in range(n):
        least = min(least, A[i, i])
        for j in range(n):
            size += A[i, j] * A[i, j]
    low = max(0.0, -least)
    high = g_norm / R + math.sqrt(size) + 1e-300
    lam_y, lam = high, 0.0
    for i in range(n):
        y[i] = -g[i] / high
    done = definite = curved = False
    for k in range(FACTORIZATIONS):
        ok, p = ldl(A, lam, L, d, v, n)
        if k == 0:
            definite = ok
        if not ok:
            curved = True
            norm = math.sqrt(inner(v, v, n))
            for i in range(n):
                negative[i] = v[i] / norm
        forward(L, g, z, n)
        for i in range(n):
            z[i] = -z[i] / d[i]
        backward(L, z, z, n)
        size = math.sqrt(inner(z, z, n))
        forward(L, z, w, n)
        curve = 0.0
        for i in range(n):
            curve += w[i] * w[i] / d[i]
        inside = ok and size <= 1.1 * R
        if inside:
            for i in range(n):
                y[i] = z[i]
            lam_y = lam
            high = min(high, lam)
            done = lam == 0.0 or size >= 0.9 * R or (not definite and lam - low < 0.01 * lam)
            if done:
                break
        low = low if inside else max(low, lam) if ok else max(low, lam - p / inner(v, v, n))
        hebden = lam + size * size / curve * (size - R) / R if curve > 0.0 else lam
        if k == 0 and (low < lam0 < high or not ok):
            hebden = lam0  # warm start
        if (ok or k == 0) and low < hebden < high:
            lam = hebden
        else:
            lam = math.sqrt(low * high) if low > 0.0 else 1e-3 * high
    size = math.sqrt(inner(y, y, n))
    if curved and not definite and size < 0.9 * R:
        along = inner(y, negative, n)
        sign = 1.0 if inner(g, negative, n) <= 0.0 else -1.0
        more = sign * (math.sqrt(along * along + max(R * R - size * size, 0.0)) - sign * along)
        for i in range(n):
            z[i] = y[i] + more * negative[i]
        if inner(g, z, n) + 0.5 * form(A, z, n) < inner(g, y, n) + 0.5 * form(A, y, n):
            for i in range(n):
                y[i] = z[i]
    return lam_y, definite


@jit
def pivots(A, scale, d, scaled, L, v, n):
    """The pivots d of A in relative coordinates; returns the least share that one has of its diagonal element, 0 where
    A is not positive definite.  ``scaled``, ``L`` and ``v`` are room for work."""
    for i in range(n):
        for j in range(n):
            scaled[i, j] = A[i, j] * scale[i] * scale[j]
    if not ldl(scaled, 0.0, L, d, v, n)[0]:
        return 0.0
    least = 1.0
    for j in range(n):
        least = min(least, d[j] / scaled[j, j])
    return least
