"""Profile intervals against SciPy's root finder, lmfit's and MINOS' (iminuit)."""

import math

import iminuit
import lmfit
import numpy as np
import pytest
from decays import T, decay
from fitted_decays import B, M, Y, by_lmfit, fit
from scipy import special, stats
from scipy.optimize import brentq, least_squares, minimize_scalar

import batchnewton as bn


def profile_by_scipy(y, tau, S, q, s2):
    """Ends of the interval of tau, the linear parameters eliminated exactly."""

    def miss(tau):
        basis = np.stack([np.exp(-T / tau), np.ones(M)], 1)
        rest = y - basis @ np.linalg.lstsq(basis, y, rcond=None)[0]
        return (rest @ rest - S) / s2 - q**2

    return brentq(miss, 0.2 * tau, tau, xtol=1e-13), brentq(miss, tau, 5 * tau, xtol=1e-13)


def test_residuals_of_a_row_count_as_observations():
    """The same fits through another door, eight rows of two residuals each."""
    fitted = fit()
    pairs = np.stack([np.broadcast_to(T, Y.shape), Y], 2).reshape(B, M // 2, 4)
    other = bn.least_squares(
        lambda x, r: (decay(r[0], *x) - r[1], decay(r[2], *x) - r[3]), np.tile([1.0, 1.0, 0.0], (B, 1)), data=(pairs,)
    )
    np.testing.assert_allclose(other.reduced_chi_square, fitted.reduced_chi_square, rtol=1e-9)
    np.testing.assert_allclose(other.bic - other.aic, 3 * (np.log(M) - 2), rtol=1e-9)
    found = other.profile("x1", 0.1)["x1"]
    for b in range(B):  # sigma is 1 here; a small level, as the data are far better than that
        low, high = profile_by_scipy(Y[b], fitted["tau"][b], 2 * fitted.fun[b], stats.norm.ppf(0.55), 1.0)
        np.testing.assert_allclose(found[b], [low, high], rtol=1e-7)


def test_profile_is_that_of_scipy_and_lmfit():
    fitted = fit()
    found = fitted.profile(["tau", "a"])
    q = stats.t.ppf(0.975, M - 3)
    for b in range(B):
        S = 2 * fitted.fun[b]
        np.testing.assert_allclose(
            found["tau"][b], profile_by_scipy(Y[b], fitted["tau"][b], S, q, S / (M - 3)), rtol=1e-7
        )
    theirs = by_lmfit(Y[0])
    bounds = lmfit.conf_interval(theirs, theirs, p_names=["a"], sigmas=[0.95])["a"]
    np.testing.assert_allclose(found["a"][0], [bounds[0][1], bounds[2][1]], rtol=1e-4)


def test_profile_of_a_linear_model_is_symmetric():
    line = bn.models.polynomial(1)
    for res in (bn.curve_fit(line, T, Y), bn.curve_fit(bn.models.polynomial(0), T, Y)):
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


def test_profile_of_what_has_no_interval():
    """A saturation that the data do not show: open above.  No success: NaN.  Each with its reason."""
    dose, response = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 1.9, 3.05, 3.9, 4.9])
    res = bn.curve_fit(bn.models.michaelis_menten, dose, response)
    found = res.profile(level=0.99)
    low, high = found["km"]
    assert res.success and 0 < low < res["km"] and high == np.inf and found["vmax"][1] == np.inf
    assert found.reason["km"].tolist() == ["", "no upper limit"] == found.reason["vmax"].tolist()
    assert "no upper limit" in found._repr_html_() and f"{low:.6g}" in found._repr_html_()
    stopped = bn.curve_fit(decay, T, Y, p0=[1.0, 1.0, 0.0], max_iter=2)
    none = stopped.profile("tau")
    assert not stopped.success.any() and np.isnan(none["tau"]).all()
    assert (none.reason["tau"] == "the fit is no success").all()
    assert np.isnan(stopped.sensitivity("ydata")).all()
    held = bn.curve_fit(bn.models.michaelis_menten, dose, response, bounds={"km": (2.0, 500.0)}).profile("km", 0.99)
    assert held["km"][1] == 500.0 and held.reason["km"][1] == "at a bound"
    exact = bn.curve_fit(decay, T, decay(T, 1.0, 2.0, 0.5), [1.0, 1.5, 0.0], bounds={"c": (0.5, 0.5)}).profile("c")
    assert np.isnan(exact["c"]).all() and (exact.reason["c"] == "no standard error to begin with").all()


def logistic(x, a, b, c, d):
    return d + (a - d) / (1 + (x / c) ** b)


def least_cost(x, y, which, theta, starts):
    """Least sum of squares of a logistic whose slope b or dose c is held, by SciPy from several values of the other;
    the linear parameters eliminated exactly."""

    def rest(free):
        b, c = (theta, np.exp(free[0])) if which == "b" else (np.exp(free[0]), theta)
        share = special.expit(-b * (np.log(x) - np.log(c)))
        basis = np.stack([share, 1 - share], 1)
        return y - basis @ np.linalg.lstsq(basis, y, rcond=None)[0]

    return min(2 * least_squares(rest, [np.log(one)], xtol=1e-14, ftol=1e-14).cost for one in starts)


def test_ends_of_dose_responses_exist_or_have_their_reason():
    """Steep ones become steps, flat ones straight lines in log(dose): there the cost rises no more."""
    rng, x = np.random.default_rng(7), np.geomspace(1e-3, 10, 8)
    top, middle, slope = rng.normal(100, 6, 24), 10 ** rng.uniform(-2.2, 0.5, 24), rng.uniform(0.6, 2.5, 24)
    clean = top[:, None] / (1 + (x / middle[:, None]) ** slope[:, None])
    y = clean + rng.normal(0, 1, (24, 8)) * rng.uniform(2, 8, (24, 1))
    start = np.stack([y[:, 0], np.ones(24), np.full(24, 0.1), y[:, -1]], 1)
    res = bn.curve_fit(logistic, x, y, start)
    found, q = res.profile(["b", "c"]), stats.t.ppf(0.975, 4)
    whys = []
    for name, other in (("b", "c"), ("c", "b")):
        for b in np.flatnonzero(res.success & (res["b"] > 0)):
            least, allowed = 2 * res.fun[b], q**2 * 2 * res.fun[b] / 4
            for end, why, way in zip(found[name][b], found.reason[name][b], (1e-2, 10.0), strict=True):
                near = res[other][b] * np.geomspace(0.3, 3, 7)
                whys.append(str(why))
                assert np.isfinite(end) == (why == "") and np.isinf(end) == (
                    why in ("no lower limit", "no upper limit")
                )
                if why == "":  # just inside the cost is below the limit: the end is not too far out
                    inside = 0.999 * end + 0.001 * res[name][b]
                    assert least_cost(x, y[b], name, inside, near) < least + allowed
                elif why == "no upper limit":
                    assert least_cost(x, y[b], name, way * res[name][b], near) < least + allowed
    assert res.success.sum() >= 22 and whys.count("") >= 75 and whys.count("no upper limit") >= 3
    assert len(whys) - whys.count("") - whys.count("no upper limit") <= 4  # refits that fail, formula not finite


def test_close_exponentials_have_ends():
    """The profile bends, and the refits start far from their ends."""

    def two(x, a, b, c, d):
        return a * np.exp(-b * x) + c * np.exp(-d * x)

    x = np.linspace(0, 5, 30)
    y = two(x, 2, 1.2, 1, 0.5) + np.random.default_rng(5).normal(0, 0.02, (1, 30))
    res = bn.curve_fit(two, x, y, [2.0, 1.5, 1.0, 0.4])
    q = stats.t.ppf(0.975, 26)
    found = res.profile(["b", "d"])
    for name, other in (("b", "d"), ("d", "b")):

        def miss(theta, other=other):
            def rest(rate):
                basis = np.exp(-x[:, None] * [theta, rate])
                gone = y[0] - basis @ np.linalg.lstsq(basis, y[0], rcond=None)[0]
                return gone @ gone

            best = minimize_scalar(rest, bounds=(res[other][0] / 4, res[other][0] * 4), method="bounded")
            return (best.fun - 2 * res.fun[0]) / (2 * res.fun[0] / 26) - q**2

        assert (found.reason[name] == "").all()
        assert [miss(end) for end in found[name][0]] == pytest.approx([0, 0], abs=1e-2)
