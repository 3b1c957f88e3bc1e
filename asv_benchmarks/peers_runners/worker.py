"""One process a peer: it loads a workload, warms up, and then measures one run whenever it is asked to."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from .registry import Candidate, Peer, Solve

PATIENCE = 900.0  # seconds until an answer is no longer waited for
CHECKED = 2_000  # problems whose solutions are returned for the accuracy test
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


# ---- in the worker


def load(file: str, dtype: str, size: int) -> dict:
    """The first problems of a workload, converted before anything is timed."""
    import numpy as np

    with np.load(file) as arrays:
        data = {key: arrays[key] for key in arrays.files}
    return {key: (v if key == "x" else v[:size]).astype(dtype) for key, v in data.items()}


def timed(solve: Solve, count: int) -> float:
    start = time.perf_counter()
    solve(count)
    return time.perf_counter() - start


def warm_up(solve: Solve, block: int, top: int, seconds: float) -> list[tuple[int, float]]:
    """Counts and times of growing runs, until one takes long enough to tell the rate.

    Of every count two runs, since the first may meet a problem that needs code not compiled yet.
    """
    count, runs = block, []
    while True:
        runs += [(count, timed(solve, count)), (count, timed(solve, count))]
        took = runs[-1][1]
        if took >= 0.3 * seconds or count == top:
            return runs
        count = min(top, int(count * max(2.0, min(8.0, 0.5 * seconds / took))) // block * block)


class Measured:
    """A candidate that has been built and warmed up.

    Its ``compile`` time is what building took, and what the first runs took longer than the fastest rate allows.
    """

    def __init__(self, candidate: Candidate, size: int, seconds: float) -> None:
        self.setting = candidate.setting
        start = time.perf_counter()
        self.solve = candidate.build()
        built = time.perf_counter() - start
        top = size // candidate.block * candidate.block
        runs = warm_up(self.solve, candidate.block, top, seconds)
        self.rate = max(n / t for n, t in runs)
        self.compile = built + sum(max(0.0, t - n / self.rate) for n, t in runs if t > 3 * n / self.rate)
        blocks = max(1, round(min(top, self.rate * seconds) / candidate.block))
        self.count = min(top, blocks * candidate.block)
        self.repeats = max(1, round(self.rate * seconds / self.count))
        self.parts: list[tuple[Any, Any]] = []

    def measure(self) -> float:
        """Fits a second of one timed run."""
        start = time.perf_counter()
        for _ in range(self.repeats):
            self.parts = self.solve(self.count)
        return self.count * self.repeats / (time.perf_counter() - start)

    def answer(self) -> tuple[Any, float]:
        """The first solutions of the last run, and its mean number of evaluations."""
        import numpy as np

        x = np.concatenate([np.asarray(part, float)[:CHECKED] for part, _ in self.parts])[:CHECKED]
        return x, float(np.concatenate([np.asarray(counts) for _, counts in self.parts]).mean())


class Runner:
    """What a worker can be asked for."""

    def __init__(self, peer: Peer, dtype: str, threads: int) -> None:
        self.peer, self.dtype, self.threads = peer, dtype, threads
        self.measured: Measured | None = None

    def prepare(self, workload: str, file: str, size: int, seconds: float) -> dict:
        self.measured = None  # frees the arrays of the workload before
        module = importlib.import_module(f"{__package__}.{self.peer.module}")
        data = load(file, self.dtype, size)
        candidates = module.candidates(self.peer.name, workload, data, self.dtype, self.threads)
        self.measured = max((Measured(one, size, seconds) for one in candidates), key=lambda one: one.rate)
        return {name: getattr(self.measured, name) for name in ("setting", "compile", "count", "repeats")}

    def measure(self) -> float:
        assert self.measured is not None
        return self.measured.measure()

    def answer(self) -> tuple[Any, float]:
        assert self.measured is not None
        return self.measured.answer()


def serve(connection: Connection, peer: Peer, dtype: str, threads: int) -> None:
    """Answer requests ``(method, arguments)`` with ``(True, answer)`` or ``(False, what went wrong)``."""
    runner = Runner(peer, dtype, threads)
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        try:
            connection.send((True, getattr(runner, method)(*arguments)))
        except Exception as error:
            connection.send((False, absent(f"{type(error).__name__}: {error}")))


def absent(error: str) -> str:
    """Why a peer has no figures, from the last line of its error."""
    missing = re.match(r"ModuleNotFoundError: No module named '(\w+)", error)
    return f"{missing[1]} is not installed" if missing else f"failed: {error[:200]}"


# ---- in the parent


@dataclass
class Worker:
    """A worker process and the pipe to it, pinned to some cores."""

    process: Any
    connection: Connection

    @classmethod
    def start(cls, peer: Peer, dtype: str, cores: list[int]) -> Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        threads = len(cores) if peer.threads else 1
        process = context.Process(target=serve, args=(theirs, peer, dtype, threads), daemon=True)
        os.environ.update(ONE_THREAD | {"JAX_PLATFORMS": peer.device})
        before = available_cores()
        pin(cores)  # a process inherits cores and variables: libraries find them at their first import
        process.start()
        pin(before)
        theirs.close()
        return cls(process, ours)

    def ask(self, method: str, *arguments: Any) -> None:
        if self.process.is_alive():
            self.connection.send((method, arguments))

    def reply(self) -> tuple[bool, Any]:
        try:
            if self.connection.poll(PATIENCE):
                return self.connection.recv()
            self.stop()
            return False, f"failed: no answer in {PATIENCE:.0f} s"
        except (EOFError, OSError):
            self.process.join(5)
            return False, f"failed: the process ended (exit code {self.process.exitcode})"

    def stop(self) -> None:
        self.connection.close()
        self.process.join(2)
        if self.process.is_alive():
            self.process.kill()


def available_cores() -> list[int]:
    """Cores that this process may run on."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def pin(cores: list[int]) -> None:
    """Run on these cores only; where the system cannot, nothing happens."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
