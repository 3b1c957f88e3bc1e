"""The five-parameter logistic dose-response curve."""

import numpy as np

from .model import Columns, model
from .starts import positive, separable


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    def basis(ec50: np.ndarray, hill: float, asymmetry: float) -> list[np.ndarray]:
        power = (np.maximum(x, 0.0) / ec50) ** hill
        response = (power / (1 + power)) ** asymmetry
        return [response, 1 - response]

    grid = positive(x, 9), (0.7, 1.0, 2.0, 4.0), (0.5, 1.0, 2.0)
    ec50, hill, asymmetry, top, bottom = separable(y, basis, *grid)
    return bottom, top, ec50, hill, asymmetry


@model(start, ec50=(0.0, np.inf), hill=(0.0, np.inf), asymmetry=(0.0, np.inf))
def logistic_5pl(x, bottom, top, ec50, hill, asymmetry):
    """5PL dose-response, ``bottom + (top - bottom) / (1 + (ec50 / x)^hill)^asymmetry``.

    Parameters
    ----------
    x : dose or concentration, not negative; 0 is the control.
    bottom, top : responses at dose 0 and at infinite dose, in units of y.
    ec50 : in units of x; the dose of half the effect only where asymmetry is 1.
    hill, asymmetry : slope, and how much the two ends differ in shape.

    References
    ----------
    Gottschalk & Dunn (2005), Anal. Biochem. 343, 54.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> dose = np.geomspace(0.03, 300, 17)
    >>> y = bn.models.logistic_5pl(dose, 5.0, 95.0, 4.0, 1.4, 0.6)
    >>> bn.curve_fit(bn.models.logistic_5pl, dose, y).x.round(6).tolist()
    [5.0, 95.0, 4.0, 1.4, 0.6]
    """
    power = (x / ec50) ** hill
    return bottom + (top - bottom) * (power / (1 + power)) ** asymmetry
