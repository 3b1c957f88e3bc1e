"""How formulas as users write them are checked: f(p, x) with three unknowns p, against the Python function itself."""

import numpy as np
import pytest
from derive_oracle import run

from batchnewton.derive import Input, derive

X = 0.6
POINTS = [np.array(point) for point in ([0.7, 1.3, 0.4], [-0.5, 0.2, 1.7], [1.2, -0.8, -0.3])]
WEIGHTS = np.array([0.5, 2.0, -1.0])
LEVELS = [Input("p", (3,)), Input("x", (), "row")]


def check(fun, points=POINTS, x=X):
    """Value and gradient against the function itself and its central differences."""
    program = derive(fun, LEVELS, "model")
    for point in points:
        outputs = run(program, {f"p_{k}": value for k, value in enumerate(point)} | {"x": x})
        assert outputs["f"] == pytest.approx(float(fun(point, x)), rel=1e-13, abs=1e-15)
        for k in range(3):
            step = 1e-6 * np.eye(3)[k]
            slope = (float(fun(point + step, x)) - float(fun(point - step, x))) / 2e-6
            assert outputs.get(f"g_{k}", 0.0) == pytest.approx(slope, rel=2e-6, abs=2e-8)
    return program
