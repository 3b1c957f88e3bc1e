"""The stretched exponential (Kohlrausch)."""

import numpy as np

from .model import Columns, model
from .starts import scales, separable


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    def basis(tau: np.ndarray, beta: float) -> list[np.ndarray]:
        return [np.exp(-((x / tau) ** beta)), np.ones_like(x)]

    tau, beta, amplitude, offset = separable(y, basis, scales(x, 0.02, 3.0, 10), (0.4, 0.6, 0.8, 1.0, 1.5))
    return amplitude, tau, beta, offset


@model(start, tau=(0.0, np.inf), beta=(0.0, np.inf))
def stretched_exponential(x, amplitude, tau, beta, offset):
    """Stretched exponential, ``amplitude exp(-(x / tau)^beta) + offset`` for x >= 0.

    Parameters
    ----------
    x : time, not negative.
    amplitude, offset : in units of y.
    tau : time constant, in units of x.
    beta : stretching exponent; 1 is a plain exponential, below 1 a spread of time constants.

    References
    ----------
    Kohlrausch (1854), Ann. Phys. 167, 179; Williams & Watts (1970), Trans. Faraday Soc. 66, 80.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> t = np.linspace(0, 10, 41)
    >>> y = bn.models.stretched_exponential(t, 2.0, 1.5, 0.7, 0.3)
    >>> bn.curve_fit(bn.models.stretched_exponential, t, y).x.round(6).tolist()
    [2.0, 1.5, 0.7, 0.3]
    """
    return amplitude * np.exp(-((x / tau) ** beta)) + offset
