"""Logistic growth."""

import numpy as np

from .model import Columns, model
from .starts import separable, span


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    def basis(rate: np.ndarray, middle: np.ndarray) -> list[np.ndarray]:
        return [1 / (1 + np.exp(-rate * (x - middle)))]

    rates = [factor / span(x) for factor in np.geomspace(2.0, 60.0, 8)]
    middles = [x[..., :1] + span(x) * share for share in np.linspace(-0.1, 1.3, 15)]
    rate, midpoint, capacity = separable(y, basis, rates, middles)
    return capacity, rate, midpoint


@model(start, capacity=(0.0, np.inf), rate=(0.0, np.inf))
def logistic_growth(x, capacity, rate, midpoint):
    """Growth to a limit, ``capacity / (1 + exp(-rate (x - midpoint)))``.

    Parameters
    ----------
    x : time.
    capacity : limit, in units of y.
    rate : growth rate far below the limit, in 1 / units of x.
    midpoint : time of half the limit, in units of x.

    References
    ----------
    Verhulst (1838), Corresp. Math. Phys. 10, 113; Richards (1959), J. Exp. Bot. 10, 290.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> t = np.linspace(0, 24, 25)
    >>> y = bn.models.logistic_growth(t, 1.8, 0.6, np.array([[9.0], [14.0]]))
    >>> bn.curve_fit(bn.models.logistic_growth, t, y).x.round(6).tolist()
    [[1.8, 0.6, 9.0], [1.8, 0.6, 14.0]]
    """
    return capacity / (1 + np.exp(-rate * (x - midpoint)))
