"""The power law."""

import numpy as np

from .model import Columns, model
from .starts import separable


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    top = np.max(np.abs(x), axis=-1, keepdims=True)
    unit = np.where(top > 0, top, 1.0)
    exponents = np.concatenate([np.arange(-4, 0.2, 0.25), np.arange(0.25, 5.1, 0.25)])
    exponent, amplitude = separable(y, lambda p: [np.maximum(x / unit, 0.0) ** p], exponents)
    return amplitude * np.ravel(unit) ** -exponent, exponent


@model(start)
def power_law(x, amplitude, exponent):
    """Power law, ``amplitude x^exponent`` for x > 0 (x = 0 where the exponent is positive).

    Parameters
    ----------
    x : positive.
    amplitude : value at x = 1, in units of y.
    exponent : slope in a double logarithmic plot.

    Notes
    -----
    Least squares in y itself; a straight line through logarithms weights small values more, and is biased.

    References
    ----------
    Clauset, Shalizi & Newman (2009), SIAM Rev. 51, 661, eq. 1.1.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(1, 9, 17)
    >>> y = bn.models.power_law(x, 3.0, np.array([[-1.3], [0.7]]))
    >>> bn.curve_fit(bn.models.power_law, x, y).x.round(6).tolist()
    [[3.0, -1.3], [3.0, 0.7]]
    """
    return amplitude * x**exponent
