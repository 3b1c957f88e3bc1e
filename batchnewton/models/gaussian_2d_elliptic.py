"""The elliptic two-dimensional Gaussian, its axes along x and y."""

import numpy as np

from .model import Columns, model
from .starts import spot


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    amplitude, offset, u, v, uu, _, vv = spot(x, y)
    return amplitude, u, v, np.sqrt(uu), np.sqrt(vv), offset


@model(start, coordinates=2, sigma_x=(0.0, np.inf), sigma_y=(0.0, np.inf))
def gaussian_2d_elliptic(x, amplitude, center_x, center_y, sigma_x, sigma_y, offset):
    """Elliptic spot, ``amplitude exp(-(u - center_x)² / (2 sigma_x²) - (v - center_y)² / (2 sigma_y²)) + offset``.

    Parameters
    ----------
    x : (u, v), position.
    amplitude, offset : in units of y.
    center_x, center_y, sigma_x, sigma_y : in units of x.

    References
    ----------
    Huang, Wang, Bates & Zhuang (2008), Science 319, 810: the two widths tell the depth of a molecule.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0))).reshape(2, -1)
    >>> y = bn.models.gaussian_2d_elliptic(x, 100.0, 4.2, 3.9, 1.1, 1.7, 10.0)
    >>> bn.curve_fit(bn.models.gaussian_2d_elliptic, x, y).x.round(6).tolist()
    [100.0, 4.2, 3.9, 1.1, 1.7, 10.0]
    """
    u, v = x
    square = ((u - center_x) / sigma_x) ** 2 + ((v - center_y) / sigma_y) ** 2
    return amplitude * np.exp(-0.5 * square) + offset
