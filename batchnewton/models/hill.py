"""The Hill equation: cooperative binding."""

import numpy as np

from .model import Columns, model
from .starts import positive, separable


def start(x: np.ndarray, y: np.ndarray) -> Columns:
    def basis(k: np.ndarray, n: float) -> list[np.ndarray]:
        return [1 - 1 / (1 + (np.maximum(x, 0.0) / k) ** n)]

    k, n, top = separable(y, basis, positive(x, 9), (0.5, 1.0, 2.0, 4.0))
    return top, k, n


@model(start, k=(0.0, np.inf), n=(0.0, np.inf))
def hill(x, top, k, n):
    """Cooperative binding, ``top x^n / (k^n + x^n)``.

    Parameters
    ----------
    x : concentration of the ligand, not negative.
    top : saturation, in units of y.
    k : concentration of half the saturation, in units of x.
    n : Hill coefficient; above 1 the binding is cooperative.

    References
    ----------
    Hill (1910), J. Physiol. 40 (Suppl.), iv.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
    >>> bn.curve_fit(bn.models.hill, x, bn.models.hill(x, 7.0, 3.0, 2.2)).x.round(6).tolist()
    [7.0, 3.0, 2.2]
    """
    power = (x / k) ** n
    return top * (power / (1 + power))
