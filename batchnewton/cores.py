"""How many threads a solve takes when nobody says: as many as there are cores for it, and no more.

1. One in a thread of a pool (Dask, joblib, ``concurrent.futures``, ``multiprocessing.pool``): the pool has its others.
2. Else what ``OMP_NUM_THREADS`` or ``NUMBA_NUM_THREADS`` say, as they are when batchnewton is imported.  joblib and
   Dask set them in their worker processes.
3. Else one in a process that ``multiprocessing`` started (joblib's and Dask's too): it has sisters.
4. Else all cores.

Never more than the cores that this process may use: its affinity, the CPU quota of its control group (containers)
and ``LOKY_MAX_CPU_COUNT``.  The argument ``threads`` overrules all of this.
"""

from __future__ import annotations

import functools
import math
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

POOLS = {"concurrent", "dask", "distributed", "joblib", "multiprocessing"}  # packages whose threads are pools
ENVIRONMENT = dict(os.environ)  # at import, as OpenMP and Numba do: Dask's LocalCluster changes that of its parent


def default_threads() -> int:
    """Threads of a solve whose caller named no number."""
    if in_pool_thread():
        return 1
    told = [count for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS") if (count := number(name, ENVIRONMENT))]
    if told:
        return min(usable_cores(), *told)
    return 1 if multiprocessing.parent_process() is not None else usable_cores()


def usable_cores() -> int:
    """Cores that this process may use."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = (affinity, cpu_quota(), number("LOKY_MAX_CPU_COUNT", ENVIRONMENT))
    return max(1, min(limit for limit in limits if limit))


def number(name: str, environment: Mapping[str, str]) -> int | None:
    """A positive number from the environment (of OpenMP's ``"4,2"`` the first); None for anything else."""
    text = environment.get(name, "").split(",")[0].strip()
    return int(text) if text.isdecimal() and int(text) > 0 else None


def in_pool_thread() -> bool:
    """Whether a thread of a pool is asking: not the main thread, and one of POOLS among its callers."""
    if threading.current_thread() is threading.main_thread():
        return False
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in POOLS:
            return True
        frame = frame.f_back
    return False


@functools.cache
def cpu_quota(root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> int | None:
    """Cores that the control groups of this process allow, rounded up; None where there is no limit."""
    shares = [quota / period for quota, period in quotas(Path(root), Path(own)) if quota > 0 and period > 0]
    return max(1, math.ceil(min(shares) - 1e-3)) if shares else None


def quotas(root: Path, own: Path) -> Iterator[tuple[float, float]]:
    """(quota, period) of the process's groups and those above them; version 2, else version 1."""
    for line in text(own).splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        group = Path(path.lstrip("/"))
        for one in (group, *group.parents):
            if not controllers:
                words = text(root / one / "cpu.max").split()
            elif "cpu" in controllers.split(","):
                words = [text(root / "cpu" / one / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
            else:
                continue
            if len(words) == 2 and all(word.strip().isdecimal() for word in words):  # no limit: "max", -1
                yield float(words[0]), float(words[1])


def text(file: Path) -> str:
    """What the file says; nothing where it cannot be read."""
    try:
        return file.read_text()
    except OSError:
        return ""
