"""Which GPUs there are and whether they can be used; nothing is imported that the answer does not need."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import sys

WORTHWHILE = 4_096  # problems: from here on device="auto" takes a GPU (a guess, not measured)
DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


@functools.cache
def driver_version() -> int | None:
    """CUDA version that the driver is made for, as 1000 major + 10 minor; None without a driver or without a GPU."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return None
    number = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDriverGetVersion(ctypes.byref(number)):
        return None
    return number.value


def extra() -> str:
    """The extra of this package that fits the driver: cuda12 or cuda13."""
    return "cuda12" if (driver_version() or 13000) < 13000 else "cuda13"


@functools.cache
def obstacle() -> str | None:
    """Why CUDA cannot be used, in a sentence; None if it can."""
    if simulated():
        return None
    if driver_version() is None:
        return f"no NVIDIA driver, or no GPU ({DRIVER} cannot be used)"
    if importlib.util.find_spec("numba_cuda") is None:
        return f"numba-cuda is not installed; to install it: pip install 'batchnewton[{extra()}]'"
    try:
        from numba import cuda

        if not cuda.is_available():
            return f"numba-cuda cannot use the driver: {cuda.cuda_error()}"
        if not len(cuda.gpus):
            return "the driver shows no GPU"
    except Exception as error:  # a broken installation raises its own kinds of error
        return f"numba-cuda does not work ({type(error).__name__}: {error}); pip install 'batchnewton[{extra()}]'"
    return None


def simulated() -> bool:
    """Whether Numba's CUDA simulator stands in for a GPU (NUMBA_ENABLE_CUDASIM=1)."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"


def count() -> int:
    """Number of usable GPUs."""
    if obstacle():
        return 0
    from numba import cuda

    return len(cuda.gpus)
