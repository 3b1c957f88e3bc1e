"""The worst fits of the batch that the tutorial makes."""

import numpy as np

import batchnewton as bn


def decay(t, a, tau, c):
    return a * np.exp(-t / tau) + c


rng = np.random.default_rng(0)
t = np.linspace(0, 5, 16)
y = decay(t, 2.0, np.linspace(0.5, 2.0, 1000)[:, None], 0.3) + rng.normal(0, 0.05, (1000, 16))
y[3, 5], y[7, 2:] = np.inf, np.nan
bn.plot.fits(bn.curve_fit(decay, t, y, p0=[1.0, 1.0, 0.0]), "worst", 4)
