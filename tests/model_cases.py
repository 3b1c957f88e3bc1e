"""For each ready model: abscissae, the range of each parameter, and the noise of a batch to fit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    x: np.ndarray
    low: tuple[float, ...]
    high: tuple[float, ...]
    noise: float


def pixels(width: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(width), np.arange(width))).reshape(2, -1).astype(float)


LINE = np.linspace(0.0, 10.0, 60)
B_VALUES = np.repeat([0.0, 10, 20, 40, 80, 110, 140, 170, 200, 300, 400, 500, 600, 700, 800, 900], 2)
DOSES = np.repeat([0.0, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000], 3)

CASES = {
    "biexponential": Case(LINE, (1, 0.3, 1, 2.5, -1), (2, 0.6, 2, 4, 1), 0.005),
    "damped_sine": Case(LINE, (0.5, 0.2, -2, 3, -1), (2, 2.5, 2, 20, 1), 0.05),
    "exponential_decay": Case(LINE, (1, 0.5, -1), (3, 5, 1), 0.05),
    "extended_tofts": Case(np.linspace(0, 6, 60), (0.1, 0.2, 0.02), (0.5, 0.5, 0.1), 0.003),
    "gaussian": Case(LINE, (1, 1, 0.3, -1), (3, 9, 1.5, 1), 0.1),
    "gaussian_2d": Case(pixels(9), (50, 3, 3, 1, 5), (200, 5, 5, 1.6, 20), 5),
    "gaussian_2d_elliptic": Case(pixels(11), (50, 4, 4, 1, 1, 5), (200, 6, 6, 2, 2, 20), 5),
    "gaussian_2d_rotated": Case(pixels(13), (100, 5, 5, 2, 1, -1.4, 5), (200, 7, 7, 2.6, 1.5, 1.4, 20), 5),
    "hill": Case(DOSES, (1, 1, 0.7), (3, 50, 2.5), 0.05),
    "inversion_recovery": Case(np.geomspace(0.05, 6, 20), (50, 1.6, 0.4), (100, 2.0, 2), 2),
    "ivim": Case(B_VALUES, (800, 0.1, 0.0008, 0.015), (1200, 0.3, 0.0016, 0.04), 2),
    "logistic_4pl": Case(DOSES, (0, 50, 1, 0.7), (10, 100, 50, 2.5), 2),
    "logistic_5pl": Case(np.geomspace(0.01, 1000, 60), (0, 50, 2, 0.8, 0.6), (10, 100, 20, 2, 1.6), 0.1),
    "logistic_growth": Case(LINE, (1, 0.8, 2), (3, 3, 8), 0.05),
    "lorentzian": Case(LINE, (-3, 1, 0.3, -1), (-1, 9, 1.2, 1), 0.1),
    "michaelis_menten": Case(DOSES, (1, 0.5), (3, 100), 0.05),
    "power_law": Case(np.linspace(0.5, 9, 40), (1, -2), (3, 3), 0.05),
    "pseudo_voigt": Case(np.linspace(0, 10, 120), (2, 3, 1, 0.2, -1), (3, 7, 2, 0.8, 1), 0.02),
    "stretched_exponential": Case(LINE, (2, 0.7, 0.6, -1), (3, 3, 1.2, 1), 0.005),
    "voigt": Case(np.linspace(0, 10, 120), (3, 3, 0.3, 0.3, -1), (5, 7, 0.6, 0.6, 1), 0.02),
}


def batch(name: str, size: int, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x, y, truth): curves of random parameters within the case's range, with Gaussian noise."""
    import batchnewton as bn

    case = CASES[name]
    rng = np.random.default_rng(sum(name.encode()))
    truth = rng.uniform(case.low, case.high, (size, len(case.low)))
    clean = bn.models.ALL[name](case.x, *truth.T[:, :, None])
    return case.x, clean + noise * case.noise * rng.standard_normal(clean.shape), truth
