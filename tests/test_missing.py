"""Rows that a problem does not have: they count for nothing, and the others give the bits that they give alone."""

import numpy as np
import pytest
import scipy.optimize
import workloads
from decays import T, decay, decays

import batchnewton as bn
from batchnewton import compile as compiler
from batchnewton.curve import from_curve
from batchnewton.kernels.layout import layout

NAMES = ("x", "fun", "status", "nit", "nfev", "cov", "grad", "hess")


def batch(B=300, seed=0, dtype=float):
    rng = np.random.default_rng(seed)
    return *decays(B, rng, dtype), rng


def same(a, b, rows=slice(None)):
    for name in NAMES:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name)[rows], err_msg=name)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_counts_give_the_bits_of_the_shorter_curves(dtype):
    y, p0, rng = batch(dtype=dtype)
    counts = rng.integers(0, 17, len(y))
    rubbish = y.copy()
    rubbish[np.arange(16) >= counts[:, None]] = np.resize([np.nan, np.inf, 1e30, -7], np.sum(16 - counts))
    result = bn.curve_fit(decay, T, rubbish, p0, counts=counts, dtype=dtype)
    few = counts < 3
    assert (result.status[few] == bn.Status.TOO_FEW_POINTS).all() and not result.success[few].any()
    np.testing.assert_array_equal(result.x[few], p0[few])
    assert np.isinf(result.cov[few]).all() and result.success[counts > 8].mean() > 0.95
    for count in (3, 4, 7, 8, 13, 16):
        (rows,) = np.nonzero(counts == count)
        same(bn.curve_fit(decay, T[:count], y[rows, :count], p0[rows], dtype=dtype), result, rows)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("short", [9, 16])  # of the longest curve: fewer rows than there are, or all
def test_counts_with_two_shared_columns_and_one_that_is_worked_out_from_them(dtype, short):
    """Where no curve of a few neighbours is complete, columns after the first were once read at another's place."""

    def power(x, a, k, c):  # log(x[0]) is a column of its own
        return a * x[0] ** k + c * x[1]

    rng = np.random.default_rng(5)
    x = np.stack([np.linspace(0, 4, 16), np.cos(np.arange(16.0))])
    truth = rng.uniform(0.5, 1.5, (40, 3))
    y = power(x[:, None], *truth.T[:, :, None]) + rng.normal(0, 0.01, (40, 16))
    counts = rng.integers(5, short + 1, 40)
    counts[:2] = short, 5
    found = bn.curve_fit(power, x, y, [1.0, 1.0, 1.0], counts=counts, dtype=dtype)
    assert found.success.all()
    for count in (5, 8, short):
        (rows,) = np.nonzero(counts == count)
        same(bn.curve_fit(power, x[:, :count], y[rows, :count], [1.0, 1.0, 1.0], dtype=dtype), found, rows)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_masks_and_nan_give_the_bits_of_the_rows_that_are_there(dtype):
    y, p0, rng = batch(200, 1, dtype)
    mask = rng.random(y.shape) < 0.8
    holes = np.where(mask, y, np.nan).astype(dtype)
    masked = bn.curve_fit(decay, T, y, p0, mask=mask, dtype=dtype)
    omitted = bn.curve_fit(decay, T, holes, p0, dtype=dtype)
    same(omitted, masked)
    assert masked.success.mean() > 0.9
    for i in range(0, 200, 9):
        there = mask[i]
        alone = bn.curve_fit(decay, T[there], y[i : i + 1, there], p0[i : i + 1], dtype=dtype)
        same(alone, masked, slice(i, i + 1))


def test_covariance_counts_the_points_that_are_there():
    y, p0, rng = batch(6, 2)
    mask = rng.random(y.shape) < 0.7
    result = bn.curve_fit(decay, T, np.where(mask, y, np.nan), p0, sigma=np.full(16, 0.5))
    for i, there in enumerate(mask):
        x, cov = scipy.optimize.curve_fit(
            decay, T[there], y[i, there], p0[i], sigma=np.full(there.sum(), 0.5), ftol=1e-14, xtol=1e-14, gtol=1e-14
        )
        np.testing.assert_allclose(result.x[i], x, rtol=1e-6)
        np.testing.assert_allclose(result.cov[i], cov, rtol=1e-5)


def test_nan_leaves_the_others_alone_whatever_threads_and_chunks(monkeypatch):
    y, p0, rng = batch(700, 3)
    holes = y.copy()
    holes[::3][rng.random(holes[::3].shape) < 0.2] = np.nan
    holes[5] = np.nan
    whole = bn.curve_fit(decay, T, holes, p0, threads=1)
    assert whole.status[5] == bn.Status.TOO_FEW_POINTS and np.isnan(whole.fun[5])
    clean = np.flatnonzero(~np.isnan(holes).any(1))
    same(bn.curve_fit(decay, T, y[clean], p0[clean]), whole, clean)
    monkeypatch.setattr("batchnewton.schedule.LONGEST", 37)
    same(bn.curve_fit(decay, T, holes, p0, threads=2), whole)
    order = rng.permutation(700)
    same(bn.curve_fit(decay, T, holes[order], p0[order], threads=2), whole, order)


def test_counts_do_not_depend_on_neighbours(monkeypatch):
    y, p0, rng = batch(500, 4)
    counts = rng.integers(3, 17, 500)
    whole = bn.curve_fit(decay, T, y, p0, counts=counts, threads=1)
    monkeypatch.setattr("batchnewton.schedule.LONGEST", 41)
    same(bn.curve_fit(decay, T, y, p0, counts=counts, threads=2), whole)
    order = rng.permutation(500)
    same(bn.curve_fit(decay, T, y[order], p0[order], counts=counts[order]), whole, order)


def test_counts_and_masks_together():
    y, p0, rng = batch(50, 5)
    mask, counts = rng.random(y.shape) < 0.9, rng.integers(8, 17, 50)
    both = bn.curve_fit(decay, T, y, p0, mask=mask, counts=counts)
    same(both, bn.curve_fit(decay, T, y, p0, mask=mask & (np.arange(16) < counts[:, None])))


def test_a_mask_for_all_and_nan_in_a_shared_curve():
    y, p0, _ = batch(20, 6)
    mask = np.arange(16) % 5 != 2
    same(bn.curve_fit(decay, T, y, p0, mask=mask), bn.curve_fit(decay, T[mask], y[:, mask], p0))
    hole = np.where(mask, y[0], np.nan)
    same(bn.curve_fit(decay, T, hole, p0), bn.curve_fit(decay, T[mask], y[0, mask], p0))
    one, alone = bn.curve_fit(decay, T, hole, p0[0]), bn.curve_fit(decay, T[mask], y[0, mask], p0[0])
    assert one.x.shape == (3,)
    same(one, alone, ())


def test_lists_of_curves_of_different_lengths():
    y, p0, rng = batch(40, 7)
    counts = rng.integers(5, 17, 40)
    curves = [one[:count] for one, count in zip(y, counts, strict=True)]
    times = [T[:count] + 0.01 * b for b, count in enumerate(counts)]
    sigma = [np.full(count, 0.1 + 0.01 * b) for b, count in enumerate(counts)]
    shared = bn.curve_fit(decay, T, curves, p0)
    same(shared, bn.curve_fit(decay, T, y, p0, counts=counts))
    own = bn.curve_fit(decay, times, [one.tolist() for one in curves], p0, sigma, absolute_sigma=True)

    def pair(x, a, tau, c):
        return decay(x[0] + x[1], a, tau, c)

    halves = [np.stack([0.5 * t, 0.5 * t]) for t in times]
    grid = bn.curve_fit(pair, halves, curves, p0, sigma, absolute_sigma=True)
    for i in (0, 11, 39):
        x, cov = bn.curve_fit(decay, times[i], curves[i], p0[i], sigma[i], absolute_sigma=True)
        for result in (own, grid):
            np.testing.assert_allclose(result.x[i], x, rtol=1e-9)
            np.testing.assert_allclose(result.cov[i], cov, rtol=1e-8)


def test_lists_of_as_many_curves_and_abscissae_belong_together_whatever_their_lengths():
    y, p0, _ = batch(2, 7)
    times = [T, T + 0.3]
    listed = bn.curve_fit(decay, times, list(y), p0)
    for i in range(2):
        np.testing.assert_allclose(listed.x[i], bn.curve_fit(decay, times[i], y[i], p0[i]).x, rtol=1e-9)
    same(bn.curve_fit(decay, [one.tolist() for one in times], y.tolist(), p0), listed)
    few = bn.curve_fit(decay, times, list(y), p0, counts=[9, 16])
    same(few, bn.curve_fit(decay, [T[:9], times[1]], [y[0, :9], y[1]], p0))

    def pair(x, a, tau, c):
        return decay(x[0] + x[1], a, tau, c)

    grid = bn.curve_fit(pair, np.array([0.5 * T, 0.5 * T]), list(y), p0)  # an array of coordinates is shared
    np.testing.assert_allclose(grid.x, bn.curve_fit(decay, T, y, p0).x, rtol=1e-9)


def test_counts_of_sums_at_every_door():
    rng = np.random.default_rng(8)
    t, counts = rng.uniform(0.5, 2, (30, 9)), rng.integers(2, 10, 30)
    there = np.arange(9) < counts[:, None]
    mean = np.where(there, t, 0).sum(1) / counts
    junk = np.where(there, t, np.nan)
    lowest = bn.minimize(lambda x, t: (x[0] - t) ** 2 + 1, np.ones((30, 1)), data=junk, counts=counts)
    np.testing.assert_allclose(lowest.x[:, 0], mean, rtol=1e-12)
    np.testing.assert_allclose(lowest.fun, np.where(there, (t - mean[:, None]) ** 2 + 1, 0).sum(1), rtol=1e-12)
    least = bn.least_squares(lambda x, t: x[0] - t, np.ones((30, 1)), data=(junk,), mask=there)
    np.testing.assert_allclose(least.x[:, 0], mean, rtol=1e-12)
    zero = bn.root(lambda x, t: [x[0] - t], np.ones((30, 1)), data=(junk,), counts=counts)
    np.testing.assert_allclose(zero.x[:, 0], mean, rtol=1e-12)
    assert lowest.success.all() and least.success.all() and zero.success.all()
    f, g, H = bn.value_grad_hess(lambda x, t: x[0] * t + 2, np.ones((30, 1)), data=junk, counts=counts)
    np.testing.assert_allclose(f, mean * counts + 2 * counts, rtol=1e-12)
    np.testing.assert_allclose(g[:, 0], mean * counts, rtol=1e-12)
    single = bn.minimize(lambda x, t: (x[0] - t) ** 2, [1.0], data=junk[3], counts=counts[3])
    assert single.x.shape == (1,)
    np.testing.assert_allclose(single.x[0], mean[3], rtol=1e-12)


def test_two_residuals_a_row_need_half_the_rows():
    result = bn.least_squares(
        lambda x, t: [x[0] - t, x[1] + t], np.ones((2, 2)), data=np.ones((2, 3)), counts=np.array([1, 0])
    )
    assert result.status.tolist() == [bn.Status.CONVERGED, bn.Status.TOO_FEW_POINTS]


def test_nan_elsewhere_and_infinity_are_not_missing():
    y, p0, _ = batch(4, 9)
    y[1, 3] = np.inf
    p0[2, 0] = np.nan
    result = bn.curve_fit(decay, T, y, p0)
    assert (result.status[[1, 2]] == bn.Status.NOT_FINITE_AT_START).all() and result.success[[0, 3]].all()


def test_formulas_without_missing_data_keep_their_text():
    problem = from_curve(workloads.decay, T, np.ones((3, 16)), np.ones((3, 3)), None)
    double = np.dtype(float)
    program = compiler.kernel(problem.signature, "gauss-newton", "gauss-newton", double).program
    text = {
        missing: compiler.module_text(program, layout(program, 8, True, missing), "gauss-newton", double)
        for missing in (None, "counts", "mask")
    }
    assert not any(word in text[None] for word in ("most = zero", "present", "count_ =", "row__0"))
    assert "left__0 > zero else f" in text["counts"] and "present__0 > zero else f" in text["mask"]


Y, P = np.ones((5, 4)), np.ones(2)


def line(t, a, b):
    return a * t + b


BAD = [
    (dict(counts=[1, 2]), ValueError, ["counts", "(2,)", "(5,)"]),
    (dict(counts=[1.0] * 5), TypeError, ["counts", "float64", "whole"]),
    (dict(counts=[1, 2, 3, 4, 5]), ValueError, ["counts", "1 to 5", "0 to 4"]),
    (dict(counts=[-1, 2, 3, 4, 4]), ValueError, ["counts", "-1", "0 to 4"]),
    (dict(mask=np.ones((5, 4))), TypeError, ["mask", "float64", "truth"]),
    (dict(mask=np.ones((4, 4), bool)), ValueError, ["mask", "(4, 4)", "(5, 4)"]),
    (dict(nan="drop"), ValueError, ["nan", "'drop'", "'omit'"]),
    (dict(nan="raise", y=np.where(np.arange(4) == 2, np.nan, Y)), ValueError, ["ydata", "NaN", "(0, 2)"]),
    (dict(nan="raise", x=[0.0, np.nan, 1.0, 2.0]), ValueError, ["xdata", "NaN", "(1,)"]),
    (dict(y=[[1.0, 2.0], [1.0, 2.0, 3.0]], counts=[1, 1]), ValueError, ["counts", "ydata", "lengths"]),
    (dict(y=[[1.0, 2.0], [1.0, 2.0, 3.0]], x=[[1.0, 2.0]]), ValueError, ["xdata", "1", "2"]),
    (dict(y=[[1.0, 2.0], [1.0, 2.0, 3.0]], x=[[1.0, 2.0], [1.0]]), ValueError, ["xdata[1]", "(1,)", "3 points"]),
]


@pytest.mark.parametrize(("given", "kind", "words"), BAD, ids=[" ".join(row[2][:2]) for row in BAD])
def test_bad_calls(given, kind, words, monkeypatch):
    monkeypatch.setattr("batchnewton.schedule.for_each", lambda *_: pytest.fail("something ran"))
    given = dict(given)
    with pytest.raises(kind) as caught:
        bn.curve_fit(line, given.pop("x", np.arange(4.0)), given.pop("y", Y), P, **given)
    for word in words:
        assert word in str(caught.value)


def test_counts_without_data():
    with pytest.raises(ValueError, match="counts is given, but there are no data"):
        bn.minimize(lambda x: x[0] ** 2, [[1.0]], counts=[1])


def test_what_a_masked_array_masks_is_left_out():
    """NumPy hands over the number behind the mask."""
    y, p0, rng = batch(40)
    away = rng.random(y.shape) < 0.1
    hidden = np.ma.masked_array(np.where(away, 99.0, y), away)
    for taken in (hidden, list(hidden)):
        same(bn.curve_fit(decay, T, taken, p0), bn.curve_fit(decay, T, np.where(away, np.nan, y), p0))
    sigma = np.ma.masked_array(np.full(y.shape, 0.1), away)
    same(bn.curve_fit(decay, T, hidden, p0, sigma), bn.curve_fit(decay, T, hidden, p0, 0.1))
    short = np.ma.masked_array(np.round(100 * hidden.data[0]).astype(int), away[0])
    one = bn.curve_fit(decay, T, short, 100 * p0[0])
    np.testing.assert_array_equal(one.x, bn.curve_fit(decay, T[~away[0]], short.compressed(), 100 * p0[0]).x)
    assert away[0].any() and one.success
    x = np.ma.masked_array(T, np.arange(16) == 4)
    same(bn.curve_fit(decay, x, y, p0), bn.curve_fit(decay, T, y, p0, mask=np.arange(16) != 4))
