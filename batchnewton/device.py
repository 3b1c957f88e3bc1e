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
from typing import Any

import numpy as np

from .engine import SINGLE, Engine, sources
from .gpus import simulated
from .kernels.history import COLUMNS
from .methods import Phase
from .options import Options
from .problem import Problem
from .slot import DOUBLE, Answers, Ends, Slot

SLOTS = 8  # chunks on a GPU at a time, at most: threads of the host that copy
SHARE = 0.4  # of the free memory, for all slots of a GPU
SHORTEST, LONGEST = 1 << 10, 1 << 21  # problems of a chunk
WHOLE = 1 << 16  # problems of a chunk that is worth its launches, where there are as many
BYTES = 1 << 25  # of pinned memory of a slot

Leftover = Callable[[Ends], object]


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
    each += (problem.n + 1) * engine.dtype.itemsize if engine.keeps else 0
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
