"""The kernels beside the iterations: the patient path's, derivatives and covariances at answers, certificates' ends."""

import ptx
import pytest
from numba import boolean, float32, float64, int8, int32, int64

from batchnewton.kernels import cuda_between, cuda_inverse, cuda_patient

if ptx.missing():
    pytest.skip(f"NO CUDA KERNEL IS ASSEMBLED: {ptx.missing()}", allow_module_level=True)


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
    ptx.check(ptx.assemble_derivatives(problem(n), kind, dtype), dtype)


@pytest.mark.parametrize(
    ("problem", "kind", "n"),
    [(ptx.exponentials, "hybrid", 16), (ptx.chain, "minimize", 32), (ptx.equations, "root", 32)],
)
def test_derivatives_of_the_patient_path_stay_in_registers(problem, kind, n):
    ptx.check(ptx.assemble_derivatives(problem(n), kind, "float64", listed=True), "float64")


def test_a_trip_of_the_patient_path_stays_in_registers():
    """Of whatever formula and size: there is one such kernel."""
    rows, codes, flat = int32[::1], int8[::1], float64[::1]
    two, three, four, five = float64[:, ::1], float64[:, :, ::1], float64[:, :, :, ::1], float64[:, :, :, :, ::1]
    lists, state = (rows,) * 4, (flat, five, five, three, four)
    ends, room = (two, two, flat, two, flat, codes, rows, rows, codes), (four, three)
    types = *lists, int64, boolean, float64, *state, *ends, two, two, three, int64, *room
    text = ptx.compiled(cuda_patient.trip, types, ptx.EVERYWHERE[0])
    for architecture in ptx.EVERYWHERE:
        ptx.check(ptx.from_ptx(text, architecture), "float64")


@pytest.mark.parametrize("real", [float32, float64])
def test_what_is_done_before_and_after_a_certificate_assembles(real):
    flat, codes, counts = real[::1], int8[::1], int32[::1]
    ends = codes, flat, flat, flat, counts, flat, flat, flat, counts, codes
    kernels = {"measure": (flat, flat), "keep_ends": ends, "confirm": (*ends, flat, real)}
    kernels["begin_search"] = codes, counts, float64[::1], int64
    for name, types in kernels.items():
        ptx.check(ptx.assembled(getattr(cuda_between, name), types), "float64")


def test_covariances_assemble():
    """Whatever n is, they are worked out in global memory."""
    real, flat, codes = float32[:, :, ::1], float32[::1], int8[::1]
    types = (real, flat, boolean, flat, boolean, int8[:, ::1], float64, codes, float64[::1], float64[:, :, ::1])
    kernel = ptx.assembled(cuda_inverse.covariances, types)
    assert (kernel.stack, kernel.spills) == (0, 0)
