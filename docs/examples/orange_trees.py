"""
Growth of orange trees
======================

The trunks of five orange trees were measured seven times in four years (Draper & Smith 1981, Applied Regression
Analysis). What one learns: a ready model with its guess, bands, and how to compare two models of the same data.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

age = np.array([118.0, 484, 664, 1004, 1231, 1372, 1582])  # days
trunk = np.array(  # circumference, mm
    [
        [30.0, 58, 87, 115, 120, 142, 145],
        [33, 69, 111, 156, 172, 203, 203],
        [30, 51, 75, 108, 115, 139, 140],
        [32, 62, 112, 167, 179, 209, 214],
        [30, 49, 81, 125, 142, 174, 177],
    ]
)

# %%
# A model with its guess
# ----------------------

logistic = bn.curve_fit(bn.models.logistic_growth, age, trunk)
print(logistic.x.round(4))

# %%
# Gompertz' curve grows fastest before half of its height. It is no ready model, so it brings its formula and a start.


def gompertz(t, capacity, rate, midpoint):
    return capacity * np.exp(-np.exp(-rate * (t - midpoint)))


other = bn.curve_fit(gompertz, age, trunk, p0=[250.0, 0.002, 500.0])
print("logistic - Gompertz, Akaike's criterion:", (logistic.aic - other.aic).round(1))

# %%
# What is seen
# ------------
# Where the data are the two agree, and Akaike's criterion, whose differences are below 2, prefers neither. On what
# comes later they do not agree: Gompertz' limits are 29 to 55 mm higher. A band believes its formula, and cannot tell.

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained", sharey=True)
later = np.linspace(0, 3000, 200)
for place, res, title in ((axes[0], logistic, "logistic"), (axes[1], other, "Gompertz")):
    value, lower, upper = res.band(later)
    for i in (1, 2, 4):
        place.plot(age, trunk[i], "o", color=f"C{i}")
        place.plot(later, value[i], color=f"C{i}", label=f"tree {i + 1}: {res.x[i, 0]:.0f} ± {res.stderr[i, 0]:.0f} mm")
        place.fill_between(later, lower[i], upper[i], color=f"C{i}", alpha=0.2, linewidth=0)
    place.set(xlabel="age, days", title=f"{title}, 95 % bands", ylim=(0, 400))
    place.legend(frameon=False, title="limit", loc="upper left")
axes[0].set_ylabel("circumference, mm")
plt.show()
