"""Derivatives and covariances at the answers, on GPUs: so that standard errors do not cost more than the fits.

Arrays of the host go to the GPUs in chunks; those that lie on a GPU stay there, and so do the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import compile_cuda as compiler
from .chunk import columns, single_or_double
from .device import LONGEST, SHARE, Feed, free_memory, with_each
from .engine import blocks, lanes, shared_there, small_is_no_mistake
from .gpus import simulated
from .kernels.cuda_layout import BLOCK
from .kernels.inverse import UNSURE
from .problem import Problem

WORK = 1 << 28  # bytes in which a GPU inverts matrices

Answers = tuple[Any, Any, Any]


class Evaluator:
    """The kernels for f, g, H and covariances of one problem on one GPU, and the data that all problems share."""

    def __init__(self, problem: Problem, kind: str, dtype: np.dtype) -> None:
        from numba import cuda

        self.cuda: Any = cuda
        self.n, self.m, self.dtype = problem.n, np.int64(problem.m), dtype
        self.lanes = lanes(problem.n, problem.m, problem.size, dtype.itemsize)
        kernel = compiler.derivatives(problem.signature, kind, dtype, self.lanes)
        self.kernel = kernel.module.evaluate
        self.shared = shared_there(problem, kernel, dtype)

    def evaluate(self, x: Any, given: Sequence[Any], answers: Answers) -> None:
        """f, g and H of every problem at x; all arrays are flat and on the device."""
        threads = BLOCK if not simulated() else self.lanes if self.lanes > 1 else 4
        count = blocks(answers[0].size * self.lanes, threads)
        with small_is_no_mistake():
            self.kernel[count, threads](x, *answers, *self.shared, self.m, *given)

    def invert(self, fun: Any, hess: Any, freedom: Any, apart: Any, found: Any) -> None:
        """Hessians become covariances (`cuda_inverse.covariances`), without ``freedom`` as they are."""
        from .kernels import cuda_inverse

        n, size, threads = self.n, found.size, 4 if simulated() else BLOCK
        count = min(blocks(size, threads), max(1, WORK // (8 * n * (n + 1) * threads)))
        factor = self.cuda.device_array(size, np.float64)
        work = self.cuda.device_array((n, n + 1, count * threads), np.float64)
        least = 4 * n * float(np.finfo(self.dtype).eps)
        scale = (True, freedom) if freedom is not None else (False, fun)
        box = (True, apart.reshape(size, n)) if apart is not None else (False, found.reshape(size, 1))
        kernel: Any = cuda_inverse.covariances
        with small_is_no_mistake():
            kernel[count, threads](hess.reshape(size, n, n), fun, *scale, *box, least, found, factor, work)


def unbounded(problem: Problem) -> Problem:
    """The same formula and data: bounds change no derivative."""
    return replace(problem, box=None)


def derivatives(problem: Problem, x: np.ndarray, kind: str, gpus: Sequence[int]) -> Answers:
    """f, g and H of every problem at x, (B,), (B, n) and (B, n, n): on the host, or where the problem's arrays lie."""
    size, n, dtype = problem.size, problem.n, x.dtype
    plain = unbounded(problem)
    if problem.gpu is not None:
        return in_place(plain, x, kind, lambda there, answers: answers)
    f, g, h = np.empty(size, dtype), np.empty((size, n), dtype), np.empty((size, n, n), dtype)

    def keep(there: Evaluator, rows: slice, answers: Answers) -> None:
        for array, found in zip((f, g, h), answers, strict=True):
            found.copy_to_host(array[rows].reshape(-1))

    in_chunks(plain, x, kind, gpus, keep)
    return f, g, h


def covariances(
    problem: Problem,
    x: np.ndarray,
    kind: str,
    gpus: Sequence[int],
    freedom: np.ndarray | None,
    apart: Callable[[slice], np.ndarray] | None,
) -> tuple[Any, np.ndarray]:
    """Covariances at x, (B, n, n), on the host or where the arrays lie; and which problems the GPU could not judge.

    Parameters
    ----------
    problem, x, kind, gpus
        The matrix that is inverted is H of this kind (`batchnewton.derive.derive`).
    freedom : (B,) array, optional
        Degrees of freedom, where the covariance is to be scaled by the variance of the data.
    apart : callable, optional
        Which unknowns of some problems are held, (rows, n), where there are bounds.
    """
    size, n, dtype = problem.size, problem.n, x.dtype
    plain, found = unbounded(problem), np.empty(size, np.int8)

    def inverted(there: Evaluator, rows: slice, answers: Answers) -> Any:
        cuda = there.cuda
        fun, _, hess = answers
        free = None if freedom is None else cuda.to_device(freedom[rows].astype(dtype))
        held = None if apart is None else cuda.to_device(apart(rows).astype(np.int8).reshape(-1))
        how = cuda.device_array(fun.size, np.int8)
        there.invert(fun, hess, free, held, how)
        how.copy_to_host(found[rows])
        # perhaps because of NaN in the data, which only the host leaves out
        found[rows][~np.isfinite(fun.copy_to_host())] = UNSURE
        return hess

    if problem.gpu is not None:

        def all_of_them(there: Evaluator, answers: Answers) -> Any:
            inverted(there, slice(0, size), as_numba(answers))
            return answers[2]

        return in_place(plain, x, kind, all_of_them), found == UNSURE
    cov = np.empty((size, n, n), dtype)

    def keep(there: Evaluator, rows: slice, answers: Answers) -> None:
        inverted(there, rows, answers).copy_to_host(cov[rows].reshape(-1))

    in_chunks(plain, x, kind, gpus, keep)
    return cov, found == UNSURE


def in_chunks(
    problem: Problem, x: np.ndarray, kind: str, gpus: Sequence[int], keep: Callable[[Evaluator, slice, Answers], None]
) -> None:
    """Chunks of the host's arrays on the GPUs; ``keep`` takes the answers of each, which lie on the device, flat."""
    dtype, feed = x.dtype, Feed(problem.size)
    args, data = columns(problem)
    sources = [x, *args, *data]
    n = problem.n
    each = (sum(array[0].size for array in sources) + 1 + n + n * n + n) * dtype.itemsize + n + 1

    def work(gpu: int) -> None:
        from numba import cuda

        with cuda.gpus[gpu]:
            there = Evaluator(problem, kind, dtype)
            share = -(-problem.size // len(gpus))
            length = max(1, min(share, LONGEST, int(SHARE * free_memory(cuda)) // each))
            while (rows := feed.take(length)) is not None:
                sent = [cuda.to_device(single_or_double(array[rows], dtype).reshape(-1)) for array in sources]
                count = rows.stop - rows.start
                f, g, h = (there.cuda.device_array(count * width, dtype) for width in (1, n, n * n))
                answers = f, g, h
                there.evaluate(sent[0], sent[1:], answers)
                keep(there, rows, answers)

    with_each(gpus, work)


def in_place(problem: Problem, x: np.ndarray, kind: str, then: Callable[[Evaluator, Answers], Any]) -> Any:
    """All problems at once, where their arrays lie; ``then`` takes the answers, arrays of CuPy in their shapes."""
    import cupy
    from numba import cuda

    gpu, dtype, size, n = problem.gpu, x.dtype, problem.size, problem.n
    assert gpu is not None
    args, data = columns(problem)
    with cupy.cuda.Device(gpu), cuda.gpus[gpu]:
        cupy.cuda.get_current_stream().synchronize()  # what the arrays wait for may be on another stream
        there = Evaluator(problem, kind, dtype)
        sent = [cupy.ascontiguousarray(cupy.asarray(one), dtype).ravel() for one in (x, *args, *data)]
        answers = cupy.empty(size, dtype), cupy.empty((size, n), dtype), cupy.empty((size, n, n), dtype)
        cupy.cuda.get_current_stream().synchronize()
        flat = [cuda.as_cuda_array(one, sync=False) for one in sent]
        there.evaluate(flat[0], flat[1:], as_numba(answers))
        found = then(there, answers)
        cuda.synchronize()
        return found


def as_numba(answers: Answers) -> Answers:
    """The same arrays for Numba's kernels, flat."""
    from numba import cuda

    f, g, h = (cuda.as_cuda_array(one.ravel(), sync=False) for one in answers)
    return f, g, h
