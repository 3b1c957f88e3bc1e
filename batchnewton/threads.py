"""Work on threads: parts side by side, progress, and an end by Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import numpy as np


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

    Python hears of Ctrl-C in its main thread only, between two of its own instructions.  So the work goes to other
    threads, even a single one, unless each part is ``brief``.
    """
    with reporter(progress, size) as report:
        try:
            if brief and (threads == 1 or len(parts) == 1):
                for part in parts:
                    report(work(part))
            else:
                side_by_side(work, parts, threads, stop, report)
        except BaseException:
            stop[0] = 1
            raise


def side_by_side(
    work: Callable[[slice], int], parts: list[slice], threads: int, stop: np.ndarray, report: Callable[[int], None]
) -> None:
    """All parts on a pool of threads; whatever happens, no thread is left at work."""
    with ThreadPoolExecutor(min(threads, len(parts)), "batchnewton") as pool:
        try:
            left = {pool.submit(work, part) for part in parts}
            while left:
                done, left = wait(left, timeout=0.2, return_when=FIRST_COMPLETED)
                for one in done:
                    report(one.result())
        except BaseException:
            stop[0] = 1
            pool.shutdown(wait=False, cancel_futures=True)
            raise


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
