"""Work on threads: parts side by side, progress, and an end by Ctrl-C."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Any

import numpy as np

POOLS = threading.local()


def for_each(
    work: Callable[[slice], int],
    parts: list[slice],
    size: int,
    threads: int,
    stop: np.ndarray,
    progress: Any = False,
    brief: bool = True,
) -> None:
    """Do the work of every part of a batch of ``size`` problems; ``stop[0]`` becomes 1 when it is interrupted.

    Python hears of Ctrl-C in its main thread only, between two of its own instructions.  So the main thread gives the
    work to others, even to a single one, unless each part is ``brief``.
    """
    alone = threads == 1 or len(parts) == 1
    here = alone and (brief or threading.current_thread() is not threading.main_thread())
    if here and not progress:
        for part in parts:
            work(part)
        return
    with reporter(progress, size) as report:
        try:
            if here:
                for part in parts:
                    report(work(part))
            else:
                side_by_side(work, parts, threads, report, stop)
        except BaseException:
            stop[0] = 1
            raise


def side_by_side(
    work: Callable[[slice], int], parts: list[slice], threads: int, report: Callable[[int], None], stop: np.ndarray
) -> None:
    """All parts on a pool of threads; whatever happens, none is left at work.

    Progress is told five times a second, not at every part's end: waking up for it costs the threads a core.
    """
    todo, done = iter(parts), SimpleQueue()
    one_at_a_time = threading.Lock()

    def some_parts(thread: int) -> None:
        settle(thread, threads)
        while not stop[0]:
            with one_at_a_time:
                part = next(todo, None)
            if part is None:
                break
            done.put(work(part))

    left = {pool(threads).submit(some_parts, thread) for thread in range(min(threads, len(parts)))}
    try:
        while left:
            ended, left = wait(left, timeout=0.2, return_when=FIRST_EXCEPTION)
            while not done.empty():
                report(done.get())
            for one in ended:
                one.result()
    except BaseException:
        stop[0] = 1
        wait(left)
        raise


def settle(thread: int, threads: int) -> None:
    """Start this thread on a core of its own, where all cores are to be taken: two that are woken at once may share one
    for milliseconds, with the other idle.  It stays free to move."""
    if hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        if 1 < len(cores) <= threads:
            os.sched_setaffinity(0, {sorted(cores)[thread % len(cores)]})
            os.sched_setaffinity(0, cores)


def pool(threads: int) -> ThreadPoolExecutor:
    """The threads that work for the calling one.  They are kept: new ones take half a millisecond to start, and often
    start on one core."""
    kept: dict[Any, ThreadPoolExecutor] = POOLS.__dict__
    key = os.getpid(), threads  # a fork has no threads but its own
    if key not in kept:
        kept[key] = ThreadPoolExecutor(threads, "batchnewton")
    return kept[key]


class reporter:
    """Progress as the user wants it: nothing, a bar (tqdm), or a call of their own ``progress(done, total)``."""

    def __init__(self, progress: Any, total: int) -> None:
        self.progress, self.total, self.done, self.bar = progress, total, 0, None

    def __enter__(self) -> Callable[[int], None]:
        if self.progress is True:
            from tqdm import tqdm

            self.bar = tqdm(total=self.total, unit=" fits", unit_scale=True)
        return self.report

    def report(self, count: int) -> None:
        self.done += count
        if self.bar is not None:
            self.bar.update(count)
        elif self.progress:
            self.progress(self.done, self.total)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
