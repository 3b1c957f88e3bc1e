"""Several starts: the best certified minimum, and how many reached it."""

import numpy as np
import pytest

import batchnewton as bn


def two_wells(x, a):
    return (x[0] ** 2 - 1.0) ** 2 + a * x[0]


def test_the_best_minimum_is_kept():
    tilt, at = np.array([0.3, -0.3, 0.1]), np.array([[1.0], [1.0], [-1.0]])
    one = bn.minimize(two_wells, at, (tilt,))
    more = bn.minimize(two_wells, at, (tilt,), starts=[[-1.0], [1.2]])
    np.testing.assert_array_equal(np.sign(one.x[:, 0]), [1, 1, -1])
    np.testing.assert_array_equal(np.sign(more.x[:, 0]), [-1, 1, -1])
    np.testing.assert_array_equal(more.starts_reached, [1, 2, 2])
    assert more.success.all() and np.all(more.fun <= one.fun) and one.starts_reached is None


def test_sobol_points_lie_between_the_bounds_and_fixed_ones_stay():
    found = bn.minimize(lambda x: two_wells(x, 0.2) + (x[1] - 3.0) ** 2, [[1.0, 0.5]], starts=8,
                        bounds=(-2.0, 2.0), fixed=[False, True])  # fmt: skip
    assert found.x[0, 0] < 0 and found.x[0, 1] == 0.5
    assert found.success[0] and 1 <= found.starts_reached[0] <= 9


def kinked(x, a):
    """A smooth minimum at 2, F = a; at -1 a kink, where F = 1."""
    return np.where(x[0] < 0, 1 + abs(x[0] + 1) + 0.1 * (x[0] + 1) ** 2, a + (x[0] - 2) ** 2)


def test_the_lower_end_wins_though_it_is_no_certified_minimum():
    height, start = np.array([1.11, 0.9]), [[2.5], [2.5]]
    lowest = bn.minimize(kinked, start, (height,), starts=[[-2.0]])
    np.testing.assert_allclose(lowest.x[:, 0], [-1.0, 2.0], atol=1e-9)
    assert lowest.success.tolist() == [False, True] and lowest.starts_reached.tolist() == [0, 1]
    assert np.isnan(lowest.passed_over).all() and "passed_over" not in lowest.summary()
    certified = bn.minimize(kinked, start, (height,), starts=[[-2.0]], keep="certified")
    np.testing.assert_allclose(certified.x[:, 0], 2.0, atol=1e-9)
    np.testing.assert_allclose(certified.passed_over, [1.0, np.nan])
    assert certified.success.all() and "of 1 another start ended lower" in certified.summary()


def test_what_runs_off_or_is_singular_does_not_win():
    """A well beside a slope without end; and beside a trough whose floor is flat."""

    def slope(x):
        return np.where(x[0] > 0, (x[0] - 2) ** 2, x[0] + 4)

    def trough(x):
        return np.where(x[0] > 0, (x[0] - 2) ** 2 + 1 + x[1] ** 2, x[1] ** 4)

    for fun, start, other in ((slope, [[1.5]], [[-1.0]]), (trough, [[1.5, 1.0]], [[-1.0, 1.0]])):
        found = bn.minimize(fun, start, starts=other)
        assert found.success.all() and found.x[0, 0] > 1.9 and found.passed_over[0] < found.fun[0]
    with pytest.raises(ValueError, match="keep='best'"):
        bn.minimize(slope, [[1.5]], starts=[[1.0]], keep="best")
