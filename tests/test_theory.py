"""What theory says of Newton's method, and of what a problem's answer may depend on."""

import numpy as np
import pytest
import reference
from problems import PROBLEMS, log_sum_exp, rosenbrock, rosenbrock_residuals, soft_abs
from test_steps import newton

import batchnewton as bn

T = np.linspace(0, 5, 16)
STRICT = [p for p in PROBLEMS if p.name in ("rosenbrock", "wood", "log-sum-exp", "mccormick", "himmelblau", "beale")]


def ellipse(x, a, b, c):
    return a * (x[0] - 3) ** 2 + b * (x[1] + 2) ** 2 + c * (x[0] - 3) * (x[1] + 2)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_quadratics_take_one_step_from_anywhere(size):
    rng = np.random.default_rng(0)
    start = size * rng.normal(size=(50, 2))
    result = bn.minimize(ellipse, start, (rng.uniform(1, 9, 50), rng.uniform(1, 9, 50), rng.uniform(-1.5, 1.5, 50)))
    assert result.success.all()
    assert (result.nit <= 1 + (size > 1e3)).all()  # from afar the step itself is rounded
    np.testing.assert_allclose(result.x, np.tile([3.0, -2.0], (50, 1)), rtol=1e-9)


@pytest.mark.parametrize("problem", STRICT, ids=repr)
def test_digits_double_near_a_strict_minimum(problem):
    """``e_next <= K e²`` at all steps that begin with an error between 1e-7 and 1e-2, and there are such steps."""
    path: list[np.ndarray] = []
    with np.errstate(all="ignore"):
        newton(problem, "minimize", path)
    errors = np.array([problem.error(x) for x in path])
    near = np.flatnonzero((errors[:-1] < 1e-2) & (errors[:-1] > 1e-7) & (errors[1:] != errors[:-1]))
    assert near.size
    assert (errors[near + 1] <= 300 * errors[near] ** 2 + 1e-14).all(), errors


def pure_newton(fun, x, steps):
    """``x - H⁻¹ g``, so many times."""
    with np.errstate(all="ignore"):
        for _ in range(steps):
            _, g, H = reference.value_grad_hess(fun, x)
            if not np.all(np.isfinite(H)) or not np.linalg.det(H):
                return np.full(len(x), np.inf)
            x = x - np.linalg.solve(H, g)
    return x


@pytest.mark.parametrize(
    ("fun", "answer", "starts"),
    [
        (soft_abs, (0.0,), [[2.0], [-1.5], [1e3], [1e6]]),
        (log_sum_exp, (-np.log(2) / 2, 0.0), [[3.0, 3.0], [5.0, -3.0], [-10.0, 10.0], [100.0, -30.0]]),
    ],
    ids=["soft abs", "log-sum-exp"],
)
def test_damped_newton_converges_where_pure_newton_diverges(fun, answer, starts):
    for start in starts:
        assert not np.max(np.abs(pure_newton(fun, np.array(start), 6) - answer)) < 1.0
    result = bn.minimize(fun, starts)
    assert result.success.all()
    np.testing.assert_allclose(result.x, np.tile(answer, (len(starts), 1)), atol=1e-6)


@pytest.mark.parametrize("method", ["bfgs", "lbfgs", "gradient-descent", "trust-region"])
def test_globalised_methods_converge_where_pure_newton_diverges(method):
    for fun, answer, starts in (
        (soft_abs, (0.0,), [[2.0], [-1.5], [1e3]]),
        (log_sum_exp, (-np.log(2) / 2, 0.0), [[3.0, 3.0], [5.0, -3.0], [-10.0, 10.0]]),
    ):
        result = bn.minimize(fun, starts, method=method)
        assert result.success.all()
        np.testing.assert_allclose(result.x, np.tile(answer, (len(starts), 1)), atol=1e-6)
        assert not bn.minimize(fun, starts, method="newton-pure").success.any()


def test_pure_newton_takes_one_step_to_the_minimum_of_a_quadratic():
    rng = np.random.default_rng(0)
    ratios = rng.uniform(1, 9, 50), rng.uniform(1, 9, 50), rng.uniform(-1.5, 1.5, 50)
    result = bn.minimize(ellipse, rng.normal(size=(50, 2)), ratios, method="newton-pure")
    assert result.success.all() and (result.nit == 1).all()
    np.testing.assert_allclose(result.x, np.tile([3.0, -2.0], (50, 1)), rtol=1e-12)


def test_pure_newton_doubles_its_digits():
    """max |g| falls as its square, evaluation by evaluation."""
    told = bn.minimize(log_sum_exp, [[0.2, 0.1]], method="newton-pure", history=True).history
    steepest = told.grad[0][: np.argmax(told.grad[0] <= 1e-7)]  # what follows is the certificate
    assert len(steepest) >= 3
    assert (steepest[1:] <= 10 * steepest[:-1] ** 2).all(), steepest


@pytest.mark.parametrize("kappa", [5.0, 30.0, 200.0])
def test_steepest_descent_has_the_linear_rate_of_theory(kappa):
    """Of ``(u² + kappa v²) / 2`` an exact step leaves ``((kappa - 1) / (kappa + 1))²`` of F at worst, which is from
    (kappa, 1); a step within a tenth of the exact one gains 99 % of that at least.  Source: Luenberger & Ye (2008),
    Linear and Nonlinear Programming, section 8.2."""
    rate = ((kappa - 1) / (kappa + 1)) ** 2
    limits = np.array([9, 17, 33])
    starts = np.array([[kappa, 1.0], [-kappa, 1.0], [1.0, kappa], [1.0, 1.0]]) / kappa

    def valley(x, k):
        return 0.5 * (x[0] ** 2 + k * x[1] ** 2)

    for limit in limits:
        result = bn.minimize(valley, starts, (kappa,), method="gradient-descent", max_iter=int(limit))
        left = result.fun / valley(starts.T, kappa)
        assert (result.nit >= limit // 5).all()
        assert (left <= (1 - 0.99 * (1 - rate)) ** result.nit * (1 + 1e-9)).all()
        slow = left[:2] ** (1 / result.nit[:2])
        assert (slow >= rate - 0.05 * (1 - rate)).all(), (slow, rate)


# ---------------------------------------------------------------- units, places, directions


UNITS = np.array([(1e-8, 1.0), (1e8, 1.0), (1e-8, 1e8), (1e4, 1e-3), (1.0, 1.0)])


def in_units(fun):
    return lambda x, u, v: fun([x[0] * u, x[1] * v])


@pytest.mark.parametrize("front", ["minimize", "least_squares", "root"])
def test_units_of_the_unknowns_do_not_matter(front):
    fun = in_units(rosenbrock if front == "minimize" else rosenbrock_residuals)
    result = getattr(bn, front)(fun, np.array([-1.2, 1.0]) / UNITS, tuple(UNITS.T))
    assert result.success.all()
    np.testing.assert_allclose(result.x * UNITS, np.ones((5, 2)), rtol=1e-8)
    assert np.ptp(result.nfev) <= 1


def test_units_that_are_powers_of_two_change_no_step():
    units = 2.0 ** np.array([(0, 0), (-27, 0), (27, -27), (13, 20)])
    result = bn.minimize(in_units(rosenbrock), np.array([-1.2, 1.0]) / units, tuple(units.T))
    assert np.ptp(result.nfev) == 0
    np.testing.assert_array_equal(result.x * units, np.tile(result.x[0], (4, 1)))


def test_units_of_the_data_do_not_matter():
    y = np.exp(-T / 1.5) + 0.2 + 0.01 * np.sin(7 * T)
    units = np.array([1.0, 1e-8, 1e8])
    start = np.array([1.5, 1.0, 0.1]) * np.stack([units, np.ones(3), units], 1)
    result = bn.curve_fit(lambda t, a, tau, c: a * np.exp(-t / tau) + c, T, units[:, None] * y, start)
    assert result.success.all() and np.ptp(result.nfev) <= 1
    np.testing.assert_allclose(result.x[:, 1], np.full(3, result.x[0, 1]), rtol=1e-9)
    np.testing.assert_allclose(result.x[:, 0] / units, np.full(3, result.x[0, 0]), rtol=1e-9)


def test_a_convex_function_moved_and_turned_has_its_minimum_moved_and_turned():
    """The steps depend on |x0| and on the axes; the answer of a strictly convex function must not."""

    def turned(x, cosine, sine, u, v):
        a, b = cosine * (x[0] - u) - sine * (x[1] - v), sine * (x[0] - u) + cosine * (x[1] - v)
        return log_sum_exp([a, b])

    angle = np.linspace(0, 6, 12)
    u, v = np.linspace(-20, 20, 12), np.linspace(3, -50, 12)
    result = bn.minimize(turned, np.ones((12, 2)), (np.cos(angle), np.sin(angle), u, v))
    at = -np.log(2) / 2
    assert result.success.all()
    np.testing.assert_allclose(result.x, np.stack([u + at * np.cos(angle), v - at * np.sin(angle)], 1), rtol=1e-6)
