"""The rotated elliptic two-dimensional Gaussian."""

import numpy as np

from .model import Columns, model
from .starts import spot


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    amplitude, offset, u, v, uu, uv, vv = spot(x, y)
    middle, half = (uu + vv) / 2, np.hypot((uu - vv) / 2, uv)
    minor = np.maximum(middle - half, 0.05 * middle)
    return amplitude, u, v, np.sqrt(middle + half), np.sqrt(minor), 0.5 * np.arctan2(2 * uv, uu - vv), offset


@model(start, coordinates=2, sigma_major=(0.0, np.inf), sigma_minor=(0.0, np.inf))
def gaussian_2d_rotated(x, amplitude, center_x, center_y, sigma_major, sigma_minor, angle, offset):
    """Turned elliptic spot, ``amplitude exp(-(p² / sigma_major² + q² / sigma_minor²) / 2) + offset``
    with ``p = cos(angle) du + sin(angle) dv``, ``q = cos(angle) dv - sin(angle) du`` from the center.

    Parameters
    ----------
    x : (u, v), position.
    amplitude, offset : in units of y.
    center_x, center_y, sigma_major, sigma_minor : in units of x.
    angle : of the major axis, in radians from u to v; the guess lies within (-pi/2, pi/2].

    References
    ----------
    Przybylski et al. (2017), Sci. Rep. 7, 15722: Gpufit's ``GAUSS_2D_ROTATED``.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.stack(np.meshgrid(np.arange(11.0), np.arange(11.0))).reshape(2, -1)
    >>> y = bn.models.gaussian_2d_rotated(x, 100.0, 5.2, 4.9, 2.1, 1.2, 0.5, 10.0)
    >>> bn.curve_fit(bn.models.gaussian_2d_rotated, x, y).x.round(6).tolist()
    [100.0, 5.2, 4.9, 2.1, 1.2, 0.5, 10.0]
    """
    u, v = x[0] - center_x, x[1] - center_y
    p = np.cos(angle) * u + np.sin(angle) * v
    q = np.cos(angle) * v - np.sin(angle) * u
    return amplitude * np.exp(-0.5 * ((p / sigma_major) ** 2 + (q / sigma_minor) ** 2)) + offset
