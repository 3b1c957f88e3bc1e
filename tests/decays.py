"""Noisy exponential decays, the curves of most tests."""

from typing import Any

import numpy as np

T = np.linspace(0, 5, 16)


def decay(t, a, tau, c):
    return a * np.exp(-t / tau) + c


def decays(
    B: int, seed: int | np.random.Generator = 0, dtype: Any = float, t: np.ndarray = T
) -> tuple[np.ndarray, np.ndarray]:
    """Curves y (B, m) with noise of 0.03, and starts p0 (B, 3)."""
    rng = np.random.default_rng(seed)
    truth = np.stack([rng.uniform(0.5, 2, B), rng.uniform(0.5, 2, B), rng.uniform(0, 0.5, B)], 1)
    y = decay(t, *truth.T[:, :, None]) + rng.normal(0, 0.03, (B, t.size))
    return y.astype(dtype), np.stack([y[:, 0] - y[:, -1], np.ones(B), y[:, -1]], 1).astype(dtype)


def jacobian(t: np.ndarray, a: float, tau: float, c: float) -> np.ndarray:
    """Derivatives of a decay (m, 3)."""
    return np.stack([np.exp(-t / tau), a * t / tau**2 * np.exp(-t / tau), np.ones_like(t)], -1)
