"""
Fluorescence lifetimes of few photons
=====================================

In lifetime imaging each pixel has a histogram of photon arrival times, with a few dozen photons in it. What one learns:
with so few counts, weighted least squares is biased and plain least squares scatters more than it must; the Poisson
likelihood does neither. And a response of the instrument goes into the formula as it stands on paper.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

# %%
# The formula
# -----------
# An exponential decay, blurred by a Gaussian response of width s around t0 (an exponentially modified Gaussian):
#
# .. math:: f(t) = \frac{A}{2} \exp\!\left(\frac{s^2}{2 \tau^2} - \frac{t - t_0}{\tau}\right)
#           \mathrm{erfc}\!\left(\frac{s}{\sqrt 2 \tau} - \frac{t - t_0}{\sqrt 2 s}\right) + c .
#
# ``bn.special.erfc`` has exact derivatives, as everything in a formula.

WIDTH, ARRIVAL = 0.15, 1.0  # of the response, ns


def histogram(t, amplitude, tau, background):
    u = (t - ARRIVAL) / tau - WIDTH**2 / (2 * tau**2)
    blurred = bn.special.erfc(WIDTH / (np.sqrt(2.0) * tau) - (t - ARRIVAL) / (np.sqrt(2.0) * WIDTH))
    return 0.5 * amplitude * np.exp(-u) * blurred + background


# %%
# An image
# --------
# 64 x 64 pixels, 32 channels of 0.4 ns, 30 to 300 photons a pixel; cells of 2.0 ns in surroundings of 3.2 ns.

rng = np.random.default_rng(0)
side = 64
v, u = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
cell = sum(np.exp(-((u - a) ** 2 + (v - b) ** 2) / 0.015) for a, b in ((0.25, 0.3), (0.7, 0.25), (0.55, 0.72))) > 0.4
tau = np.where(cell, 2.0, 3.2).reshape(-1, 1)
photons = (30 * 10 ** rng.uniform(0, 1, (side, side))).reshape(-1, 1)
t = 0.4 * (np.arange(32) + 0.5)
counts = rng.poisson(histogram(t, photons * 0.4 / tau, tau, 0.1)).astype(float)

# %%
# Three ways to weight the same histograms
# ----------------------------------------

options = dict(p0=[10.0, 2.5, 0.2], bounds={"amplitude": (1e-3, None), "tau": (0.2, 20.0), "background": (1e-3, None)})
fits = {
    "least squares": bn.curve_fit(histogram, t, counts, **options),
    "least squares, weighted by counts": bn.curve_fit(
        histogram, t, counts, sigma=np.sqrt(np.maximum(counts, 1)), **options
    ),
    "Poisson likelihood": bn.curve_fit(histogram, t, counts, loss="poisson", **options),
}
for label, res in fits.items():
    print(label, res.summary(), sep="\n")

# %%
# What is seen
# ------------
# Weighting by the counts themselves trusts low counts most, and pulls all lifetimes down. The spread is half the range
# of the middle 68 %.

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", width_ratios=[1, 1, 1.7])
bn.plot.parameter_map(fits["Poisson likelihood"], "tau", (side, side), axes[0])
axes[0].set_title("lifetime, ns")
bn.plot.parameter_map(fits["Poisson likelihood"], counts.sum(1), (side, side), axes[1], cmap="gray")
axes[1].set_title("photons")
for label, res in fits.items():
    found = res["tau"][(tau.ravel() == 2.0) & res.success]
    low, middle, high = np.quantile(found, [0.16, 0.5, 0.84])
    text = f"{label}: median {middle:.2f}, spread {(high - low) / 2:.2f}"
    axes[2].hist(found, np.linspace(0, 4, 61), histtype="step", label=text)
axes[2].axvline(2.0, color="k", linewidth=1)
axes[2].set(xlabel="lifetime in the cells, ns (truth: 2.00)", ylabel="pixels")
axes[2].set_ylim(top=1.45 * axes[2].get_ylim()[1])
axes[2].legend(framealpha=1.0, edgecolor="none", fontsize="small")
plt.show()
