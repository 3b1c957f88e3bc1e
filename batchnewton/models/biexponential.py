"""The sum of two exponential decays."""

import numpy as np

from .model import Columns, model
from .starts import separable, span


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    def basis(fast: np.ndarray, ratio: float) -> list[np.ndarray]:
        return [np.exp(-x / fast), np.exp(-x / (ratio * fast)), np.ones_like(x)]

    fast = [span(x) * factor for factor in np.geomspace(0.02, 0.5, 8)]
    tau, ratio, a, b, offset = separable(y, basis, fast, (2.0, 3.5, 6.0, 12.0, 25.0))
    return a, tau, b, tau * ratio, offset


@model(start, tau_1=(0.0, np.inf), tau_2=(0.0, np.inf))
def biexponential(x, amplitude_1, tau_1, amplitude_2, tau_2, offset):
    """Two decays, ``amplitude_1 exp(-x / tau_1) + amplitude_2 exp(-x / tau_2) + offset``.

    Parameters
    ----------
    x : time.
    amplitude_1, amplitude_2, offset : in units of y.
    tau_1, tau_2 : time constants, in units of x; the guess has ``tau_1 < tau_2``.

    References
    ----------
    Istratov & Vyvenko (1999), Rev. Sci. Instrum. 70, 1233: also why close time constants cannot be told apart.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> t = np.linspace(0, 10, 41)
    >>> y = bn.models.biexponential(t, 2.0, 0.5, 1.0, 4.0, 0.3)
    >>> bn.curve_fit(bn.models.biexponential, t, y).x.round(6).tolist()
    [2.0, 0.5, 1.0, 4.0, 0.3]
    """
    return amplitude_1 * np.exp(-x / tau_1) + amplitude_2 * np.exp(-x / tau_2) + offset
