"""NumPy, vectorised by hand over a chunk of problems; the problems that have ended leave the arrays (compaction)."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy import seterr

from .registry import Candidate, Solve

FTOL = {"float64": 1e-6, "float32": 1e-5}  # LM stops when |c - c_new| <= FTOL c
CHUNKS = {"W1_15": (250, 1000), "W4": (100,), "W5": (10_000,)}
COLUMNS = {"W4": ("X", "y"), "W5": ("a", "b")}


def candidates(name: str, workload: str, data: dict, dtype: str, threads: int) -> list[Candidate]:
    seterr(all="ignore")
    arrays = [data[key] for key in (*COLUMNS.get(workload, ("y",)), "p0")]
    if workload == "W4":
        solve = partial(regression, single=dtype == "float32")
    elif workload == "W5":
        solve = partial(valley, tolerance=1e-9 if dtype == "float32" else 1e-14)
    else:
        solve = partial(levenberg_marquardt, model(workload, data["x"]), ftol=FTOL[dtype])
    sizes = sorted({min(chunk, len(data["p0"])) for chunk in CHUNKS.get(workload, (1000, 4000))})
    return [Candidate(f"chunk={chunk}", chunk, partial(in_chunks, solve, arrays, chunk)) for chunk in sizes]


def in_chunks(solve: Callable, arrays: list[np.ndarray], chunk: int) -> Solve:
    return lambda count: [solve(*[array[s : s + chunk] for array in arrays]) for s in range(0, count, chunk)]


def model(workload: str, x: np.ndarray) -> Callable:
    """``f(P, J)``: the curves (B, m) of parameters P (B, n); fills the Jacobian J (B, n, m)."""

    def gauss(P, J):
        A, x0, y0, s, o = P.T[:, :, None]
        dx, dy = x[0] - x0, x[1] - y0
        r2, i2 = dx * dx + dy * dy, 1 / (s * s)
        e = np.exp(r2 * (-0.5 * i2))
        ae = A * e
        c = ae * i2
        J[:, 0], J[:, 1], J[:, 2], J[:, 3], J[:, 4] = e, c * dx, c * dy, c * r2 / s, 1
        return ae + o

    def decay(P, J):
        a, T, c = P.T[:, :, None]
        u = x / T
        e = np.exp(-u)
        ae = a * e
        J[:, 0], J[:, 1], J[:, 2] = e, ae * u / T, 1
        return ae + c

    def logistic(P, J):
        a, b, c, d = P.T[:, :, None]
        u = log_x - np.log(c)
        q = 1 / (1 + np.exp(b * u))
        dq = -(a - d) * q * (1 - q)
        J[:, 0], J[:, 1], J[:, 2], J[:, 3] = q, dq * u, -dq * b / c, 1 - q
        return d + (a - d) * q

    log_x = np.log(x) if workload == "W3" else None
    return {"W2": decay, "W3": logistic}.get(workload, gauss)


def normal_equations(J, r):
    return J @ J.transpose(0, 2, 1), (J @ r[..., None])[..., 0]


def levenberg_marquardt(f, y, p, ftol, most=50):
    """Marquardt's scaling, lambda from 1e-3, a tenth after success and tenfold after failure."""
    (B, n), m, diagonal = p.shape, y.shape[1], np.arange(p.shape[1])
    solution, evaluations, at = p.copy(), np.ones(B, int), np.arange(B)
    lam, J = np.full(B, 1e-3, p.dtype), np.empty((B, n, m), p.dtype)
    r = f(p, J) - y
    c = np.einsum("bm,bm->b", r, r)
    H, g = normal_equations(J, r)
    for _ in range(most):
        damped = H.copy()
        damped[:, diagonal, diagonal] *= (1 + lam)[:, None]
        trial = p - np.linalg.solve(damped, g[..., None])[..., 0]
        J = J[: len(p)]
        r = f(trial, J) - y
        c_new = np.einsum("bm,bm->b", r, r)
        ok = c_new < c
        evaluations[at] += 1
        p, lam = np.where(ok[:, None], trial, p), np.where(ok, lam * 0.1, lam * 10)
        done = (np.abs(c - c_new) <= ftol * c) | (lam > 1e10)
        c = np.where(ok, c_new, c)
        if done.any():
            solution[at[done]] = p[done]
            if done.all():
                return solution, evaluations
            kept = ~done
            at, p, c, lam, y, ok, H, g, r, J = (one[kept] for one in (at, p, c, lam, y, ok, H, g, r, J))
        if ok.all():
            H, g = normal_equations(J, r)
        else:
            H[ok], g[ok] = normal_equations(J[ok], r[ok])
    solution[at] = p
    return solution, evaluations


def newton(p, args, evaluate, value, rejected, ended, most, halvings):
    """Newton steps, halved where ``rejected(f, f_new, t, decrement)``; those ``ended(decrement, f)`` stop.

    ``value(p, *args)`` yields f and what it carries to ``evaluate(p, carried, *args)``, which yields g and H.
    """
    solution, evaluations, at = p.copy(), np.zeros(len(p), int), np.arange(len(p))
    f, carried = value(p, *args)
    for _ in range(most):
        g, H = evaluate(p, carried, *args)
        step = np.linalg.solve(H, g[..., None])[..., 0]
        evaluations[at] += 1
        decrement, t = (g * step).sum(1), np.ones(len(p), p.dtype)
        trial = p - step
        f_new, carried = value(trial, *args)
        for _ in range(halvings):
            bad = rejected(f, f_new, t, decrement)
            if not bad.any():
                break
            t[bad] *= 0.5
            trial = p - t[:, None] * step
            f_new, carried = value(trial, *args)
        p, f = trial, f_new
        done = ended(decrement, f)
        if done.any():
            solution[at[done]] = p[done]
            if done.all():
                return solution, evaluations
            kept = ~done
            at, p, f, *args = (one[kept] for one in (at, p, f, *args))
            carried = None if carried is None else carried[kept]
    solution[at] = p
    return solution, evaluations


def regression(X, y, w, single):
    """W4: the margins z = X w are carried from the value to the derivatives."""
    tolerance, rounding = (1e-4, 1e-6) if single else (1e-6, 1e-12)
    ridge, diagonal = w.dtype.type(1e-2), range(w.shape[1])

    def value(w, X, y):
        z = (X @ w[..., None])[..., 0]
        return (np.logaddexp(0, z) - y * z).sum(1) + 0.5 * ridge * (w * w).sum(1), z

    def evaluate(w, z, X, y):
        p, transposed = 1 / (1 + np.exp(-z)), X.transpose(0, 2, 1)
        g = (transposed @ (p - y)[..., None])[..., 0] + ridge * w
        H = (transposed * (p * (1 - p))[:, None, :]) @ X
        H[:, diagonal, diagonal] += ridge
        return g, H

    def rejected(f, f_new, t, decrement):
        return f_new > f - 1e-4 * t * decrement + rounding * np.abs(f)

    return newton(w, [X, y], evaluate, value, rejected, lambda dec, f: dec <= tolerance * np.abs(f), 30, 10)


def valley(a, b, p, tolerance):
    """W5: the Hessian shifted to a least eigenvalue of 1e-3; a step that promises nothing is not halved."""

    def value(p, a, b):
        return (a - p[:, 0]) ** 2 + b * (p[:, 1] - p[:, 0] ** 2) ** 2, None

    def evaluate(p, _, a, b):
        x = p[:, 0]
        e = p[:, 1] - x * x
        g, H = np.stack([-2 * (a - x) - 4 * b * x * e, 2 * b * e], 1), np.empty((len(a), 2, 2), p.dtype)
        H[:, 0, 0], H[:, 1, 1] = 2 - 4 * b * e + 8 * b * x * x, 2 * b
        H[:, 0, 1] = H[:, 1, 0] = -4 * b * x
        least = 0.5 * (H[:, 0, 0] + H[:, 1, 1]) - np.sqrt(0.25 * (H[:, 0, 0] - H[:, 1, 1]) ** 2 + H[:, 0, 1] ** 2)
        shift = np.where(least < 1e-3, 1e-3 - least, 0).astype(p.dtype)
        H[:, 0, 0] += shift
        H[:, 1, 1] += shift
        return g, H

    def rejected(f, f_new, t, decrement):
        return ~(f_new <= f - 1e-4 * t * decrement) & (decrement > tolerance)

    return newton(p, [a, b], evaluate, value, rejected, lambda decrement, _: decrement <= tolerance, 100, 20)
