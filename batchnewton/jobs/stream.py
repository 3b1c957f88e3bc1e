"""Chunks on their way: the next is read and the last is written while one is solved.

At most four chunks are in memory: one read ahead, one solved, one waiting to be written, one being written.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from .errors import JobError, needs

Answers = dict[str, np.ndarray]


def in_this_process(
    read: Callable[[int], Any], solve: Callable[[Any], Answers], chunks: Sequence[int]
) -> Iterator[tuple[int, Answers]]:
    """Chunk after chunk; the next is read ahead on a thread."""
    with ThreadPoolExecutor(1, "read") as reader:
        ahead: Future | None = reader.submit(read, chunks[0]) if chunks else None
        for at, number in enumerate(chunks):
            assert ahead is not None
            arrays = ahead.result()
            ahead = reader.submit(read, chunks[at + 1]) if at + 1 < len(chunks) else None
            yield number, solve(arrays)


def written(solved: Iterable[tuple[int, Answers]], write: Callable[[int, Answers], Any]) -> Iterator[Any]:
    """What ``write(number, answers)`` returns, chunk by chunk; the last one is written while the next is solved."""
    with ThreadPoolExecutor(1, "write") as writer:
        behind: Future | None = None
        for number, answers in solved:
            if behind is not None:
                yield behind.result()
            behind = writer.submit(write, number, answers)
        if behind is not None:
            yield behind.result()


def on_dask(
    work: Callable[[int], Answers], chunks: Sequence[int], address: str, workers: int | None
) -> Iterator[tuple[int, Answers]]:
    """Chunks as the workers of a Dask cluster finish them; what a dead worker had is done again by another.

    ``work`` travels by cloudpickle, once to each worker, which keeps what it opens and compiles.
    """
    try:
        import cloudpickle
        from distributed import as_completed
    except ImportError as error:
        raise needs("distributed", "--dask") from error
    sent = cloudpickle.dumps(work)
    with (
        interrupts_kept() as noted,
        levels_kept(),
        cluster(address, workers) as where,
        connected(where, address) as client,
        given_up(where),
    ):
        package = client.submit(bytes, sent)  # a task: unlike scattered data it is there again if its worker dies
        left = iter(chunks)
        at_once = 2 * max(1, sum(client.nthreads().values()))
        flow = as_completed(
            [client.submit(run_packed, package, i, pure=False) for i in first(left, at_once)], with_results=True
        )
        for future, found in flow:
            if noted:
                raise KeyboardInterrupt
            if future.cancelled():
                raise JobError(f"--dask {address}: the cluster has lost a chunk; go on with --resume")
            number, answers = found
            for i in first(left, 1):
                flow.add(client.submit(run_packed, package, i, pure=False))
            future.release()
            yield number, answers


def cluster(address: str, workers: int | None) -> Any:
    """Own processes of ``--dask local``, or the address as it is; a context."""
    if address != "local":
        return contextlib.nullcontext(address)
    from distributed import LocalCluster

    options: Any = {"n_workers": workers, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with deaf_children():
        return LocalCluster(**options)


def connected(where: Any, address: str) -> Any:
    """A client of a cluster; a context."""
    from distributed import Client

    try:
        return Client(where, timeout="20s")
    except (OSError, ValueError) as error:
        raise JobError(f"--dask {address}: no scheduler answers there ({error})") from error


def dask_loggers() -> list[logging.Logger]:
    """Those of Dask and of what it runs on."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed.")]
    return [logging.getLogger(name) for name in ("distributed", "tornado.application", "asyncio", *names)]


@contextlib.contextmanager
def levels_kept() -> Iterator[None]:
    """What was said of which level is said again afterwards."""
    before = {one: one.level for one in dask_loggers()}
    try:
        yield
    finally:
        for one, level in before.items():
            one.setLevel(level)


@contextlib.contextmanager
def given_up(where: Any) -> Iterator[None]:
    """Ends the workers at once where the job ends early, as at Ctrl-C: closing one by one, in the midst of their work,
    they and the scheduler would tell of lost connections and cancelled tasks, which nobody asked for any more."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):  # raised here, or by who takes the answers
        for one in dask_loggers():
            one.setLevel(logging.CRITICAL + 1)
        for nanny in getattr(where, "workers", {}).values():
            nanny.auto_restart = False
            with contextlib.suppress(OSError, TypeError):  # it has ended by itself
                os.kill(nanny.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        raise


@contextlib.contextmanager
def interrupts_kept() -> Iterator[list[int]]:
    """Ctrl-C while Python throws an object of Dask's away (``__del__``), where it would be told and forgotten, is noted
    in the list instead."""
    noted: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield noted
        return
    real = before

    def handler(number: int, frame: Any) -> None:
        at = frame
        while at is not None:
            if at.f_code.co_name == "__del__":
                noted.append(number)
                return
            at = at.f_back
        real(number, frame)

    signal.signal(signal.SIGINT, handler)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def deaf_children() -> Iterator[None]:
    """Processes that are started here ignore Ctrl-C, which a terminal sends to all: the job ends them itself."""
    if threading.current_thread() is not threading.main_thread():  # whose signals alone can be set
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def first(numbers: Iterator[int], count: int) -> list[int]:
    """The next few."""
    return [number for _, number in zip(range(count), numbers, strict=False)]


def run_packed(package: bytes, number: int) -> tuple[int, Answers]:
    """A chunk, on a worker."""
    return number, unpacked(package)(number)


@functools.lru_cache(maxsize=4)
def unpacked(package: bytes) -> Callable[[int], Answers]:
    """What was sent, opened once in each worker."""
    import cloudpickle

    return cloudpickle.loads(package)
