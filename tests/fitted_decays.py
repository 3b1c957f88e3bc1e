"""Six noisy decays and their fits, for what is said of answers; and the same fits by lmfit."""

from functools import cache

import lmfit
import numpy as np
from decays import T, decay

import batchnewton as bn

B, M = 6, T.size
NOISE = 0.05
RNG = np.random.default_rng(0)
Y = decay(T, 2.0, RNG.uniform(0.7, 1.6, (B, 1)), 0.3) + NOISE * RNG.standard_normal((B, M))
SIGMA = NOISE * np.linspace(0.5, 1.5, M)


@cache
def fit():
    return bn.curve_fit(decay, T, Y, p0={"a": 1.0, "tau": 1.0, "c": 0.0})


@cache
def weighted_fit():
    return bn.curve_fit(decay, T, Y, p0=[1.0, 1.0, 0.0], sigma=SIGMA, absolute_sigma=True)


def by_lmfit(y, weights=None, scale=True):
    model = lmfit.Model(decay)
    options = {"xtol": 1e-14, "ftol": 1e-14}
    return model.fit(y, t=T, a=1.0, tau=1.0, c=0.0, weights=weights, scale_covar=scale, fit_kws=options)
