"""Certificates by differences of gradients, for problems with more unknowns than a kernel with a Hessian can have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .kernels.converge import QUICK
from .kernels.strict import STEADY

STEP = 6e-6  # of a difference, relative: the cube root of the rounding
SURE = 1e-7  # least eigenvalue of a Hessian, relative to the largest: its error is some 1e-10
NOISE = 1e-13  # of F: a decrease below that is not seen

Gradient = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def hessian(gradient: Gradient, x: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Hessians at x, (B, n, n), by central differences of ``gradient(x) -> f, g`` in steps of ``STEP unit``."""
    n = x.shape[1]
    H = np.zeros((*x.shape, n))
    for i in range(n):
        ahead, back = x.copy(), x.copy()
        ahead[:, i] += STEP * unit[:, i]
        back[:, i] -= STEP * unit[:, i]
        H[:, i] = (gradient(ahead)[1] - gradient(back)[1]) / (ahead - back)[:, i, None]
    return 0.5 * (H + np.swapaxes(H, 1, 2))


def newton_step(g: np.ndarray, H: np.ndarray, unit: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In relative coordinates: the least eigenvalue of H where H is clearly definite (else 0), ``H⁻¹ g``, and
    ``s = gᵀ H⁻¹ g``."""
    with np.errstate(all="ignore"):
        scaled, slope = H * unit[:, :, None] * unit[:, None, :], g * unit
        finite = np.all(np.isfinite(scaled), axis=(1, 2)) & np.all(np.isfinite(slope), axis=1)
        scaled = np.where(finite[:, None, None], scaled, np.eye(g.shape[1]))
        slope = np.where(finite[:, None], slope, 0.0)
        values = np.linalg.eigvalsh(scaled)
        definite = finite & (values[:, 0] > SURE * values[:, -1])
        step = np.linalg.solve(np.where(definite[:, None, None], scaled, np.eye(g.shape[1])), slope[:, :, None])[
            :, :, 0
        ]
        return np.where(definite, values[:, 0], 0.0), unit * step, (slope * step).sum(1)


def is_minimum(
    gradient: Gradient, x: np.ndarray, unit: np.ndarray, close: float, xtol: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which x are strict minima, and where a Newton step from there leads, with its F.

    H is clearly positive definite at both points, its least eigenvalue shrinks by no more than STEADY; the step is
    within ``close unit`` and the next one within ``xtol unit``; it leaves less than QUICK of s, or what the next one
    promises is not seen in F.
    """
    f, g = gradient(x)
    least, step, s = newton_step(g, hessian(gradient, x, unit), unit)
    near = np.all(np.abs(step) <= close * unit, axis=1)
    ahead = np.where(near[:, None], x - step, x)
    f_ahead, g_ahead = gradient(ahead)
    least_ahead, last, s_ahead = newton_step(g_ahead, hessian(gradient, ahead, unit), unit)
    short = (np.abs(last) <= xtol * unit).all(1)
    quick = (s_ahead <= QUICK * s) | (0.5 * s_ahead <= NOISE * np.abs(f))
    steady = (least > 0.0) & (least_ahead > 0.0) & (STEADY * least_ahead >= least)
    falls = f_ahead <= f + NOISE * np.abs(f)
    return near & short & quick & steady & falls, ahead, f_ahead
