"""Intravoxel incoherent motion, in diffusion imaging."""

import numpy as np

from .model import Columns, model
from .starts import separable, span


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    def basis(slow: np.ndarray, ratio: float) -> list[np.ndarray]:
        return [np.exp(-slow * x), np.exp(-slow * ratio * x)]

    slow = [factor / span(x) for factor in np.geomspace(0.2, 4.0, 8)]
    diffusion, ratio, tissue, blood = separable(y, basis, slow, (4.0, 8.0, 16.0, 32.0, 64.0))
    return tissue + blood, blood / (tissue + blood), diffusion, diffusion * ratio


@model(start, s0=(0.0, np.inf), fraction=(0.0, 1.0), diffusion=(0.0, np.inf), perfusion=(0.0, np.inf))
def ivim(x, s0, fraction, diffusion, perfusion):
    """Diffusion signal, ``s0 (fraction exp(-x perfusion) + (1 - fraction) exp(-x diffusion))``.

    Parameters
    ----------
    x : b-value, s/mm².
    s0 : signal at b = 0, in units of y.
    fraction : of the perfused volume, 0 to 1.
    diffusion, perfusion : coefficient of diffusion D and of pseudo-diffusion D*, mm²/s; the guess has ``D < D*``.

    References
    ----------
    Le Bihan et al. (1988), Radiology 168, 497.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> b = np.array([0.0, 10, 20, 40, 80, 110, 140, 170, 200, 300, 400, 500, 600, 700, 800, 900])
    >>> y = bn.models.ivim(b, 1000.0, 0.12, 0.0011, 0.02)
    >>> bn.curve_fit(bn.models.ivim, b, y).x.round(6).tolist()
    [1000.0, 0.12, 0.0011, 0.02]
    """
    return s0 * (fraction * np.exp(-x * perfusion) + (1 - fraction) * np.exp(-x * diffusion))
