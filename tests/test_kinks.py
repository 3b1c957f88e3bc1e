"""What ends at a kink says so; what ends elsewhere does not."""

import numpy as np
import pytest

import batchnewton as bn

X = np.linspace(0, 10, 21)
KINK = bn.Status.KINK


def by_select(x, a, b, c, d):
    return a + b * x + c * np.where(x > d, x - d, 0.0)


def by_maximum(x, a, b, c, d):
    return a + b * x + c * np.maximum(x - d, 0.0)


def smoothed(x, a, b, c, d):
    return a + b * x + c * ((x - d) + np.hypot(x - d, 0.3)) / 2


def segments(size):
    return 1 + 0.5 * X + 1.5 * np.maximum(X - 5, 0) + 0.1 * np.random.default_rng(0).normal(size=(size, 21))


@pytest.mark.parametrize("formula", [by_select, by_maximum])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_break_on_a_datum(formula, dtype):
    result = bn.curve_fit(formula, X, segments(300), [1.0, 0.5, 1.0, 4.8], dtype=dtype)
    on_datum = abs(result.x[:, 3] * 2 - np.round(result.x[:, 3] * 2)) < 1e-5
    assert 20 < on_datum.sum() < 100
    assert (result.status[on_datum] == KINK).all() and result.success[~on_datum].all()
    assert "kink" in result.summary() and "starts=" in bn.curve_fit(formula, X, segments(300)[on_datum][0]).message()


def test_what_the_advice_leads_to():
    """The break held, or the corner smoothed: certified minima."""
    y, p0 = segments(100), [1.0, 0.5, 1.0, 4.8]
    at = bn.curve_fit(by_maximum, X, y, p0)
    held = bn.curve_fit(by_maximum, X, y, at.x, fixed=["d"])
    assert (at.status == KINK).any() and held.success.all()
    assert (held.fun <= at.fun * (1 + 1e-9)).all() and (held.fun >= at.fun * (1 - 1e-3)).all()
    assert bn.curve_fit(smoothed, X, y, p0).success.all()


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: abs(x[0] - 1) + (x[0] - 1) ** 2 + x[1] ** 2,
        lambda x: np.maximum(x[0] + x[1], 2 * (x[0] - x[1])) + x[0] ** 2 + x[1] ** 2,
        lambda x: np.where(x[0] < 1, 3 + x[1] ** 2, x[0] + x[1] ** 2),
        lambda x: np.sqrt((x[0] - 1) ** 2 + (x[1] - 2) ** 2) + 0.1 * x[0] ** 2,
    ],
    ids=["abs", "maximum", "jump", "norm"],
)
def test_kinks_and_jumps_of_functions(fun):
    start = np.random.default_rng(0).uniform(1.2, 3, (40, 2))
    for method in ("newton", "bfgs"):
        result = bn.minimize(fun, start, method=method, max_iter=200)
        assert not result.success.any() and (result.status == KINK).mean() > 0.75  # some leap over the jump


@pytest.mark.parametrize("few", [3, 20])
def test_no_kink_where_there_is_none(few):
    """Smooth problems that fail, with selects in their formulas."""

    def huber(x):
        u = 1 - x[0]
        return 100 * (x[1] - x[0] ** 2) ** 2 + np.where(abs(u) < 1, u * u / 2, abs(u) - 0.5)

    start = np.random.default_rng(0).uniform(-3, 3, (100, 2))
    stopped = bn.minimize(huber, start, max_iter=few)
    assert not (stopped.status == KINK).any() and (~stopped.success).sum() > 20
    t = np.linspace(0, 5, 16)
    flat = bn.curve_fit(lambda t, a, tau, c: a * np.exp(-t / abs(tau)) + c, t,
                        0.3 + np.random.default_rng(1).normal(0, 0.05, (200, 16)), [1.0, 1.0, 0.0])  # fmt: skip
    assert not (flat.status == KINK).any() and not flat.success.all()
