"""Polynomials."""

import numpy as np

from batchnewton.options import check_count

from .model import Columns, Model


def polynomial(degree: int) -> Model:
    """Polynomial, ``c0 + c1 x + … + c_degree x^degree``: a model with ``degree + 1`` parameters.

    Parameters
    ----------
    degree : int
        0 or more.

    Notes
    -----
    Linear: the guess is the answer for equal weights.  Centre x where the degree is more than a few.

    References
    ----------
    Björck (1996), Numerical Methods for Least Squares Problems, section 1.1; Horner (1819), Phil. Trans. 109, 308.

    Examples
    --------
    >>> import numpy as np
    >>> import batchnewton as bn
    >>> x = np.linspace(-1, 1, 9)
    >>> bn.curve_fit(bn.models.polynomial(2), x, 1.0 - 2.0 * x + 0.5 * x**2).x.round(6).tolist()
    [1.0, -2.0, 0.5]
    """
    count = check_count("degree + 1", degree + 1)

    def formula(x, *coefficients):
        total = coefficients[-1]
        for one in coefficients[-2::-1]:
            total = total * x + one
        return total

    def start(x: np.ndarray, y: np.ndarray) -> Columns:
        unit = np.maximum(np.max(np.abs(x), axis=-1, keepdims=True), np.finfo(float).tiny)
        powers = (x / unit)[..., None] ** np.arange(count)
        scaled = np.linalg.pinv(powers) @ y[..., None] if x.ndim == 2 else y @ np.linalg.pinv(powers).T
        return list((scaled.reshape(len(y), count) / unit ** np.arange(count)).T)

    formula.__name__ = formula.__qualname__ = f"polynomial_{degree}"
    return Model(formula, start, names=[f"c{i}" for i in range(count)], origin=(polynomial, (degree,)))
