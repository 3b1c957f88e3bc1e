"""Arrays in: what a user hands over becomes a real NumPy array, or a clear error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Shared:
    """An array that is the same for every problem; see `shared`."""

    value: Any


def shared(a: Any) -> Shared:
    """Mark an argument or data array as shared by all problems: it has no batch axis.

    Parameters
    ----------
    a : array_like
        The values, for instance ``(m,)`` or ``(m, k)`` for data of m rows.

    Examples
    --------
    Two straight lines through the origin, over the same abscissae:

    >>> import numpy as np
    >>> import batchnewton as bn
    >>> t = np.array([1.0, 2.0, 3.0])
    >>> y = np.array([[2.0, 4.0, 6.0], [3.0, 6.0, 9.0]])
    >>> res = bn.least_squares(lambda x, t, y: x[0] * t - y, [[1.0], [1.0]], data=(bn.shared(t), y))
    >>> res.x.ravel().round(6).tolist()
    [2.0, 3.0]
    """
    return Shared(a)


def real(name: str, value: Any) -> np.ndarray:
    """The value as a real array; float32 stays, all else becomes float64."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not an array: {error}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}; expected real numbers")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def shape_error(name: str, array: np.ndarray, expected: str) -> ValueError:
    """What came and what is expected."""
    return ValueError(f"{name} has shape {array.shape}; expected {expected}")
