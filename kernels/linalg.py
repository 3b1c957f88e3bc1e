"""Small symmetric linear algebra for one problem, as plain loops that ``unroll`` makes straight line.

A matrix is given by its lower triangle, ``a[i, j]`` with ``j <= i``.
"""

RAISE = 1e-3  # a pivot that is not positive becomes at least this share of its diagonal element


def factor(a, lower, inverse, n, eps):
    """Modified ``L D Lᵀ`` factorisation: of A where A is positive definite, else of A + E, E diagonal.

    A pivot counts as positive when ``pivot > 32 n eps |a_jj|``.  One that does not is replaced by
    ``max(|pivot|, RAISE |a_jj|)``, or by 1 where both vanish, so that the solution is always a descent
    direction.  Pivots are compared with their own diagonal element: rescaling the unknowns changes nothing.

    Fills ``lower[i, j]`` for i > j and ``inverse[j] = 1 / d_j``; returns whether A is positive definite.
    ``lower[j, i]`` (above the diagonal) holds ``l_ij d_j`` on the way.

    Reference: Gill, Murray & Wright (1981), Practical Optimization, section 4.4.2.2.
    """
    definite = True
    for j in range(n):
        pivot = a[j, j]
        size = abs(pivot)
        for k in range(j):
            pivot = pivot - lower[j, k] * lower[k, j]
        good = pivot > (32 * n * eps) * size
        definite = definite & good
        least = RAISE * size
        raised = abs(pivot)
        raised = raised if raised > least else least
        raised = raised if raised > 0.0 else 1.0
        inverse[j] = 1.0 / (pivot if good else raised)
        for i in range(j + 1, n):
            s = a[i, j]
            for k in range(j):
                s = s - lower[i, k] * lower[k, j]
            lower[j, i] = s
            lower[i, j] = s * inverse[j]
    return definite


def solve(lower, inverse, b, y, n):
    """Solve ``L D Lᵀ y = b`` by forward and backward substitution."""
    for i in range(n):
        s = b[i]
        for k in range(i):
            s = s - lower[i, k] * y[k]
        y[i] = s
    for i in range(n - 1, -1, -1):
        s = y[i] * inverse[i]
        for k in range(i + 1, n):
            s = s - lower[k, i] * y[k]
        y[i] = s


def normal_equations(r, j, g, h, n):
    """``g = Jᵀ r`` and ``H = Jᵀ J`` of n residuals; returns ``|r|² / 2``."""
    total = 0.0
    for k in range(n):
        total = total + r[k] * r[k]
    for i in range(n):
        s = 0.0
        for k in range(n):
            s = s + j[k, i] * r[k]
        g[i] = s
        for m in range(i + 1):
            s = 0.0
            for k in range(n):
                s = s + j[k, i] * j[k, m]
            h[i, m] = s
    return 0.5 * total
