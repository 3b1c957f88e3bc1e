"""``history=True``: what was evaluated, and nothing else changes."""

import numpy as np
import pytest
from decays import T, decay
from problems import himmelblau, rosenbrock

import batchnewton as bn
from batchnewton import schedule


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
    seen = np.arange(result.nfev.max()) < result.nfev[:, None]
    for one in told:
        assert one.shape == (len(result.x), result.nfev.max())
        np.testing.assert_array_equal(~np.isnan(one), seen | (np.isnan(told.alpha) & ~np.isnan(one)))
    assert (told.step[:, 0] == 0).all() and (told.alpha[:, 0] == 0).all() and (told.step[seen] >= 0).all()
    np.testing.assert_allclose(told.fun[:, 0], first, rtol=tolerance)
    np.testing.assert_allclose(told.grad[:, 0], slope, rtol=10 * tolerance)
    good = result.success
    least = np.nanmin(told.fun, axis=1)
    assert good.mean() > 0.8
    size = np.abs(first[good])
    assert (np.abs(least - result.fun)[good] <= 1e-7 * size).all()
    lowest = np.nanmin(told.grad, axis=1)
    assert (lowest[good] <= 1e-3 * np.maximum(told.grad[good, 0], 1e-3)).all()


DTYPES = ("float64", "float32", "mixed")


@pytest.mark.parametrize("dtype", DTYPES)
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
    y, p0 = batch(20)
    for limit in (1, 2, 5, 40):
        found = [bn.curve_fit(decay, T, -30 * y, p0, max_iter=limit, history=True, dtype=one) for one in DTYPES]
        found += [bn.minimize(rosenbrock, start, max_iter=limit, history=True)]
        found += [bn.root(circle, start, (-1.0,), max_iter=limit, history=True)]
        for result in found:
            assert result.history.fun.shape[1] == result.nfev.max() <= limit
            assert ((~np.isnan(result.history.step)).sum(1) == result.nfev).all()
            assert (result.status != bn.Status.NOT_RUN).all()


def test_a_bad_flag():
    with pytest.raises(TypeError, match="history='yes' is a str; expected True or False"):
        bn.minimize(rosenbrock, [0.0, 0.0], history="yes")


# ---------------------------------------------------------------- steps


def test_a_newton_step_of_cosh():
    """x - tanh x, to 8 digits of the history's own |g| = |sinh x|."""
    start = np.array([[0.5], [-1.0]])
    told = bn.minimize(lambda x: np.cosh(x[0]), start, method="newton-pure", history=True).history
    x = start[:, 0]
    for k in range(3):
        np.testing.assert_allclose(told.grad[:, k], np.abs(np.sinh(x)), rtol=1e-6)
        np.testing.assert_allclose(told.step[:, k + 1], np.abs(np.tanh(x) / start[:, 0]), rtol=1e-8)
        np.testing.assert_array_equal(told.alpha[:, k + 1], 1.0)
        x = x - np.tanh(x)


def test_cut_steps_say_which_part_they_are():
    """Of exp(x) - 4 x at 0.01 the Newton step is 3/1.01, and the radius 0.3."""
    told = bn.minimize(lambda x: np.exp(x[0]) - 4 * x[0], [0.01], method="trust-region", history=True).history
    newton = (4 - np.exp(0.01)) / np.exp(0.01) / 0.01
    assert told.step[1] == pytest.approx(0.3, rel=0.1)
    assert told.alpha[1] == pytest.approx(told.step[1] / newton, rel=1e-9)
    assert told.alpha[np.isfinite(told.alpha)].max() == pytest.approx(1.0)
    over_a_hill = bn.minimize(lambda x: x[0] ** 4 - x[0] ** 2, [0.1], method="trust-region", history=True)
    assert over_a_hill.success and over_a_hill.history.alpha[1] < 0


def test_steepest_descent_goes_alpha_times_the_gradient():
    start = np.array([3.0])
    told = bn.minimize(lambda x: (x[0] - 1) ** 2, start, method="gradient-descent", history=True).history
    assert told.step[1] == pytest.approx(0.3)
    assert told.alpha[1] * told.grad[0] / start[0] == pytest.approx(told.step[1])


def test_the_patient_path_begins_anew_and_tells_its_steps():
    result = bn.minimize(lambda x: x[0] ** 4, [[1.0]], history=True)
    told = result.history
    begun = np.flatnonzero((told.step[0] == 0) & (told.alpha[0] == 0))
    assert begun[0] == 0 and len(begun) == 3 and told.fun[0, begun[1]] == 1.0
    assert 0 < told.fun[0, begun[2]] < 1e-9  # a look at the end from beside it
    assert told.step[0, begun[1] + 1] == pytest.approx(0.3)
    assert told.alpha[0, begun[1] + 1] == pytest.approx(0.9)  # a Newton step is a third
    assert np.nanmax(told.alpha) > 1.0  # over-relaxed


def test_memory_is_bounded_by_shorter_chunks():
    problem = bn.curve_fit(decay, T, *batch(400))._problem
    for evaluations in (510, 10_010):
        lengths = [rows.stop - rows.start for rows in schedule.chunks(problem, 1, evaluations)]
        assert sum(lengths) == problem.size
        assert 4 * evaluations * max(lengths) <= schedule.RECORDS
    assert len(lengths) == 1 and len(list(schedule.chunks(problem, 1, 100_000))) > 5


# ---------------------------------------------------------------- order of convergence


@pytest.mark.parametrize(("method", "order"), [("newton", 2), ("newton-pure", 2), ("gradient-descent", 1)])
def test_order_at_strict_minima(method, order):
    start = np.random.default_rng(4).uniform(-4, 4, (100, 2))
    result = bn.minimize(himmelblau, start, method=method, history=True)
    found = result.order()[result.success]
    assert len(found) > 30 and np.isnan(found).mean() < 0.1
    assert abs(np.nanmedian(found) - order) < 0.02
    assert (np.abs(found - order) < 0.25)[np.isfinite(found)].mean() > 0.85


def test_quasi_newton_is_faster_than_linear_and_slower_than_quadratic():
    start = np.random.default_rng(4).uniform(-4, 4, (100, 2))
    found = bn.minimize(himmelblau, start, method="bfgs", history=True).order()
    assert 1.05 < np.nanmedian(found) < 1.6


def test_order_at_degenerate_and_at_symmetric_points():
    start = np.random.default_rng(5).uniform(0.3, 1.0, (20, 1))
    double = bn.root(lambda x: x[0] ** 2, start, method="newton-pure", history=True)
    np.testing.assert_allclose(double.order(), 1.0, atol=1e-6)  # its error halves
    quartic = bn.minimize(lambda x: x[0] ** 4, start, method="newton-pure", history=True)
    np.testing.assert_allclose(quartic.order(), 1.0, atol=1e-6)
    sine = bn.root(lambda x: np.sin(x[0]), 0.7 * start, method="newton-pure", history=True)
    np.testing.assert_allclose(sine.order(), 3.0, atol=0.1)  # sin'' vanishes at the root


def test_order_is_not_told_where_it_was_not_seen():
    y, p0 = batch(20)
    linear = bn.minimize(lambda x, a: (x[0] - a) ** 2, [[3.0], [1.0]], (np.array([1.0, 1.0]),), history=True)
    assert np.isnan(linear.order()).all()
    single = bn.root(circle, [1.3, 0.4], (2.0,), history=True)
    assert np.shape(single.order()) == () and 1.5 < single.order() < 2.5
    few = bn.curve_fit(decay, T, y, p0, dtype="float32", max_iter=2, history=True)
    assert np.isnan(few.order()).any() and few.order().shape == (20,)
    with pytest.raises(ValueError, match="expected history=True"):
        bn.root(circle, [1.3, 0.4], (2.0,)).order()


def bowl(x):
    return sum((1 + i / 33) * (x[i] - 1) ** 2 + (x[i] - 1) ** 4 for i in range(33))


def test_more_unknowns_than_a_hessian_can_have():
    """What the certificate's differences evaluate is counted, and not in the history."""
    start = np.array([[0.5], [1.7]]) + 0.01 * np.arange(33)
    result = bn.minimize(bowl, start, method="gradient-descent", history=True)
    own = np.isfinite(result.history.fun).sum(1)
    assert result.success.all() and (own < result.nfev).all()
    np.testing.assert_array_equal(np.isfinite(result.history.step).sum(1), own)
    assert (np.abs(result.order() - 1) < 0.6).all()
