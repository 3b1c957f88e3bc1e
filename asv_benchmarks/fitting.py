"""What a fitter promises, measured: coverage of intervals, efficiency at the Cramér-Rao bound, and what options cost.

    python asv_benchmarks/fitting.py [coverage efficiency speed bootstrap covariance ...]

One core unless the process may use more (`--threads`).  Times are the best of alternating runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import batchnewton as bn

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import workloads

from batchnewton import nist

SIGMAS = {1: 0.682689492137, 2: 0.954499736104}  # probability within so many standard errors


def decay(t, a, tau, c):
    return a * np.exp(-t / tau) + c


def coverage(threads: int) -> None:
    """Share of 100,000 simulated fits whose interval holds the truth."""
    rng, size = np.random.default_rng(0), 100_000
    t, truth = np.linspace(0, 5, 24), np.array([2.0, 1.2, 0.3])
    clean = decay(t, *truth)
    cases = {
        "Gaussian": dict(ydata=clean + rng.normal(0, 0.05, (size, 24)), sigma=0.05, absolute_sigma=True),
        "Gaussian, scaled": dict(ydata=clean + rng.normal(0, 0.05, (size, 24))),
        "Poisson": dict(ydata=rng.poisson(200 * clean, (size, 24)), loss="poisson"),
    }
    print("coverage of intervals of a decay, 24 points: nominal 68.27 and 95.45 %; a, tau, c")
    for name, given in cases.items():
        right = truth * ([200.0, 1.0, 200.0] if name == "Poisson" else 1.0)
        found = bn.curve_fit(decay, t, p0=right, threads=threads, **given)
        for level in SIGMAS.values():
            half = found._fit.quantile(level)[:, None] * found.stderr
            inside = (np.abs(found.x - right) <= half)[found.success].mean(0)
            print(f"  {name:18s} {100 * level:5.2f} %: {(100 * inside).round(2)}, {found.success.mean():.5f} converged")


def spots(size: int, noise: Callable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """11 x 11 images of a molecule: coordinates, truth (amplitude, x, y, width, background), images."""
    yy, xx = np.divmod(np.arange(121), 11)
    truth = np.array([100.0, 5.2, 4.9, 1.3, 5.0])
    x = np.stack([xx, yy]).astype(float)
    return x, truth, noise(workloads.gauss2d(x, *truth[:, None]), (size, 121))


def fisher(x: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Information of Poisson counts, ``sum_k g_k g_kᵀ / mu_k``, by differences."""
    step = 1e-6 * truth
    slopes = np.stack([(workloads.gauss2d(x, *(truth + d)) - workloads.gauss2d(x, *(truth - d))) / (2 * d.max())
                       for d in np.diag(step)])  # fmt: skip
    return (slopes / workloads.gauss2d(x, *truth)) @ slopes.T


def efficiency(threads: int) -> None:
    """Scatter of Poisson fits beside the Cramér-Rao bound; speed beside least squares."""
    rng = np.random.default_rng(1)
    x, truth, images = spots(20_000, rng.poisson)
    start = truth * rng.uniform(0.9, 1.1, (len(images), 5))
    fits = {loss: lambda loss=loss: bn.curve_fit(workloads.gauss2d, x, images, start, loss=loss, threads=threads)
            for loss in ("poisson", "linear")}  # fmt: skip
    bound = np.sqrt(np.diag(np.linalg.inv(fisher(x, truth))))
    for name, fit in fits.items():
        found = fit()
        ratio = found.x[found.success].std(0) / bound
        print(f"11 x 11 images, {name:8s}: standard deviation over Cramér-Rao bound {ratio.round(4)}, "
              f"{found.success.mean():.5f} converged")  # fmt: skip
    times = alternating(fits)
    print(
        f"  fits a second: {rates(times, len(images))}; Poisson {times['linear'] / times['poisson']:.2f} of the speed"
    )


def speed(threads: int) -> None:
    """What bounds and masks cost on W1_5: bounds far away, natural ones (an eighth of the fits end at one: background
    zero); a mask that leaves out nothing, one that leaves out one pixel in 25."""
    data, names = workloads.make("W1_5", 20_000), {}
    far, natural = (-1e9, 1e9), (0.0, [5000.0, 10.0, 10.0, 10.0, 1000.0])
    whole = np.ones(data["y"].shape, bool)
    dead = np.random.default_rng(0).random(whole.shape) > 1 / 25
    for dtype in ("float64", "float32"):
        x, y, p0 = (data[name].astype(dtype) for name in ("x", "y", "p0"))
        options = {"plain": {}, "far bounds": {"bounds": far}, "natural bounds": {"bounds": natural},
                   "whole mask": {"mask": whole}, "mask": {"mask": dead},
                   "far bounds, whole mask": {"bounds": far, "mask": whole},
                   "natural bounds, mask": {"bounds": natural, "mask": dead}}  # fmt: skip
        names = {
            name: lambda more=more, x=x, y=y, p0=p0, dtype=dtype: bn.curve_fit(
                workloads.gauss2d, x, y, p0, dtype=dtype, threads=threads, **more
            )
            for name, more in options.items()
        }
        times = alternating(names)
        print(f"W1_5, {dtype}: {rates(times, len(y))}; cost: "
              + ", ".join(f"{name} {100 * (t / times['plain'] - 1):.0f} %" for name, t in times.items()))  # fmt: skip


def bootstrap(threads: int) -> None:
    """100,000 refits of a NIST problem."""
    problem = next(one for one in nist.problems() if one.name == "Misra1a")
    found = bn.curve_fit(problem.formula, problem.x, problem.y, problem.starts[1], threads=threads)
    bn.bootstrap(found, 100, seed=0)
    began = time.perf_counter()
    again = bn.bootstrap(found, 100_000, seed=0)
    spread = again.stderr / found.stderr
    print(f"bootstrap of {problem.name}: 100,000 refits in {time.perf_counter() - began:.2f} s, "
          f"{again.success.mean():.5f} converged, spread over standard errors {spread.round(4)}")  # fmt: skip


def covariance(threads: int) -> None:
    """Fits with a full covariance of m points: the first call (compiled anew), then the speed."""
    for m in (16, 50, 100):
        t, rng = np.linspace(0, 5, m), np.random.default_rng(m)
        C = 0.05**2 * 0.5 ** np.abs(np.subtract.outer(np.arange(m), np.arange(m))) + 1e-4 * np.eye(m)
        y = decay(t, 2.0, rng.uniform(0.7, 1.6, (2000, 1)), 0.3)
        y = y + rng.standard_normal(y.shape) @ np.linalg.cholesky(C).T
        began = time.perf_counter()
        bn.curve_fit(decay, t, y, [1.5, 1.0, 0.2], C, threads=threads)
        first = time.perf_counter() - began
        times = alternating({"": lambda t=t, y=y, C=C: bn.curve_fit(decay, t, y, [1.5, 1.0, 0.2], C, threads=threads)})
        print(f"covariance of {m} points: first call {first:.1f} s, then {1e6 * times[''] / len(y):.1f} us a fit")


def alternating(runs: dict[str, Callable], rounds: int = 9) -> dict[str, float]:
    """Best time of each, run in turns after one run that compiles."""
    best = dict.fromkeys(runs, np.inf)
    for at in range(rounds + 1):
        for name, run in runs.items():
            began = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - began) if at else np.inf
    return best


def rates(times: dict[str, float], size: int) -> str:
    return ", ".join(f"{name} {size / t / 1000:.0f} k" for name, t in times.items())


PARTS = {one.__name__: one for one in (coverage, efficiency, speed, bootstrap, covariance)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    for part in given.parts or PARTS:
        PARTS[part](given.threads)
