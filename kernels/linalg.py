"""Small symmetric linear algebra for one problem, as plain loops that ``unroll`` makes straight line.

A matrix is given by its lower triangle, ``a[i, j]`` with ``j <= i``.
"""

RAISE = 1e-3  # a pivot that is not positive becomes at least this share of its diagonal element


def factor(a, lower, inverse, n, eps):
    """Modified ``L D Lᵀ`` factorisation: of A where A is positive definite, else of A + E, E diagonal.

    A pivot ``p_j = a_jj - t_j``, ``t_j = sum_k<j l_jk² d_k``, counts as positive when ``p_j > 32 n eps |a_jj|``.  One
    that does not is replaced by ``d_j = max(|p_j|, RAISE |a_jj|)``, or by 1 where both vanish, so that the solution is
    always a descent direction.  Pivots are compared with their own diagonal element: rescaling the unknowns changes
    nothing (but where one is replaced by 1).

    So, beside rounding errors,

    - E = 0 where A is sufficiently positive definite: the least eigenvalue of ``a_ij / sqrt(a_ii a_jj)`` above
      ``64 n eps`` (no pivot is a smaller part of a_jj; half of that is for rounding, Higham 2002, theorem 10.7);
    - ``0 <= e_j <= max(2 |p_j|, |p_j| + RAISE |a_jj|)``, with 1 for RAISE |a_jj| where that and p_j vanish: at most
      twice the ``-p_j`` without which no pivot were left, or RAISE of the diagonal more than it.

    E is not bounded by the norm of A, as it is where the elements of L are (Gill, Murray & Wright 1981, p. 110): before
    a small positive pivot, t_j is large.  Of ``[[e, 1], [1, 0]]``, e positive and small, it is 2 / e.

    Fills ``lower[i, j]`` for i > j and ``inverse[j] = 1 / d_j``; returns whether A is positive definite.
    ``lower[j, i]`` (above the diagonal) holds ``l_ij d_j`` on the way.

    References: Gill, Murray & Wright (1981), Practical Optimization, section 4.4.2.2; Higham (2002), Accuracy and
    Stability of Numerical Algorithms, section 10.1.
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
    backward(lower, inverse, y, n)


def backward(lower, inverse, y, n):
    """Solve ``D Lᵀ y = b``, b being what y holds."""
    for i in range(n - 1, -1, -1):
        s = y[i] * inverse[i]
        for k in range(i + 1, n):
            s = s - lower[k, i] * y[k]
        y[i] = s


def quadratic(a, d, n):
    """``dᵀ A d``."""
    total = 0.0
    for i in range(n):
        row = a[i, i] * d[i]
        for j in range(i):
            row = row + 2.0 * (a[i, j] * d[j])
        total = total + d[i] * row
    return total


def gradient(r, j, g, n):
    """``g = Jᵀ r`` of n residuals; returns ``|r|² / 2``."""
    total = 0.0
    for k in range(n):
        total = total + r[k] * r[k]
    for i in range(n):
        s = 0.0
        for k in range(n):
            s = s + j[k, i] * r[k]
        g[i] = s
    return 0.5 * total


def products(j, h, n):
    """``H = Jᵀ J``."""
    for i in range(n):
        for m in range(i + 1):
            s = 0.0
            for k in range(n):
                s = s + j[k, i] * j[k, m]
            h[i, m] = s


def orthogonalise(j, r, lower, inverse, z, n, eps):
    """``J = Q Lᵀ`` with orthogonal columns q of Q and L unit lower triangular, and ``z = Qᵀ r``, for ``J⁻¹ r`` by
    `backward`; returns whether J is regular, and ``s = |r|²`` (of ``gᵀ H⁻¹ g``).

    Modified Gram-Schmidt without square roots: the pivots ``d_k = |q_k|²`` are those of ``JᵀJ = L D Lᵀ``, but JᵀJ,
    whose condition is the square of J's, is not formed.  r is orthogonalised as one column more, which makes the step
    as accurate as Householder's.  J counts as regular where ``d_k > (32 n eps)² |j_k|²``; other pivots are raised as in
    `factor`, so that the step goes downhill.

    Overwrites j and r.  Reference: Björck (1967), BIT 7, 1; Björck (1996), Numerical Methods for Least Squares
    Problems, section 2.4.
    """
    regular = True
    slope = 0.0
    for k in range(n):
        pivot = 0.0
        share = 0.0
        for i in range(n):
            pivot = pivot + j[i, k] * j[i, k]
            share = share + j[i, k] * r[i]
        size = pivot
        for m in range(k):
            size = size + lower[k, m] * lower[m, k]
        good = pivot > (32 * n * eps * 32 * n * eps) * size
        regular = regular & good
        least = RAISE * size
        raised = pivot if pivot > least else least
        raised = raised if raised > 0.0 else 1.0
        inverse[k] = 1.0 / (pivot if good else raised)
        z[k] = share
        part = share * inverse[k]
        slope = slope + share * part
        for i in range(n):
            r[i] = r[i] - part * j[i, k]
        for m in range(k + 1, n):
            s = 0.0
            for i in range(n):
                s = s + j[i, k] * j[i, m]
            lower[k, m] = s
            lower[m, k] = s * inverse[k]
            for i in range(n):
                j[i, m] = j[i, m] - lower[m, k] * j[i, k]
    return regular, slope
