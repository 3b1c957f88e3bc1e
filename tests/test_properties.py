"""What must hold for any problem of a family, with random problems from hypothesis."""

import numpy as np
import reference
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import batchnewton as bn

N = 3
T = np.linspace(0, 5, 16)


def batch(*shape):
    """Seven arrays with entries -1.00, -0.99 ... 1.00."""
    return arrays(float, (7, *shape), elements=st.integers(-100, 100).map(lambda k: k / 100))


def quadratic(x, L, b):
    """½ |L x|² + b·x with L lower triangular, 3 unknowns."""
    rows = [sum(L[i][j] * x[j] for j in range(i + 1)) for i in range(N)]
    return 0.5 * sum(row * row for row in rows) + sum(b[i] * x[i] for i in range(N))


def decays(t, a, T, c):
    return a * np.exp(-t / T) + c


def coupled(x, a, b, c):
    return np.exp(a * x[0]) * np.sin(x[1]) + b * x[0] ** 2 * x[1] + np.log(1 + x[1] ** 2) / (2 + np.cos(c * x[0]))


def convex(L):
    """Lower triangular factors with a diagonal of at least 1: LᵀL is well conditioned."""
    return np.tril(L, -1) + np.eye(N) * (1 + np.abs(L))


@settings(max_examples=25)
@given(batch(N, N), batch(N), batch(N))
def test_convex_quadratics_take_one_step_from_anywhere(L, b, start):
    L = convex(L)
    exact = -np.linalg.solve(L.transpose(0, 2, 1) @ L, b[..., None])[..., 0]
    result = bn.minimize(quadratic, 100 * start, (L, b))
    assert result.success.all()
    assert (result.nit <= 1).all() and (result.nfev <= 2).all()
    np.testing.assert_allclose(result.x, exact, rtol=1e-9, atol=1e-9)


@settings(max_examples=15, phases=[Phase.generate])  # the reference is slow
@given(
    st.lists(st.tuples(st.floats(0.5, 2), st.floats(0.5, 2), st.floats(0, 0.5)), min_size=1, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_exponential_decays_agree_with_the_reference(truth, seed):
    truth = np.array(truth)
    noise = np.random.default_rng(seed).normal(0, 0.02, (len(truth), len(T)))
    y = decays(T, *truth.T[:, :, None]) + noise
    start = np.column_stack([y[:, 0] - y[:, -1], np.ones(len(y)), y[:, -1]])
    result = bn.curve_fit(decays, T, y, start)
    for i in range(len(y)):
        expected = reference.curve_fit(decays, T, y[i], start[i])
        assert result.success[i] and expected.converged
        np.testing.assert_allclose(result.x[i], expected.x, rtol=1e-7, atol=1e-7)
        np.testing.assert_allclose(result.fun[i], expected.fun, rtol=1e-10)


@settings(max_examples=25)
@given(arrays(float, (5, 2), elements=st.floats(-2, 2)), arrays(float, (5, 3), elements=st.floats(-1.5, 1.5)))
def test_derivatives_are_exact(x, abc):
    f, g, H = bn.value_grad_hess(coupled, x, tuple(abc.T))
    for i in range(len(x)):
        expected = reference.value_grad_hess(coupled, x[i], abc[i])
        scale = 1 + np.max(np.abs(expected[2]))
        for ours, theirs in zip((f[i], g[i], H[i]), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13 * scale)
