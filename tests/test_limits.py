"""``max_iter`` counts all evaluations of a problem; what ends without a success has the best point that it met."""

import numpy as np
import pytest
from decays import T, decay, decays
from problems import rosenbrock

import batchnewton as bn

EPS = np.finfo(float).eps
LIMITS = (1, 2, 3, 5, 15, 16, 20, 22, 30, 50)


def rosenbrock_residuals(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def cube(x):
    return [x[0] - 1] + [10 * (x[i] - x[i - 1] ** 3) for i in range(1, len(x))]


def is_kept(result, limit):
    """Never more evaluations than ``limit``; without a success, no evaluation found a lower F."""
    assert result.nfev.max() <= limit
    told = result.history.fun
    lowest = np.nanmin(np.where(np.isfinite(told), told, np.inf), axis=1)
    best = result.fun <= lowest * (1 + (1e-5 if result.x.dtype == np.float32 else 1e-9))
    assert (best | result.success | np.isinf(lowest)).all()


STARTS = np.random.default_rng(0).uniform(-3, 3, (30, 2))


@pytest.mark.parametrize("dtype", ["float64", "float32", "mixed"])
def test_the_best_point_is_kept_whatever_the_limit(dtype):
    y, p0 = decays(40)
    calls = [
        lambda **more: bn.minimize(rosenbrock, STARTS, **more),
        lambda **more: bn.least_squares(rosenbrock_residuals, STARTS, **more),
        lambda **more: bn.root(rosenbrock_residuals, STARTS, **more),
        lambda **more: bn.curve_fit(decay, T, y, 3 * p0, **more),
    ]
    for limit in LIMITS:
        for call in calls:
            is_kept(call(max_iter=limit, dtype=dtype, history=True), limit)


@pytest.mark.parametrize("method", ["trust-region", "bfgs", "newton-pure"])
def test_no_method_has_more_evaluations(method):
    """Certificates count."""
    for limit in (1, 10, 30, 36, 37, 38, 39, 40):
        result = bn.minimize(rosenbrock, STARTS, method=method, max_iter=limit)
        assert result.nfev.max() <= limit


def test_what_suffices_for_a_convergence_is_enough():
    start, result = (-1.2, 1.0), bn.least_squares(rosenbrock_residuals, (-1.2, 1.0))
    assert result.success and result.nfev < 20
    for limit in range(int(result.nfev), 31):
        again = bn.least_squares(rosenbrock_residuals, start, max_iter=limit)
        assert again.success and again.nfev == result.nfev and again.fun == result.fun
    short = bn.least_squares(rosenbrock_residuals, start, max_iter=int(result.nfev) - 1)
    assert short.status == bn.Status.MAX_ITER and short.fun < 1e-25
    less = bn.minimize(rosenbrock, start, max_iter=20)
    assert less.status == bn.Status.MAX_ITER and less.fun < 0.1


def test_a_limit_of_one_problem_is_not_that_of_its_neighbours():
    """Where evaluations run out in a phase, they do so for each problem by itself."""
    many = bn.least_squares(rosenbrock_residuals, STARTS, max_iter=21)
    for at in range(0, 30, 5):
        one = bn.least_squares(rosenbrock_residuals, STARTS[at], max_iter=21)
        assert (one.x == many.x[at]).all() and one.nfev == many.nfev[at] and one.status == many.status[at]


def test_what_runs_off_is_no_root():
    """|F| falls until it underflows; a later search that begins beyond the numbers says nothing of the start."""
    result = bn.root(lambda x: [np.exp(x[0])], [[0.0], [5.0]])
    cubic = bn.root(lambda x: [(x[0] - 1) ** 3 * np.exp(x[0])], [[-3.0]])
    assert (np.append(result.status, cubic.status) == bn.Status.NO_ROOT).all()
    small = bn.root(lambda x: [1e-200 * (x[0] ** 2 + x[0] - 6)], [[1.0]])
    assert small.success or small.status == bn.Status.STALLED  # a root there is; its |F|² underflows at once
    outside = bn.root(lambda x: [np.exp(x[0])], [[1000.0]])
    assert outside.status == bn.Status.NOT_FINITE_AT_START


def far(x, a):
    return [x[0] * x[1] - a, x[0] - x[2] ** 2, x[0] + x[1] + x[2] - 300]


def newton_step(x, a):
    F = np.array(far(x, a))
    J = np.array([[x[1], x[0], 0], [1, 0, -2 * x[2]], [1, 1, 1]])
    return np.linalg.solve(J, F), F, np.abs(J) @ np.abs(x)


@pytest.mark.parametrize("method", ["newton", "newton-pure"])
def test_roots_far_out_are_exact_to_their_rounding(method):
    """One more Newton step brings nothing: before, |F| = 2e-10 where it led to 0."""
    rng = np.random.default_rng(0)
    start, a = rng.uniform(-5, 5, (300, 3)), rng.uniform(1, 60, 300)
    result = bn.root(far, start, (a,), method=method)
    good = result.success
    assert good.all() if method == "newton" else good.mean() > 0.9
    for x, one in zip(result.x[good], a[good], strict=True):
        step, F, size = newton_step(x, one)
        assert (abs(F) <= 8 * EPS * size).all() or abs(step / x).max() <= 8 * EPS


def test_no_root_where_the_linear_model_does_not_hold():
    """At 1e12 a step of half a radian is 1e-13 of x, and says nothing of a sine."""
    result = bn.root(lambda x: [np.sin(x[0]) * x[0] - 50], np.random.default_rng(0).uniform(-5, 5, (300, 1)))
    x = result.x[result.success, 0]
    assert len(x) > 250 and (abs(np.sin(x) * x - 50) <= 1e-14 * abs(x) * (1 + abs(x))).all()


def test_a_search_does_not_crawl_along_a_bent_valley():
    """It leaps (kernels/leap.py): before, a tenth of these fits ended at 500 evaluations, and the cubes took 1120."""
    known = bn.nist.problem("Bennett5")
    starts = np.repeat(known.starts, 20, axis=0) * np.random.default_rng(1).uniform(0.9, 1.1, (40, 3))
    result = bn.curve_fit(known.formula, known.x, known.y, starts)
    assert result.success.all() and result.nfev.max() < 100
    np.testing.assert_allclose(result.x, np.tile(known.certified, (40, 1)), rtol=1e-6)
    cubes = bn.least_squares(cube, [0.5] * 8, max_iter=677)  # as many as MINPACK's lm needs
    assert cubes.success
    np.testing.assert_allclose(cubes.x, 1.0, rtol=1e-9)
