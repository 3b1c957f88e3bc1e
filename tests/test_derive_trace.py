"""Formulas as users write them: the derived code gives what the Python function itself gives."""

import functools
import math
from dataclasses import dataclass
from math import exp, sqrt
from typing import NamedTuple

import numba
import numpy as np
import pytest
import scipy.special
from derive_oracle import run

from batchnewton import special
from batchnewton.derive import Input, derive

X = 0.6
POINTS = [np.array(point) for point in ([0.7, 1.3, 0.4], [-0.5, 0.2, 1.7], [1.2, -0.8, -0.3])]
WEIGHTS = np.array([0.5, 2.0, -1.0])
LEVELS = [Input("p", (3,)), Input("x", (), "row")]


def check(fun, points=POINTS, x=X):
    """Value and gradient against the function itself and its central differences."""
    program = derive(fun, LEVELS, "model")
    for point in points:
        outputs = run(program, {f"p_{k}": value for k, value in enumerate(point)} | {"x": x})
        assert outputs["f"] == pytest.approx(float(fun(point, x)), rel=1e-13, abs=1e-15)
        for k in range(3):
            step = 1e-6 * np.eye(3)[k]
            slope = (float(fun(point + step, x)) - float(fun(point - step, x))) / 2e-6
            assert outputs.get(f"g_{k}", 0.0) == pytest.approx(slope, rel=2e-6, abs=2e-8)
    return program


# NumPy on small arrays


def filled(p, x):
    a = np.zeros(4)
    a[0] = p[0]
    a[1:] = p * x
    a += 1
    a[-1] *= 2.0
    return a @ np.arange(4.0)


def matrices(p, x):
    a = np.array([[p[0], x], [1.0, p[1]]])
    b = np.eye(2)
    b[0, 1] = p[2]
    return (a @ b @ a.T).sum() + np.trace(a) + (a * b)[0, 1] + np.outer(p, p)[0, 2]


def triangle(p, x):
    low = np.zeros((2, 2))
    low[np.tril_indices(2)] = p
    return np.sum(np.dot(low, low.T) * x)


def in_place(p, x):
    a = p.copy()
    a[a < 0] = 0.1
    a[1] = a[0] * x
    return np.prod(a + 1)


def chained(p, x):
    stacked = np.concatenate([np.stack([p[0], p[1]]), [x], np.hstack([p, x])])
    return np.sum(stacked[::-1][:4] ** 2) + np.cumsum(stacked)[-2] + np.diff(stacked)[1]


def shapes(p, x):
    a = np.reshape(p[:2], (2, 1)) * p[None, :]
    return a.sum(axis=0)[1] + np.mean(a, axis=1)[0] + a.max() + np.min(a) + a.T.ravel()[3] + len(a) + a.shape[1] * p[2]


def statistics(p, x):
    return np.std(p) + np.var(p, ddof=1) + np.average(p, weights=WEIGHTS) + p.mean() + np.linalg.norm(p - x)


def norms(p, x):
    return np.linalg.norm(p, 1) + np.linalg.norm(p, np.inf) + np.linalg.norm(np.outer(p, p)) + math.dist(p, WEIGHTS)


def selects(p, x):
    a = np.where(p > 0, p, x * p**2)
    b = np.select([p < 0, p > 1], [p * x, p**2], 0.5)
    return (
        np.sum(a * b)
        + np.clip(p, 0, 1) @ WEIGHTS
        + np.maximum(p, x).sum()
        + np.interp(p[0], [0.0, 0.5, 1.0], [1.0, 3.0, 0.0])
    )


def polynomials(p, x):
    return np.polyval(p, x) + sum(c * x**k for k, c in enumerate(p)) + np.einsum("i,i->", p, WEIGHTS) + WEIGHTS @ p


def scalars_of_numpy(p, x):
    return (
        np.float64(2) * p[0]
        + np.sum([p[1], x])
        + np.mean([p[0], p[2]])
        + np.add.reduce(p)
        + np.multiply.outer(p, p)[1, 2]
    )


def arrays_of_functions(p, x):
    return np.sum(
        np.exp(p) * np.sin(p) + np.square(p) + np.hypot(p, x) + np.arctan2(p, x) + np.logaddexp(p, x) + abs(p)
    )


def of_lists(p, x):
    a, b, c = p
    return (
        np.asarray([a * b, c], dtype=float) @ [x, 1]
        + np.full(2, a).sum()
        + np.ones_like(p) @ p
        + np.linspace(0, 1, 3) @ p
    )


def vectorized(p, x):
    return np.vectorize(lambda value: math.exp(value) if value > 0 else 0.0)(p).sum()


NUMPY = [filled, matrices, triangle, in_place, chained, shapes, statistics, norms, selects, polynomials]
NUMPY += [scalars_of_numpy, arrays_of_functions, of_lists, vectorized]


@pytest.mark.parametrize("fun", NUMPY)
def test_numpy(fun):
    check(fun)


# functions of every sort


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


def test_the_users_function_stays_as_it_is():
    before = with_helper.__globals__["math"], helper.__code__
    derive(with_helper, LEVELS, "model")
    assert (with_helper.__globals__["math"], helper.__code__) == before
    assert with_helper(POINTS[0], X) > 0


# control flow


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


def test_name():
    assert derive(functools.partial(with_helper, scale=2.0), LEVELS, "model").name == "with_helper"
    assert derive(Model(0.7), LEVELS, "model").name == "Model"
    assert derive(compiled, LEVELS, "model").name == "compiled"
    assert derive(compiled, LEVELS, "model", name="mine").name == "mine"


def test_special_on_numbers():
    x = np.linspace(-30, 30, 121)
    for ours, theirs in [
        ("normal_cdf", "ndtr"),
        ("log_normal_cdf", "log_ndtr"),
        ("sigmoid", "expit"),
        ("i0e", "i0e"),
        ("log_sigmoid", "log_expit"),
        ("erfcx", "erfcx"),
        ("i1", "i1"),
    ]:
        np.testing.assert_allclose(getattr(special, ours)(x), getattr(scipy.special, theirs)(x), rtol=1e-13)
    positive = x[x > 0]
    for name in ("gamma", "gammaln", "digamma"):
        np.testing.assert_allclose(getattr(special, name)(positive), getattr(scipy.special, name)(positive), rtol=1e-13)
    sigma, gamma = np.geomspace(1e-2, 1e2, 9)[:, None, None], np.geomspace(1e-4, 1e2, 7)[:, None]
    ours, theirs = (module.voigt_profile(x, sigma, gamma) for module in (special, scipy.special))
    np.testing.assert_array_less(np.abs(ours - theirs) * sigma, 3e-15)
    assert special.xlogy(0.0, 0.0) == 0.0
    assert special.softplus(-1000.0) == 0.0 and special.softplus(1000.0) == 1000.0
