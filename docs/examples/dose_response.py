"""
Dose-response plates with outliers
==================================

A screen measures how thousands of compounds inhibit an enzyme, each at ten doses. Pipetting fails now and then, so some
wells are far off. What one learns: a robust loss, how it moves the half-maximal doses, and intervals that are honest
where the highest dose is too low to see the curve's end.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

# %%
# Plates
# ------
# Ten doses in steps of three, two wells each; 3 % of the wells are off by a lot. Half-maximal doses lie between 3 nM
# and 30 µM, for the last ones beyond the highest dose.

rng = np.random.default_rng(0)
count = 3000
dose = np.repeat(20.0 / 3.0 ** np.arange(10), 2)  # µM
ec50 = np.geomspace(0.003, 30, count)
truth = np.stack([rng.normal(100, 5, count), rng.normal(5, 2, count), ec50, rng.uniform(0.7, 1.6, count)], axis=1)
response = bn.models.logistic_4pl(dose, *truth.T[..., None]) + rng.normal(0, 4, (count, dose.size))
bad = rng.random(response.shape) < 0.03
response[bad] += rng.normal(0, 60, bad.sum())

# %%
# Two fits
# --------
# Beyond ``f_scale``, here two standard deviations of a good well, a residual counts by its size, not its square.

options = dict(bounds={"ec50": (1e-5, 1e4), "hill": (0.2, 5.0), "bottom": (-50, 200), "top": (-50, 200)})
plain = bn.curve_fit(bn.models.logistic_4pl, dose, response, **options)
robust = bn.curve_fit(bn.models.logistic_4pl, dose, response, loss="soft_l1", f_scale=8.0, **options)
print(robust.summary())

# %%
# A standard error assumes that the cost is a parabola. The profile follows it: where the plateau was not reached, the
# upper end of the interval is far away; no line in the picture where no interval was found.

some = np.linspace(0, count - 1, 60).astype(int)
few = bn.curve_fit(
    bn.models.logistic_4pl, dose, response[some], p0=robust.x[some], loss="soft_l1", f_scale=8.0, **options
)
low, high = few.profile("ec50")["ec50"].T

# %%
# What is seen
# ------------

figure = plt.figure(figsize=(11, 6), layout="constrained")
above, below = figure.subfigures(2, 1)
for place, i in zip(
    above.subplots(1, 4, sharey=True), np.flatnonzero(bad.sum(1) == 2)[[20, 90, 160, 230]], strict=True
):
    place.set_xscale("log")
    bn.plot.fit(robust, int(i), place)
    fine = np.geomspace(dose.min(), dose.max(), 100)
    place.plot(fine, bn.models.logistic_4pl(fine, *plain.x[i]), ":", color="tab:red", label="least squares")
    place.plot(dose[bad[i]], response[i, bad[i]], "o", color="tab:red", fillstyle="none", label="bad well")
    place.set(xlabel="dose, µM", ylim=(-60, 190), ylabel="")
    place.get_legend().remove()
above.axes[0].set_ylabel("response, %")
above.legend(*place.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False, fontsize="small")
left, right = below.subplots(1, 2)
for res, label in ((plain, "least squares"), (robust, "soft_l1")):
    error = np.abs(np.log10(res["ec50"] / ec50))
    inside = ec50 < 10
    left.plot(np.sort(error[inside]), np.linspace(0, 1, inside.sum()), label=label)
left.set(xscale="log", xlim=(1e-3, 3), xlabel="error of the half-maximal dose, decades", ylabel="share of compounds")
left.legend(frameon=False)
right.plot(ec50[some], ec50[some], "k-", linewidth=1, label="truth")
ends = np.clip(np.nan_to_num([low, high], nan=np.nan, posinf=1e4), 1e-4, 1e4)
right.vlines(ec50[some], *ends, color="tab:blue", alpha=0.6, label="95 % profile interval")
right.plot(ec50[some], few["ec50"], ".", label="fit")
right.axvline(dose.max(), color="0.7", linestyle="--", label="highest dose")
right.set(xscale="log", yscale="log", xlabel="half-maximal dose, truth, µM", ylabel="fit, µM", ylim=(5e-4, 1e3))
right.legend(frameon=False, fontsize="small")
plt.show()
