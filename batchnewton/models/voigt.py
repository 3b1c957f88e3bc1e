"""The Voigt profile: a Gaussian convolved with a Lorentzian."""

import numpy as np

from .model import Columns, model
from .starts import peak

TERMS = 24


def _weideman(terms: int) -> tuple[float, tuple[float, ...]]:
    """L and the coefficients of Weideman's polynomial, highest first, by the fast Fourier transform."""
    length = np.sqrt(terms / np.sqrt(2))
    theta = np.arange(-2 * terms + 1, 2 * terms) * np.pi / (2 * terms)
    t = length * np.tan(theta / 2)
    f = np.concatenate([[0.0], np.exp(-(t**2)) * (length**2 + t**2)])
    a = np.real(np.fft.fft(np.fft.fftshift(f))) / (4 * terms)
    return float(length), tuple(float(one) for one in a[1 : terms + 1][::-1])


LENGTH, COEFFICIENTS = _weideman(TERMS)


def faddeeva(x, y):
    """Re w(x + iy), y >= 0, of ``w(z) = 2 p(Z) / (L - iz)² + 1 / (sqrt(pi) (L - iz))``, ``Z = (L + iz) / (L - iz)``."""
    a, size = LENGTH + y, (LENGTH + y) ** 2 + x**2
    c, s = a / size, x / size  # 1 / (L - iz)
    u, v = (LENGTH - y) * c - x * s, (LENGTH - y) * s + x * c  # Z
    p, q = COEFFICIENTS[0], 0.0
    for one in COEFFICIENTS[1:]:
        p, q = p * u - q * v + one, p * v + q * u
    return 2 * (p * (c * c - s * s) - 2 * q * c * s) + c / np.sqrt(np.pi)


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    amplitude, center, width, offset = peak(x, y, lambda z: 0.5 / (1 + z**2) + 0.5 * 2.0 ** -(z**2))
    return amplitude * width * 2.6, center, 0.5 * width, 0.5 * width, offset


@model(start, sigma=(0.0, np.inf), gamma=(0.0, np.inf))
def voigt(x, area, center, sigma, gamma, offset):
    """Voigt peak, ``area Re w(z) / (sigma sqrt(2 pi)) + offset`` with ``z = (x - center + i gamma) / (sigma sqrt(2))``.

    Parameters
    ----------
    x : position.
    area : of the peak, in units of x times y.
    center, sigma, gamma : in units of x: Gaussian standard deviation, Lorentzian half width at half maximum.
    offset : in units of y.

    Notes
    -----
    The Faddeeva function w by 24 terms, at most 1e-10 from the true value for gamma >= 0.

    References
    ----------
    Weideman (1994), SIAM J. Numer. Anal. 31, 1497, eq. 38.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(0, 10, 41)
    >>> y = bn.models.voigt(x, 3.0, 4.0, 0.5, 0.4, 1.0)
    >>> bn.curve_fit(bn.models.voigt, x, y).x.round(6).tolist()
    [3.0, 4.0, 0.5, 0.4, 1.0]
    """
    scale = 1 / (np.sqrt(2) * sigma)
    return area * scale / np.sqrt(np.pi) * faddeeva((x - center) * scale, gamma * scale) + offset
