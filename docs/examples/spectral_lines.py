"""
Rotation of a galaxy from its spectral lines
============================================

A spectrograph of modern telescopes takes a spectrum at each point of an image. The Doppler shift of a line tells how
fast the gas there moves. What one learns: a sum of lines that share what they have in common, starts that come from
a guess, and how to say where a line was seen at all.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

# %%
# A cube
# ------
# H alpha with the two lines of ionised nitrogen beside it, whose ratio is fixed by atomic physics at 1 : 2.96.
# Velocities in km/s; wavelengths in Å.

HALPHA, WEAK, STRONG, LIGHT = 6562.8, 6548.05, 6583.45, 299_792.458


def triplet(wavelength, flux, nitrogen, velocity, width, continuum):
    def line(rest):
        center = rest * (1.0 + velocity / LIGHT)
        sigma = rest * width / LIGHT
        return np.exp(-0.5 * ((wavelength - center) / sigma) ** 2)

    return flux * line(HALPHA) + nitrogen * (line(STRONG) + line(WEAK) / 2.96) + continuum


rng = np.random.default_rng(0)
side = 60
v, u = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
across, up = u * np.cos(0.5) + v * np.sin(0.5), (v * np.cos(0.5) - u * np.sin(0.5)) / np.cos(1.0)
radius = np.hypot(across, up)
speed = 220 * np.tanh(radius / 0.25) * np.sin(1.0) * across / np.maximum(radius, 1e-6)
flux = 8 * np.exp(-radius / 0.35) * (1 + 0.5 * np.cos(2 * np.arctan2(up, across) - 9 * radius))
truth = np.stack([flux, 0.4 * flux, speed, np.full_like(flux, 45.0), 0.5 * np.exp(-radius / 0.5)]).reshape(5, -1, 1)
wavelength = np.arange(6530.0, 6602.0, 1.25)
cube = triplet(wavelength, *truth) + rng.normal(0, 0.3, (side * side, wavelength.size))

# %%
# The fit
# -------
# Newton's method finds the minimum that its start leads to, and a line must overlap its data to be found. So each
# spectrum starts from several velocities, and the best certified minimum is kept.

starts = np.array([[3.0, 1.0, velocity, 60.0, 0.3] for velocity in (-150.0, -50.0, 50.0, 150.0)])
bounds = {"width": (20.0, 150.0), "velocity": (-400.0, 400.0), "flux": (0.0, None), "nitrogen": (0.0, None)}
start = [3.0, 1.0, 0.0, 60.0, 0.3]
res = bn.curve_fit(triplet, wavelength, cube, start, sigma=0.3, absolute_sigma=True, bounds=bounds, starts=starts)
print(res.summary())
seen = res.success & (res["flux"] > 5 * res.stderr[:, 0])
free = seen & ~res.at_bound.any(axis=1)  # a width at its bound counts as known, so errors would seem too small

# %%
# What is seen
# ------------

figure = plt.figure(figsize=(11, 6.4), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=[1.25, 1])
maps = above.subplots(1, 3)
shown = np.where(seen, res["velocity"], np.nan)
bn.plot.parameter_map(res, shown, (side, side), maps[0], cmap="RdBu_r")
maps[0].set_title("velocity, km/s")
bn.plot.parameter_map(res, np.where(seen, res["flux"], np.nan), (side, side), maps[1], cmap="magma")
maps[1].set_title("H alpha")
pull = (res["velocity"] - truth[2, :, 0])[free] / res.stderr[free, 2]
bn.plot.pulls_histogram(maps[2], pull[:, None], ["velocity"])
maps[2].set_ylim(top=0.7)
brightness = np.argsort(-truth[0, :, 0])
for place, i in zip(below.subplots(1, 3), brightness[[20, 320, 1700]], strict=True):
    bn.plot.fit(res, int(i), place)
    place.set(
        xlabel="wavelength, Å",
        ylabel="flux",
        title=f"{res['velocity'][i]:.0f} ± {res.stderr[i, 2]:.0f} km/s" if seen[i] else "no line seen",
    )
plt.show()
