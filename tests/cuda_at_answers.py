"""Derivatives and covariances at the answers: small batches, solved once, their results asked for on both devices.

As `cuda_cases`: the tests run it in Numba's simulator, `gpu_check` on a GPU.
"""

import os
import pickle
import sys
import warnings
from dataclasses import replace
from typing import Any

import cuda_calls
import numpy as np
from both_devices import Case
from cuda_calls import from_table
from decays import decay

import batchnewton as bn
from batchnewton import gpus
from batchnewton.result import Result

CASES = [
    Case("curves", cuda_calls.curves),
    Case("curves, float32, 4 lanes", cuda_calls.curves, "float32", 4),
    Case("flawed", cuda_calls.flawed),
    Case("weighted, absolute", lambda **options: cuda_calls.weighted(absolute_sigma=True, **options)),
    Case("missing", cuda_calls.missing),
    Case("counted, float32", cuda_calls.counted, "float32"),
    Case("masked", cuda_calls.masked),
    Case("bounded", cuda_calls.bounded),
    Case("robust", cuda_calls.robust),
    Case("penalised, 4 lanes", cuda_calls.penalised, lanes=4),
    Case("valleys", cuda_calls.valleys),
    Case("kepler", cuda_calls.kepler),
    Case("twelve unknowns", cuda_calls.twelve),
    Case("redundant parameters", from_table("redundant parameters")),
    Case("saddle", from_table("saddle")),
]
FIELDS = ("grad", "hess", "cov", "stderr")


def answers(case: Case) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Statistics of one result, by the CPU and by a GPU."""
    os.environ["BATCHNEWTON_CUDA_LANES"] = str(case.lanes)
    cpu = case.solve(device="cpu", dtype=case.dtype)
    cuda = Result(cpu._problem, replace(cpu._options, gpus=(0,)), cpu._solution, cpu._fit.absolute)
    assert not cpu._fit.gpus and cuda._fit.gpus == (0,)
    return tuple({name: getattr(one, name) for name in FIELDS} for one in (cpu, cuda))  # pyright: ignore


def resident() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Of arrays that lie on a GPU: they come back as such (in the simulator a stand-in takes CuPy's part)."""
    if gpus.simulated():
        import cupy_stub

        cupy: Any = cupy_stub.install()
    else:
        import cupy  # pyright: ignore[reportMissingImports]
    data = cuda_calls.fits(3)
    data["y"][1, 3] = np.nan
    bounds = (0.0, [5.0, 1.1, 5.0])
    plain = bn.curve_fit(decay, cuda_calls.T, data["y"], data["p0"], bounds=bounds, device="cpu")
    there = [cupy.asarray(one) for one in (data["y"], data["p0"])]
    result = bn.curve_fit(decay, cuda_calls.T, *there, bounds=bounds)
    assert all(isinstance(getattr(result, name), cupy.ndarray) for name in FIELDS)
    found = {name: getattr(result, name).get() for name in FIELDS}
    f, g, h = bn.value_grad_hess(lambda x, a: (x[0] - a) ** 2 * x[1] + x[1] ** 4, cupy.asarray([[1.0, 2.0]] * 2),
                                 (cupy.asarray(np.array([3.0, 5.0])),))  # fmt: skip
    value = {"f": f.get(), "g": g.get(), "h": h.get()}
    exact = {"f": np.array([24.0, 48.0]), "g": np.array([[-8.0, 36.0], [-16.0, 48.0]]),
             "h": np.array([[[4.0, -4.0], [-4.0, 48.0]], [[4.0, -8.0], [-8.0, 48.0]]])}  # fmt: skip
    return {name: getattr(plain, name) for name in FIELDS} | exact, found | value


def main(path: str) -> None:
    warnings.simplefilter("ignore")  # NumPy's on infinities, in the simulator
    done = {case.name: answers(case) for case in CASES} | {"resident": resident()}
    with open(path, "wb") as file:
        pickle.dump(done, file)


if __name__ == "__main__":
    main(sys.argv[1])
