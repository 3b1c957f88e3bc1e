"""Roots within brackets: against SciPy, and what is no root in spite of its change of sign."""

import numpy as np
import pytest
import scipy.optimize

import batchnewton as bn
from batchnewton import Status

DTYPES = ("float64", "float32")
B = 3000


def monotone(x, k, p, s, c):
    t = x[0] - c
    return k * t + np.arctan(s * t) + p * t**3 + 0.3 * p * (np.exp(t) - 1)


def monotones():
    """Steep, flat and bent ones, in brackets of all widths; the last of the arguments is the root."""
    rng = np.random.default_rng(0)
    args = (*rng.uniform(0, 2, (2, B)) ** 4, 10 ** rng.uniform(-3, 5, B), rng.uniform(-3, 3, B))
    ends = args[3] - 10 ** rng.uniform(-3, 1.5, B), args[3] + 10 ** rng.uniform(-3, 1.5, B)
    return args, ends


@pytest.mark.parametrize("dtype", DTYPES)
def test_random_monotone_functions(dtype):
    args, ends = monotones()
    result = bn.root(monotone, args=args, bracket=ends, dtype=dtype)
    assert result.success.all()
    assert abs(result.x[:, 0] - args[3]).max() <= 30 * np.finfo(dtype).eps
    assert result.nfev.max() <= 100 and result.nfev.mean() <= 15


def test_as_brentq():
    def waves(x, a, b):
        return np.cos(a * x[0]) - b * x[0] - 0.1

    rng = np.random.default_rng(1)
    a, b = rng.uniform(0.2, 1.0, 300), rng.uniform(1.0, 2.0, 300)
    result = bn.root(waves, args=(a, b), bracket=np.stack([np.full(300, 2.0), np.full(300, -1.0)], 1))
    expected = [
        scipy.optimize.brentq(lambda t, i=i: np.cos(a[i] * t) - b[i] * t - 0.1, -1.0, 2.0, xtol=1e-15)
        for i in range(300)
    ]
    assert result.success.all()
    np.testing.assert_allclose(result.x[:, 0], expected, rtol=1e-13, atol=1e-15)


def power(x, c, degree):
    t = x[0] - c
    return np.where(degree > 20.0, t**21, np.where(degree > 2.5, t**3, np.where(degree > 1.5, t * abs(t), t)))


def test_multiple_roots_end():
    """Newton's method alone takes 700 steps on x²¹."""
    c, degree = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 0.0]), np.array([21.0, 21.0, 3.0, 3.0, 2.0, 1.0])
    result = bn.root(power, args=(c, degree), bracket=(-1.0, 2.0))
    assert result.success.all()
    np.testing.assert_allclose(result.x[:, 0], c, atol=1e-13)
    assert result.nfev.max() <= 120


def test_a_root_that_underflows_is_no_success():
    """x²¹ is 0 in float32 below 0.016, and its slope with it."""
    result = bn.root(power, args=(0.0, 21.0), bracket=(-1.0, 2.0), dtype="float32")
    assert result.status == Status.SINGULAR and not result.success


def odd_one(x, which):
    """What changes its sign, or seems to, and is no root."""
    t = x[0]
    cases = [1 / t, 1 / (t - 1) ** 3, np.tan(t + 1.1), np.where(t > 0.3, 1.0, -1.0) * (1 + t * t), t * t + 1]
    cases += [np.where(t > 0.1, 1.0, -1.0) + 0 * t, np.where(t > 0.3, 1e-3, -1e-3) + t * 1e-4 - 3e-5]
    chosen = cases[0]
    for number, case in enumerate(cases[1:], 1):
        chosen = np.where(which == number, case, chosen)
    return chosen


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_pole_and_a_jump_are_no_roots(dtype):
    result = bn.root(odd_one, args=(np.arange(7.0),), bracket=(-1.0, 1.5), dtype=dtype)
    assert (result.status == Status.NO_ROOT).all()
    np.testing.assert_allclose(result.x[[0, 1, 2, 3], 0], [0.0, 1.0, np.pi / 2 - 1.1, 0.3], atol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_poles_at_random_places(dtype):
    rng = np.random.default_rng(2)
    poles = rng.uniform(-1, 1, 2000)
    result = bn.root(lambda x, a: 1 / (x[0] - a) + 0.5, args=(poles,), bracket=(-1.5, 1.25), dtype=dtype)
    assert not result.success.any()


def gap(x, a):
    return np.sqrt(x[0] ** 2 - a) * np.sign(x[0]) + 0.3 * x[0]


def test_nan_inside_gets_its_status():
    result = bn.root(gap, args=([0.25, 0.04, 4.0],), bracket=(-1.0, 1.5))
    assert result.status.tolist() == [Status.NOT_FINITE, Status.NOT_FINITE, Status.NOT_FINITE_AT_START]


def shifted(x, a):
    return x[0] ** 2 - a


def test_ends():
    ends = [(1.0, 3.0), (3.0, 1.0), (0.0, 1.0), (1.5, 3.0), (np.nan, 1.0), (0.0, np.inf), (2.0, 2.0)]
    result = bn.root(shifted, args=(np.ones(7),), bracket=np.array(ends))
    assert result.success.tolist() == [True, True, True, False, False, False, False]
    assert (result.x[:3] == 1.0).all()
    assert result.status[3:].tolist() == [
        Status.NO_ROOT, Status.NOT_FINITE_AT_START, Status.NOT_FINITE_AT_START, Status.NO_ROOT
    ]  # fmt: skip


def test_shapes_starts_and_history():
    one = bn.root(shifted, args=(2.0,), bracket=(0.0, 2.0), history=True)
    assert one.x.shape == (1,) and one.x[0] == pytest.approx(2**0.5, rel=1e-15)
    assert one.history.fun.shape == (one.nfev,)
    both = bn.root(shifted, [[1.4], [50.0]], (2.0,), bracket=(0.0, 2.0))
    assert both.success.all() and both.nfev[0] <= 6
    own = bn.root(shifted, args=([2.0, 3.0],), bracket=(np.zeros(2), 2.0))
    np.testing.assert_allclose(own.x[:, 0] ** 2, [2.0, 3.0], rtol=1e-15)


def test_max_iter_is_exact():
    result = bn.root(monotone, args=monotones()[0], bracket=monotones()[1], max_iter=6)
    assert result.nfev.max() == 6
    assert set(result.status.tolist()) <= {Status.CONVERGED, Status.MAX_ITER}


@pytest.mark.parametrize(
    ("bracket", "x0", "kind", "words"),
    [
        ((0.0, 1.0, 2.0), None, ValueError, "3 parts"),
        ([1.0, 2.0, 3.0], None, ValueError, r"\(B, 2\)"),
        ((np.zeros(3), 1.0), [[1.0], [1.0]], ValueError, r"bracket\[0\]"),
        ((0.0, 1.0), [[1.0, 2.0]], ValueError, "one unknown"),
        ("wide", None, TypeError, "bracket"),
    ],
)
def test_bad_brackets(bracket, x0, kind, words):
    with pytest.raises(kind, match=words):
        bn.root(shifted, x0, (2.0,), bracket=bracket)


def test_x0_is_needed_without_a_bracket():
    with pytest.raises(TypeError, match="x0 is None"):
        bn.root(shifted, args=(2.0,))


def test_mixed_precision_knows_no_bracket():
    with pytest.raises(ValueError, match="dtype='mixed' does not know a bracket; expected dtype='float64'"):
        bn.root(lambda x: x[0] - 1.0, bracket=(0.0, 3.0), dtype="mixed")
