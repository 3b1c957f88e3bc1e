"""
A regression per customer
=========================

Each customer of a shop has a history of their own: offers seen, bought or not. A logistic regression for each tells
who reacts to the price. What one learns: likelihoods as a formula of one row, histories of different lengths, and what
to do about customers whose data cannot determine their parameters: a prior.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

# %%
# Histories
# ---------
# 8,000 customers with 4 to 200 offers each. Their true coefficients scatter about common means.

rng = np.random.default_rng(0)
customers, longest = 8000, 200
counts = (4 * (longest / 4) ** rng.random(customers)).astype(int)
middle, spread = np.array([0.3, -1.2, 0.8]), np.array([0.8, 0.7, 0.5])
truth = middle + spread * rng.normal(size=(customers, 3))
price, recent = rng.normal(size=(2, customers, longest))
chance = 1 / (1 + np.exp(-(truth[:, :1] + truth[:, 1:2] * price + truth[:, 2:] * recent)))
bought = (rng.random(chance.shape) < chance).astype(float)

# %%
# The formula of one offer
# ------------------------
# Minus the logarithm of the probability of what was done. ``data`` says what is summed over, ``counts`` how many rows
# each customer has.


def surprise(w, price, recent, bought):
    score = w[0] + w[1] * price + w[2] * recent
    return bn.special.softplus(score) - bought * score


def belief(w, m0, m1, m2, s0, s1, s2):
    return 0.5 * (((w[0] - m0) / s0) ** 2 + ((w[1] - m1) / s1) ** 2 + ((w[2] - m2) / s2) ** 2)


data = (price, recent, bought)
free = bn.minimize(surprise, np.zeros((customers, 3)), data=data, counts=counts)
print(free.summary())

# %%
# Where some price separates all that was bought from what was not, the likelihood rises for ever: no finite answer is
# right, and none is claimed. With a prior each customer has one minimum. Its mean and width are estimated from the
# customers with long histories (an empirical Bayes estimate, done here in its plainest form).


def surprise_and_belief(w, m0, m1, m2, s0, s1, s2, price, recent, bought):
    return surprise(w, price, recent, bought)


long = free.success & (counts > 80)
mean = np.median(free.x[long], axis=0)
noise = np.median(free.stderr[long] ** 2, axis=0)
width = np.sqrt(np.maximum(np.var(free.x[long], axis=0) - noise, 0.01))
print("prior", mean.round(2), width.round(2), "truth", middle, spread)
told = bn.minimize(
    surprise_and_belief, np.zeros((customers, 3)), (*mean, *width), data=data, counts=counts, prior=belief
)
print(told.summary())

# %%
# What is seen
# ------------

figure, axes = plt.subplots(1, 3, figsize=(12, 3.7), layout="constrained")
bins = np.geomspace(4, longest, 11)
at = np.digitize(counts, bins) - 1
centers = np.sqrt(bins[1:] * bins[:-1])
axes[0].plot(centers, [free.success[at == i].mean() for i in range(10)], "s-", label="likelihood alone")
axes[0].plot(centers, [told.success[at == i].mean() for i in range(10)], "o-", label="with prior")
axes[0].set(xscale="log", xlabel="offers", ylabel="share with a certified minimum")
axes[0].legend(frameon=False)
for res, label, marker in ((free, "likelihood alone, successes", "s-"), (told, "with prior", "o-")):
    error = np.abs(res.x[:, 1] - truth[:, 1])
    axes[1].plot(centers, [np.median(error[(at == i) & res.success]) for i in range(10)], marker, label=label)
axes[1].set(xscale="log", yscale="log", xlabel="offers", ylabel="median error of the reaction to price")
axes[1].legend(frameon=False)
axes[2].scatter(truth[:, 1], told.x[:, 1], s=3, c=np.log10(counts), alpha=0.6)
axes[2].axline((0, 0), slope=1, color="k", linewidth=1)
axes[2].set(xlabel="reaction to price, truth", ylabel="with prior (yellow: long histories)")
plt.show()
