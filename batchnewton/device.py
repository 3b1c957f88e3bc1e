"""A batch on GPUs: chunks stream through pinned buffers, copies and kernels overlap, several GPUs share the chunks.

Each GPU has several slots, each with a thread of the host, a stream and the buffers of one chunk.  While one computes,
others copy: the host's own copies, to and from pinned memory, take it longer than a GPU takes for the rest, and one
thread would not keep up.  All phases of the fast path run on the device without a word from the host; ``leftover``
hears what they leave over (for `patient`, or the CPU).  What happens to a problem does not depend on its chunk, its
slot or its GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from . import pinned
from .engine import SINGLE, Arrays, Engine, sources
from .gpus import simulated
from .kernels import status
from .kernels.converge import CONVERGED, ENDED, NOT_FINITE_AT_START
from .kernels.history import COLUMNS
from .methods import Phase
from .options import Options
from .problem import Problem

SLOTS = 8  # chunks on a GPU at a time, at most: threads of the host that copy
SHARE = 0.4  # of the free memory, for all slots of a GPU
SHORTEST, LONGEST = 1 << 10, 1 << 21  # problems of a chunk
WHOLE = 1 << 16  # problems of a chunk that is worth its launches, where there are as many
BYTES = 1 << 25  # of pinned memory of a slot
PART = 1 << 15  # problems of a chunk that one thread of the CPU takes


COUNT, DOUBLE = np.dtype(np.int32), np.dtype(np.float64)
NO_HISTORY, NO_TOP = np.empty((0, 0, 2)), np.empty(0)


class Answers(Protocol):
    """Arrays of the answers (see `solution.Solution`)."""

    x: np.ndarray
    fun: np.ndarray
    status: np.ndarray
    nit: np.ndarray
    nfev: np.ndarray
    histories: list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Ends:
    """How some problems left the GPU (``kernels/converge.py``), for what follows on the CPU.

    Attributes
    ----------
    rows : slice
        Which ones they are.
    code, top : numpy.ndarray
        How each left; the largest F at its starts, where there is a certificate to follow (else empty).
    seen : numpy.ndarray
        Their history so far; empty where none is kept.
    """

    rows: slice
    code: np.ndarray
    top: np.ndarray
    seen: np.ndarray

    @property
    def left(self) -> np.ndarray:
        """Which of them have no status yet."""
        return left_over(self.code)

    def parts(self) -> list[slice]:
        """Pieces, each for one thread, without those that have nothing left."""
        size, left = len(self.code), self.left
        pieces = [slice(at, min(at + PART, size)) for at in range(0, size, PART)]
        return [piece for piece in pieces if left[piece].any()]

    def of(self, some: slice) -> Ends:
        """One of the pieces."""
        rows = slice(self.rows.start + some.start, self.rows.start + some.stop)
        return Ends(rows, self.code[some], self.top[some], self.seen[some])


Leftover = Callable[[Ends], object]


class Slot:
    """A stream with the buffers of one chunk, pinned on the host and on the device."""

    def __init__(self, engine: Engine, problem: Problem, length: int) -> None:
        cuda, dtype = engine.cuda, engine.dtype
        self.engine, self.sources = engine, sources(problem)
        self.stream = cuda.stream()
        self.rows: slice | None = None
        sizes = [length * array[0].size for array in self.sources]
        kinds = [(length, dtype), (length, np.dtype(np.int8)), (length, COUNT), (length, COUNT)]
        kinds += [(length * engine.width * COLUMNS, DOUBLE)] if engine.history else []
        host = [*((size, dtype) for size in sizes), (len(engine.steps), COUNT), *kinds]
        self.pinned = pinned.Arrays(cuda, [*host, (length, dtype)] if engine.judged else host)
        self.host_in = self.pinned.arrays[: len(sizes)]
        self.zeros, *self.host_out = self.pinned.arrays[len(sizes) :]
        self.zeros[:] = 0
        self.inputs = [cuda.device_array(size, dtype) for size in sizes]
        self.out = [cuda.device_array(size, kind) for size, kind in kinds]
        self.top = cuda.device_array(length, dtype)
        if engine.judged:
            self.out.append(self.top)
        self.queue = cuda.device_array(len(engine.steps), np.int32)
        rough = [*sizes, length, length] if engine.mixed else []
        self.rough = [cuda.device_array(size, SINGLE) for size in rough]
        self.kept: Any = cuda.device_array(sizes[0], dtype) if engine.renewed else None
        self.ends = engine.room(length)

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
        self.queue.copy_to_device(self.zeros, stream=stream)
        self.engine.launch(stream, self.arrays(size, given))
        given[0].copy_to_host(self.host_in[0][: given[0].size], stream=stream)
        for buffer, host in zip(self.out, self.host_out, strict=True):
            count = buffer.size // self.length * size
            buffer[:count].copy_to_host(host[:count], stream=stream)

    @property
    def length(self) -> int:
        """Problems for which there is room."""
        return self.top.size

    def arrays(self, size: int, given: Sequence[Any]) -> Arrays:
        """What the phases of a chunk of ``size`` problems work on."""
        x, *more = given
        fun, code, nit, nfev = (one[:size] for one in self.out[:4])
        counts, top = (code, nit, nfev, self.queue), self.top[:size]
        seen = self.out[4] if self.engine.history else None
        kept = self.kept[: x.size] if self.engine.renewed else None
        if not self.engine.mixed:
            ends = [one[: one.size // self.length * size] for one in self.ends]
            return Arrays(x, fun, top, *counts, more, seen, x0=kept, ends=ends)
        copies = [one[: source.size] for one, source in zip(self.rough, given, strict=False)]
        rough = Arrays(copies[0], self.rough[-2], self.rough[-1], *counts, copies[1:], seen)
        return Arrays(x, fun, top, *counts, more, seen, rough, kept)

    def finish(self, answer: Answers, x0: np.ndarray) -> Ends:
        """Wait for the chunk and take its answers; how its problems ended."""
        rows = self.rows
        assert rows is not None
        self.stream.synchronize()
        size = rows.stop - rows.start
        fun, code, nit, nfev = (one[:size] for one in self.host_out[:4])
        x = self.host_in[0][: size * x0.shape[1]].reshape(size, -1)
        answer.x[rows], answer.fun[rows], answer.nit[rows], answer.nfev[rows] = x, fun, nit, nfev
        np.take(KNOWN, code, out=answer.status[rows], mode="clip")
        bad = np.flatnonzero(code == NOT_FINITE_AT_START)
        if bad.size:
            answer.x[rows][bad], answer.fun[rows][bad] = x0[rows][bad], np.nan
        self.rows = None
        top = self.host_out[-1][:size].copy() if self.engine.judged else NO_TOP
        if not self.engine.history:
            return Ends(rows, code.copy(), top, NO_HISTORY)
        seen = self.host_out[4][: size * self.engine.width * COLUMNS].reshape(size, -1, COLUMNS)[:, : nfev.max()].copy()
        answer.histories += [(np.arange(rows.start, rows.stop), seen)]
        return Ends(rows, code.copy(), top, seen)


def left_over(code: Any) -> Any:
    """Which of these ends give no status."""
    return (code != CONVERGED) & (code != NOT_FINITE_AT_START) & (code < ENDED)


def statuses(library: Any, code: Any) -> Any:
    """What these ends are, NOT_RUN where the CPU is to say it; arrays of NumPy or CuPy."""
    known = library.where(code >= ENDED, code - int(ENDED), status.NOT_RUN)
    known = library.where(code == NOT_FINITE_AT_START, status.NOT_FINITE_AT_START, known)
    return library.where(code == CONVERGED, status.CONVERGED, known).astype(np.int8)


KNOWN = statuses(np, np.arange(128, dtype=np.int8))


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
    sequences: Sequence[Sequence[Phase]]
    options: Options
    answer: Answers
    leftover: Leftover
    stop: np.ndarray
    report: Callable[[int], None]
    feed: Feed
    pool: ThreadPoolExecutor
    later: list[Future[object]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on_gpu(self, gpu: int) -> None:
        """Chunks on one GPU until there are no more."""
        from numba import cuda

        def through(slot: Slot) -> None:
            with cuda.gpus[gpu]:
                while not self.stop[0] and (rows := self.feed.take(slot.length)) is not None:
                    slot.start(rows)
                    self.hand_on(slot.finish(self.answer, self.problem.x0))

        with cuda.gpus[gpu]:
            slots = make_slots(Engine(self.problem, self.sequences, self.options), self.problem, self.options.threads)
        with_each(slots, through, self.stop)
        for slot in slots:
            slot.pinned.give_back()

    def hand_on(self, ends: Ends) -> None:
        """What is left over goes to the CPU's threads."""
        with self.lock:
            self.later += [self.pool.submit(self.leftover, ends.of(some)) for some in ends.parts()]
            self.report(len(ends.code))


def solve(
    problem: Problem,
    sequences: Sequence[Sequence[Phase]],
    options: Options,
    gpus: Sequence[int],
    answer: Answers,
    leftover: Leftover,
    stop: np.ndarray,
    report: Callable[[int], None],
) -> None:
    """Solve every problem on the GPUs; ``leftover`` takes what they leave, on the threads of the CPU."""
    with ThreadPoolExecutor(options.threads, "batchnewton") as pool:
        work = Work(problem, sequences, options, answer, leftover, stop, report, Feed(problem.size), pool)
        try:
            with_each(gpus, work.on_gpu, stop)
            for one in work.later:
                one.result()
        except BaseException:
            stop[0] = 1
            raise


def with_each(these: Sequence[Any], work: Callable[[Any], None], stop: np.ndarray | None = None) -> None:
    """The work with each of these (GPUs, slots), in a thread of its own where there are several; ``stop[0]`` becomes 1
    when it fails with one or is interrupted, so that the others end, too."""
    if len(these) == 1:
        return work(these[0])
    with ThreadPoolExecutor(len(these), "gpu") as pool:
        try:
            for done in as_completed([pool.submit(work, one) for one in these]):
                done.result()
        except BaseException:
            if stop is not None:
                stop[0] = 1
            raise
    return None


def make_slots(engine: Engine, problem: Problem, threads: int) -> list[Slot]:
    """Slots of chunks as long as the memory allows; shorter ones where it turns out to be less."""
    length = chunk_length(problem, engine, free_memory(engine.cuda))
    while True:
        try:
            count = min(SLOTS, max(2, threads), -(-problem.size // length))
            return [Slot(engine, problem, length) for _ in range(count)]
        except Exception as error:
            if not out_of_memory(error) or length <= SHORTEST:
                raise
            length = max(SHORTEST, length // 2)


def chunk_length(problem: Problem, engine: Engine, free: int) -> int:
    """Problems of a chunk: several for each slot, so that copies and kernels overlap, within the free memory."""
    numbers = sum(array[0].size for array in sources(problem))
    each = (numbers + 2) * engine.dtype.itemsize + 9
    each += (numbers + 2) * SINGLE.itemsize if engine.mixed else 0
    each += problem.n * engine.dtype.itemsize if engine.renewed else 0
    each += (problem.n + 3) * engine.dtype.itemsize + 5 if engine.certified else 0
    each += engine.width * COLUMNS * DOUBLE.itemsize if engine.history else 0
    fitting = min(BYTES, int(SHARE * free / SLOTS)) // each
    wanted = -(-problem.size // (2 * SLOTS))
    return max(1, min(problem.size, LONGEST, max(SHORTEST, min(fitting, max(wanted, WHOLE)))))


def free_memory(cuda: Any) -> int:
    """Free bytes of the current GPU."""
    return 1 << 30 if simulated() else int(cuda.current_context().get_memory_info().free)


def out_of_memory(error: BaseException) -> bool:
    """Whether the device (or the pinned memory of the host) is full."""
    words = str(error).lower().replace("_", " ")
    return isinstance(error, MemoryError) or "out of memory" in words
