"""Data whose errors are correlated: ``sigma`` as a full covariance C, and residuals that are not.

With ``C = L Lᵀ`` and ``W = L⁻¹`` the residuals ``W (f - y)`` have unit covariance and the sum of their squares is
``(f - y)ᵀ C⁻¹ (f - y)`` (Aitken 1935).  Row k of them needs f at all points, so x becomes a constant of the formula:
its values there, and their derivatives, do not depend on the row and are worked out once a trip, not once a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import Shared, on_host, real, shape_error
from .derive.trace import of_a_point
from .missing import with_gaps

LARGEST = 200  # points of a curve: the formula is written out for each of them
SYMMETRIC = 1e-10  # of the largest element: what C and Cᵀ may differ by


def covariance(sigma: Any, size: int, m: int) -> np.ndarray | None:
    """The covariance that sigma is, (1, m, m) for all curves or (B, m, m); None where it holds standard deviations.

    Raises
    ------
    ValueError
        Where it could be either: (m, m) for as many curves as points.  Where it is no covariance.
    """
    if sigma is None:
        return None
    array = real("sigma", sigma.value if isinstance(sigma, Shared) else sigma)
    if isinstance(sigma, Shared):
        if array.shape != (m, m):
            raise shape_error("sigma", array, f"({m}, {m}): shared, it is the covariance of {m} points")
    elif array.shape == (m, m) == (size, m) and m > 1:
        if not (symmetric(array[None]) and definite(array)):
            return None
        either = f"a covariance, or {m} standard deviations for each of {m} curves"
        wanted = "bn.shared(sigma) for a covariance (standard deviations: give the curves in another order)"
        raise ValueError(f"sigma is {array.shape}, symmetric and positive definite: {either}; expected {wanted}")
    elif array.shape not in ((m, m), (size, m, m)) or array.shape == (size, m):
        return None
    return checked(array if array.ndim == 3 else array[None], m)


def checked(matrices: np.ndarray, m: int) -> np.ndarray:
    """Covariances, in float64."""
    if m > LARGEST:
        raise ValueError(f"sigma is a covariance of {m} points; at most {LARGEST} are supported")
    matrices = matrices.astype(np.float64)
    if not np.isfinite(matrices).all():
        raise ValueError("sigma is a covariance that holds NaN or infinity; expected finite numbers")
    if not symmetric(matrices):
        raise ValueError("sigma is a covariance that is not symmetric; expected C[i, j] == C[j, i]")
    return matrices


def symmetric(matrices: np.ndarray) -> bool:
    """Whether each matrix is its own transpose, but for rounding."""
    difference = np.abs(matrices - np.swapaxes(matrices, 1, 2)).max((1, 2))
    return bool((difference <= SYMMETRIC * np.abs(matrices).max((1, 2))).all())


def definite(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix is positive definite."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def whitening(matrices: np.ndarray) -> np.ndarray:
    """``W = L⁻¹`` of each covariance ``L Lᵀ``, lower triangular.

    Raises
    ------
    ValueError
        Where one is not positive definite.
    """
    try:
        lower = np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        b = next(b for b, matrix in enumerate(matrices) if not definite(matrix))
        which = f"sigma[{b}]" if len(matrices) > 1 else "sigma"
        raise ValueError(f"{which} is a covariance that is not positive definite") from None
    return np.tril(np.linalg.inv(lower))


def check_squares(loss: Any) -> None:
    """A covariance goes with squares of residuals."""
    if not (isinstance(loss, str) and loss == "linear"):
        raise ValueError(f"sigma is a covariance, but loss={loss!r}; expected loss='linear'")


def remaining(
    x: np.ndarray, y: np.ndarray, matrices: np.ndarray, own: bool, counts: Any, mask: Any, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """xdata, ydata and covariances of the points that are there, and their mask; None where all are.

    The covariance of some points is a part of that of all.  The others get a unit variance of their own, ``y = 0`` and
    the x of a point that is there: whitened they are rows of their own, which the mask leaves out.
    """
    m = y.shape[-1]
    there = ~np.isnan(with_gaps(np.broadcast_to(on_host(y), (size, m)), counts, mask))
    if there.all() or x.shape[-1:] != (m,):  # xdata of a wrong shape are refused later
        return x, y, matrices, None
    there = there[:1] if (there == there[0]).all() else there
    both = there[:, :, None] & there[:, None, :]
    known = there if y.ndim == 2 or len(there) > 1 else there[0]
    return (
        at_known(x, there, own),
        np.where(known, y, 0.0),
        np.where(both, matrices, np.eye(m)),
        np.broadcast_to(there, (size, m)),
    )


def at_known(x: np.ndarray, there: np.ndarray, own: bool) -> np.ndarray:
    """xdata with the x of a point that is there wherever, of its curve or of all that share it, none is."""
    some = there if own else np.any(there, axis=0, keepdims=True)
    first = some.argmax(1)
    if not own:
        return np.where(some[0], x, x[..., first])
    some, first = (one.reshape(len(one), *[1] * (x.ndim - 2), -1) for one in (some, first))
    return np.where(some, x, np.take_along_axis(x, first, -1))


def whitened(f: Callable[..., Any], m: int) -> Callable[..., Any]:
    """Residual k, ``sum_j W_kj f(x_j, p) - (W y)_k``: a formula of (all x, row k of W, (W y)_k, parameters...)."""

    def residual(x, weights, y, *parameters):
        total = weights[0] * of_a_point(f(x[0], *parameters), f, x[0])
        for j in range(1, m):
            total = total + weights[j] * of_a_point(f(x[j], *parameters), f, x[j])
        return total - y

    residual.__name__ = getattr(f, "__name__", "formula")
    return residual
