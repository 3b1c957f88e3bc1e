"""A result's names, start values by name, quality of fit and tables, against their definitions, SciPy and lmfit."""

import numpy as np
import pytest
from decays import T, decay, jacobian
from fitted_decays import SIGMA, B, M, Y, by_lmfit, fit, weighted_fit
from scipy import stats

import batchnewton as bn
from batchnewton.inference.quantiles import t_quantile


def test_t_quantiles():
    freedom = np.array([1, 2, 3, 4, 5, 10, 37, 100, 1001, 50_000, 100_001, 10**7])
    for level in (0.1, 0.6827, 0.95, 0.9999):
        np.testing.assert_allclose(t_quantile(level, freedom), stats.t.ppf(0.5 + level / 2, freedom), rtol=1e-10)


def test_names_and_values():
    fitted = fit()
    assert fitted.names == ("a", "tau", "c")
    np.testing.assert_array_equal(fitted["tau"], fitted.x[:, 1])
    with pytest.raises(KeyError, match="did you mean 'tau'"):
        fitted["ta"]


def test_start_by_name():
    one = bn.curve_fit(decay, T, Y[0], p0={"c": 0.0, "tau": 1.0, "a": 1.0})
    each = bn.curve_fit(decay, T, Y, p0={"c": np.zeros(B), "tau": 1.0, "a": 1.0})
    np.testing.assert_array_equal(one.x, each.x[0])
    for start, message in [
        ({"a": 1, "tua": 1, "c": 1}, "did you mean 'tau'"),
        ({"a": 1, "c": 1}, "no value of tau"),
        ({"a": [1, 2], "tau": [1, 2, 3], "c": 0}, "p0 holds arrays"),
    ]:
        with pytest.raises(ValueError, match=message):
            bn.curve_fit(decay, T, Y, p0=start)


def test_quality_of_fit_is_that_of_lmfit():
    fitted = fit()
    weighted = weighted_fit()
    for b in range(B):
        ours, theirs = fitted, by_lmfit(Y[b])
        np.testing.assert_allclose(ours.reduced_chi_square[b], theirs.redchi, rtol=1e-9)
        np.testing.assert_allclose(ours.r_squared[b], theirs.rsquared, rtol=1e-9)
        np.testing.assert_allclose([ours.aic[b], ours.bic[b]], [theirs.aic, theirs.bic], rtol=1e-9)
        J = jacobian(T, *ours.x[b])
        cov = np.linalg.inv(J.T @ J)
        correlation = cov[0, 1] / np.sqrt(cov[0, 0] * cov[1, 1])
        np.testing.assert_allclose(ours.correlation[b, 0, 1], correlation, rtol=1e-9)
        np.testing.assert_allclose(theirs.params["a"].correl["tau"], correlation, atol=1e-4)  # by differences
        theirs = by_lmfit(Y[b], 1 / SIGMA, scale=False)
        np.testing.assert_allclose(weighted.reduced_chi_square[b], theirs.redchi, rtol=1e-9)
        errors = [theirs.params[name].stderr for name in ("a", "tau", "c")]
        np.testing.assert_allclose(weighted.stderr[b], errors, rtol=1e-4)  # by differences
        np.testing.assert_allclose(weighted.aic[b], theirs.chisqr + 6, rtol=1e-9)
        np.testing.assert_allclose(weighted.bic[b], theirs.chisqr + 3 * np.log(M), rtol=1e-9)
    middle = np.sum(Y / SIGMA**2, 1) / np.sum(1 / SIGMA**2)
    total = np.sum((Y - middle[:, None]) ** 2 / SIGMA**2, 1)
    np.testing.assert_allclose(weighted.r_squared, 1 - 2 * weighted.fun / total, rtol=1e-9)
    np.testing.assert_array_equal(np.diagonal(fitted.correlation, axis1=1, axis2=2), 1.0)


def test_tables():
    fitted = fit()
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


def test_fixed_parameters_cost_nothing():
    """A model with one parameter fixed is the same as one without it."""

    def without(t, a, tau):
        return decay(t, a, tau, 0.3)

    for options in ({}, {"sigma": SIGMA, "absolute_sigma": True}):
        fixed = bn.curve_fit(decay, T, Y, [1.0, 1.0, 0.3], fixed=["c"], **options)
        alone = bn.curve_fit(without, T, Y, [1.0, 1.0], **options)
        each = bn.curve_fit(decay, T, Y, [1.0, 1.0, 0.3], fixed=np.arange(B)[:, None] % 2 * [0, 0, 1] > 0, **options)
        for name in ("aic", "bic", "reduced_chi_square"):
            np.testing.assert_allclose(getattr(fixed, name), getattr(alone, name), rtol=1e-9)
            np.testing.assert_allclose(getattr(each, name)[1::2], getattr(alone, name)[1::2], rtol=1e-9)
