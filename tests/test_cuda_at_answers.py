"""Derivatives and covariances of results on CUDA: in Numba's simulator, against the CPU, at the same answers."""

import cuda_at_answers
import numpy as np
import pytest
from test_cuda_simulator import in_simulator

pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: NO CUDA KERNEL IS TESTED; pip install -e .[test]"
)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return in_simulator("cuda_at_answers.py", tmp_path_factory.mktemp("cuda"))


@pytest.mark.parametrize("case", cuda_at_answers.CASES, ids=lambda case: case.name)
def test_same_as_cpu(case, simulated):
    """To rounding: the order of the sums differs; the inverse of an ill-conditioned matrix multiplies it."""
    cpu, cuda = simulated[case.name]
    eps = np.finfo(case.dtype).eps
    for name in cuda_at_answers.FIELDS:
        assert cuda[name].dtype == cpu[name].dtype == case.dtype, name
        np.testing.assert_array_equal(np.isfinite(cuda[name]), np.isfinite(cpu[name]), err_msg=name)
        size = np.max(np.abs(cpu["hess"][np.isfinite(cpu["hess"])]), initial=1.0)
        np.testing.assert_allclose(cuda[name], cpu[name], rtol=1e4 * eps, atol=100 * size * eps, err_msg=name)


def test_arrays_on_the_gpu_stay_there(simulated):
    """And come back as arrays of their library; NaN is left out, what is at a bound has no variance."""
    cpu, cuda = simulated["resident"]
    for name, there in cuda.items():
        np.testing.assert_allclose(there, cpu[name], rtol=1e-6, atol=1e-7, err_msg=name)
    assert (cpu["cov"] == 0.0).any() and (cuda["cov"] == 0.0).any()


def test_the_cases_have_every_kind_of_covariance(simulated):
    """Regular, singular (infinite), with unknowns that are held (zero)."""
    found = np.concatenate([cuda["cov"].ravel() for name, (_, cuda) in simulated.items()])
    assert np.isinf(found).any() and (found == 0.0).any() and (found > 0.0).any()
