"""Cases: calls that the CPU and CUDA answer, and ways to change a call.

The tests run them in Numba's CUDA simulator (``NUMBA_ENABLE_CUDASIM=1``), `gpu_check` uses the same ones on a GPU.
"""

import os
import pickle
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import simulator

import batchnewton as bn
from batchnewton import device, engine, gpus, schedule, slot, solution

FIELDS = ("x", "fun", "status", "nit", "nfev")
if gpus.simulated():
    simulator.share_once()


@dataclass(frozen=True)
class Case:
    """A call that takes ``device`` and ``dtype``, how many threads are to work on each problem, and how many of the
    last digits may differ."""

    name: str
    solve: Callable[..., bn.Result]
    dtype: str = "float64"
    lanes: int = 1
    digits: int = 3


def answers(case: Case, where: str) -> dict[str, np.ndarray]:
    """All answers of a case."""
    os.environ["BATCHNEWTON_CUDA_LANES"] = str(case.lanes)
    result = case.solve(device=where, dtype=case.dtype)
    size = np.size(result.status)
    found = {name: np.reshape(getattr(result, name), (size, -1) if name == "x" else size) for name in FIELDS}
    return found if result.history is None else found | {"history": np.stack(result.history, 2)}


def main(path: str, cases: list[Case]) -> None:
    warnings.simplefilter("ignore")  # NumPy's on infinities, in the simulator
    sys.setswitchinterval(1e-5)  # whose threads wait for each other some thousand times, each time for the interpreter
    done = {case.name: (answers(case, "cpu"), answers(case, "cuda")) for case in cases}
    with open(path, "wb") as file:
        pickle.dump(done, file)


def remembered(solve: Callable[..., bn.Result]) -> Callable[..., bn.Result]:
    """The same call with its history."""

    def call(**options: Any) -> bn.Result:
        return solve(history=True, **options)

    return call


def by(solve: Any, method: str | None = None, **more: Any) -> Any:
    """The same call by a method, with other options."""
    if method:
        more["method"] = method
    return lambda **options: solve(**more, **options)


def with_settings(solve: Callable[..., bn.Result], **settings: Any) -> Callable[..., bn.Result]:
    """The same call while names of `batchnewton.engine`, `slot` or `device` have other values."""

    def changed(**options: Any) -> bn.Result:
        rooms = engine, device, slot
        where = {name: next(room for room in rooms if hasattr(room, name)) for name in settings}
        before = {name: getattr(where[name], name) for name in settings}
        for name, value in settings.items():
            setattr(where[name], name, value)
        try:
            return solve(**options)
        finally:
            for name, value in before.items():
                setattr(where[name], name, value)

    return changed


def in_groups(solve: Callable[..., bn.Result]) -> Callable[..., bn.Result]:
    """The same call with the kernels for many unknowns, however few there are."""
    return with_settings(solve, ALONE={4: 0, 8: 0}, BY_NAME={})


def reordered(solve: Callable[..., bn.Result]) -> Callable[..., bn.Result]:
    """The same call; on CUDA the problems come in another order, the answers in their own."""
    real = schedule.on_gpus

    def shuffled(problem: Any, options: Any, which: Any, answer: Any, *more: Any) -> None:
        order = np.random.default_rng(3).permutation(problem.size)
        found = solution.Solution.empty(problem, options.dtype)
        real(problem.take(order), options, which, found, *more)
        answer.put(order, found)

    def call(**options: Any) -> bn.Result:
        with mock.patch.object(schedule, "on_gpus", shuffled):
            return solve(**options)

    return call


class SmallMemory(device.Slot):
    """A chunk of more than two problems finds no memory."""

    def __init__(self, engine: engine.Engine, problem: Any, length: int) -> None:
        if length > 2:
            raise RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")
        super().__init__(engine, problem, length)
