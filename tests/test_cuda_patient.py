"""The patient path on CUDA: in Numba's simulator, through the front doors, against the CPU engine."""

import time

import cuda_patient
import numpy as np
import pytest
from test_cuda_simulator import in_simulator, same, same_bits, same_history

import batchnewton as bn
from batchnewton import device

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: NO CUDA KERNEL IS TESTED; pip install -e .[test]"
)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return in_simulator("cuda_patient.py", tmp_path_factory.mktemp("cuda"))


@pytest.mark.parametrize("case", cuda_patient.CASES, ids=lambda case: case.name)
def test_same_as_cpu(case, simulated):
    same(case, *simulated[case.name])
    if "history" in case.name:
        same_history(case, *simulated[case.name], digits=6)  # on the way a rounding grows


OTHERWISE = ("chunks of 2", "blocks of 2 threads", "backwards", "two trips ahead", "history", "little memory")


@pytest.mark.parametrize("other", OTHERWISE)
def test_neither_chunks_nor_blocks_nor_order_change_a_bit(other, simulated):
    same_bits(simulated[f"ends in a box, {other}"][1], simulated["ends in a box"][1])


def test_evaluations_are_limited_as_on_the_cpu(simulated):
    for name, (cpu, cuda) in simulated.items():
        if "evaluation" in name:
            np.testing.assert_array_equal(cuda["nfev"], cpu["nfev"])
            assert (
                cuda["nfev"].max()
                == {"one": 1, "two": 2, "few": 4 if "resident" in name else 20}[name.split(", ")[1][:3]]
            )


@pytest.mark.parametrize("failing", [0, 1])
def test_where_one_gpu_fails_the_others_end(failing):
    """The one that works on would never be done by itself."""
    stop, deadline = np.zeros(1, np.int8), time.monotonic() + 5

    def work(gpu):
        if gpu == failing:
            raise MemoryError("this one")
        while not stop[0] and time.monotonic() < deadline:
            time.sleep(1e-3)

    with pytest.raises(MemoryError, match="this one"):
        device.with_each((0, 1), work, stop)
    assert stop[0] == 1 and time.monotonic() < deadline


def test_the_cases_end_in_every_way(simulated):
    found = {bn.Status(int(one)).name for _, cuda in simulated.values() for one in cuda["status"]}
    assert found >= {"CONVERGED", "CONVERGED_AT_BOUND", "SADDLE", "SINGULAR", "UNBOUNDED", "MAX_ITER", "NO_ROOT",
                     "NOT_FINITE_AT_START", "TOO_FEW_POINTS"}  # fmt: skip
