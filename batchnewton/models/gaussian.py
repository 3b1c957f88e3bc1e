"""The Gaussian peak."""

import numpy as np

from .model import Columns, model
from .starts import peak


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    return peak(x, y, lambda z: np.exp(-0.5 * z**2))


@model(start, sigma=(0.0, np.inf))
def gaussian(x, amplitude, center, sigma, offset):
    """Gaussian peak, ``amplitude exp(-(x - center)² / (2 sigma²)) + offset``.

    Parameters
    ----------
    x : position.
    amplitude, offset : in units of y; a dip has a negative amplitude.
    center, sigma : in units of x; the full width at half maximum is 2.3548 sigma.

    References
    ----------
    Bevington & Robinson (2003), Data Reduction and Error Analysis for the Physical Sciences, eq. 2.23.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(0, 10, 41)
    >>> y = bn.models.gaussian(x, 3.0, np.array([[4.0], [6.0]]), 0.5, 1.0)
    >>> bn.curve_fit(bn.models.gaussian, x, y).x.round(6).tolist()
    [[3.0, 4.0, 0.5, 1.0], [3.0, 6.0, 0.5, 1.0]]
    """
    return amplitude * np.exp(-0.5 * ((x - center) / sigma) ** 2) + offset
