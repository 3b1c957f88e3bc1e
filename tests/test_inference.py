"""Statistics of a result against their definitions, SciPy, lmfit and iminuit."""

import math

import iminuit
import lmfit
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

import batchnewton as bn
from batchnewton.inference import bootstrap as resampling
from batchnewton.inference.quantiles import t_quantile

B, M = 6, 16
T = np.linspace(0, 5, M)
NOISE = 0.05


def decay(t, a, tau, c):
    return a * np.exp(-t / tau) + c


@pytest.fixture(scope="module")
def y():
    rng = np.random.default_rng(0)
    return decay(T, 2.0, rng.uniform(0.7, 1.6, (B, 1)), 0.3) + NOISE * rng.standard_normal((B, M))


@pytest.fixture(scope="module")
def sigma():
    return NOISE * np.linspace(0.5, 1.5, M)


@pytest.fixture(scope="module")
def fitted(y):
    return bn.curve_fit(decay, T, y, p0={"a": 1.0, "tau": 1.0, "c": 0.0})


@pytest.fixture(scope="module")
def weighted(y, sigma):
    return bn.curve_fit(decay, T, y, p0=[1.0, 1.0, 0.0], sigma=sigma, absolute_sigma=True)


def by_lmfit(y, weights=None, scale=True):
    model = lmfit.Model(decay)
    options = {"xtol": 1e-14, "ftol": 1e-14}
    return model.fit(y, t=T, a=1.0, tau=1.0, c=0.0, weights=weights, scale_covar=scale, fit_kws=options)


def jacobian(t, p):
    a, tau, _ = p
    return np.stack([np.exp(-t / tau), a * t / tau**2 * np.exp(-t / tau), np.ones_like(t)], 1)


def test_t_quantiles():
    freedom = np.array([1, 2, 3, 4, 5, 10, 37, 100, 1001, 50_000, 100_001, 10**7])
    for level in (0.1, 0.6827, 0.95, 0.9999):
        np.testing.assert_allclose(t_quantile(level, freedom), stats.t.ppf(0.5 + level / 2, freedom), rtol=1e-10)


def test_names_and_values(fitted):
    assert fitted.names == ("a", "tau", "c")
    np.testing.assert_array_equal(fitted["tau"], fitted.x[:, 1])
    with pytest.raises(KeyError, match="did you mean 'tau'"):
        fitted["ta"]


def test_start_by_name(y):
    one = bn.curve_fit(decay, T, y[0], p0={"c": 0.0, "tau": 1.0, "a": 1.0})
    each = bn.curve_fit(decay, T, y, p0={"c": np.zeros(B), "tau": 1.0, "a": 1.0})
    np.testing.assert_array_equal(one.x, each.x[0])
    for start, message in [
        ({"a": 1, "tua": 1, "c": 1}, "did you mean 'tau'"),
        ({"a": 1, "c": 1}, "no value of tau"),
        ({"a": [1, 2], "tau": [1, 2, 3], "c": 0}, "p0 holds arrays"),
    ]:
        with pytest.raises(ValueError, match=message):
            bn.curve_fit(decay, T, y, p0=start)


def test_quality_of_fit_is_that_of_lmfit(fitted, weighted, y, sigma):
    for b in range(B):
        ours, theirs = fitted, by_lmfit(y[b])
        np.testing.assert_allclose(ours.reduced_chi_square[b], theirs.redchi, rtol=1e-9)
        np.testing.assert_allclose(ours.r_squared[b], theirs.rsquared, rtol=1e-9)
        np.testing.assert_allclose([ours.aic[b], ours.bic[b]], [theirs.aic, theirs.bic], rtol=1e-9)
        J = jacobian(T, ours.x[b])
        cov = np.linalg.inv(J.T @ J)
        correlation = cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1])
        np.testing.assert_allclose(ours.correlation[b, 0, 1], correlation, rtol=1e-9)
        np.testing.assert_allclose(theirs.params["a"].correl["tau"], correlation, atol=1e-4)  # by differences
        theirs = by_lmfit(y[b], 1 / sigma, scale=False)
        np.testing.assert_allclose(weighted.reduced_chi_square[b], theirs.redchi, rtol=1e-9)
        errors = [theirs.params[name].stderr for name in ("a", "tau", "c")]
        np.testing.assert_allclose(weighted.stderr[b], errors, rtol=1e-4)  # by differences
        np.testing.assert_allclose(weighted.aic[b], theirs.chisqr + 6, rtol=1e-9)
        np.testing.assert_allclose(weighted.bic[b], theirs.chisqr + 3 * np.log(M), rtol=1e-9)
    middle = np.sum(y / sigma**2, 1) / np.sum(1 / sigma**2)
    total = np.sum((y - middle[:, None]) ** 2 / sigma**2, 1)
    np.testing.assert_allclose(weighted.r_squared, 1 - 2 * weighted.fun / total, rtol=1e-9)
    np.testing.assert_array_equal(np.diagonal(fitted.correlation, axis1=1, axis2=2), 1.0)


def test_residuals_of_a_row_count_as_observations(fitted, y):
    """The same fits through another door, eight rows of two residuals each."""
    pairs = np.stack([np.broadcast_to(T, y.shape), y], 2).reshape(B, M // 2, 4)
    other = bn.least_squares(
        lambda x, r: (decay(r[0], *x) - r[1], decay(r[2], *x) - r[3]), np.tile([1.0, 1.0, 0.0], (B, 1)), data=(pairs,)
    )
    np.testing.assert_allclose(other.reduced_chi_square, fitted.reduced_chi_square, rtol=1e-9)
    np.testing.assert_allclose(other.bic - other.aic, 3 * (np.log(M) - 2), rtol=1e-9)
    found = other.profile("x1", 0.1)["x1"]
    for b in range(B):  # sigma is 1 here; a small level, as the data are far better than that
        low, high = profile_by_scipy(y[b], fitted["tau"][b], 2 * fitted.fun[b], stats.norm.ppf(0.55), 1.0)
        np.testing.assert_allclose(found[b], [low, high], rtol=1e-7)


@pytest.mark.parametrize("kind", ["confidence", "prediction"])
def test_band_is_the_delta_method(fitted, y, kind):
    new = np.array([-0.5, 0.3, 2.0, 9.0])
    value, lower, upper = fitted.band(new, 0.9, kind)
    q = stats.t.ppf(0.95, M - 3)
    for b in range(B):
        g, s2 = jacobian(new, fitted.x[b]), np.sum((decay(T, *fitted.x[b]) - y[b]) ** 2) / (M - 3)
        J = jacobian(T, fitted.x[b])
        variance = np.einsum("mi,ij,mj->m", g, s2 * np.linalg.inv(J.T @ J), g) + (kind == "prediction") * s2
        np.testing.assert_allclose(value[b], decay(new, *fitted.x[b]), rtol=1e-12)
        np.testing.assert_allclose(upper[b] - value[b], q * np.sqrt(variance), rtol=1e-8)
        np.testing.assert_allclose(value[b] - lower[b], q * np.sqrt(variance), rtol=1e-8)


def test_band_of_a_weighted_fit(weighted, sigma):
    value, lower, upper = weighted.band(T, 0.6827, "prediction", sigma=sigma)
    _, below, above = weighted.band(np.broadcast_to(T, (B, M)), 0.6827)
    z = stats.norm.ppf(0.5 + 0.6827 / 2)
    np.testing.assert_allclose((upper - value) ** 2, (above - value) ** 2 + (z * sigma) ** 2, rtol=1e-9)
    with pytest.raises(ValueError, match="needs sigma"):
        weighted.band(T, kind="prediction")
    with pytest.raises(ValueError, match="x has shape"):
        weighted.band(np.zeros((B + 1, 3)))
    with pytest.raises(ValueError, match="at least one point"):
        weighted.band([])
    with pytest.raises(ValueError, match="level"):
        weighted.band(T, 1.0)


def test_bands_of_counts():
    """Prediction: of many new counts at the true rate, about the promised share lies inside."""
    rng = np.random.default_rng(3)
    clean = 90.0 * np.exp(-T / 1.5) + 40.0
    found = bn.curve_fit(decay, T, rng.poisson(clean, (200, M)), [90.0, 1.5, 40.0], loss="poisson")
    value, lower, upper = found.band(T, 0.9545, "prediction")
    near = found.band(T, 0.9545)
    q = stats.norm.ppf(0.5 + 0.9545 / 2)
    np.testing.assert_allclose(((upper - value) / q) ** 2 - ((near.upper - value) / q) ** 2, value, rtol=1e-9)
    new = rng.poisson(clean, (200, M))
    assert 0.94 < ((new >= lower) & (new <= upper)).mean() < 0.97
    with pytest.raises(ValueError, match="sigma is given, but loss='poisson'"):
        found.band(T, kind="prediction", sigma=1.0)
    robust = bn.curve_fit(decay, T, np.tile(clean, (2, 1)), [90.0, 1.5, 40.0], loss="huber")
    with pytest.raises(ValueError, match="'linear', 'poisson'"):
        robust.band(T, kind="prediction")


def profile_by_scipy(y, tau, S, q, s2):
    """Ends of the interval of tau, the linear parameters eliminated exactly."""

    def miss(tau):
        basis = np.stack([np.exp(-T / tau), np.ones(M)], 1)
        rest = y - basis @ np.linalg.lstsq(basis, y, rcond=None)[0]
        return (rest @ rest - S) / s2 - q**2

    return brentq(miss, 0.2 * tau, tau, xtol=1e-13), brentq(miss, tau, 5 * tau, xtol=1e-13)


def test_profile_is_that_of_scipy_and_lmfit(fitted, y):
    found = fitted.profile(["tau", "a"])
    q = stats.t.ppf(0.975, M - 3)
    for b in range(B):
        S = 2 * fitted.fun[b]
        np.testing.assert_allclose(
            found["tau"][b], profile_by_scipy(y[b], fitted["tau"][b], S, q, S / (M - 3)), rtol=1e-7
        )
    theirs = by_lmfit(y[0])
    bounds = lmfit.conf_interval(theirs, theirs, p_names=["a"], sigmas=[0.95])["a"]
    np.testing.assert_allclose(found["a"][0], [bounds[0][1], bounds[2][1]], rtol=1e-4)


def test_profile_of_a_linear_model_is_symmetric(y):
    line = bn.models.polynomial(1)
    for res in (bn.curve_fit(line, T, y), bn.curve_fit(bn.models.polynomial(0), T, y)):
        half = stats.t.ppf(0.95, M - len(res.names)) * res.stderr
        for i, (low, high) in enumerate(np.moveaxis(one, -1, 0) for one in res.profile(level=0.9).values()):
            np.testing.assert_allclose([res.x[:, i] - low, high - res.x[:, i]], [half[:, i]] * 2, rtol=1e-7)


def poisson(t, counts):
    return lambda a, tau: np.sum(a * np.exp(-t / tau) - counts * (math.log(a) - t / tau))


def test_profile_of_a_likelihood_is_that_of_minos():
    """Poisson counts, -log L = sum f - k log f; two doors: a sum over data, and x given as an array."""
    counts = np.array([[30.0, 18, 14, 6, 5, 3, 1, 0], [25, 20, 11, 9, 2, 4, 2, 1]])
    t = np.arange(8.0)
    res = bn.minimize(
        lambda x, t, k: x[0] * np.exp(-t / x[1]) - k * (np.log(x[0]) - t / x[1]),
        np.full((2, 2), [20.0, 2.0]),
        data=(bn.shared(t), counts),
    )
    found = res.profile(level=0.6826894921370859)
    for b in range(2):
        rate = iminuit.Minuit(poisson(t, counts[b]), a=20.0, tau=2.0)
        rate.errordef, rate.strategy, rate.tol = 0.5, 2, 1e-6
        rate.migrad().minos()
        for i, name in enumerate(("a", "tau")):
            theirs = rate.values[name] + np.array([rate.merrors[name].lower, rate.merrors[name].upper])
            np.testing.assert_allclose(found[f"x{i}"][b], theirs, rtol=2e-3)
            away = np.array([found[f"x{i}"][b][0], found[f"x{i}"][b][1]])
            for end in away:
                held = iminuit.Minuit(poisson(t, counts[b]), *rate.values)
                held.errordef, held.strategy, held.tol = 0.5, 2, 1e-9
                held.values[i], held.fixed[i] = end, True
                assert held.migrad().fval - rate.fval == pytest.approx(0.5, rel=1e-5)


def test_profile_of_what_has_no_interval(y):
    """A saturation that the data do not show: open above.  No success: NaN."""
    dose, response = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 1.9, 3.05, 3.9, 4.9])
    res = bn.curve_fit(bn.models.michaelis_menten, dose, response)
    low, high = res.profile("km", 0.99)["km"]
    assert res.success and 0 < low < res["km"] and high == np.inf
    assert res.profile("vmax", 0.99)["vmax"][1] == np.inf
    stopped = bn.curve_fit(decay, T, y, p0=[1.0, 1.0, 0.0], max_iter=2)
    assert not stopped.success.any() and np.isnan(stopped.profile("tau")["tau"]).all()
    assert np.isnan(stopped.sensitivity("ydata")).all()


def refit(y, x=T, **more):
    return bn.curve_fit(decay, x, y, p0=[1.5, 1.0, 0.2], **more).x


@pytest.mark.parametrize("of", ["ydata", "xdata", "sigma"])
def test_sensitivity_of_curves_is_that_of_refits(weighted, y, sigma, of):
    found = weighted.sensitivity(of)
    assert found.shape == (B, 3, M)
    for k in (0, 5, 15):
        shift = 1e-5 * (np.arange(M) == k)
        ends = []
        for step in (shift, -shift):
            given = {"ydata": y, "xdata": T, "sigma": sigma}
            given[of] = given[of] + step
            ends.append(refit(given["ydata"], given["xdata"], sigma=given["sigma"]))
        by_refits = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(found[:, :, k], by_refits, rtol=1e-5, atol=1e-6)


def test_sensitivity_leaves_out_what_is_missing(y):
    gaps = y.copy()
    gaps[2, 7] = np.nan
    counts = np.full(B, M - 2)
    res = bn.curve_fit(decay, T, gaps, p0=[1.5, 1.0, 0.2], counts=counts)
    found = res.sensitivity("ydata")
    assert np.all(found[:, :, -2:] == 0) and np.all(found[2, :, 7] == 0) and np.all(found[:, :, 0] != 0)
    alone = bn.curve_fit(decay, np.delete(T, 7)[:-2], np.delete(y[2], 7)[:-2], p0=[1.5, 1.0, 0.2])
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


@pytest.mark.parametrize("kind", ["residual", "parametric", "pairs"])
def test_bootstrap_has_the_spread_of_least_squares(kind):
    """A straight line through 60 points: standard errors are known, and 600 copies tell them to 3 %."""
    x, line = np.linspace(-1, 1, 60), bn.models.polynomial(1)
    y = 1 + 2 * x + 0.1 * np.random.default_rng(3).standard_normal((8, 60))
    res = bn.curve_fit(line, x, y)
    again = bn.bootstrap(res, 600, kind, seed=1)
    assert again.x.shape == (600, 8, 2) and again.success.all()
    np.testing.assert_allclose(again.stderr, res.stderr, rtol=0.35 if kind == "pairs" else 0.12)
    low, high = np.moveaxis(again.interval(0.9), -1, 0)
    np.testing.assert_allclose([low, high], np.quantile(again.x, [0.05, 0.95], axis=0), rtol=1e-12)
    np.testing.assert_array_equal(again.x, bn.bootstrap(res, 600, kind, seed=1).x)


def test_bootstrap_in_blocks_with_gaps_and_alone(y, fitted, monkeypatch):
    gaps = y.copy()
    gaps[2, 7] = np.nan
    res = bn.curve_fit(decay, T, gaps, p0=[1.5, 1.0, 0.2], counts=np.full(B, M - 2))
    whole = bn.bootstrap(res, 20, seed=0)
    monkeypatch.setattr(resampling, "BLOCK", 7 * B * M)
    np.testing.assert_array_equal(bn.bootstrap(res, 20, seed=0).x, whole.x)
    assert whole.success.mean() > 0.9
    pairs = bn.bootstrap(res, 20, "pairs", seed=0)
    assert np.isfinite(pairs.x[pairs.success]).all() and pairs.success.mean() > 0.5
    single = bn.bootstrap(bn.curve_fit(decay, T, y[0], p0=[1.5, 1.0, 0.2]), 5, seed=0)
    assert single.x.shape == (5, 3) and single.stderr.shape == (3,) and single.interval().shape == (3, 2)
    with pytest.raises(TypeError, match="expected a Result"):
        bn.bootstrap(y, 3)
    with pytest.raises(ValueError, match="curve"):
        bn.bootstrap(bn.minimize(lambda x: x[0] ** 2, [1.0]), 3)
    with pytest.raises(ValueError, match="did you mean 'pairs'"):
        bn.bootstrap(fitted, 3, "pair")


def test_tables(fitted):
    table = fitted.to_pandas()
    assert list(table)[:6] == ["a", "tau", "c", "a_stderr", "tau_stderr", "c_stderr"]
    np.testing.assert_array_equal(table["tau_stderr"], fitted.stderr[:, 1])
    assert set(table["status"]) == {"CONVERGED"} and len(table) == B
    data = fitted.to_xarray()
    np.testing.assert_array_equal(data["x"].sel(parameter="tau"), fitted["tau"])
    np.testing.assert_array_equal(data["cov"].sel(parameter="a", parameter_2="c"), fitted.cov[:, 0, 2])


def test_statistics_of_what_has_none():
    root = bn.root(lambda x: x[0] - 1, [0.0])
    for call in (lambda: root.aic, lambda: root.reduced_chi_square, lambda: root.r_squared, root.profile):
        with pytest.raises(ValueError, match="root|curve"):
            call()


def test_standard_errors_of_float32_whose_squares_it_cannot_hold():
    t, rng = np.linspace(0, 5, 20), np.random.default_rng(3)
    y = 2.0 * np.exp(-t) + 0.3 + rng.normal(0, 0.02, (3, 20))

    def curve(t, a, tau, c):
        return a * np.exp(-t / tau) + c

    expected = bn.curve_fit(curve, t, y, [1.8, 1.1, 0.2]).stderr
    units, bounds = np.array([1e-20, 1e-10, 1e-20]), {"c": (None, 0.0)}
    found = bn.curve_fit(curve, 1e-10 * t, 1e-20 * y, [1.8e-20, 1.1e-10, 0.2e-20], dtype="float32")
    np.testing.assert_allclose(found.stderr / units, expected, rtol=1e-3)
    assert found.stderr.dtype == np.float32 and found.success.all()
    held = bn.curve_fit(curve, t, 1e-20 * y, [1.8e-20, 1.1, -1e-21], dtype="float32", bounds=bounds)
    assert (held.stderr[:, 2] == 0.0).all() and (held.stderr[:, 0] > 1e-23).all()


def test_fixed_parameters_cost_nothing(y, sigma):
    """A model with one parameter fixed is the same as one without it."""

    def without(t, a, tau):
        return decay(t, a, tau, 0.3)

    for options in ({}, {"sigma": sigma, "absolute_sigma": True}):
        fixed = bn.curve_fit(decay, T, y, [1.0, 1.0, 0.3], fixed=["c"], **options)
        alone = bn.curve_fit(without, T, y, [1.0, 1.0], **options)
        each = bn.curve_fit(decay, T, y, [1.0, 1.0, 0.3], fixed=np.arange(B)[:, None] % 2 * [0, 0, 1] > 0, **options)
        for name in ("aic", "bic", "reduced_chi_square"):
            np.testing.assert_allclose(getattr(fixed, name), getattr(alone, name), rtol=1e-9)
            np.testing.assert_allclose(getattr(each, name)[1::2], getattr(alone, name)[1::2], rtol=1e-9)
