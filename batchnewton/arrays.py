"""Arrays in and out: what a user hands over becomes a real array, or a clear error; answers become what came.

Arrays on a GPU (CuPy, PyTorch, JAX, Numba) stay where they are, as CuPy arrays over the same memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

PLAIN = {np.ndarray, float, int, type(None)}
LISTS = (tuple, list)
FLOATS = np.dtype(np.float64), np.dtype(np.float32)


@dataclass(frozen=True, eq=False)
class Shared:
    """An array that is the same for every problem; see `shared`."""

    value: Any


def shared(a: Any) -> Shared:
    """Mark an argument or data array as shared by all problems: it has no batch axis.

    Parameters
    ----------
    a : array_like
        The values, for instance ``(m,)`` or ``(m, k)`` for data of m rows.

    Examples
    --------
    Two straight lines through the origin, over the same abscissae:

    >>> import numpy as np
    >>> import batchnewton as bn
    >>> t = np.array([1.0, 2.0, 3.0])
    >>> y = np.array([[2.0, 4.0, 6.0], [3.0, 6.0, 9.0]])
    >>> res = bn.least_squares(lambda x, t, y: x[0] * t - y, [[1.0], [1.0]], data=(bn.shared(t), y))
    >>> res.x.ravel().round(6).tolist()
    [2.0, 3.0]
    """
    return Shared(a)


def real(name: str, value: Any) -> np.ndarray:
    """The value as a real array, NaN where it is masked; float32 stays, all else becomes float64."""
    if type(value) is np.ndarray and value.dtype in FLOATS:
        return value
    try:
        array = as_cupy(name, value) if on_gpu(value) else np.asarray(without_mask(value))
    except ValueError as error:
        raise ValueError(f"{name} is not an array: {error}") from error
    if array.dtype == object:
        array = numbers_of(name, array)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}; expected real numbers")
    return array if array.dtype in FLOATS else array.astype(np.float64)


def vector(name: str, value: Any) -> np.ndarray:
    """The same; a number alone is the start of one unknown."""
    array = real(name, value)
    return array if array.ndim else array.reshape(1)


def without_mask(value: Any) -> Any:
    """NaN where a masked array, or a list of them, is masked: NumPy would take the number behind the mask."""
    if isinstance(value, np.ma.MaskedArray) or (
        isinstance(value, LISTS) and any(isinstance(one, np.ma.MaskedArray) for one in value)
    ):
        array = np.ma.array(value)
        return np.ma.filled(array.astype(array.dtype if array.dtype.kind == "f" else np.float64), np.nan)
    return value


def numbers_of(name: str, array: np.ndarray) -> np.ndarray:
    """An array of Python's or pandas' objects as one of numbers."""
    try:
        if any(one is None for one in array.flat):
            raise TypeError("holds None")
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        more = "; of pandas: .to_numpy(float, na_value=np.nan)" if "NA" in str(error) else ""
        raise TypeError(f"{name} has dtype object: {error}; expected real numbers{more}") from error


def shape_error(name: str, array: np.ndarray, expected: str) -> ValueError:
    """What came and what is expected."""
    return ValueError(f"{name} has shape {array.shape}; expected {expected}")


def on_gpu(value: Any) -> bool:
    """Whether an array lies on an NVIDIA GPU."""
    if type(value) in PLAIN:
        return False
    if hasattr(value, "__cuda_array_interface__"):  # CuPy, Numba; PyTorch where it is on a GPU
        return True
    return hasattr(value, "__dlpack_device__") and int(value.__dlpack_device__()[0]) == 2  # kDLCUDA


def as_cupy(name: str, value: Any) -> Any:
    """An array on a GPU as a CuPy array over the same memory."""
    try:
        import cupy
    except ImportError as error:
        from .gpus import extra

        fix = f"CuPy is needed and not installed: pip install 'batchnewton[{extra()}]'"
        raise ValueError(f"{name} is a {type(value).__name__} on a GPU; {fix}") from error
    if type(value).__module__.startswith("torch"):
        value = value.detach()
    if hasattr(value, "block_until_ready"):  # JAX may not even have begun
        value.block_until_ready()
    array = cupy.asarray(value) if hasattr(value, "__cuda_array_interface__") else cupy.from_dlpack(value)
    if array is not value:  # what another library still works out, on streams that CuPy does not know
        array.device.synchronize()
    return array


def on_host(array: Any) -> np.ndarray:
    """The array in the host's memory."""
    return array if isinstance(array, np.ndarray) else array.get()


def there(array: np.ndarray, like: Any) -> Any:
    """An array of the host where ``like`` lies."""
    if isinstance(like, np.ndarray):
        return array
    import cupy

    with cupy.cuda.Device(int(like.device.id)):
        return cupy.asarray(array)


def rows_of(array: Any, rows: Any) -> Any:
    """``array[rows]``, of rows by number or a slice, where the array lies."""
    if isinstance(array, np.ndarray) or isinstance(rows, slice):
        return array[rows]
    return array.take(there(np.asarray(rows), array), axis=0)


def one_row(array: Any) -> Any:
    """The row that all problems share, (1, ...), where an array is broadcast over the batch; else the array."""
    shared = isinstance(array, np.ndarray) and array.ndim > 0 and array.strides[0] == 0
    return array[:1] if shared else array


def put(array: Any, at: np.ndarray, rows: np.ndarray) -> None:
    """``array[at] = rows``, rows of the host by number, where the array lies."""
    array[there(at, array)] = there(rows, array)


def library(values: Any) -> str:
    """Name of the library of the first array that lies on a GPU, to which the answers go back; "numpy" if none does."""
    for value in values:
        if isinstance(value, LISTS):
            found = library(value)
            if found != "numpy":
                return found
        elif on_gpu(value.value if isinstance(value, Shared) else value):
            name = type(value.value if isinstance(value, Shared) else value).__module__.partition(".")[0]
            return name if name in ("torch", "jaxlib", "jax") else "cupy"
    return "numpy"


def given_back(array: Any, name: str, device: Any = None) -> Any:
    """An answer as an array of the library ``name``; ``device`` is the number of the GPU."""
    if name == "numpy":
        return array
    import cupy

    with cupy.cuda.Device(device):
        array = cupy.asarray(array)
    if name == "torch":
        import torch  # pyright: ignore[reportMissingImports]

        return torch.from_dlpack(array)
    if name in ("jax", "jaxlib"):
        import jax

        return jax.dlpack.from_dlpack(array)
    return array
