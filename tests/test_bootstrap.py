"""The bootstrap against standard errors that are known, and against itself in blocks."""

import numpy as np
import pytest
from decays import T, decay
from fitted_decays import B, M, Y, fit

import batchnewton as bn
from batchnewton.inference import bootstrap as resampling


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


def test_bootstrap_in_blocks_with_gaps_and_alone(monkeypatch):
    fitted = fit()
    gaps = Y.copy()
    gaps[2, 7] = np.nan
    res = bn.curve_fit(decay, T, gaps, p0=[1.5, 1.0, 0.2], counts=np.full(B, M - 2))
    whole = bn.bootstrap(res, 20, seed=0)
    monkeypatch.setattr(resampling, "BLOCK", 7 * B * M)
    np.testing.assert_array_equal(bn.bootstrap(res, 20, seed=0).x, whole.x)
    assert whole.success.mean() > 0.9
    pairs = bn.bootstrap(res, 20, "pairs", seed=0)
    assert np.isfinite(pairs.x[pairs.success]).all() and pairs.success.mean() > 0.5
    single = bn.bootstrap(bn.curve_fit(decay, T, Y[0], p0=[1.5, 1.0, 0.2]), 5, seed=0)
    assert single.x.shape == (5, 3) and single.stderr.shape == (3,) and single.interval().shape == (3, 2)
    with pytest.raises(TypeError, match="expected a Result"):
        bn.bootstrap(Y, 3)
    with pytest.raises(ValueError, match="curve"):
        bn.bootstrap(bn.minimize(lambda x: x[0] ** 2, [1.0]), 3)
    with pytest.raises(ValueError, match="did you mean 'pairs'"):
        bn.bootstrap(fitted, 3, "pair")
