"""A stand-in for CuPy in Numba's simulator: arrays of the host that behave as if they lay on GPU 0.

It knows the few names that batchnewton uses, so that the code for arrays on a GPU runs in a test; nothing is learnt of
CuPy itself.
"""

import contextlib
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np


def bare(value: Any) -> Any:
    """The host's array of one of ours."""
    if isinstance(value, tuple | list):
        return type(value)(bare(one) for one in value)
    return value.host if isinstance(value, ndarray) else value


def wrapped(value: Any) -> Any:
    return ndarray(value) if isinstance(value, np.ndarray | np.generic) else value


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """As CuPy's: no silent way to the host."""

    device = types.SimpleNamespace(id=0)

    def __init__(self, host: Any) -> None:
        self.host = np.asarray(host)

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **more: Any) -> Any:
        return wrapped(getattr(ufunc, method)(*bare(given), **{name: bare(one) for name, one in more.items()}))

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __getitem__(self, at: Any) -> Any:
        return wrapped(self.host[bare(at)])

    def __setitem__(self, at: Any, value: Any) -> None:
        self.host[bare(at)] = bare(value)

    def __len__(self) -> int:
        return len(self.host)

    def __bool__(self) -> bool:
        return bool(self.host)

    def __int__(self) -> int:
        return int(self.host)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.host, name)
        if not callable(found):
            return wrapped(found)
        return lambda *given, **more: wrapped(found(*bare(given), **more))

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return self.host.__array_interface__

    def get(self) -> np.ndarray:
        return self.host.copy()


def on_host(function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function for our arrays."""
    return lambda *given, **more: wrapped(function(*bare(given), **more))


def install() -> types.ModuleType:
    """Make it the module ``cupy``, and Numba's simulator take its arrays."""
    from numba import cuda
    from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

    module: Any = types.ModuleType("cupy")
    for name in ("array", "ascontiguousarray", "empty", "zeros", "where"):
        setattr(module, name, on_host(getattr(np, name)))
    module.ndarray, module.asarray = ndarray, lambda value: value if isinstance(value, ndarray) else ndarray(value)
    stream = types.SimpleNamespace(synchronize=lambda: None)
    module.cuda = types.SimpleNamespace(Device=lambda *_: contextlib.nullcontext(), get_current_stream=lambda: stream)
    cuda.as_cuda_array = lambda array, sync=True: FakeCUDAArray(array.host)
    sys.modules["cupy"] = module
    return module
