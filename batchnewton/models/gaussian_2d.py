"""The round two-dimensional Gaussian."""

import numpy as np

from .model import Columns, model
from .starts import spot


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    amplitude, offset, u, v, uu, _, vv = spot(x, y)
    return amplitude, u, v, np.sqrt((uu + vv) / 2), offset


@model(start, coordinates=2, sigma=(0.0, np.inf))
def gaussian_2d(x, amplitude, center_x, center_y, sigma, offset):
    """Round spot, ``amplitude exp(-((u - center_x)² + (v - center_y)²) / (2 sigma²)) + offset`` at ``u, v = x``.

    Parameters
    ----------
    x : (u, v), position; for an image ``np.stack(np.meshgrid(u, v)).reshape(2, -1)``.
    amplitude, offset : in units of y.
    center_x, center_y, sigma : in units of x.

    References
    ----------
    Thompson, Larson & Webb (2002), Biophys. J. 82, 2775: a single molecule's image.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.stack(np.meshgrid(np.arange(7.0), np.arange(7.0))).reshape(2, -1)
    >>> y = bn.models.gaussian_2d(x, 100.0, 3.2, 2.9, 1.1, 10.0)
    >>> bn.curve_fit(bn.models.gaussian_2d, x, y).x.round(6).tolist()
    [100.0, 3.2, 2.9, 1.1, 10.0]
    """
    u, v = x
    return amplitude * np.exp(-0.5 * ((u - center_x) ** 2 + (v - center_y) ** 2) / sigma**2) + offset
