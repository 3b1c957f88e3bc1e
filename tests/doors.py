"""The problems of the table and the workloads, each through its front door."""

from collections.abc import Mapping
from typing import Any

import workloads
from problems import Problem

import batchnewton as bn


def solve(problem: Problem, **options: Any) -> bn.Result:
    """A problem of the table."""
    if problem.kind == "curve_fit":
        return bn.curve_fit(problem.fun, *problem.data, problem.x0, **options)
    if problem.kind == "root":
        return bn.root(problem.fun, problem.x0, problem.args, **options)
    return getattr(bn, problem.kind)(problem.fun, problem.x0, problem.args, data=problem.data, **options)


def workload(name: str, data: Mapping[str, Any], **options: Any) -> bn.Result:
    """The problems of a workload."""
    if name == "W4":
        return bn.minimize(workloads.logistic_term, data["p0"], data=(data["X"], data["y"]), **options)
    if name == "W5":
        return bn.minimize(workloads.valley, data["p0"], (data["a"], data["b"]), **options)
    return bn.curve_fit(workloads.FORMULAS[name], data["x"], data["y"], data["p0"], **options)
