"""SciPy's idiom, residuals of data that the function holds: read row by row, or refused at once."""

import numpy as np
import pytest

import batchnewton as bn
from batchnewton.fingerprint import fingerprint
from batchnewton.function import from_function


def data(m, curves=4):
    rng = np.random.default_rng(m)
    t = np.linspace(0, 5, m)
    return t, 3 * np.exp(-t / 1.5) + 0.5 + rng.normal(0, 0.01, (curves, m))


def problem(fun, x0, args=()):
    return from_function("least-squares", fun, x0, args, ())


def held(t, y):
    return lambda p: p[0] * np.exp(-t / p[1]) + p[2] - y


def passed(p, t, y):
    return p[0] * np.exp(-t / p[1]) + p[2] - y


def wanted(t, y):
    return bn.curve_fit(lambda t, a, b, c: a * np.exp(-t / b) + c, t, y, np.ones(3), sigma=1.0, absolute_sigma=True)


def test_arrays_that_the_function_holds_are_rows_of_data():
    t, y = data(16)
    res = bn.least_squares(held(t, y[0]), np.ones(3))
    want = wanted(t, y[0])
    np.testing.assert_allclose(res.x, want.x, rtol=1e-9)
    np.testing.assert_allclose(res.cov, want.cov, rtol=1e-6)
    assert res.status == bn.Status.CONVERGED


def test_other_data_have_the_same_kernel():
    first, second = (problem(held(t, y[0]), np.ones(3)) for t, y in (data(16), data(1000)))
    assert (first.m, second.m) == (16, 1000)
    assert first.signature is second.signature


def test_arrays_in_args():
    t, y = data(40)
    want = wanted(t, y)
    for args in ((bn.shared(t), y), (np.tile(t, (4, 1)), y)):
        res = bn.least_squares(passed, np.ones((4, 3)), args=args)
        np.testing.assert_allclose(res.x, want.x, rtol=1e-9)
        assert problem(passed, np.ones((4, 3)), args).m == 40
        assert res.sensitivity("args[1]").shape == (4, 3, 40)
    single = bn.least_squares(passed, np.ones(3), args=(t, y[2]))
    np.testing.assert_allclose(single.x, want.x[2], rtol=1e-9)
    assert single.sensitivity("args[1]").shape == (3, 40)


def test_functions_of_the_data_keep_their_meaning():
    t, y = data(16)

    def centred(p, y):
        return p[0] * np.exp(-t / p[1]) + p[2] * np.mean(t) * np.max(y) - y

    res = bn.least_squares(centred, np.ones((4, 3)), args=(y,))
    assert problem(centred, np.ones((4, 3)), (y,)).m == 16
    want = wanted(t, y).x
    np.testing.assert_allclose(res.x[:, :2], want[:, :2], rtol=1e-7)
    np.testing.assert_allclose(res.x[:, 2] * np.mean(t) * np.max(y, 1), want[:, 2], rtol=1e-7)


def test_losses_bounds_and_precisions():
    t, y = data(16)
    for options in ({"loss": "huber", "f_scale": 0.01}, {"bounds": (0, 10)}, {"dtype": "float32"}):
        res = bn.least_squares(held(t, y[1]), np.ones(3), **options)
        assert res.success and np.allclose(res.x, [3, 1.5, 0.5], atol=0.1)


CHAINED = {
    "a sum over all rows": lambda t, y: lambda p: np.cumsum(p[0] * np.exp(-t / p[1]) + p[2] - y),
    "more than the rows": lambda t, y: lambda p: np.append(p[0] * np.exp(-t / p[1]) + p[2] - y, p[0] - 3),
}


@pytest.mark.parametrize("name", CHAINED)
def test_what_is_no_row_is_derived_as_a_whole_or_refused(name):
    t, y = data(12)
    res = bn.least_squares(CHAINED[name](t, y[0]), np.ones(3))
    assert res.success and problem(CHAINED[name](t, y[0]), np.ones(3)).m == 1
    t, y = data(1000)
    with pytest.raises(ValueError, match=r"100[01] residuals.* data=\(t, y\) \(or bn.curve_fit\)"):
        bn.least_squares(CHAINED[name](t, y[0]), np.ones(3))


def test_a_long_sum_says_that_it_takes_long():
    t, y = data(2000, 1)
    fun = held(t, y[0])
    with pytest.warns(UserWarning, match="takes some .* s; for a sum over data points: with data="):
        from_function("minimize", lambda p: np.sum(fun(p) ** 2), np.ones(3), (), ())


def test_systems_stay_what_they_are():
    def broyden(x):
        return [(3 - 2 * x[i]) * x[i] + 1 - (x[i - 1] if i else 0) - (2 * x[i + 1] if i < 8 else 0) for i in range(9)]

    assert problem(broyden, np.full(9, -1.0)).fun.key == fingerprint(broyden).key
    assert bn.least_squares(broyden, np.full(9, -1.0)).success
