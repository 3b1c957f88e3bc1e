r"""
Diffusion tensors
=================

Water in the brain moves along the fibres of nerves more freely than across them. Images weighted by diffusion in many
directions tell the tensor D of each voxel: :math:`S = S_0 \exp(-b\, g^T D g)`. What one learns: a formula with two
kinds of given numbers a data point (a direction and a strength), and why one fits the signals, not their logarithms.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

# %%
# Signals of a ring of fibres
# ---------------------------
# 48 directions at b = 1 ms/µm² and at 2.5 ms/µm², 6 images without weighting, Gaussian noise of 4 % of :math:`S_0`.

rng = np.random.default_rng(0)
side = 56
v, u = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
radius, angle = np.hypot(u, v), np.arctan2(v, u)
fibre = np.exp(-(((radius - 0.6) / 0.18) ** 2))  # 1 on the ring, where fibres run around
along, across = 0.8 + 0.9 * fibre, 0.8 - 0.55 * fibre  # µm²/ms
direction = np.stack([-np.sin(angle), np.cos(angle), np.zeros_like(angle)], axis=-1)
tensor = across[..., None, None] * np.eye(3) + (along - across)[..., None, None] * (
    direction[..., :, None] * direction[..., None, :]
)

golden = np.arange(48) * np.pi * (3 - np.sqrt(5))  # directions that cover a half sphere evenly
height = (np.arange(48) + 0.5) / 48
half = np.stack([np.sqrt(1 - height**2) * np.cos(golden), np.sqrt(1 - height**2) * np.sin(golden), height])
g = np.concatenate([half, half, np.zeros((3, 6))], axis=1)
b = np.repeat([1.0, 2.5, 0.0], [48, 48, 6])
clean = 100 * np.exp(-b * np.einsum("im,rcij,jm->rcm", g, tensor, g)).reshape(side * side, -1)
signal = clean + rng.normal(0, 4.0, clean.shape)

# %%
# The fit
# -------
# Four coordinates a data point: the three of the direction, and b.


def attenuated(x, s0, xx, yy, zz, xy, xz, yz):
    gx, gy, gz, b = x
    along = xx * gx**2 + yy * gy**2 + zz * gz**2 + 2 * (xy * gx * gy + xz * gx * gz + yz * gy * gz)
    return s0 * np.exp(-b * along)


x = np.concatenate([g, b[None]])
res = bn.curve_fit(attenuated, x, signal, p0=[100.0, 0.8, 0.8, 0.8, 0.0, 0.0, 0.0])
print(res.summary())

# %%
# The usual short cut takes logarithms, which makes the fit linear. It also makes the noise of weak signals large, and
# signals below zero have no logarithm.

design = np.stack([np.ones(b.size), *(-b * each for each in (g[0] ** 2, g[1] ** 2, g[2] ** 2))], axis=1)
mixed = np.stack([-2 * b * g[i] * g[j] for i, j in ((0, 1), (0, 2), (1, 2))], axis=1)
logarithms = np.log(np.maximum(signal, 1.0)) @ np.linalg.pinv(np.concatenate([design, mixed], axis=1)).T


def anisotropy(d):
    """Fractional anisotropy (0: a sphere, 1: a line) of tensors (xx, yy, zz, xy, xz, yz), (B, 6)."""
    matrix = d[:, [0, 3, 4, 3, 1, 5, 4, 5, 2]].reshape(-1, 3, 3)
    spread = matrix - np.trace(matrix, axis1=1, axis2=2)[:, None, None] / 3 * np.eye(3)
    return np.sqrt(1.5 * (spread**2).sum((1, 2)) / (matrix**2).sum((1, 2)))


# %%
# What is seen
# ------------
# Away from the ring the truth is a sphere: the short cut finds too much anisotropy there, and too little on the ring.

right = anisotropy(tensor.reshape(-1, 9)[:, [0, 4, 8, 1, 2, 5]])
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
found = anisotropy(res.x[:, 1:])
bn.plot.parameter_map(res, found, (side, side), axes[0], quantiles=(0, 1))
axes[0].set_title("anisotropy, and where fibres run")
_, vectors = np.linalg.eigh(res.x[:, [1, 4, 5, 4, 2, 6, 5, 6, 3]].reshape(side, side, 3, 3))
step = slice(2, None, 5)
at = np.mgrid[0:side, 0:side][:, step, step]
where = found.reshape(side, side)[step, step]
axes[0].quiver(
    at[1],
    at[0],
    *np.moveaxis(vectors[step, step, :2, 2] * where[..., None], -1, 0),
    angles="xy",
    color="w",
    scale=14,
    headwidth=1,
    headlength=0,
    headaxislength=0,
    pivot="mid",
)
for place, values, label in (
    (axes[1], found, "fit of the signals"),
    (axes[2], anisotropy(logarithms[:, 1:]), "fit of logarithms"),
):
    place.plot(right, values, ".", markersize=2, alpha=0.4)
    place.plot([0, 1], [0, 1], "k-", linewidth=1)
    place.set(xlabel="anisotropy, truth", xlim=(0, 1), ylim=(0, 1))
    place.set_title(f"{label}: off by {np.sqrt(np.mean((values - right) ** 2)):.3f} (rms)", fontsize="medium")
plt.show()
