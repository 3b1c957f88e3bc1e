"""How many fits a second, how many evaluations a fit, how many solved."""

from __future__ import annotations

import time

import numpy as np
import workloads

from .common import DEVICES, DTYPES, WORKLOADS, arrays, first, fits_per_second, front_door, need_device, solver

SIZES = {"1": 1, "1e3": 1_000, "1e5": 100_000, "1e7": 10_000_000}  # as words they stand evenly on asv's axis
METHODS = ("default", "newton", "trust-region", "newton-pure", "bfgs", "lbfgs", "gradient-descent")
SLOW = {"gradient-descent": 250}  # problems, of thousands of evaluations each
TRACKED = {"W1_5": 50_000, "W1_15": 10_000, "W2": 100_000, "W3": 50_000, "W4": 4_000, "W5": 100_000}  # some 30 ms
CHECKED = 1_000  # problems whose answers are judged


def method_option(name: str) -> dict[str, str]:
    """What chooses a method."""
    return {} if name == "default" else {"method": name}


class Tracked:
    """One solve on one thread: seconds of the processor, with asv's statistics.  What two commits are compared by.

    Not seconds by the clock, which count what else the machine does.
    """

    timer = staticmethod(time.process_time)
    params = (WORKLOADS, DTYPES)
    param_names = ("workload", "dtype")
    rounds, repeat, warmup_time = 2, (5, 10, 2.0), 0.1

    def setup(self, workload: str, dtype: str) -> None:
        self.solve = solver(workload, dtype, TRACKED[workload], threads=1)

    def time_solve(self, workload: str, dtype: str) -> None:
        self.solve()


class Throughput:
    """The defaults on all cores or on a GPU, in batches of one problem to ten million."""

    params = (WORKLOADS, (*DTYPES, "mixed"), DEVICES, tuple(SIZES))
    param_names = ("workload", "dtype", "device", "B")

    def setup(self, workload: str, dtype: str, device: str, batch: str) -> None:
        self.solve = solver(workload, dtype, SIZES[batch], device)

    def track_fits_per_second(self, workload: str, dtype: str, device: str, batch: str) -> float:
        return fits_per_second(self.solve, SIZES[batch])

    track_fits_per_second.unit = "fits/s"  # type: ignore[attr-defined]


class Methods:
    """The methods by name, on 10,000 problems; steepest descent on fewer."""

    params = (WORKLOADS, METHODS, DTYPES, DEVICES)
    param_names = ("workload", "method", "dtype", "device")

    def setup(self, workload: str, method: str, dtype: str, device: str) -> None:
        self.size = SLOW.get(method, 10_000)
        self.solve = solver(workload, dtype, self.size, device, **method_option(method))

    def track_fits_per_second(self, workload: str, method: str, dtype: str, device: str) -> float:
        return fits_per_second(self.solve, self.size)

    track_fits_per_second.unit = "fits/s"  # type: ignore[attr-defined]


class Quality:
    """What the speed is worth: evaluations a fit, share of the problems solved by the test of ``tests/workloads.py``.

    Solved is what is as good as the best that is known: the answer itself, and those of NumPy's Levenberg-Marquardt
    or Newton of ``peers_runners``, from the start and from the truth.
    """

    params = (WORKLOADS, METHODS, DTYPES, DEVICES)
    param_names = ("workload", "method", "dtype", "device")

    def setup_cache(self) -> dict[str, np.ndarray]:
        return {workload: best_cost(workload, workloads.make(workload, CHECKED)) for workload in WORKLOADS}

    def setup(self, best: dict, workload: str, method: str, dtype: str, device: str) -> None:
        need_device(device)
        options = dict(dtype=dtype, device=device, **method_option(method))
        self.size = SLOW.get(method, CHECKED)
        self.result = front_door("ours", workload, first(arrays(workload, dtype, CHECKED), self.size), options)

    def track_evaluations(self, best: dict, workload: str, method: str, dtype: str, device: str) -> float:
        return float(np.mean(self.result.nfev))

    def track_share_solved(self, best: dict, workload: str, method: str, dtype: str, device: str) -> float:
        data = first(workloads.make(workload, CHECKED), self.size)
        least = np.fmin(best[workload][: self.size], workloads.cost(workload, data, self.result.x))
        return float(workloads.solved(workload, data, self.result.x, least, dtype == "float32").mean())

    track_evaluations.unit = "evaluations/fit"  # type: ignore[attr-defined]
    track_share_solved.unit = "share"  # type: ignore[attr-defined]


def best_cost(workload: str, data: workloads.Data) -> np.ndarray:
    """Least cost of each problem that a solver which shares no code with ours finds."""
    from peers_runners import numpy_peer

    best = np.full(len(data["p0"]), np.inf)
    double = {name: array.astype(float) for name, array in data.items()}
    for start in ("p0", "truth"):
        if start in data:
            solve = numpy_peer.candidates("numpy", workload, {**double, "p0": double[start]}, "float64", 1)[0].build()
            for x, at in parts(solve(len(best))):
                cost = workloads.cost(workload, {k: v if k == "x" else v[at] for k, v in data.items()}, x)
                best[at] = np.fmin(best[at], cost)
    return best


def parts(answers: list) -> list[tuple[np.ndarray, slice]]:
    """A peer's answers, each with the problems that it is of."""
    ends = np.cumsum([len(x) for x, _ in answers])
    return [(np.asarray(x), slice(end - len(x), end)) for (x, _), end in zip(answers, ends, strict=True)]
