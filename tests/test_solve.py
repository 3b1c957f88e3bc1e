"""The front doors: shapes, answers, independence of everything around a problem, what is said of the whole."""

import copy
import pickle
from functools import cache

import numpy as np
import pytest
import scipy.optimize
import workloads
from decays import T, decay, decays
from doors import workload

import batchnewton as bn


def same(a, b):
    for name in ("x", "fun", "status", "nit", "nfev"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def test_a_number_alone_is_the_start_of_one_unknown():
    x = np.linspace(-6, 6, 40)
    found = bn.curve_fit(lambda x, a: np.sin(x + a), x, np.sin(x), p0=2.1 * np.pi)
    assert found.success and found.x.shape == (1,)
    np.testing.assert_allclose(found.x, 2 * np.pi, rtol=1e-9)
    for door in (bn.minimize, bn.least_squares):
        assert door(lambda x: (x[0] - 2.0) ** 2 + x[0], 1.0).x.shape == (1,)
    assert bn.root(lambda x: [x[0] ** 2 - 2.0], np.float64(1.0)).x == pytest.approx([np.sqrt(2.0)])
    many = bn.curve_fit(lambda x, a: a * x, x, [x, 2 * x], 0.5)
    np.testing.assert_allclose(many.x, [[1.0], [2.0]], rtol=1e-12)
    with pytest.raises(ValueError, match="takes 2 parameters"):
        bn.curve_fit(lambda x, a, b: a * x + b, x, x, 1.0)


def test_curve_fit_agrees_with_scipy():
    y, p0 = decays(20)
    sigma = np.linspace(0.02, 0.05, 16)
    for options in ({}, {"sigma": sigma}, {"sigma": sigma, "absolute_sigma": True}):
        popt, pcov = bn.curve_fit(decay, T, y, p0, **options)
        for i in range(len(y)):
            x, cov = scipy.optimize.curve_fit(decay, T, y[i], p0[i], ftol=1e-14, xtol=1e-14, gtol=1e-14, **options)
            np.testing.assert_allclose(popt[i], x, rtol=1e-6, atol=1e-9)
            np.testing.assert_allclose(pcov[i], cov, rtol=1e-5, atol=1e-9)


def test_one_problem_has_no_batch_axis():
    y, p0 = decays(1)
    one, batch = bn.curve_fit(decay, T, y[0], p0[0]), bn.curve_fit(decay, T, y, p0)
    assert one.x.shape == (3,) and one.cov.shape == (3, 3) and one.fun.shape == () and one.success.shape == ()
    assert one.grad.shape == (3,) and one.hess.shape == (3, 3) and one.stderr.shape == (3,)
    np.testing.assert_array_equal(one.x, batch.x[0])
    assert one.names == ("a", "tau", "c")


def test_shapes_of_xdata_p0_and_sigma():
    y, p0 = decays(5)
    expected = bn.curve_fit(decay, T, y, p0).x

    def two(x, a, tau, c):
        t, shift = x
        return decay(t + shift, a, tau, c)

    grid = np.stack([T, np.zeros(16)])
    close = dict(rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(bn.curve_fit(two, grid, y, p0).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(two, np.broadcast_to(grid, (5, 2, 16)), y, p0).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(decay, T, y, [1, 1, 0]).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(decay, T, y, p0, np.full((5, 16), 2.0)).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(decay, T, y, p0, 2.0).x, expected, **close)
    np.testing.assert_allclose(bn.curve_fit(decay, T, y[2], p0).x, np.broadcast_to(expected[2], (5, 3)), **close)


def test_args_data_and_shared():
    rng = np.random.default_rng(3)
    X, truth = rng.normal(size=(6, 30, 2)), rng.normal(size=(6, 2))
    y = np.einsum("bmk,bk->bm", X, truth)

    def residual(w, ridge, row, y):
        return [row @ w - y, ridge * w[0], ridge * w[1]]

    free = bn.least_squares(residual, np.zeros((6, 2)), (0.0,), data=(X, y))
    np.testing.assert_allclose(free.x, truth, atol=1e-9)
    ridge = bn.least_squares(residual, np.zeros((6, 2)), (np.full(6, 0.1),), data=(X, y))
    exact = [np.linalg.solve(X[b].T @ X[b] + 30 * 0.01 * np.eye(2), X[b].T @ y[b]) for b in range(6)]
    np.testing.assert_allclose(ridge.x, exact, rtol=1e-9)
    same_rows = bn.least_squares(residual, np.zeros((6, 2)), (0.1,), data=(bn.shared(X[0]), bn.shared(y[0])))
    np.testing.assert_allclose(same_rows.x, np.broadcast_to(ridge.x[0], (6, 2)), rtol=1e-9)
    single = bn.least_squares(residual, np.zeros(2), (0.1,), data=(X[0], y[0]))
    np.testing.assert_allclose(single.x, ridge.x[0], rtol=1e-9)


def test_array_arguments_keep_their_shape():
    A, b = np.array([[[2.0, 1.0], [1.0, 3.0]], [[1.0, 0.0], [0.0, 4.0]]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    res = bn.root(lambda x, A, b: A @ x - b, np.ones((2, 2)), (A, b))
    np.testing.assert_allclose(res.x, np.linalg.solve(A, b[..., None])[..., 0], rtol=1e-12)
    assert res.success.all()


@cache
def best_cost(name, count):
    """SciPy takes longer than all else; both precisions solve the same problems."""
    return workloads.best_cost(name, workloads.make(name, count), count)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["W1_5", "W1_15", "W2", "W3", "W4", "W5"])
def test_workloads_are_solved(name, dtype):
    data = workloads.make(name, 200)
    result = workload(name, {key: values.astype(dtype) for key, values in data.items()}, dtype=dtype)
    assert result.x.dtype == dtype
    best = best_cost(name, 200)
    if (name, dtype) != ("W5", "float32"):  # 1e-8 of F near 1 is below float32's last digit
        assert workloads.solved(name, data, result.x, best, dtype == "float32").all()
    assert result.success.all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bits_do_not_depend_on_threads_chunks_lanes_or_neighbours(dtype, monkeypatch):
    y, p0 = decays(700, 1, dtype)
    y[::50] = y[1::50] * 1e3  # some that are hard
    whole = bn.curve_fit(decay, T, y, p0, dtype=dtype, threads=1)
    same(whole, bn.curve_fit(decay, T, y, p0, dtype=dtype, threads=3))
    monkeypatch.setattr("batchnewton.schedule.LONGEST", 37)
    same(whole, bn.curve_fit(decay, T, y, p0, dtype=dtype, threads=2))
    order = np.random.default_rng(0).permutation(700)
    shuffled = bn.curve_fit(decay, T, y[order], p0[order], dtype=dtype)
    np.testing.assert_array_equal(shuffled.x, whole.x[order])
    for i in (0, 13, 699):
        np.testing.assert_array_equal(bn.curve_fit(decay, T, y[i], p0[i], dtype=dtype).x, whole.x[i])


def test_derivatives_of_the_result():
    y, p0 = decays(4)
    res = bn.curve_fit(decay, T, y, p0)
    assert np.abs(res.grad).max() < 1e-9
    f, g, H = bn.value_grad_hess(lambda x, t, y: (decay(t, *x) - y) ** 2 / 2, res.x, data=(bn.shared(T), y))
    np.testing.assert_allclose(res.hess, H, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(res.fun, f, rtol=1e-12)
    assert (np.linalg.eigvalsh(res.hess) > 0).all()


def test_progress_counts_to_the_end(capsys, monkeypatch):
    monkeypatch.setattr("batchnewton.schedule.LONGEST", 100)
    y, p0 = decays(600)
    seen = []
    bn.curve_fit(decay, T, y, p0, threads=1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (600, 600) and len(seen) > 1 and sorted(seen) == seen
    bn.curve_fit(decay, T, y, p0, progress=True)
    assert "100%" in capsys.readouterr().err


def test_summary_and_message_in_plain_words():
    y, p0 = decays(10)
    y[3], p0[3] = 1.0, np.nan
    res = bn.curve_fit(decay, T, y, p0)
    assert "10 problems" in res.summary() and "NOT_FINITE_AT_START" in res.summary()
    assert "NaN" in res.message(3) and "converged" in res.message(0)
    assert "10 problems" in repr(res)


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy, copy.copy])
def test_result_is_pickled_and_copied(copied):
    """With a formula that is a function within a function; what is worked out later, too."""
    offset = 0.3
    y, p0 = decays(4)

    def here(t, a, tau):
        return a * np.exp(-t / tau) + offset

    res = bn.curve_fit(here, T, y, p0[:, :2])
    again = copied(res)
    assert again.names == ("a", "tau") and repr(again) == repr(res)
    for name in ("x", "fun", "status", "stderr", "hess"):
        np.testing.assert_array_equal(getattr(again, name), getattr(res, name))
