"""Derived code of random expressions against mpmath."""

import mpmath as mp
from derive_oracle import EXACT, FORMULA_EXACT, FORMULA_TRACED, dense, exact_derivatives, formula_of, run
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batchnewton.derive import Input, derive

SMOOTH = (
    "exp({})",
    "sin({})",
    "tanh({})",
    "sqrt(1 + ({})**2)",
    "log(2 + ({})**2)",
    "({})**3",
    "-({})",
    "sigmoid({})",
    "1 / (2 + ({})**2)",
)
KINKED = ("abs({})", "maximum({}, 0.3)", "where(({}) > 0.1, b, c)")
BINARY = (
    "({}) + ({})",
    "({}) - ({})",
    "({}) * ({})",
    "({}) / (1 + ({})**2)",
    "arctan2({}, 2 + ({})**2)",
    "(1 + ({})**2) ** ({})",
    "minimum({}, {})",
)
LEAVES = st.sampled_from(["a", "b", "c", "x", "0.5", "2.0"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(SMOOTH + KINKED), inner).map(lambda pair: pair[0].format(pair[1])),
        st.tuples(st.sampled_from(BINARY), inner, inner).map(lambda triple: triple[0].format(*triple[1:])),
    ),
    max_leaves=7,
)


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS, st.tuples(*[st.sampled_from([-1.7, -0.6, 0.23, 0.9, 1.4])] * 4))
def test_random_expressions(text, point):
    """The code is run in mpmath, so that a formula's own cancellation does not count."""
    values = dict(zip("abcx", point, strict=True))
    inputs = [Input(name) for name in "abc"] + [Input("x", (), "row")]
    program = derive(formula_of(text, "abcx", FORMULA_TRACED), inputs, "minimize")
    exact = formula_of(text, "abcx", FORMULA_EXACT)
    try:
        expected = exact_derivatives(lambda a, b, c: mp.mpf(exact(a, b, c, mp.mpf(point[3]))), point[:3])
    except (OverflowError, ZeroDivisionError):
        assume(False)
    flat = [expected[0], *expected[1], *[x for row in expected[2] for x in row]]
    assume(all(abs(x) < 1e8 for x in flat))
    with mp.workdps(50):
        f, g, h = dense(run(program, values, EXACT, mp.mpf), 3)
    for mine, true in zip([f, *g, *[x for row in h for x in row]], flat, strict=True):
        assert abs(mine - true) <= 1e-12 * max(map(abs, flat)), f"{text} at {values}\n{program.source()}"
