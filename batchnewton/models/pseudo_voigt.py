"""The pseudo-Voigt peak: Gaussian and Lorentzian of one width, mixed."""

import numpy as np

from .model import Columns, model
from .starts import peak


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    amplitude, center, width, offset = peak(x, y, lambda z: 0.5 / (1 + z**2) + 0.5 * 2.0 ** -(z**2))
    return amplitude, center, 2 * width, np.full(len(y), 0.5), offset


@model(start, fwhm=(0.0, np.inf), fraction=(0.0, 1.0))
def pseudo_voigt(x, amplitude, center, fwhm, fraction, offset):
    """Pseudo-Voigt peak, ``amplitude (fraction L + (1 - fraction) G) + offset`` with ``L = 1 / (1 + z²)``,
    ``G = 2^(-z²)``, ``z = 2 (x - center) / fwhm``.

    Parameters
    ----------
    x : position.
    amplitude, offset : in units of y; amplitude is the height.
    center, fwhm : in units of x; fwhm is the full width at half maximum, of both parts.
    fraction : share of the Lorentzian, 0 to 1.

    References
    ----------
    Thompson, Cox & Hastings (1987), J. Appl. Cryst. 20, 79, in units of the height.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(0, 10, 41)
    >>> y = bn.models.pseudo_voigt(x, 3.0, 4.0, 1.2, 0.3, 1.0)
    >>> bn.curve_fit(bn.models.pseudo_voigt, x, y).x.round(6).tolist()
    [3.0, 4.0, 1.2, 0.3, 1.0]
    """
    z = (2 * (x - center) / fwhm) ** 2
    return amplitude * (fraction / (1 + z) + (1 - fraction) * np.exp(-np.log(2) * z)) + offset
