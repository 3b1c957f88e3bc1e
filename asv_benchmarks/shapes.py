"""How fast which shape is: unknowns, rows of data, coordinates, each varied alone; one core.

    python asv_benchmarks/shapes.py [--seconds 0.3] [--markdown FILE]

The problems: peaks ``sum_i a_i exp(-(x - c_i)^2) (+ b)`` (n unknowns), decays (rows), bells in k coordinates, each
problem with its own; starts up to 2 % off the truth, noise 1 %.  ``ns``: time of a trip, a data row and a problem.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

import batchnewton as bn

WORK = 2_000_000  # data rows of a measurement, before it is known how fast the shape is


@dataclass(frozen=True)
class Shape:
    """A formula with the sizes of its problems."""

    varied: str
    n: int
    m: int
    k: int
    formula: Callable
    truth: np.ndarray
    x: Callable[[int, np.random.Generator], np.ndarray]


def peaks(n: int) -> Callable:
    """``n // 2`` peaks, and a background where n is odd."""

    def formula(x, *p):
        total = p[-1] if n % 2 else 0.0
        for i in range(n // 2):
            total = total + p[2 * i] * np.exp(-((x - p[2 * i + 1]) ** 2))
        return total

    return formula


def decay(t, a, T, c):
    return a * np.exp(-t / T) + c


def bell(x, a, w, c):
    return a * np.exp(-w * (x @ x)) + c


def shapes() -> Iterator[Shape]:
    """Every shape, in the order of the table."""
    for n in (1, 2, 3, 5, 8, 12, 16, 24, 32):
        m = max(40, 4 * n)
        truth = np.array([value for i in range(n // 2) for value in (1.0, 3.0 * i + 1.0)] + [0.5] * (n % 2))
        line = np.linspace(-1, 1.5 * n + 2, m)
        yield Shape("unknowns", n, m, 1, peaks(n), truth, lambda B, rng, line=line: line)
    for m in (8, 64, 512, 4096, 20_000):
        line = np.linspace(0, 5, m)
        yield Shape("rows", 3, m, 1, decay, np.array([2.0, 1.5, 0.3]), lambda B, rng, line=line: line)
    for k in (1, 2, 4, 8, 16):

        def own(B, rng, k=k):
            return rng.normal(0, k**-0.5, (B, k, 64))

        formula = bell if k > 1 else (lambda x, a, w, c: a * np.exp(-w * x * x) + c)
        yield Shape("coordinates", 3, 64, k, formula, np.array([2.0, 1.5, 0.3]), own)


def measure(shape: Shape, dtype: str, seconds: float) -> list:
    """One line of the table."""
    rng = np.random.default_rng(0)
    B = max(256, WORK // (shape.m * shape.n))
    truth = shape.truth * (1 + 0.02 * rng.uniform(-1, 1, (B, shape.n)))
    x = shape.x(B, rng)
    rows = np.moveaxis(x, 1, 0) if x.ndim == 3 and shape.k > 1 else x[:, 0] if x.ndim == 3 else x
    columns = [one[:, None] for one in truth.T]
    if shape.formula is bell:
        clean = columns[0] * np.exp(-columns[1] * (rows**2).sum(0)) + columns[2]
    else:
        clean = shape.formula(rows, *columns) * np.ones((B, shape.m))
    y = (clean + rng.normal(0, 0.01, clean.shape)).astype(dtype)
    start = (truth * (1 + 0.02 * rng.uniform(-1, 1, truth.shape))).astype(dtype)

    def solve():
        return bn.curve_fit(shape.formula, x.astype(dtype), y, start, dtype=dtype, threads=1)

    begun = time.perf_counter()
    result = solve()
    compiled = time.perf_counter() - begun
    times, begun = [], time.perf_counter()
    while time.perf_counter() - begun < seconds or len(times) < 3:
        at = time.perf_counter()
        solve()
        times.append(time.perf_counter() - at)
    rate, trips = B / min(times), float(result.nfev.mean())
    ns = 1e9 / (rate * trips * shape.m)
    sizes = (shape.varied, shape.n, shape.m, shape.k, dtype)
    return [*sizes, f"{rate:,.0f}", f"{ns:.2f}", f"{trips:.1f}", f"{result.success.mean():.4f}", f"{compiled:.1f}"]


HEAD = ("varied", "n", "m", "k", "dtype", "fits/s", "ns", "trips", "success", "first call s")


def main() -> None:
    from tabulate import tabulate

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.3, help="at least, for each line")
    parser.add_argument("--dtypes", default="float64,float32")
    parser.add_argument("--markdown", help="write the table to this file")
    options = parser.parse_args()
    rows = [measure(shape, dtype, options.seconds) for shape in shapes() for dtype in options.dtypes.split(",")]
    text = tabulate(rows, HEAD, tablefmt="github", disable_numparse=True)
    print(text)
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
