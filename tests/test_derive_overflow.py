"""Values and first and second derivatives of formulas whose exponentials and powers overflow: against mpmath, over the
whole range of float64 and float32."""

import mpmath as mp
import numpy as np
import pytest
from derive_oracle import FLOATS, FORMULA_EXACT, FORMULA_TRACED, dense, formula_of, run

from batchnewton.derive import Input, derive

POINTS = [0.0, 1e-3, 0.3, 1.0, 7.0, 30.0, 80.0, 100.0, 300.0, 500.0, 800.0, 3000.0]
POINTS = sorted({sign * one for one in POINTS for sign in (1.0, -1.0)})
PARAMETERS = [(1.0, 0.5), (-1.25, 0.75), (3.0, 1.5)]

FORMULAS = {  # of a, b and data x: where it has no value at x = 0, its limits there for a > 0 and a < 0
    "1 / (1 + exp(a * x + b))": None,
    "b / (1 + exp(-a * (x - 1)))": None,
    "3 / (1 + (7 - b) / b * exp(-a * x))": None,
    "b / (exp(a * x) - 1)": (mp.nan, mp.nan),
    "b / (1 - exp(a * x))": (mp.nan, mp.nan),
    "exp(a * x + b) / (1 + exp(a * x + b))": None,
    "exp(a * x + b) / (1 + exp(a * x + b)) ** 2": None,
    "b * exp(a * x) / (2 + exp(a * x))": None,
    "(1 + exp(a * x)) ** (-b)": None,
    "1 / (1 + exp(a * x)) ** b": None,
    "1 / (1 + b * exp(a * x)) ** 0.5": None,
    "log(1 + exp(a * x + b))": None,
    "log1p(exp(a * x + b))": None,
    "exp(-b * exp(a * x))": None,
    "exp(-exp(a * x - b))": None,
    "exp(-(a * x + b + exp(-(a * x + b))))": None,
    "b / cosh(a * x)": None,
    "b / cosh(a * x) ** 2": None,
    "b * tanh(a * x)": None,
    "b * (1 - exp(-absolute(x) * a))": None,
    "b * absolute(x) * exp(-absolute(a * x))": (0, 0),
    "b * sqrt((a * x) ** 2)": (0, 0),
    "b * sqrt(absolute(x) * a)": (0, 0),
    "cbrt(absolute(x) / a) * b": (0, 0),
    "2 + (b - 2) / (1 + (absolute(x) / 3) ** a)": ("b", 2),
    "1 / (1 + (absolute(x) / b) ** a)": (1, 0),
    "1 / (1 + (absolute(x) / 3) ** a) ** b": (1, 0),
    "1 / (1 + (absolute(x) * b) ** a)": (1, 0),
    "absolute(x) ** a / (b ** a + absolute(x) ** a)": (0, mp.nan),
    "exp(-((absolute(x) / b) ** a))": (1, 0),
    "b * (1 - exp(-((absolute(x) / 3) ** a)))": (0, "b"),
    "1 / (1 + exp(a * (log(absolute(x)) - log(b))))": (1, 0),
    "1 / (1 + exp(a * log(absolute(x) / b)))": (1, 0),
    "b / (1 + exp(a * log(absolute(x))))": ("b", 0),
    "1 / (1 + 10 ** ((b - absolute(x)) * a))": None,
}


ROUNDED = {  # formulas whose own text loses the digits of what is next to nothing beside 1
    "log(1 + exp(a * x + b))",
    "b * tanh(a * x)",
    "b * (1 - exp(-absolute(x) * a))",
    "1 / (1 + (absolute(x) / 3) ** a) ** b",
    "1 / (1 + b * exp(a * x)) ** 0.5",
    "b * (1 - exp(-((absolute(x) / 3) ** a)))",
}


def exponential(u):
    """Of huge numbers mpmath would work out every digit."""
    return mp.exp(u) if abs(u) < 1e5 else mp.inf if u > 0 else mp.mpf(0)


EXACT = FORMULA_EXACT | {"exp": exponential}


def exact(function, x, a, b):
    """f, (f_a, f_b), (f_aa, f_ab, f_bb) by differences in so many digits that parts of 1e-300 keep 30 of theirs."""
    with mp.workdps(420):
        step = mp.mpf(10) ** -50
        f = {(i, j): function(a + i * step, b + j * step, x) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        slopes = (f[1, 0] - f[-1, 0]) / (2 * step), (f[0, 1] - f[0, -1]) / (2 * step)
        bent = f[1, 0] - 2 * f[0, 0] + f[-1, 0], f[0, 1] - 2 * f[0, 0] + f[0, -1]
        mixed = (f[1, 1] - f[1, -1] - f[-1, 1] + f[-1, -1]) / 4
        return [f[0, 0], *slopes, bent[0] / step**2, mixed / step**2, bent[1] / step**2]


def limit(found, b):
    """Derivatives of a constant, or of b."""
    return [mp.mpf(b), 0, 1, 0, 0, 0] if found == "b" else [mp.mpf(found), 0, 0, 0, 0, 0]


@pytest.mark.parametrize("text", FORMULAS)
def test_derivatives_stay_finite_and_right_with_the_value(text):
    program = derive(
        formula_of(text, "abx", FORMULA_TRACED), [Input("a"), Input("b"), Input("x", (), "row")], "minimize"
    )
    function = formula_of(text, "abx", EXACT)
    for number, digits in ((np.float64, 1e-11), (np.float32, 1e-3)):
        least, most = float(np.finfo(number).tiny), float(np.finfo(number).max)
        for a, b in PARAMETERS:
            for x in POINTS:
                given = {"a": number(a), "b": number(b), "x": number(x)}
                a_, b_, x_ = (mp.mpf(float(one)) for one in given.values())
                at_zero = FORMULAS[text] if x == 0 else None
                if a < 0 and ("sqrt(absolute" in text or "cbrt" in text):
                    continue
                expected = limit(at_zero[a < 0], b_) if at_zero else exact(function, x_, a_, b_)
                if not abs(expected[0]) < most / 1e3 or max(map(abs, expected[1:])) > most / 1e3:
                    continue
                f, g, h = dense(run(program, given, FLOATS, number), 2)
                found = [[f], g, [h[0][0], h[1][0], h[1][1]]]
                groups = expected[:1], expected[1:3], expected[3:]
                lost = float(np.finfo(number).eps) * max(1, abs(expected[0])) * (text in ROUNDED)
                for mine, true, before in zip(found, groups, [[0], *groups[:2]], strict=True):
                    error = max(abs(mp.mpf(float(p)) - q) for p, q in zip(mine, true, strict=True))
                    allowed = (
                        digits * max(map(abs, true))
                        + 1e-3 * digits * max(map(abs, before))
                        + (least + 9 * lost) * max(1, x * x)
                    )
                    assert error <= allowed, f"{given}: {mine} is {true}\n{program.source()}"
