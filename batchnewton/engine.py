"""The kernels of one problem on one GPU: which there are, in which order they run, what they are handed.

All phases of the fast path follow each other in one stream without a word from the host.  What a
first attempt (Fisher scoring, or ``dtype="mixed"``) did not settle begins anew.  A rough phase runs on copies in
float32; what it could not do, or float64 did not confirm, is not settled.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import compile_cuda as compiler
from .chunk import columns, shared_data
from .gpus import simulated
from .kernels.cuda_across import FAMILIES
from .kernels.cuda_layout import BLOCK, SHARED, Way
from .methods import CLOSE, SMALL, Phase
from .options import Options
from .plan import is_tight, method_of, trips
from .problem import Problem

THREADS = 4 if simulated() else BLOCK  # of a block
BLOCKS = 16  # of each multiprocessor: more than can be resident, so that all are busy
LANES = (1, 2, 4, 8, 16, 32)
FULL = 1 << 16  # threads that a GPU runs side by side
ALONE = {4: 16, 8: 10}  # unknowns that one thread's registers hold, by the bytes of a number (tests/test_ptx.py)
BY_NAME = {  # the same of methods whose state is another
    "newton-pure": {4: 12, 8: 8},
    "bfgs": {4: 12, 8: 8},
    "lbfgs": {4: 8, 8: 4},
    "gradient-descent": {4: 32, 8: 16},
}
BOXED = {4: 4, 8: 2}  # by how many unknowns fewer, where they have bounds
STAGED = 128  # bytes of data of a problem that a thread may keep in shared memory
SINGLE = np.dtype(np.float32)
ONE_AT_A_TIME = threading.Lock()  # launches: warnings are the process's, and Numba's simulator has one state for all


def lanes(n: int, m: int, size: int, itemsize: int) -> int:
    """Threads that work on one problem: the number that a simple model of a trip finds fastest.

    A trip takes a lane ``ceil(m / lanes) row + log2(lanes) exchange + step`` instructions, and as many rounds as the
    threads of the batch exceed what a GPU runs side by side (`FULL`, a constant: the choice must not depend on the
    GPU).  So one thread a problem serves large batches, and a warp or a part of one small batches of long data.  The
    order in which rows are added depends on the choice, so the last digits of a problem do on the size of its batch (on
    nothing else: not on chunks, other problems, or GPUs); ``BATCHNEWTON_CUDA_LANES`` fixes it.  Not measured yet.
    """
    chosen = os.environ.get("BATCHNEWTON_CUDA_LANES")
    if chosen:
        if chosen not in map(str, LANES):
            raise ValueError(f"BATCHNEWTON_CUDA_LANES={chosen!r}; expected one of {', '.join(map(str, LANES))}")
        return int(chosen)
    sums = (n + 1) * (n + 2) // 2
    row, exchange, step = 20 + 2 * sums, 5 * sums * itemsize // 4, 300 + 20 * n * n + n**3 // 3

    def time(width: int) -> float:
        trip = -(-m // width) * row + (width.bit_length() - 1) * exchange + step
        return trip * max(1.0, size * width / FULL)

    return min(LANES, key=time)


def lanes_of_a_group(n: int, m: int, itemsize: int, bounded: bool = False, step: str = "minimize") -> int:
    """Threads that share a problem with its matrix, where one thread's registers would not hold it: n rows on so many
    lanes (not measured on a device); 0 where they hold it, or the iteration ``step`` is not made for groups."""
    alone = BY_NAME.get(step, ALONE)[itemsize] - bounded * BOXED[itemsize]
    if n <= alone or step not in FAMILIES:
        return 0
    chosen = int(os.environ.get("BATCHNEWTON_CUDA_LANES") or 0)
    fitting = 8 if n <= 16 else 16 if n <= 32 else 32
    return (chosen if chosen > 1 else 0) if chosen else fitting


def staged_bytes(problem: Problem, dtype: np.dtype, width: int) -> int:
    """Bytes of each problem's own data, where one thread keeps them in shared memory; 0 where it does not.

    The rows of a problem lie one after the other, so 32 threads that read row k of 32 problems touch 32 lines.  A
    thread that copies short data once, each number beside its neighbour's, reads them without that in every trip.
    ``BATCHNEWTON_CUDA_STAGED`` sets another limit than 128 bytes (not measured on a device; 0 stages nothing).
    """
    parked = (5 if problem.box is not None else 3) * problem.n * dtype.itemsize  # the state (kernels/cuda_layout.py)
    limit = min(int(os.environ.get("BATCHNEWTON_CUDA_STAGED") or STAGED), SHARED - parked)
    size = dtype.itemsize * sum(array[0].size for array in columns(problem)[1])
    return size if width == 1 and size <= limit else 0


def chosen_way(problem: Problem, phase: Phase, dtype: np.dtype) -> Way:
    """How many threads have a problem in a phase, and what they keep in shared memory."""
    group = lanes_of_a_group(problem.n, problem.m, dtype.itemsize, problem.box is not None, phase.step)
    if group:
        return Way(group, grouped=True)
    width = lanes(problem.n, problem.m, problem.whole, dtype.itemsize)
    return Way(width, staged_bytes(problem, dtype, width) > 0)


def sources(problem: Problem) -> tuple[np.ndarray, ...]:
    """Arrays of each problem's own, in the order of the kernels' arguments."""
    args, data = columns(problem)
    return (problem.x0, *args, *data)


@dataclass(frozen=True)
class Step:
    """A kernel in its place: ``anew`` where what was not settled before it begins at its start again, ``certifies``
    where it confirms what the method before it found; ``keeps`` and ``limited`` as in `Way`."""

    solve: Any
    X: Any
    A: Any
    numbers: tuple[Any, ...]
    lanes: int
    threads: int
    staged: int
    rough: bool
    anew: bool
    certifies: bool
    keeps: bool
    limited: bool


@dataclass(frozen=True)
class Arrays:
    """What a launch works on, on the device, flat: x is the start on entry and the solution on return.

    ``queue`` is zero on entry, one number for each step.  ``seen`` takes the history, (problems, width, 4).
    """

    x: Any
    fun: Any
    top: Any
    code: Any
    nit: Any
    nfev: Any
    queue: Any
    given: Sequence[Any]
    seen: Any = None
    rough: Arrays | None = None  # of a rough phase, in float32
    x0: Any = None  # where problems begin anew: room for the start
    best: Sequence[Any] = ()  # room for the best points and F there, where something follows the phases
    ends: Sequence[Any] = ()  # where there is a certificate: room for x, fun, top, nit, code, and sizes of the starts


class Engine:
    """The kernels of one problem on one GPU, and the data that all problems share."""

    def __init__(self, problem: Problem, sequences: Sequence[Sequence[Phase]], options: Options) -> None:
        from numba import cuda

        self.cuda, self.dtype, self.problem = cuda, options.dtype, problem
        self.m = np.int64(problem.m)
        self.steps: list[Step] = []
        self.history = options.history
        certificate = method_of(problem, options).certificate
        self.judged = certificate is not None  # by the CPU, where a certificate leaves it open: by the start's F, too
        self.keeps = method_of(problem, options).patient is not None
        self.most = options.max_iter
        self.width = 0  # evaluations that the phases take together: rows of a history
        for sequence in sequences:
            before = self.dtype
            for at, phase in enumerate(sequence):
                self._add(phase, at == 0, not self.steps, before, options)
                before = SINGLE if phase.rough else self.dtype
        if certificate is not None and problem.n <= SMALL:
            self._add(certificate, False, False, self.dtype, options)
        cuda.synchronize()

    @property
    def mixed(self) -> bool:
        """Whether there is a rough phase."""
        return any(step.rough for step in self.steps)

    @property
    def renewed(self) -> bool:
        """Whether problems may begin anew."""
        return any(step.anew for step in self.steps)

    @property
    def certified(self) -> bool:
        """Whether the last phase is a certificate."""
        return any(step.certifies for step in self.steps)

    def room(self, size: int) -> list[Any]:
        """Arrays for what a certificate keeps of so many ends (`Arrays.ends`)."""
        real, count, how = self.dtype, np.dtype(np.int32), np.dtype(np.int8)
        lengths = size * self.problem.n, size, size, size, size, size
        kinds = zip(lengths, (real, real, real, count, how, real), strict=True)
        return [self.cuda.device_array(*kind) for kind in kinds] if self.certified else []

    def _add(self, phase: Phase, first: bool, fresh: bool, before: np.dtype, options: Options) -> None:
        limit = trips(phase, options)
        dtype = SINGLE if phase.rough else self.dtype
        way = chosen_way(self.problem, phase, dtype)
        way = replace(way, first=first, fresh=fresh, before=before.name, history=options.history)
        limited = is_tight(self.width, limit, self.problem, options)
        way = replace(way, keeps=self.keeps and not phase.rough, limited=limited)
        self.width = min(self.width + limit, self.most)
        kernel = compiler.kernel(self.problem.signature, phase.derive, phase.step, dtype, way)
        threads = min(block(way.lanes), kernel.module.THREADS) if way.grouped else block(way.lanes)
        columns, scalars = shared_there(self.problem, kernel, dtype)
        tolerances = options.rough if phase.rough else (options.ftol, options.xtol, options.gtol)
        numbers = tuple(dtype.type(value) for value in (limit, *tolerances))
        staged = BLOCK * staged_bytes(self.problem, dtype, way.lanes) if way.staged else 0
        self.steps.append(
            Step(kernel.module.solve, columns, scalars, numbers, way.lanes, threads, staged,
                 phase.rough, first and not fresh, not fresh and self.judged, way.keeps, way.limited)
        )  # fmt: skip

    def launch(self, stream: Any, on: Arrays) -> None:
        """All phases of a chunk."""
        with ONE_AT_A_TIME, small_is_no_mistake():
            if self.renewed:
                self._run("convert", stream, on.x, on.x0)
            if self.certified:
                self._run("measure", stream, on.ends[-1], on.x)
            if self.keeps and not self.steps[0].keeps:
                self._run("no_best", stream, on.best[1])
            for at, step in enumerate(self.steps):
                if step.rough:
                    self._copy_rough(stream, on)
                if step.anew:
                    self._run("begin_anew", stream, on.code, on.x, on.x0)
                found = on.code, on.x, on.fun, on.top, on.nit, *on.ends
                if step.certifies:
                    self._run("keep_ends", stream, *found[:-1])
                here = on.rough if step.rough and on.rough else on
                seen = () if on.seen is None else (on.seen, np.int64(self.width))
                if step.certifies and seen:
                    self._run("begin_search", stream, on.code, on.nfev, *seen)
                more = (*seen, *(on.best if step.keeps else ()), *((np.int64(self.most),) if step.limited else ()))
                step.solve[blocks(on.code.size * step.lanes, step.threads), step.threads, stream, step.staged](
                    here.x, here.fun, here.top, on.code, on.nit, on.nfev, step.X, step.A, on.queue[at : at + 1], self.m,
                    *step.numbers, *here.given, *more,
                )  # fmt: skip
                if step.rough:
                    both = on.x, on.fun, on.top, here.x, here.fun, here.top
                    self._run("refine", stream, on.code, *both, *self._box(on))
                if step.certifies:
                    self._run("confirm", stream, *found, self.dtype.type(CLOSE[self.dtype.name]))
            if self.keeps:
                self._run("give_best", stream, on.code, on.x, on.fun, *on.best)

    def _copy_rough(self, stream: Any, on: Arrays) -> None:
        """Everything to float32."""
        assert on.rough is not None
        for source, copy in zip((on.x, *on.given), (on.rough.x, *on.rough.given), strict=True):
            self._run("convert", stream, source, copy)

    def _box(self, on: Arrays) -> tuple[bool, Any, Any]:
        """Whether there are bounds, and these (the start, which is not read, where there are none)."""
        first = len(self.problem.args)
        return (False, on.x0, on.x0) if self.problem.box is None else (True, on.given[first], on.given[first + 1])

    def _run(self, name: str, stream: Any, *arrays: Any) -> None:
        """One of the kernels between the phases, a thread for each number of its first array."""
        from .kernels import cuda_between as between

        threads = block()
        getattr(between, name)[blocks(arrays[0].size, threads), threads, stream](*arrays)


@contextmanager
def small_is_no_mistake() -> Iterator[None]:
    """Launches without Numba's warning of few blocks."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Grid size")
        yield


def block(lanes: int = 1) -> int:
    """Threads of a block, in which ``lanes`` have a problem together."""
    return max(THREADS, lanes)


def blocks(wanted: int, threads: int) -> int:
    """Blocks of a launch for so many threads: enough to fill the GPU, not more."""
    from numba import cuda

    most = 2 if simulated() else cuda.get_current_device().MULTIPROCESSOR_COUNT * BLOCKS
    return max(1, min(most, -(-wanted // threads)))


def shared_there(problem: Problem, kernel: compiler.CudaKernel, dtype: np.dtype) -> tuple[Any, Any]:
    """On the device: the shared columns, followed by those that are worked out from them; the scalars of the call."""
    from numba import cuda

    X, A = shared_data(problem, dtype)
    full = np.concatenate([X, np.zeros(kernel.computed * problem.m, dtype)])
    columns, scalars = (cuda.to_device(one if one.size else np.zeros(1, dtype)) for one in (full, A))  # never empty
    if kernel.computed:
        kernel.module.prepare[1 if simulated() else 16, block()](columns, scalars, np.int64(problem.m))
    return columns, scalars
