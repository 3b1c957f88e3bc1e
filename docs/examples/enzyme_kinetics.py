"""
Enzyme kinetics: which measurement matters?
===========================================

Treloar measured how fast an enzyme works at several concentrations of its substrate, with and without the antibiotic
puromycin (Bates & Watts 1988, Nonlinear Regression Analysis and Its Applications, appendix A1.3). What one learns:
curves of different lengths as a list, profile intervals, and the exact sensitivity of each answer to each measurement.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

concentration = np.array([0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.10, 1.10])  # ppm
treated = np.array([76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200])  # counts / min²
untreated = np.array([67.0, 51, 84, 86, 98, 115, 131, 124, 144, 158, 160])  # the last one was not measured

# %%
# One call for both
# -----------------

res = bn.curve_fit(bn.models.michaelis_menten, [concentration, concentration[:11]], [treated, untreated])
print(res.x.round(4), res.stderr.round(4), sep="\n")  # Bates & Watts: 212.7 and 0.06412 for the treated
print(res.profile(["vmax", "km"]))

# %%
# How the answers hang on each measurement
# ----------------------------------------
# By how much would Km move if this one rate were higher by 1? The implicit function theorem tells, with the exact
# Hessian; no refit is needed.

moves = res.sensitivity("ydata")[:, 1]
changed = treated.copy()
changed[0] += 1.0
refit = bn.curve_fit(bn.models.michaelis_menten, concentration, changed)
print(f"foretold {moves[0, 0]:.3e}, by a refit {refit['km'] - res['km'][0]:.3e}")

# %%
# What is seen
# ------------
# The largest velocity hangs on the right end of the curve, Km on both ends.

figure, axes = plt.subplots(1, 3, figsize=(12, 3.7), layout="constrained")
for i, (rates, label) in enumerate(((treated, "treated"), (untreated, "untreated"))):
    x = concentration[: len(rates)]
    fine = np.linspace(0.001, 1.2, 200)
    value, lower, upper = (line[i] for line in res.band(fine))
    axes[0].plot(x, rates, "o", color=f"C{i}", label=label)
    axes[0].plot(fine, value, color=f"C{i}")
    axes[0].fill_between(fine, lower, upper, color=f"C{i}", alpha=0.2, linewidth=0)
    for place, j, name in ((axes[1], 0, "vmax"), (axes[2], 1, "Km")):
        place.plot(x, res.sensitivity("ydata")[i, j, : len(x)], "o", color=f"C{i}", label=label)
        place.axhline(0, color="0.7", linewidth=1)
        place.set(xlabel="concentration, ppm", xscale="log", title=f"change of {name} for one unit of rate")
axes[0].set(xlabel="concentration, ppm", ylabel="rate, counts / min²")
axes[0].legend(frameon=False)
plt.show()
