"""Priors: closed forms, SciPy's minimisers, and data of which there are few or none."""

import numpy as np
import pytest
from decays import decay
from scipy import optimize, stats

import batchnewton as bn

RNG = np.random.default_rng(0)
B, M, N = 6, 8, 3
A, Z, LAM = RNG.standard_normal((B, M, N)), RNG.standard_normal((B, M)), RNG.uniform(0.1, 2, B)
COUNTS = np.array([0, 1, 2, 8, 5, 3])

T = np.linspace(0, 5, M)
TAU = RNG.uniform(0.8, 1.6, B)
Y = 2.0 * np.exp(-T / TAU[:, None]) + 0.3 + 0.1 * RNG.standard_normal((B, M))
P0 = [1.5, 1.0, 0.2]
MIDDLE = RNG.uniform(0.9, 1.3, B)


def belief(a, tau, c, middle):
    return 0.5 * ((tau - middle) / 0.2) ** 2 + 0.5 * (a - 2.0) ** 2 + 50.0 * c * c


def residual(x, lam, row, z):
    return row @ x - z


def half_square(x, lam, row, z):
    return 0.5 * residual(x, lam, row, z) ** 2


def ridge(x, lam):
    return 0.5 * lam * (x @ x)


@pytest.mark.parametrize("door", ["least_squares", "minimize"])
@pytest.mark.parametrize("missing", [None, "counts", "mask"])
def test_ridge_regression_is_the_closed_form(door, missing):
    """With no rows at all, too: the prior is added once, not once a row."""
    there = np.arange(M) < (COUNTS if missing else np.full(B, M))[:, None]
    more = {} if missing is None else {missing: COUNTS if missing == "counts" else there}
    z = np.where(there, Z, np.nan)
    fun = residual if door == "least_squares" else half_square
    found = getattr(bn, door)(fun, np.ones((B, N)), (LAM,), data=(A, z), prior=ridge, **more)
    assert found.success.all()
    for b in range(B):
        rows, H = A[b][there[b]], A[b][there[b]].T @ A[b][there[b]] + LAM[b] * np.eye(N)
        x = np.linalg.solve(H, rows.T @ Z[b][there[b]])
        np.testing.assert_allclose(found.x[b], x, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.cov[b], np.linalg.inv(H), rtol=1e-9)
        cost = 0.5 * np.sum((rows @ x - Z[b][there[b]]) ** 2) + 0.5 * LAM[b] * x @ x
        np.testing.assert_allclose(found.fun[b], cost, rtol=1e-12)


def test_a_prior_without_data_is_a_summand():
    found = bn.minimize(lambda x, a: (x[0] - a) ** 4, [[1.0], [2.0]], ([0.0, 3.0],), prior=lambda x, a: x[0] ** 2)
    whole = bn.minimize(lambda x, a: (x[0] - a) ** 4 + x[0] ** 2, [[1.0], [2.0]], ([0.0, 3.0],))
    np.testing.assert_allclose(found.x, whole.x, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.fun, whole.fun, rtol=1e-12, atol=1e-20)


def with_gaps():
    y = Y.copy()
    y[1, 3] = y[2, :6] = y[4, 1:] = np.nan
    return y


@pytest.fixture(scope="module")
def fitted():
    return bn.curve_fit(decay, T, with_gaps(), P0, sigma=0.1, prior=belief, prior_args=(MIDDLE,))


def posterior(p, y, middle):
    there = ~np.isnan(y)
    return 0.5 * np.sum(((decay(T, *p) - y)[there] / 0.1) ** 2) + belief(*p, middle)


def test_map_is_scipys(fitted):
    """NaN left out, one curve with two points, one with one: what the prior determines is not refused."""
    assert fitted.success.all()
    for b, y in enumerate(with_gaps()):
        theirs = optimize.minimize(posterior, fitted.x[b] * 1.02, (y, MIDDLE[b]), options={"gtol": 1e-7})
        np.testing.assert_allclose(fitted.x[b], theirs.x, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(fitted.fun[b], posterior(fitted.x[b], y, MIDDLE[b]), rtol=1e-12)
        step = 1e-4 * np.eye(3)
        at = [[posterior(fitted.x[b] + d + e, y, MIDDLE[b]) for d in (step, -step)[0]] for e in step]
        single = [posterior(fitted.x[b] + d, y, MIDDLE[b]) for d in step]
        H = (np.array(at) - np.add.outer(single, single) + fitted.fun[b]) / 1e-8
        np.testing.assert_allclose(np.linalg.inv(fitted.cov[b]), H, rtol=2e-2, atol=2.0)


def test_statistics_of_a_posterior(fitted):
    low, high = fitted.profile("tau", 0.9)["tau"].T
    quantile = stats.norm.ppf(0.95)
    for b in (0, 3):
        for end in (low[b], high[b]):

            def held(p, end=end, b=b):
                return posterior([p[0], end, p[1]], with_gaps()[b], MIDDLE[b])

            rise = optimize.minimize(held, fitted.x[b][[0, 2]], options={"gtol": 1e-7}).fun - fitted.fun[b]
            np.testing.assert_allclose(2 * rise, quantile**2, rtol=1e-4)
    shift = 1e-5
    ends = [
        bn.curve_fit(decay, T, with_gaps(), P0, sigma=0.1, prior=belief, prior_args=(MIDDLE + sign * shift,)).x
        for sign in (1, -1)
    ]
    np.testing.assert_allclose(fitted.sensitivity("prior_args[0]"), (ends[0] - ends[1]) / (2 * shift), rtol=1e-4,
                               atol=1e-6)  # fmt: skip
    _, lower, upper = fitted.band([0.5])
    g = np.stack([np.exp(-0.5 / fitted["tau"]),
                  fitted["a"] * 0.5 / fitted["tau"] ** 2 * np.exp(-0.5 / fitted["tau"]), np.ones(B)], 1)  # fmt: skip
    half = stats.norm.ppf(0.975) * np.sqrt(np.einsum("bi,bij,bj->b", g, fitted.cov, g))
    np.testing.assert_allclose((upper - lower)[:, 0], 2 * half, rtol=1e-9)


def test_with_losses_bounds_and_covariances(fitted):
    counts = RNG.poisson(20 * decay(T, 2.0, 1.0, 0.3), (B, M))

    def towards_one(a, tau, c):
        return 8.0 * np.log(tau) ** 2

    found = bn.curve_fit(decay, T, counts, [30.0, 1.0, 5.0], loss="poisson", prior=towards_one,
                         bounds={"c": (0, None), "a": (1, 60)})  # fmt: skip
    assert found.success.all()
    for b in range(B):

        def cost(p, y=counts[b]):
            f = decay(T, *p)
            return np.sum(stats.poisson.logpmf(y, np.maximum(y, 1e-300)) - stats.poisson.logpmf(y, f)) + towards_one(*p)

        free = optimize.minimize(cost, found.x[b], bounds=[(1, 60), (0.1, 10), (0, 50)])
        assert found.fun[b] <= free.fun + 1e-9 * abs(free.fun)
        np.testing.assert_allclose(found.fun[b], cost(found.x[b]), rtol=1e-9)
    matrix = np.diag(np.full(M, 0.01))
    covariant = bn.curve_fit(decay, T, Y, P0, matrix, prior=belief, prior_args=MIDDLE)
    plain = bn.curve_fit(decay, T, Y, P0, 0.1, prior=belief, prior_args=MIDDLE)
    np.testing.assert_allclose(covariant.x, plain.x, rtol=1e-7)
    np.testing.assert_allclose(covariant.cov, plain.cov, rtol=1e-6)


def test_a_prior_may_branch_and_losses_keep_their_own_scale():
    def one_sided(x, lam):
        return lam * (x[0] - 0.1) ** 2 if x[0] > 0.1 else 0.0 * x[0]

    scale = np.full(B, 0.5)
    found = bn.least_squares(residual, np.ones((B, N)), (LAM,), data=(A, Z), loss="soft_l1", f_scale=scale,
                             prior=one_sided)  # fmt: skip
    for b in np.flatnonzero(found.success):

        def cost(x, b=b):
            z = ((A[b] @ x - Z[b]) / 0.5) ** 2
            return 0.125 * np.sum(2 * (np.sqrt(1 + z) - 1)) + (LAM[b] * max(x[0] - 0.1, 0.0) ** 2)

        np.testing.assert_allclose(found.fun[b], cost(found.x[b]), rtol=1e-12)
        assert cost(found.x[b]) <= optimize.minimize(cost, found.x[b]).fun + 1e-9
    assert found.success.any()


def line(t, a, b):
    return a * t + b


BAD = [
    (lambda: bn.curve_fit(line, T, Y, [1.0, 1.0], prior=3.0), TypeError, ["prior", "float", "prior(a, b)"]),
    (lambda: bn.curve_fit(line, T, Y, [1.0, 1.0], prior=lambda a: a), TypeError, ["prior", "(a)", "prior(a, b)"]),
    (lambda: bn.curve_fit(line, T, Y, [1.0, 1.0], prior=lambda a, b, m: a, prior_args=np.ones(B + 1)), ValueError,
     ["prior_args[0]", "(7,)", "6"]),
    (lambda: bn.curve_fit(line, T, Y, [1.0, 1.0], prior=lambda a, b: (a, b)), TypeError, ["prior", "2", "one"]),
    (lambda: bn.minimize(lambda x, a: x[0] ** 2, [1.0], 2.0, prior=lambda x: x[0]), TypeError, ["prior(x, args[0])"]),
    (lambda: bn.curve_fit(line, T, Y, [1.0, 1.0], prior_args=1.0), ValueError, ["prior_args", "prior"]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), BAD)
def test_bad_calls(call, kind, words, monkeypatch):
    monkeypatch.setattr("batchnewton.schedule.for_each", lambda *_: pytest.fail("something ran"))
    with pytest.raises(kind) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
