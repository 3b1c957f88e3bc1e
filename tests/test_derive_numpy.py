"""Formulas that use NumPy's arrays: the derived code gives what the Python function itself gives."""

import math

import numpy as np
import pytest
from derive_users import WEIGHTS, check


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
