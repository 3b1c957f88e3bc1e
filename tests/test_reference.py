"""The table and the naive reference check each other, and SciPy and mpmath check the reference."""

import mpmath
import numpy as np
import pytest
import reference
import scipy.optimize
from problems import NIST, PROBLEMS, of_kind

# The reference is textbook Newton: these need more than that, and no test uses it on them.
HARD_FOR_REFERENCE = {"powell badly scaled", "brown badly scaled"}


def solve(problem, x0=None):
    start = problem.x0 if x0 is None else x0
    if problem.kind == "curve_fit":
        return reference.curve_fit(problem.fun, *problem.data, start)
    if problem.kind == "root":
        return reference.root(problem.fun, start, problem.args)
    return getattr(reference, problem.kind)(problem.fun, start, problem.args, problem.data)


def test_names_are_unique():
    names = [problem.name for problem in PROBLEMS]
    assert len(set(names)) == len(names)
    assert len(NIST) == 54


@pytest.mark.parametrize("problem", of_kind("minimize", "least_squares", "root"), ids=repr)
def test_answers_are_answers(problem):
    """From each answer the reference does not move away, and there it sees a root, or a flat and not concave place."""
    for answer in problem.answers:
        found = solve(problem, answer)
        assert problem.error(found.x) < 1e-9
        if problem.kind == "root":
            assert found.converged
        else:
            assert np.min(np.linalg.eigvalsh(found.hess)) >= -1e-12


@pytest.mark.parametrize("problem", [p for p in of_kind("minimize", "least_squares", "root") if p.must], ids=repr)
def test_reference_solves_or_owns_up(problem):
    found = solve(problem)
    assert not found.converged or problem.error(found.x) < 1e-6
    if problem.answers and problem.name not in HARD_FOR_REFERENCE:
        assert found.converged


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.kind != "curve_fit" and not p.answers], ids=repr)
def test_reference_never_claims_an_answer_that_is_not_there(problem):
    assert not solve(problem).converged


def test_least_squares_agrees_with_scipy():
    problem = next(p for p in NIST if p.name == "Misra1a, start 2")
    x, y = problem.data
    ours = solve(problem)
    popt, _ = scipy.optimize.curve_fit(problem.fun, x, y, problem.x0)
    assert ours.converged
    np.testing.assert_allclose(ours.x, popt, rtol=1e-6)
    np.testing.assert_allclose(ours.x, problem.answers[0], rtol=1e-9)


def everything(x):
    a, b = x[0], x[1]
    smooth = np.exp(a * b) + np.log(a) / np.sqrt(b) + np.sin(a) * np.cos(b) - np.tan(a / 4) + np.tanh(b) ** 3
    return smooth + np.arctan(a - b) + a**b + 2.0**a + abs(b - 9) + np.maximum(a, b) + np.minimum(a, 3.0) + 1 / b


def test_jets_agree_with_high_precision_differences():
    """Third-order remainders at h = 1e-20 in 80 digits are far below double precision."""
    names = {"exp", "log", "sqrt", "sin", "cos", "tan", "tanh"}
    swap = {name: getattr(mpmath, name) for name in names} | {"arctan": mpmath.atan, "maximum": max, "minimum": min}
    point = (0.7, 1.9)
    f, g, H = reference.value_grad_hess(everything, point)
    namespace = dict(everything.__globals__, np=type("np", (), {k: staticmethod(v) for k, v in swap.items()}))
    exact = type(everything)(everything.__code__, namespace)
    with mpmath.workdps(80):
        h, x = mpmath.mpf("1e-20"), [mpmath.mpf(value) for value in point]

        def at(i, di, j, dj):
            return exact([x[k] + h * ((k == i) * di + (k == j) * dj) for k in range(2)])

        assert f == pytest.approx(float(exact(x)), rel=1e-14)
        for i in range(2):
            assert g[i] == pytest.approx(float((at(i, 1, i, 0) - at(i, -1, i, 0)) / (2 * h)), rel=1e-13)
            for j in range(2):
                cross = at(i, 1, j, 1) - at(i, 1, j, -1) - at(i, -1, j, 1) + at(i, -1, j, -1)
                assert H[i, j] == pytest.approx(float(cross / (4 * h * h)), rel=1e-13)
