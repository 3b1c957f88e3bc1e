"""Exponential decay."""

import numpy as np

from .model import Columns, model
from .starts import scales, separable


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    first = x[..., :1]
    tau, amplitude, offset = separable(
        y, lambda tau: [np.exp(-(x - first) / tau), np.ones_like(x)], scales(x, 0.03, 5.0, 12)
    )
    return amplitude * np.exp(np.ravel(first) / tau), tau, offset


@model(start, tau=(0.0, np.inf))
def exponential_decay(x, amplitude, tau, offset):
    """Exponential decay, ``amplitude exp(-x / tau) + offset``.

    Parameters
    ----------
    x : time.
    amplitude, offset : in units of y.
    tau : time constant, in units of x; the half-life is ``tau ln 2``.

    References
    ----------
    Bevington & Robinson (2003), Data Reduction and Error Analysis for the Physical Sciences, section 8.1.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> t = np.linspace(0, 5, 16)
    >>> y = bn.models.exponential_decay(t, 2.0, np.array([[0.7], [1.9]]), 0.3)
    >>> bn.curve_fit(bn.models.exponential_decay, t, y).x.round(6).tolist()
    [[2.0, 0.7, 0.3], [2.0, 1.9, 0.3]]
    """
    return amplitude * np.exp(-x / tau) + offset
