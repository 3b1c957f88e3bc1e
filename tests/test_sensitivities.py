"""Derivatives of answers by what was given, against refits and known derivatives."""

import numpy as np
import pytest
from decays import T, decay
from fitted_decays import SIGMA, B, M, Y, weighted_fit

import batchnewton as bn


def refit(y, x=T, **more):
    return bn.curve_fit(decay, x, y, p0=[1.5, 1.0, 0.2], **more).x


@pytest.mark.parametrize("of", ["ydata", "xdata", "sigma"])
def test_sensitivity_of_curves_is_that_of_refits(of):
    weighted = weighted_fit()
    found = weighted.sensitivity(of)
    assert found.shape == (B, 3, M)
    for k in (0, 5, 15):
        shift = 1e-5 * (np.arange(M) == k)
        ends = []
        for step in (shift, -shift):
            given = {"ydata": Y, "xdata": T, "sigma": SIGMA}
            given[of] = given[of] + step
            ends.append(refit(given["ydata"], given["xdata"], sigma=given["sigma"]))
        by_refits = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(found[:, :, k], by_refits, rtol=1e-5, atol=1e-6)


def test_sensitivity_leaves_out_what_is_missing():
    gaps = Y.copy()
    gaps[2, 7] = np.nan
    counts = np.full(B, M - 2)
    res = bn.curve_fit(decay, T, gaps, p0=[1.5, 1.0, 0.2], counts=counts)
    found = res.sensitivity("ydata")
    assert np.all(found[:, :, -2:] == 0) and np.all(found[2, :, 7] == 0) and np.all(found[:, :, 0] != 0)
    alone = bn.curve_fit(decay, np.delete(T, 7)[:-2], np.delete(Y[2], 7)[:-2], p0=[1.5, 1.0, 0.2])
    np.testing.assert_allclose(np.delete(found[2], 7, 1)[:, :-2], alone.sensitivity("ydata"), rtol=1e-6, atol=1e-9)


def test_sensitivity_of_arguments_and_data():
    """A ridge regression with a known derivative; a root; a sum over data."""
    a = np.array([1.0, 2.0, 5.0])
    root = bn.root(lambda x, a: x[0] ** 3 - a, np.ones((3, 1)), args=(a,))
    np.testing.assert_allclose(root.sensitivity("args[0]")[:, 0], a ** (-2 / 3) / 3, rtol=1e-9)
    v, w = np.array([[1.0, 2.0], [3.0, -1.0]]), 3.0
    low = bn.minimize(
        lambda x, v, w: (x[0] - v[0] * v[1]) ** 2 + (x[1] - w * v[1]) ** 2 + x[1] ** 4, np.ones((2, 2)), args=(v, w)
    )
    found = low.sensitivity("args[0]")
    curvature = 2 + 12 * low.x[:, 1] ** 2
    np.testing.assert_allclose(found[:, 0], v[:, ::-1], rtol=1e-8)
    np.testing.assert_allclose(found[:, 1], np.stack([[0.0, 0.0], 2 * w / curvature], 1), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(low.sensitivity("args[1]")[:, 1], 2 * v[:, 1] / curvature, rtol=1e-8)
    rows = np.array([[[1.0, 3.0], [2.0, 5.0], [4.0, 1.0]]])
    total = bn.minimize(lambda x, r: r[0] * (x[0] - r[1]) ** 2, [[0.0]], data=(rows,))
    weight, value = rows[0, :, 0], rows[0, :, 1]
    expected = np.stack([(value - total.x[0]) / weight.sum(), weight / weight.sum()], 1)
    np.testing.assert_allclose(total.sensitivity("data[0]")[0, 0], expected, rtol=1e-9)
    with pytest.raises(ValueError, match=r"did you mean 'data\[0\]'"):
        total.sensitivity("data[1]")
