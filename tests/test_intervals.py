"""Bounded and weighted fits, their covariances and intervals, on random batches: beside lmfit, MINOS (iminuit) and
SciPy, and to the definition."""

import iminuit
import lmfit
import numpy as np
import pytest
from decays import decay, jacobian
from scipy import optimize

import batchnewton as bn

B, M = 8, 16
T = np.linspace(0, 5, M)
RNG = np.random.default_rng(12)
TRUTH = np.stack([RNG.uniform(1.5, 2.5, B), RNG.uniform(0.7, 1.6, B), RNG.uniform(0.2, 0.4, B)], 1)
SIGMA = RNG.uniform(0.02, 0.08, (B, M))
ONE_SIGMA = 0.6826894921370859

Y = decay(T, *TRUTH.T[:, :, None]) + SIGMA * RNG.standard_normal((B, M))
START, LOWER, UPPER = [1.5, 1.0, 0.2], [0.1, 0.05, -np.inf], [10.0, np.inf, 1.0]


def misfit(p, b):
    return (decay(T, *p) - Y[b]) / SIGMA[b]


def slopes(p, b):
    return jacobian(T, *p) / SIGMA[b][:, None]


def by_lmfit(b, scale):
    """lmfit's bounds are a change of variables; with exact derivatives its covariance has all digits."""
    given = lmfit.Parameters()
    for name, start, low, high in zip(("a", "tau", "c"), START, LOWER, UPPER, strict=True):
        given.add(name, start, min=low, max=high)

    def values(p):
        return [p[name].value for name in ("a", "tau", "c")]

    tight = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 0.0}
    problem = lmfit.Minimizer(lambda p: misfit(values(p), b), given, scale_covar=scale)
    return problem.leastsq(Dfun=lambda p: slopes(values(p), b), col_deriv=False, **tight)


@pytest.mark.parametrize("absolute", [True, False])
def test_bounds_and_weights_are_those_of_lmfit(absolute):
    found = bn.curve_fit(decay, T, Y, START, SIGMA, absolute, bounds=(LOWER, UPPER))
    assert found.success.all() and not found.at_bound.any()
    for b in range(B):
        theirs = by_lmfit(b, not absolute)
        np.testing.assert_allclose(found.x[b], list(theirs.params.valuesdict().values()), rtol=1e-6)
        np.testing.assert_allclose(2 * found.fun[b], theirs.chisqr, rtol=1e-9)
        np.testing.assert_allclose(found.reduced_chi_square[b], theirs.redchi, rtol=1e-9)
        np.testing.assert_allclose(found.cov[b], theirs.covar, rtol=2e-6, atol=1e-6 * np.diag(theirs.covar).min())
        J = slopes(found.x[b], b)
        exact = np.linalg.inv(J.T @ J) * (1.0 if absolute else theirs.redchi)
        np.testing.assert_allclose(found.cov[b], exact, rtol=1e-8)


def chi_square(b):
    return lambda a, tau, c: np.sum(misfit((a, tau, c), b) ** 2)


def held_cost(b, i, end):
    """Least chi-square with parameter i held."""
    free = [k for k in range(3) if k != i]

    def with_end(p):
        whole = np.empty(3)
        whole[free], whole[i] = p, end
        return whole

    exact = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    return (
        2
        * optimize.least_squares(
            lambda p: misfit(with_end(p), b), TRUTH[b][free], lambda p: slopes(with_end(p), b)[:, free], **exact
        ).cost
    )


def test_profiles_of_weighted_fits_are_those_of_minos():
    """chi² rises by one: to 1e-6 by SciPy's refits; MINOS itself ends within some 1e-3 of that."""
    found = bn.curve_fit(decay, T, Y, START, SIGMA, absolute_sigma=True, bounds=(LOWER, UPPER))
    ends = found.profile(level=ONE_SIGMA)
    for b in range(0, B, 2):
        theirs = iminuit.Minuit(chi_square(b), *found.x[b])
        theirs.errordef, theirs.strategy, theirs.tol = 1.0, 2, 1e-4
        theirs.migrad()
        theirs.minos()
        for i, name in enumerate(("a", "tau", "c")):
            expected = theirs.values[name] + np.array([theirs.merrors[name].lower, theirs.merrors[name].upper])
            np.testing.assert_allclose(ends[name][b], expected, atol=2e-3 * found.stderr[b, i])
            for end in ends[name][b]:
                assert held_cost(b, i, end) - 2 * found.fun[b] == pytest.approx(1.0, rel=1e-6)


def test_a_sigma_that_is_none_spoils_its_own_curve_alone():
    good = bn.curve_fit(decay, T, Y, START, SIGMA)
    sigma = SIGMA.copy()
    sigma[1, 3], sigma[4, 0], sigma[6, 15] = -0.05, 0.0, np.nan
    found = bn.curve_fit(decay, T, Y, START, sigma)
    bad = np.isin(np.arange(B), [1, 4, 6])
    assert (found.status[bad] == bn.Status.NOT_FINITE_AT_START).all() and found.success[~bad].all()
    np.testing.assert_array_equal(found.x[~bad], good.x[~bad])
