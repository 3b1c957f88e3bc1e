r"""
Kepler's equation, and where Newton's method goes
=================================================

A planet's place on its ellipse follows from :math:`E - e \sin E = M`, an equation without a closed solution that is
solved for billions of instants when orbits are fitted. What one learns: a start that is right for all, what damping is
for, and how to count what a method needs.
"""

import math

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn


def kepler(x, e, mean):
    return x[0] - e * math.sin(x[0]) - mean


# %%
# A grid of orbits
# ----------------
# 300 eccentricities up to 0.999 and 300 mean anomalies, each from the start :math:`E = M`.

e, mean = np.meshgrid(1 - np.geomspace(1, 1e-3, 300), np.linspace(0.001, np.pi, 300), indexing="ij")
args, start = (e.ravel(), mean.ravel()), mean.reshape(-1, 1)
searches = {
    "undamped Newton from M": bn.root(kepler, start, args, method="newton-pure", max_iter=60),
    "damped Newton from M": bn.root(kepler, start, args),
    "undamped Newton from π": bn.root(kepler, np.full_like(start, np.pi), args, method="newton-pure", max_iter=60),
}
for label, res in searches.items():
    print(label, res.summary(), sep="\n")

# %%
# For M in (0, π) the left side is convex where Newton's method from π goes, and it comes down to the root without ever
# passing it (Danby & Burkardt 1983, Celestial Mechanics 31, 95, discuss starts). From M, where the slope
# :math:`1 - e \cos M` may be 1e-3, the first undamped step is a thousand times too long.

# %%
# What is seen
# ------------
# Evaluations each root took. On the right, orbits: the same step in time, so crowded far from the sun.

figure, axes = plt.subplots(1, 4, figsize=(13, 3.5), layout="constrained")
for place, (label, res) in zip(axes, searches.items(), strict=False):
    counted = np.ma.masked_where(~res.success, res.nfev).reshape(e.shape)
    picture = place.pcolormesh(mean[0], 1 - e[:, 0], counted, vmin=2, vmax=16, cmap="viridis_r")
    place.set(yscale="log", xlabel="mean anomaly M", ylabel="1 - eccentricity")
    place.set_title(f"{label}: {res.nfev.mean():.1f}", fontsize="medium")
figure.colorbar(picture, ax=axes[2], label="evaluations")
time = np.linspace(0, 2 * np.pi, 41)[:-1]
for one in (0.0, 0.5, 0.9):
    found = bn.root(kepler, np.full((40, 1), np.pi), (one, time)).x[:, 0]
    axes[3].plot(np.cos(found) - one, math.sqrt(1 - one**2) * np.sin(found), ".", label=f"e = {one}")
axes[3].plot(0, 0, "*", color="tab:orange", markersize=14)
axes[3].set(aspect="equal", xticks=[], yticks=[])
axes[3].legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize="small")
plt.show()
