"""What users of SciPy's `curve_fit` write, and what they read where it cannot be."""

import numpy as np
import pytest

import batchnewton as bn

T = np.linspace(0, 5, 16)
Y = np.where(T > 1, 0.5, 1.0)[None] * T


def forgotten(t, a):
    a * t


def text(t, a):
    return "a * t"


def pair(t, a):
    return a * t, a


def printed(t, a):
    print(f"{a:.3f}")
    return a * t


def guarded(t, a):
    if a < 0:
        raise ValueError("a is negative")
    return a * t


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (forgotten, r"forgotten returns None \(is a `return` missing\?\); expected one number for each data point"),
        (text, "text returns a str; expected one number"),
        (pair, "pair returns 2 values; expected one number for each data point"),
        (printed, "its number is not known while the formula is traced"),
        (guarded, "guarded raises ValueError: a is negative, on one side of an `if`.*return np.nan there"),
    ],
)
@pytest.mark.parametrize("loss", ["linear", "poisson"])
def test_the_error_names_the_formula_and_the_users_line(f, message, loss):
    with pytest.raises(TypeError, match=message) as caught:
        bn.curve_fit(f, T, Y, [1.0], loss=loss)
    assert "test_formula_errors.py" in str(caught.value) and "curve.py" not in str(caught.value)


def test_an_x_of_each_curve_is_not_taken_for_coordinates():
    """(B, m) is k coordinates of points that all share: fitted as such, a line gave an answer, and a success."""
    x = np.stack([np.arange(9.0), 2 * np.arange(9.0)])
    y = np.stack([3 * np.arange(9.0) + 1] * 2)

    def line(x, a, c):
        return a * x + c

    with pytest.raises(TypeError, match=r"returns 2 values; .* x, which is an array of 2.*xdata is \(B, 1, m\)"):
        bn.curve_fit(line, x, y, [1.0, 0.0])
    for own, data in ((x[:, None], y), (list(x), list(y))):
        np.testing.assert_allclose(bn.curve_fit(line, own, data, [1.0, 0.0]).x, [[3, 1], [1.5, 1]], rtol=1e-12)


def by_assignment(t, a, b):
    out = np.zeros_like(t)
    out[t <= 1] = a
    out[t > 1] = b
    return out * t


def by_pieces(t, a, b):
    return np.piecewise(t, [t <= 1, t > 1], [lambda t: a * t, lambda t: b * t])


def by_default(t, a, b):
    return np.piecewise(t, [t <= 1], [lambda t: a, b]) * t


def filled(t, a, b):
    return np.where(t <= 1, np.full_like(t, 1.0) * a, np.ones_like(t) * b) * t


@pytest.mark.parametrize("f", [by_assignment, by_pieces, by_default, filled, np.vectorize(filled)])
def test_numpys_ways_to_write_pieces(f):
    res = bn.curve_fit(f, T, Y, [2.0, 2.0])
    assert res.success.all()
    np.testing.assert_allclose(res.x, [[1.0, 0.5]], rtol=1e-12)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_a_sigma_that_is_not_positive(bad):
    def line(x, a):
        return a * x

    with pytest.raises(ValueError, match="sigma holds .*; expected positive standard deviations"):
        bn.curve_fit(line, T, Y, [1.0], sigma=bad)
    with pytest.raises(ValueError, match="sigma holds .*index 3"):
        bn.curve_fit(line, T, Y, [1.0], sigma=np.where(np.arange(16) == 3, bad, 1.0))
    own = np.ones((3, 16))
    own[1, 3] = bad
    res = bn.curve_fit(line, T, np.repeat(Y, 3, 0), [1.0], sigma=own)
    assert [bn.Status(one).name for one in res.status] == ["CONVERGED", "NOT_FINITE_AT_START", "CONVERGED"]
    assert "sigma" in res.summary()


def test_objects_that_are_numbers_are_taken():
    """A column of a table may come as objects, or in pandas' own types."""
    pandas = pytest.importorskip("pandas")

    def line(x, a):
        return a * x

    want = bn.curve_fit(line, T, Y, [1.0]).x
    for given in (Y.astype(object), pandas.DataFrame(Y, dtype="Float64")):
        np.testing.assert_array_equal(bn.curve_fit(line, T, given, [1.0]).x, want)
    with pytest.raises(TypeError, match="ydata has dtype object: .*NA.*na_value"):
        bn.curve_fit(line, T, np.array([pandas.NA, *Y[0, 1:]], dtype=object), [1.0])


def test_starts_labelled_by_pandas_go_by_their_names():
    pandas = pytest.importorskip("pandas")

    def line(t, a, c):
        return a * t + c

    expected = bn.curve_fit(line, T, Y, [1.5, 0.25], fixed=["c"])
    for start in (pandas.Series({"c": 0.25, "a": 1.5}), pandas.DataFrame({"c": [0.25], "a": [1.5]})):
        assert bn.curve_fit(line, T, Y, start, fixed=["c"]).x == pytest.approx(expected.x)
    assert bn.curve_fit(line, T, Y, pandas.Series([1.5, 0.25]), fixed=["c"]).x == pytest.approx(expected.x)


def test_a_keyword_of_scipy_or_of_another_door():
    with pytest.raises(TypeError, match="curve_fit got an unknown keyword argument 'jac'; not needed: derivatives are"):
        bn.curve_fit(filled, T, Y, [1.0, 1.0], jac="2-point")
    with pytest.raises(TypeError, match="'bracket'; expected one of 'f', 'xdata', (?!.*bracket)"):
        bn.curve_fit(filled, T, Y, [1.0, 1.0], bracket=(0, 1))
    with pytest.raises(ValueError, match=r"xdata has shape \(16,\).*is ydata transposed\?"):
        bn.curve_fit(filled, T, np.repeat(Y, 3, 0).T, [1.0, 1.0])


def test_starts_without_bounds_say_whose_are_missing():
    with pytest.raises(ValueError, match="starts=3 needs finite bounds.*; b have none"):
        bn.curve_fit(filled, T, Y, [1.0, 1.0], starts=3, bounds={"a": (0, 2)})
