"""
T1 and T2 maps of a head
========================

Magnetic resonance images taken at several times tell how fast each tissue relaxes. Each voxel is a fit of its own:
T1 from the recovery after an inversion pulse, T2 from the decay over a train of echoes. What one learns: batches that
are images, a likelihood for magnitudes, and what happens to voxels of air, which hold no signal.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

# %%
# A phantom
# ---------
# Ellipses of scalp, fluid, grey and white matter, with the relaxation times of 1.5 tesla in milliseconds.

side = 72
v, u = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
density, t1, t2 = np.zeros((3, side, side))
tissues = [  # half axes, centre, proton density, T1, T2
    ((0.80, 0.95), (0.0, 0.0), 0.8, 350.0, 70.0),
    ((0.72, 0.87), (0.0, 0.0), 1.0, 2500.0, 600.0),
    ((0.68, 0.83), (0.0, 0.0), 0.85, 950.0, 100.0),
    ((0.52, 0.66), (0.0, 0.0), 0.75, 600.0, 80.0),
    ((0.11, 0.28), (-0.18, -0.05), 1.0, 2500.0, 600.0),
    ((0.11, 0.28), (0.18, -0.05), 1.0, 2500.0, 600.0),
]
for (a, b), (x0, y0), rho, one, two in tissues:
    inside = ((u - x0) / a) ** 2 + ((v - y0) / b) ** 2 < 1
    density[inside], t1[inside], t2[inside] = rho, one, two
t1[t1 == 0], t2[t2 == 0] = 1000.0, 100.0  # of air nothing is seen
rho, t1, t2 = (each.reshape(-1, 1) for each in (density, t1, t2))

rng = np.random.default_rng(0)
delays = np.array([50.0, 150, 300, 500, 800, 1200, 1800, 2600, 3600, 5000])  # ms
echoes = np.arange(12.0, 200, 12)
noise = 0.04
recovery = rho * (1 - 1.95 * np.exp(-delays / t1)) + rng.normal(0, noise, (rho.size, delays.size))
real, imaginary = rng.normal(0, noise, (2, rho.size, echoes.size))
magnitude = np.hypot(rho * np.exp(-echoes / t2) + real, imaginary)

# %%
# Two calls
# ---------
# Signed signals have Gaussian noise. Magnitudes have Rice's: in late echoes the mean of the noise is not zero, and
# least squares would take it for signal. ``bounds`` keep the times within what can be measured.


def decay(t, a, t2):
    return a * np.exp(-t / t2)


recovered = bn.curve_fit(
    bn.models.inversion_recovery,
    delays,
    recovery,
    sigma=noise,
    absolute_sigma=True,
    bounds={"amplitude": (0, 3), "inversion": (0, 3), "t1": (10, 6000)},
)
options = dict(p0=[1.0, 100.0], bounds={"a": (0, 3), "t2": (5, 2000)})
rician = bn.curve_fit(decay, echoes, magnitude, sigma=noise, loss="rician", **options)
squares = bn.curve_fit(decay, echoes, magnitude, **options)
print(recovered.summary())

# %%
# What is seen
# ------------
# Air ends at a bound or without a success, as it should: grey. The histogram shows the bias of least squares where T2
# is short against the last echo.

figure = plt.figure(figsize=(9, 7), layout="constrained")
above, below = figure.subfigures(2, 1)
maps = above.subplots(1, 2)
left, right = below.subplots(1, 2)
signal = recovered["amplitude"] > 5 * noise
bn.plot.parameter_map(recovered, np.where(signal, recovered["t1"], np.nan), (side, side), maps[0])
maps[0].set_title("T1, ms")
bn.plot.parameter_map(rician, np.where(signal, rician["t2"], np.nan), (side, side), maps[1])
maps[1].set_title("T2, ms (Rice likelihood)")
bn.plot.status_map(recovered, (side, side), left)
white = (t2.ravel() == 80) & signal
for res, label in ((squares, "least squares"), (rician, "Rice likelihood")):
    found = res["t2"][white & res.success]
    right.hist(found, np.linspace(60, 110, 60), histtype="step", label=f"{label}: median {np.median(found):.1f}")
right.axvline(80, color="k", linewidth=1, label="truth: 80")
right.set(xlabel="T2 of white matter, ms", ylabel="voxels")
right.set_ylim(top=1.4 * right.get_ylim()[1])
right.legend(framealpha=1.0, edgecolor="none", fontsize="small")
plt.show()
