"""Where the Hessian is indefinite: the Newton step goes uphill, others do not."""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn


def hills(x):
    return np.sin(1.2 * x[0]) * np.cos(x[1]) + 0.1 * (x[0] ** 2 + x[1] ** 2)


def model_minimum(g, H, radius):
    """The least value of gᵀd + dᵀHd/2 with |d| <= radius (Moré & Sorensen 1983), by bisection in lambda."""
    values, vectors = np.linalg.eigh(H)
    along = vectors.T @ g
    low, high = max(0.0, -values[0]) + 1e-12, max(0.0, -values[0]) + np.abs(g).sum() / radius + 1.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if np.linalg.norm(along / (values + middle)) > radius else (low, middle)
    return -vectors @ (along / (values + high))


start = np.array([-0.2, 1.0])
f, g, H = bn.value_grad_hess(hills, start)
values, vectors = np.linalg.eigh(H)
newton = -np.linalg.solve(H, g)
modified = -vectors @ ((vectors.T @ g) / np.abs(values))
path = np.array([model_minimum(g, H, radius) for radius in np.linspace(0.02, 1.6, 60)])
end = bn.minimize(hills, start)

figure, axes = plt.subplots(figsize=(6.4, 4.8), layout="constrained")
u, v = np.meshgrid(np.linspace(-3, 2, 200), np.linspace(-1.5, 2.5, 200))
axes.contour(u, v, hills((u, v)), 25, colors="0.75", linewidths=0.8)
for d, label, colour in (
    (-0.8 * g / np.linalg.norm(g), "steepest descent", "C2"),
    (newton, f"Newton: gᵀd = {g @ newton:+.2f}", "C3"),
    (modified, f"modified Newton: gᵀd = {g @ modified:+.2f}", "C0"),
):
    axes.annotate("", start + d, start, arrowprops=dict(arrowstyle="->", color=colour, linewidth=2))
    axes.plot([], [], color=colour, label=label)
axes.plot(*(start + path).T, "C1", label="trust region, by radius")
axes.plot(*start, "ko")
axes.plot(*end.x, "k*", markersize=12, label="the minimum found")
axes.set(xlabel="x", ylabel="y", xlim=(-3, 2), ylim=(-1.5, 2.5))
axes.set_title(f"eigenvalues of H: {values[0]:.2f}, {values[1]:.2f}", fontsize="medium")
axes.legend(loc="lower right", fontsize="small")
