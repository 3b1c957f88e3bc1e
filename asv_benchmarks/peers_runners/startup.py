"""How long a process takes from its start to its first answers, on a small batch: what a script or a notebook waits."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from .registry import PEERS, Peer
from .worker import ONE_THREAD, absent

PROBLEMS = 256  # every chunk size of the peers is at most this for so few
HEAD = ("workload", "peer", "imports, s", "first solve, s", "second solve, s", "whole process, s")
PROGRAM = """
import sys, time
sys.path[:0] = {folders!r}
import workloads
data = {{name: array.astype("{dtype}") for name, array in workloads.make("{workload}", {problems}).items()}}
start = time.perf_counter()
from peers_runners import {module}
candidate = {module}.candidates("{name}", "{workload}", data, "{dtype}", 1)[0]
imported = time.perf_counter()
solve = candidate.build()
solve({problems})
first = time.perf_counter()
solve({problems})
print(imported - start, first - imported, time.perf_counter() - first)
"""


def report(names: list[str], workloads: list[str], dtype: str, rounds: int) -> list[str]:
    """The table; ours twice, with an empty cache of kernels and with a full one."""
    from tabulate import tabulate

    peers = [peer for peer in PEERS if peer.name in names]  # without their variants
    rows = []
    for workload in workloads:
        for peer in (peer for peer in peers if workload in peer.workloads and dtype in peer.dtypes):
            for name, measure in cases(peer):
                rows.append([workload, name, *measure(peer, workload, dtype, rounds)])
    said = f"{PROBLEMS} problems, {dtype}, one thread; median of {rounds} processes"
    return [said, "", tabulate(rows, HEAD, disable_numparse=True, tablefmt="github")]


def cases(peer: Peer) -> list[tuple[str, Callable[[Peer, str, str, int], list[str]]]]:
    """Names of the rows of a peer, and what measures them."""
    if not peer.is_ours:
        return [(peer.name, fresh)]
    return [(f"{peer.name}, empty cache", fresh), (f"{peer.name}, full cache", again)]


def fresh(peer: Peer, workload: str, dtype: str, rounds: int) -> list[str]:
    """Processes that find nothing of each other."""

    def once() -> tuple[float, ...] | str:
        with tempfile.TemporaryDirectory() as folder:
            return process(peer, workload, dtype, folder)

    return cells([once() for _ in range(rounds)])


def again(peer: Peer, workload: str, dtype: str, rounds: int) -> list[str]:
    """Processes that find the kernels that one before them has compiled."""
    with tempfile.TemporaryDirectory() as folder:
        process(peer, workload, dtype, folder)
        return cells([process(peer, workload, dtype, folder) for _ in range(rounds)])


def cells(measured: list[tuple[float, ...] | str]) -> list[str]:
    """Medians, or why there are none."""
    times = [one for one in measured if not isinstance(one, str)]
    if len(times) < len(measured):
        return ["n/a", str(next(one for one in measured if isinstance(one, str))), "", ""]
    return [f"{median(column):.3g}" for column in zip(*times, strict=True)]


def process(peer: Peer, workload: str, dtype: str, folder: str) -> tuple[float, ...] | str:
    """Seconds of imports, first solve, second solve and of the whole process; or why there are none."""
    root = Path(__file__).resolve().parents[2]
    here = [str(root / one) for one in (".", "asv_benchmarks", "tests")]
    program = PROGRAM.format(
        folders=here, workload=workload, problems=PROBLEMS, dtype=dtype, module=peer.module, name=peer.name
    )
    environment = {**os.environ, **ONE_THREAD, "BATCHNEWTON_CACHE": folder}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        return absent(done.stderr.strip().splitlines()[-1])
    return (*map(float, done.stdout.split()), took)
