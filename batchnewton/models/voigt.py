"""The Voigt profile: a Gaussian convolved with a Lorentzian."""

import numpy as np

from batchnewton.special import voigt_profile

from .model import Columns, model
from .starts import peak


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    amplitude, center, width, offset = peak(x, y, lambda z: 0.5 / (1 + z**2) + 0.5 * 2.0 ** -(z**2))
    return amplitude * width * 2.6, center, 0.5 * width, 0.5 * width, offset


@model(start, sigma=(0.0, np.inf), gamma=(0.0, np.inf))
def voigt(x, area, center, sigma, gamma, offset):
    """Voigt peak, ``area Re w(z) / (sigma sqrt(2 pi)) + offset`` with ``z = (x - center + i gamma) / (sigma sqrt(2))``.

    Parameters
    ----------
    x : position.
    area : of the peak, in units of x times y.
    center, sigma, gamma : in units of x: Gaussian standard deviation, Lorentzian half width at half maximum.
    offset : in units of y.

    Notes
    -----
    The Faddeeva function w is `batchnewton.special.voigt_profile`'s, within 3e-15 for gamma >= 0.

    References
    ----------
    Weideman (1994), SIAM J. Numer. Anal. 31, 1497, eq. 38.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(0, 10, 41)
    >>> y = bn.models.voigt(x, 3.0, 4.0, 0.5, 0.4, 1.0)
    >>> bn.curve_fit(bn.models.voigt, x, y).x.round(6).tolist()
    [3.0, 4.0, 0.5, 0.4, 1.0]
    """
    return area * voigt_profile(x - center, sigma, gamma) + offset
