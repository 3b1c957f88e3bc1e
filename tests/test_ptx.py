"""The CUDA kernels stay in registers: compiled and assembled for three generations of GPUs, without one."""

import numpy as np
import ptx
import pytest

from batchnewton.curve import from_curve
from batchnewton.problem import from_function

if ptx.missing():
    pytest.skip(f"NO CUDA KERNEL IS ASSEMBLED: {ptx.missing()}", allow_module_level=True)

EVERYWHERE = ("sm_80", "sm_90", "sm_120")
SIZES = {"float32": (2, 3, 5, 8, 12, 16), "float64": (2, 3, 5, 8, 10)}
LARGEST = {"float32": 16, "float64": 10}


def check(kernel: ptx.Assembled, dtype: str) -> None:
    assert (kernel.stack, kernel.spills) == (0, 0), f"{kernel.stack} bytes of stack, {kernel.spills} of spills"
    assert dtype == "float64" or ".f64" not in kernel.ptx


@pytest.mark.parametrize(("dtype", "n"), [(dtype, n) for dtype, sizes in SIZES.items() for n in sizes])
def test_no_stack_and_no_spill(dtype, n):
    for phase in (0, 1):
        check(ptx.assemble(ptx.exponentials(n), dtype, phase=phase), dtype)


@pytest.mark.parametrize("architecture", EVERYWHERE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("problem", [ptx.exponentials, ptx.chain, ptx.equations])
def test_no_spill_at_the_largest_size(problem, dtype, architecture):
    check(ptx.assemble(problem(LARGEST[dtype]), dtype, architecture), dtype)


@pytest.mark.parametrize("n", [16, 17, 32])
def test_large_problems_fit_the_shared_memory(n):
    """Every block gets 48 KiB; the assembler refuses what is more, a launch what is staged beside it."""
    problem = ptx.chain(n)
    assert ptx.assemble(problem, "float64").shared <= 48 * 1024
    rows = from_function("least-squares", lambda x, t: x[0] * t + sum(x[1:]), np.ones((2, n)), (), (np.ones((2, 9)),))
    for dtype in ("float32", "float64"):
        assert ptx.assemble(rows, dtype).shared <= 48 * 1024


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_warp_a_problem(dtype):
    kernel = ptx.assemble(ptx.exponentials(8), dtype, lanes=32)
    check(kernel, dtype)
    sums, words = 1 + 8 + 36, np.dtype(dtype).itemsize // 4
    assert kernel.ptx.count("shfl.sync.bfly") == 5 * sums * words


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
