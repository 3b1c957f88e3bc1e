"""The four-parameter logistic dose-response curve."""

import numpy as np

from .model import Columns, model
from .starts import positive, separable


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    def basis(ec50: np.ndarray, hill: float) -> list[np.ndarray]:
        power = (np.maximum(x, 0.0) / ec50) ** hill
        return [1 - 1 / (1 + power), 1 / (1 + power)]

    ec50, hill, top, bottom = separable(y, basis, positive(x, 9), (0.5, 1.0, 2.0, 4.0))
    return bottom, top, ec50, hill


@model(start, ec50=(0.0, np.inf), hill=(0.0, np.inf))
def logistic_4pl(x, bottom, top, ec50, hill):
    """4PL dose-response, ``bottom + (top - bottom) / (1 + (ec50 / x)^hill)``.

    Parameters
    ----------
    x : dose or concentration, not negative; 0 is the control.
    bottom, top : responses at dose 0 and at infinite dose, in units of y; ``top < bottom`` for an inhibitor.
    ec50 : dose of half the effect, in units of x.
    hill : slope at ec50 (Hill coefficient).

    References
    ----------
    DeLean, Munson & Rodbard (1978), Am. J. Physiol. 235, E97.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> dose = np.array([0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0])
    >>> y = bn.models.logistic_4pl(dose, 5.0, 95.0, np.array([[2.0], [8.0]]), 1.4)
    >>> bn.curve_fit(bn.models.logistic_4pl, dose, y).x.round(6).tolist()
    [[5.0, 95.0, 2.0, 1.4], [5.0, 95.0, 8.0, 1.4]]
    """
    power = (x / ec50) ** hill
    return bottom + (top - bottom) * (power / (1 + power))
