"""
Three kinds of intervals, by 100,000 refits
===========================================

A standard error is exact for formulas that are linear in their parameters. For others it is an approximation, and a
batch solver can afford to look: the bootstrap fits the same curve to 100,000 resampled copies of its data. What one
learns: how far the three kinds of intervals agree, and when they do not.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn
import batchnewton.nist

# %%
# Real data
# ---------
# Two of NIST's Statistical Reference Datasets with the same formula, :math:`y = b_1 (1 - \exp(-b_2 x))`. Misra1a, how
# dental materials take up water, has 14 points with little noise; BoxBOD, the oxygen that waste water uses up, has six.

sets = [batchnewton.nist.problem(name) for name in ("Misra1a", "BoxBOD")]
fits = {one.name: bn.curve_fit(one.formula, one.x, one.y, one.starts[1]) for one in sets}
for one in sets:
    print(one.name, "certified digits:", one.digits(fits[one.name].x).round(1))

# %%
# 100,000 refits of each
# ----------------------

copies = {name: bn.bootstrap(res, 100_000, "parametric", seed=0) for name, res in fits.items()}

# %%
# What is seen
# ------------
# For Misra1a the three agree but for the factor of Student's t, which the bootstrap does not know. For BoxBOD the
# distribution is skewed, and the interval of the standard error, which is symmetric, ends too early on the right.

figure, axes = plt.subplots(1, 2, figsize=(10.5, 4), layout="constrained")
for place, (name, res) in zip(axes, fits.items(), strict=True):
    drawn = copies[name].x[:, 1]
    low, high = np.nanquantile(drawn, [0.0005, 0.99])
    place.hist(drawn, np.linspace(low, high, 150), density=True, color="0.8")
    top = place.get_ylim()[1]
    half = 2.1788 if name == "Misra1a" else 2.7764  # Student's t, 97.5 %, 12 and 4 degrees of freedom
    intervals = {
        "standard error": (res.x[1] - half * res.stderr[1], res.x[1] + half * res.stderr[1]),
        "profile likelihood": res.profile("b2")["b2"],
        "bootstrap": copies[name].interval()[1],
    }
    for i, (label, ends) in enumerate(intervals.items()):
        place.plot(ends, [top * (1.08 + 0.08 * i)] * 2, "|-", label=f"{label}: {ends[0]:.3g} to {ends[1]:.3g}")
    place.set(xlabel="b2", yticks=[], ylim=(0, 1.75 * top), title=f"{name}: b2 = {res.x[1]:.3g}")
    place.locator_params(axis="x", nbins=5)
    place.legend(frameon=False, loc="upper right", title="95 % intervals")
plt.show()
