"""The steps as plain Python, one problem: against linear algebra, against their unrolled text, to the minimum."""

import math

import numpy as np
import pytest
import reference
from problems import PROBLEMS

from batchnewton.kernels import converge, linalg, step, unroll

EPS = np.finfo(float).eps
DOUBTS = dict(kinked=False, doubt=4e-8, slight=2e-12, scant=2e-12)
TOLERANCES = [*DOUBTS.values()][1:]
SIZES = (1, 2, 3, 5, 8)
ARRAYS = ("x", "g", "h", "r", "j", "c", "d", "q", "z", "lower", "inverse", "lo", "hi", "cut", "a", "b", "y", "v")


def spd(n, seed=0):
    root = np.random.default_rng(seed).normal(size=(n, n))
    return root @ root.T + 0.1 * np.eye(n)


def factored(a):
    n = len(a)
    lower, inverse = np.zeros((n, n)), np.zeros(n)
    return linalg.factor(a, lower, inverse, n, EPS), lower, inverse


@pytest.mark.parametrize("n", SIZES)
def test_solve_of_a_definite_matrix(n):
    a, b, y = spd(n), np.arange(1.0, n + 1), np.zeros(n)
    definite, lower, inverse = factored(a)
    linalg.solve(lower, inverse, b, y, n)
    assert definite
    np.testing.assert_allclose(y, np.linalg.solve(a, b), rtol=1e-10)


@pytest.mark.parametrize("n", SIZES)
def test_indefinite_and_singular_still_give_descent(n):
    values = np.linspace(-1.0, 2.0, n)
    basis = np.linalg.qr(np.random.default_rng(n).normal(size=(n, n)))[0]
    for a in (basis @ np.diag(values) @ basis.T, np.outer(values, values), np.zeros((n, n)), -np.eye(n)):
        definite, lower, inverse = factored(a)
        g, y = np.ones(n), np.zeros(n)
        linalg.solve(lower, inverse, g, y, n)
        assert not definite or n == 1
        assert g @ y > 0
        assert np.isfinite(y).all()


def test_factor_does_not_depend_on_units():
    a, units = spd(4), np.array([1e-8, 1.0, 1e4, 1e8])
    for sign in (1.0, -1.0):
        shifted = a + (sign - 1.0) * np.diag(np.diag(a))
        first, second = factored(shifted), factored(units[:, None] * shifted * units)
        assert first[0] == second[0]
        np.testing.assert_allclose(second[2] * units**2, first[2], rtol=1e-10)


def test_normal_equations():
    rng = np.random.default_rng(1)
    r, j, g, h = rng.normal(size=3), rng.normal(size=(3, 3)), np.zeros(3), np.zeros((3, 3))
    assert linalg.gradient(r, j, g, 3) == pytest.approx(r @ r / 2)
    linalg.products(j, h, 3)
    np.testing.assert_allclose(g, j.T @ r)
    np.testing.assert_allclose(np.tril(h), np.tril(j.T @ j))


def solved(J, r):
    """``J⁻¹ r`` by `orthogonalise`; whether J is regular, s."""
    n = len(J)
    lower, inverse, z = np.zeros((n, n)), np.zeros(n), np.zeros(n)
    regular, s = linalg.orthogonalise(J.copy(), r.copy(), lower, inverse, z, n, EPS)
    linalg.backward(lower, inverse, z, n)
    return z, regular, s


@pytest.mark.parametrize("n", SIZES)
def test_orthogonal_factorisation_solves(n):
    rng = np.random.default_rng(n)
    J, r = rng.normal(size=(n, n)), rng.normal(size=n)
    z, regular, s = solved(J, r)
    assert regular and s == pytest.approx(r @ r)
    np.testing.assert_allclose(z, np.linalg.solve(J, r), rtol=1e-10)


def test_orthogonal_factorisation_is_as_accurate_as_the_condition_lets_it_be():
    """A Hilbert matrix of condition 1.5e10: its square is beyond double precision."""
    J = 1.0 / (np.arange(8)[:, None] + np.arange(8) + 1.0)
    z, regular, _ = solved(J, J.sum(1))
    assert regular
    assert abs(z - 1.0).max() < np.linalg.cond(J) * EPS


def test_a_singular_jacobian_is_seen_and_still_gives_descent():
    rng = np.random.default_rng(2)
    for J in (np.zeros((3, 3)), np.ones((3, 3)), np.outer([1.0, 2.0, 3.0], [3.0, -1.0, 1e-8])):
        r = rng.normal(size=3)
        z, regular, s = solved(J, r)
        assert not regular and np.isfinite(z).all()
        assert s >= 0.0 and (J.T @ r) @ z >= 0.0


def test_scales_of_zeros_are_the_largest():
    q = np.zeros(3)
    step.scales(np.array([0.0, -4.0, 2.0]), q, 3)
    np.testing.assert_allclose(q, [0.25, 0.25, 0.5])
    step.scales(np.zeros(3), q, 3)
    np.testing.assert_allclose(q, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_all_finite_sees_every_entry(bad):
    g, h = np.ones(2), np.ones((2, 2))
    assert step.all_finite(1.0, g, h, 2)
    assert not step.all_finite(bad, g, h, 2)
    for array, where in ((g, 1), (h, (1, 0)), (h, (1, 1))):
        array[where] = bad
        assert not step.all_finite(1.0, g, h, 2)
        array[where] = 1.0


def test_shrinkage_stays_between_its_limits():
    assert step.shrinkage(0.25, True) == 0.25
    assert step.shrinkage(1e-9, True) == step.SHORTEST
    assert step.shrinkage(1.0, True) == step.LONGEST
    assert step.shrinkage(math.nan, False) == step.SHORTEST


def test_a_rejected_step_is_cut_where_the_parabola_is_least():
    """From 0 with slope -1 and a trial at 1 where f = F + 1: the parabola -t + 2 t² is least at 1/4."""
    ((x, c, d, q, z, g, r, inverse), (h, lower, j)) = (
        [np.ones(1) for _ in range(8)],
        [np.ones((1, 1)) for _ in range(3)],
    )
    c[0] = 0.0
    state = dict(F=1.0, F0=2.0, s=1.0, alpha=1.0, radius=5.0, size=1.0, over=1.0, trips=3.0, moves=2.0)
    known = dict(
        lo=None,
        hi=None,
        cut=None,
        phase="exact",
        bounded=False,
        n=1,
        eps=EPS,
        tight_f=1e-20,
        tight_x=1e-11,
        floor=1e-6,
        ahead=1e-9,
        **DOUBTS,
        sqrt=np.sqrt,
    )
    limits = dict(settled=False, tiny=False, flat_before=0.0, limit=50.0, ftol=1e-18, xtol=1e-6, gtol=-1.0)
    step.trip(x, 2.0, g, h, r, j, c, d, q, z, lower, inverse, **state, **limits, **known)
    assert (c[0], d[0], x[0]) == (0.0, 0.25, 0.25)


def test_an_inflexion_is_no_minimum():
    """x³ + 1 near 0: each Newton step leaves an eighth of s, which is not quadratic convergence."""
    common = dict(F0=2.0, steepest=1e-20, moved=True, short=True, tight=True, seen=True, ftol=1e-18, gtol=-1.0, eps=EPS)
    assert not converge.minimum(F=1.0, s=1e-24, s_before=8e-24, tight_f=1e-20, floor=1e-6, **common)
    assert converge.minimum(F=1.0, s=1e-24, s_before=1e-12, tight_f=1e-20, floor=1e-6, **common)


@pytest.mark.parametrize(("unit", "known"), [(1.0, True), (1e-20, False), (1e20, False)])
def test_a_determinant_out_of_range_is_not_steady(unit, known):
    """The product of 24 pivots is 0, or infinite, before and after: that does not say that none shrinks."""
    n = 24
    x, c, d, q, z, g, r, inverse = (np.ones(n) for _ in range(8))
    h, lower, j = np.eye(n) / unit, np.zeros((n, n)), np.zeros((n, n))
    g *= 1e-12 / unit
    s = n / unit
    with np.errstate(over="ignore", under="ignore"):
        flat = step.flatness(np.full(n, unit), q, 2 * s * unit / n, n)
    state = dict(F=s, F0=2.0, s=s, alpha=1.0, radius=9.0, size=1.0, over=1.0, trips=3.0, moves=2.0)
    limits = dict(settled=False, tiny=False, flat_before=flat, limit=50.0, ftol=1e-18, xtol=1e-6, gtol=-1.0)
    known_before = dict(lo=None, hi=None, cut=None, phase="minimize", bounded=False, n=n, eps=EPS, tight_f=1e-20)
    known_before |= dict(tight_x=1e-11, floor=1e-6, ahead=1e-9, sqrt=np.sqrt, **DOUBTS)
    with np.errstate(all="ignore"):
        *_, code = step.trip(x, 0.5 * s, g, h, r, j, c, d, q, z, lower, inverse, **state, **limits, **known_before)
    assert (code == converge.CONVERGED) == known


def newton(problem, phase, path=None):
    """The trips of one problem, in plain Python, with the reference's derivatives; ``path`` collects the points."""
    x = np.array(problem.x0, float)
    n = len(x)
    g, c, d, q, z, inverse, r = (np.zeros(n) for _ in range(7))
    h, lower, j = (np.zeros((n, n)) for _ in range(3))
    F, F0, s, alpha = map(np.float64, (0.0, -np.inf, 0.0, 0.0))
    radius, size, over, trips, moves = map(np.float64, (step.RADIUS * n**0.5, 0.0, 1.0, 0.0, 0.0))
    settled = tiny = False
    flat = np.float64(0.0)
    step.scales(x, q, n)
    for _ in range(50):
        f, g[:], h[:] = reference.value_grad_hess(problem.fun, x, problem.args)
        F, F0, s, alpha, radius, size, over, trips, moves, settled, tiny, flat, code = step.trip(
            x, f, g, h, r, j, c, d, q, z, lower, inverse, None, None, None,
            F, F0, s, alpha, radius, size, over, trips, moves, settled, tiny, flat,
            50, 1e-18, 1e-6, -1.0, phase, False, False, n, EPS, 1e-20, 1e-11, 1e-6, 1e-9, *TOLERANCES, np.sqrt,
        )  # fmt: skip
        if path is not None:
            path.append(c.copy())
        if code != converge.RUNNING:
            return c, code
    raise AssertionError("no end")


SMOOTH = [p for p in PROBLEMS if p.kind == "minimize" and p.must and p.answers and not p.data]


@pytest.mark.parametrize("problem", SMOOTH, ids=repr)
def test_plain_python_finds_the_minimum_or_hands_over(problem):
    with np.errstate(all="ignore"):
        c, code = newton(problem, "minimize")
    assert code in (converge.CONVERGED, converge.DOUBTFUL, converge.HAND_OVER)
    if code == converge.CONVERGED:
        assert problem.error(c) < 1e-6


def test_most_smooth_problems_need_no_hand_over():
    with np.errstate(all="ignore"):
        codes = [newton(problem, "minimize")[1] for problem in SMOOTH]
    assert np.mean([code == converge.CONVERGED for code in codes]) > 0.6


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("phase", ["exact", "minimize", "gauss-newton", "root"])
def test_unrolled_text_says_what_the_loops_say(n, phase, bounded):
    """Both ways give the same bits: the text is the same operations in the same order."""
    rng = np.random.default_rng(n)
    scalars = dict(F=1.0, F0=2.0, s=0.3, alpha=0.7, radius=0.5, size=0.4, over=1.0, trips=3.0, moves=2.0)
    scalars |= dict(settled=False, tiny=False, limit=50.0, ftol=1e-18, xtol=1e-6, gtol=-1.0, f=0.9, flat_before=9.0)
    known = dict(n=n, eps=EPS, phase=phase, bounded=bounded, tight_f=1e-20, tight_x=1e-11, floor=1e-6)
    known |= dict(ahead=1e-9, **DOUBTS)
    vectors = {name: rng.normal(size=n) for name in ("x", "g", "r", "c", "d", "q", "z", "inverse")}
    vectors |= {"lo": vectors["x"] - rng.choice([0.0, 0.5], n), "hi": vectors["x"] + 0.3, "cut": np.zeros(1)}
    matrices = {name: rng.normal(size=(n, n)) for name in ("h", "j", "lower")}
    matrices["h"] = spd(n)
    text = unroll.straight_line(step.trip, ARRAYS, **known)
    space = dict(sqrt=math.sqrt, **scalars, **text.constants)
    for name, array in (vectors | matrices).items():
        for index in np.ndindex(array.shape):
            space["_".join([name, *map(str, index)])] = float(array[index])
    exec("\n".join(text.lines), space)
    parameters = step.trip.__code__.co_varnames[: step.trip.__code__.co_argcount]
    given = vectors | matrices | scalars | known | {"sqrt": math.sqrt}
    results = step.trip(*(given[name] for name in parameters))
    names = ("F", "F0", "s", "alpha", "radius", "size", "over", "trips", "moves")
    names += ("settled", "tiny", "flat_before", "code")
    for name, value in zip(names, results, strict=True):
        assert space[name] == value, name
    for name in ("x", "c", "d", "g"):
        assert [space[f"{name}_{i}"] for i in range(n)] == vectors[name].tolist(), name


def test_structural_zeros_become_constants():
    text = unroll.straight_line(linalg.factor, ARRAYS, {"a_1_0"}, n=2, eps=EPS)
    assert "a_1_0" not in "\n".join(text.lines)


def test_what_structural_zeros_make_zero_costs_nothing():
    """``|r|²`` and ``Jᵀr`` of a triangular Jacobian."""
    zeros = {f"j_{i}_{k}" for i in range(4) for k in range(i)}
    dense, sparse = (unroll.straight_line(linalg.gradient, ARRAYS, out, n=4) for out in ((), zeros))
    products = [sum(line.count("*") for line in text.lines) for text in (dense, sparse)]
    assert products == [4 + 16, 4 + 10]


def test_what_cannot_be_unrolled_is_refused():
    def looping(n):
        while n:
            n = n - 1

    with pytest.raises(NotImplementedError, match="looping"):
        unroll.straight_line(looping, ())
