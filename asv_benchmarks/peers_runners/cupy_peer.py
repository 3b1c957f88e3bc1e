"""The NumPy peer on a GPU: the same loops, with CuPy's arrays, which lie there before anything is timed."""

import importlib.util
from types import ModuleType
from typing import Any

from . import numpy_peer
from .registry import Candidate, Solve


def candidates(name: str, workload: str, data: dict, dtype: str, threads: int) -> list[Candidate]:
    import cupy

    there = {key: cupy.asarray(array) for key, array in data.items()}
    return with_library(cupy, workload, there, dtype)


def with_library(library: Any, workload: str, there: dict, dtype: str) -> list[Candidate]:
    """The NumPy peer with another library of arrays; chunks are large, since each call of it starts kernels."""
    peer = copy_of_numpy_peer(library)
    peer.CHUNKS = dict.fromkeys(("W1_5", "W1_15", "W2", "W3", "W4", "W5"), (16_384, 131_072))
    found = peer.candidates("numpy", workload, there, dtype, 1)
    return [Candidate(one.setting, one.block, lambda one=one: synchronised(library, one.build())) for one in found]


def copy_of_numpy_peer(library: Any) -> ModuleType:
    """The module once more, whose ``np`` is the library."""
    spec = importlib.util.find_spec(numpy_peer.__name__)
    assert spec is not None and spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    copy.np = library  # type: ignore[attr-defined]
    return copy


def synchronised(library: Any, solve: Solve) -> Solve:
    """Wait for the GPU, and bring evaluations and solutions to the host, as ours does."""

    def whole(count):
        parts = solve(count)
        return [(library.asnumpy(x), library.asnumpy(evaluations)) for x, evaluations in parts]

    return whole
