"""A formula means what NumPy makes of it on all data points: functions of x alone are worked out, others refused."""

import math

import formulas_of_x
import numpy as np
import pytest

import batchnewton as bn
from batchnewton.derive import Input, surveyed
from batchnewton.derive.errors import TraceError
from batchnewton.derive.evaluate import evaluate
from batchnewton.derive.trace import of_a_point
from batchnewton.fingerprint import fingerprint
from batchnewton.reading import new_reading, over_rows

T = np.linspace(0.1, 1, 20)


def formula(text):
    return eval(f"lambda x, a, b: {text}", formulas_of_x.NAMES)


def read(f, x, start=(1.5, 0.7)):
    return new_reading(fingerprint(f), (x,), 2, np.array(start))


@pytest.mark.parametrize("text", formulas_of_x.ALONE)
def test_functions_of_x_alone_have_numpys_values(text):
    """What is traced is compared with NumPy at every point (`reading.compare`), whatever the number of points."""
    for m in (1, 2, 3, 20):
        x = np.linspace(0.1, 1, m)
        assert read(formula(text), x).compared == "whole"


@pytest.mark.parametrize("text", formulas_of_x.COORDINATES)
def test_coordinates_keep_their_axis(text):
    for m in (1, 5, 20):
        x = np.stack([np.linspace(0.1, 1, m), np.linspace(1, 2, m) ** 2])
        assert read(formula(text), x).compared == "whole"


@pytest.mark.parametrize("line", formulas_of_x.REFUSED)
def test_what_needs_the_formula_at_other_points_is_refused(line):
    text, _, name = line.partition(" | ")
    with pytest.raises(TraceError) as caught:
        bn.curve_fit(formula(text), T, T, [1.0, 1.0])
    assert name in str(caught.value) and "line 1" in str(caught.value)


@pytest.mark.parametrize("text", ["a*np.sum(b*x)", "np.max(a*x) + b", "(a*x).mean()"])
def test_coordinates_without_axis_are_refused_with_the_way_out(text):
    with pytest.raises(TraceError, match="expected axis=0"):
        bn.curve_fit(formula(text), np.stack([T, T**2]), T, [1.0, 1.0])
    with pytest.raises(TraceError, match="w @ x is over the coordinates"):
        bn.curve_fit(lambda x, a, b: x @ np.array([a, b]), np.stack([T, T**2]), T, [1.0, 1.0])


def fit(f, truth, x, p0, **options):
    rng = np.random.default_rng(1)
    y = np.asarray(f(x, *truth)) + rng.normal(0, 1e-5, (3, x.shape[-1]))
    res = bn.curve_fit(f, x, y, p0, **options)
    assert res.success.all()
    np.testing.assert_allclose(res.x, np.broadcast_to(truth, res.x.shape), rtol=2e-3)
    return res


def centred(t, a, tau, c):
    return a * np.exp(-t / tau) + c * np.mean(t)


def test_published_formulas_are_fitted_to_the_truth():
    fit(centred, (2, 1.2, 0.3), np.linspace(0, 5, 20), [1.0, 1.0, 1.0])
    fit(lambda x, a, b: a * np.exp(-b * x) / np.size(x), (3, 2), T, [1.0, 1.0])
    fit(lambda x, a, b: np.any(x > 0.5) * a * np.exp(-b * x), (3, 2), T, [1.0, 1.0])
    fit(lambda x, a, b: a * np.exp(-b * x[0]) * x[1] / np.max(x), (3, 2), np.stack([T, T**2 + 1]), [1.0, 1.0])


@pytest.mark.parametrize("options", [{}, {"loss": "soft_l1"}, {"sigma": np.eye(20) + 0.1}, {"dtype": "float32"}])
def test_columns_go_with_losses_covariances_and_precisions(options):
    fit(lambda x, a, b: a * np.exp(-b * x / np.max(x)) + np.diff(x, prepend=0), (3, 2), T, [2.0, 1.5], **options)


def test_another_x_of_the_same_structure_has_the_same_kernel():
    first = read(centred_at_mean, T)
    assert first.survey is not None and first.survey.holds((T[:7] ** 2,))
    again = read(centred_at_mean, np.linspace(3, 9, 7))
    assert fingerprint(first.formula) == fingerprint(again.formula)
    for x in (T, T[:7] ** 2):
        fit(centred_at_mean, (3, 2), x, [1.0, 1.0])


def centred_at_mean(x, a, b):
    return a * np.exp(-b * (x - np.mean(x)) / len(x))


def test_a_number_that_python_needs_is_that_of_the_call():
    def longest(x, a, b):
        return a * x + b * sum(x[i] for i in range(len(x) // 2)) + (1 if x.max() > 0.5 else 2)

    for x in (T, T[:4], T[:4] / 10):
        fit(longest, (3, 2), x, [1.0, 1.0])


def test_each_curve_with_its_own_x():
    rng = np.random.default_rng(0)
    x = [np.sort(rng.uniform(0, 3, m)) for m in (8, 12, 20)]

    def scaled(t, a, b):
        return a * np.exp(-b * t / np.max(t)) + np.mean(t) + np.gradient(t)

    y = [scaled(one, 3, 2) for one in x]
    np.testing.assert_allclose(bn.curve_fit(scaled, x, y, [1.0, 1.0]).x, [[3, 2]] * 3, rtol=1e-9)
    full, data, mask = np.zeros((3, 1, 20)), np.zeros((3, 20)), np.zeros((3, 20), bool)
    for b, (one, values) in enumerate(zip(x, y, strict=True)):
        at = np.arange(20) % 20 < len(one) if b % 2 else np.arange(20) >= 20 - len(one)
        full[b, 0, at], data[b, at], mask[b] = one, values, at
    np.testing.assert_allclose(bn.curve_fit(scaled, full, data, [1.0, 1.0], mask=mask).x, [[3, 2]] * 3, rtol=1e-9)
    with pytest.raises(ValueError, match="another formula for the x of problem 1"):
        bn.curve_fit(lambda t, a, b: a * t + b if len(t) > 10 else b * t, x, y, [1.0, 1.0])


def test_rows_of_functions():
    """The formulas of least_squares and minimize with data= are read as curves are."""
    y = 3 * np.exp(-2 * T / np.max(T)) + 0.5 * np.mean(T) + np.random.default_rng(0).normal(0, 1e-6, (4, 20))

    def residual(p, t, y):
        return p[0] * np.exp(-p[1] * t / np.max(t)) + p[2] * np.mean(t) - y

    own = np.tile(T, (4, 1))
    for data in ((bn.shared(T), y), (own, y)):
        res = bn.least_squares(residual, np.ones((4, 3)), data=data)
        np.testing.assert_allclose(res.x, [[3, 2, 0.5]] * 4, rtol=1e-4)
        res = bn.minimize(lambda p, t, y: 0.5 * residual(p, t, y) ** 2, np.ones((4, 3)), data=data)
        np.testing.assert_allclose(res.x, [[3, 2, 0.5]] * 4, rtol=1e-4)
    with pytest.raises(TraceError, match="returns the residuals or the summand of one row"):
        bn.minimize(lambda p, t, y: np.sum(residual(p, t, y) ** 2), np.ones((4, 3)), data=(own, y))
    with pytest.raises(TraceError, match="np.mean"):
        bn.least_squares(
            lambda p, t, v, y: p[0] * np.mean(t) + v[0] - y, np.ones((4, 1)), data=(own, own[..., None], y)
        )


def test_what_follows_a_fit():
    def scaled(x, a, b):
        return a * np.exp(-b * x / np.max(x)) / len(x)

    res = fit(scaled, (3, 2), T, [1.0, 1.0])
    at = np.array([0.2, 0.5])
    np.testing.assert_allclose(res.band(at).value[0], 3 * np.exp(-2 * at) / 20, rtol=1e-2)
    assert res.sensitivity("ydata").shape == (3, 2, 20)
    with pytest.raises(ValueError, match="sensitivity of 'xdata'"):
        res.sensitivity("xdata")
    res = fit(lambda x, a, b: a * x + b * np.gradient(x), (3, 2), T**2, [1.0, 1.0])
    with pytest.raises(ValueError, match="has a value for each of them"):
        res.band(at)
    assert bn.plot.fits(res, "worst", 1)[0].get_title().endswith(": CONVERGED")


class Once:
    """A function that is another one for arrays than for the numbers that it is traced with."""

    def __call__(self, x, a):
        return a * x + isinstance(x, np.ndarray)


@pytest.mark.parametrize("f", [Once(), lambda x, a: a * x if np.ndim(x) and type(x) is np.ndarray else a * x + 1])
def test_a_formula_that_is_not_numpys_is_refused_with_both_values(f):
    with pytest.raises(ValueError, match="in NumPy and .* as it is traced, at data point 0"):
        bn.curve_fit(f, T, T, [1.0])
    with pytest.raises(ValueError, match="in NumPy and .* as it is traced"):
        bn.minimize(lambda p: (p[0] - isinstance(p[0], float)) ** 2, [3.0])


def test_formulas_of_numbers_are_compared_point_by_point():
    for f in (lambda x, a, b: a * math.exp(-b * x), lambda x, a, b: a * x if x > 0.5 else b):
        assert read(f, T).compared == "points"
    wrong = lambda x, a, b: a * x if isinstance(x, float) else math.exp(x) + b  # noqa: E731
    with pytest.raises(ValueError, match="in NumPy"):
        read(wrong, T)


def test_data_in_single_precision_are_compared_in_double():
    steep = read(lambda x, a, b: a * np.exp(40 * x) / np.exp(40 * x).max() + b, T.astype(np.float32))
    assert steep.compared == "whole"
    fit(lambda x, a, b: a * np.exp(-b * x / np.max(x)), (3, 2), T.astype(np.float32), [1.0, 1.0], dtype="float32")


def test_a_formula_cannot_change_the_data():
    def careless(x, a, b):
        x -= x.mean()
        return a * x + b

    x, y = T.copy(), 3 * (T - T.mean()) + 2
    res = bn.curve_fit(careless, x, y, [1.0, 1.0])
    np.testing.assert_array_equal(x, T)
    np.testing.assert_allclose(res.x, [3, 2], rtol=1e-12)
    with pytest.raises(TraceError, match=r"x.sort\(\) changes an array in place"):
        bn.curve_fit(lambda x, a, b: [x.sort(), a * x + b][1], x, y, [1.0, 1.0])


OTHERS = [np.linspace(0.2, 3, 7), np.array([0.9, 0.1, 0.4, 0.35, 2.0]), np.linspace(5, 1, 20), np.array([0.7])]


@pytest.mark.parametrize("text", formulas_of_x.ALONE)
def test_a_reading_that_is_kept_holds_for_other_data_or_says_that_it_does_not(text):
    """The columns that a kept reading makes of another x give NumPy's values of that x."""
    f = formula(text)
    for first in (T, T[:5], T[:2]):
        traced, survey = traced_over(f, first)
        for x in (*OTHERS, T, T[:5]):
            if survey is not None and not survey.holds((x,)):
                continue
            columns = {} if survey is None else dict(enumerate(survey.values((x,))))
            inputs = {"x": x, "p0": 1.5, "p1": 0.7} | {f"whole_{i}": one for i, one in columns.items()}
            (ours,) = evaluate(traced, inputs)
            with np.errstate(all="ignore"):
                try:
                    theirs = np.asarray(f(x.copy(), 1.5, 0.7), float)
                except ValueError:  # an if on the values of several points
                    continue
            np.testing.assert_allclose(np.broadcast_to(ours, x.shape), theirs.reshape(-1), rtol=1e-9, atol=1e-9)


def traced_over(f, x):
    """What is traced of a formula over x, and its survey."""
    inputs = (Input("x", (), "row"), Input("p0"), Input("p1"))
    user = fingerprint(f)

    def in_a_row(one):
        return lambda x, *p: of_a_point(one(x, *p), user, x)

    def point(x, *p):
        return of_a_point(f(x, *p), user, x)

    survey, traced, _ = over_rows(lambda one: surveyed.curve(f, one), (x,), in_a_row, point, inputs, user)
    return traced.values, survey


def test_a_loop_in_python_over_thousands_of_points_is_refused_with_the_way_out():
    x = np.linspace(0, 1, 3000)
    with pytest.raises(
        TraceError, match=r"<lambda> holds a loop in Python over so many data points.*np.sum\(x\)"
    ) as caught:
        bn.curve_fit(lambda x, a, b: a * sum(t for t in x) + b * x, x, x, [1.0, 1.0])
    assert "test_whole_x.py" in str(caught.value)
