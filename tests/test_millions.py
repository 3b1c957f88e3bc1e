"""A million problems in one call, each answer compared with what is known."""

import math

import numpy as np
import scipy.special
from sets.roots import implied_volatility

import batchnewton as bn

SIZE = 1_000_000


def kepler(x, e, M):
    return x[0] - e * math.sin(x[0]) - M


def test_a_million_kepler_equations():
    """All mean anomalies, eccentricities up to 0.999999, from the start that everybody takes, M + e sin M; and within
    the bracket that always holds, to the last digits."""
    rng = np.random.default_rng(0)
    e = 1.0 - 10.0 ** rng.uniform(-6, 0, SIZE)
    M = rng.uniform(-math.pi, math.pi, SIZE)
    M[: SIZE // 4] = 10.0 ** rng.uniform(-12, 0, SIZE // 4)  # near the pericentre, where F is almost E³ / 6
    result = bn.root(kepler, (M + e * np.sin(M))[:, None], (e, M))
    E = result.x[:, 0]
    assert result.success.all()
    slope = 1 - e * np.cos(E)
    rounding = np.finfo(float).eps * (abs(E) * slope + abs(E) + abs(M))
    assert (abs(E - e * np.sin(E) - M) <= 8 * rounding + 1e-11 * abs(E) * slope).all()
    within = bn.root(kepler, args=(e, M), bracket=(M - e, M + e))
    E = within.x[:, 0]
    assert within.success.all()
    assert (abs(E - e * np.sin(E) - M) <= 8 * rounding).all()


def quotes(rng):
    """Strikes, times and volatilities of options from in the money to 20 standard deviations out of it."""
    volatility = rng.uniform(0.05, 1.0, SIZE)
    time = 10.0 ** rng.uniform(-2, 0.7, SIZE)
    width = volatility * np.sqrt(time)
    strike = np.exp(width * rng.uniform(-2.0, 20.0, SIZE))
    return strike, time, volatility


def price_of(strike, time, volatility):
    """Black and Scholes, by scaled tails: no cancellation far out of the money."""
    width = volatility * np.sqrt(time)
    d1 = -np.log(strike) / width + width / 2
    far = np.exp(-(d1**2) / 2) * (
        scipy.special.erfcx(-d1 / math.sqrt(2)) - scipy.special.erfcx((width - d1) / math.sqrt(2))
    )
    near = scipy.special.erfc(-d1 / math.sqrt(2)) - strike * scipy.special.erfc((width - d1) / math.sqrt(2))
    return np.where(d1 < -1.0, far, near) / 2


def test_a_million_implied_volatilities():
    """Prices down to 1e-92; each volatility is the one that made the price."""
    strike, time, volatility = quotes(np.random.default_rng(1))
    price = price_of(strike, time, volatility)
    result = bn.root(implied_volatility, args=(strike, time, price), bracket=(0.01, 5.0))
    assert price.min() < 1e-80
    assert result.success.all()
    assert abs(result.x[:, 0] / volatility - 1).max() < 1e-11
