"""What is derived from residuals, sums of squares and systems of equations, against mpmath."""

import pytest
from derive_oracle import FORMULA_EXACT, FORMULA_TRACED, dense, exact_derivatives, formula_of, run

from batchnewton.derive import Input, derive

TEXTS = ("a * exp(-b * x) - y", "sin(a * b) * x", "a ** 2 - b")


def residuals_of(count):
    """The first residuals at a point: their text, values, and exact f, g, H of each."""
    text, values = f"[{', '.join(TEXTS[:count])}]", {"a": 1.3, "b": 0.6, "x": 0.4, "y": 0.9}
    exact = formula_of(text, list(values), FORMULA_EXACT)
    rows = [exact_derivatives(lambda a, b, q=q: exact(a, b, 0.4, 0.9)[q], [1.3, 0.6]) for q in range(count)]
    return formula_of(text, list(values), FORMULA_TRACED), values, rows


LEVELS = [Input("a"), Input("b"), Input("x", (), "row"), Input("y", (), "point")]


@pytest.mark.parametrize("kind", ["gauss-newton", "least-squares", "hybrid"])
def test_sums_of_squares(kind):
    fun, values, rows = residuals_of(3)
    program = derive(fun, LEVELS, kind)
    outputs = run(program, values)
    f, g, h = dense(outputs, 2)
    exact = kind != "gauss-newton"
    assert program.scale == 0.5
    assert f == pytest.approx(float(sum(r * r for r, _, _ in rows)), rel=1e-14)
    assert g == pytest.approx([float(sum(r * j[i] for r, j, _ in rows)) for i in range(2)], rel=1e-13)
    for i in range(2):
        normal = [float(sum(j[i] * j[k] for _, j, _ in rows)) for k in range(2)]
        full = [x + exact * float(sum(r * s[i][k] for r, _, s in rows)) for k, x in enumerate(normal)]
        assert h[i] == pytest.approx(full, rel=1e-13)
        if kind == "hybrid":
            assert [outputs[f"b_{max(i, k)}_{min(i, k)}"] for k in range(2)] == pytest.approx(normal, rel=1e-13)


def test_root():
    fun, values, rows = residuals_of(2)
    outputs = run(derive(fun, LEVELS, "root"), values)
    for q, (r, j, _) in enumerate(rows):
        assert outputs[f"r_{q}"] == pytest.approx(float(r), rel=1e-14)
        assert [outputs[f"j_{q}_{i}"] for i in range(2)] == pytest.approx([float(x) for x in j], rel=1e-13)
