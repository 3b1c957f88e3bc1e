"""What Gpufit fits, fitted: its models, both estimators, constraints and fixed parameters, in both precisions."""

import numpy as np
import pytest
from sets.gpufit import CASES, Case

import batchnewton as bn

DTYPES = {"float64": 1e-6, "float32": 2e-3}  # the largest error of a parameter, relative to the largest of them
COUNTS = [case for case in CASES if case.counts]


def fitted(case: Case, dtype: str, **options) -> bn.Result:
    """Three times the same data, from the start, two thirds on the way to the truth, and near it."""
    start, truth = np.array(case.start), np.array(case.truth)
    starts = np.array([start, start / 3 + truth * 2 / 3, 0.05 * start + 0.95 * truth])
    return bn.curve_fit(case.formula, case.x, np.tile(case.y, (3, 1)), starts, dtype=dtype, **options)


def check(case: Case, result: bn.Result, dtype: str) -> None:
    assert result.success.all(), result.summary()
    error = np.abs(result.x - case.truth).max() / np.abs(case.truth).max()
    assert error < DTYPES[dtype], result.x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_least_squares(case, dtype):
    result = fitted(case, dtype)
    check(case, result, dtype)
    rounding = 1e-3 if case.least == 0.0 else 1e-5 * case.least
    np.testing.assert_allclose(2 * result.fun, case.least, atol=rounding)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", COUNTS, ids=lambda case: case.name)
def test_poisson_likelihood(case, dtype):
    """Data that are exactly their expectation: the deviance vanishes at the truth."""
    result = fitted(case, dtype, loss="poisson")
    check(case, result, dtype)
    assert np.abs(result.fun).max() < 1e-2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", [CASES[0], CASES[1], CASES[7]], ids=lambda case: case.name)
def test_constraints(case, dtype):
    """Bounds around the truth change nothing; one that cuts it off is met: a Karush-Kuhn-Tucker point."""
    truth = np.array(case.truth)
    reach = 0.9 * np.abs(truth) + np.abs(truth - case.start) + 1.0
    check(case, fitted(case, dtype, bounds=(truth - reach, truth + reach)), dtype)
    lower, upper = truth - reach, truth + reach
    upper[0] = truth[0] - 0.05 * abs(truth[0])
    result = fitted(case, dtype, bounds=(lower, upper))
    assert (result.status == bn.Status.CONVERGED_AT_BOUND).all(), result.summary()
    assert (result.at_bound == (np.arange(len(truth)) == 0)).all()
    np.testing.assert_allclose(result.x[:, 0], upper[0], rtol=1e-6)
    scaled = np.abs(result.grad * truth) / (1.0 + 2 * result.fun[:, None])
    assert (result.grad[:, 0] < 0).all() and scaled[:, 1:].max() < {"float64": 1e-5, "float32": 5e-2}[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", [CASES[0], CASES[1]], ids=lambda case: case.name)
@pytest.mark.parametrize("loss", ["linear", "poisson"])
def test_fixed_parameters(case, dtype, loss):
    """Held at the truth they leave the others there."""
    fixed = np.arange(len(case.truth)) % 2 == 0
    start = np.where(fixed, case.truth, case.start)
    result = bn.curve_fit(
        case.formula, case.x, np.tile(case.y, (3, 1)), np.tile(start, (3, 1)), dtype=dtype, loss=loss, fixed=fixed
    )
    check(case, result, dtype)
    np.testing.assert_array_equal(result.x[:, fixed], np.tile(start[fixed], (3, 1)).astype(dtype))
    assert (result.cov[:, fixed] == 0.0).all()
