"""What this installation can use: versions, CPU, GPUs, cache folder; and what to install where something is missing."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from . import gpus
from .cores import default_threads
from .version import __version__

PACKAGES = ("numpy", "numba", "llvmlite", "numba-cuda", "cupy-cuda12x", "cupy-cuda13x", "scipy", "matplotlib")


class Info(dict[str, Any]):
    """A dictionary that prints as lines of text."""

    def __repr__(self) -> str:
        wide = max(map(len, self))
        lines = []
        for name, value in self.items():
            parts = value if isinstance(value, list) else [value]
            lines += [f"{name if at == 0 else '':{wide}}  {part}" for at, part in enumerate(parts)]
        return "\n".join(lines)


def info() -> Info:
    """Devices, driver, versions, cache folder, and whether everything needed is there.

    Returns
    -------
    dict
        ``batchnewton``, ``python``, ``system``, ``cpu``, ``packages``, ``driver`` (the CUDA that it is made for),
        ``gpus`` (a line each), ``auto`` (what ``device="auto"`` takes, and why not a GPU), ``cache``; printed as text.

    Examples
    --------
    >>> import batchnewton as bn
    >>> bn.info()["batchnewton"] == bn.__version__
    True
    """
    driver = gpus.driver_version()
    return Info(
        batchnewton=__version__,
        python=f"{platform.python_version()} ({sys.executable})",
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        cpu=f"{(threads := default_threads())} thread{'s' * (threads != 1)} of {os.cpu_count()} logical cores",
        packages=[f"{name} {_version(name) or '-'}" for name in PACKAGES],
        driver="none" if driver is None else f"for CUDA {driver // 1000}.{driver % 1000 // 10}",
        gpus=_gpus() or ["none"],
        auto=_auto(),
        cache=_cache(),
    )


def _gpus() -> list[str]:
    if gpus.obstacle() or gpus.simulated():
        return ["Numba's CUDA simulator (NUMBA_ENABLE_CUDASIM=1): for tests, not for work"] * gpus.simulated()
    from numba import cuda

    lines = []
    for at, device in enumerate(cuda.gpus.lst):
        with device:
            free, total = cuda.current_context().get_memory_info()
        name = device.name.decode() if isinstance(device.name, bytes) else device.name
        major, minor = device.compute_capability
        memory = f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
        lines.append(f"cuda:{at}  {name}, sm_{major}{minor}, {device.MULTIPROCESSOR_COUNT} multiprocessors, {memory}")
    return lines


def _auto() -> str:
    reason = gpus.obstacle()
    if reason is None:
        return f"the GPUs, for batches of {gpus.WORTHWHILE:,} problems and more; the CPU for smaller ones"
    return f"the CPU: {reason}"


def _cache() -> str:
    from .kernels.cache import cache_folder

    return str(cache_folder())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
