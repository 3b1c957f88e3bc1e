"""Which status a problem ends with: minima, what has none, bad data, limits, data without noise."""

import numpy as np
import pytest
from decays import T, decay, decays
from problems import rosenbrock

import batchnewton as bn
from batchnewton import phases


@pytest.mark.parametrize("bad", [-np.inf, np.inf])
def test_a_bad_problem_gets_its_status_and_leaves_the_others_alone(bad):
    y, p0 = decays(100)
    clean = bn.curve_fit(decay, T, y, p0)
    y[17, 3] = bad
    p0[42, 1] = 0.0  # division by zero at the start
    dirty = bn.curve_fit(decay, T, y, p0)
    others = np.setdiff1d(np.arange(100), [17, 42])
    assert (dirty.status[[17, 42]] == bn.Status.NOT_FINITE_AT_START).all()
    np.testing.assert_array_equal(dirty.x[[17, 42]], p0[[17, 42]])
    np.testing.assert_array_equal(dirty.x[others], clean.x[others])
    np.testing.assert_array_equal(dirty.nfev[others], clean.nfev[others])
    assert dirty.success[others].all() and not dirty.success[[17, 42]].any()
    assert np.isinf(dirty.cov[17]).all() and np.isfinite(dirty.cov[0]).all()


@pytest.mark.parametrize(
    ("fun", "x0", "status"),
    [
        (lambda x: x[0] ** 2 - x[1] ** 2, (1.0, 0.0), {"UNBOUNDED", "SADDLE"}),
        (lambda x: x[0] ** 3, (-1.0,), {"UNBOUNDED"}),
        (lambda x: np.log(x[0]), (-1.0,), {"NOT_FINITE_AT_START"}),
        (lambda x: 0.0 * x[0] + 1, (1.0,), {"SINGULAR"}),
    ],
)
def test_statuses_without_a_minimum(fun, x0, status):
    result = bn.minimize(fun, x0)
    assert not result.success
    assert bn.Status(int(result.status)).name in status


def test_curves_whose_derivatives_have_a_limit_where_their_exponential_overflows():
    """A dose of 0 in logarithms; a start from which exp overflows."""
    x = np.array([0.0, 1, 2, 4, 8, 16])

    def dose(x, b, e):
        return 1 / (1 + np.exp(b * (np.log(x) - np.log(e))))

    def growth(x, L, k, x0):
        return L / (1 + np.exp(-k * (x - x0)))

    clean = np.where(x > 0, 1 / (1 + (x / 3.0) ** 1.5), 1.0)
    for dtype in ("float64", "float32"):
        found = bn.curve_fit(dose, x, [clean, clean + 0.01 * np.cos(9 * x)], [1.0, 4.0], dtype=dtype)
        assert found.success.all()
        np.testing.assert_allclose(found.x[0], [1.5, 3.0], rtol=1e-9 if dtype == "float64" else 1e-4)
        t = np.append(np.linspace(0, 10, 16), 600.0)
        far = bn.curve_fit(growth, t, growth(t, 2.0, 0.8, 4.0), [1.0, 3.0, 0.0], dtype=dtype)
        assert far.success
        np.testing.assert_allclose(far.x, [2.0, 0.8, 4.0], rtol=1e-9 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_not_finite_at_the_start_is_said(dtype):
    """A derivative, of which parameter, at which data point; or the value."""
    x, y = np.array([1.0, 2, 0, 4]), np.ones((3, 4))
    y[2, 1] = np.inf
    found = bn.curve_fit(lambda x, b, e: b + (x - e) ** 1.5, x, y, [[1, -1.0], [1, 0.0], [1, -1.0]], dtype=dtype)
    assert found.status.tolist() == [found.status[0], *[bn.Status.NOT_FINITE_AT_START] * 2]
    assert "of problem 1 the second derivative in e is NaN at data point 2 (x = 0)" in found.summary()
    assert "(the value is infinite at data point 1 (x = 2))" in found.message(2)
    kink = bn.minimize(lambda x: np.sqrt(x[0] ** 2 + x[1] ** 2), [0.0, 0.0], dtype=dtype)
    assert "the derivative in x0 is NaN" in kink.message() and "the derivative in x0" in kink.summary()
    lost = bn.least_squares(lambda x, t: x[0] * np.log(t), [[1.0]], data=np.array([[2.0, -1.0]]), dtype=dtype)
    assert "the value is NaN in data row 1" in lost.message(0)


def test_max_iter_is_kept_and_reported():
    result = bn.minimize(rosenbrock, (-1.2, 1.0), max_iter=5)
    assert result.status == bn.Status.MAX_ITER and not result.success
    assert "max_iter" in result.message()


def test_no_root_is_said():
    result = bn.root(lambda x, a: [x[0] ** 2 + a], [[1.0], [1.0]], ([1.0, -4.0],))
    assert result.success.tolist() == [False, True]
    assert result.x[1, 0] == pytest.approx(2.0)
    assert bn.Status(int(result.status[0])).name in {"NO_ROOT", "STALLED"}


@pytest.mark.parametrize("limit", [1, 2, 7, 25, 60])
def test_max_iter_bounds_the_evaluations(limit):
    def hard(x, a):
        return rosenbrock(x) + a * x[0] ** 8

    start = np.random.default_rng(0).uniform(-30, 30, (50, 2))
    result = bn.minimize(hard, start, (np.linspace(0, 1, 50),), max_iter=limit)
    assert result.nfev.max() <= limit


def test_a_minimum_at_zero_from_a_tiny_start_is_a_minimum():
    result = bn.minimize(lambda x: 2 + 1e-3 * (x[0] ** 2 + x[1] ** 2) + x[0] ** 4, [[1e-8, -1e-8], [1e-6, 1.0]])
    assert result.success.all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_data_without_noise_need_no_second_attempt(dtype, monkeypatch):
    """What a newcomer tries first must not wait for the patient path to compile."""
    calls = []
    real = phases.patiently
    monkeypatch.setattr(phases, "patiently", lambda *given: (calls.append(len(given[1])), real(*given)))
    rng = np.random.default_rng(0)
    truth = np.stack([rng.uniform(0.5, 2, 300), rng.uniform(0.5, 2, 300), rng.uniform(0, 0.5, 300)], 1)
    y = decay(T, *truth.T[:, :, None]).astype(dtype)
    result = bn.curve_fit(decay, T, y, [1.5, 1.0, 0.0], dtype=dtype)
    assert result.success.all()
    np.testing.assert_allclose(result.x, truth, rtol=1e-8 if dtype == "float64" else 1e-3)
    assert sum(calls) <= 6  # some starts are hard


@pytest.mark.parametrize("bounds", [None, (0.0, [3.0, 2.0, 3.0]), (0.0, [1.0, 2.0, 3.0])])
def test_a_start_at_the_answer_of_data_without_noise(bounds):
    """F is the rounding of zero there, and falls no more: neither STALLED, nor MAX_ITER where a bound is the answer."""
    for start in ([1.0, 1.0, 0.0], [1.0, 1.0, 1e-9], [1.2, 0.8, 0.1]):
        result = bn.curve_fit(decay, T, np.exp(-T), start, bounds=bounds)
        assert result.success, result.summary()
        np.testing.assert_allclose(result.x, [1.0, 1.0, 0.0], atol=1e-12)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_no_success_where_float32_cannot_hold_the_answer():
    """The patient path runs in float64; its answer of 1e-100 became 0, of 1e50 infinite, with success."""
    small = bn.curve_fit(decay, T, 1e-100 * decays(4)[0], [1e-100, 1.0, 0.0], dtype="float32")
    large = bn.minimize(lambda x: (1e-50 * x[0] - 1.0) ** 2, [1.0], dtype="float32")
    assert not small.success.any() and not large.success
    zero = bn.minimize(lambda x: x[0] ** 2 + x[0] ** 4, [1.0], dtype="float32")  # far below its start, and right
    assert zero.success and abs(zero.x[0]) < 1e-6
