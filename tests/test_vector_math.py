"""The vector functions: their errors, special values, and what LLVM makes of a loop that calls them."""

import platform
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from vector_errors import CASES, DTYPES, TWO_ARGUMENTS, evaluate, lane_loop, largest_error

from batchnewton.kernels import machine, vector_math
from batchnewton.kernels.vector_math import FUNCTIONS

SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, np.inf, -np.inf, np.nan])
# float32 functions that may compute in float64
WIDE = {"gamma", "lgamma", "digamma", "trigamma"}


def same(a, b):
    """Equal with the sign of zero, or both NaN."""
    return (np.isnan(a) & np.isnan(b)) | ((a == b) & (np.signbit(a) == np.signbit(b)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_accuracy(name, dtype):
    error, x, got = largest_error(name, dtype)
    assert error <= CASES[name].ulps, f"{name}({x}) = {got}: {error:.3g} ulp"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_special_values(name, dtype):
    """Zeros of either sign, infinities, NaN and ends of domains, as NumPy and SciPy answer them."""
    count = 2 if name in TWO_ARGUMENTS else 1
    arguments = np.array(list(product(SPECIAL, repeat=count)), dtype).T
    got = evaluate(name, dtype, *arguments)
    with np.errstate(all="ignore"):
        want = CASES[name].peer(*arguments.astype("float64")).astype(dtype)
    eps = 4 * float(np.finfo(dtype).eps)
    exact = ~np.isfinite(want) | (want == 0) | (np.abs(want) == 1)
    wrong = ~np.where(exact, same(got, want), np.isclose(got, want, rtol=eps, atol=eps if name == "digamma" else 0))
    assert not wrong.any(), list(zip(*arguments[:, wrong], got[wrong], want[wrong], strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_far_angles_are_nan(name, dtype):
    """Never a wrong number: floats that are far apart have no meaningful sine."""
    far = {"float64": 2.0**49, "float32": 2.0**20}[dtype]
    x = np.array([far, -far, far * (1 + np.finfo(dtype).eps), -far * 2, 1e30])
    assert list(np.isnan(evaluate(name, dtype, x))) == [False, False, True, True, True]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_stays_within_one(name, dtype):
    x = np.arange(40)[:, None] * (np.pi / 2) + np.linspace(-1e-3, 1e-3, 201)
    assert np.abs(evaluate(name, dtype, x.ravel())).max() == 1


def test_every_function_has_a_case():
    assert set(FUNCTIONS) == set(CASES)
    for name, dtype in product(FUNCTIONS, DTYPES):
        assert getattr(vector_math, f"{name}_{dtype[0]}{dtype[-2:]}") is FUNCTIONS[name][dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_vectorises(name, dtype):
    """The lane loop holds vectors of its own type, and calls nothing."""
    optimised = machine.optimised(Path(f"lanes_{name}"), lane_loop(name, dtype, 256))
    code, assembly = str(optimised), machine.host().machine.emit_assembly(optimised)
    kind = "double" if dtype == "float64" else "float"
    assert re.search(rf"store <\d+ x {kind}>", code)
    body = code[code.index("define") :].split("\n}", 1)[0]
    calls = set(re.findall(r"call[^@]*@([\w.]+)", body))
    assert all(called.startswith("llvm.") for called in calls), calls
    if dtype == "float32" and name not in WIDE:
        assert not re.search(r"\bdouble\b", body)
    if platform.machine().lower() in ("x86_64", "amd64") and name not in ("floor", "fabs", "copysign", *WIDE):
        packed = re.findall(rf"\bv?\w+p{kind[0].replace('f', 's')}\s.*%[xyz]mm", assembly)
        assert len(packed) > (0 if name == "sqrt" else 8)
