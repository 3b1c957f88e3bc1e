"""Bands of curves against the delta method and against new data."""

import numpy as np
import pytest
from decays import T, decay, jacobian
from fitted_decays import SIGMA, B, M, Y, fit, weighted_fit
from scipy import stats

import batchnewton as bn


@pytest.mark.parametrize("kind", ["confidence", "prediction"])
def test_band_is_the_delta_method(kind):
    fitted = fit()
    new = np.array([-0.5, 0.3, 2.0, 9.0])
    value, lower, upper = fitted.band(new, 0.9, kind)
    q = stats.t.ppf(0.95, M - 3)
    for b in range(B):
        g, s2 = jacobian(new, *fitted.x[b]), np.sum((decay(T, *fitted.x[b]) - Y[b]) ** 2) / (M - 3)
        J = jacobian(T, *fitted.x[b])
        variance = np.einsum("mi,ij,mj->m", g, s2 * np.linalg.inv(J.T @ J), g) + (kind == "prediction") * s2
        np.testing.assert_allclose(value[b], decay(new, *fitted.x[b]), rtol=1e-12)
        np.testing.assert_allclose(upper[b] - value[b], q * np.sqrt(variance), rtol=1e-8)
        np.testing.assert_allclose(value[b] - lower[b], q * np.sqrt(variance), rtol=1e-8)


def test_band_of_a_weighted_fit():
    weighted = weighted_fit()
    value, lower, upper = weighted.band(T, 0.6827, "prediction", sigma=SIGMA)
    _, below, above = weighted.band(np.broadcast_to(T, (B, M)), 0.6827)
    z = stats.norm.ppf(0.5 + 0.6827 / 2)
    np.testing.assert_allclose((upper - value) ** 2, (above - value) ** 2 + (z * SIGMA) ** 2, rtol=1e-9)
    with pytest.raises(ValueError, match="needs sigma"):
        weighted.band(T, kind="prediction")
    with pytest.raises(ValueError, match="x has shape"):
        weighted.band(np.zeros((B + 1, 3)))
    with pytest.raises(ValueError, match="level"):
        weighted.band(T, 1.0)
    with pytest.raises(ValueError, match="at least one point"):
        weighted.band([])


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
