"""The modified factorisation: what is added to a matrix, and that nothing is added to a positive definite one.

Judged in numbers of twice the digits, against bounds that `linalg.factor` states.
"""

import numpy as np
import pytest

from batchnewton.kernels.linalg import RAISE, factor, solve

EPS = np.finfo(float).eps
SIZES = range(1, 13)
wide = np.longdouble


def rotated(rng, values):
    """A symmetric matrix of these eigenvalues."""
    n = len(values)
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    A = (q * values) @ q.T
    return (A + A.T) / 2


def indefinite(rng, n):
    return rotated(rng, rng.normal(size=n))


def singular(rng, n):
    """Of whole numbers, so that pivots vanish exactly, too."""
    B = rng.integers(-2, 3, (n, max(1, n // 2)))
    return (B @ B.T).astype(float)


def huge_ratios(rng, n):
    return rotated(rng, rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-15, 15, n))


def any_units(rng, n):
    s = 10.0 ** rng.uniform(-30, 30, n)
    return indefinite(rng, n) * s[:, None] * s


def bare(rng, n):
    """Nothing, or little, on the diagonal."""
    A = indefinite(rng, n)
    A[np.diag_indices(n)] *= rng.choice([0.0, 1e-20, 1e-3], n)
    return A


def definite(rng, n):
    s = 10.0 ** rng.uniform(-30, 30, n)
    return rotated(rng, 10.0 ** rng.uniform(-8, 0, n)) * s[:, None] * s


def factored(A):
    """L (unit lower triangular), d, and whether A is positive definite."""
    n = len(A)
    lower, inverse = np.zeros((n, n)), np.zeros(n)
    certain = factor(A, lower, inverse, n, EPS)
    return np.tril(lower, -1) + np.eye(n), 1 / inverse.astype(wide), certain, inverse


def least_relative_eigenvalue(A):
    s = np.sqrt(np.abs(np.diag(A)))
    return np.linalg.eigvalsh(A / s / s[:, None])[0]


@pytest.mark.parametrize("kind", [indefinite, singular, huge_ratios, any_units, bare, definite])
def test_the_modification_is_diagonal_and_bounded(kind):
    rng = np.random.default_rng(0)
    modified = 0
    for n in np.repeat(SIZES, 20):
        A = kind(rng, n)
        L, d, certain, _ = factored(A)
        L = L.astype(wide)
        E = (L * d) @ L.T - A
        rounding = 4 * n * EPS * ((np.abs(L) * d) @ np.abs(L).T + np.abs(A))
        assert (d > 0).all()
        assert (np.abs(E - np.diag(np.diag(E))) <= rounding).all()
        t = (L * L * d).sum(1) - d
        diagonal = np.abs(np.diag(A))
        pivot = np.diag(A) - t
        raised = np.where((diagonal == 0) & (np.abs(pivot) == 0), 1, RAISE * diagonal)
        bound = np.maximum(2 * np.abs(pivot), np.abs(pivot) + raised)
        added = np.diag(E)
        assert (added >= -np.diag(rounding)).all()
        assert (added <= bound + np.diag(rounding)).all()
        if certain:
            assert (np.abs(added) <= np.diag(rounding)).all()
        modified += not certain
    assert modified == 0 if kind is definite else modified > 50


def test_nothing_is_added_to_a_matrix_that_is_positive_definite_enough():
    """Bit for bit the factors of a plain factorisation."""
    rng = np.random.default_rng(1)
    least = np.inf
    for n in np.repeat(SIZES, 40):
        s = 2.0 ** rng.integers(-60, 60, n)  # powers of 2: units without rounding
        A = rotated(rng, 10.0 ** rng.uniform(-14 + np.log10(n), 0, n)) * s[:, None] * s
        share = least_relative_eigenvalue(A)
        if not share > 64 * n * EPS:
            continue
        least = min(least, share)
        L, _, certain, inverse = factored(A)
        plain, plain_inverse = np.eye(n), np.zeros(n)
        for j in range(n):
            pivot = A[j, j]
            for k in range(j):
                pivot = pivot - plain[j, k] * upper(plain, plain_inverse, A, j, k)
            plain_inverse[j] = 1 / pivot
            for i in range(j + 1, n):
                plain[i, j] = upper(plain, plain_inverse, A, i, j) * plain_inverse[j]
        assert certain
        np.testing.assert_array_equal(inverse, plain_inverse)
        np.testing.assert_array_equal(L, plain)
    assert least < 1e-11  # some are close to singular


def upper(L, inverse, A, i, j):
    """``l_ij d_j``, in the order in which `factor` works it out."""
    total = A[i, j]
    for k in range(j):
        total = total - L[i, k] * upper(L, inverse, A, j, k)
    return total


def test_there_is_no_bound_by_the_norm():
    """As the docstring says: 2 / e."""
    for e in (1e-3, 1e-9):
        L, d, certain, _ = factored(np.array([[e, 1.0], [1.0, 0.0]]))
        assert not certain
        assert float(d[1] + L[1, 0] ** 2 * d[0]) == pytest.approx(2 / e)


@pytest.mark.parametrize("kind", [indefinite, singular, huge_ratios, any_units, bare])
def test_steps_go_downhill(kind):
    rng = np.random.default_rng(2)
    for n in np.repeat(SIZES, 10):
        A, g = kind(rng, n), rng.normal(size=n)
        g = g * np.sqrt(np.abs(np.diag(A)) + 1e-300)
        lower, inverse, z = np.zeros((n, n)), np.zeros(n), np.zeros(n)
        factor(A, lower, inverse, n, EPS)
        solve(lower, inverse, g, z, n)
        assert g @ z > 0


def test_units_change_nothing():
    rng = np.random.default_rng(3)
    for n in np.repeat(SIZES, 10):
        A, s = indefinite(rng, n), 2.0 ** rng.integers(-30, 30, n)
        L, d, certain, _ = factored(A)
        other, scaled, same, _ = factored(A * s[:, None] * s)
        assert certain == same
        np.testing.assert_array_equal(scaled, d * s * s)
        np.testing.assert_array_equal(other, L * s[:, None] / s)
