"""Several starts: the best certified minimum, and how many reached it."""

import numpy as np

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
