"""
Second-order backpropagation
============================

Networks of a dozen or two weights are small enough for the exact Hessian, and a batch trains thousands of them at once,
each from its own random start. This example trains 2-4-1 networks on XOR (17 weights) and 1-6-1 networks on a sine
(19 weights) by Newton's method, compares it with gradient descent, and uses the Hessian for what a gradient cannot
tell: whether the end is a minimum or a saddle, and whether the weights are determined at all.
"""

import time
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np

import batchnewton as bn

# %%
# The forward pass is all there is to write
# -----------------------------------------
# One layer of tanh units, one linear output, for one training example:
#
# .. math:: y(x) = v^T \tanh(W x + b) + c, \qquad E = \sum_k \tfrac12 (y(x_k) - t_k)^2 + \tfrac{\lambda}{2} |w|^2.
#
# ``minimize`` sums over the training examples, so that each brings its share of the weight decay. The weights
# w = (W, b, v, c) lie in one vector. Gradient and Hessian are derived from these lines: there is no backward pass.


def network(w, inputs):
    k = len(inputs)
    units = (len(w) - 1) // (k + 2)
    W = np.reshape(w[: k * units], (units, k))
    b, v, c = w[k * units : -1 - units], w[-1 - units : -1], w[-1]
    return v @ np.tanh(W @ inputs + b) + c


def loss(w, decay, inputs, target):
    return (network(w, inputs) - target) ** 2 / 2 + decay / 2 * (w @ w)


class Task(NamedTuple):
    name: str
    inputs: np.ndarray  # (m, k)
    targets: np.ndarray  # (m,)
    units: int

    @property
    def weights(self):
        return self.units * (self.inputs.shape[1] + 2) + 1

    def starts(self, count, seed=0):
        """Random weights, (count, n)."""
        return np.random.default_rng(seed).normal(size=(count, self.weights))

    def problem(self, decay):
        """What a front door takes beside the loss and the weights."""
        data = (bn.shared(self.inputs), bn.shared(self.targets))
        return dict(args=(decay / len(self.targets),), data=data)


SQUARE = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
LINE = np.linspace(-1, 1, 16)[:, None]
XOR = Task("XOR 2-4-1", SQUARE, -SQUARE[:, 0] * SQUARE[:, 1], 4)
SINE = Task("sine 1-6-1", LINE, np.sin(3 * LINE[:, 0]), 6)
DECAY = 1e-2

# %%
# Newton: one call trains the batch
# ---------------------------------
# A network counts as trained when ``success`` says so: the gradient has vanished and the exact Hessian is positive
# definite.


def train(task, w0, decay=DECAY, **options):
    return bn.minimize(loss, w0, **task.problem(decay), **options)


def statuses(result):
    """How many networks ended how."""
    codes, counts = np.unique(result.status, return_counts=True)
    return {bn.Status(code).name: int(count) for code, count in zip(codes, counts, strict=True)}


def negative_curvatures(hessians, rounding=1e-12):
    """Number of negative eigenvalues of each matrix, none of them mere rounding."""
    eigenvalues = np.linalg.eigvalsh(hessians)
    return np.sum(eigenvalues < -rounding * np.abs(eigenvalues).max(-1, keepdims=True), axis=-1)


# %%
# The same by hand
# ----------------
# Backpropagation as one writes it in NumPy, for all networks and training examples together. Gradient descent runs on
# it, and it checks the library: its complex step, :math:`H_{\cdot j} = \mathrm{Im}\, g(w + i h e_j) / h` with
# h = 1e-100, is the Hessian to rounding (Squire & Trapp 1998, SIAM Review 40, 110).


def backpropagate(task, w, decay=DECAY):
    """Loss (B,) and gradient (B, n) of weights (B, n), which may be complex."""
    B, k = len(w), task.inputs.shape[1]
    W = w[:, : k * task.units].reshape(B, task.units, k)
    b, v, c = w[:, k * task.units : -1 - task.units], w[:, -1 - task.units : -1], w[:, -1:]
    hidden = np.tanh(task.inputs @ W.swapaxes(1, 2) + b[:, None])  # (B, m, units)
    error = (hidden @ v[:, :, None])[:, :, 0] + c - task.targets  # (B, m)
    delta = error[:, :, None] * v[:, None] * (1 - hidden**2)
    to_W = (delta.swapaxes(1, 2) @ task.inputs).reshape(B, -1)
    to_v = (error[:, None] @ hidden)[:, 0]
    gradient = np.concatenate([to_W, delta.sum(1), to_v, error.sum(1, keepdims=True)], axis=1)
    return (error**2).sum(1) / 2 + decay / 2 * (w**2).sum(1), gradient + decay * w


def hessian_by_complex_step(task, w, decay=DECAY, h=1e-100):
    """Hessians (B, n, n) of weights (B, n)."""
    columns = [backpropagate(task, w + 1j * h * unit, decay)[1].imag / h for unit in np.eye(task.weights)]
    return np.stack(columns, axis=-1)


def descend(task, w, decay=DECAY, target=0.0, steps=10_000):
    """Gradient descent, each network with its own rate: a step that meets Armijo's condition raises it by a tenth,
    another is taken back and halves it.

    Returns the weights and the evaluations until the loss was at most ``target`` (0 where it never was).
    """
    f, g = backpropagate(task, w, decay)
    rate, needed = np.full(len(w), 0.05), np.zeros(len(w), int)
    for step in range(1, steps + 1):
        trial = w - rate[:, None] * g
        f_trial, g_trial = backpropagate(task, trial, decay)
        good = f_trial <= f - rate / 2 * (g**2).sum(1)
        w, g = np.where(good[:, None], trial, w), np.where(good[:, None], g_trial, g)
        f, rate = np.where(good, f_trial, f), rate * np.where(good, 1.1, 0.5)
        needed[(f <= target) & (needed == 0)] = step
    return w, needed


# %%
# Iterations and time
# -------------------
# Newton runs until its certificate, to all digits; gradient descent only until it is 1 % above the loss which Newton
# reached from the same start, or until it has used up its evaluations. Newton's evaluations each bring f, g and H and
# include all rejected steps. (The two run on different machinery, NumPy and compiled code: take the times for what a
# user sees, the evaluations for what the methods need.) The weaker the decay, the longer the valleys: at 1e-3 Newton
# needs half as many evaluations again, while gradient descent arrives for one XOR network in eight within these 10 000,
# and for none on the sine.


def timed(function, *args, **options):
    start = time.perf_counter()
    return function(*args, **options), time.perf_counter() - start


def compare(task, count, descents, steps):
    """Train ``count`` networks by Newton, the first ``descents`` of them also by gradient descent."""
    w0 = task.starts(count)
    train(task, w0[:1])  # compiles
    newton, seconds = timed(train, task, w0)
    (w, needed), seconds_descent = timed(descend, task, w0[:descents], target=1.01 * newton.fun[:descents], steps=steps)
    both = (needed > 0) & newton.success[:descents]
    atleast = np.where(needed > 0, needed, steps) / newton.nfev[:descents]
    times = dict(seconds=seconds, seconds_descent=seconds_descent)
    return dict(newton=newton, descended=w, both=both, atleast=atleast, **times)


def print_comparison(task, count=2000, descents=50, steps=10_000):
    found = compare(task, count, descents, steps)
    newton, both = found["newton"], found["both"]
    ms, ms_descent = 1e3 * found["seconds"] / count, 1e3 * found["seconds_descent"] / descents
    print(f"{task.name}, {task.weights} weights, {count} networks")
    print(f"  Newton            {statuses(newton)}")
    print(f"                    median {np.median(newton.nfev):.0f} evaluations, {ms:.2f} ms a network")
    print(f"                    distinct minima by loss: {np.unique(newton.fun[newton.success].round(6))}")
    print(f"  gradient descent  {both.mean():.0%} within 1 % after {steps} evaluations, {ms_descent:.2f} ms a network")
    arrived, of_all = np.median(found["atleast"][both]), np.median(found["atleast"])
    print(
        f"                    {arrived:.0f} times Newton's evaluations where it arrives, at least {of_all:.0f} times",
        end=" ",
    )
    print("over all (medians)")


# %%
# A minimum of tied weights is a saddle
# -------------------------------------
# Hidden units that start equal stay equal under gradient descent: their gradients are the same. So it ends in a minimum
# among networks of equal units, which is a point of vanishing gradient among all networks, and nothing in the gradient
# tells. The Hessian does. Networks of equal units have a formula of their own: the loss of the copied weights.
#
# ``max_iter=1`` stays at the point and says what it is; without it, Newton leaves along a negative curvature. (Some
# tied networks end with all weights at zero. This is no saddle: the decay makes it a minimum. They are left out.)


def copied(w, units, inputs):
    """Weights of ``units`` equal hidden units from those of one, (W, b, v, c)."""
    W, b, v, c = w[:inputs], w[inputs : inputs + 1], w[-2:-1], w[-1:]
    return np.concatenate([W] * units + [b] * units + [v] * units + [c])


def tied_loss(w, decay, inputs, target):
    return loss(copied(w, XOR.units, len(inputs)), decay, inputs, target)


def saddles(count):
    """Train tied XOR networks, then look at the same points as networks of free weights, and train on from there."""
    w0 = np.random.default_rng(1).normal(size=(count, 5))
    tied = bn.minimize(tied_loss, w0, **XOR.problem(DECAY), ftol=1e-26)  # to the last digit
    points = np.array([copied(w, XOR.units, 2) for w in tied.x[tied.success & (tied.fun < 1.9)]])
    return tied, train(XOR, points, max_iter=1), train(XOR, points)


def print_saddles(count=200):
    tied, looked_at, freed = saddles(count)
    numbers = np.unique(negative_curvatures(looked_at.hess))
    print(f"XOR with four equal units, 5 weights, {count} networks")
    print(f"  trained                    {statuses(tied)}")
    print(f"  not zero, 17 free weights  {statuses(looked_at)}, negative curvatures: {numbers}")
    print(f"  trained on from there      {statuses(freed)}", end=", ")
    print(f"loss {np.median(looked_at.fun):.4f} -> {np.median(freed.fun):.4f}")


# %%
# Without weight decay
# --------------------
# Four XOR points cannot determine 17 weights: the minima are whole surfaces, where the Hessian has zero eigenvalues.
# The networks fit exactly, and yet none is a success: SINGULAR says that the gradient has vanished and that the weights
# are not determined. On the sine the loss keeps falling along a long valley, and MAX_ITER says just that.


def print_undecayed(task, count):
    result = train(task, task.starts(count), decay=0.0)
    zero = np.abs(np.linalg.eigvalsh(result.hess)) < 1e-10
    print(f"{task.name} without decay, {count} networks: {statuses(result)}")
    print(f"  median loss {np.median(result.fun):.1e}, median {np.median(zero.sum(1)):.0f} zero eigenvalues of H")


# %%
# The figures
# -----------

if __name__ == "__main__":
    for task in (XOR, SINE):
        print_comparison(task)
    print_saddles()
    print_undecayed(XOR, 2000)
    print_undecayed(SINE, 50)

# %%
# What is seen
# ------------
# Left: Newton's method on thirty XOR networks; each curve bends down at its end, where the number of right digits
# doubles. Middle: the minima that 2000 networks reached on the sine. Right: what the networks of the two most frequent
# minima have learned.


def draw():
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    bn.plot.convergence(train(XOR, XOR.starts(30), history=True), axes=axes[0], count=30)
    result = train(SINE, SINE.starts(2000))
    losses, counts = np.unique(result.fun[result.success].round(5), return_counts=True)
    axes[1].vlines(losses, 0.5, counts, linewidth=3)
    axes[1].set(xlabel="loss", ylabel="networks", title="certified minima, sine 1-6-1", yscale="log")
    axes[2].plot(LINE[:, 0], SINE.targets, "o", color="0.5", label="examples")
    for best in losses[np.argsort(-counts)[:2]]:
        w = result.x[np.flatnonzero(result.success & np.isclose(result.fun, best, atol=1e-5))[0]]
        fine = np.linspace(-1.5, 1.5, 200)
        axes[2].plot(fine, [network(w, np.array([one])) for one in fine], label=f"loss {best:.4f}")
    axes[2].set(xlabel="input", ylabel="output", title="two of these minima")
    axes[2].legend(frameon=False)
    plt.show()


if __name__ == "__main__":
    draw()
