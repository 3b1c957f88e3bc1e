"""Ready models: the guess leads to the truth, and stays sane on what is no curve of the model."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from model_cases import CASES, batch
from scipy.interpolate import CubicSpline
from scipy.special import wofz
from scipy.stats import chi2

import batchnewton as bn

SIZE = 300
NAMES = sorted(CASES)
models = bn.models


def test_every_model_has_a_case():
    assert sorted(models.ALL) == NAMES
    assert [len(CASES[name].low) for name in NAMES] == [len(models.ALL[name].names) for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_guess_and_fit_reach_the_truth(name):
    """The squared distance from the truth in units of the covariance is chi-square: 1 in 10,000 is beyond the bound."""
    x, y, truth = batch(name, SIZE)
    fitted = bn.curve_fit(models.ALL[name], x, y)
    away = fitted.x - truth
    with np.errstate(invalid="ignore"):
        cov = np.where(np.isfinite(fitted.cov), fitted.cov, 1e-300 * np.eye(truth.shape[1]))
    distance = np.einsum("bi,bij,bj->b", away, np.linalg.inv(cov), away)
    reached = fitted.success & (distance < chi2.ppf(0.9999, truth.shape[1]))
    assert reached.mean() >= 0.99
    assert 0.6 < np.mean(distance < chi2.ppf(0.9, truth.shape[1])) < 0.99  # neither too far nor too near
    assert fitted.names == models.ALL[name].names


@pytest.mark.parametrize("name", NAMES)
def test_derivatives(name):
    x, _, truth = batch(name, 4)
    formula = models.ALL[name].formula
    rows = bn.shared(x.T[3:-3:7])
    assert bn.check_derivatives(lambda p, t: formula(t, *p), truth, data=(rows,)).ok


def sane(model, guess):
    low, high = model.bounds
    return np.isfinite(guess).all() and (guess >= low).all() and (guess <= high).all()


@pytest.mark.parametrize("name", NAMES)
def test_guess_is_sane_on_what_is_no_such_curve(name):
    model, (x, y, _) = models.ALL[name], batch(name, 8)
    m = y.shape[1]
    noise = np.random.default_rng(0).standard_normal((20, m))
    edge = np.zeros((4, m))
    edge[0, 0] = edge[1, -1] = 1.0
    edge[2, 0] = edge[3, -1] = -1.0
    constant = np.array([[0.0], [3.0], [-1e6]]) + np.zeros(m)
    gone = np.full((1, m), np.nan)
    for strange in (noise, 1e9 * noise, edge, constant, gone):
        guess = model.guess(x, strange)
        assert guess.shape == (len(strange), len(model.names))
        assert sane(model, guess)


@pytest.mark.parametrize("name", NAMES)
def test_guess_with_gaps_and_in_any_order(name):
    """NaN is left out; where each curve has its own x the guess is the same; one-dimensional x may come unsorted."""
    model, (x, y, _) = models.ALL[name], batch(name, 8)
    whole = model.guess(x, y)
    own = np.broadcast_to(x, (len(y), *x.shape))
    np.testing.assert_allclose(model.guess(own, y), whole, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(model.guess(x, y[3]), model.guess(x, y[3:4])[0])
    order = np.random.default_rng(1).permutation(y.shape[1])
    np.testing.assert_allclose(model.guess(x[..., order], y[:, order]), whole, rtol=1e-6, atol=1e-9)
    gaps = y.copy()
    gaps[:, 4::9] = np.nan
    inside = model(x, *model.guess(x, gaps).T[:, :, None])
    assert sane(model, model.guess(x, gaps))
    assert np.median(np.abs(inside - y)) < 0.3 * np.std(y)


def test_start_is_the_guess_and_heeds_what_is_missing():
    x, y, truth = batch("gaussian", 50)
    model = models.gaussian
    spoilt, counts = y.copy(), np.full(50, 48)
    spoilt[:, 48:] = 1e6
    kept = truth[:, 1] < 6
    fitted = bn.curve_fit(model, x, spoilt[kept], counts=counts[kept])
    alone = bn.curve_fit(model, x[:48], y[kept][:, :48])
    np.testing.assert_allclose(fitted.x, alone.x, rtol=1e-6)
    ragged = bn.curve_fit(model, [x[: 48 + i % 2] for i in range(50)], [row[: 48 + i % 2] for i, row in enumerate(y)])
    even = kept & (np.arange(50) % 2 == 0)
    np.testing.assert_allclose(ragged.x[even], bn.curve_fit(model, x[:48], y[:, :48]).x[even], rtol=1e-6)


def test_voigt_is_the_real_part_of_the_faddeeva_function():
    x, gamma, sigma = np.linspace(-50, 50, 501)[:, None], np.geomspace(1e-6, 30, 40), 0.8
    w = wofz((x + 1j * gamma) / (sigma * np.sqrt(2))).real
    found = models.voigt(x, 3.0, 0.0, sigma, gamma, 1.0)
    np.testing.assert_allclose(found, 1 + 3 * w / (sigma * np.sqrt(2 * np.pi)), rtol=0, atol=1e-14)


def test_tofts_is_the_convolution_and_smooth_where_rates_agree():
    t = np.linspace(0, 6, 4001)
    plasma = 0.399 * np.exp(-0.144 * t) + 0.478 * np.exp(-0.0111 * t)
    for kep in (0.5, 0.144, 0.144 * (1 + 1e-9)):
        leak = np.exp(-kep * t)
        tissue = 0.3 * np.trapezoid(plasma * leak[::-1], t)
        found = models.extended_tofts(6.0, 0.3, 0.3 / kep, 0.05)
        assert found == pytest.approx(tissue + 0.05 * plasma[-1], rel=1e-6)


def test_sum_and_product_of_models():
    peak = models.gaussian.hold(offset=0.0)
    two = peak + models.gaussian
    assert two.names == (
        "m1_amplitude", "m1_center", "m1_sigma", "m2_amplitude", "m2_center", "m2_sigma", "m2_offset"
    )  # fmt: skip
    x = np.linspace(0, 10, 80)
    rng = np.random.default_rng(0)
    truth = np.stack([rng.uniform(low, high, 100) for low, high in [(3, 4), (2, 4), (0.4, 0.7), (1, 2), (6, 8)]], 1)
    truth = np.column_stack([truth, truth[:, 2], np.full(100, 0.5)])
    y = two(x, *truth.T[:, :, None]) + 0.02 * rng.standard_normal((100, 80))
    fitted = bn.curve_fit(two, x, y)
    assert fitted.success.mean() >= 0.99
    best = 0.5 * np.sum((y - two(x, *truth.T[:, :, None])) ** 2, axis=1)
    assert np.mean(fitted.fun <= best) >= 0.99
    together = models.add(peak, models.gaussian, shared=["sigma"], prefixes=("a_", "b_"))
    fitted = bn.curve_fit(together, x, y)
    assert together.names == ("a_amplitude", "a_center", "sigma", "b_amplitude", "b_center", "b_offset")
    assert np.mean(np.abs(fitted["sigma"] - truth[:, 2]) < 4.5 * fitted.stderr[:, 2]) > 0.99
    pulse = models.logistic_growth * models.exponential_decay.hold(amplitude=1.0, offset=0.0)
    y = pulse(x, 2.0, 2.5, 3.0, 8.0)
    np.testing.assert_allclose(bn.curve_fit(pulse, x, y).x, [2.0, 2.5, 3.0, 8.0], rtol=1e-6)


def test_spline_is_the_natural_cubic_spline():
    grid = np.linspace(-5.0, 5.0, 21)
    values = np.exp(-(grid**2) / 4) + 0.1 * grid
    model, x = models.spline(values, -5.0, 0.5), np.linspace(-5.0, 5.0, 301)
    np.testing.assert_allclose(model(x, 1, 0, 0), CubicSpline(grid, values, bc_type="natural")(x), atol=1e-14)
    cube = np.random.default_rng(0).standard_normal((4, 5, 6))
    nodes = np.stack(np.meshgrid(*map(np.arange, cube.shape), indexing="ij")).reshape(3, -1).astype(float)
    np.testing.assert_allclose(models.spline(cube)(nodes, 1, 0, 0, 0, 0), cube.ravel(), atol=1e-13)
    for i in (2, 3):  # along a line of nodes it is the spline of those nodes
        line = np.stack([np.full(9, 1.0), np.full(9, i), np.linspace(0, 5, 9)])
        expected = CubicSpline(np.arange(6), cube[1, i], bc_type="natural")(line[2])
        np.testing.assert_allclose(models.spline(cube)(line, 1, 0, 0, 0, 0), expected, atol=1e-13)


def test_fit_of_a_measured_image():
    g = np.arange(-3.0, 4.0)
    image = models.spline(np.exp(-(g[:, None] ** 2 + 1.3 * g**2) / 6), origin=-3.0)
    x, rng = np.stack(np.meshgrid(np.arange(-2.0, 3.0), np.arange(-2.0, 3.0))).reshape(2, -1), np.random.default_rng(0)
    truth = rng.uniform([1, -0.7, -0.7, 0], [2, 0.7, 0.7, 1], (200, 4))
    y = image(x, *truth.T[:, :, None]) + 0.01 * rng.standard_normal((200, 25))
    fitted = bn.curve_fit(image, x, y)
    assert fitted.success.mean() >= 0.99
    assert np.mean(np.abs(fitted.x - truth) < 4.5 * fitted.stderr) > 0.99
    assert bn.check_derivatives(lambda p, u, v: image.formula((u, v), *p), truth[:4], (0.3, -1.2)).ok


@pytest.mark.parametrize(
    "make",
    [
        *(lambda name=name: models.ALL[name] for name in NAMES),
        lambda: models.polynomial(3),
        lambda: models.gaussian.hold(offset=0.0) + models.exponential_decay.prefixed("d_"),
        lambda: models.multiply(models.gaussian, models.power_law, shared=["amplitude"]),
        lambda: models.extended_tofts_of([1.0], [0.5]),
        lambda: models.spline(np.arange(16.0).reshape(4, 4)),
    ],
)
def test_pickle(make):
    model = make()
    again = pickle.loads(pickle.dumps(model))
    assert (again.names, again.limits()) == (model.names, model.limits())
    values = np.linspace(0.4, 0.9, len(model.names))
    x = np.ones(model.coordinates) if model.coordinates > 1 else 0.7
    assert again(x, *values) == model(x, *values)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.gaussian.hold(ofset=0.0), "did you mean 'offset'"),
        (lambda: models.gaussian.hold(offset=[1.0]), "expected a number"),
        (lambda: models.add(models.gaussian), "at least two"),
        (lambda: models.add(models.gaussian, np.exp), r"models\[1\] is a ufunc"),
        (lambda: models.add(models.gaussian, models.gaussian_2d), "coordinates"),
        (lambda: models.add(models.gaussian, models.hill, shared=["sigma"]), "fewer than two"),
        (lambda: models.add(models.gaussian, models.gaussian, prefixes=["a", "a"]), "stand twice"),
        (lambda: models.spline([1.0, 2.0]), "at least 4"),
        (lambda: models.spline(np.ones(2000)), "at most 1000"),
        (lambda: models.spline(np.ones(9), spacing=0), "spacing=0"),
        (lambda: models.gaussian.guess(np.arange(3.0), np.zeros((2, 4))), "x has shape"),
        (lambda: bn.Model(lambda x, a: a * x, lambda x, y: [y[:, 0]], {"b": (0, 1)}), "bounds names"),
        (
            lambda: bn.Model(lambda x, a: a * x, lambda x, y: y.mean()).guess([1.0], [2.0]),
            "returned a float64; expected",
        ),
        (lambda: bn.Model(lambda x, a: a * x, lambda x, y: (1.0, 2.0)).guess([1.0], [2.0]), "returned 2; .* each of a"),
    ],
)
def test_bad_calls(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_documentation_lists_every_model():
    text = (Path(__file__).parents[1] / "docs" / "models.md").read_text(encoding="utf-8")
    for name, model in models.ALL.items():
        assert f"| `{name}` | {', '.join(model.names)} |" in text
        assert all(word in model.__doc__ for word in ("Parameters", "References", "Examples"))


@pytest.mark.parametrize("name", sorted(bn.models.ALL))
def test_guess_of_a_few_points(name):
    """Fewer than coefficients: of any finite start the fit says that there are too few."""
    one = bn.models.ALL[name]
    for m in (1, 2):
        x = np.linspace(0.5, 1.0, m) if one.coordinates == 1 else np.zeros((one.coordinates, m))
        start = one.guess(x, np.full((2, m), 2.0))
        assert start.shape == (2, len(one.names)) and np.isfinite(start).all()
    few = bn.curve_fit(bn.models.exponential_decay, [1.0], [[2.0], [3.0]])
    assert (few.status == bn.Status.TOO_FEW_POINTS).all()
