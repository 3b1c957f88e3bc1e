"""JAX under vmap: hand-written Levenberg-Marquardt and Newton, the loops that a good JAX user writes.

The strongest is ``unrolled``: its Cholesky factorisation is straight-line code for one n, which XLA vectorises over
the batch, where `cho_solve` calls LAPACK for each matrix.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .registry import Candidate, Solve

FTOL = {"float64": 1e-6, "float32": 1e-5}  # LM stops when |c - c_new| <= FTOL c
CHUNKS = {"W4": (50, 250, 1000), "W5": (1024, 8192)}


def candidates(name: str, workload: str, data: dict, dtype: str, threads: int) -> list[Candidate]:
    jax.config.update("jax_enable_x64", dtype == "float64")
    linear = unrolled if name.startswith("jax-unrolled") else cho_solve
    solve, arrays = problem(workload, data, dtype, linear, name.endswith("-hessian"))
    sizes = sorted({min(chunk, len(data["p0"])) for chunk in CHUNKS.get(workload, (256, 2048))})
    return [Candidate(f"chunk={chunk}", chunk, partial(compiled, solve, arrays, chunk)) for chunk in sizes]


def compiled(solve: Callable, arrays: list[np.ndarray], chunk: int) -> Solve:
    call = jax.jit(jax.vmap(solve)).lower(*[array[:chunk] for array in arrays]).compile()

    def run(count):
        firsts = range(0, count, chunk)
        return jax.block_until_ready([call(*[array[s : s + chunk] for array in arrays]) for s in firsts])

    return run


def problem(workload: str, data: dict, dtype: str, linear: Callable, hessian: bool) -> tuple[Callable, list]:
    """One problem's solver, to be mapped over the arrays."""
    if workload == "W4":
        return regression(data, dtype, linear, hessian)
    if workload == "W5":
        return valley(data, dtype, linear, hessian)
    return levenberg_marquardt(residuals(workload, data["x"]), FTOL[dtype], linear), [data["y"], data["p0"]]


# ---- linear equations


def cho_solve(A, g):
    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(A), g)


def unrolled(A, g):
    """Cholesky factorisation and both substitutions, written out."""
    n = g.shape[0]
    L = [[None] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            s = A[i, j]
            for k in range(j):
                s = s - L[i][k] * L[j][k]
            L[i][j] = jnp.sqrt(s) if i == j else s / L[j][j]
    z, x = [None] * n, [None] * n
    for i in range(n):
        s = g[i]
        for k in range(i):
            s = s - L[i][k] * z[k]
        z[i] = s / L[i][i]
    for i in reversed(range(n)):
        s = z[i]
        for k in range(i + 1, n):
            s = s - L[k][i] * x[k]
        x[i] = s / L[i][i]
    return jnp.stack(x)


# ---- least squares: W1, W2, W3


def residuals(workload: str, x: np.ndarray) -> Callable:
    if workload.startswith("W1"):
        X, Y = x
        return lambda p, y: p[0] * jnp.exp(-((X - p[1]) ** 2 + (Y - p[2]) ** 2) / (2 * p[3] ** 2)) + p[4] - y
    if workload == "W2":
        return lambda p, y: p[0] * jnp.exp(-x / p[1]) + p[2] - y
    log_x = np.log(x)
    return lambda p, y: p[3] + (p[0] - p[3]) / (1 + jnp.exp(p[1] * (log_x - jnp.log(p[2])))) - y


def levenberg_marquardt(residual: Callable, ftol: float, linear: Callable, most: int = 50) -> Callable:
    """Marquardt's scaling, lambda from 1e-3, a tenth after success and tenfold after failure."""
    jacobian = jax.jacfwd(residual)

    def body(y, state):
        p, c, H, g, lam, k, _ = state
        trial = p - linear(H + lam * jnp.diag(jnp.diag(H)), g)
        r, J = residual(trial, y), jacobian(trial, y)
        c_new = r @ r
        ok = c_new < c
        done = jnp.abs(c - c_new) <= ftol * c
        H, g = jnp.where(ok, J.T @ J, H), jnp.where(ok, J.T @ r, g)
        lam = jnp.where(ok, lam * 0.1, lam * 10)
        return jnp.where(ok, trial, p), jnp.where(ok, c_new, c), H, g, lam, k + 1, done

    def solve(y, p):
        r, J = residual(p, y), jacobian(p, y)
        start = (p, r @ r, J.T @ J, J.T @ r, jnp.asarray(1e-3, p.dtype), 0, jnp.asarray(False))
        end = lax.while_loop(lambda s: (~s[6]) & (s[5] < most), partial(body, y), start)
        return end[0], end[5] + 1

    return solve


# ---- Newton: W4, W5


def newton(value, derivatives, linear, least: Callable, rejected: Callable, most: int) -> Callable:
    """Newton steps, halved while ``rejected(f, f_new, t, decrement)``; ends when the decrement is <= ``least(f)``."""

    def body(args, state):
        p, f, k, _ = state
        g, H = derivatives(p, *args)
        step = linear(H, g)
        decrement = g @ step

        def too_long(trial):
            t, f_new = trial
            return rejected(f, f_new, t, decrement) & (t > 1e-6)

        def halve(trial):
            t = trial[0] * 0.5
            return t, value(p - t * step, *args)

        t, f_new = lax.while_loop(too_long, halve, (jnp.asarray(1.0, p.dtype), value(p - step, *args)))
        return p - t * step, f_new, k + 1, decrement <= least(f)

    def solve(p, *args):
        start = (p, value(p, *args), 0, jnp.asarray(False))
        end = lax.while_loop(lambda s: (~s[3]) & (s[2] < most), partial(body, args), start)
        return end[0], end[2]

    return solve


def regression(data: dict, dtype: str, linear: Callable, hessian: bool) -> tuple[Callable, list]:
    ridge = data["p0"].dtype.type(1e-2)
    tolerance, rounding = (1e-4, 1e-6) if dtype == "float32" else (1e-6, 1e-12)

    def loss(w, X, y):
        z = X @ w
        return jnp.sum(jnp.logaddexp(0.0, z) - y * z) + 0.5 * ridge * w @ w

    def analytic(w, X, y):
        s = jax.nn.sigmoid(X @ w)
        return (X.T * (s * (1 - s))) @ X + ridge * jnp.eye(8, dtype=w.dtype)

    second = jax.hessian(loss) if hessian else analytic

    def derivatives(w, X, y):
        return jax.grad(loss)(w, X, y), second(w, X, y)

    def rejected(f, f_new, t, decrement):
        return f_new > f - 1e-4 * t * decrement + rounding * jnp.abs(f)

    solve = newton(loss, derivatives, linear, lambda f: tolerance * jnp.abs(f), rejected, 40)
    return solve, [data["p0"], data["X"], data["y"]]


def valley(data: dict, dtype: str, linear: Callable, hessian: bool) -> tuple[Callable, list]:
    tolerance = 1e-9 if dtype == "float32" else 1e-14

    def f(p, a, b):
        return (a - p[0]) ** 2 + b * (p[1] - p[0] ** 2) ** 2

    def analytic(p, a, b):
        off = -4 * b * p[0]
        return jnp.array([[2 - 4 * b * (p[1] - 3 * p[0] ** 2), off], [off, 2 * b]])

    second = jax.hessian(f) if hessian else analytic

    def derivatives(p, a, b):
        H = second(p, a, b)
        least = 0.5 * (H[0, 0] + H[1, 1]) - jnp.sqrt(0.25 * (H[0, 0] - H[1, 1]) ** 2 + H[0, 1] ** 2)
        return jax.grad(f)(p, a, b), H + jnp.maximum(0, 1e-3 - least) * jnp.eye(2, dtype=p.dtype)

    def rejected(f, f_new, t, decrement):  # a step that promises nothing is not halved
        return (~(f_new <= f - 1e-4 * t * decrement)) & (decrement > tolerance)

    return newton(f, derivatives, linear, lambda _: tolerance, rejected, 100), [data["p0"], data["a"], data["b"]]
