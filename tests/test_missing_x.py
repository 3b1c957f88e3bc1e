"""NaN in xdata leaves out its point, as NaN in ydata does; infinity does not."""

import numpy as np
import pytest
from decays import T, decay
from test_missing import batch, same

import batchnewton as bn


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("more", [{}, {"loss": "huber"}, {"sigma": 0.1}, {"method": "newton"}], ids=str)
def test_nan_in_xdata_leaves_out_the_point(dtype, more):
    """Of all curves that share it, or of one; with any other gaps; and bit for bit what a mask gives."""
    y, p0, rng = batch(30, 11, dtype)
    more = more | {"dtype": dtype}
    there = np.arange(16) % 6 != 3
    x = np.where(there, T, np.nan).astype(dtype)
    same(bn.curve_fit(decay, x, y, p0, **more), bn.curve_fit(decay, x[there], y[:, there], p0, **more))
    counts = rng.integers(8, 17, 30)
    mask = rng.random(y.shape) < 0.9
    holes = np.where(rng.random(y.shape) < 0.9, y, np.nan).astype(dtype)
    all_gaps = mask & there & ~np.isnan(holes) & (np.arange(16) < counts[:, None])
    several = bn.curve_fit(decay, x, holes, p0, counts=counts, mask=mask, **more)
    same(several, bn.curve_fit(decay, T.astype(dtype), y, p0, mask=all_gaps, **more))
    own = np.where(mask, T, np.nan).astype(dtype)
    full = np.repeat(T[None, None], 30, 0).astype(dtype)
    masked = bn.curve_fit(decay, full, y, p0, mask=mask, **more)
    same(bn.curve_fit(decay, own[:, None], y, p0, **more), masked)
    same(bn.curve_fit(decay, list(own), list(y), p0, **more), masked)
    one = bn.curve_fit(decay, x, y[0], p0[0], **more)
    same(one, bn.curve_fit(decay, x[there], y[0, there], p0[0], **more), ())


def test_nan_in_xdata_where_the_formula_would_not_notice():
    """A comparison with NaN is false, and a coordinate may go unused."""
    y, _, _ = batch(20, 12)
    there = np.arange(16) % 5 != 2
    x = np.where(there, T, np.nan)

    def step(x, a, b):
        return np.where(x > 1.5, a, b)

    same(bn.curve_fit(step, x, y), bn.curve_fit(step, T[there], y[:, there]))
    own = np.repeat(x[None, None], 20, 0)
    own[3:, :, 2] = T[2]
    found = bn.curve_fit(step, own, y)
    same(found, bn.curve_fit(step, np.repeat(T[None, None], 20, 0), y, mask=~np.isnan(own[:, 0])))

    def first(x, a, b):
        return a + b * x[0]

    pair = np.stack([T, x])
    same(bn.curve_fit(first, pair, y), bn.curve_fit(first, pair[:, there], y[:, there]))


def test_guesses_and_statistics_of_points_without_x():
    y, _, rng = batch(20, 13)
    there = np.arange(16) % 6 != 3
    x, model = np.where(there, T, np.nan), bn.models.exponential_decay
    same(bn.curve_fit(model, x, y), bn.curve_fit(model, T[there], y[:, there]))
    own = np.repeat(x[None], 20, 0)
    np.testing.assert_array_equal(
        model.guess(own, y), model.guess(np.repeat(T[None], 20, 0), np.where(there, y, np.nan))
    )
    u, v = np.mgrid[0:5, 0:5].reshape(2, -1).astype(float)
    image = bn.models.gaussian_2d(np.stack([u, v]), 4.0, 2.0, 2.0, 0.9, 1.0) + rng.normal(0, 0.01, (3, 25))
    v[7] = np.nan
    for grid in (np.stack([u, v]), np.repeat(np.stack([u, v])[None], 3, 0)):
        spots = bn.curve_fit(bn.models.gaussian_2d, grid, image)
        assert spots.success.all() and np.abs(spots["amplitude"] - 4).max() < 0.05
    found, alone = bn.curve_fit(decay, x, y, [1.5, 1, 0.2]), bn.curve_fit(decay, T[there], y[:, there], [1.5, 1, 0.2])
    np.testing.assert_array_equal(found.reduced_chi_square, alone.reduced_chi_square)
    for of in ("ydata", "xdata"):
        np.testing.assert_allclose(found.sensitivity(of)[..., there], alone.sensitivity(of), rtol=1e-9, atol=1e-12)
        assert (found.sensitivity(of)[..., ~there] == 0).all()
    np.testing.assert_allclose(found.r_squared, alone.r_squared, rtol=1e-12)
    again = bn.bootstrap(found, 40, "pairs", seed=0), bn.bootstrap(found, 40, seed=0)
    assert all(one.success.mean() > 0.9 for one in again)


def test_infinity_in_data_that_curves_share_is_refused_and_in_their_own_is_a_status():
    y, p0, _ = batch(4, 9)
    far = np.where(np.arange(16) == 5, np.inf, T)
    for x, data in ((far, y), (np.stack([T, far]), y), (T, far)):
        with pytest.raises(ValueError, match=r"data holds inf, the first at \((1, )?5,?\); expected finite"):
            bn.curve_fit(decay, x, data, p0)
    same(bn.curve_fit(decay, far, y, p0, mask=far < np.inf), bn.curve_fit(decay, T, y, p0, mask=far < np.inf))
    own = np.stack([T, -T * np.where(np.arange(16) == 5, np.inf, 1), T, T])[:, None]
    found = bn.curve_fit(decay, own, y, p0)
    assert found.status[1] == bn.Status.NOT_FINITE_AT_START and found.success[[0, 2, 3]].all()
