"""Formulas of two parameters as SciPy's users write them, which use all of x: (k, m) coordinates, or (m,) points.

Each line is an expression of x, a and b.  What NumPy gives for it is the right value; REFUSED lines use values that the
formula itself has at other points.
"""

import math

import numpy as np
from scipy import special
from scipy.interpolate import CubicSpline
from scipy.stats import norm


def by_assignment(x, a, b):
    out = np.zeros(len(x))
    out[x > np.mean(x)] = a
    out[x <= np.mean(x)] = b
    return out * x


def in_place(x, a, b):
    out = np.array([a * x, b * x])
    out[0] += x
    out[1, :] = 2 * x
    return out.sum(axis=0) + b


def in_place_of_x(x, a, b):
    x -= x.mean()
    x /= np.abs(x).max() + 1
    return a * x + b


class Held:
    """A formula of an object, with an array of its own."""

    def __init__(self):
        self.known = np.array([1.0, 2.0, 0.5])

    def scaled(self, x, a):
        return a * np.interp(x, [0.0, 0.5, 1.0], self.known) * np.sum(self.known) / len(x)


NAMES = {"np": np, "math": math, "special": special, "norm": norm, "spline": CubicSpline([0, 1, 2, 3], [0, 1, 0, 2])}
NAMES |= {"by_assignment": by_assignment, "in_place": in_place, "in_place_of_x": in_place_of_x, "held": Held()}

ALONE = """
a*np.exp(-b*x)/len(x)
a*np.exp(-b*x)/np.size(x)
np.any(x > .5)*a*np.exp(-b*x)
a*np.exp(-x/b) + .3*np.mean(x)
a*np.exp(-b*(x/np.max(x)))
a*np.exp(-b*(x - np.mean(x)))
a*np.exp(-b*x)/np.linalg.norm(x)
a*np.exp(-b*x)*np.std(x)
a*np.exp(-b*x) + np.sum(x)
a*np.exp(-b*x)*x.max()
a*np.exp(-b*x)/x[0]
a*x[::-1] + b*x
a*np.roll(x, 2) + b
a*np.cumsum(x) + b
a*x.cumsum() + b
a*np.diff(x, prepend=0) + b
a*np.sort(-x) + b
a*np.argsort(x) + b
a*np.ediff1d(x, to_begin=0) + b
a*(x - x.min())/(x.max() - x.min() + 1) + b
a*x/np.sqrt(np.sum(x**2)) + b
a*x/np.linalg.norm(x) + b*np.trapezoid(x, x)
a*np.interp(x, [0, 1, 2], [3, 1, 2]) + b
a*np.interp(.55, x, x**2)*np.exp(-b*x)
a*np.interp(np.linspace(0, 1, len(x)), x, x**2) + b
a*np.linspace(x[0], x[-1], x.size) + b
a*np.arange(len(x)) + b*np.arange(x.shape[0])[::-1]
a*np.ones(len(x)) + b*np.zeros_like(x) + x
np.full(len(x), a) + b*x
np.full_like(x, a) + b*x
np.full_like(x, 2.)*a + b*x
np.where(x > np.median(x), a, b)
np.select([x < .3, x < .6], [a*x, b*x], a + b)
np.piecewise(x, [x < .5, x >= .5], [lambda t: a*t, lambda t: b*t])
(x > .5).astype(float)*a + b
a*np.digitize(x, [.3, .6]) + b
np.polyval([a, b, 1], x)
a*np.polyval([1, 2, 3], x) + b
np.polynomial.polynomial.polyval(x, [a, b, 1])
np.polynomial.chebyshev.chebval(x, [a, b, 1])
np.polynomial.Polynomial([1, 2, 3])(x)*a + b
np.poly1d([1, 2, 3])(x)*a + b
a*special.jv(1, x) + b
a*spline(x) + b
a*norm.pdf(x) + b
a*x[0] + b*x[-1]*x
a*x[len(x)//2] + b*x
a*x[np.argmax(x)] + b*x
a*x[x > .05].mean() + b*x
a*(x > .3).sum() + b*x
a*sum(x) + b*x
a*max(x) + b*min(x)*x
a*sum(t for t in x) + b*x
a*np.array([t**2 for t in x]) + b*x
np.sum([a*x, b*x**2], axis=0)
np.stack([x, x**2], -1) @ np.array([a, b])
np.array([a, b]) @ np.stack([x, x**2])
np.dot(np.array([a, b]), np.array([x, np.ones_like(x)]))
np.einsum("i,ij->j", np.array([a, b]), np.array([x, x*x]))
np.column_stack((x, x*x)) @ [a, b]
np.outer(np.array([a, b]), x)[0] + b
(np.array([a, b])[:, None]*x).sum(axis=0)
(np.array([a, b])*x[:, None]).sum(-1)
np.concatenate([x[:2], x[2:]])*a + b
np.append(x[1:], x[0])*a + b
np.hstack([0, np.diff(x)])*a + b
np.r_[0, np.diff(x)]*a + b
(x.reshape(-1, 1)*a + b).ravel()
(x[None, :]*a + b)[0]
np.broadcast_to(a, x.shape)*x + b
a*np.vectorize(lambda t: math.exp(-t))(x) + b
np.vectorize(lambda t, c: c*t if t > .3 else c)(x, a) + b
a*np.percentile(x, 50) + b*x
a*np.var(x) + b*x.std()*x
a*np.fft.fft(x).real + b
a*np.round(x, 1) + b
a*x.dot(x) + b*(x @ x)*x
a*np.cov(x, x)[0, 1] + b*x if len(x) > 1 else a*x
a*float(x[0]) + b*x
(1 if x.max() > .5 else 2)*a*x + b
(1 if len(x) % 2 else 2)*a*x + b
a*np.maximum.accumulate(x) + b
a*np.minimum(x, x.mean()) + b
np.linalg.norm(np.array([a*x, b*x]), axis=0)
np.cumsum(np.array([a*x, b*x]), axis=0)[1]
np.moveaxis(np.array([a*x, b*x]), 0, -1)[..., 1]
a*x.astype(int) + b*(3*x).astype(int)
a*np.array(9*x, dtype=int) + b
(x > .5).astype(int)*a + b
a*x//.3 + b*(x % .3)
held.scaled(x, a) + b
by_assignment(x, a, b)
in_place_of_x(x, a, b)
in_place(x, a, b)
""".strip().splitlines()

COORDINATES = """
a*x[0] + b*x[1]
a*np.sum(x, axis=0) + b
np.array([a, b]) @ x
np.dot(x.T, [a, b])
np.linalg.norm(x - np.array([a, b])[:, None], axis=0)
np.linalg.norm(x.T - [a, b], axis=1)
a*np.exp(-np.hypot(*x)) + b
a*np.max(x) + b*x[0]
a*np.mean(x[0]) + b*x[1]
a*x.shape[1]*x[0] + b*len(x)
a*x[:, 0][0]*x[1] + b
np.prod(a*x, axis=0) + b
a*(x - x.mean(axis=1, keepdims=True))[0] + b
""".strip().splitlines()

REFUSED = """
np.cumsum(a*np.exp(-b*x)) | np.cumsum
np.cumprod(a*np.exp(-b*x)) | np.cumprod
np.roll(a*np.exp(-b*x), 1) | np.roll
a*np.exp(-b*x)/np.sum(a*np.exp(-b*x)) | np.sum
(a*x + b)/(a*x + b).max() | np.max
np.convolve(a*np.exp(-b*x), [.2, .6, .2], "same") | np.convolve
np.gradient(a*np.exp(-b*x)) | np.gradient
np.diff(a*np.exp(-b*x), prepend=0) | np.diff
a*np.exp(-b*x) - np.mean(np.exp(-b*x)) | np.sum
np.trapezoid(a*np.exp(-b*x), x)*x | np.trapezoid
np.sort(a*np.cos(b*x)) | np.sort
(a*np.exp(-b*x))[::-1] | an element, or a part
np.fft.ifft(np.fft.fft(a*np.exp(-b*x))).real | np.fft
np.any(a*x > b)*x | np.any
a*x[:, None] - b*x | two axes of data points
sum(a*x)*x + b | np.sum
max(a*x)*x + b | np.max
np.dot(a*x, x)*x + b | np.dot
np.array([a*t**b for t in x]) | one by one
""".strip().splitlines()
