"""One thread a problem stays in registers: compiled and assembled for three generations of GPUs, without one."""

from dataclasses import replace

import model_cases
import numpy as np
import ptx
import ptx_table
import pytest

import batchnewton as bn
from batchnewton.curve import from_curve
from batchnewton.function import from_function
from batchnewton.methods import SCORING

if ptx.missing():
    pytest.skip(f"NO CUDA KERNEL IS ASSEMBLED: {ptx.missing()}", allow_module_level=True)

LARGEST = {"float32": 16, "float64": 10}
RANGE_REDUCTION = ("damped_sine", "gaussian_2d_rotated")  # sines; see below


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(model_cases.CASES))
def test_ready_models_stay_in_registers(name, dtype):
    """The second phase, which has the exact Hessian."""
    x, y, truth = model_cases.batch(name, 2)
    text = ptx.assemble(from_curve(bn.models.ALL[name], x, y, truth, None), dtype, ptx.EVERYWHERE[0], phase=1).ptx
    for architecture in ptx.EVERYWHERE:
        kernel = ptx.from_ptx(text, architecture)
        if name in RANGE_REDUCTION:
            assert (kernel.spills, kernel.stack <= 48) == (0, True)
        else:
            ptx.check(kernel, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("phase", [0, 1])
def test_likelihoods_stay_in_registers(phase, dtype):
    """Fisher scoring, and the exact Hessian of what it was near."""
    x, y, truth = model_cases.batch("gaussian_2d", 2)
    problem = from_curve(bn.models.gaussian_2d, x, np.abs(y), truth, None, loss="poisson")
    ptx.check(ptx.assemble(problem, dtype, phase=phase, phases=SCORING), dtype)


@pytest.mark.parametrize("name", ["W4", "W5"])
def test_sums_with_exact_hessians_stay_in_registers(name):
    """Each vector that lies in shared memory is read once a loop: read three times, it cost W4 80 bytes of spills."""
    ptx.check(ptx.assemble(ptx_table.workload(name, "float64"), "float64"), "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("method", ["newton-pure", "gradient-descent"])
def test_methods_by_name_stay_in_registers(method, n, dtype):
    ptx.check(ptx.assemble(ptx.exponentials(n), dtype, method=method), dtype)


@pytest.mark.parametrize(
    ("method", "dtype", "n"),
    [
        ("trust-region", "float32", 8),
        ("trust-region", "float64", 8),
        ("newton-pure", "float32", 8),
        ("newton-pure", "float64", 8),
        ("gradient-descent", "float64", 16),
        ("bfgs", "float32", 8),
        ("bfgs", "float64", 4),
        ("lbfgs", "float32", 8),
        ("lbfgs", "float64", 2),
    ],
)
def test_how_far_the_state_of_a_method_stays_in_registers(method, dtype, n):
    ptx.check(ptx.assemble(ptx.chain(n), dtype, method=method), dtype)


@pytest.mark.parametrize(("method", "n", "bytes"), [("bfgs", 16, 3000), ("lbfgs", 8, 1500)])
def test_what_does_not_lies_in_local_memory(method, n, bytes):
    """Their state is in docs/design.md as being outside the registers; not more of it than there is."""
    assert 0 < ptx.assemble(ptx.chain(n), "float64", method=method).stack < bytes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bracket", [None, ([0.0] * 4, [1.0] * 4)])
def test_searches_for_roots_stay_in_registers(bracket, dtype):
    problem = from_function("root", lambda x, a: x[0] * x[0] - a, np.ones((4, 1)), (np.ones(4),), (), bracket=bracket)
    ptx.check(ptx.assemble(problem, dtype, method=None if bracket else "newton-pure"), dtype)


@pytest.mark.parametrize("architecture", ptx.EVERYWHERE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("problem", [ptx.exponentials, ptx.chain, ptx.equations])
def test_no_spill_at_the_largest_size(problem, dtype, architecture):
    ptx.check(ptx.assemble(problem(LARGEST[dtype]), dtype, architecture), dtype)


@pytest.mark.parametrize(("dtype", "n"), [("float32", 12), ("float64", 8)])
def test_bounds_stay_in_registers(dtype, n):
    problem = ptx.exponentials(n)
    ptx.check(ptx.assemble(replace(problem, box=(-problem.x0, problem.x0)), dtype), dtype)


@pytest.mark.parametrize("n", [16, 17])
def test_large_problems_fit_the_shared_memory(n):
    """Every block gets 48 KiB; the assembler refuses what is more, a launch what is staged beside it."""
    problem = ptx.equations(n)
    assert ptx.assemble(problem, "float64").shared <= 48 * 1024
    rows = from_function("least-squares", lambda x, t: x[0] * t + sum(x[1:]), np.ones((2, n)), (), (np.ones((2, 9)),))
    for dtype in ("float32", "float64"):
        assert ptx.assemble(rows, dtype).shared <= 48 * 1024


def test_range_reduction_of_sines_is_all_the_stack_there_is():
    """libdevice keeps the bits of 2 / pi that a large argument needs in 28 to 40 bytes; nothing is spilled."""

    def wave(t, a, w, p):
        return a * np.sin(w * t + p)

    problem = from_curve(wave, np.linspace(0, 1, 20), np.zeros((2, 20)), np.ones((2, 3)), None)
    for dtype in ("float32", "float64"):
        kernel = ptx.assemble(problem, dtype)
        assert kernel.spills == 0
        assert kernel.stack <= 48


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_functions_are_there(dtype):
    import batchnewton.special as special

    def term(x, t):
        far = special.erfc(x[0]) + special.erfcx(x[1]) + special.i0e(x[0] * t) + special.i1e(x[1])
        return (far + special.gamma(x[0]) + special.lgamma(x[1]) + np.arctan2(x[0], x[1]) + np.cbrt(t) - t) ** 2

    problem = from_function("minimize", term, np.ones((2, 2)), (), (np.ones((2, 9)),))
    assert ptx.assemble(problem, dtype).spills == 0
