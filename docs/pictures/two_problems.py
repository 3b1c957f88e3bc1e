"""Newton's steps for a root and for a minimum, in one dimension."""

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn


def curve(x):
    return x**3 / 3 - x**2 / 2 - 2 * x + 1


def slope(x):
    return x**2 - x - 2


def steps(solve, function, start, count):
    """The points that undamped Newton steps visit."""
    solved = (solve(function, [start], method="newton-pure", max_iter=1 + k).x[0] for k in range(count))
    return [start, *solved]


figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
x = np.linspace(-3.2, 4.4, 400)
left.plot(x, curve(x), "k")
left.axhline(0, color="0.7", linewidth=1)
points = steps(bn.root, lambda x: [curve(x[0])], 4.2, 4)
for at, to in zip(points[:-1], points[1:], strict=True):
    left.plot([at, to], [curve(at), 0], "C0.-")
    left.plot([to, to], [0, curve(to)], "C0:", linewidth=1)
left.set(title="a root: where the tangent is zero", ylim=(-4, 10), xlabel="x", ylabel="F")
right.plot(x, curve(x), "k")
for colour, start in (("C0", 4.0), ("C3", -0.2)):
    points = steps(bn.minimize, lambda x: curve(x[0]), start, 4)
    for at, to in zip(points[:2], points[1:3], strict=True):
        d = np.linspace(min(at, to) - 0.4, max(at, to) + 0.4, 50) - at
        right.plot(at + d, curve(at) + slope(at) * d + (2 * at - 1) * d**2 / 2, colour, linestyle=":")
    right.plot(points, curve(np.array(points)), colour + "o")
    right.annotate("start", (start, curve(start)), xytext=(start - 0.1, curve(start) + 1.2), color=colour)
right.set(title="a stationary point: where the parabola is", ylim=(-4, 10), xlabel="x", ylabel="f")
