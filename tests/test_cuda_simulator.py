"""The CUDA kernels in Numba's simulator, through the front doors, against the CPU engine."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import cuda_cases
import numpy as np
import pytest
from both_devices import FIELDS
from decays import decay

import batchnewton as bn
from batchnewton import engine, patient
from batchnewton.curve import from_curve
from batchnewton.methods import PHASES

HERE = Path(__file__).parent
pytest.importorskip(
    "numba_cuda", reason="numba-cuda is not installed: NO CUDA KERNEL IS TESTED; pip install -e .[test]"
)


def in_simulator(program, folder):
    """Answers of every case of a program: on the CPU, and in the simulator (one process for all: it replaces Numba's
    CUDA)."""
    path = folder / "answers"
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / program), str(path)],
        env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return pickle.loads(path.read_bytes())


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return in_simulator("cuda_cases.py", tmp_path_factory.mktemp("cuda"))


@pytest.mark.parametrize("case", cuda_cases.CASES, ids=lambda case: case.name)
def test_same_as_cpu(case, simulated):
    same(case, *simulated[case.name])


def same(case, cpu, cuda):
    """Same statuses; values to rounding (only the order of the sums differs)."""
    np.testing.assert_array_equal(cuda["status"], cpu["status"])
    precision = case.dtype.replace("mixed", "float64")
    eps = np.finfo(precision).eps
    np.testing.assert_allclose(cuda["x"], cpu["x"], rtol=10**case.digits * eps, atol=0.1 * 10**case.digits * eps)
    np.testing.assert_allclose(cuda["fun"], cpu["fun"], rtol=1e3 * eps, atol=1e2 * eps)
    assert cuda["x"].dtype == precision


REMEMBERED = [case for case in cuda_cases.CASES if "history" in case.name or case.name in ("mixed", "mixed, flawed")]


@pytest.mark.parametrize("case", REMEMBERED, ids=lambda case: case.name)
def test_same_history(case, simulated):
    same_history(case, *simulated[case.name])


def same_history(case, cpu, cuda, digits=3):
    """F and max |g| of every evaluation, in every phase; max |g| loses its digits where it vanishes."""
    eps = np.finfo("float32" if case.dtype == "mixed" else case.dtype).eps
    np.testing.assert_array_equal(cuda["nfev"], cpu["nfev"])
    cpu, cuda = cpu["history"], cuda["history"]
    assert cuda.shape == cpu.shape
    np.testing.assert_array_equal(np.isfinite(cuda), np.isfinite(cpu))
    np.testing.assert_allclose(cuda[..., 0], cpu[..., 0], rtol=10**digits * eps, atol=1e2 * eps)
    np.testing.assert_allclose(cuda[..., 1], cpu[..., 1], rtol=1e-3, atol=1e4 * eps)


def test_two_attempts_take_the_steps_of_the_cpu(simulated):
    for name in ("mixed", "mixed, flawed", "mixed, valleys", "bounded, mixed", "photons"):
        cpu, cuda = simulated[name]
        assert np.abs(cuda["nfev"] - cpu["nfev"]).max() <= 1, name  # near float32's rounding a trip may be more


def apart(cases):
    """Cases that differ from another one by what must not change a bit: their names, and those of the others."""
    names = [case.name for case in cases]
    found = {name: name.rpartition(", ")[0] for name in names if name.rpartition(", ")[2].startswith(SAME_BITS)}
    return [(name, whole) for name, whole in found.items() if whole in names]


SAME_BITS = ("chunks of", "parts of", "little memory", "another order", "blocks of", "history")


@pytest.mark.parametrize("other, whole", apart(cuda_cases.CASES))
def test_neither_chunks_nor_blocks_nor_order_change_a_bit(other, whole, simulated):
    same_bits(simulated[other][1], simulated[whole][1])


def same_bits(one, another):
    for name in FIELDS:
        np.testing.assert_array_equal(one[name], another[name], err_msg=name)


def test_how_many_have_nan_chooses_nothing(monkeypatch):
    """What is left out of other curves changes no bit: those with NaN are solved as the whole batch would be."""
    monkeypatch.delenv("BATCHNEWTON_CUDA_LANES", raising=False)
    y = np.ones((300_000, 20), np.float32)
    y[::2, 3] = np.nan
    problem = from_curve(decay, np.arange(20.0), y, np.ones(3), None)
    parts = [problem.without_nan(np.arange(0, size, 2)) for size in (2, len(y))]
    phase = PHASES[problem.kind][0]
    one, many = (engine.chosen_way(part, phase, np.dtype("float64")) for part in parts)
    assert one == many != engine.chosen_way(problem.take(np.arange(1)), phase, np.dtype("float64"))
    assert patient.worthwhile(parts[0]) and patient.worthwhile(parts[1])


def test_the_cases_end_in_every_way(simulated):
    """Certified minima, and what the fast path hands over: so nothing above is equal for lack of variety."""
    found = {bn.Status(int(one)).name for _, cuda in simulated.values() for one in cuda["status"]}
    assert {"CONVERGED", "CONVERGED_AT_BOUND", "NOT_FINITE_AT_START", "SINGULAR", "UNBOUNDED", "NO_ROOT"} <= found
