"""A batch on GPUs: chunks stream through pinned buffers, copies and kernels overlap, several GPUs share the chunks.

Each GPU has two slots, each with a stream and the buffers of one chunk: while one computes, the other copies.  All
phases of the fast path run on the device without a word from the host; what they leave over goes to the trust-region
method on the CPU (``leftover``).  What happens to a problem does not depend on its chunk or its GPU.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from . import compile_cuda as compiler
from .chunk import columns
from .gpus import simulated
from .kernels import status
from .kernels.converge import CONVERGED, NOT_FINITE_AT_START
from .kernels.cuda import BLOCK, SHARED
from .options import Options
from .problem import Problem

SLOTS = 2  # chunks on a GPU at a time
SHARE = 0.4  # of the free memory, for all slots of a GPU
SHORTEST, LONGEST = 1 << 10, 1 << 21  # problems of a chunk
BLOCKS = 16  # of each multiprocessor: more than can be resident, so that all are busy
LANES = (1, 2, 4, 8, 16, 32)
FULL = 1 << 16  # threads that a GPU runs side by side
STAGED = 128  # bytes of data of a problem that a thread may keep in shared memory


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


def staged_bytes(problem: Problem, dtype: np.dtype, width: int) -> int:
    """Bytes of each problem's own data, where one thread keeps them in shared memory; 0 where it does not.

    The rows of a problem lie one after the other, so 32 threads that read row k of 32 problems touch 32 lines.  A
    thread that copies short data once, each number beside its neighbour's, reads them without that in every trip.
    ``BATCHNEWTON_CUDA_STAGED`` sets another limit than 128 bytes (not measured on a device; 0 stages nothing).
    """
    left = SHARED - 3 * problem.n * dtype.itemsize  # beside the parked state (kernels/cuda.py)
    limit = min(int(os.environ.get("BATCHNEWTON_CUDA_STAGED") or STAGED), left)
    size = dtype.itemsize * sum(array[0].size for array in columns(problem)[1])
    return size if width == 1 and size <= limit else 0


def sources(problem: Problem) -> tuple[np.ndarray, ...]:
    """Arrays of each problem's own, in the order of the kernels' arguments."""
    args, data = columns(problem)
    return (problem.x0, *args, *data)


class Phase(Protocol):
    """One kernel of the fast path (see `methods.PHASES`)."""

    @property
    def derive(self) -> str: ...
    @property
    def step(self) -> str: ...
    @property
    def trips(self) -> int: ...


class Answers(Protocol):
    """Arrays of the answers (see `schedule.Solution`)."""

    x: np.ndarray
    fun: np.ndarray
    status: np.ndarray
    nit: np.ndarray
    nfev: np.ndarray


class Engine:
    """The kernels of one problem on one GPU, and the data that all problems share."""

    def __init__(
        self, problem: Problem, phases: Sequence[Phase], options: Options, shared: tuple[np.ndarray, np.ndarray]
    ) -> None:
        from numba import cuda

        self.cuda, self.dtype = cuda, options.dtype
        self.lanes = lanes(problem.n, problem.m, problem.size, self.dtype.itemsize)
        self.staged = staged_bytes(problem, self.dtype, self.lanes)
        self.threads = BLOCK if not simulated() else self.lanes if self.lanes > 1 else 4
        self.m = np.int64(problem.m)
        self.tolerances = [self.dtype.type(value) for value in (options.ftol, options.xtol, options.gtol)]
        X, A = shared
        self.A = cuda.to_device(_not_empty(A))
        self.steps = []
        spent = 0
        for at, phase in enumerate(phases):
            way = (phase.derive, phase.step, self.dtype, self.lanes, at == 0, self.staged > 0)
            kernel = compiler.kernel(problem.signature, *way)
            limit = self.dtype.type(max(1, min(phase.trips, options.max_iter - spent)))
            self.steps.append((kernel.module.solve, self._columns(kernel, X), limit))
            spent += phase.trips
        cuda.synchronize()

    def _columns(self, kernel: compiler.CudaKernel, X: np.ndarray) -> Any:
        """The shared columns on the device, followed by those that are worked out from them."""
        whole = np.concatenate([X, np.zeros(kernel.computed * int(self.m), X.dtype)])
        columns = self.cuda.to_device(_not_empty(whole))
        if kernel.computed:
            kernel.module.prepare[1 if simulated() else 16, self.threads](columns, self.A, self.m)
        return columns

    def launch(self, stream: Any, x: Any, fun: Any, top: Any, counts: Sequence[Any], queue: Any, data: Any) -> None:
        """All phases of a chunk; ``counts`` are code, nit and nfev."""
        blocks = self._blocks(counts[0].size)
        for at, (solve, X, limit) in enumerate(self.steps):
            taken = queue[at : at + 1]
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Grid size")  # a small batch is no mistake
                solve[blocks, self.threads, stream, self.staged * BLOCK](
                    x, fun, top, *counts, X, self.A, taken, self.m, limit, *self.tolerances, *data
                )

    def _blocks(self, size: int) -> int:
        """Blocks of a launch: enough to fill the GPU, not more than there are problems."""
        most = 2 if simulated() else self.cuda.get_current_device().MULTIPROCESSOR_COUNT * BLOCKS
        return max(1, min(most, -(-size * self.lanes // self.threads)))


class Slot:
    """A stream with the buffers of one chunk, pinned on the host and on the device."""

    def __init__(self, engine: Engine, problem: Problem, length: int) -> None:
        cuda, dtype = engine.cuda, engine.dtype
        self.engine, self.sources = engine, sources(problem)
        self.stream = cuda.stream()
        self.rows: slice | None = None
        sizes = [length * (array[0].size) for array in self.sources]
        kinds = [
            (length, dtype),
            (length, np.dtype(np.int8)),
            (length, np.dtype(np.int32)),
            (length, np.dtype(np.int32)),
        ]
        self.host_in = [cuda.pinned_array(size, dtype) for size in sizes]
        self.host_out = [cuda.pinned_array(size, kind) for size, kind in kinds]
        self.zeros = cuda.pinned_array(len(engine.steps), np.int32)
        self.zeros[:] = 0
        self.inputs = [cuda.device_array(size, dtype) for size in sizes]
        self.out = [cuda.device_array(size, kind) for size, kind in kinds]
        self.top = cuda.device_array(length, dtype)
        self.queue = cuda.device_array(len(engine.steps), np.int32)

    def start(self, rows: slice) -> None:
        """Send a chunk on its way: copy in, all phases, copy out; nothing is waited for."""
        self.rows = rows
        size = rows.stop - rows.start
        stream = self.stream
        given = []
        for source, host, buffer in zip(self.sources, self.host_in, self.inputs, strict=True):
            part = source[rows]
            with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is infinite
                np.copyto(host[: part.size].reshape(part.shape), part, casting="same_kind")
            given.append(buffer[: part.size])
            given[-1].copy_to_device(host[: part.size], stream=stream)
        fun, *counts = (one[:size] for one in self.out)
        self.queue.copy_to_device(self.zeros, stream=stream)
        self.engine.launch(stream, given[0], fun, self.top[:size], counts, self.queue, given[1:])
        given[0].copy_to_host(self.host_in[0][: given[0].size], stream=stream)
        for buffer, host in zip((fun, *counts), self.host_out, strict=True):
            buffer.copy_to_host(host[:size], stream=stream)

    def finish(self, answer: Answers, x0: np.ndarray) -> tuple[slice, np.ndarray]:
        """Wait for the chunk and take its answers; the rows, and which of them the fast path did not settle."""
        rows = self.rows
        assert rows is not None
        self.stream.synchronize()
        size = rows.stop - rows.start
        fun, code, nit, nfev = (one[:size] for one in self.host_out)
        x = self.host_in[0][: size * x0.shape[1]].reshape(size, -1)
        answer.x[rows], answer.fun[rows], answer.nit[rows], answer.nfev[rows] = x, fun, nit, nfev
        settled, bad = code == CONVERGED, code == NOT_FINITE_AT_START
        answer.status[rows] = np.where(
            settled, status.CONVERGED, np.where(bad, status.NOT_FINITE_AT_START, status.NOT_RUN)
        )
        answer.x[rows][bad], answer.fun[rows][bad] = x0[rows][bad], np.nan
        self.rows = None
        return rows, np.flatnonzero(~(settled | bad))


class Feed:
    """Slices of the batch, for whoever asks next."""

    def __init__(self, size: int) -> None:
        self.size, self.next, self.lock = size, 0, threading.Lock()

    def take(self, length: int) -> slice | None:
        with self.lock:
            first = self.next
            self.next = min(first + length, self.size)
        return slice(first, self.next) if first < self.size else None


@dataclass
class Work:
    """One solve, shared by all GPUs."""

    problem: Problem
    phases: Sequence[Phase]
    options: Options
    shared: tuple[np.ndarray, np.ndarray]
    answer: Answers
    leftover: Callable[[np.ndarray], None]
    stop: np.ndarray
    report: Callable[[int], None]
    feed: Feed
    pool: ThreadPoolExecutor
    later: list[Future[None]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on_gpu(self, gpu: int) -> None:
        """Chunks on one GPU until there are no more."""
        from numba import cuda

        with cuda.gpus[gpu]:
            engine = Engine(self.problem, self.phases, self.options, self.shared)
            length, slots = make_slots(engine, self.problem)
            turn = 0
            while not self.stop[0] and (rows := self.feed.take(length)) is not None:
                slot = slots[turn % SLOTS]
                self.finish(slot)
                slot.start(rows)
                turn += 1
            for slot in slots[turn % SLOTS :] + slots[: turn % SLOTS]:  # oldest first
                self.finish(slot)

    def finish(self, slot: Slot) -> None:
        """The answers of what a slot has done; what is left over goes to the CPU's threads."""
        if slot.rows is None:
            return
        rows, left = slot.finish(self.answer, self.problem.x0)
        if left.size:
            self.later.append(self.pool.submit(self.leftover, rows.start + left))
        with self.lock:
            self.report(rows.stop - rows.start)


def solve(
    problem: Problem,
    phases: Sequence[Phase],
    options: Options,
    shared: tuple[np.ndarray, np.ndarray],
    gpus: Sequence[int],
    answer: Answers,
    leftover: Callable[[np.ndarray], None],
    stop: np.ndarray,
    report: Callable[[int], None],
) -> None:
    """Solve every problem on the GPUs; ``leftover(at)`` takes what the fast path leaves."""
    with ThreadPoolExecutor(options.threads, "batchnewton") as pool:
        work = Work(problem, phases, options, shared, answer, leftover, stop, report, Feed(problem.size), pool)
        try:
            everywhere(gpus, work.on_gpu)
            for one in work.later:
                one.result()
        except BaseException:
            stop[0] = 1
            raise


def solve_in_place(
    problem: Problem, phases: Sequence[Phase], options: Options, shared: tuple[np.ndarray, np.ndarray]
) -> tuple[Any, ...]:
    """Solve a batch whose arrays lie on a GPU, one launch a phase.

    Returns x, fun, status, nit, nfev, there; the status of what the fast path left is NOT_RUN.
    """
    import cupy
    from numba import cuda

    gpu, dtype, size = problem.gpu, options.dtype, problem.size
    assert gpu is not None
    with cupy.cuda.Device(gpu), cuda.gpus[gpu]:
        cupy.cuda.get_current_stream().synchronize()  # what the arrays wait for may be on another stream
        engine = Engine(problem, phases, options, shared)
        x = cupy.array(problem.x0, dtype, copy=True, order="C")
        given = [cupy.ascontiguousarray(cupy.asarray(one), dtype).ravel() for one in sources(problem)[1:]]
        fun, top = cupy.empty(size, dtype), cupy.empty(size, dtype)
        code, nit, nfev = (cupy.zeros(size, kind) for kind in (np.int8, np.int32, np.int32))
        queue = cupy.zeros(len(phases), np.int32)
        cupy.cuda.get_current_stream().synchronize()
        engine.launch(0, x.ravel(), fun, top, (code, nit, nfev), queue, given)
        cuda.synchronize()
        settled, bad = code == CONVERGED, code == NOT_FINITE_AT_START
        state = cupy.where(settled, status.CONVERGED, status.NOT_RUN).astype(np.int8)
        state[bad], fun[bad] = status.NOT_FINITE_AT_START, np.nan
        return x, fun, state, nit, nfev


def everywhere(gpus: Sequence[int], work: Callable[[int], None]) -> None:
    """The work on every GPU, each with a thread of its own where there are several."""
    if len(gpus) == 1:
        return work(gpus[0])
    with ThreadPoolExecutor(len(gpus), "gpu") as pool:
        for done in [pool.submit(work, gpu) for gpu in gpus]:
            done.result()
    return None


def make_slots(engine: Engine, problem: Problem) -> tuple[int, list[Slot]]:
    """Slots of chunks as long as the memory allows; shorter ones where it turns out to be less."""
    length = chunk_length(problem, engine.dtype, free_memory(engine.cuda))
    while True:
        try:
            return length, [Slot(engine, problem, length) for _ in range(SLOTS)]
        except Exception as error:
            if not out_of_memory(error) or length <= SHORTEST:
                raise
            length = max(SHORTEST, length // 2)


def chunk_length(problem: Problem, dtype: np.dtype, free: int) -> int:
    """Problems of a chunk: several for each slot, so that copies and kernels overlap, within the free memory."""
    numbers = sum(array[0].size for array in sources(problem)) + 2
    fitting = int(SHARE * free / SLOTS) // (numbers * dtype.itemsize + 9)
    wanted = -(-problem.size // (4 * SLOTS))
    return max(1, min(problem.size, LONGEST, max(SHORTEST, min(fitting, max(wanted, 1 << 16)))))


def free_memory(cuda: Any) -> int:
    """Free bytes of the current GPU."""
    return 1 << 30 if simulated() else int(cuda.current_context().get_memory_info().free)


def out_of_memory(error: BaseException) -> bool:
    """Whether the device (or the pinned memory of the host) is full."""
    words = str(error).lower().replace("_", " ")
    return isinstance(error, MemoryError) or "out of memory" in words


def _not_empty(array: np.ndarray) -> np.ndarray:
    """CUDA has no empty arrays."""
    return array if array.size else np.zeros(1, array.dtype)
