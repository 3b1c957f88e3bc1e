"""Strictly convex quadratics and quartics in boxes, float32: what is called a success is the minimum, by F.

The minimum is unique, so that an active-set method of its own in float64 (NumPy) says what is right.
"""

import numpy as np
import pytest

import batchnewton as bn

B, N = 3000, 4


def bowl(x, A, c, quartic):
    d = x - c
    return 0.5 * d @ (A @ d) + quartic * (d @ d) ** 2


def derivatives(x, A, c, quartic):
    """F, g, H of all problems."""
    d = x - c
    r = (d * d).sum(1)
    pull = np.einsum("bij,bj->bi", A, d)
    H = A + 4 * quartic * (r[:, None, None] * np.eye(N) + 2 * d[:, :, None] * d[:, None, :])
    return 0.5 * (d * pull).sum(1) + quartic * r * r, pull + 4 * quartic * r[:, None] * d, H


def minima(x, lower, upper, *rest):
    """Where projected Newton steps, halved while F rises, end (Bertsekas 1982); and how well, in units of H x."""
    for _ in range(100):
        F, g, H = derivatives(x, *rest)
        held = ((x <= lower) & (g > 0)) | ((x >= upper) & (g < 0)) | (lower == upper)
        H[held[:, :, None] | held[:, None, :]] = 0.0
        H[:, range(N), range(N)] += held
        g = np.where(held, 0.0, g)
        step = -np.linalg.solve(H, g[:, :, None])[:, :, 0]
        for _ in range(40):
            trial = np.clip(x + step, lower, upper)
            worse = derivatives(trial, *rest)[0] > F
            step[worse] *= 0.5
        x = np.where(worse[:, None], x, trial)
    return x, np.abs(g).max(1) / (np.abs(rest[0]).max((1, 2)) * np.abs(x).max(1))


def problems(rng):
    """Matrices of condition 1 to 1e4 in any units, centres, boxes (one-sided, of no width, with the minimum outside or
    exactly on a side), starts; all of them numbers of float32."""
    Q = np.linalg.qr(rng.standard_normal((B, N, N)))[0]
    values = 10 ** (rng.uniform(0, 4, (B, 1)) * np.linspace(-1, 0, N) + rng.uniform(-2, 2, (B, 1)))
    A = np.einsum("bij,bj,bkj->bik", Q, values, Q)
    c = rng.standard_normal((B, N)) * 10 ** rng.uniform(-1, 1, (B, 1))
    kind, side = rng.random((B, N)), rng.choice([-1.5, 1.5], (B, N)) * (rng.random((B, N)) < 0.5)
    lower = np.where(kind < 0.15, -np.inf, c - rng.exponential(1, (B, N))) + side
    upper = np.where((kind > 0.15) & (kind < 0.3), np.inf, c + rng.exponential(1, (B, N))) + side
    lower = np.where(kind > 0.92, c, lower)
    upper = np.maximum(np.where((kind > 0.84) & (kind < 0.92), c, upper), lower)
    start = np.clip(3 * rng.standard_normal((B, N)), lower, upper)
    return [one.astype("f").astype(float) for one in ((A + np.swapaxes(A, 1, 2)) / 2, c, lower, upper, start)]


@pytest.mark.parametrize("quartic", [0.0, 0.1])
def test_every_success_in_float32_is_the_minimum(quartic):
    A, c, lower, upper, start = problems(np.random.default_rng(int(10 * quartic)))
    single = [one.astype("f") for one in (start, A, c, lower, upper)]
    found = bn.minimize(bowl, single[0], (*single[1:3], quartic), bounds=tuple(single[3:]), dtype="float32")
    assert found.success.mean() > 0.999 and 0.3 < found.at_bound.any(1).mean() < 0.95
    x = found.x.astype(float)
    right, residual = minima(x, lower, upper, A, c, quartic)
    assert residual.max() < 1e-6
    F, g, _ = derivatives(x, A, c, quartic)
    least, d = derivatives(right, A, c, quartic)[0], np.abs(x - c)
    terms = 0.5 * np.einsum("bi,bij,bj->b", d, np.abs(A), d) + quartic * (d * d).sum(1) ** 2
    rounding = 6e-8 * (terms + (np.abs(g) * np.maximum(np.abs(x), np.abs(c))).sum(1))
    allowed = 1e-6 * least + 1e-12 * derivatives(start, A, c, quartic)[0] + rounding  # ftol; tight_f; what F can show
    assert (F - least <= 2 * allowed)[found.success].all()
