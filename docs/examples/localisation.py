"""
Single-molecule localisation
============================

A camera sees single molecules as blurred spots of a few pixels, and their centres are wanted to a tenth of a pixel. The
counts are photons, so their noise is Poisson's. What one learns: the likelihood that belongs to the noise reaches the
Cramér-Rao bound, the smallest error that any unbiased estimate can have, and least squares does not.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

# %%
# Images
# ------
# 11 x 11 pixels, spots of 1.3 pixels, a background of 4 photons a pixel, and 100 to 10,000 photons a molecule.

rng = np.random.default_rng(0)
side, count = 11, 6000
rows, columns = np.indices((side, side)).reshape(2, -1).astype(float)
x = np.stack([columns, rows])
photons = np.geomspace(100, 10_000, count)
truth = np.stack(
    [
        photons / (2 * np.pi * 1.3**2),
        rng.uniform(4, 6, count),
        rng.uniform(4, 6, count),
        np.full(count, 1.3),
        np.full(count, 4.0),
    ],
    axis=1,
)
mean = bn.models.gaussian_2d(x[:, None], *truth.T[..., None])
counts = rng.poisson(mean).astype(float)

# %%
# Two fits of all images
# ----------------------
# The guess comes with the model. The Poisson likelihood needs a positive mean: natural bounds see to the width, and a
# background of at least 0.1 to the rest.

bounds = {"amplitude": (0.0, None), "sigma": (0.5, 5.0), "offset": (0.1, None)}
likely = bn.curve_fit(bn.models.gaussian_2d, x, counts, loss="poisson", bounds=bounds)
squares = bn.curve_fit(bn.models.gaussian_2d, x, counts, bounds=bounds)
print(likely.summary())

# %%
# The bound
# ---------
# The Fisher information of counts with mean :math:`\mu` is :math:`\sum_k \nabla\mu_k \nabla\mu_k^T / \mu_k`; its
# inverse bounds the covariance. It is the Hessian of the same likelihood at the truth, with the mean itself as data.

at_truth = bn.curve_fit(bn.models.gaussian_2d, x, mean, p0=truth, loss="poisson")
bound = at_truth.stderr[:, 1]

# %%
# What is seen
# ------------
# The standard deviation of the errors in bins of equal photons. On the left a few of the images, with the fitted spots.

figure = plt.figure(figsize=(10, 4.2), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.7])
for place, i in zip(left.subplots(3, 3).ravel(), np.linspace(300, count - 1, 9).astype(int), strict=True):
    fine = np.stack(np.meshgrid(np.linspace(-0.5, 10.5, 60), np.linspace(-0.5, 10.5, 60))).reshape(2, -1)
    bn.plot.image_fit(
        place,
        counts[i].reshape(side, side),
        bn.models.gaussian_2d(fine, *likely.x[i]).reshape(60, 60),
        likely.x[i, 1:3],
    )
    place.set_title(f"{photons[i]:.0f} photons", fontsize="x-small")

axes = right.subplots()
bins = np.array_split(np.arange(count), 12)
middle = [np.exp(np.log(photons[b]).mean()) for b in bins]
for res, label, marker in ((squares, "least squares", "s"), (likely, "Poisson likelihood", "o")):
    error = res["center_x"] - truth[:, 1]
    axes.loglog(middle, [error[b][res.success[b]].std() for b in bins], marker, label=label)
axes.loglog(photons, bound, "k-", label="Cramér-Rao bound")
axes.set(xlabel="photons", ylabel="error of the centre, pixels", title="6000 molecules")
axes.legend(frameon=False)
plt.show()
