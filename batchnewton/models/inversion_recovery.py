"""Inversion recovery, for T1 in magnetic resonance."""

import numpy as np

from .model import Columns, model
from .starts import scales, separable


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    t1, decay, rest = separable(y, lambda t1: [np.exp(-x / t1), np.ones_like(x)], scales(x, 0.03, 3.0, 12))
    return rest, -decay / np.where(rest == 0, np.nan, rest), t1


@model(start, inversion=(0.0, 2.0), t1=(0.0, np.inf))
def inversion_recovery(x, amplitude, inversion, t1):
    """Signed signal after an inversion pulse, ``amplitude (1 - inversion exp(-x / t1))``.

    Parameters
    ----------
    x : inversion time.
    amplitude : equilibrium signal, in units of y.
    inversion : 2 for a perfect inversion, 1 for a saturation.
    t1 : longitudinal relaxation time, in units of x.

    References
    ----------
    Barral et al. (2010), Magn. Reson. Med. 64, 1057, with ``a = amplitude``, ``b = -amplitude inversion``.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> t = np.array([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0])
    >>> y = bn.models.inversion_recovery(t, 100.0, 1.9, np.array([[0.8], [1.4]]))
    >>> bn.curve_fit(bn.models.inversion_recovery, t, y).x.round(6).tolist()
    [[100.0, 1.9, 0.8], [100.0, 1.9, 1.4]]
    """
    return amplitude * (1 - inversion * np.exp(-x / t1))
