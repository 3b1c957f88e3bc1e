"""The methods by name on CUDA: in Numba's simulator, through the front doors, against the CPU engine."""

import cuda_methods
import numpy as np
import pytest
from test_cuda_simulator import apart, in_simulator, same, same_bits, same_history

import batchnewton as bn

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: NO CUDA KERNEL IS TESTED; pip install -e .[test]"
)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return in_simulator("cuda_methods.py", tmp_path_factory.mktemp("cuda"))


@pytest.mark.parametrize("case", cuda_methods.CASES, ids=lambda case: case.name)
def test_same_as_cpu(case, simulated):
    same(case, *simulated[case.name])
    if "history" in case.name and case.dtype == "float64":
        same_history(case, *simulated[case.name], digits=6)  # on the way a rounding grows


@pytest.mark.parametrize("other, whole", apart(cuda_methods.CASES))
def test_neither_chunks_nor_blocks_nor_order_nor_history_change_a_bit(other, whole, simulated):
    same_bits(simulated[other][1], simulated[whole][1])


def test_steps_are_counted_as_on_the_cpu(simulated):
    """The method's own steps; those of the certificate count as evaluations only."""
    for name in (f"himmelblau, {method}" for method in cuda_methods.METHODS):
        cpu, cuda = simulated[name]
        np.testing.assert_array_equal(cuda["nit"], cpu["nit"])
        assert (cuda["nfev"] > cuda["nit"]).all()


def test_the_cases_end_in_every_way(simulated):
    found = {bn.Status(int(one)).name for _, cuda in simulated.values() for one in cuda["status"]}
    assert found >= {"CONVERGED", "SADDLE", "SINGULAR", "MAX_ITER", "NOT_FINITE_AT_START", "UNBOUNDED", "NO_ROOT",
                     "TOO_FEW_POINTS"}  # fmt: skip
