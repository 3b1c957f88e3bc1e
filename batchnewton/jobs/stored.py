"""An array in a file, read piece by piece."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .errors import JobError


@dataclass(frozen=True)
class Stored:
    """An array in a file, read piece by piece.

    Attributes
    ----------
    path : Path
    name : str
        Its name in the file; empty where a file holds one array without a name.
    shape : tuple of int
    dtype : numpy.dtype
    read : callable
        ``read(key)`` with a tuple of slices, one for each axis.
    dims : tuple of str
        Names of the axes; empty where the format has none.
    attributes : dict
        Texts and numbers that came with it, ``units`` among them.
    chunks : tuple of int
        Extents of the pieces in which the file holds it; empty where it has none.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[tuple[slice, ...]], Any]
    dims: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    chunks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.dtype.kind not in "fiub":
            raise JobError(f"{self} has dtype {self.dtype}; expected real numbers")

    def __str__(self) -> str:
        return f"{self.path}:{self.name}" if self.name else str(self.path)

    def __getitem__(self, key: Any) -> np.ndarray:
        key = () if key is ... else key if isinstance(key, tuple) else (key,)
        key += (slice(None),) * (len(self.shape) - len(key))
        try:
            return native(self.read(key))
        except Exception as error:  # each library has its own kinds; a corrupt chunk may be anything
            where = ", ".join(f"{one.start or 0}:{one.stop or n}" for one, n in zip(key, self.shape, strict=True))
            raise JobError(f"{self} cannot be read at [{where}] ({type(error).__name__}: {error})") from error


def native(array: Any) -> np.ndarray:
    """A NumPy array in the machine's byte order."""
    array = np.asarray(array)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def of(path: Path, name: str, array: Any, dims: Any = (), attributes: Any = ()) -> Stored:
    """An array-like that reads what is asked of it."""
    dims = tuple(str(one) for one in dims or () if one)
    plain = {str(k): v for k, v in dict(attributes).items() if isinstance(v, str | int | float)}
    names = dims if len(dims) == len(array.shape) else ()
    pieces = getattr(array, "shards", None) or getattr(array, "chunks", None) or ()
    kind = np.dtype(array.dtype)
    return Stored(path, name, tuple(array.shape), kind, lambda key: array[key], names, plain, tuple(pieces))


def mapped(path: Path, name: str, array: Any) -> Stored:
    """A memory map.  What was read is given back at once: else all of the file would count as memory of the process."""

    def read(key: tuple[slice, ...]) -> np.ndarray:
        part = np.array(array[key])
        if hasattr(mmap, "MADV_DONTNEED") and getattr(array, "_mmap", None) is not None:
            array._mmap.madvise(mmap.MADV_DONTNEED)
        return part

    return Stored(path, name, tuple(array.shape), np.dtype(array.dtype), read)
