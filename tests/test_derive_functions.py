"""Formulas of every sort of function, object and library: the derived code gives what they themselves give."""

import functools
import math
from dataclasses import dataclass
from math import exp, sqrt
from typing import NamedTuple

import numba
import numpy as np
import pytest
import scipy.special
from derive_users import LEVELS, POINTS, X, check

from batchnewton import special
from batchnewton.derive import derive


def builtin_functions(p, x):
    return min(p) + max(p[0], 2 * p[1], x) + abs(p[2]) + sum(p) + pow(p[1], 2) + max(0, 1)


def math_functions(p, x):
    return (
        math.exp(p[0]) * math.sin(p[1])
        + math.hypot(*p)
        + math.log(2 + p[0] ** 2, x)
        + math.fsum(p)
        + math.pow(2 + p[2], x)
        + math.atan2(p[0], p[1])
        + math.copysign(p[0], -1)
        + math.erf(p[0])
        + math.degrees(p[1])
        + math.prod(p)
    )


def rounded(p, x):
    return (
        p[0] // 0.31 + p[1] % 0.7 + math.floor(p[2]) * p[0] + math.ceil(p[1]) + math.trunc(p[2]) + divmod(p[0], 0.45)[1]
    )


def to_nearest(p, x):
    """A phase within half a turn: math.remainder rounds to the nearest, the even one of two, where % rounds down."""
    ties = math.remainder(0.0 * x + 3.0, 2.0) + math.remainder(5.0 + 0.0 * x, 2.0) + np.rint(0.0 * x - 0.5)
    return math.remainder(3 * p[0], 2.0) + p[1] * math.remainder(p[2], 1.1) + np.rint(2.2 * p[1]) * p[0] + ties


def imported_inside(p, x):
    import math as m
    from math import cos

    return m.tanh(p[0]) + cos(p[1]) + exp(p[2]) + sqrt(x)


def of_special(p, x):
    return (
        special.normal_cdf(p[0])
        + special.log_sigmoid(p[1] * x)
        + special.softplus(p).sum()
        + special.xlogy(x, 2 + p[2])
    )


def of_scipy(p, x):
    from scipy.special import expit

    return (
        scipy.special.erf(p[0])
        + expit(p).sum()
        + scipy.special.gammaln(2 + p[1])
        + scipy.special.logsumexp(p) * x
        + scipy.special.softmax(p)[0]
        + scipy.special.ndtr(p[2])
        + scipy.special.i0e(p[0])
        + scipy.special.xlogy(x, 2 + p[1])
    )


def helper(value, rate=2.0, *, shift=0.5):
    return math.exp(-rate * value) + shift


def with_helper(p, x, scale=3.0):
    return scale * helper(p[0], shift=p[1]) + helper(x)


def recursive(p, x, depth=3):
    return p[0] if depth == 0 else math.sin(recursive(p, x, depth - 1)) + p[depth - 1]


@numba.njit
def compiled_helper(value):
    return math.exp(value)


@numba.njit
def compiled(p, x):
    return compiled_helper(p[0]) * x + np.sum(p)


@np.vectorize
def elementwise(value):
    return math.tanh(value) if value < 1 else 1.0 * value


def of_vectorized(p, x):
    return np.sum(elementwise(p))


def closure(rate):
    offset = math.log(2)

    def fun(p, x):
        def inner(value):
            return math.exp(rate * value) + offset

        return inner(p[0]) + inner(p[1] * x) + p[2] ** 2

    return fun


@dataclass(frozen=True)
class Model:
    rate: float

    def shape(self, value):
        return math.exp(-self.rate * value)

    def fun(self, p, x):
        return p[0] * self.shape(p[1] * x) + self.limit(p[2])

    @staticmethod
    def limit(value):
        return math.tanh(value)

    @property
    def rates(self):
        return [self.rate, math.exp]

    def __call__(self, p, x):
        return self.fun(p, x) + math.sqrt(x)


MODEL = Model(1.1)
ACTIVATIONS = {"tanh": math.tanh, "other": [math.atan]}


class Pair(NamedTuple):
    first: float
    second: float

    def total(self):
        return math.exp(self.first) + self.second


class Slotted:
    __slots__ = ("rate",)

    def __init__(self, rate):
        self.rate = rate

    def of(self, value):
        return np.exp(self.rate * value)


class Offset(Model):
    def __init__(self, rate, inner):
        super().__init__(rate)
        object.__setattr__(self, "inner", inner)

    def shape(self, value):
        return super().shape(value) + self.inner.shape(value)


OFFSET, SLOTTED = Offset(0.4, MODEL), Slotted(0.3)


@functools.lru_cache
def cached(value):
    return math.exp(value)


class Obliging:
    """Has every attribute that it is asked for."""

    def __getattr__(self, name):
        return 0.3


OBLIGING = Obliging()


def with_attribute(value):
    return with_attribute.scale * value


with_attribute.scale = 0.7


def for_numbers_or_arrays(p, x):
    if np.isscalar(x):
        return p[0] * x
    return np.array([p[0] * value for value in x])


def of_attributes(p, x):
    return with_attribute(math.exp(p[0])) * OBLIGING.rate * x


def of_objects(p, x, activation=math.tanh):
    pair = Pair(*p[:2])
    total = MODEL.shape(p[0]) + activation(p[1]) + ACTIVATIONS["tanh"](p[2]) + ACTIVATIONS["other"][0](x)
    return total + pair.total() + Model.limit(p[0]) + MODEL.rates[1](p[1]) + cached(p[2]) + SLOTTED.of(p[0])


FUNCTIONS = [
    of_objects,
    of_attributes,
    for_numbers_or_arrays,
    OFFSET,
    functools.partial(of_objects, activation=math.sin),
]
FUNCTIONS += [
    builtin_functions,
    math_functions,
    rounded,
    to_nearest,
    imported_inside,
    of_special,
    of_scipy,
    with_helper,
    recursive,
    compiled,
]
FUNCTIONS += [of_vectorized, closure(0.3), Model(0.7).fun, Model(0.7), functools.partial(with_helper, scale=0.5)]
FUNCTIONS += [
    functools.partial(lambda scale, p, x: scale * math.exp(p[0]) * x, 0.5),
    lambda p, x: sqrt(1 + p[0] ** 2) * x,
]


@pytest.mark.parametrize("fun", FUNCTIONS)
def test_functions(fun):
    check(fun)


def test_the_users_function_stays_as_it_is():
    before = with_helper.__globals__["math"], helper.__code__
    derive(with_helper, LEVELS, "model")
    assert (with_helper.__globals__["math"], helper.__code__) == before
    assert with_helper(POINTS[0], X) > 0


def test_name():
    assert derive(functools.partial(with_helper, scale=2.0), LEVELS, "model").name == "with_helper"
    assert derive(Model(0.7), LEVELS, "model").name == "Model"
    assert derive(compiled, LEVELS, "model").name == "compiled"
    assert derive(compiled, LEVELS, "model", name="mine").name == "mine"
