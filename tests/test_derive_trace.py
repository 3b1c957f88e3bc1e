"""What a trace follows: control flow, the arguments' shapes, the order of residuals."""

import math

import numpy as np
import pytest
from derive_oracle import run
from derive_users import LEVELS, POINTS, check

from batchnewton.derive import Input, derive


def branches(p, x):
    if p[0] > 1:
        return p[0] * p[1]
    elif p[0] + p[1] > x and not p[2] < 0:
        return math.log(1 + p[2]) * p[0]
    return p[2] if p[1] < 0 else p[1] ** 2


def huber(p, x):
    total = 0.0
    for value in p:
        total += 0.5 * value**2 if abs(value) < 1 else abs(value) - 0.5
    return total


def bounded_while(p, x):
    value, count = p[0] + 2.0, 0
    while value > 1 and count < 4:
        value, count = value / 2 + 0.01 * p[1], count + 1
    return value * count


def counted(p, x):
    return sum(1 for value in p if value > 0) * p[0] + (p > 0).sum() * x + (p[0] > 0) * p[1]


def any_and_all(p, x):
    if np.all(p > 0) or np.any(p < -0.6):
        return p[0] * 2
    return x if (p[1] > 0) & (p[2] > 0) | ~(p[0] < 0) else p[2] * p[1]


def chained_comparison(p, x):
    return p[0] if 0 < p[1] < 1 else -(p[2] ** 2)


def sorted_values(p, x):
    low, middle, high = sorted(p)
    return low + 2 * middle + 3 * high**2


def early_exit(p, x):
    total = 0.0
    for k, value in enumerate(p):
        if value < 0:
            break
        total = total + (k + 1) * value
    return total


CONTROL = [branches, huber, bounded_while, counted, any_and_all, chained_comparison, sorted_values, early_exit]


@pytest.mark.parametrize("fun", CONTROL)
def test_control_flow(fun):
    check(fun)


OF_NAN = [
    lambda p, x: np.where(~np.isfinite(x) | (p[0] > 9), p[1], p[0]),
    lambda p, x: np.where((x < 1) ^ (p[0] > -9), p[1], p[0]),
    lambda p, x: np.where(np.logical_not((x < 1) & (x > p[0])) | (p[0] > 9), p[1], p[0]),
    lambda p, x: np.sign(x - 2) * p[0] + np.heaviside(x, 0.5) * p[1],
    lambda p, x: np.interp(x, [0.0, 1.0], [3.0, 4.0]) * p[0],
    lambda p, x: np.interp(x, [0.0, 1.0], [3.0, 4.0], left=7.0, right=9.0) * p[0],
    lambda p, x: np.maximum(x, p[0]) + np.clip(x, 0.0, 1.0),
    lambda p, x: np.where(~(0.0 * p[0] < 1.0), p[1], p[0]),
]


@pytest.mark.parametrize("fun", OF_NAN)
def test_nan_is_what_it_is_to_numpy(fun):
    """A comparison with NaN is false, so its opposite is true; what is worked out from NaN is NaN."""
    program = derive(fun, LEVELS, "value")
    for x in (np.nan, 0.0, 0.5, 2.0, np.inf, -np.inf):
        values = {f"p_{k}": value for k, value in enumerate(POINTS[0])} | {"x": np.float64(x)}
        np.testing.assert_array_equal(run(program, values)["f"], fun(POINTS[0], np.float64(x)))


def test_arguments():
    """Tuples are tuples, arrays keep their shape, and a formula may change its own arguments."""

    def fun(parameters, matrix, rate):
        a, b = parameters
        matrix[0, 1] += a
        if b > 0:
            matrix *= 2
        return matrix.sum() * rate + b

    inputs = [(Input("a"), Input("b")), Input("m", (2, 2), "row"), Input("k", (), "call")]
    program = derive(fun, inputs, "model")
    assert [part.name for part in program.inputs] == ["a", "b", "m", "k"]
    values = dict(a=1.0, b=2.0, m_0=1.0, m_1=2.0, m_2=3.0, m_3=4.0, k=0.5)
    assert run(program, values)["f"] == 13.0
    assert run(program, values | {"b": -1.0})["f"] == 4.5


def test_residuals_are_flattened_in_order():
    def fun(p, x):
        return [p[0], (p[1] * x, np.array([[p[2], 2.0], [x, p[0]]]))]

    program = derive(fun, LEVELS, "gauss-newton")
    assert program.residuals == 6
    assert run(program, dict(p_0=3.0, p_1=1.0, p_2=1.0, x=2.0))["f"] == 9 + 4 + 1 + 4 + 4 + 9
    three = derive(lambda p, x: [p[2], [x * p[0], np.array([p[1]])]], LEVELS, "root")
    assert [three.outputs[f"r_{q}"][1] for q in (0, 2)] == ["p_2", "p_1"]
