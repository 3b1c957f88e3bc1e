"""CUDA against the CPU on tables of small problems, each of which has a kernel of its own."""

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import partial

import both_devices
import cuda_at_answers
import cuda_cases
import cuda_methods
import cuda_patient
import doors
import gpu_groups
import numpy as np
import problems
from gpu_judge import count, each, late

from batchnewton import gpus


def table_agrees(small: bool) -> str:
    """Every problem of the table: same status as the CPU, and where that is a success the same x.

    The chain of trips of an ill-conditioned problem may differ by a rounding; such a problem may end the other way,
    but never with a success that is none.
    """
    different, seen = [], 0
    chosen = problems.PROBLEMS[::23] if small else problems.PROBLEMS
    for problem in chosen:
        if late():
            break
        cpu, cuda = (doors.solve(problem, device=where, dtype="float64") for where in ("cpu", "cuda"))
        seen += 1
        if int(cpu.status) != int(cuda.status):
            different.append(f"{problem.name}: {int(cpu.status)} on the CPU, {int(cuda.status)} on CUDA")
        if bool(cuda.success):
            assert problem.error(cuda.x) < problem.tolerance, f"{problem.name}: false success at {cuda.x}"
    assert len(different) <= seen // 50, "; ".join(different)
    return f"{seen} of {len(chosen)} problems; other status: {different or 'none'}"


@contextlib.contextmanager
def lanes_as_before() -> Iterator[None]:
    """Cases set how many threads have a problem; other checks leave it to the engine."""
    before = os.environ.get("BATCHNEWTON_CUDA_LANES")
    try:
        yield
    finally:
        os.environ.pop("BATCHNEWTON_CUDA_LANES", None)
        if before is not None:
            os.environ["BATCHNEWTON_CUDA_LANES"] = before


def cases_agree(small: bool) -> str:
    """The cases of the simulator's tests, now on a GPU."""
    every = cuda_cases.CASES + cuda_methods.CASES + cuda_patient.CASES
    chosen = every[::8] if small else every
    with lanes_as_before():
        return count([(case.name, partial(case_agrees, case)) for case in chosen], "cases")


def case_agrees(case: both_devices.Case) -> None:
    """The same statuses; where they are a success the same x, as far as a flat gradient and an ulp in libdevice's
    functions let it be."""
    cpu, cuda = (both_devices.answers(case, where) for where in ("cpu", "cuda"))
    np.testing.assert_array_equal(cuda["status"], cpu["status"])
    eps = np.finfo("float32" if case.dtype == "float32" else "float64").eps
    good = cpu["status"] <= 1
    np.testing.assert_allclose(cuda["x"][good], cpu["x"][good], rtol=eps**0.5, atol=eps**0.5)
    if "history" in cpu and cuda["history"].shape == cpu["history"].shape:
        first = cpu["history"][good, :2], cuda["history"][good, :2]  # later ones are of points that differ
        np.testing.assert_allclose(first[1], first[0], rtol=eps**0.25, atol=eps**0.25)


def statistics_agree(small: bool) -> str:
    """Gradients, Hessians, covariances and standard errors worked out on the GPU, of the same answers."""
    chosen = cuda_at_answers.CASES[:: 5 if small else 1]
    with lanes_as_before():
        said = count([(case.name, partial(statistics_of_a_case_agree, case)) for case in chosen], "cases")
    try:
        cpu, cuda = cuda_at_answers.resident()
    except ImportError as error:
        return f"{said}; NOT RUN: arrays on the GPU ({error})"
    finally:
        if gpus.simulated():
            sys.modules.pop("cupy", None)  # the stand-in is no library that `arrays_stay` could ask
    for name, found in cuda.items():
        np.testing.assert_allclose(found, cpu[name], rtol=1e-5, atol=1e-6, err_msg=name)
    return f"{said}, and arrays on the GPU"


def statistics_of_a_case_agree(case: both_devices.Case) -> None:
    """Finite where the CPU's are, and the same to rounding."""
    cpu, cuda = cuda_at_answers.answers(case)
    eps = float(np.finfo(case.dtype).eps)
    size = np.max(np.abs(cpu["hess"][np.isfinite(cpu["hess"])]), initial=1.0)
    for name in cuda_at_answers.FIELDS:
        np.testing.assert_array_equal(np.isfinite(cuda[name]), np.isfinite(cpu[name]), err_msg=name)
        np.testing.assert_allclose(cuda[name], cpu[name], 1e5 * eps, 1e3 * size * eps, err_msg=name)


def groups_of_lanes(small: bool) -> str:
    """Groups of lanes for roots, for the methods by name, with a history, against the CPU."""
    chosen = list(gpu_groups.calls(small).items())[:: 2 if small else 1]
    with lanes_as_before():
        if gpus.simulated():
            os.environ["BATCHNEWTON_CUDA_LANES"] = "2"  # one thread a problem would be no group
        return each([(name, partial(gpu_groups.compared, call)) for name, call in chosen])
