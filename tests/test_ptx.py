"""The CUDA kernels stay in registers: compiled and assembled for three generations of GPUs, without one."""

import re
from dataclasses import replace

import model_cases
import numpy as np
import ptx
import ptx_table
import pytest
from numba import boolean, float32, float64, int8, int32, int64

import batchnewton as bn
from batchnewton import engine
from batchnewton.curve import from_curve
from batchnewton.function import from_function
from batchnewton.kernels import cuda_between, cuda_inverse, cuda_patient
from batchnewton.methods import METHODS, PHASES, SCORING

if ptx.missing():
    pytest.skip(f"NO CUDA KERNEL IS ASSEMBLED: {ptx.missing()}", allow_module_level=True)

EVERYWHERE = ("sm_80", "sm_90", "sm_120")
LARGEST = {"float32": 16, "float64": 10}
RANGE_REDUCTION = ("damped_sine", "gaussian_2d_rotated")  # sines; see below


def check(kernel: ptx.Assembled, dtype: str) -> None:
    assert (kernel.stack, kernel.spills) == (0, 0), f"{kernel.stack} bytes of stack, {kernel.spills} of spills"
    assert dtype == "float64" or ".f64" not in kernel.ptx


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(model_cases.CASES))
def test_ready_models_stay_in_registers(name, dtype):
    """The second phase, which has the exact Hessian."""
    x, y, truth = model_cases.batch(name, 2)
    text = ptx.assemble(from_curve(bn.models.ALL[name], x, y, truth, None), dtype, EVERYWHERE[0], phase=1).ptx
    for architecture in EVERYWHERE:
        kernel = ptx.from_ptx(text, architecture)
        if name in RANGE_REDUCTION:
            assert (kernel.spills, kernel.stack <= 48) == (0, True)
        else:
            check(kernel, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("phase", [0, 1])
def test_likelihoods_stay_in_registers(phase, dtype):
    """Fisher scoring, and the exact Hessian of what it was near."""
    x, y, truth = model_cases.batch("gaussian_2d", 2)
    problem = from_curve(bn.models.gaussian_2d, x, np.abs(y), truth, None, loss="poisson")
    check(ptx.assemble(problem, dtype, phase=phase, phases=SCORING), dtype)


@pytest.mark.parametrize("name", ["W4", "W5"])
def test_sums_with_exact_hessians_stay_in_registers(name):
    """Each vector that lies in shared memory is read once a loop: read three times, it cost W4 80 bytes of spills."""
    check(ptx.assemble(ptx_table.workload(name, "float64"), "float64"), "float64")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 4])
@pytest.mark.parametrize("method", ["newton-pure", "gradient-descent"])
def test_methods_by_name_stay_in_registers(method, n, dtype):
    check(ptx.assemble(ptx.exponentials(n), dtype, method=method), dtype)


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
    check(ptx.assemble(ptx.chain(n), dtype, method=method), dtype)


@pytest.mark.parametrize(("method", "n", "bytes"), [("bfgs", 16, 3000), ("lbfgs", 8, 1500)])
def test_what_does_not_lies_in_local_memory(method, n, bytes):
    """Their state is in docs/design.md as being outside the registers; not more of it than there is."""
    assert 0 < ptx.assemble(ptx.chain(n), "float64", method=method).stack < bytes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bracket", [None, ([0.0] * 4, [1.0] * 4)])
def test_searches_for_roots_stay_in_registers(bracket, dtype):
    problem = from_function("root", lambda x, a: x[0] * x[0] - a, np.ones((4, 1)), (np.ones(4),), (), bracket=bracket)
    check(ptx.assemble(problem, dtype, method=None if bracket else "newton-pure"), dtype)


@pytest.mark.parametrize("architecture", EVERYWHERE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("problem", [ptx.exponentials, ptx.chain, ptx.equations])
def test_no_spill_at_the_largest_size(problem, dtype, architecture):
    check(ptx.assemble(problem(LARGEST[dtype]), dtype, architecture), dtype)


@pytest.mark.parametrize(("dtype", "n"), [("float32", 12), ("float64", 8)])
def test_bounds_stay_in_registers(dtype, n):
    problem = ptx.exponentials(n)
    check(ptx.assemble(replace(problem, box=(-problem.x0, problem.x0)), dtype), dtype)


@pytest.mark.parametrize(
    ("problem", "dtype", "n"),
    [(ptx.exponentials, "float64", n) for n in (12, 16, 32)]
    + [(ptx.chain, "float64", n) for n in (24, 32)]
    + [(ptx.exponentials, "float32", n) for n in (24, 32)],
)
def test_a_group_of_lanes_holds_many_unknowns(problem, dtype, n):
    lanes = engine.lanes_of_a_group(n, 40, np.dtype(dtype).itemsize)
    kernel = ptx.assemble(problem(n), dtype, lanes=lanes, grouped=True)
    check(kernel, dtype)
    assert kernel.shared <= 48 * 1024


@pytest.mark.parametrize(("problem", "n"), [(ptx.chain, 32), (ptx.exponentials, 12)])
def test_a_group_of_lanes_holds_bounds(problem, n):
    bounded = problem(n)
    bounded = replace(bounded, box=(-bounded.x0, bounded.x0))
    lanes = engine.lanes_of_a_group(n, 40, 8)
    check(ptx.assemble(bounded, "float64", lanes=lanes, grouped=True), "float64")


@pytest.mark.parametrize(
    ("problem", "method", "dtype", "n"),
    [
        (ptx.equations, "newton", "float64", 32),
        (ptx.equations, "newton-pure", "float32", 24),
        (ptx.chain, "newton-pure", "float64", 32),
        (ptx.chain, "bfgs", "float64", 32),
        (ptx.exponentials, "bfgs", "float32", 32),
        (ptx.chain, "lbfgs", "float64", 128),
        (ptx.exponentials, "lbfgs", "float32", 64),
        (ptx.chain, "gradient-descent", "float64", 128),
    ],
)
def test_a_group_of_lanes_holds_every_method(problem, method, dtype, n):
    """To the number of unknowns that the CPU takes."""
    problem = problem(n)
    step = METHODS[problem.kind][method].phases[0].step
    lanes = engine.lanes_of_a_group(n, 40, np.dtype(dtype).itemsize, step=step)
    kernel = ptx.assemble(problem, dtype, lanes=lanes, grouped=True, method=method)
    check(kernel, dtype)
    assert kernel.shared <= 48 * 1024


def test_a_group_of_lanes_writes_a_history():
    check(ptx.assemble(ptx.chain(24), "float64", lanes=16, grouped=True, history=True), "float64")


def test_what_lanes_exchange_is_rounded_before_it_is_added():
    """A fused multiplication and addition would leave lanes with different bits, which then go different ways."""
    text = ptx.assemble(ptx.chain(8), "float32", lanes=8, grouped=True, method="lbfgs").ptx
    words = {found[1] for found in re.finditer(r"shfl\.sync\.bfly\.b32\s+(%r\d+)", text)}
    shuffled = {found[1] for found in re.finditer(r"mov\.b32\s+(%f\d+), (%r\d+);", text) if found[2] in words}

    def takes(how):
        lines = re.findall(rf"{how}\.f32\s+[^;]*;", text)
        return sum(bool(shuffled & set(re.findall(r"%f\d+", line))) for line in lines)

    assert takes(r"add\.rn") > 50
    assert takes("add") == takes(r"fma\.rn") == 0


def test_more_unknowns_than_registers_hold_are_shared():
    """What the engine chooses: groups where one thread would spill, and not where a group is not made for it."""
    phase = PHASES["minimize"][0]
    for n, dtype, grouped in (
        (16, "float32", False),
        (17, "float32", True),
        (10, "float64", False),
        (11, "float64", True),
    ):
        way = engine.chosen_way(ptx.chain(n), phase, np.dtype(dtype))
        assert (way.grouped, way.lanes > 1) == (grouped, grouped)
    for n, grouped in ((8, False), (9, True)):
        boxed = replace(ptx.chain(n), box=(np.zeros((4, n)), np.ones((4, n))))
        assert engine.chosen_way(boxed, phase, np.dtype("float64")).grouped == grouped
    for n, method, grouped in ((10, "newton", False), (11, "newton", True), (11, "newton-pure", True)):
        step = METHODS["root"][method].phases[0]
        assert engine.chosen_way(ptx.equations(n), step, np.dtype("float64")).grouped == grouped
    for method, alone in (("newton-pure", 8), ("bfgs", 8), ("lbfgs", 4), ("gradient-descent", 16)):
        step = METHODS["minimize"][method].phases[0]
        for n, grouped in ((alone, False), (alone + 1, True)):
            assert engine.chosen_way(ptx.chain(n), step, np.dtype("float64")).grouped == grouped
    assert not engine.chosen_way(
        ptx.chain(12), METHODS["minimize"]["trust-region"].phases[0], np.dtype("float64")
    ).grouped


@pytest.mark.parametrize(
    ("problem", "kind", "dtype", "n"),
    [
        (ptx.exponentials, "gauss-newton", "float32", 5),
        (ptx.exponentials, "gauss-newton", "float64", 16),
        (ptx.exponentials, "least-squares", "float32", 16),
        (ptx.chain, "minimize", "float64", 32),
    ],
)
def test_derivatives_at_the_answers_stay_in_registers(problem, kind, dtype, n):
    """However many unknowns there are: tile after tile."""
    check(ptx.assemble_derivatives(problem(n), kind, dtype), dtype)


@pytest.mark.parametrize(
    ("problem", "kind", "n"),
    [(ptx.exponentials, "hybrid", 16), (ptx.chain, "minimize", 32), (ptx.equations, "root", 32)],
)
def test_derivatives_of_the_patient_path_stay_in_registers(problem, kind, n):
    check(ptx.assemble_derivatives(problem(n), kind, "float64", listed=True), "float64")


def test_a_trip_of_the_patient_path_stays_in_registers():
    """Of whatever formula and size: there is one such kernel."""
    rows, codes, flat = int32[::1], int8[::1], float64[::1]
    two, three, four, five = float64[:, ::1], float64[:, :, ::1], float64[:, :, :, ::1], float64[:, :, :, :, ::1]
    lists, state = (rows,) * 4, (flat, five, five, three, four)
    ends, room = (two, two, flat, codes, rows, rows, codes), (four, three)
    types = *lists, int64, boolean, float64, *state, *ends, two, two, three, int64, *room
    text = ptx.compiled(cuda_patient.trip, types, EVERYWHERE[0])
    for architecture in EVERYWHERE:
        check(ptx.from_ptx(text, architecture), "float64")


@pytest.mark.parametrize("real", [float32, float64])
def test_what_is_done_before_and_after_a_certificate_assembles(real):
    flat, codes, counts = real[::1], int8[::1], int32[::1]
    ends = codes, flat, flat, flat, counts, flat, flat, flat, counts, codes
    kernels = {"measure": (flat, flat), "keep_ends": ends, "confirm": (*ends, flat, real)}
    kernels["begin_search"] = codes, counts, float64[::1], int64
    for name, types in kernels.items():
        check(ptx.assembled(getattr(cuda_between, name), types), "float64")


def test_covariances_assemble():
    """Whatever n is, they are worked out in global memory."""
    real, flat, codes = float32[:, :, ::1], float32[::1], int8[::1]
    types = (real, flat, boolean, flat, boolean, int8[:, ::1], float64, codes, float64[::1], float64[:, :, ::1])
    kernel = ptx.assembled(cuda_inverse.covariances, types)
    assert (kernel.stack, kernel.spills) == (0, 0)


@pytest.mark.parametrize("n", [16, 17])
def test_large_problems_fit_the_shared_memory(n):
    """Every block gets 48 KiB; the assembler refuses what is more, a launch what is staged beside it."""
    problem = ptx.equations(n)
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
