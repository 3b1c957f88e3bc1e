"""Michaelis-Menten kinetics."""

import numpy as np

from .model import Columns, model
from .starts import positive, separable


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    km, vmax = separable(y, lambda km: [x / (km + x)], positive(x, 15))
    return vmax, km


@model(start, km=(0.0, np.inf))
def michaelis_menten(x, vmax, km):
    """Rate of an enzyme, ``vmax x / (km + x)``.

    Parameters
    ----------
    x : concentration of the substrate, not negative.
    vmax : largest rate, in units of y.
    km : concentration of half the largest rate, in units of x.

    References
    ----------
    Michaelis & Menten (1913), Biochem. Z. 49, 333; Briggs & Haldane (1925), Biochem. J. 19, 338.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
    >>> bn.curve_fit(bn.models.michaelis_menten, x, bn.models.michaelis_menten(x, 7.0, 3.0)).x.round(6).tolist()
    [7.0, 3.0]
    """
    return vmax * x / (km + x)
