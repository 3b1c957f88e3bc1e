"""`method=`: the methods beside the defaults, what they claim, and what they cannot do."""

import inspect
import math

import numpy as np
import pytest
from decays import T, decay
from problems import TRAPS, himmelblau, log_sum_exp, rosenbrock_residuals

import batchnewton as bn
from batchnewton import compile, phases
from batchnewton.kernels import advance, converge, linesearch, sections, unroll
from batchnewton.kernels.iterations import ITERATIONS
from batchnewton.kernels.text import Loop
from batchnewton.methods import METHODS

EPS = np.finfo(float).eps
OTHERS = ("newton-pure", "trust-region", "bfgs", "lbfgs", "gradient-descent")
DOWNHILL = OTHERS[1:]
MINIMA = np.array([(3, 2), (-2.805118086952745, 3.131312518250573), (-3.779310253377747, -3.283185991286170),
                   (3.5844283403304917, -1.8481265269644036)])  # fmt: skip


def starts(size=40, seed=0):
    return np.random.default_rng(seed).uniform(-5, 5, (size, 2))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("method", OTHERS)
def test_a_success_is_one_of_the_minima(method, dtype):
    result = bn.minimize(himmelblau, starts(), method=method, dtype=dtype)
    errors = np.abs(result.x[:, None] - MINIMA).max(2).min(1)
    assert (errors[result.success] < (1e-9 if dtype == "float64" else 1e-4)).all()
    # pure Newton ends at one of the four saddles or the maximum as well
    assert result.success.mean() >= (0.2 if method == "newton-pure" else 0.95)
    assert method != "newton-pure" or set(result.status) <= {bn.Status.CONVERGED, bn.Status.SADDLE}


@pytest.mark.parametrize("method", [*OTHERS, "newton"])
def test_curve_fits_as_by_default_with_missing_points(method):
    y = decay(T, 2.0, np.linspace(0.7, 2, 7)[:, None], 0.3) + 0.01 * np.sin(9 * T)
    y[2, 3] = y[5, :4] = np.nan
    start = [1.9, 1.2, 0.2]
    usual = bn.curve_fit(decay, T, y, start)
    result = bn.curve_fit(decay, T, y, start, method=method)
    assert usual.success.all()
    assert result.success.sum() >= (7 if method != "newton-pure" else 4)
    np.testing.assert_allclose(result.x[result.success], usual.x[result.success], rtol=1e-8)
    np.testing.assert_allclose(result.stderr[result.success], usual.stderr[result.success], rtol=1e-6)


@pytest.mark.parametrize("method", OTHERS)
def test_no_trap_is_taken_for_a_minimum(method):
    kinds = ("saddle", "monkey saddle", "x^4", "inflexion x^3", "unbounded line", "constant", "redundant parameters")
    for trap in [one for one in TRAPS if one.name in kinds]:
        data = tuple(map(bn.shared, trap.data))
        result = getattr(bn, trap.kind)(trap.fun, np.array([trap.x0, trap.x0]), data=data, method=method)
        assert not result.success.any(), trap
        assert (result.status != bn.Status.NOT_RUN).all()


def test_pure_newton_says_where_it_went():
    saddle = bn.minimize(lambda x: x[0] ** 2 - x[1] ** 2 + x[0] ** 4, [1.0, 2.0], method="newton-pure")
    assert saddle.status == bn.Status.SADDLE and "saddle" in saddle.message()
    np.testing.assert_allclose(saddle.x, 0, atol=1e-8)
    top = bn.minimize(lambda x: np.cos(x[0]), [0.5], method="newton-pure")
    assert top.status == bn.Status.SADDLE and abs(top.x[0]) < 1e-8
    crossed = bn.minimize(lambda x: x[0] * x[1] + 1, [1.0, 2.0], method="newton-pure")  # no pivot on the diagonal
    assert crossed.status == bn.Status.SADDLE
    far = bn.minimize(lambda x: np.sqrt(1 + x[0] ** 2), [2.0], method="newton-pure")
    assert far.status == bn.Status.NOT_FINITE and "finite" in far.summary()


@pytest.mark.parametrize("method", ["bfgs", "newton-pure"])
def test_answers_depend_on_nothing_but_the_problem(method):
    x0 = starts(300, 1)
    whole = bn.minimize(himmelblau, x0, method=method, threads=1)
    order = np.random.default_rng(2).permutation(300)
    mixed = bn.minimize(himmelblau, x0[order], method=method, threads=2)
    for name in ("x", "fun", "status", "nit", "nfev"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(whole, name)[order])
    alone = bn.minimize(himmelblau, x0[7], method=method)
    np.testing.assert_array_equal(alone.x, whole.x[7])


def test_max_iter_is_kept_and_the_best_point_too():
    result = bn.minimize(himmelblau, starts(5), method="gradient-descent", max_iter=8)
    assert (result.status == bn.Status.MAX_ITER).all() and (result.nfev == 8).all()
    assert (result.fun < himmelblau(starts(5).T)).all()
    np.testing.assert_allclose(result.fun, himmelblau(result.x.T), atol=1e-12)
    told = bn.minimize(himmelblau, starts(5), method="bfgs", history=True).history
    assert np.isfinite(told.fun[:, :6]).all() and told.fun.shape[1] < 100


def many(x, sign):
    """A chain of 34 unknowns, minimum at 1 where ``sign`` is 1, a saddle where it is -1."""
    n = 34
    return (
        sum((x[i] - 1) ** 2 * (1 + i / n) for i in range(n - 1))
        + sign * (x[n - 1] - 1) ** 2
        + sum((x[i] - x[i + 1]) ** 4 for i in range(0, n, 2))
    )


def test_more_unknowns_than_a_hessian_can_have():
    x0 = np.ones((3, 34)) + 0.3 * np.sin(np.arange(102.0)).reshape(3, 34)
    x0[2, 33], x0[2, 32] = 1.0, 1.0  # on the ridge
    result = bn.minimize(many, x0, ([1.0, 1.0, -1.0],), method="lbfgs")
    assert result.status.tolist() == [bn.Status.CONVERGED, bn.Status.CONVERGED, bn.Status.SADDLE]
    np.testing.assert_allclose(result.x[:2], 1.0, atol=1e-9)
    with pytest.raises(ValueError, match="Hessians of 34 unknowns"):
        result.hess  # noqa: B018


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (dict(method="bfgs", bounds=(0, 1)), ["'bfgs'", "bounds", "'newton'", "'trust-region'"]),
        (dict(method="lbfgs", fixed=[True, False]), ["'lbfgs'", "fixed"]),
        (dict(method="newton-pure", dtype="mixed"), ["mixed", "'newton-pure'", "'newton'"]),
        (dict(method="conjugate"), ["method", "'conjugate'"]),
    ],
)
def test_what_a_method_cannot_do_is_said(given, words):
    with pytest.raises(ValueError) as caught:
        bn.minimize(himmelblau, starts(3), **given)
    assert all(word in str(caught.value) for word in words), caught.value


def test_too_many_unknowns_name_the_methods_that_take_them():
    with pytest.raises(ValueError, match="at most 32; expected method='lbfgs' or 'gradient-descent'"):
        bn.minimize(many, np.ones((1, 34)), (1.0,), method="bfgs")


def test_bounds_by_trust_region():
    result = bn.minimize(log_sum_exp, [[1.0, 1.0]], bounds=(0.0, 2.0), method="trust-region")
    assert result.status == bn.Status.CONVERGED_AT_BOUND


# ---------------------------------------------------------------- the parts


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("phase", ["trust-region", "newton-pure", "bfgs", "lbfgs", "gradient-descent"])
def test_unrolled_text_says_what_the_loops_say(n, phase):
    iteration = ITERATIONS[phase]
    rng = np.random.default_rng(n)
    given = {name: rng.normal(size=n) for name in iteration.arrays}
    given |= {name: rng.normal(size=(n, n)) for name in ("h", "b", "lower", "m", "hc", "below")}
    given |= {name: rng.normal(size=(8, n)) for name in ("sm", "ym")} | {name: np.ones(8) for name in ("rho", "share")}
    given |= {name: float(rng.uniform(0.1, 2)) for name in iteration.scalars} | dict.fromkeys(iteration.flags, False)
    given |= dict(f=0.1, trips=3.0, high=-1.0, limit=50.0, ftol=1e-18, xtol=1e-6, gtol=-1.0, sqrt=math.sqrt)
    known = dict(iteration.known, n=n, eps=EPS, tight_f=1e-20, tight_x=1e-11, floor=1e-6, ahead=1e-9)
    known |= dict(kinked=False, doubt=4e-8, slight=2e-12, scant=2e-12)
    names = list(inspect.signature(iteration.trip).parameters)
    known = {name: value for name, value in known.items() if name in names}
    text = unroll.straight_line(iteration.trip, iteration.arrays, **known)
    space = {"sqrt": math.sqrt, **text.constants}
    for name in names:
        if name in iteration.arrays:
            space |= {"_".join([name, *map(str, at)]): float(given[name][at]) for at in np.ndindex(given[name].shape)}
        elif name not in known:
            space[name] = given[name]
    pieces = sections.read_first(text.lines)
    assert "code" not in pieces
    exec("\n".join(text.lines), space)
    results = iteration.trip(*((given | known)[name] for name in names))
    told = [name for name in iteration.scalars if not (phase == "newton-pure" and name == "radius")]
    for name, value in zip(told, results, strict=True):
        assert space[name] == value, name
    for name in ("x", "c"):
        assert [space[f"{name}_{i}"] for i in range(n)] == given[name].tolist()


def test_text_in_sections_gives_the_same(monkeypatch):
    lines = ["a = x + one", "p = a > y", "b = a * y if p else x", "x = b - a", "q = p & (x < y)", "y = one if q else b"]
    monkeypatch.setattr(sections, "SECTION", 2)
    slots = {"x": 0, "y": 1, "code": 2}
    parts = sections.sectioned(lines, slots, {"x", "y"}, set())
    assert len(parts) == 3 and len(slots) > 3
    for x, y in ((1.0, 3.0), (4.0, 0.5), (-2.0, -3.0)):
        plain = {"x": x, "y": y, "one": 1.0}
        exec("\n".join(lines), plain)
        S = [x, y] + [0.0] * (len(slots) - 2)
        for part in parts:
            exec("\n".join(part), {"S": S, "l": 0, "one": 1.0, "zero": 0.0} | {f"{k}_": at for k, at in slots.items()})
        assert S[:2] == [plain["x"], plain["y"]]


@pytest.mark.parametrize("alpha", [1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize(
    ("value", "slope"),
    [
        (lambda a: -a / (a * a + 2), lambda a: (a * a - 2) / (a * a + 2) ** 2),  # Moré & Thuente (1994), 5.1
        (lambda a: (a + 0.004) ** 5 - 2 * (a + 0.004) ** 4, lambda a: 5 * (a + 0.004) ** 4 - 8 * (a + 0.004) ** 3),
        (lambda a: a * a - a, lambda a: 2 * a - 1),
        (lambda a: -a - math.log(1 - a) / 9 if a < 1 else math.nan, lambda a: -1 + 1 / (9 * (1 - a))),
    ],
)
def test_the_line_search_ends_at_strong_wolfe_conditions(value, slope, alpha):
    F, downhill = value(0.0), -slope(0.0)
    state = [0.0, F, -downhill, linesearch.NONE, 0.0, 0.0]
    for tries in range(1, 30):
        f = value(alpha)
        p = slope(alpha) if math.isfinite(f) else math.nan
        tried = alpha
        accept, alpha, *state = linesearch.wolfe(
            f, p, math.isfinite(f), F, downhill, alpha, *state, float(tries), False, EPS, math.sqrt
        )
        if accept:
            assert f <= F - linesearch.ARMIJO * tried * downhill
            assert abs(p) <= linesearch.CURVATURE * downhill or tries >= linesearch.ENOUGH
            return
    raise AssertionError("no end")


def test_every_row_of_the_table_is_an_iteration():
    for methods in METHODS.values():
        for row in methods.values():
            assert all(phase.step in ITERATIONS for phase in row.phases)
            assert row.certificate is None or row.certificate.step == "minimize"
    assert converge.AWAY > converge.NOT_FINITE_AT_START


def test_least_squares_by_every_method():
    x0 = [[-1.2, 1.0], [2.0, 2.0], [0.5, -0.5]]
    for method in METHODS["least-squares"]:
        result = bn.least_squares(rosenbrock_residuals, x0, method=method)
        assert result.success.all() or method == "gradient-descent", method
        np.testing.assert_allclose(result.x[result.success], 1.0, atol=1e-8)


@pytest.mark.parametrize("method", ["lbfgs", "gradient-descent"])
def test_loops_that_stay_loops_give_the_same(monkeypatch, method):
    """11 unknowns: one pass of eight, three of one; and what is left of a bit is rounding."""
    x0 = np.random.default_rng(3).uniform(0.5, 1.5, (6, 11))

    def chain(x):
        return sum(10 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(10))

    straight = bn.minimize(chain, x0, method=method, history=True)
    compile._kernel.cache_clear()
    phases.chain.cache_clear()
    monkeypatch.setattr(advance, "UNROLLED", 2)
    looped = bn.minimize(chain, x0, method=method, history=True)
    compile._kernel.cache_clear()
    phases.chain.cache_clear()
    assert any(isinstance(line, Loop) for line in unrolled_chain(method))
    np.testing.assert_array_equal(looped.status, straight.status)
    np.testing.assert_allclose(looped.x, straight.x, atol=1e-7)
    np.testing.assert_allclose(looped.history.fun[:, :5], straight.history.fun[:, :5], rtol=1e-9)
    np.testing.assert_allclose(looped.history.alpha[:, :5], straight.history.alpha[:, :5], rtol=1e-9)


def unrolled_chain(method):
    """Lines of a trip for 11 unknowns, with loops."""
    iteration = ITERATIONS[method]
    known = iteration.constants(n=11, eps=2e-16, **compile.TOLERANCES["float64"])
    return unroll.straight_line(iteration.trip, iteration.arrays, (), 11, **known).lines
