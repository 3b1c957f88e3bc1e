"""How many times faster several threads are than one: the workloads of peers.py, alternating, on a quiet machine.

    python asv_benchmarks/scaling.py [--threads 2] [--workloads W2,W3] [--dtypes float32] [--rounds 11]

In a round each number of threads has its turn, for a while: a core that has just been idle is slower.  The ratio is
taken within a round, and its median is shown.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]  # the tests hold the workloads

import workloads  # noqa: E402
from peers_runners.ours import front_door  # noqa: E402
from peers_runners.registry import BOTH, WORKLOADS  # noqa: E402
from peers_runners.worker import available_cores  # noqa: E402

HEAD = ("workload", "dtype", "fits/s, 1 thread", "fits/s, {threads} threads", "ratio", "quartiles", "success")


def measure(workload: str, dtype: str, threads: int, rounds: int, least: float) -> list:
    """One line of the table; ``least``: seconds of a turn."""
    data = {name: array.astype(dtype) for name, array in workloads.make(workload).items()}

    def timed(threads: int) -> tuple[float, float]:
        begun, calls, passed = time.perf_counter(), 0, 0.0
        while passed < least or calls < 2:
            result = front_door("ours", workload, data, dict(dtype=dtype, threads=threads))
            passed, calls = time.perf_counter() - begun, calls + 1
        return passed / calls, float(result.success.mean())

    timed(1), timed(threads)  # compiles, and starts the threads
    seconds = np.array([(timed(1)[0], timed(threads)[0]) for _ in range(rounds)])
    low, ratio, high = np.quantile(seconds[:, 0] / seconds[:, 1], [0.25, 0.5, 0.75])
    one, several = (f"{len(data['p0']) / median:,.0f}" for median in np.median(seconds, 0))
    success = timed(threads)[1]
    return [workload, dtype, one, several, f"{ratio:.2f}", f"{low:.2f} to {high:.2f}", f"{success:.4f}"]


def main() -> None:
    from tabulate import tabulate

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=len(available_cores()))
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--dtypes", default=",".join(BOTH))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.2, help="of a turn, at least two calls")
    parser.add_argument("--markdown", help="write the table to this file")
    options = parser.parse_args()
    chosen = [(workload, dtype) for workload in options.workloads.split(",") for dtype in options.dtypes.split(",")]
    rows = [measure(*one, options.threads, options.rounds, options.seconds) for one in chosen]
    text = tabulate(rows, [one.format(**vars(options)) for one in HEAD], tablefmt="github", disable_numparse=True)
    print(text)
    if options.markdown:
        Path(options.markdown).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
