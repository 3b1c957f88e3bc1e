"""
Implied volatilities
====================

The price of an option tells which volatility the market expects: the root of Black's formula. What one learns: roots
within a bracket, which always end; prices so small that a plain Newton method fails; and the sensitivity of a root.
"""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

# %%
# The formula
# -----------
# Black (1976), for a forward price of 1: a call is worth :math:`c = \Phi(d_1) - k\,\Phi(d_2)` with
# :math:`d_{1,2} = -\log k / w \pm w / 2` and :math:`w = \sigma \sqrt{T}`. The option that is out of the money is taken,
# and logarithms are compared: prices go down to 1e-40.


def log_price(sigma, k, maturity):
    w = sigma * np.sqrt(maturity)
    sign = np.where(k >= 1, 1.0, -1.0)  # a call above the forward, a put below
    d1 = -np.log(k) / w + w / 2
    return bn.special.log_normal_cdf(sign * d1) + np.log(
        sign * (1 - k * np.exp(bn.special.log_normal_cdf(sign * (d1 - w)) - bn.special.log_normal_cdf(sign * d1)))
    )


def mismatch(x, k, maturity, quoted):
    return log_price(x[0], k, maturity) - quoted


# %%
# A surface of quotes
# -------------------
# A smile in strike and maturity, as traders know it; 120 x 120 options.

k, maturity = np.meshgrid(np.geomspace(0.4, 2.5, 120), np.geomspace(0.02, 2, 120))
smile = 0.18 + 0.1 * np.sqrt(np.log(k) ** 2 + 0.02) / np.sqrt(maturity + 0.1) - 0.06 * np.log(k)
args = (k.ravel(), maturity.ravel(), log_price(smile, k, maturity).ravel())

# %%
# All roots
# ---------
# Without a bracket the first step from 100 % leads to a volatility below zero, for every option.

res = bn.root(mismatch, args=args, bracket=(0.01, 3.0))
print(res.summary())
print(f"largest error {np.abs(res.x[:, 0] - smile.ravel()).max():.1e}; smallest price {np.exp(args[2].min()):.1e}")
plain = bn.root(mismatch, np.full((k.size, 1), 1.0), args=args, method="newton-pure")
print("undamped Newton from 1.0:", plain.summary(), sep="\n")

# %%
# What a quote that is off by 1 % does to the volatility, without solving again: the implicit function theorem.

moved = 0.01 * res.sensitivity("args[2]").reshape(k.shape)

# %%
# What is seen
# ------------
# The prices, the volatilities behind them, and how firmly a price holds its volatility.

figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
for place, values, title in (
    (axes[0], args[2].reshape(k.shape) / np.log(10), "log10 of the price"),
    (axes[1], res.x.reshape(k.shape), "implied volatility"),
    (axes[2], np.log10(moved), "log10 of its change by 1 % of price"),
):
    picture = place.pcolormesh(k, maturity, values, shading="auto")
    figure.colorbar(picture, ax=place)
    place.set(xscale="log", yscale="log", xlabel="strike / forward", ylabel="maturity, years", title=title)
    place.set_xticks([0.5, 1, 2], ["0.5", "1", "2"])
    place.set_xticks([], minor=True)
plt.show()
