"""The Lorentzian (Cauchy) peak."""

import numpy as np

from .model import Columns, model
from .starts import peak


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    return peak(x, y, lambda z: 1 / (1 + z**2))


@model(start, gamma=(0.0, np.inf))
def lorentzian(x, amplitude, center, gamma, offset):
    """Lorentzian peak, ``amplitude / (1 + ((x - center) / gamma)²) + offset``.

    Parameters
    ----------
    x : position.
    amplitude, offset : in units of y; a dip has a negative amplitude.
    center, gamma : in units of x; gamma is half the full width at half maximum.

    References
    ----------
    Bevington & Robinson (2003), Data Reduction and Error Analysis for the Physical Sciences, eq. 2.32.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(0, 10, 41)
    >>> y = bn.models.lorentzian(x, -3.0, 4.0, 0.5, 1.0)
    >>> bn.curve_fit(bn.models.lorentzian, x, y).x.round(6).tolist()
    [-3.0, 4.0, 0.5, 1.0]
    """
    return amplitude / (1 + ((x - center) / gamma) ** 2) + offset
