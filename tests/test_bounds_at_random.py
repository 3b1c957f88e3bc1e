"""Thousands of small random problems in random boxes: every success must satisfy the conditions of a minimum.

Among the boxes: of zero width, one-sided, that leave the minimum outside, that have it exactly on a side (a multiplier
of zero); starts on their bounds.
"""

import numpy as np
import pytest
from scipy import optimize

import batchnewton as bn

B, N = 1500, 3


def bowl(x, A, c):
    d = x - c
    return 0.5 * d @ (A @ d) + 0.1 * (d @ d) ** 2 + 0.3 * np.sin(2.0 * d[0])


def saddles(x, A, c):
    return np.cos(x[0] - c[0]) * np.cos(x[1]) + 0.1 * (x[2] - c[2]) ** 2 + 0.05 * x[0] * x[2]


def residuals(x, A, c):
    d = x - c
    return A @ d + 0.1 * d * d * d


def half_squares(x, A, c):
    r = residuals(x, A, c)
    return 0.5 * (r @ r)


def boxes(rng, minimum):
    """Lower and upper bounds and starts, (B, n) each."""
    lower, upper = minimum - rng.exponential(1, (B, N)), minimum + rng.exponential(1, (B, N))
    kind, side = rng.random((B, N)), rng.choice([-1.5, 1.5], (B, N)) * (rng.random((B, N)) < 0.3)
    upper = np.where(kind < 0.1, lower, upper)
    lower = np.where((kind > 0.1) & (kind < 0.25), -np.inf, lower) + side
    upper = np.where((kind > 0.25) & (kind < 0.4), np.inf, upper) + side
    lower = np.where(kind > 0.92, minimum, lower)
    upper = np.maximum(np.where((kind > 0.84) & (kind < 0.92), minimum, upper), lower)
    start, where = np.clip(2.0 * rng.standard_normal((B, N)), lower, upper), rng.random((B, N))
    start = np.where((where < 0.15) & np.isfinite(lower), lower, start)
    return lower, upper, np.where((where > 0.85) & np.isfinite(upper), upper, start)


def newton_steps(fun, x, lower, upper, A, c):
    """Of each problem, by how much its free unknowns still want to move, relative; infinite at no minimum."""
    _, gradient, hessian = bn.value_grad_hess(fun, x.astype(float), (A, c))
    steps = np.zeros(len(x))
    for b in range(len(x)):
        g, H = gradient[b], hessian[b]
        free = ~(((x[b] <= lower[b]) & (g > 0)) | ((x[b] >= upper[b]) & (g < 0)) | (lower[b] == upper[b]))
        if free.any():
            part = H[np.ix_(free, free)]
            definite = np.linalg.eigvalsh(part)[0] > 0
            step = np.abs(np.linalg.solve(part, g[free])) / np.maximum(np.abs(x[b][free]), 0.05) if definite else np.inf
            steps[b] = np.max(step)
    return steps


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("fun", [bowl, saddles, half_squares], ids=lambda fun: fun.__name__)
def test_every_success_is_a_minimum(fun, dtype):
    rng = np.random.default_rng(7)
    M, c = rng.standard_normal((B, N, N)), rng.standard_normal((B, N))
    A = M @ np.swapaxes(M, 1, 2) + 0.05 * np.eye(N) if fun is bowl else M + 2 * np.eye(N)
    lower, upper, start = boxes(rng, c)
    if fun is half_squares:
        found = bn.least_squares(residuals, start, (A, c), bounds=(lower, upper), dtype=dtype)
    else:
        found = bn.minimize(fun, start, (A, c), bounds=(lower, upper), dtype=dtype)
    low, high = lower.astype(dtype), upper.astype(dtype)
    assert np.all((found.x >= low) & (found.x <= high))
    assert found.success.mean() > 0.99
    assert (found.status == bn.Status.CONVERGED_AT_BOUND).mean() > 0.5
    steps = newton_steps(fun, found.x, low, high, A, c)[found.success]
    assert steps.max() <= (1e-6 if dtype == "float64" else 1e-2)
    if dtype == "float64" and fun is not saddles:  # there are other minima
        for b in np.flatnonzero(found.success)[:400:20]:
            pairs = np.stack([lower[b], upper[b]], 1)
            sure = {"ftol": 1e-15, "gtol": 1e-10}
            theirs = optimize.minimize(fun, start[b], (A[b], c[b]), "L-BFGS-B", bounds=pairs, options=sure)
            assert found.fun[b] <= theirs.fun + 1e-7 * abs(theirs.fun) + 1e-12
