"""Memory of a large batch: inputs are not copied, and what is needed beside them and the answers is small."""

import tracemalloc

import numpy as np
import pytest

import batchnewton as bn
from batchnewton.chunk import chunk, shared_data
from batchnewton.curve import from_curve
from batchnewton.function import from_function

T = np.linspace(0, 5, 8)


def decay(t, a, tau):
    return a * np.exp(-t / tau)


def batch(B, dtype):
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.5, 2, (B, 2)).astype(np.float32)
    y = decay(T.astype(np.float32), *truth.T[:, :, None]) + rng.normal(0, 0.02, (B, 8)).astype(np.float32)
    return y.astype(dtype), np.ones((B, 2), dtype)


def peak_beside_answers(call):
    """The result, and the largest memory that was allocated at one time, its answers excepted."""
    tracemalloc.start()
    try:
        result = call()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    answers = sum(getattr(result, name).nbytes for name in ("x", "fun", "status", "nit", "nfev"))
    return result, answers, peak - answers


@pytest.mark.parametrize("dtype", ["float64", "float32", "mixed"])
@pytest.mark.parametrize("missing", ["nothing", "counts", "nan"])
def test_a_million_curves_need_little_beside_themselves(dtype, missing):
    B = 1_000_000 if missing == "nothing" else 200_000
    y, p0 = batch(B, np.float32 if dtype == "float32" else float)
    options = dict(counts=np.full(B, 7)) if missing == "counts" else {}
    if missing == "nan":
        y[::2, 3] = np.nan
    bn.curve_fit(decay, T, y[:2000], p0[:2000], dtype=dtype, threads=2, **{k: v[:2000] for k, v in options.items()})
    kept = y[::1001].copy()
    result, answers, beside = peak_beside_answers(
        lambda: bn.curve_fit(decay, T, y, p0, dtype=dtype, threads=2, **options)
    )
    np.testing.assert_array_equal(y[::1001], kept)
    assert result.success.mean() > 0.99
    # 1.3 times inputs and answers; a smaller batch has as large chunks, two of which are at work
    chunks = 2 * 16_384 * 40 * 8 if missing != "nothing" else 0
    assert beside <= 0.3 * (y.nbytes + p0.nbytes + answers) + chunks


def test_arrays_that_fit_are_handed_over_as_they_are():
    y, p0 = batch(50, float)
    problem = from_curve(decay, T, y, p0, np.full((50, 8), 0.5))
    part = chunk(problem, slice(10, 30), *shared_data(problem, y.dtype), y.dtype)
    assert np.shares_memory(part.x0, p0) and np.shares_memory(part.data[0], y)
    a, t = np.ones((50, 3)), np.ones((50, 8, 2))
    problem = from_function("minimize", lambda x, a, t: x[0] * a[0] * t[0], p0, (a,), (t,))
    part = chunk(problem, slice(0, 50), *shared_data(problem, y.dtype), y.dtype)
    assert np.shares_memory(part.args[0], a) and np.shares_memory(part.data[0], t)
    assert np.shares_memory(part.x0, p0)
    single = chunk(problem, slice(0, 50), *shared_data(problem, np.dtype(np.float32)), np.dtype(np.float32))
    assert not np.shares_memory(single.args[0], a) and single.args[0].dtype == np.float32


@pytest.mark.parametrize("dtype", ["float64", "float32", "mixed"])
def test_inputs_are_left_as_they_were(dtype):
    """Starts of the right precision are not the arrays that the loops write to."""
    y, p0 = batch(300, np.float32 if dtype == "float32" else float)
    y[::9] *= -50  # the patient path too
    y[5, 2] = np.nan
    kept = y.copy(), p0.copy()
    result = bn.curve_fit(decay, T, y, p0, dtype=dtype)
    assert (result.nfev > 0).all() and not np.shares_memory(result.x, p0)
    np.testing.assert_array_equal(y, kept[0])
    np.testing.assert_array_equal(p0, kept[1])
