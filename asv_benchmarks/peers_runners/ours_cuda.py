"""batchnewton on a GPU: the same calls with ``device="cuda"``."""

from functools import partial

import workloads

from .ours import prepare
from .registry import Candidate


def candidates(name: str, workload: str, data: workloads.Data, dtype: str, threads: int) -> list[Candidate]:
    from batchnewton import gpus

    if reason := gpus.obstacle():
        raise RuntimeError(reason)
    options: dict = dict(dtype=dtype, device="cuda", threads=threads)
    return [Candidate("host arrays", 1, partial(prepare, name, workload, data, options))]
