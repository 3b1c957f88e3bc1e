"""Gpufit (Przybylski et al. 2017, Sci. Rep. 7, 15722) on a GPU, through its Python package ``pygpufit``.

Its GAUSS_2D takes amplitude, centre, width and background, as W1; it computes in float32.
"""

from functools import partial

import numpy as np

from .registry import Candidate, Solve

TOLERANCE, ITERATIONS = 1e-5, 50  # of the change of chi-square: as loose as the other peers


def candidates(name: str, workload: str, data: dict, dtype: str, threads: int) -> list[Candidate]:
    from pygpufit import gpufit

    if not gpufit.cuda_available():
        raise RuntimeError("Gpufit finds no GPU")
    return [Candidate("GAUSS_2D, host arrays", 1, partial(prepare, gpufit, data))]


def prepare(gpufit, data: dict) -> Solve:
    y, p0 = (np.ascontiguousarray(data[key], np.float32) for key in ("y", "p0"))

    def solve(count):
        x, states, _, iterations, _ = gpufit.fit(
            y[:count],
            None,
            gpufit.ModelID.GAUSS_2D,
            p0[:count],
            TOLERANCE,
            ITERATIONS,
            None,
            gpufit.EstimatorID.LSE,
        )
        return [(x, iterations)]

    return solve
