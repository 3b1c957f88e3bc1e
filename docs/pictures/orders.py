"""How fast four methods converge, on Rosenbrock's valley."""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn


def valley(x):
    return (1 - x[0]) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2


starts = np.random.default_rng(0).uniform(-2, 2, (200, 2))
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for i, method in enumerate(("newton", "bfgs", "lbfgs", "gradient-descent")):
    gradient = bn.minimize(valley, [-1.2, 1.0], method=method, history=True).history.grad
    evaluations = np.median(bn.minimize(valley, starts, method=method).nfev)
    label = f"{method}: median {evaluations:.0f}"
    left.semilogy(np.arange(1, len(gradient) + 1), gradient, ".-", color=f"C{i}", markersize=4, label=label)
left.set(xlabel="evaluation", ylabel="max |gradient|", xlim=(0, 80), title="from (-1.2, 1); medians of 200 starts")
left.legend(frameon=False, fontsize="small", loc="center right", bbox_to_anchor=(1.0, 0.4))
bn.plot.convergence_order(bn.minimize(valley, starts, history=True), axes=right)
right.set_title("Newton: each gradient against the one before")
