"""A Python loop over SciPy's solvers, with exact derivatives; one problem after the other, in float64."""

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.optimize import curve_fit, minimize

from .registry import Candidate, Solve

METHODS = {  # the fastest ones of `minimize` that solve everything, and what makes them do so
    "W4": {"L-BFGS-B": {}, "dogleg": {}},
    "W5": {"L-BFGS-B": dict(ftol=0.0, gtol=1e-6), "trust-ncg": dict(gtol=1e-7)},
}


def candidates(name: str, workload: str, data: dict, dtype: str, threads: int) -> list[Candidate]:
    warnings.filterwarnings("ignore")
    np.seterr(all="ignore")
    if workload in ("W4", "W5"):
        row = partial(regression, data) if workload == "W4" else partial(valley, data)
        solvers = {name: partial(minimum, row, name, how) for name, how in METHODS[workload].items()}
        return [Candidate(name, 1, partial(loop, one, data["p0"])) for name, one in solvers.items()]
    one = partial(fit, *curve(workload), data)
    return [Candidate("curve_fit lm", 1, partial(loop, one, data["p0"]))]


def loop(one: Callable, p0: np.ndarray) -> Solve:
    def solve(count):
        x, evaluations = np.full((count, p0.shape[1]), np.nan), np.zeros(count, int)
        for i in range(count):
            try:
                x[i], evaluations[i] = one(i)
            except (RuntimeError, ValueError, np.linalg.LinAlgError):
                continue  # not solved: stays NaN
        return [(x, evaluations)]

    return solve


# ---- least squares: W1, W2, W3


def fit(f, jacobian, data, i):
    options: dict = dict(p0=data["p0"][i], jac=jacobian, method="lm", full_output=True)
    p, _, info, _, _ = curve_fit(f, data["x"], data["y"][i], **options)
    return p, info["nfev"]


def curve(workload: str) -> tuple[Callable, Callable]:
    """Formula and Jacobian (m, n)."""

    def gauss(x, A, x0, y0, s, o):
        return A * np.exp(-((x[0] - x0) ** 2 + (x[1] - y0) ** 2) / (2 * s * s)) + o

    def gauss_jacobian(x, A, x0, y0, s, o):
        dx, dy = x[0] - x0, x[1] - y0
        r2 = dx * dx + dy * dy
        e = np.exp(-r2 / (2 * s * s))
        c = A * e / (s * s)
        return np.stack([e, c * dx, c * dy, c * r2 / s, np.ones_like(e)], 1)

    def decay(t, a, T, c):
        return a * np.exp(-t / T) + c

    def decay_jacobian(t, a, T, c):
        e = np.exp(-t / T)
        return np.stack([e, a * e * t / (T * T), np.ones_like(e)], 1)

    def logistic(x, a, b, c, d):
        return d + (a - d) / (1 + (x / c) ** b)

    def logistic_jacobian(x, a, b, c, d):
        g = (x / c) ** b
        q = 1 / (1 + g)
        dq = -(a - d) * g * q * q
        return np.stack([q, dq * np.log(x / c), -dq * b / c, 1 - q], 1)

    curves = {"W2": (decay, decay_jacobian), "W3": (logistic, logistic_jacobian)}
    return curves.get(workload, (gauss, gauss_jacobian))


# ---- minimisation: W4, W5


def minimum(row: Callable, method: str, options: dict, i: int):
    f, gradient, hessian, start = row(i)
    second = {} if method == "L-BFGS-B" else {"hess": hessian}
    end = minimize(f, start, jac=gradient, method=method, options=options, **second)
    return end.x, end.nfev


def regression(data, i):
    X, y = data["X"][i], data["y"][i]

    def f(w):
        z = X @ w
        return np.logaddexp(0, z).sum() - y @ z + 0.005 * w @ w

    def gradient(w):
        return X.T @ (1 / (1 + np.exp(-(X @ w))) - y) + 0.01 * w

    def hessian(w):
        p = 1 / (1 + np.exp(-(X @ w)))
        return (X.T * (p * (1 - p))) @ X + 0.01 * np.eye(X.shape[1])

    return f, gradient, hessian, data["p0"][i]


def valley(data, i):
    a, b = float(data["a"][i]), float(data["b"][i])

    def f(p):
        return (a - p[0]) ** 2 + b * (p[1] - p[0] ** 2) ** 2

    def gradient(p):
        e = p[1] - p[0] ** 2
        return np.array([-2 * (a - p[0]) - 4 * b * p[0] * e, 2 * b * e])

    def hessian(p):
        off = -4 * b * p[0]
        return np.array([[2 - 4 * b * (p[1] - 3 * p[0] ** 2), off], [off, 2 * b]])

    return f, gradient, hessian, data["p0"][i]
