"""What a Newton step costs as the number of unknowns grows: operations of the derived code."""

import re

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn


def network(w, u, target):
    """One hidden layer of k units, 3 k + 1 weights, on one example."""
    k = (len(w) - 1) // 3
    return (sum(w[2 * k + i] * np.tanh(w[i] * u + w[k + i]) for i in range(k)) + w[-1] - target) ** 2 / 2


def operations(n):
    """Operations of value, gradient and Hessian for one data row, as the generated code counts them."""
    return int(re.search(r"(\d+) total", bn.source(network, n, args=(0.0, 0.0)))[1])


n = np.arange(4, 32, 3)
derivatives = np.array([operations(one) for one in n])
figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
axes.loglog(n, 20 * derivatives, "o-", label="f, g and H of 20 data rows")
axes.loglog(n, n**3 / 3 + 2 * n**2, "s-", label="factor and solve, $n^3 / 3 + 2 n^2$")
axes.loglog(n, n**2 / 2 + 3 * n / 2, "^-", label="numbers kept: the triangle of H, g")
axes.set(xlabel="unknowns n", ylabel="operations a step; numbers", title="networks of n weights")
axes.set_xticks([4, 8, 16, 32], ["4", "8", "16", "32"])
axes.set_xticks([], minor=True)
axes.legend(frameon=False)
