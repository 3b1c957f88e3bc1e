"""Likelihoods where a mean is 0 or a probability rounds to 0 or 1: finite limits are taken, others are a status."""

import numpy as np
import pytest

import batchnewton as bn
from batchnewton.losses import LIKELIHOODS
from batchnewton.schedule import derivatives

EDGES = {  # at a mean of 0 and no counts, at p = 0 and none, at p = 1 and all: gradient and Hessian in the mean
    ("poisson", 0.0, 0.0): (1.0, 0.0),
    ("negative-binomial", 0.0, 0.0): (1.0, -1 / 5),
    ("scmos", 0.0, 0.0): (1.0, 0.0),
    ("binomial", 0.0, 0.0): (5.0, 5.0),
    ("binomial", 1.0, 5.0): (-5.0, 5.0),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "mean", "count"), EDGES)
def test_at_its_edge_a_likelihood_has_its_limit(name, mean, count, dtype):
    needs = {"poisson": {}, "scmos": {"sigma": 0.0}}.get(name, {"trials": 5.0})
    line, times, y = (lambda t, a: a + t), [0.0, 0.0], [[count, count]]
    problem = bn.curve_fit(line, times, y, [0.5], loss=name, max_iter=1, **needs)._problem
    x = np.full((1, 1), mean, dtype)
    gradient, hessian = EDGES[name, mean, count]
    for kind in ("minimize", "scoring"):
        f, g, h = derivatives(problem, x, kind, 1)
        assert (f, g) == (0.0, 2 * dtype(gradient))
        assert np.isfinite(h) if kind == "scoring" else h == 2 * dtype(hessian)
    number = tuple(needs.values())  # and by the derivatives of the value alone
    alone = bn.value_grad_hess(lambda p: LIKELIHOODS[name](p[0], count, *number), x, dtype=dtype)
    rounding = 4 * float(np.finfo(dtype).eps)
    assert [float(one.ravel()[0]) for one in alone] == pytest.approx([0.0, gradient, hessian], rel=rounding)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["poisson", "negative-binomial"])
def test_nothing_counted_where_nothing_is_expected_tells_nothing(name, dtype):
    """A concentration of 0: its row adds 0 to all; a count there has no probability."""
    x, needs = np.array([0.0, 1, 2, 4, 8, 16]), {"trials": 5} if name == "negative-binomial" else {}
    y = np.array([[0.0, 3, 5, 8, 9, 12], [0, 2, 5, 6, 9, 9], [1, 3, 5, 8, 9, 12]])
    for f, p0 in ((bn.models.michaelis_menten, None), (lambda x, a, b, n: a * x**n / (b**n + x**n), [15.0, 4.0, 1.5])):
        found = bn.curve_fit(f, x, y, p0, loss=name, dtype=dtype, **needs)
        assert found.success.tolist() == [True, True, False]
        assert found.status[2] == bn.Status.NOT_FINITE_AT_START
        alone = bn.curve_fit(f, x, y[:2], p0, loss=name, dtype=dtype, mask=x > 0, **needs)
        for field in ("x", "fun", "grad", "hess"):
            there, expected = getattr(found, field)[:2], getattr(alone, field)
            np.testing.assert_allclose(there, expected, rtol=1e-3, atol=1e-5 * np.abs(expected).max())
    none = bn.curve_fit(lambda x, a: a + 0 * x, x, np.zeros((2, 6)), [2.0], loss=name, bounds=(0, None), **needs)
    assert (none.status == bn.Status.CONVERGED_AT_BOUND).all() and (none.x == 0).all()


def test_all_or_none_where_the_probability_rounds_to_one_or_zero():
    x = np.array([-40.0, -3, -1, 0, 1, 3, 40])
    y = np.array([[0.0, 1, 3, 5, 8, 9, 10], [0, 0, 2, 6, 8, 10, 10], [0, 1, 3, 5, 8, 9, 9]])
    steep = lambda x, a, b: bn.special.expit(a + b * x)  # noqa: E731
    for dtype in ("float64", "float32"):
        found = bn.curve_fit(steep, x, y, [0.1, 1.2], loss="binomial", trials=10, dtype=dtype)
        assert found.success[:2].all() and found.status[2] == bn.Status.NOT_FINITE_AT_START
        alone = bn.curve_fit(steep, x, y[:2], [0.1, 1.2], loss="binomial", trials=10, dtype=dtype, mask=np.abs(x) < 9)
        np.testing.assert_allclose(found.x[:2], alone.x, rtol=1e-5)
