"""Where undamped and damped Newton steps lead, by start."""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn


def cube_roots(z):
    """z³ = 1 in real and imaginary part."""
    a, b = z
    return [a**3 - 3 * a * b**2 - 1, 3 * a**2 * b - b**3]


def himmelblau(x):
    """Four minima, four saddles, one maximum (Himmelblau 1972)."""
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def grid(width, count=240):
    u, v = np.meshgrid(np.linspace(-width, width, count), np.linspace(-width, width, count))
    return np.stack([u.ravel(), v.ravel()], axis=1)


figure, axes = plt.subplots(1, 4, figsize=(12.5, 3.4), layout="constrained")
z = grid(1.6)
for place, method in zip(axes, ("newton-pure", None), strict=False):
    res = bn.root(cube_roots, z, method=method, max_iter=None if method is None else 60)
    which = np.where(res.success, np.round(np.arctan2(res.x[:, 1], res.x[:, 0]) / (2 * np.pi / 3)) + 1, np.nan)
    place.imshow(which.reshape(240, 240), origin="lower", extent=(-1.6, 1.6, -1.6, 1.6), cmap="viridis")
    place.set_title(f"z³ = 1: {'damped' if method is None else 'undamped'}, {res.nfev.mean():.1f}", fontsize="medium")
x = grid(6.0)
for place, method in zip(axes[2:], ("newton-pure", None), strict=True):
    res = bn.minimize(himmelblau, x, method=method)
    stationary = np.abs(res.grad).max(1) < 1e-6
    negative = np.where(stationary, (np.linalg.eigvalsh(res.hess) < 0).sum(1), np.nan).reshape(240, 240)
    colours = place.imshow(negative, origin="lower", extent=(-6, 6, -6, 6), cmap="cividis", vmin=0, vmax=2)
    place.set_title(f"stationary points: {'damped' if method is None else 'undamped'}", fontsize="medium")
bar = figure.colorbar(colours, ax=axes[3], ticks=[0, 1, 2])
bar.ax.set_yticklabels(["minimum", "saddle", "maximum"])
