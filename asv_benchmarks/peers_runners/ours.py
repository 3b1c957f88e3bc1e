"""batchnewton through its front doors, as a user calls it."""

from __future__ import annotations

from functools import partial

import numpy as np
import workloads

import batchnewton as bn

from .registry import Candidate, Solve

LOOSE = {"float64": 1e-6, "float32": 1e-5}  # what the peers' LM asks of the relative change of the cost


def logistic4_of_log(log_x, a, b, c, d):
    """W3 as the peers compute it, with log x as the coordinate."""
    return d + (a - d) / (1 + np.exp(b * (log_x - np.log(c))))


def candidates(name: str, workload: str, data: workloads.Data, dtype: str, threads: int) -> list[Candidate]:
    options: dict = dict(dtype=dtype, threads=threads)
    if name == "ours-loose":
        options |= dict(ftol=LOOSE[dtype], xtol=1e-2)
    build = partial(prepare, name, workload, data, options)
    return [Candidate(f"threads={threads}", 1, build)]


def prepare(name: str, workload: str, data: workloads.Data, options: dict) -> Solve:
    """A call of one problem, which compiles; then the same for any number of problems."""

    def solve(count):
        result = front_door(name, workload, {k: v if k == "x" else v[:count] for k, v in data.items()}, options)
        return [(result.x, result.nfev)]

    solve(1)
    return solve


def front_door(name: str, workload: str, data: workloads.Data, options: dict) -> bn.Result:
    if workload == "W4":
        return bn.minimize(workloads.logistic_term, data["p0"], data=(data["X"], data["y"]), **options)
    if workload == "W5":
        return bn.minimize(workloads.valley, data["p0"], args=(data["a"], data["b"]), **options)
    if workload == "W3" and name != "ours-pow":
        return bn.curve_fit(logistic4_of_log, np.log(data["x"]), data["y"], p0=data["p0"], **options)
    return bn.curve_fit(workloads.FORMULAS[workload], data["x"], data["y"], p0=data["p0"], **options)
