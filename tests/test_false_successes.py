"""No success where none is: valleys, rings, vanishing Hessians, absent components, free bounds, kinks, double roots.

Each case once claimed false successes, up to a thousand of a thousand.  The right status stands beside it.
"""

import numpy as np
import pytest

import batchnewton as bn
from batchnewton import Status

T = np.linspace(0, 5, 20)
B = 300


def uniform(low, high, n, seed=0, size=B):
    return np.random.default_rng(seed).uniform(low, high, (size, n))


def noise(scale=0.02, size=B):
    return np.random.default_rng(1).normal(0, scale, (size, T.size))


def statuses(result):
    return {Status(int(one)) for one in result.status}


def bilinear(x):
    return ((x[0] + x[1]) / 2 - x[0] * x[1] / 2) ** 2


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"dtype": "float32"},
        {"dtype": "mixed"},
        {"method": "trust-region"},
        {"bounds": (-10, 10)},
        {"method": "bfgs"},
    ],
    ids=str,
)
def test_a_curve_of_minima_is_singular(options):
    result = bn.minimize(bilinear, uniform(-10, 10, 2, size=1000), **options)
    assert statuses(result) == {Status.SINGULAR}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rings_of_minima_are_singular_and_their_centre_is_not(dtype):
    def spring(x):
        square = (x[0] - 5) ** 2 + (x[1] - 5) ** 2
        return 0.1 * square - np.cos(5 * np.sqrt(square))

    result = bn.minimize(spring, uniform(-10, 10, 2, size=1000), dtype=dtype)
    radius = np.hypot(*(result.x[result.success] - 5).T)
    assert len(radius) and (radius < 1e-3).all()
    assert (result.status == Status.SINGULAR).mean() > 0.9


SINGULAR = {
    "a sum": (lambda t, a, b: a * np.exp(b - t / 3), 2 * np.exp(-T / 3) + noise(), 2),
    "a norm": (lambda t, a, b, c: t / np.sqrt(a * a + b * b + c * c), T / 2.5 + noise(), 3),
    "bilinear": (lambda t, a, b, c: ((a + b) / 2 - a * b / 2) * t + c, 1.2 * T + 0.5 + noise(), 3),
    "no slope": (lambda t, a, b: a**2 * t + b, np.full((B, T.size), 1.5), 2),
    "no peak": (lambda t, a, b: np.exp(a) * np.exp(-((t - 2) ** 2)) + b, np.full((B, T.size), 0.7), 2),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_what_data_do_not_determine_is_singular(name):
    fun, y, n = SINGULAR[name]
    result = bn.curve_fit(fun, T, y, uniform(-3, 3, n))
    assert (result.status == Status.SINGULAR).mean() > 0.98
    assert not result.success.any()


def test_two_decays_of_one_are_singular():
    y = np.tile(1.3 * np.exp(-T / 1.1), (B, 1))
    result = bn.curve_fit(lambda t, a, p, b, q: a * np.exp(-t / p) + b * np.exp(-t / q), T, y, uniform(0.3, 3, 4))
    assert not result.success.any()


@pytest.mark.parametrize(
    "fun", [lambda x: [(x[0] - 1) ** 2, x[1] - 2], lambda x: [(x[0] - x[1]) ** 2, x[0] + x[1] - 2]]
)
def test_a_hessian_that_vanishes_at_a_residual_of_zero(fun):
    assert statuses(bn.least_squares(fun, uniform(-5, 5, 2))) == {Status.SINGULAR}


def test_a_bound_without_a_multiplier_leaves_its_unknown_free():
    start = uniform([0.5, -2, 0], [3, -0.2, 3], 3)
    y = 2 * np.exp(-0.7 * (T - 0.4)) + noise()
    result = bn.curve_fit(
        lambda t, A, b, x0: A * np.exp(b * (t - x0)), T, y, start, bounds=([-np.inf, -np.inf, 0], np.inf)
    )
    assert not result.success.any()
    assert (result.status == Status.SINGULAR).mean() > 0.98


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_minimum_on_a_bound_without_a_multiplier_is_one(dtype):
    """λ = 50 and α = 0, so that μ = 0: the slope there is zero, and the Hessian definite."""

    def light(x):
        lam = 7 * x[1] + 50 - 10 * x[0]
        return lam - 50 * np.log(lam) + x[0] ** 2 / 2

    start = np.vstack([uniform([-3, 0], [3, 5], 2), [[0, 0], [1, 1]]])
    result = bn.minimize(light, start, bounds=([-np.inf, 0], np.inf), dtype=dtype)
    assert result.success.all(), statuses(result)
    assert np.abs(result.x).max() < 1e-3


@pytest.mark.parametrize("method", [None, "trust-region"])
def test_a_step_that_is_foreseen_does_not_cross_a_kink(method):
    """Minima at y = -3, where the Hessian is singular; on the way there is a sharp bend at the bottom of |...|."""

    def bent(x):
        return 0.001 * (abs((x[0] - 2) ** 10 - 100 * x[0] ** 4 + 1600) + (x[1] + 3) ** 4) ** 2

    assert not bn.minimize(bent, uniform(-6, 6, 2, size=1000), method=method).success.any()


def test_what_is_badly_determined_is_still_found():
    """Exact data, a polynomial with a zero among its coefficients; an offset of 1e7 times its slope."""
    y = 0.05 - 0.6 * T + 0.3 * T**2 - 0.01 * T**4
    result = bn.curve_fit(
        lambda t, a, b, c, d, e: a + t * (b + t * (c + t * (d + t * e))), T, np.tile(y, (B, 1)), uniform(-1, 1, 5)
    )
    assert result.success.mean() > 0.98, statuses(result)
    x = result.x[result.success]
    np.testing.assert_allclose(x, np.broadcast_to([0.05, -0.6, 0.3, 0, -0.01], x.shape), atol=1e-9)
    line = bn.curve_fit(lambda t, a, b: a + b * t, T, np.tile(1e7 + T, (B, 1)), uniform([5e6, -2], [1e7, 2], 2))
    assert line.success.all(), statuses(line)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_success_has_finite_standard_errors(dtype):
    """JᵀJ is singular at a = 0, the exact Hessian is not."""
    y = 1.5 - 0.2 * T + noise(0.01)
    result = bn.curve_fit(lambda t, a, b: a**2 * t + b, T, y, uniform(0.3, 3, 2), dtype=dtype)
    assert result.success.mean() > 0.9
    assert np.isfinite(result.stderr[result.success]).all()


@pytest.mark.parametrize("above", [0.0, 1e-12, 1e-18, 1e-24, 1e-28])
def test_a_double_root_is_one_and_a_minimum_above_zero_is_none(above):
    fun, start = (lambda x, c: [(x[0] - 1) ** 2 + c]), uniform(-5, 5, 1)
    wanted = Status.NO_ROOT if above else Status.CONVERGED
    assert statuses(bn.root(fun, start, (np.full(B, above),))) == {wanted}


def test_a_multiple_root_at_the_origin_is_one():
    for power in (2, 3):
        result = bn.root(lambda x, power=power: x[0] ** power, uniform(0.5, 5, 1))
        assert statuses(result) == {Status.CONVERGED} and np.abs(result.x).max() < 1e-10


@pytest.mark.parametrize(
    "fun", [lambda x: np.log1p(np.exp(x[0])) + x[1] ** 2, lambda x: np.log1p(np.exp(x[0] - x[1])) + np.exp(-x[0])]
)
def test_flat_towards_infinity_is_no_saddle(fun):
    result = bn.minimize(fun, uniform(-5, 5, 2))
    assert statuses(result) <= {Status.SINGULAR, Status.UNBOUNDED}
