"""Roots: systems of bad condition, each success compared with the known root."""

import numpy as np
import pytest

import batchnewton as bn

B = 100


def ill_conditioned(n, condition, dtype):
    """Matrices of one condition, and points, that are numbers of this precision."""
    rng = np.random.default_rng(n)
    basis = (np.linalg.qr(rng.normal(size=(B, n, n)))[0] for _ in range(2))
    left, right = basis
    A = (left * np.geomspace(1.0, 1.0 / condition, n)) @ right
    return A.astype(dtype).astype(float), rng.uniform(0.5, 2.0, (B, n)).astype(dtype).astype(float)


def linear(x, A, b):
    return A @ x - b


def bent(x, A, b):
    u = [x[i] + x[i] ** 2 / 4 for i in range(4)]
    return [sum(A[i, k] * u[k] for k in range(4)) - b[i] for i in range(4)]


@pytest.mark.parametrize(
    ("dtype", "condition"), [("float64", 1e8), ("float64", 1e10), ("float64", 1e12), ("float32", 1e4), ("float32", 1e5)]
)
def test_the_condition_of_a_system_is_not_squared(dtype, condition):
    """Roots as accurate as the condition lets any method be, in a few trips; JᵀJ has none of these to a tenth."""
    A, x = ill_conditioned(4, condition, dtype)
    result = bn.root(linear, np.ones((B, 4)), (A, np.einsum("bij,bj->bi", A, x)), dtype=dtype)
    assert result.success.all() and result.nfev.max() <= 6
    error = abs(result.x - x).max(1)
    assert error.max() <= 10 * condition * np.finfo(dtype).eps


@pytest.mark.parametrize(
    ("dtype", "condition", "share"),
    [("float64", 1e8, 1.0), ("float64", 1e10, 0.95), ("float64", 1e12, 0.5), ("float32", 1e4, 1.0)],
)
def test_no_success_far_from_the_root_of_a_nearly_singular_system(dtype, condition, share):
    """A small |F| says little here: with JᵀJ, points that were off by a quarter passed for roots."""
    A, x = ill_conditioned(4, condition, dtype)
    result = bn.root(bent, np.ones((B, 4)), (A, np.einsum("bij,bj->bi", A, x + x**2 / 4)), dtype=dtype)
    error = abs(result.x - x).max(1)[result.success]
    assert error.max() <= 10 * condition * np.finfo(dtype).eps
    assert result.success.mean() >= share
