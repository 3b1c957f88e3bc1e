"""Every problem of the table through its front door: solved where it has to be, and never a false success."""

import numpy as np
import pytest
from doors import solve
from problems import NIST, PROBLEMS

import batchnewton as bn


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.kind != "curve_fit"], ids=repr)
def test_solved_or_honest(problem):
    result = solve(problem)
    status = bn.Status(int(result.status)).name
    assert bool(result.success) == (status in {"CONVERGED", "CONVERGED_AT_BOUND"})
    if result.success:
        assert problem.error(result.x) < problem.tolerance, f"{status} at {result.x}"
    assert result.success or not problem.must or not problem.answers, f"{status} at {result.x}"
    assert not problem.status or status in problem.status


def test_nist():
    """The acceptance of the solver: at least 48 of the 54 runs to 6 digits, no success with fewer than 4."""
    results = [(problem, solve(problem)) for problem in NIST]
    digits = {problem.name: -np.log10(max(problem.error(result.x), 1e-11)) for problem, result in results}
    false_success = [problem.name for problem, result in results if result.success and digits[problem.name] < 4]
    assert not false_success
    poor = {name: round(value, 1) for name, value in digits.items() if value < 6}
    assert len(poor) <= 6, poor
