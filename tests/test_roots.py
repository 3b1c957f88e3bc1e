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


def cubic(x):
    return [x[0] ** 3 - 2 * x[0] + 2]


def test_pure_newton_cycles_and_says_so():
    """From 0 it goes to 1 and back; the damped iteration finds the root at -1.769."""
    pure = bn.root(cubic, [[0.0], [-2.0]], method="newton-pure", max_iter=100)
    assert pure.status.tolist() == [bn.Status.MAX_ITER, bn.Status.CONVERGED]
    assert pure.nfev[0] == 100 and pure.x[0, 0] in (0.0, 1.0)
    assert bn.root(cubic, [[0.0]]).x[0, 0] == pytest.approx(pure.x[1, 0], rel=1e-15)


def test_pure_newton_is_quadratic():
    def bent_pair(x):
        return [x[0] ** 2 + x[1] ** 2 - 2, x[0] * x[1] - 1 + (x[0] - x[1])]

    result = bn.root(bent_pair, [1.2, 0.9], method="newton-pure", history=True)
    size = np.sqrt(2 * result.history.fun)
    assert result.success and result.nfev <= 7
    np.testing.assert_allclose(result.x, [1.0, 1.0], rtol=1e-11)
    falling = size[(size > 1e-12) & (size < 0.1)]
    assert (falling[1:] <= 10 * falling[:-1] ** 2).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_pure_newton_diverges_and_says_so(dtype):
    result = bn.root(lambda x: [np.arctan(x[0])], [[3.0], [-10.0], [0.5]], method="newton-pure", dtype=dtype)
    assert result.success.tolist() == [False, False, True]
    assert abs(result.x[2, 0]) < 1e-10


def test_pure_newton_knows_no_bracket():
    with pytest.raises(ValueError, match="bracket"):
        bn.root(cubic, bracket=(-3.0, 0.0), method="newton-pure")


@pytest.mark.parametrize(("dtype", "error"), [("float64", 2e-14), ("float32", 2e-5)])
def test_a_root_has_all_its_digits(dtype, error):
    """Where the last Newton step is a trifle it is taken, too; without it float64 keeps errors of 1e-11."""
    rng = np.random.default_rng(0)
    where = rng.uniform(0.5, 2, (500, 2)).astype(dtype).astype(float)
    A = rng.normal(size=(500, 2, 2)) + 2 * np.eye(2)

    def system(x, A, at):
        bent = [(x[j] - at[j]) * (1 + 0.3 * (x[j] + at[j])) for j in range(2)]
        return [A[i][0] * bent[0] + A[i][1] * bent[1] for i in range(2)]

    result = bn.root(system, where * rng.uniform(0.7, 1.3, (500, 2)), (A, where), dtype=dtype)
    assert result.success.all()
    assert (np.abs(result.x - where) <= error * where).all()
    assert np.median(np.abs(result.x - where)) == 0.0
