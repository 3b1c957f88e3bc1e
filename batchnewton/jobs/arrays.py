"""The batch of a job in arrays: which axes are the batch, which are one problem's data, and its blocks in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .blocks import Block, shape_of
from .errors import JobError
from .files import TABLES, choose, open_array, open_file, split_name, suffix
from .stored import Stored


@dataclass
class Stack:
    """Curves or images in an array: some axes are one problem's data, the others count problems.

    Attributes
    ----------
    data : Stored
    axes : tuple of int
        The axes of one problem's data, in order.
    x : (m,) or (k, m) array
    beside : dict
        What `curve_fit` takes beside the data, by its name there (``sigma``, ``trials``, ``mask``): a Stored of the
        data's shape, or a Stored or an array (m,) for all.
    p0 : Stored or array, optional
        (n,) for all, or the batch's shape and n.
    """

    data: Stored
    axes: tuple[int, ...]
    x: np.ndarray
    beside: dict[str, Any] = field(default_factory=dict)
    p0: Any = None
    coordinates: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def batch_axes(self) -> tuple[int, ...]:
        """The axes that count problems."""
        return tuple(i for i in range(len(self.data.shape)) if i not in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the batch; (1,) for one curve alone."""
        return tuple(self.data.shape[i] for i in self.batch_axes) or (1,)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of the batch's axes."""
        if not self.batch_axes:
            return ("problem",)
        if self.data.dims:
            return tuple(self.data.dims[i] for i in self.batch_axes)
        return ("problem",) if len(self.batch_axes) == 1 else tuple(f"axis_{i}" for i in self.batch_axes)

    @property
    def m(self) -> int:
        """Data points of a problem."""
        return math.prod(self.data.shape[i] for i in self.axes)

    @property
    def bytes_each(self) -> int:
        """Bytes of a problem's data, as read and as float64."""
        own = sum(map(self.is_whole, self.beside.values()))
        return self.m * (1 + own) * (self.data.dtype.itemsize + 8)

    def is_whole(self, one: Any) -> bool:
        """Whether this has values of its own for each problem."""
        return isinstance(one, Stored) and one.shape == self.data.shape

    @property
    def pieces(self) -> tuple[int, ...]:
        """Problems along each axis in a piece of the file; empty where it has none."""
        return tuple(self.data.chunks[i] for i in self.batch_axes) if self.data.chunks else ()

    def stored(self) -> dict[str, Stored]:
        """The files that are read, by what they are."""
        named = {"input": self.data, **self.beside, "p0": self.p0}
        return {key: one for key, one in named.items() if isinstance(one, Stored)}

    def read(self, block: Block) -> dict[str, Any]:
        """Arguments of `curve_fit` for the problems of a block."""
        found: dict[str, Any] = {"xdata": self.x, "ydata": self.curves(self.data, block)}
        for key, one in self.beside.items():
            found[key] = self.curves(one, block) if self.is_whole(one) else np.asarray(one[...]).ravel()
        if "mask" in found:
            found["mask"] = found["mask"].astype(bool)
        if self.p0 is not None:
            own = self.p0.ndim > 1 if isinstance(self.p0, np.ndarray) else len(self.p0.shape) > 1
            found["p0"] = self.p0[block].reshape(-1, self.p0.shape[-1]) if own else np.asarray(self.p0[...])
        return found

    def curves(self, array: Stored, block: Block) -> np.ndarray:
        """The data of a block, (problems, m)."""
        key: list[slice] = [slice(None)] * len(array.shape)
        for axis, one in zip(self.batch_axes, block, strict=False):
            key[axis] = one
        part = np.transpose(array[tuple(key)], (*self.batch_axes, *self.axes))
        return np.ascontiguousarray(part).reshape(math.prod(shape_of(block)), self.m)


def open_stack(
    text: str, axis: str | None, x: str | None, p0: np.ndarray | str | None, beside: dict[str, str]
) -> Stack:
    """The arrays that a command line names; ``beside`` are its ``--sigma``, ``--trials``, ``--mask``."""
    path, name = split_name(text)
    arrays = open_file(path)
    data = choose(arrays, name, path)
    if not data.shape or 0 in data.shape:
        raise JobError(f"{data} has shape {data.shape}; expected at least one problem with data")
    axes = data_axes(data, axis)
    stack = Stack(data, axes, abscissae(x, arrays, data, axes))
    for name, given in beside.items():
        option, kind = f"--{name}", for_all if name == "mask" else positive
        constant = kind(option, given, stack.m) if is_number(given) else None
        stack.beside[name] = like_data(option, given, arrays, stack) if constant is None else constant
    if isinstance(p0, str):
        stack.p0 = named("--p0", p0, arrays)
        if stack.p0.shape[:-1] not in ((), stack.shape):
            raise JobError(f"--p0 {stack.p0} has shape {stack.p0.shape}; expected (n,) or {(*stack.shape, 'n')}")
    else:
        stack.p0 = p0
    for dim, extent in zip(stack.dims, stack.shape, strict=True):
        if dim in arrays and arrays[dim].shape == (extent,):
            stack.coordinates[dim] = arrays[dim][:]
    return stack


def data_axes(data: Stored, text: str | None) -> tuple[int, ...]:
    """``--axis``: numbers or names, the last axis by default."""
    rank, found = len(data.shape), []
    for word in (text or "-1").split(","):
        word = word.strip()
        if word in data.dims:
            found.append(data.dims.index(word))
        elif word.lstrip("-").isdecimal() and -rank <= int(word) < rank:
            found.append(int(word) % rank)
        else:
            names = f" or one of {', '.join(data.dims)}" if data.dims else ""
            raise JobError(f"--axis {word!r}: {data} has shape {data.shape}; expected {-rank} to {rank - 1}{names}")
    if len(set(found)) < len(found):
        raise JobError(f"--axis {text!r} names an axis twice")
    return tuple(found)


def abscissae(text: str | None, arrays: dict[str, Stored], data: Stored, axes: tuple[int, ...]) -> np.ndarray:
    """``--x``: numbers, an array of the input's file, or FILE[:NAME]; the axes' own coordinates, or 0, 1, 2, ..."""
    extents = tuple(data.shape[i] for i in axes)
    m = math.prod(extents)
    if text is None:
        each = [np.arange(extent, dtype=float) for extent in extents]
        for place, i in enumerate(axes):
            own = arrays.get(data.dims[i]) if data.dims else None
            if own is not None and own.shape == extents[place : place + 1]:
                each[place] = own[:].astype(float)
        grid = np.meshgrid(*each, indexing="ij")
        return grid[0] if len(axes) == 1 else np.stack([one.ravel() for one in grid])
    x = numbers(text, "--x") if is_number(text) else named("--x", text, arrays)[...].astype(float)
    if x.shape == extents:
        return x.reshape(m)
    if x.ndim == 1 + len(extents) and x.shape[1:] == extents or x.ndim == 2 and x.shape[1] == m:
        return x.reshape(len(x), m)
    raise JobError(f"--x {text!r} has shape {x.shape}; expected {(m,)} or (k, {m}): the data have {m} points a problem")


def named(option: str, text: str, arrays: dict[str, Stored]) -> Stored:
    """An array of the input's file, or FILE[:NAME]."""
    if text in arrays:
        return arrays[text]
    path, _ = split_name(text)
    if suffix(path) in TABLES or not path.suffix:
        known = ", ".join(repr(one) for one in arrays if one)
        input_has = f" (it has {known})" if known else ""
        raise JobError(
            f"{option} {text!r} is neither numbers, nor an array of the input{input_has}, nor a file of arrays"
        )
    return open_array(text)


def like_data(option: str, text: str, arrays: dict[str, Stored], stack: Stack) -> Stored:
    """An array of the data's shape, or (m,)."""
    found = named(option, text, arrays)
    one = tuple(stack.data.shape[i] for i in stack.axes)
    if found.shape not in (stack.data.shape, one):
        raise JobError(f"{option} {found} has shape {found.shape}; expected {stack.data.shape} or {one}")
    return found


def is_number(text: str) -> bool:
    """Whether this is a list of numbers, and no file."""
    try:
        [float(word) for word in text.split(",")]
    except ValueError:
        return False
    return not Path(text).exists()


def positive(option: str, text: str, m: int) -> np.ndarray:
    """``--sigma`` or ``--trials`` in numbers: one for all points, or m."""
    found = for_all(option, text, m)
    if not np.all(np.isfinite(found) & (found > 0)):
        raise JobError(f"{option} {text!r}: expected positive numbers")
    return found


def for_all(option: str, text: str, m: int) -> np.ndarray:
    """One number for all points, or m."""
    found = numbers(text, option)
    if len(found) not in (1, m):
        raise JobError(f"{option} {text!r} has {len(found)} numbers; expected 1 or {m}")
    return np.broadcast_to(found, (m,))


def numbers(text: str, option: str) -> np.ndarray:
    """Comma-separated numbers."""
    try:
        return np.array([float(word) for word in text.split(",")])
    except ValueError as error:
        raise JobError(f"{option} {text!r}: expected numbers, separated by commas") from error
