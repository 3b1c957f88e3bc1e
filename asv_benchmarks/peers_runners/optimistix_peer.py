"""optimistix under vmap: Levenberg-Marquardt on the normal equations, BFGS for W4 and W5."""

import warnings
from functools import partial

import jax
import jax.numpy as jnp
import lineax
import optimistix

from . import jax_peer
from .registry import Candidate

BFGS_TOLERANCE = {"float64": dict(rtol=1e-6, atol=1e-8), "float32": dict(rtol=1e-4, atol=1e-5)}


def candidates(name: str, workload: str, data: dict, dtype: str, threads: int) -> list[Candidate]:
    warnings.filterwarnings("ignore")
    jax.config.update("jax_enable_x64", dtype == "float64")
    solve, arrays = minimise(workload, data, dtype) if workload in ("W4", "W5") else least_squares(workload, data)
    sizes = sorted({min(chunk, len(data["p0"])) for chunk in jax_peer.CHUNKS.get(workload, (256, 2048))})
    return [Candidate(f"chunk={chunk}", chunk, partial(jax_peer.compiled, solve, arrays, chunk)) for chunk in sizes]


def least_squares(workload: str, data: dict):
    residual = jax_peer.residuals(workload, data["x"])
    linear = lineax.Normal(lineax.Cholesky())
    solver = optimistix.LevenbergMarquardt(rtol=1e-3, atol=1e-6, linear_solver=linear)

    def solve(y, p):
        end = optimistix.least_squares(residual, solver, p, args=y, max_steps=64, throw=False)
        return end.value, end.stats["num_steps"]

    return solve, [data["y"], data["p0"]]


def minimise(workload: str, data: dict, dtype: str):
    solver = optimistix.BFGS(**BFGS_TOLERANCE[dtype])
    function, names = (loss, ("X", "y")) if workload == "W4" else (valley, ("a", "b"))

    def solve(p, *args):
        end = optimistix.minimise(function, solver, p, args=args, max_steps=400, throw=False)
        return end.value, end.stats["num_steps"]

    return solve, [data["p0"], *(data[name] for name in names)]


def loss(w, args):
    X, y = args
    z = X @ w
    return jnp.sum(jnp.logaddexp(0.0, z) - y * z) + 0.005 * w @ w


def valley(p, args):
    a, b = args
    return (a - p[0]) ** 2 + b * (p[1] - p[0] ** 2) ** 2
