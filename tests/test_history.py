"""``history=True``: what was evaluated, and nothing else changes."""

import numpy as np
import pytest

import batchnewton as bn

T = np.linspace(0, 5, 16)


def decay(t, a, tau, c):
    return a * np.exp(-t / tau) + c


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def circle(x, a):
    return [x[0] ** 2 + x[1] ** 2 - a, x[0] - x[1]]


def batch(B=400, dtype=float):
    rng = np.random.default_rng(0)
    y = decay(T, *rng.uniform(0.5, 2, (3, B, 1))) + rng.normal(0, 0.03, (B, 16))
    y[::40] *= -30  # hard: the patient path
    return y.astype(dtype), np.stack([np.ones(B), np.ones(B), rng.uniform(0, 1, B)], 1).astype(dtype)


def check(result, first, slope, tolerance):
    """From the value at the start to the value at the end, as many as there were evaluations."""
    told = result.history
    assert told.fun.shape == told.grad.shape == (len(result.x), result.nfev.max())
    np.testing.assert_array_equal(~np.isnan(told.fun), np.arange(result.nfev.max()) < result.nfev[:, None])
    np.testing.assert_allclose(told.fun[:, 0], first, rtol=tolerance)
    np.testing.assert_allclose(told.grad[:, 0], slope, rtol=10 * tolerance)
    good = result.success
    least = np.nanmin(told.fun, axis=1)
    assert good.mean() > 0.8
    size = np.abs(first[good])
    assert (np.abs(least - result.fun)[good] <= 1e-7 * size).all()
    lowest = np.nanmin(told.grad, axis=1)
    assert (lowest[good] <= 1e-3 * np.maximum(told.grad[good, 0], 1e-3)).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "mixed"])
def test_fits(dtype):
    y, p0 = batch(200, "float32" if dtype == "float32" else float)
    result = bn.curve_fit(decay, T, y, p0, dtype=dtype, history=True)
    residual = decay(T, *p0.T[:, :, None]) - y
    f, g, _ = bn.value_grad_hess(lambda x, t, y: (decay(t, *x) - y) ** 2 / 2, p0, data=(bn.shared(T), y))
    np.testing.assert_allclose(f, (residual**2).sum(1) / 2, rtol=1e-5)
    check(result, f, np.abs(g).max(1), 1e-4 if dtype != "float64" else 1e-12)
    silent = bn.curve_fit(decay, T, y, p0, dtype=dtype)
    assert silent.history is None
    for name in ("x", "fun", "status", "nit", "nfev"):
        np.testing.assert_array_equal(getattr(silent, name), getattr(result, name))


def test_minimize_and_root():
    start = np.random.default_rng(1).uniform(-2, 2, (50, 2))
    result = bn.minimize(rosenbrock, start, history=True)
    f, g, _ = bn.value_grad_hess(rosenbrock, start)
    check(result, f, np.abs(g).max(1), 1e-12)
    a = np.linspace(1, 3, 50)
    result = bn.root(circle, start, (a,), history=True)
    r = np.array(circle(start.T, a))
    jacobian = np.array([[2 * start[:, 0], 2 * start[:, 1]], [np.ones(50), -np.ones(50)]])
    slope = np.abs(np.einsum("kb,kib->bi", r, jacobian)).max(1)
    check(result, (r**2).sum(0) / 2, slope, 1e-12)


def test_a_single_problem_and_one_that_cannot_start():
    told = bn.minimize(rosenbrock, [-1.2, 1.0], history=True).history
    assert told.fun.ndim == told.grad.ndim == 1 and told.fun[0] == pytest.approx(24.2)
    bad = bn.minimize(lambda x: np.log(x[0]) + x[0], [[-1.0], [2.0]], history=True)
    assert bad.nfev[0] == 1 and np.isnan(bad.history.fun[0]).all() and np.isfinite(bad.history.fun[1, 0])


def test_bits_do_not_depend_on_threads_or_chunks_with_missing_data(monkeypatch):
    y, p0 = batch(500)
    y[::7, 5] = np.nan
    y[3] = np.nan
    whole = bn.curve_fit(decay, T, y, p0, history=True, threads=1)
    assert whole.status[3] == bn.Status.TOO_FEW_POINTS and np.isnan(whole.history.fun[3]).all()
    monkeypatch.setattr("batchnewton.schedule.LONGEST", 37)
    order = np.random.default_rng(2).permutation(500)
    again = bn.curve_fit(decay, T, y[order], p0[order], history=True, threads=2)
    for one, other in zip(again.history, whole.history, strict=True):
        np.testing.assert_array_equal(one, other[order])
    assert np.isfinite(whole.history.fun[0]).sum() == whole.nfev[0]


def test_max_iter_bounds_the_history():
    start = np.random.default_rng(0).uniform(-30, 30, (20, 2))
    for limit in (1, 5, 40):
        result = bn.minimize(rosenbrock, start, max_iter=limit, history=True)
        assert result.history.fun.shape[1] == result.nfev.max() <= limit + 2
        assert (np.isfinite(result.history.fun).sum(1) == result.nfev).all()


def test_a_bad_flag():
    with pytest.raises(TypeError, match="history='yes' is a str; expected True or False"):
        bn.minimize(rosenbrock, [0.0, 0.0], history="yes")
