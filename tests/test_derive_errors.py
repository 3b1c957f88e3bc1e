"""A formula that cannot be derived says what it did, where, and what to write instead."""

import itertools
import math
import random

import numpy as np
import pytest
import scipy.special
import scipy.stats

from batchnewton.derive import Input, TraceError, derive

TABLE = np.zeros(3)
LEVELS = [Input("p", (3,)), Input("x", (), "row")]


def in_place_update(p, x):
    table = TABLE
    table += p
    return table.sum()


def in_place_write(p, x):
    TABLE[0] = p[0]
    return TABLE.sum()


def endless(p, x):
    while p[0] < x:
        x = x - 1
    return x


def many_paths(p, x):
    return sum(1.0 if p[0] > k else 0.0 for k in range(10)) + sum(1.0 if p[1] * k > x else 0.0 for k in range(10))


def to_list(p, x):
    return [p[0]][x]


def through_range(p, x):
    return sum(p[0] for _ in range(x))


def leaked(p, x):
    return KEPT[0] + p[0]


def summed_into(p, x):
    total = np.zeros(())
    np.sum(p, out=total)
    return total


COUNTER = itertools.count()
RNG = np.random.default_rng(0)
KEPT = []
derive(lambda p: KEPT.append(p) or p, [Input("p")], "value")

CASES = {  # formula: words of the message
    lambda p, x: float(p[0]): "float() of a traced value",
    lambda p, x: int(x) * p[0]: "int() of a traced value",
    lambda p, x: round(p[0]): "round() of a traced value",
    lambda p, x: complex(p[0]): "complex() of a traced value",
    lambda p, x: p[x]: "np.where",
    lambda p, x: p[p > 0].sum(): "np.where",
    lambda p, x: math.factorial(x) * p[0]: "an index",
    lambda p, x: np.sort(p)[0]: "np.sort of traced values",
    lambda p, x: np.linalg.inv(np.diag(p))[0, 0]: "np.inv of traced values",
    lambda p, x: np.fft.fft(p)[0]: "np.fft of traced values",
    lambda p, x: scipy.special.jv(1, p[0]): "the derivative of jv is not known",
    lambda p, x: np.where(p > 0)[0]: "give both arms",
    lambda p, x: np.exp(p, where=p > 0).sum(): "np.where",
    lambda p, x: np.sum(p, where=[True, False, True]): "np.sum(..., where=...)",
    lambda p, x: p.max(where=np.array([True, False, True]), initial=0.0): "np.max(..., where=...)",
    lambda p, x: p.mean(where=np.array([True, False, True])): "np.where",
    lambda p, x: np.sum(1.5 * p, dtype=int): "type int64",
    lambda p, x: np.interp(p[0], [0.0, 1.0], [0.0, 2.0], period=1.0): "np.interp of traced values",
    summed_into: "assign what it returns",
    lambda p, x: np.random.normal() * p[0]: "random numbers",  # noqa: NPY002
    lambda p, x: np.random.randint(2) * p[0]: "random numbers",  # noqa: NPY002
    lambda p, x: random.random() * p[0]: "random numbers",
    lambda p, x: RNG.normal() * p[0]: "random numbers",
    lambda p, x: np.random.default_rng().normal() * p[0]: "another formula each time",
    lambda p, x: next(COUNTER) * p[0]: "another formula each time",
    lambda p, x: p[0] if next(COUNTER) % 2 else p[1]: "another formula each time",
    lambda p, x: scipy.stats.norm.pdf(p[0]): "cannot be traced",
    lambda p, x: p[0] * 1j: "complex",
    lambda p, x: p[0] + "1": "str",
    lambda p, x: p[0] + None: "NoneType",
    lambda p, x: p[0] & 3: "comparisons",
    lambda p, x: np.array(p, dtype=int).sum(): "real numbers",
    lambda p, x: p.astype(int).sum(): "real numbers",
    lambda p, x: None: "return",
    lambda p, x: "answer": "a str",
    lambda p, x: {"value": p[0]}: "a dict",
    lambda p, x: p: "returns 3 values; expected one number",
    lambda p, x: []: "returns no values",
    lambda p, x: 1j: "a complex",
    lambda p: p[0]: "2 arguments (p, x)",
    lambda p, x, y, z: p[0]: "2 arguments (p, x)",
    lambda p, x: math.exp(p): "NumPy's function",
    lambda p, x: [p[0], 1.0] if p[0] > 0 else p[0]: "different numbers of values",
    in_place_update: "np.zeros",
    in_place_write: "np.zeros",
    endless: "np.where",
    many_paths: "np.where",
    to_list: "an index",
    through_range: "range()",
    leaked: "inside its formula",
}


@pytest.mark.parametrize("fun", CASES, ids=CASES.values())
def test_message(fun):
    with pytest.raises(TraceError) as error:
        derive(fun, LEVELS, "minimize")
    assert CASES[fun] in str(error.value)
    assert isinstance(error.value, TypeError)


def test_a_generator_that_is_not_used_does_not_matter():
    class Noisy:
        def __init__(self):
            self.generator, self.rate = np.random.default_rng(0), 2.0

        def __call__(self, p, x):
            return self.rate * p[0] + np.random.default_rng(3).normal()

    assert derive(Noisy(), LEVELS, "value").outputs


def test_place():
    """The line is that of the user's source, in a helper too."""

    def inner(value):
        return float(value)

    def fun(p, x):
        return inner(p[0])

    with pytest.raises(TraceError) as error:
        derive(fun, LEVELS, "minimize")
    line = inner.__code__.co_firstlineno + 1
    assert f"{__file__}, line {line}, in inner: return float(value)" in str(error.value)


def test_place_of_what_is_returned():
    def fun(p, x):
        p[0] + x

    with pytest.raises(TraceError, match=f"(?s)fun returns None.*line {fun.__code__.co_firstlineno}") as error:
        derive(fun, LEVELS, "minimize")
    assert __file__ in str(error.value)


def test_the_users_own_errors_are_theirs():
    def fun(p, x):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        derive(fun, LEVELS, "minimize")
    with pytest.raises(IndexError):
        derive(lambda p, x: p[7], LEVELS, "minimize")


def test_second_derivative_that_is_not_known():
    derive(lambda p, x: scipy.special.digamma(p[0]), LEVELS, "gauss-newton")
    with pytest.raises(TraceError, match="trigamma"):
        derive(lambda p, x: scipy.special.digamma(p[0]), LEVELS, "minimize")


def test_root_needs_as_many_equations_as_unknowns():
    with pytest.raises(TraceError, match="2 values; expected as many as unknowns, 3"):
        derive(lambda p, x: [p[0], p[1]], LEVELS, "root")


@pytest.mark.parametrize(
    ("inputs", "kind", "words"),
    [
        ([Input("p")], "maximize", "kind is 'maximize'"),
        ([Input("x", (), "row")], "minimize", "no input"),
        ([Input("p"), Input("p")], "minimize", "same name"),
        ([Input("c1")], "minimize", "named 'c1'"),
        ([Input("a b")], "minimize", "named 'a b'"),
    ],
)
def test_bad_calls(inputs, kind, words):
    with pytest.raises(ValueError, match=words):
        derive(lambda *p: p[0] * 2, inputs, kind)


def test_bad_level():
    with pytest.raises(ValueError, match="level of input 'p' is 'data'"):
        Input("p", (), "data")


def test_not_a_function():
    with pytest.raises(TraceError, match="a formula is a function"):
        derive(3, LEVELS, "minimize")


def test_a_long_expression_can_be_shown():
    shown = []

    def chain(p, x):
        value = p[0]
        for _ in range(3000):
            value = value * x + 1.0
        shown.append(str(value))
        return value

    derive(chain, LEVELS, "value")
    assert "..." in shown[0] and len(shown[0]) <= 200
