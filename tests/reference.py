"""A naive, slow, obviously right Newton for one problem at a time. Imports nothing of batchnewton.

Derivatives are exact: a `Jet` carries value, gradient and Hessian through the formula by the chain rule. The solvers
are textbook: eigenvalues instead of a clever factorisation, Armijo halving, thousands of iterations allowed.

    minimize(f, x0)         f(x, *args, *row) -> scalar, summed over the rows of data
    least_squares(f, x0)    f(x, *args, *row) -> residual or a sequence of them
    root(f, x0)             f(x, *args) -> n residuals
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


class Jet:
    """A number with its gradient (n,) and Hessian (n, n) in the n unknowns."""

    __slots__ = ("v", "g", "h")

    def __init__(self, v, g, h):
        self.v, self.g, self.h = v, g, h

    def chain(self, f, df, ddf):
        """f(self), by its value and first two derivatives: (f∘u)'' = f'' u' u'ᵀ + f' u''."""
        return Jet(f, df * self.g, ddf * np.outer(self.g, self.g) + df * self.h)

    def lift(self, other):
        return other if isinstance(other, Jet) else Jet(np.float64(other), 0 * self.g, 0 * self.h)

    def __add__(self, other):
        other = self.lift(other)
        return Jet(self.v + other.v, self.g + other.g, self.h + other.h)

    def __mul__(self, other):
        o = self.lift(other)
        cross = np.outer(self.g, o.g)
        return Jet(self.v * o.v, self.v * o.g + o.v * self.g, self.v * o.h + o.v * self.h + cross + cross.T)

    def __neg__(self):
        return Jet(-self.v, -self.g, -self.h)

    def __abs__(self):
        return -self if self.v < 0 else self

    def __sub__(self, other):
        return self + -self.lift(other)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        o = self.lift(other)
        return self * o.chain(1 / o.v, -1 / o.v**2, 2 / o.v**3)

    def __rtruediv__(self, other):
        return self.lift(other) / self

    def __pow__(self, other):
        v = self.v
        if isinstance(other, Jet):
            return (other * np.log(self)).exp()
        p = float(other)
        return self.chain(v**p, p * v ** (p - 1) if p else 0.0, p * (p - 1) * v ** (p - 2) if p * (p - 1) else 0.0)

    def __rpow__(self, other):
        return (self * np.log(other)).exp()

    __radd__, __rmul__ = __add__, __mul__

    def exp(self):
        e = np.exp(self.v)
        return self.chain(e, e, e)

    # comparisons look at the value only
    def __lt__(self, other):
        return self.v < self.lift(other).v

    def __le__(self, other):
        return self.v <= self.lift(other).v

    def __gt__(self, other):
        return self.v > self.lift(other).v

    def __ge__(self, other):
        return self.v >= self.lift(other).v

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        name = ufunc.__name__
        if method != "__call__" or kwargs:
            return NotImplemented
        if name in ELEMENTARY:
            return inputs[0].chain(*ELEMENTARY[name](inputs[0].v))
        if name in BINARY:
            a, b = (self.lift(value) for value in inputs)
            return BINARY[name](a, b)
        raise TypeError(f"the reference does not know np.{name}")

    def __array_function__(self, function, types, args, kwargs):
        if function is np.where:
            condition, yes, no = args
            return self.lift(yes if condition else no)
        return NotImplemented


# f, f', f''
ELEMENTARY: dict[str, Callable] = {
    "exp": lambda v: (np.exp(v),) * 3,
    "log": lambda v: (np.log(v), 1 / v, -1 / v**2),
    "sqrt": lambda v: (np.sqrt(v), 0.5 / np.sqrt(v), -0.25 / v**1.5),
    "sin": lambda v: (np.sin(v), np.cos(v), -np.sin(v)),
    "cos": lambda v: (np.cos(v), -np.sin(v), -np.cos(v)),
    "tan": lambda v: (np.tan(v), 1 + np.tan(v) ** 2, 2 * np.tan(v) * (1 + np.tan(v) ** 2)),
    "tanh": lambda v: (np.tanh(v), 1 - np.tanh(v) ** 2, -2 * np.tanh(v) * (1 - np.tanh(v) ** 2)),
    "arctan": lambda v: (np.arctan(v), 1 / (1 + v**2), -2 * v / (1 + v**2) ** 2),
    "absolute": lambda v: (np.abs(v), np.sign(v), 0.0),
    "negative": lambda v: (-v, -1.0, 0.0),
    "square": lambda v: (v**2, 2 * v, 2.0),
}
BINARY: dict[str, Callable] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b if np.any(b.g) else a**b.v,
    "maximum": lambda a, b: a if a.v >= b.v else b,
    "minimum": lambda a, b: a if a.v <= b.v else b,
    "less": lambda a, b: a.v < b.v,
    "less_equal": lambda a, b: a.v <= b.v,
    "greater": lambda a, b: a.v > b.v,
    "greater_equal": lambda a, b: a.v >= b.v,
}


@dataclass
class Answer:
    x: np.ndarray
    fun: float
    grad: np.ndarray
    hess: np.ndarray
    converged: bool


def variables(x) -> list[Jet]:
    n = len(x)
    return [Jet(np.float64(value), row, np.zeros((n, n))) for value, row in zip(x, np.eye(n), strict=True)]


def _rows(data: Sequence):
    return zip(*data, strict=True) if data else [()]


def value_grad_hess(fun, x, args=(), data=()):
    """Sum over the rows of data of fun, with its exact gradient and Hessian."""
    jets = variables(x)
    zero = jets[0] * 0.0
    with np.errstate(all="ignore"):
        total = sum((zero + fun(jets, *args, *row) for row in _rows(data)), zero)
    return total.v, total.g, total.h


def residuals(fun, x, args=(), data=()):
    """Residuals (m,), Jacobian (m, n) and the residuals' Hessians (m, n, n)."""
    jets = variables(x)
    zero = jets[0] * 0.0
    with np.errstate(all="ignore"):
        outputs = [fun(jets, *args, *row) for row in _rows(data)]
        flat = [zero + r for out in outputs for r in (out if isinstance(out, (list, tuple, np.ndarray)) else [out])]
    return np.array([j.v for j in flat]), np.array([j.g for j in flat]), np.array([j.h for j in flat])


def minimize(fun, x0, args=(), data=(), max_iter=2000) -> Answer:
    return _newton(lambda x: value_grad_hess(fun, x, args, data), x0, max_iter)


def least_squares(fun, x0, args=(), data=(), max_iter=2000) -> Answer:
    """Minimum of half the sum of squares, by its exact Hessian JᵀJ + Σ r ∇²r."""

    def half_sum(x):
        r, J, K = residuals(fun, x, args, data)
        return r @ r / 2, J.T @ r, J.T @ J + np.tensordot(r, K, axes=(0, 0))

    return _newton(half_sum, x0, max_iter)


def curve_fit(f, xdata, ydata, p0, max_iter=2000) -> Answer:
    xdata = np.asarray(xdata, float)

    def residual(p, x, y):
        return f(x, *p) - y

    return least_squares(residual, p0, data=(xdata.T, np.asarray(ydata, float)), max_iter=max_iter)


@np.errstate(all="ignore")
def root(fun, x0, args=(), max_iter=500) -> Answer:
    """F(x) = 0 by Newton steps J d = -F, halved until |F| decreases."""
    x = np.array(x0, float)
    for _ in range(max_iter):
        F, J, _ = residuals(fun, x, args)
        if np.max(np.abs(F)) == 0 or not np.all(np.isfinite(J)):
            break
        d = np.linalg.lstsq(J, -F, rcond=None)[0]
        step = 1.0
        while step > 1e-14 and not np.sum(residuals(fun, x + step * d, args)[0] ** 2) < np.sum(F**2):
            step /= 2
        if step <= 1e-14:
            break
        x = x + step * d
    F, J, _ = residuals(fun, x, args)
    good = bool(np.all(np.abs(F) <= 1e-12 * np.abs(J) @ np.abs(x)))  # zero to the rounding of x
    return Answer(x, float(F @ F / 2), J.T @ F, J.T @ J, good)


@np.errstate(all="ignore")
def _newton(evaluate, x0, max_iter) -> Answer:
    """Damped Newton: negative eigenvalues are mirrored, small ones raised; Armijo with halving (c = 1e-4)."""
    x = np.array(x0, float)
    f, g, H = evaluate(x)
    curvature = np.max(np.abs(H))
    for _ in range(max_iter):
        if not (np.isfinite(f) and np.all(np.isfinite(g)) and np.all(np.isfinite(H))):
            break
        size = np.abs(np.diag(H))
        scale = 1 / np.sqrt(np.maximum(size, 1e-12 * max(size.max(), 1e-300)))  # unknowns of unequal size
        w, V = np.linalg.eigh(H * np.outer(scale, scale))
        w = np.maximum(np.abs(w), 1e-12 * max(1.0, np.max(np.abs(w))))
        d = -scale * (V @ ((V.T @ (scale * g)) / w))
        slope, step = g @ d, 1.0
        if abs(slope) <= 1e-24 * abs(f):
            break
        while True:
            trial = evaluate(x + step * d)
            at_rounding = trial[0] <= f + 1e-14 * abs(f) and abs(trial[1] @ d) < 0.5 * abs(slope)
            if trial[0] <= f + 1e-4 * step * slope or at_rounding or step < 1e-16:
                break
            step /= 2
        if step < 1e-16 or np.all(np.abs(step * d) <= 1e-16 * np.abs(x)):
            break
        x, (f, g, H) = x + step * d, trial
    return Answer(x, float(f), g, H, _is_minimum(x, g, H, curvature))


def _is_minimum(x, g, H, curvature) -> bool:
    """Positive definite, not just by what is left of the start's curvature, and the Newton step small beside x."""
    if not np.all(np.isfinite(H)) or np.min(np.linalg.eigvalsh(H)) <= 1e-15 * curvature:
        return False
    return bool(np.all(np.abs(np.linalg.solve(H, g)) <= 1e-7 * (1e-3 + np.abs(x))))
