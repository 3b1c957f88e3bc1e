"""Dask arrays in, Dask arrays out: a front door that is given Dask arrays solves when its answers are computed.

Each chunk along the batch axis becomes one task, a call of the front door on NumPy arrays.  So all of Dask's schedulers
work, the answers are bit for bit those of one call, and what a dead worker had is done again by another.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .arrays import Shared
from .curve import parameter_names

RANKS = {"x0": 2, "x": 2, "p0": 2, "xdata": 3, "ydata": 2, "sigma": 2, "counts": 1, "mask": 2, "fixed": 2, "starts": 3}
COVARIANCES = 3  # axes of sigma where each problem has a covariance of its own
ANSWERS = {
    "x": 1,
    "fun": 0,
    "grad": 1,
    "hess": 2,
    "cov": 2,
    "stderr": 1,
    "status": 0,
    "success": 0,
    "nit": 0,
    "nfev": 0,
}
KINDS = {"status": np.int8, "success": np.bool_, "nit": np.int32, "nfev": np.int32}


def lazily(door: Callable[..., Any]) -> Callable[..., Any]:
    """The front door, which leaves Dask arrays to Dask."""

    @functools.wraps(door)
    def either(*args: Any, **kwargs: Any) -> Any:
        if "dask.array" in sys.modules and any(map(is_dask, leaves((args, kwargs)))):
            return deferred(either, inspect.signature(door).bind(*args, **kwargs).arguments)
        return door(*args, **kwargs)

    either.solves = True  # type: ignore[attr-defined]  # no formula can call it
    return either


def is_dask(value: Any) -> bool:
    return isinstance(value, sys.modules["dask.array"].Array)


def leaves(value: Any) -> Iterator[Any]:
    """The values in nested tuples, lists, dictionaries and `shared`.  A list of numbers is not searched."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, Shared):
        value = (value.value,)
    if isinstance(value, tuple | list) and not (value and isinstance(value[0], float | int)):
        for one in value:
            yield from leaves(one)
    else:
        yield value


class LazyResult:
    """Answers of a batch as Dask arrays; the attributes are those of `Result`.

    Nothing is solved before something is computed.  What is wanted together is best computed together,
    ``dask.compute(res.x, res.stderr)``: each problem is then solved once.

    Attributes
    ----------
    x, grad, stderr : (B, n) dask arrays
    fun, status, success, nit, nfev : (B,) dask arrays
    hess, cov : (B, n, n) dask arrays
    names : tuple of str
        Names of the unknowns.
    """

    def __init__(self, blocks: list[Any], sizes: tuple[int, ...], names: tuple[str, ...], dtype: np.dtype) -> None:
        self._blocks, self._sizes, self._dtype, self.names = blocks, sizes, dtype, names

    def __getattr__(self, name: str) -> Any:
        if name not in ANSWERS:
            raise AttributeError(f"LazyResult has no attribute {name!r}; it has {', '.join(ANSWERS)} and names")
        from dask.delayed import delayed

        part = delayed(getattr, pure=True)
        dtype = np.dtype(KINDS.get(name, self._dtype))
        return joined([part(one, name) for one in self._blocks], self._sizes, len(self.names), ANSWERS[name], dtype)

    def __iter__(self) -> Iterator[Any]:
        """``popt, pcov = curve_fit(...)``."""
        return iter((self.x, self.cov))

    def __repr__(self) -> str:
        return f"<batchnewton.LazyResult: {sum(self._sizes)} problems in {len(self._sizes)} chunks, not solved yet>"


def joined(parts: list[Any], sizes: tuple[int, ...], n: int, axes: int, dtype: np.dtype) -> Any:
    """Chunks (size, n, ...) with ``axes`` axes of n, one below the other."""
    import dask.array as da

    pieces = [da.from_delayed(one, (size, *(n,) * axes), dtype) for one, size in zip(parts, sizes, strict=True)]
    return da.concatenate(pieces)


def deferred(door: Callable[..., Any], given: dict[str, Any]) -> Any:
    """One task a chunk; answers when they are computed."""
    from dask.delayed import delayed

    given = given | given.pop("unknown", {})
    batched = [one for name, value in given.items() for one in parts_of_batch(name, value)]
    own = [one for one in batched if is_dask(one)]
    if not own:  # only what is shared is a Dask array: there is nothing to do in parts
        return door(**{name: computed(value) for name, value in given.items()})
    sizes = max(own, key=lambda one: one.size).chunks[0]
    if any(size != size for size in sizes):
        raise ValueError("a Dask array has chunks of unknown size; call its compute_chunk_sizes() first")
    for one in batched:
        if one.shape[0] != sum(sizes):
            raise ValueError(
                f"an array has shape {one.shape}; expected a batch axis of {sum(sizes)} as the others have"
            )
    names = unknowns(given)
    ends = list(itertools.accumulate(sizes))
    solve = delayed(solve_chunk, pure=False)
    cut = {name: in_chunks(name, value, sizes) for name, value in given.items()}
    formula = {name: cut.pop(name)[0] for name in ("f", "fun") if name in cut}
    blocks = [solve(door, formula, {name: parts[i] for name, parts in cut.items()}) for i in range(len(ends))]
    dtype = np.dtype(np.float32 if np.dtype(_plain(given.get("dtype"))) == np.float32 else np.float64)
    if door.__name__ != "value_grad_hess":
        return LazyResult(blocks, sizes, names, dtype)
    take = delayed(lambda found, i: found[i], pure=True)
    return tuple(joined([take(one, i) for one in blocks], sizes, len(names), i, dtype) for i in range(3))


def _plain(dtype: Any) -> Any:
    return np.float64 if dtype in (None, "mixed") else dtype


def solve_chunk(door: Callable[..., Any], formula: dict[str, Any], given: dict[str, Any]) -> Any:
    """The front door, called by a worker."""
    return door(**formula, **given)


def parts_of_batch(name: str, value: Any) -> list[Any]:
    """The arrays of an argument that have a batch axis."""
    if name in ("args", "data"):
        entries = value if isinstance(value, tuple | list) else (value,)
        return [one for one in entries if getattr(one, "ndim", 0) > 0]
    if name == "bounds" and isinstance(value, tuple | list):
        return [one for one in value if getattr(one, "ndim", 0) == 2]
    return [value] if name in RANKS and has_batch_axis(name, getattr(value, "ndim", 0)) else []


def has_batch_axis(name: str, axes: int) -> bool:
    """Whether an argument of so many axes has one for the batch."""
    return axes == RANKS[name] or (name == "sigma" and axes == COVARIANCES)


def in_chunks(name: str, value: Any, sizes: tuple[int, ...]) -> list[Any]:
    """An argument as each chunk gets it."""
    if name in ("args", "data", "bounds") and isinstance(value, tuple | list):
        each = [in_chunks(name, one, sizes) for one in value]
        return [tuple(one[i] for one in each) for i in range(len(sizes))]
    if name in RANKS or name in ("args", "data", "bounds"):
        found = getattr(value, "ndim", 0)
        if found and (found == 2 if name == "bounds" else name in ("args", "data") or has_batch_axis(name, found)):
            return pieces(value, sizes)
    return [whole(value)] * len(sizes)


def pieces(array: Any, sizes: tuple[int, ...]) -> list[Any]:
    """An array cut along its batch axis."""
    if is_dask(array):
        return list(array.rechunk({0: sizes, **dict.fromkeys(range(1, array.ndim), -1)}).to_delayed().ravel())
    ends = list(itertools.accumulate(sizes))
    return [array[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def whole(value: Any) -> Any:
    """A value that all chunks share; a Dask array is computed first."""
    from dask.delayed import delayed

    if isinstance(value, Shared):
        return delayed(Shared)(whole(value.value)) if is_dask(value.value) else value
    return value.rechunk(-1).to_delayed().item() if is_dask(value) else value


def computed(value: Any) -> Any:
    """A value, Dask arrays in it computed."""
    if isinstance(value, Shared):
        return Shared(computed(value.value))
    if isinstance(value, tuple | list):
        return type(value)(computed(one) for one in value)
    return np.asarray(value) if is_dask(value) else value


def unknowns(given: dict[str, Any]) -> tuple[str, ...]:
    """Names of the unknowns."""
    start = next((given[name] for name in ("p0", "x0", "x") if given.get(name) is not None), None)
    names = parameter_names(given["f"]) if callable(given.get("f")) else None
    if names is not None:
        return names
    if start is None:
        raise ValueError("p0 is needed: the number of parameters cannot be read from the signature of f")
    extent = start.shape[-1] if hasattr(start, "shape") else len(np.atleast_2d(start)[0])
    return tuple(f"x{i}" for i in range(extent))
