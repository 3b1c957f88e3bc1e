"""``sigma`` as a full covariance: against SciPy's, and against what statistics must be."""

import numpy as np
import pytest
from decays import decay, jacobian
from scipy import optimize, stats

import batchnewton as bn

M, B = 8, 4
T = np.linspace(0, 5, M)
RNG = np.random.default_rng(0)
P0 = [1.5, 1.0, 0.2]
COVARIANCE = 0.05**2 * 0.5 ** np.abs(np.subtract.outer(np.arange(M), np.arange(M))) + 0.01**2 * np.eye(M)

CLEAN = decay(T, 2.0, RNG.uniform(0.7, 1.6, (B, 1)), 0.3)
Y = CLEAN + RNG.standard_normal((B, M)) @ np.linalg.cholesky(COVARIANCE).T
OWN = COVARIANCE * np.array([1.0, 2.0, 0.5, 3.0])[:, None, None] + 0.02**2 * np.diag(np.linspace(0, 1, M))
SURE = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}


@pytest.fixture(scope="module")
def fitted():
    return bn.curve_fit(decay, T, Y, P0, COVARIANCE)


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("sigma", [COVARIANCE, OWN, bn.shared(COVARIANCE)], ids=["shared", "own", "marked"])
def test_as_scipy(sigma, absolute):
    found = bn.curve_fit(decay, T, Y, P0, sigma, absolute)
    assert found.success.all()
    for b in range(B):
        matrix = OWN[b] if sigma is OWN else COVARIANCE
        x, cov = optimize.curve_fit(decay, T, Y[b], P0, matrix, absolute, **SURE)
        np.testing.assert_allclose(found.x[b], x, rtol=1e-6)
        np.testing.assert_allclose(found.cov[b], cov, rtol=1e-6)
        rest = Y[b] - decay(T, *found.x[b])
        np.testing.assert_allclose(2 * found.fun[b], rest @ np.linalg.solve(matrix, rest), rtol=1e-9)


def test_one_curve_own_abscissae_and_bounds():
    one = bn.curve_fit(decay, T, Y[0], P0, COVARIANCE)
    many = bn.curve_fit(decay, T, Y, P0, COVARIANCE, bounds=([0, 0.1, 0.4], [9, 9, 9]))
    own = bn.curve_fit(lambda u, a, tau, c: decay(u[0] + u[1], a, tau, c), np.stack([np.stack([T / 4, 3 * T / 4])] * B),
                       Y, P0, COVARIANCE)  # fmt: skip
    x, cov = optimize.curve_fit(decay, T, Y[0], P0, COVARIANCE, **SURE)
    np.testing.assert_allclose([one.x, own.x[0]], [x, x], rtol=1e-6)
    np.testing.assert_allclose([one.cov, own.cov[0]], [cov, cov], rtol=1e-6)
    assert many.success.all() and np.all(many["c"] == 0.4)
    x, _ = optimize.curve_fit(lambda t, a, tau: decay(t, a, tau, 0.4), T, Y[1], P0[:2], COVARIANCE, **SURE)
    np.testing.assert_allclose(many.x[1, :2], x, rtol=1e-6)


def test_a_diagonal_covariance_is_standard_deviations():
    sigma = np.linspace(0.02, 0.1, M)
    full, plain = (bn.curve_fit(decay, T, Y, P0, s) for s in (np.diag(sigma**2), sigma))
    for name in ("x", "fun", "cov", "reduced_chi_square", "r_squared", "aic"):
        np.testing.assert_allclose(getattr(full, name), getattr(plain, name), rtol=1e-7, err_msg=name)
    for ours, theirs in zip(full.band([0.5, 7.0]), plain.band([0.5, 7.0]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7)
    np.testing.assert_allclose(full.profile("tau")["tau"], plain.profile("tau")["tau"], rtol=1e-6)
    np.testing.assert_allclose(full.sensitivity("ydata"), plain.sensitivity("ydata"), rtol=1e-6, atol=1e-9)


def test_sensitivity_is_that_of_refits(fitted):
    shift = 1e-5 * (np.arange(M) == 3)
    ends = [bn.curve_fit(decay, T, Y + sign * shift, P0, COVARIANCE).x for sign in (1, -1)]
    np.testing.assert_allclose(fitted.sensitivity("ydata")[:, :, 3], (ends[0] - ends[1]) / 2e-5, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="covariance"):
        fitted.sensitivity("xdata")


def test_band_and_r_squared(fitted):
    value, lower, upper = fitted.band([0.5, 2.0], 0.9)
    inverse, one = np.linalg.inv(COVARIANCE), np.ones(M)
    for b in range(B):
        J, rest = jacobian(T, *fitted.x[b]), Y[b] - decay(T, *fitted.x[b])
        g = jacobian(np.array([0.5, 2.0]), *fitted.x[b])
        variance = rest @ inverse @ rest / (M - 3) * np.diag(g @ np.linalg.inv(J.T @ inverse @ J) @ g.T)
        np.testing.assert_allclose(upper[b] - value[b], stats.t.ppf(0.95, M - 3) * np.sqrt(variance), rtol=1e-6)
        apart = Y[b] - (one @ inverse @ Y[b]) / (one @ inverse @ one)
        expected = 1 - (rest @ inverse @ rest) / (apart @ inverse @ apart)
        np.testing.assert_allclose(fitted.r_squared[b], expected, rtol=1e-8)
    with pytest.raises(ValueError, match="needs sigma"):
        fitted.band([0.5], kind="prediction")


@pytest.mark.parametrize("kind", ["residual", "parametric"])
def test_bootstrap_has_the_spread_of_the_covariance(fitted, kind):
    again = bn.bootstrap(fitted, 500, kind, seed=0)
    np.testing.assert_allclose(again.stderr, fitted.stderr, rtol=0.12)
    with pytest.raises(ValueError, match="pairs"):
        bn.bootstrap(fitted, 3, "pairs")


@pytest.mark.parametrize("sigma", [COVARIANCE, OWN], ids=["shared", "own"])
def test_points_that_are_missing_leave_the_covariance_of_the_others(sigma):
    mask = np.ones((B, M), bool)
    mask[0, 3] = mask[2, 6:] = mask[3, ::2] = False
    x, own = np.where(np.arange(M) == 3, np.nan, T), np.where(mask, T, np.nan)[:, None]
    counts = np.array([M, M, 6, M])
    for given, there in (
        ((T, np.where(mask, Y, np.nan), {}), mask),
        ((own, np.where(mask, Y, 1e30), {"mask": mask}), mask),
        ((x, Y, {}), np.broadcast_to(~np.isnan(x), mask.shape)),
        ((x, Y, {"counts": counts}), ~np.isnan(x) & (np.arange(M) < counts[:, None])),
    ):
        abscissae, y, more = given
        found = bn.curve_fit(decay, abscissae, y, P0, sigma, **more)
        assert found.success.all()
        for b, some in enumerate(there):
            part = np.broadcast_to(sigma, (B, M, M))[b][np.ix_(some, some)]
            alone = bn.curve_fit(decay, T[some], Y[b, some], P0, part)
            for name in ("x", "fun", "cov"):
                np.testing.assert_allclose(getattr(found, name)[b], getattr(alone, name), rtol=1e-7, err_msg=name)
            sensitivity = found.sensitivity("ydata")[b]
            np.testing.assert_allclose(sensitivity[:, some], alone.sensitivity("ydata"), rtol=1e-6, atol=1e-9)
            assert (sensitivity[:, ~some] == 0).all()
            np.testing.assert_allclose(found.r_squared[b], alone.r_squared, rtol=1e-9)
    one = bn.curve_fit(decay, x, Y[0], P0, COVARIANCE)
    assert one.x.shape == (3,) and one.success


def with_one_wrong(b, change):
    matrices = OWN.copy()
    change(matrices[b])
    return matrices


def negative(matrix):
    matrix[0, 0] = -1.0


def lopsided(matrix):
    matrix[0, 1] *= 2.0


BAD = [
    (dict(sigma=with_one_wrong(2, negative)), ["sigma[2]", "positive definite"]),
    (dict(sigma=with_one_wrong(0, lopsided)), ["sigma", "symmetric"]),
    (dict(sigma=np.where(np.eye(M) > 0, np.nan, 0.0)), ["sigma", "NaN"]),
    (dict(sigma=bn.shared(np.eye(M - 1))), ["sigma", "(7, 7)", "(8, 8)"]),
    (dict(sigma=np.ones((M, M - 1))), ["sigma", "(8, 7)", "covariance"]),
    (dict(sigma=COVARIANCE, y=np.ones((M, M))), ["sigma", "(8, 8)", "bn.shared"]),
    (dict(sigma=COVARIANCE, loss="huber"), ["sigma", "'huber'", "'linear'"]),
    (dict(sigma=np.eye(201), y=np.ones((B, 201)), x=np.ones(201)), ["sigma", "201", "200"]),
]


@pytest.mark.parametrize(("given", "words"), BAD, ids=[" ".join(row[1][:2]) for row in BAD])
def test_bad_calls(given, words, monkeypatch):
    monkeypatch.setattr("batchnewton.schedule.for_each", lambda *_: pytest.fail("something ran"))
    given = dict(given)
    with pytest.raises(ValueError) as caught:
        bn.curve_fit(decay, given.pop("x", T), given.pop("y", Y), P0, **given)
    for word in words:
        assert word in str(caught.value)


def test_as_many_curves_as_points():
    """(m, m) is standard deviations, unless it could be a covariance; `shared` says that it is one."""
    y = np.vstack([Y, Y + 0.01])
    deviations = RNG.uniform(0.5, 1.5, (M, M))
    found = bn.curve_fit(decay, T, y, P0, deviations)
    x, _ = optimize.curve_fit(decay, T, y[3], P0, deviations[3], **SURE)
    np.testing.assert_allclose(found.x[3], x, rtol=1e-6)
    marked = bn.curve_fit(decay, T, y, P0, bn.shared(COVARIANCE))
    np.testing.assert_allclose(marked.x[:B], bn.curve_fit(decay, T, Y, P0, COVARIANCE).x, rtol=1e-9)
