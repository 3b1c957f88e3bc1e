"""Losses as SciPy's, and likelihoods: against SciPy's own costs, densities and minimisers."""

import mpmath
import numpy as np
import pytest
from decays import decay
from scipy import optimize, special, stats

import batchnewton as bn
from batchnewton.losses import LIKELIHOODS, SCORES, poisson
from batchnewton.problem import Problem
from batchnewton.schedule import derivatives

T = np.linspace(0, 5, 24)
RNG = np.random.default_rng(3)
P0 = [1.0, 1.0, 0.1]


def survival(t, a, tau, c):
    return 0.98 / (1.0 + np.exp(t * tau - a)) + 0.02 * c * c / (1.0 + c * c)


TRUTH = np.stack([RNG.uniform(1, 3, 8), RNG.uniform(0.5, 2, 8), RNG.uniform(0.1, 0.5, 8)], 1)
CLEAN = decay(T, *TRUTH.T[:, :, None])
Y = CLEAN + RNG.normal(0, 0.05, CLEAN.shape) + (RNG.random(CLEAN.shape) < 0.1) * RNG.normal(0, 2, CLEAN.shape)
SIGMA = RNG.uniform(0.5, 2, T.size)


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_losses_are_scipys(loss):
    found = bn.curve_fit(decay, T, Y, P0, SIGMA, loss=loss, f_scale=0.1)
    direct = bn.least_squares(
        lambda p, t, s, y: (decay(t, p[0], p[1], p[2]) - y) / s, np.tile(P0, (8, 1)),
        data=(bn.shared(T), bn.shared(SIGMA), Y), loss=loss, f_scale=np.full(8, 0.1),
    )  # fmt: skip
    assert found.success.all()
    np.testing.assert_allclose(direct.x, found.x, rtol=1e-7)
    for y, x, fun in zip(Y, found.x, found.fun, strict=True):

        def residuals(p, y=y):
            return (decay(T, *p) - y) / SIGMA

        start = optimize.least_squares(residuals, x, loss=loss, f_scale=0.1, max_nfev=1)
        end = optimize.least_squares(residuals, x, loss=loss, f_scale=0.1, ftol=1e-15, xtol=1e-15, gtol=1e-13)
        np.testing.assert_allclose(start.cost, fun, rtol=1e-12)
        np.testing.assert_allclose(end.x, x, rtol=1e-6)  # SciPy stays where it is put: a minimum of its cost, too


def test_arguments_and_scales_do_not_mix():
    """One of each for every problem, and both the same for all: the formula gets what is its own."""
    shift, scale = np.linspace(0, 1, 8), np.linspace(0.1, 0.3, 8)

    def shifted(p, s, t, y):
        return decay(t, p[0], p[1], p[2]) + s - y

    for s, c in ((shift, scale), (0.5, 0.1)):
        found = bn.least_squares(shifted, np.tile(P0, (8, 1)), (s,), data=(bn.shared(T), Y), loss="cauchy", f_scale=c)
        moved = Y - np.broadcast_to(s, 8)[:, None]
        expected = bn.curve_fit(decay, T, moved, P0, np.ones(24), True, loss="cauchy", f_scale=c)
        np.testing.assert_allclose(found.x, expected.x, rtol=1e-7)
        np.testing.assert_allclose(found.profile("x1", 0.1)["x1"], expected.profile("tau", 0.1)["tau"], rtol=1e-6)


def test_a_loss_of_ones_own_and_the_linear_one():
    own = bn.curve_fit(decay, T, Y, P0, loss=lambda z: np.log1p(z), f_scale=0.1)
    np.testing.assert_allclose(own.x, bn.curve_fit(decay, T, Y, P0, loss="cauchy", f_scale=0.1).x, rtol=1e-9)
    plain, identity = (
        bn.curve_fit(decay, T, CLEAN + 0.01, P0),
        bn.curve_fit(decay, T, CLEAN + 0.01, P0, loss=lambda z: z),
    )
    np.testing.assert_allclose(identity.x, plain.x, rtol=1e-7)


def test_nan_is_no_outlier():
    """A rho that is constant beyond some z takes NaN for large."""

    def truncated(z):
        return np.where(z < 9.0, z, 9.0)

    t = np.linspace(0, 5, 16)
    y = 2.0 * np.exp(-t) + 0.3 + 0.1 * np.cos(7.0 * t) + 5.0 * (t == t[4])
    missing = np.arange(16) == 7
    batch = np.stack([np.where(missing, np.nan, y), y])
    curve, p0 = (lambda t, a, tau, c: a * np.exp(-t / tau) + c), [1.8, 1.1, 0.2]
    found = bn.curve_fit(curve, t, batch, p0, loss=truncated, f_scale=0.2)
    whole = bn.curve_fit(curve, t, batch, p0, loss=truncated, f_scale=0.2, mask=~np.isnan(batch))
    alone = bn.curve_fit(curve, t[~missing], y[~missing], p0, loss=truncated, f_scale=0.2)
    for name in ("x", "fun", "stderr"):
        np.testing.assert_allclose(getattr(found, name)[0], getattr(alone, name), rtol=1e-9, err_msg=name)
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name), err_msg=name)
    outside = bn.least_squares(lambda x: [np.log(x[0]), x[0] + 1.0], [[-0.9]], loss=truncated)
    assert bn.Status(outside.status[0]) == bn.Status.NOT_FINITE_AT_START


def test_a_loss_of_scipys_kind_is_named():
    with pytest.raises(TypeError, match=r"rho_of_scipy returns 3 values; expected one number(.|\n)*test_losses.py"):

        def rho_of_scipy(z):
            return np.array([np.log1p(z), 1 / (1 + z), -1 / (1 + z) ** 2])

        bn.curve_fit(decay, T, Y, P0, loss=rho_of_scipy)


def test_several_residuals_each_have_their_loss():
    found = bn.least_squares(lambda x: [x[0] - 1.0, (x[0] + 2.0, np.stack([x[1]]))], [0.0, 1.0], loss="soft_l1")
    theirs = optimize.least_squares(lambda x: [x[0] - 1.0, x[0] + 2.0, x[1]], [0.0, 1.0], loss="soft_l1", gtol=1e-14)
    np.testing.assert_allclose(found.x, theirs.x, atol=1e-7)
    np.testing.assert_allclose(found.fun, theirs.cost, rtol=1e-12)


def negative_logs(name, f, y):
    """-log L of each point, from SciPy's densities."""
    if name == "poisson":
        return -stats.poisson.logpmf(y, f)
    if name == "binomial":
        return -stats.binom.logpmf(y, 40, f)
    if name == "negative-binomial":
        return -stats.nbinom.logpmf(y, 5, 5 / (5 + f))
    if name == "rician":
        return -stats.rice.logpdf(y, f / 0.5, scale=0.5)
    return -((y + 4.0) * np.log(f + 4.0) - (f + 4.0) - special.gammaln(y + 5.0))


def case(name):
    """Formula, data, start, what the likelihood needs."""
    rng = np.random.default_rng(11)
    strong = TRUTH * [20.0, 1.0, 10.0]
    counts = decay(T, *strong.T[:, :, None])
    if name == "poisson":
        return decay, rng.poisson(counts), [40.0, 1.0, 3.0], {}
    if name == "binomial":
        y = rng.binomial(40, survival(T, *TRUTH.T[:, :, None]))
        return survival, y, [2.0, 1.0, 0.3], {"trials": 40}
    if name == "negative-binomial":
        return decay, rng.negative_binomial(5, 5 / (5 + counts)), [40.0, 1.0, 3.0], {"trials": 5}
    if name == "rician":
        y = np.hypot(CLEAN + rng.normal(0, 0.5, CLEAN.shape), rng.normal(0, 0.5, CLEAN.shape))
        return lambda t, a, tau: a * np.exp(-t / tau), y, [2.0, 1.0], {"sigma": 0.5}
    return decay, rng.poisson(counts) + rng.normal(0, 2.0, counts.shape), [40.0, 1.0, 3.0], {"sigma": 2.0}


@pytest.mark.parametrize("name", ["poisson", "binomial", "negative-binomial", "rician", "scmos"])
def test_likelihoods_are_scipys(name):
    f, y, p0, needs = case(name)
    found = bn.curve_fit(f, T, y, p0, loss=name, **needs)
    good = np.flatnonzero(found.success)
    assert len(good) >= 6
    other = found.x[good] * (1 + 0.01 * RNG.standard_normal(found.x[good].shape))
    for b, x, elsewhere in zip(good, found.x[good], other, strict=True):
        at, there = (np.sum(negative_logs(name, f(T, *p), y[b])) for p in (x, elsewhere))
        assert at < there  # a minimum of -log L ...
        eps = 1e-5 * np.abs(x)
        slope = [
            np.sum(negative_logs(name, f(T, *(x + step)), y[b]) - negative_logs(name, f(T, *(x - step)), y[b]))
            for step in np.diag(eps)
        ]
        spread = found.stderr[b] / eps / 2
        assert np.all(np.abs(slope * spread) < 1e-3)  # ... whose slope in standard errors vanishes


def test_twice_the_cost_is_the_deviance():
    _, y, p0, _ = case("poisson")
    found = bn.curve_fit(decay, T, y, p0, loss="poisson")
    f = decay(T, *found.x.T[:, :, None])
    deviance = 2 * np.sum(special.xlogy(y, y / f) - (y - f), 1)
    np.testing.assert_allclose(2 * found.fun[found.success], deviance[found.success], rtol=1e-11)


def spread_of(name, mean):
    """Gradient of the expectation of a count in the formula's value, and variance of the count."""
    if name == "binomial":
        return 40.0, 40 * mean * (1 - mean)
    return 1.0, {"poisson": mean, "negative-binomial": mean + mean**2 / 5, "scmos": mean + 4.0}[name]


@pytest.mark.parametrize("name", sorted(SCORES))
def test_scores_are_derivatives_and_their_information_is_expected(name):
    """What a likelihood says of its own derivatives against those of its value alone; Fisher's information against
    its definition; far from the minimum, and with counts of zero."""
    f, y, p0, needs = case(name)
    y = np.array(y, float)
    y[:, -3:] = 0.0
    found = bn.curve_fit(f, T, y, p0, loss=name, max_iter=1, **needs)
    x, number = np.tile(p0, (8, 1)) * np.linspace(0.8, 1.2, 8)[:, None], tuple(needs.values())
    _, gradient, hessian = bn.value_grad_hess(
        lambda p, t, k: LIKELIHOODS[name](f(t, p[0], p[1], p[2]), k, *number), x, data=(bn.shared(T), y)
    )
    for kind in ("minimize", "scoring"):
        _, g, h = derivatives(found._problem, x, kind, 1)
        np.testing.assert_allclose(g, gradient, rtol=1e-9, atol=1e-9 * np.abs(gradient).max())
        if kind == "minimize":
            np.testing.assert_allclose(h, hessian, rtol=1e-8, atol=1e-10 * np.abs(hessian).max())
    mean, eps = f(T, *x.T[:, :, None]), 1e-6 * np.array(p0)
    slopes = np.stack(
        [(f(T, *(x + d).T[:, :, None]) - f(T, *(x - d).T[:, :, None])) / (2 * d.max()) for d in np.diag(eps)], 1
    )
    factor, variance = spread_of(name, mean)
    information = np.einsum("bik,bjk,bk->bij", factor * slopes, factor * slopes, 1.0 / variance)
    np.testing.assert_allclose(h, information, rtol=1e-6, atol=1e-7 * np.abs(information).max())


def test_scoring_loses_nothing(monkeypatch):
    """From bad starts: what Newton's method alone finds is found with steps of Fisher's information before it, too,
    by fewer evaluations; each success is a minimum."""
    rng = np.random.default_rng(4)
    truth = np.stack([rng.uniform(1, 3, 400), rng.uniform(0.5, 2, 400), rng.uniform(0.1, 0.5, 400)], 1) * [20, 1, 10]
    y, start = rng.poisson(decay(T, *truth.T[:, :, None])), truth * 5.0 ** rng.uniform(-1, 1, truth.shape)
    found = bn.curve_fit(decay, T, y, start, loss="poisson")
    monkeypatch.setattr(Problem, "scored", False)
    alone = bn.curve_fit(decay, T, y, start, loss="poisson")
    assert found.success.mean() > 0.98 and found.success[alone.success].all()
    assert found.nfev.mean() < 0.75 * alone.nfev.mean()
    assert (found.fun <= alone.fun * (1 + 1e-9))[alone.success].all()
    g, H = found.grad[found.success], found.hess[found.success]
    assert (np.linalg.eigvalsh(H)[:, 0] > 0).all()
    decrement = np.einsum("bi,bi->b", g, np.linalg.solve(H, g[:, :, None])[:, :, 0])
    assert (decrement <= 1e-12 * found.fun[found.success]).all()


def test_half_a_deviance_keeps_its_digits():
    """Near mu = y both of its parts cancel, far from it one is large: against 50 digits."""
    for mu, y in ((1e6, 1e6 + 1.0), (100.0, 100.0 + 1e-5), (1e20, 1.0), (1e-300, 3.0), (7.0, 0.0), (3e-5, 1e12)):
        with mpmath.workdps(50):
            exact = mpmath.mpf(mu) - y + (y * mpmath.log(mpmath.mpf(y) / mpmath.mpf(mu)) if y else 0)
        rounding = 4e-16 * max(1.0, abs(mu - y) / float(exact))
        assert abs(float(poisson(mu, y)) / float(exact) - 1.0) <= 2 * rounding


def test_zero_counts_and_bad_counts():
    y = np.array([[0.0, 0, 1, 0, 2], [0, 0, -1, 0, 2], [np.nan, 0, 1, 0, 2]])
    found = bn.curve_fit(lambda t, a: a + 0 * t, np.arange(5.0), y, [1.0], loss="poisson")
    assert [bn.Status(s).name for s in found.status] == ["CONVERGED", "NOT_FINITE_AT_START", "CONVERGED"]
    np.testing.assert_allclose(found.x[[0, 2], 0], [0.6, 0.75], rtol=1e-9)  # the mean count
    np.testing.assert_allclose(found.cov[0, 0, 0], 0.6 / 5, rtol=1e-9)


def test_too_few_points_with_a_loss():
    found = bn.curve_fit(decay, T, Y, P0, counts=[2] + [24] * 7, loss="cauchy", f_scale=0.1)
    assert found.status[0] == bn.Status.TOO_FEW_POINTS


def test_too_few_residuals_with_a_loss():
    """Two residuals a row: two rows are enough for three unknowns, one is not."""
    pair = lambda p, t, y: (decay(t, p[0], p[1], p[2]) - y, p[0] * t - y)  # noqa: E731
    found = bn.least_squares(pair, np.tile(P0, (3, 1)), data=(bn.shared(T), Y[:3]), counts=[1, 2, 24], loss="soft_l1")
    assert (found.status == bn.Status.TOO_FEW_POINTS).tolist() == [True, False, False]
    free = bn.least_squares(pair, np.tile(P0, (3, 1)), data=(bn.shared(T), Y[:3]), counts=[1, 2, 24], loss="soft_l1",
                            prior=lambda p: (p - 1.0) @ (p - 1.0))  # fmt: skip
    assert free.success.all()


def test_scaled_covariance():
    relative = bn.curve_fit(decay, T, Y, P0, SIGMA, loss="soft_l1", f_scale=0.1)
    absolute = bn.curve_fit(decay, T, Y, P0, SIGMA, True, loss="soft_l1", f_scale=0.1)
    np.testing.assert_allclose(absolute.cov, np.linalg.inv(absolute.hess), rtol=1e-7)
    factor = 2 * relative.fun / (T.size - 3)
    np.testing.assert_allclose(relative.cov, factor[:, None, None] * absolute.cov, rtol=1e-9)
