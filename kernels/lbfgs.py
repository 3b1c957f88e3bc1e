"""L-BFGS: the last steps ``sm`` and changes of the gradient ``ym`` in place of a matrix; no text grows with n².

Reference: Nocedal (1980), Math. Comp. 35, 773; Nocedal & Wright (2006), Numerical Optimization, algorithm 7.4.
"""

MEMORY = 8  # pairs


def restart(rho, anew):
    """Nothing is remembered where the approximation begins ``anew``: what counts is ``rho = 1 / smᵀym``, or 0."""
    for m in range(MEMORY):
        rho[m] = 0.0 if anew else rho[m]


def remember(sm, ym, rho, v, w, curvature, keep, n):
    """One more pair, where that is to be kept; the oldest is forgotten."""
    inverse = 1.0 / (curvature if keep else 1.0)
    for m in range(MEMORY - 1):
        rho[m] = rho[m + 1] if keep else rho[m]
        for i in range(n):
            sm[m, i] = sm[m + 1, i] if keep else sm[m, i]
            ym[m, i] = ym[m + 1, i] if keep else ym[m, i]
    rho[MEMORY - 1] = inverse if keep else rho[MEMORY - 1]
    for i in range(n):
        sm[MEMORY - 1, i] = v[i] if keep else sm[MEMORY - 1, i]
        ym[MEMORY - 1, i] = w[i] if keep else ym[MEMORY - 1, i]


def direction(g, gamma, sm, ym, rho, share, z, n):
    """``z = -B g`` by the two-loop recursion, from ``gamma I``."""
    for i in range(n):
        z[i] = 0.0 - g[i]
    for m in range(MEMORY - 1, -1, -1):
        total = 0.0
        for i in range(n):
            total = total + sm[m, i] * z[i]
        share[m] = rho[m] * total
        for i in range(n):
            z[i] = z[i] - share[m] * ym[m, i]
    for i in range(n):
        z[i] = gamma * z[i]
    for m in range(MEMORY):
        total = 0.0
        for i in range(n):
            total = total + ym[m, i] * z[i]
        more = share[m] - rho[m] * total
        for i in range(n):
            z[i] = z[i] + more * sm[m, i]
