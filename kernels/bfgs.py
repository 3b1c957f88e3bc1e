"""BFGS: an approximation ``b`` of the inverse Hessian from steps ``v`` and changes of the gradient ``w``.

Reference: Nocedal & Wright (2006), Numerical Optimization, section 6.1.
"""


def restart(b, gamma, anew, n):
    """``b = gamma I``, where the approximation begins ``anew``."""
    for i in range(n):
        b[i, i] = gamma if anew else b[i, i]
        for j in range(i):
            b[i, j] = 0.0 if anew else b[i, j]


def remember(b, v, w, by, curvature, keep, n):
    """``B + (1 + wᵀBw / c) v vᵀ / c - (Bw vᵀ + v wᵀB) / c`` with ``c = vᵀw``, where that is to be kept (eq. 6.17)."""
    bend = 0.0
    for i in range(n):
        total = 0.0
        for j in range(i + 1):
            total = total + b[i, j] * w[j]
        for j in range(i + 1, n):
            total = total + b[j, i] * w[j]
        by[i] = total
        bend = bend + w[i] * total
    inverse = 1.0 / (curvature if keep else 1.0)
    weight = (1.0 + bend * inverse) * inverse
    for i in range(n):
        for j in range(i + 1):
            new = b[i, j] + weight * (v[i] * v[j]) - inverse * (by[i] * v[j] + v[i] * by[j])
            b[i, j] = new if keep else b[i, j]


def direction(g, b, z, n):
    """``z = -B g``."""
    for i in range(n):
        total = 0.0
        for j in range(i + 1):
            total = total + b[i, j] * g[j]
        for j in range(i + 1, n):
            total = total + b[j, i] * g[j]
        z[i] = 0.0 - total
