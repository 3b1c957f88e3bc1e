"""Bounds and fixed unknowns: against SciPy, and against the conditions of a minimum (Karush, Kuhn, Tucker)."""

import numpy as np
import pytest
from decays import decay
from scipy import optimize

import batchnewton as bn

T = np.linspace(0, 5, 20)
RNG = np.random.default_rng(5)
B = 60

TRUTH = np.stack([RNG.uniform(1, 3, B), RNG.uniform(0.5, 2, B), RNG.uniform(0, 0.5, B)], 1)
Y = decay(T, *TRUTH.T[:, :, None]) + RNG.normal(0, 0.1, (B, T.size))
LOWER = TRUTH - RNG.uniform(-0.15, 1.0, TRUTH.shape)
LOWER[:, 1] = np.maximum(LOWER[:, 1], 0.05)
UPPER = LOWER + RNG.uniform(0.1, 2.0, TRUTH.shape)
LOWER[:, 0][RNG.random(B) < 0.3] = -np.inf
UPPER[RNG.random(UPPER.shape) < 0.3] = np.inf
P0 = np.clip(np.ones(3), LOWER, UPPER)


def half_square(p, t, y):
    return 0.5 * (decay(t, p[0], p[1], p[2]) - y) ** 2


def check_minimum(x, lower, upper, success, fun=half_square):
    """What every success must satisfy: inside, projected gradient zero, H definite on the free subspace."""
    F, gradient, hessian = bn.value_grad_hess(fun, x, data=(bn.shared(T), Y))
    assert np.all((x >= lower) & (x <= upper))
    for b in np.flatnonzero(success):
        g, H = gradient[b], hessian[b]
        free = ~(((x[b] <= lower[b]) & (g > 0)) | ((x[b] >= upper[b]) & (g < 0)) | (lower[b] == upper[b]))
        part = H[np.ix_(free, free)]
        assert np.all(np.linalg.eigvalsh(part) > 0)
        assert g[free] @ np.linalg.solve(part, g[free]) <= 1e-12 * F[b]


@pytest.mark.parametrize("door", ["curve_fit", "least_squares", "minimize"])
def test_every_success_is_a_minimum_within_the_bounds(door):
    if door == "curve_fit":
        found = bn.curve_fit(decay, T, Y, P0, bounds=(LOWER, UPPER))
    elif door == "least_squares":
        data, residual = (bn.shared(T), Y), lambda p, t, y: decay(t, p[0], p[1], p[2]) - y
        found = bn.least_squares(residual, P0, data=data, bounds=(LOWER, UPPER))
    else:
        found = bn.minimize(half_square, P0, data=(bn.shared(T), Y), bounds=(LOWER, UPPER))
    assert found.success.mean() > 0.95
    check_minimum(found.x, LOWER, UPPER, found.success)
    np.testing.assert_array_equal(found.at_bound, (found.x == LOWER) | (found.x == UPPER))
    certain = found.status[found.success]
    expected = np.where(found.at_bound.any(1), bn.Status.CONVERGED_AT_BOUND, bn.Status.CONVERGED)[found.success]
    np.testing.assert_array_equal(certain, expected)
    assert 0.2 < found.at_bound.any(1).mean() < 0.95


def test_as_scipy():
    found = bn.curve_fit(decay, T, Y, P0, bounds=(LOWER, UPPER))
    for b in np.flatnonzero(found.success)[::3]:
        sure = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 2000}
        theirs, cov = optimize.curve_fit(decay, T, Y[b], P0[b], bounds=(LOWER[b], UPPER[b]), **sure)
        np.testing.assert_allclose(found.x[b], theirs, rtol=1e-6, atol=1e-9)
        if not found.at_bound[b].any():
            np.testing.assert_allclose(found.cov[b], cov, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed"])
def test_other_precisions_stay_inside(dtype):
    found = bn.curve_fit(decay, T, Y, P0, bounds=(LOWER, UPPER), dtype=dtype)
    assert found.success.mean() > 0.9
    kind = found.x.dtype
    assert np.all((found.x >= LOWER.astype(kind)) & (found.x <= UPPER.astype(kind)))
    exact = bn.curve_fit(decay, T, Y, P0, bounds=(LOWER, UPPER))
    both = found.success & exact.success
    assert np.mean(np.abs(found.x - exact.x)[both] <= 1e-3 * np.abs(exact.x[both]) + 1e-4) > 0.95


def test_wide_bounds_change_nothing():
    free = bn.curve_fit(decay, T, Y, [1.0, 1.0, 0.1])
    wide = bn.curve_fit(decay, T, Y, [1.0, 1.0, 0.1], bounds=(-1e9, [1e9, np.inf, 1e9]))
    np.testing.assert_array_equal(wide.status, free.status)
    np.testing.assert_allclose(wide.x, free.x, rtol=1e-9)
    np.testing.assert_allclose(wide.cov, free.cov, rtol=1e-7)


def test_a_start_outside_is_moved_in_and_none_is_chosen():
    for start in ([-5.0, 90.0, 3.0], None):
        found = bn.curve_fit(decay, T, Y, start, bounds=([0.0, 0.1, 0.0], [10.0, 10.0, 1.0]))
        assert found.success.mean() > 0.95
        check_minimum(found.x, np.tile([0.0, 0.1, 0.0], (B, 1)), np.tile([10.0, 10.0, 1.0], (B, 1)), found.success)


def test_by_name():
    pair = ([0.0, 0.1, -np.inf], [3.0, np.inf, np.inf])
    named = bn.curve_fit(decay, T, Y, P0, bounds={"tau": (np.full(B, 0.1), None), "a": (0, 3)})
    np.testing.assert_array_equal(named.x, bn.curve_fit(decay, T, Y, P0, bounds=pair).x)
    mask = np.broadcast_to([False, False, True], (B, 3))
    still = bn.curve_fit(decay, T, Y, P0, fixed=mask)
    for fixed in (["c"], {"c": True, "a": False}, {"c": np.ones(B, bool)}, "c"):
        np.testing.assert_array_equal(bn.curve_fit(decay, T, Y, P0, fixed=fixed).x, still.x)
    low = bn.minimize(lambda x: (x[0] - 1) ** 2 + (x[1] - 1) ** 2, [5.0, 5.0], bounds={"x1": (2, 3)})
    np.testing.assert_allclose(low.x, [1, 2])


def test_natural_bounds_and_starts_that_were_moved():
    spot = bn.models.pseudo_voigt
    x = np.linspace(-3, 3, 30)
    y = spot(x, 2.0, 0.1, 1.0, 1.0, 0.2) - 0.15 * np.exp(-(x**2) / 0.1)
    found = bn.curve_fit(spot, x, y, bounds="natural")
    assert found.success and 0 <= found["fraction"] <= 1 and not found.start_moved.any()
    moved = bn.curve_fit(decay, T, Y[:2], [[-5.0, 1.0, 0.1], [1.0, 1.0, 0.1]], bounds=(0.0, None))
    assert moved.start_moved.tolist() == [[True, False, False], [False] * 3]
    assert "1 starts lay outside" in moved.summary()
    with pytest.raises(ValueError, match="natural.*Model"):
        bn.curve_fit(decay, T, Y, P0, bounds="natural")


def test_statistics_within_bounds():
    """Profiles end at a bound; what is held does not move with the data."""
    box = {"bounds": {"c": (0.2, None), "tau": (0.5, 3.0)}}
    found = bn.curve_fit(decay, T, Y, [1.0, 1.0, 0.3], **box)
    held = found.at_bound[:, 2] & found.success
    assert held.any() and not held.all()
    ends, moved = found.profile("tau", 0.999)["tau"], found.sensitivity("ydata")
    assert np.nanmin(ends) >= 0.5 and np.nanmax(ends) <= 3.0 and not moved[held, 2].any()
    b = np.flatnonzero(held & ~found.at_bound[:, 1])[0]
    alone = bn.curve_fit(lambda t, a, tau: decay(t, a, tau, 0.2), T, Y[b], [1.0, 1.0])
    np.testing.assert_allclose(moved[b, :2], alone.sensitivity("ydata"), rtol=1e-5, atol=1e-8)
    copies = bn.bootstrap(found, 20, seed=0)
    assert np.nanmin(copies.x[..., 2]) >= 0.2


def test_fixed_ones_are_data():
    mask = np.zeros((B, 3), bool)
    mask[::2, 2] = True
    mask[1::2, 1] = True
    start = np.where(mask, TRUTH, 1.0)
    found = bn.curve_fit(decay, T, Y, start, fixed=mask)
    one = bn.curve_fit(lambda u, a, tau: a * np.exp(-u[0] / tau) + u[1],
                       np.stack([np.broadcast_to(T, Y[::2].shape), np.repeat(TRUTH[::2, 2:], T.size, 1)], 1),
                       Y[::2], [1.0, 1.0])  # fmt: skip
    assert found.success.all() and one.success.all() and not found.at_bound.any()
    np.testing.assert_array_equal(found.x[mask], TRUTH[mask])
    np.testing.assert_allclose(found.x[::2, :2], one.x, rtol=1e-7)
    np.testing.assert_allclose(found.cov[::2, :2, :2], one.cov, rtol=1e-6)
    assert not found.cov[::2, 2].any() and not found.cov[1::2, :, 1].any()


def test_too_few_points_counts_free_ones():
    for fixed, status in (([False] * 3, "TOO_FEW_POINTS"), ([True, False, False], "CONVERGED")):
        found = bn.curve_fit(decay, T[:2], Y[:1, :2], [TRUTH[0, 0], 1.0, 0.1], fixed=fixed)
        assert bn.Status(found.status[0]).name == status


def test_all_fixed_and_corners():
    found = bn.minimize(lambda x, a: (x[0] - a) ** 2 + (x[1] + a) ** 2, np.zeros((4, 2)), ([1.0, 2.0, -3.0, 0.5],),
                        bounds=([-1.0, -1.0], [1.0, 1.0]))  # fmt: skip
    np.testing.assert_allclose(found.x, [[1, -1], [1, -1], [-1, 1], [0.5, -0.5]], atol=1e-12)
    assert found.success.all() and found.status[1] == bn.Status.CONVERGED_AT_BOUND
    still = bn.minimize(lambda x: x[0] ** 3 - x[1], [2.0, 3.0], fixed=[True, True])
    assert still.success and still.x.tolist() == [2.0, 3.0] and not still.cov.any()


def test_no_false_success_at_a_saddle_or_a_maximum():
    """-x² on [-1, 2]: the ends are minima, 0 is a maximum; x y on a box has a saddle at 0."""
    found = bn.minimize(lambda x: -x[0] * x[0], [[0.0], [0.5], [-0.5]], bounds=(-1.0, 2.0))
    assert not found.success[0] or abs(found.x[0, 0]) >= 1.0
    assert found.success[1:].all()
    np.testing.assert_array_equal(found.x[1:, 0], [2.0, -1.0])
    saddle = bn.minimize(lambda x: x[0] * x[1], [0.0, 0.0], bounds=(-1.0, 1.0))
    assert not saddle.success or abs(saddle.x).min() == 1.0


@pytest.mark.parametrize("absolute", [False, True])
def test_errors_with_bounds_and_sigma_are_scipys(absolute):
    sigma = RNG.uniform(0.05, 0.2, Y.shape)
    box = np.array([0.0, 0.1, -1.0]), np.array([4.0, 8.0, 1.0])
    found = bn.curve_fit(decay, T, Y, [1.0, 1.0, 0.3], sigma, bounds=box, absolute_sigma=absolute)
    inside = np.flatnonzero(found.success & ~found.at_bound.any(1))
    assert len(inside) > 0.8 * B
    for b in inside[::6]:
        exact = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "x_scale": "jac"}
        x, cov = optimize.curve_fit(decay, T, Y[b], [1.0, 1.0, 0.3], sigma[b], absolute, bounds=box, **exact)
        np.testing.assert_allclose(found.x[b], x, rtol=1e-6)
        np.testing.assert_allclose(found.cov[b], cov, rtol=2e-6, atol=1e-6 * np.diag(cov).min())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_bounds_of_all_and_neighbours_change_no_bit(dtype):
    """One row of bounds for all, the same row for each, a part of the batch; behind a mask lies what is no number."""
    y, mask = Y.astype(dtype), np.random.default_rng(1).random(Y.shape) > 0.1
    mask[7], mask[9, 2:] = True, False  # the one has too few points, the other NaN in a row that counts
    y[~mask] = np.resize([np.nan, 1e30, np.inf], (~mask).sum())
    y[7, 4] = np.nan
    box = np.array([0.0, 0.1, 0.1]), np.array([2.0, 5.0, 1.0])
    each = tuple(np.tile(one, (B, 1)) for one in box)
    found = bn.curve_fit(decay, T, y, [1.0, 1.0, 0.3], mask=mask, bounds=box, dtype=dtype)
    assert found.status[9] == bn.Status.TOO_FEW_POINTS and found.success.mean() > 0.9
    assert 0.05 < found.at_bound.any(1).mean() < 0.95
    again = bn.curve_fit(decay, T, y, [1.0, 1.0, 0.3], mask=mask, bounds=each, dtype=dtype)
    some = np.array([7, 30, 9, 2])
    part = bn.curve_fit(decay, T, y[some], np.ones((4, 3)) * [1.0, 1.0, 0.3], mask=mask[some], bounds=box, dtype=dtype)
    for name in ("x", "fun", "status", "nfev"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name), err_msg=name)
        np.testing.assert_array_equal(getattr(part, name), getattr(found, name)[some], err_msg=name)
    whole = mask & np.isfinite(y)  # NaN in a row that counts is left out too
    same = bn.curve_fit(decay, T, np.where(whole, y, 0.0), [1.0, 1.0, 0.3], mask=whole, bounds=box, dtype=dtype)
    np.testing.assert_array_equal(same.x, found.x)


def test_losses_and_missing_points_within_bounds():
    counts, y = RNG.integers(8, 20, B), Y.copy()
    y[::5, 3] = np.nan
    box = {"bounds": ([0.0, 0.1, 0.1], [2.0, 5.0, 1.0])}
    found = bn.curve_fit(decay, T, y, [1.0, 1.0, 0.3], counts=counts, loss="soft_l1", f_scale=0.1, **box)
    for b in range(0, B, 10):
        keep = (np.arange(T.size) < counts[b]) & ~np.isnan(y[b])
        alone = bn.curve_fit(decay, T[keep], y[b][keep], [1.0, 1.0, 0.3], loss="soft_l1", f_scale=0.1, **box)
        np.testing.assert_allclose(found.x[b], alone.x, rtol=1e-9)
        assert found.status[b] == alone.status


def test_a_table_says_who_ended_at_a_bound():
    pytest.importorskip("pandas")
    res = bn.minimize(lambda x: (x[0] - 2) ** 2 + x[1] ** 2, [[0.5, 0.5]], bounds=([0, -1], [1, 1]))
    table = res.to_pandas()
    assert table[["x0_at_bound", "x1_at_bound"]].to_numpy().tolist() == [[True, False]]
    assert "x0_at_bound" not in bn.minimize(lambda x: x[0] ** 2, [[0.5]]).to_pandas()
