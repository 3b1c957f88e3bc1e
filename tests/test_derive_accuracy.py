"""Derived code against mpmath: every function, the NIST and other models, branch points."""

import math

import pytest
from derive_oracle import FORMULA_TRACED, check, dense, formula_of, run

from batchnewton.derive import Input, derive

UNARY = {
    "exp": (0.7, -3.0),
    "expm1": (0.7, 1e-9),
    "exp2": (1.3, -2.5),
    "log": (0.4, 1.0000001),
    "log1p": (0.4, 1e-9),
    "log2": (0.4, 5.5),
    "log10": (0.4, 5.5),
    "sqrt": (0.4, 1e-6),
    "cbrt": (0.4, 1e-3),
    "sin": (0.7, 3.14159),
    "cos": (0.7, 1.570796),
    "tan": (0.7, 1.5),
    "arcsin": (0.3, 0.999999),
    "arccos": (0.3, -0.999999),
    "arctan": (0.3, -20.0),
    "sinh": (0.7, -2.0),
    "cosh": (0.7, -2.0),
    "tanh": (0.7, -2.0),
    "arcsinh": (0.7, -2.0),
    "arccosh": (1.7, 1.5),
    "arctanh": (0.3, -0.999),
    "erf": (0.3, -1.5),
    "erfc": (0.3, 4.0),
    "erfcx": (0.3, 3.0),
    "gamma": (2.3, 0.7),
    "lgamma": (2.3, 0.7),
    "absolute": (0.3, -1.5),
    "sign": (0.3, -1.5),
    "floor": (0.3, -1.5),
    "square": (0.3, -1.5),
    "reciprocal": (0.3, -1.5),
    "sinc": (0.3, -1.5),
    "radians": (30.0, -100.0),
    "sigmoid": (0.3, -12.0),
    "log_sigmoid": (0.3, -12.0),
    "softplus": (0.3, -12.0),
    "normal_cdf": (0.3, -6.0),
    "log_normal_cdf": (0.3, -12.0),
    "i0e": (0.3, -5.0),
    "i1e": (0.7, -5.0),
    "i0": (0.3, 40.0),
    "i1": (0.3, 5.0),
}
TEMPLATES = ("{f}(a)", "b * {f}(a) + b", "{f}(a) ** 2 / b", "{f}(a + (b - 1.5) * x) * exp(-b * x)")

FORMULAS = {  # text: values; x and y are data
    "arctan2(a, b)": dict(a=0.3, b=-1.2),
    "arctan2(a * x, b) ** 2": dict(a=0.3, b=1.2, x=2.0),
    "hypot(a, b)": dict(a=0.3, b=-1.2),
    "hypot(a, x) * b": dict(a=0.3, b=-1.2, x=2.0),
    "power(a, b)": dict(a=0.3, b=-1.2),
    "a ** b ** c": dict(a=1.3, b=1.2, c=0.7),
    "a ** 2.3 + b ** 1.5 * a": dict(a=1.3, b=1.2),
    "a ** -3 + b ** 7 + (a * b) ** 6": dict(a=1.3, b=-1.2),
    "a ** -0.5 + b ** -2.5 + a ** 50": dict(a=1.01, b=1.2),
    "2 ** a * 3 ** b": dict(a=1.3, b=-1.2),
    "(a * x) ** b": dict(a=1.3, b=1.2, x=0.7),
    "(x / a) ** b": dict(a=1.3, b=1.2, x=0.7),
    "(a / x) ** b + (a * b) ** 1.7": dict(a=1.3, b=1.2, x=0.7),
    "(a / b) ** (a - b)": dict(a=1.3, b=0.4),
    "a ** b + a ** (b - 1) + a ** (b - 2)": dict(a=1.3, b=2.6),
    "minimum(a, b) * a + maximum(a, b) ** 2": dict(a=1.3, b=0.4),
    "minimum(a, x) * a + maximum(x, a * b) ** 2": dict(a=1.3, b=0.4, x=1.0),
    "clip(a, 0, 1) * b + clip(b, -1, 1) ** 3 * a": dict(a=1.3, b=0.4),
    "where(a > b, sin(a * b), cos(a))": dict(a=1.3, b=0.4),
    "where(a < b, sin(a * b), cos(a) * b)": dict(a=1.3, b=0.4),
    "logaddexp(a, b)": dict(a=1.3, b=0.4),
    "logaddexp(a, b * x) * a": dict(a=-1.3, b=0.4, x=30.0),
    "logaddexp(a, a * b)": dict(a=1.5, b=1.0),
    "xlogy(a, b)": dict(a=1.3, b=0.4),
    "xlogy(x, a * b) - a": dict(a=1.3, b=0.4, x=3.0),
    "log(i0e(a * x / b ** 2)) + abs(a * x / b ** 2) - (a ** 2 + x ** 2) / (2 * b ** 2)": dict(a=1.3, b=0.8, x=2.0),
    "voigt_profile(a, b, c)": dict(a=0.3, b=0.8, c=0.5),
    "a * voigt_profile(x - b, c, d)": dict(a=3.0, b=0.1, c=0.4, d=0.7, x=0.1),
    "voigt_profile(x - a, b, c) * y - log(voigt_profile(x - a, b, c))": dict(a=1.3, b=0.4, c=0.1, x=0.6, y=2.0),
    "lgamma(x + a) - lgamma(a) + a * log(b)": dict(a=1.3, b=0.8, x=4.0),
    "a / b / a * b / (a * b) / (1 + a / b)": dict(a=1.3, b=0.8),
    "-(-a) * -b - (-(a - b)) * -3": dict(a=1.3, b=0.8),
    "(a > 0) * b ** 2 + a * (b > 1)": dict(a=1.3, b=0.8),
    "a // b + a % b * a": dict(a=1.3, b=0.4),
    # NIST StRD
    "a * (1 - exp(-b * x))": dict(a=238.9, b=5.5e-4, x=77.6),
    "a * (1 - (1 + b * x / 2) ** -2)": dict(a=338.0, b=3.9e-4, x=77.6),
    "a * (1 - (1 + 2 * b * x) ** -0.5)": dict(a=636.0, b=2.1e-4, x=77.6),
    "a * b * x / (1 + b * x)": dict(a=437.0, b=3e-4, x=77.6),
    "exp(-a * x) / (b + c * x)": dict(a=0.19, b=0.0061, c=0.0105, x=1.5),
    "a * exp(-b * x) + c * exp(-d * x) + e * exp(-g * x)": dict(a=0.09, b=1.0, c=0.86, d=3.0, e=1.56, g=5.0, x=0.4),
    "a * exp(-b * x) + c * exp(-(x - d)**2 / e**2) + g * exp(-(x - h)**2 / k**2)": dict(
        a=98.8, b=0.011, c=100.5, d=67.5, e=23.1, g=72.0, h=179.0, k=18.4, x=66.0
    ),
    "a * x ** b": dict(a=0.77, b=3.86, x=1.309),
    "(a + b * x + c * x**2) / (1 + d * x + e * x**2)": dict(a=1.67, b=-0.139, c=0.0026, d=-0.0017, e=2e-5, x=50.0),
    "(a + b * x + c * x**2 + d * x**3) / (1 + e * x + g * x**2 + h * x**3)": dict(
        a=1.08, b=-0.12, c=0.0041, d=-1.4e-6, e=-0.0058, g=2.4e-4, h=-1.2e-7, x=45.0
    ),
    "a - b * x * exp(-c * y)": dict(a=2.59, b=5.6e-9, c=-0.0577, x=16.0, y=225.0),
    "a + b * exp(-x * d) + c * exp(-x * e)": dict(a=0.37, b=1.94, c=-1.46, d=0.0129, e=0.0221, x=50.0),
    "a * (x**2 + x * b) / (x**2 + x * c + d)": dict(a=0.193, b=0.191, c=0.123, d=0.136, x=0.5),
    "a * exp(b / (x + c))": dict(a=0.0056, b=6181.3, c=345.2, x=85.0),
    "a / (1 + exp(b - c * x))": dict(a=72.5, b=2.6, c=0.067, x=21.0),
    "a / (1 + exp(b - c * x)) ** (1 / d)": dict(a=699.6, b=5.28, c=0.76, d=1.28, x=5.0),
    "a / b * exp(-(x - c) ** 2 / (2 * b ** 2))": dict(a=1.55, b=4.09, c=451.5, x=450.0),
    "a * (b + x) ** (-1 / c)": dict(a=-2523.5, b=46.7, c=0.932, x=8.0),
    "a + b * cos(2 * pi * x / 12) + c * sin(2 * pi * x / d) + e * sin(2 * pi * x / d)": dict(
        a=10.5, b=3.08, c=0.53, d=44.3, e=-1.6, x=17.0
    ),
    "a - b * x - arctan(c / (x - d)) / pi": dict(a=0.2, b=-6.2e-6, c=1204.5, d=-181.3, x=500.0),
    # models
    "a * exp(-x / b) + c": dict(a=1.3, b=0.8, c=0.1, x=0.5),
    "d + (a - d) / (1 + (x / c) ** b)": dict(a=0.1, b=1.3, c=2.0, d=1.5, x=0.7),
    "d + (a - d) / (1 + (x / c) ** b) ** e": dict(a=0.1, b=1.3, c=2.0, d=1.5, e=0.8, x=0.7),
    "a * exp(-(x / b) ** c)": dict(a=1.1, b=2.0, c=0.6, x=0.7),
    "abs(a * (1 - 2 * exp(-x / b)) + c)": dict(a=1.1, b=2.0, c=0.1, x=0.3),
    "a * x ** b / (c ** b + x ** b)": dict(a=1.1, b=2.0, c=0.6, x=0.7),
    "a * exp(-b * x) * cos(c * x + d) + e": dict(a=1.1, b=0.2, c=6.0, d=0.7, e=0.1, x=1.3),
    "a * (b / ((x - c) ** 2 + b ** 2)) + d": dict(a=1.1, b=0.2, c=0.6, d=0.7, x=1.3),
    "a * (d / (1 + ((x - b) / c) ** 2) + (1 - d) * exp(-log(2) * ((x - b) / c) ** 2))": dict(
        a=1.1, b=0.2, c=0.6, d=0.7, x=0.5
    ),
    "g + a * exp(-((x - b) ** 2 + (y - c) ** 2) / (2 * d ** 2))": dict(
        a=2.0, b=0.1, c=0.2, d=0.7, g=0.1, x=0.5, y=-0.3
    ),
    "g + a * exp(-((cos(h)*(x-b) + sin(h)*(y-c))/d)**2/2 - ((cos(h)*(y-c) - sin(h)*(x-b))/e)**2/2)": dict(
        a=2.0, b=0.1, c=0.2, d=0.7, e=1.1, g=0.1, h=0.4, x=0.5, y=-0.3
    ),
    "a * ((1 - b) * exp(-x * c) + b * exp(-x * d))": dict(a=1.0, b=0.1, c=0.9, d=9.0, x=0.2),
    "x * log(a + b * y) - (a + b * y)": dict(a=1.0, b=0.5, x=4.0, y=2.0),
    "x * normal_cdf((log(x / y) + a * a / 2) / a) - y * normal_cdf((log(x / y) - a * a / 2) / a)": dict(
        a=0.3, x=1.1, y=1.0
    ),
    "log_sigmoid((2 * x - 1) * (a + b * y))": dict(a=0.3, b=1.0, x=1.0, y=-40.0),
    "log_normal_cdf((2 * x - 1) * (a + b * y))": dict(a=0.3, b=1.0, x=1.0, y=-6.0),
    "(tanh(c * tanh(a * x + b) + d) - y) ** 2": dict(a=0.3, b=1.0, c=-0.4, d=0.2, x=1.0, y=0.5),
    "100 * (b - a ** 2) ** 2 + (1 - a) ** 2": dict(a=-1.2, b=1.0),
    "(a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4": dict(a=3.0, b=-1.0, c=0.1, d=1.0),
    "sqrt(1 + ((a - x) / b) ** 2) - 1": dict(a=3.0, b=2.0, x=1.0),
}

EDGES = {  # exact values at branch points: f, g, H for the unknowns in order
    ("a ** b", (0.0, 2.0)): (0, [0, 0], [[2, 0], [0, 0]]),
    ("a ** b", (0.0, 3.0)): (0, [0, 0], [[0, 0], [0, 0]]),
    ("a ** 2", (0.0,)): (0, [0], [[2]]),
    ("a ** 1.5", (0.0,)): (0, [0], [[math.inf]]),
    ("a ** 2.5", (0.0,)): (0, [0], [[0]]),
    ("a ** 2.3", (0.0,)): (0, [0], [[0]]),
    ("(0.0 / a) ** b", (2.0, 0.5)): (0, [0, 0], [[0, 0], [0, 0]]),
    ("abs(a)", (0.0,)): (0, [1], [[0]]),
    ("abs(a) ** 3", (0.0,)): (0, [0], [[0]]),
    ("maximum(a, b)", (1.0, 1.0)): (1, [1, 0], [[0, 0], [0, 0]]),
    ("where(a > 0, sqrt(a), 0.0) * b", (0.0, 2.0)): (0, [0, 0], [[0, 0], [0, 0]]),
    ("where(a > 0, log(a) * b, a)", (0.0, 2.0)): (0, [1, 0], [[0, 0], [0, 0]]),
    ("where(a > 0, a ** b, 0.0) + where(a > 0, b / a, b)", (0.0, 2.0)): (2, [0, 1], [[0, 0], [0, 0]]),
    ("where(a != 0, sin(a) / a, 1.0) ** 2 * b", (0.0, 2.0)): (2, [0, 1], [[0, 0], [0, 0]]),
    ("exp(where(a < 700, a, 0.0)) * b", (800.0, 2.0)): (2, [0, 1], [[0, 0], [0, 0]]),
    ("i1e(a)", (0.0,)): (0, [0.5], None),
    ("xlogy(0.0, a)", (0.0,)): (0, [0], [[0]]),
    ("sinc(a)", (0.0,)): (1, [0], None),
    ("floor(a) * a", (2.0,)): (4, [2], [[0]]),
    ("softplus(a)", (0.0,)): (math.log(2), [0.5], [[0.25]]),
    ("softplus(a)", (-800.0,)): (0, [0], [[0]]),
    ("softplus(a)", (800.0,)): (800, [1], [[0]]),
    ("sigmoid(a)", (-800.0,)): (0, [0], [[0]]),
}


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("function", UNARY)
def test_functions(function, template):
    for value in UNARY[function]:
        values = {"a": value} | ({"b": 1.5} if "b" in template else {}) | ({"x": 0.2} if "x" in template else {})
        check(template.format(f=function), values)


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas(text):
    check(text, FORMULAS[text])


@pytest.mark.parametrize(("text", "point"), EDGES)
def test_branch_points(text, point):
    names = [name for name in "ab" if name in text.replace("abs", "").replace("tan", "")][: len(point)]
    program = derive(formula_of(text, names, FORMULA_TRACED), [Input(name) for name in names], "minimize")
    f, g, h = dense(run(program, dict(zip(names, point, strict=True))), len(point))
    expected = EDGES[text, point]
    assert f == pytest.approx(expected[0], rel=1e-15)
    assert g == pytest.approx(expected[1], rel=1e-15)
    assert expected[2] is None or h == expected[2]


@pytest.mark.parametrize(
    ("text", "at_zero"),
    [
        ("d + (a - d) / (1 + (x / c) ** b)", "a"),
        ("a * exp(-(x / c) ** b) + d", "a + d"),
        ("a * exp(-(x * c) ** b) + d", "a + d"),
        ("a * x ** b / (c ** b + x ** b) + d", "d"),
        ("a * x ** 0.7 + b * sqrt(x) + c + d", "c + d"),
    ],
)
def test_zero_dose(text, at_zero):
    """Powers of a data point that is 0 have no infinite derivatives in the parameters."""
    values = dict(a=1.5, b=0.7, c=2.0, d=0.3, x=0.0)
    inputs = [Input(name) for name in "abcd"] + [Input("x", (), "row")]
    found = dense(run(derive(formula_of(text, "abcdx", FORMULA_TRACED), inputs, "minimize"), values), 4)
    plain = dense(run(derive(formula_of(at_zero, "abcdx", FORMULA_TRACED), inputs, "minimize"), values), 4)
    assert found == plain
