"""`source` and `check_derivatives`."""

import numpy as np
import pytest
from decays import decay

import batchnewton as bn


def test_source_shows_code_and_counts():
    text = bn.source(decay, 3, curve=True, kind="model")
    assert "# decay: 3 unknowns" in text and "operations:" in text and "exp(" in text
    exec(text.split("\n\n")[0], {})  # the header is Python too


def test_source_takes_the_shapes_of_args():
    assert "problem0_1" in bn.source(lambda x, a: (x[0] - a[1]) ** 2, 1, (np.ones(2),))


def test_check_derivatives_agrees_and_says_where_not():
    rng = np.random.default_rng(0)
    fun = lambda x, a, t: a * np.exp(-t * x[0]) * np.sin(x[1])  # noqa: E731
    report = bn.check_derivatives(fun, rng.normal(size=(5, 2)), (rng.normal(size=5),), data=rng.random((5, 3)))
    assert report.ok and "agree with" in str(report)
    kink = bn.check_derivatives(lambda x: abs(x[0]) + x[1] ** 2, [[0.0, 1.0], [1.0, 1.0]])
    assert not kink.ok
    assert "DISAGREE" in str(kink) and "problem 0, entry (0,)" in str(kink)


@pytest.mark.parametrize("bad", [dict(n=0), dict(n=2, kind="newton"), dict(n="2")])
def test_bad_calls(bad):
    with pytest.raises((ValueError, TypeError)):
        bn.source(lambda x: x[0], **bad)


def test_too_few_points():
    result = bn.curve_fit(decay, [0.0, 1.0], [[1.0, 0.5]] * 2, [[1.0, 1.0, 0.0]] * 2)
    assert (result.status == bn.Status.TOO_FEW_POINTS).all() and not result.success.any()
    np.testing.assert_array_equal(result.x, [[1.0, 1.0, 0.0]] * 2)
