"""The shipped NIST file and our formulas against what NIST certifies."""

import numpy as np
import pytest

from batchnewton import nist

SIZES = {  # observations, from NIST's pages
    "Misra1a": 14, "Chwirut2": 54, "Chwirut1": 214, "Lanczos3": 24, "Gauss1": 250, "Gauss2": 250, "DanWood": 6,
    "Misra1b": 14, "Kirby2": 151, "Hahn1": 236, "Nelson": 128, "MGH17": 33, "Lanczos1": 24, "Lanczos2": 24,
    "Gauss3": 250, "Misra1c": 14, "Misra1d": 14, "Roszman1": 25, "ENSO": 168, "MGH09": 11, "Thurber": 37,
    "BoxBOD": 6, "Rat42": 9, "MGH10": 16, "Eckerle4": 35, "Rat43": 15, "Bennett5": 154,
}  # fmt: skip


def test_all_problems_are_there():
    assert {p.name: len(p.y) for p in nist.problems()} == SIZES
    assert [[p.level for p in nist.problems()].count(level) for level in ("lower", "average", "higher")] == [8, 11, 8]


@pytest.mark.parametrize("problem", nist.problems(), ids=lambda p: p.name)
def test_formula_gives_the_certified_sum_of_squares(problem):
    residuals = problem.formula(problem.x, *problem.certified) - problem.y
    rss = float(residuals @ residuals)
    if problem.name == "Lanczos1":
        # Exact sums of exponentials to 13 digits: the certified 1.4e-25 is their rounding. Parameters of 11 digits
        # cannot reach it; they leave residuals of the size of their own rounding.
        assert np.max(np.abs(residuals)) < 6 * 0.5e-10
        assert problem.rss < 1e-24
    else:
        assert rss == pytest.approx(problem.rss, rel=1e-9)


@pytest.mark.parametrize("problem", nist.problems(), ids=lambda p: p.name)
def test_shapes_agree(problem):
    n = len(problem.certified)
    assert problem.starts.shape == (2, n)
    assert problem.deviations.shape == (n,)
    assert problem.x.shape[-1] == len(problem.y)
    assert problem.formula.__code__.co_argcount == n + 1


def test_digits():
    problem = nist.problem("Misra1a")
    right, poor = problem.certified, problem.certified * [1.0, 1.001]
    np.testing.assert_allclose(problem.digits([right, poor, [np.nan, 1.0]]), [11.0, 3.0, 0.0], atol=1e-6)
