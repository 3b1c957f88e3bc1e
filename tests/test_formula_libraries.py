"""Formulas that call what cannot be derived: the error names the function, the user's line, and what to write."""

import functools

import numpy as np
import pytest
from scipy import integrate, interpolate, optimize, special, stats

import batchnewton as bn

T = np.linspace(0.1, 5, 20)
Y = np.exp(-T)[None]
spline = interpolate.CubicSpline(T, Y[0])


@functools.lru_cache
def cached(x):
    return x


def odeint(t, k, s):
    return integrate.odeint(lambda y, t: -k * y, s, t)[:, 0]


def solve_ivp(t, k, s):
    return integrate.solve_ivp(lambda t, y: -k * y, (0, 5), [s], t_eval=t).y[0]


CASES = {  # what is called -> formula, and what the message says to write
    "scipy.integrate.odeint": (
        lambda t, k, s: integrate.odeint(lambda y, t: -k * y, s, t)[:, 0],
        "a `for` loop over a fixed",
    ),
    "solve_ivp": (
        lambda t, k, s: integrate.solve_ivp(lambda t, y: -k * y, (0, 5), [s], t_eval=t).y[0],
        "differential equation",
    ),
    "scipy.integrate.quad": (lambda t, k, s: s * integrate.quad(lambda u: np.exp(-k * u), 0, 1)[0], "leggauss"),
    "pdf": (lambda t, m, s: stats.norm.pdf(t, m, s), "write the density out"),
    "logpdf": (lambda t, m, s: stats.gamma(m, scale=s).logpdf(t), "write the density out"),
    "scipy.optimize.newton": (
        lambda t, a, b: optimize.newton(lambda x: x - a * b, 1.0) * t,
        "a solve inside a formula",
    ),
    "bn.root": (lambda t, a, b: bn.root(lambda x: x[0] - a, [1.0]).x[0] * t, "a solve inside a formula"),
    "bn.curve_fit": (lambda t, a, b: bn.curve_fit(lambda x, c: c * x, T, Y * a, [1.0]).x[0, 0] * t, "a solve inside"),
    "interpolate": (lambda t, a, b: spline(t - a) + b, "bn.models.spline"),
    "np.diff": (lambda t, a, b: np.diff(a * np.exp(-b * t), prepend=0), "neighbouring x"),
    "np.trapezoid": (lambda t, a, b: np.trapezoid(a * np.exp(-b * t), t) * t, "other points"),
    "the derivative of jv": (lambda t, a, b: special.jv(1, a * t) + b, "scipy.special|batchnewton.special"),
    "random numbers": (lambda t, a, b: a * t + b + np.random.normal(size=t.shape), "make it before"),  # noqa: NPY002
}


@pytest.mark.parametrize("name", CASES)
def test_the_message_names_function_line_and_way_out(name):
    f, way_out = CASES[name]
    with pytest.raises(TypeError, match=way_out) as caught:
        bn.curve_fit(f, T, Y, [1.0, 1.5])
    assert name in str(caught.value) and "test_formula_libraries.py" in str(caught.value)
    assert "random numbers" not in str(caught.value) or name == "random numbers"


def test_a_librarys_function_as_the_formula():
    with pytest.raises(TypeError, match="rosen is a function of a library, scipy.optimize.rosen") as caught:
        bn.minimize(optimize.rosen, [-1.0, 2.0])
    assert "test_formula_libraries.py" in str(caught.value)


def test_functions_of_x_alone_may_be_any_librarys():
    for f in (lambda t, a, b: a * spline(t) + b, lambda t, a, b: a * stats.norm.pdf(t, 1, 2) + b):
        assert bn.curve_fit(f, T, Y, [1.0, 1.0]).success.all()


def test_a_cached_function_is_a_formula_like_others():
    assert bn.root(cached, bracket=(-1.0, 1.0)).success
    assert bn.minimize(lambda x: (cached(x[0]) - 1) ** 2, [3.0]).success
    res = bn.curve_fit(functools.lru_cache(lambda t, a, b: a * np.exp(-b * t)), T, Y, [1.0, 1.5])
    assert res.success.all()


def test_a_formula_may_solve_what_holds_none_of_its_parameters():
    """As SciPy's tests of reentrant functions do."""

    def f(t, a, b):
        half = bn.root(lambda x: x[0] ** 2 - 0.25, [1.0]).x[0]
        return a * np.exp(-b * t / half) / bn.curve_fit(lambda x, c: c * x, T, 2 * T, [1.0]).x[0]

    res = bn.curve_fit(f, T, np.exp(-T)[None], [1.0, 1.0])
    np.testing.assert_allclose(res.x, [[2.0, 0.5]], rtol=1e-9)
