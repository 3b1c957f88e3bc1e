"""What `batchnewton demo` does: problems with certified answers, and a stack of images, fitted and checked."""

import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

import batchnewton as bn
from batchnewton import nist

# ---------------------------------------------------------------- measured data with certified answers


@dataclass(frozen=True)
class NistRun:
    """One problem from both starts: digits, status name and iterations, far start first."""

    problem: nist.NistProblem
    digits: list[float]
    status: list[str]
    success: list[bool]
    iterations: list[int]


def fit_nist(device: str = "auto") -> list[NistRun]:
    """Fit every NIST problem from its two starts, as a batch of two.

    Nearly all of the time is compiling, which runs on one core: each core gets a process of its own. What has one
    formula goes to one process, the longest formulas first.
    """
    problems = nist.problems()
    formulas = sorted({p.formula for p in problems}, key=lambda formula: -formula.__code__.co_argcount)
    groups = [[p for p in problems if p.formula is formula] for formula in formulas]
    runs: dict[str, NistRun] = {}
    workers = min(os.cpu_count() or 1, len(groups))
    with (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
        tqdm(total=len(problems), desc="NIST", unit="problem", leave=False) as bar,
    ):
        tasks = [pool.submit(_fit_group, [p.name for p in group], device) for group in groups]
        for task in as_completed(tasks):
            runs |= {run.problem.name: run for run in task.result()}
            bar.update(len(runs) - bar.n)
    return [runs[p.name] for p in problems]


def _fit_group(names: list[str], device: str) -> list[NistRun]:
    return [_fit_one_nist(nist.problem(name), device) for name in names]


def _fit_one_nist(problem: nist.NistProblem, device: str) -> NistRun:
    ydata = np.broadcast_to(problem.y, (2, len(problem.y)))
    result = bn.curve_fit(problem.formula, problem.x, ydata, problem.starts, device=device)
    digits, success, iterations = (
        np.asarray(a).tolist() for a in (problem.digits(result.x), result.success, result.nit)
    )
    return NistRun(problem, digits, [_name(code) for code in result.status], success, iterations)


def _name(status) -> str:
    return bn.Status(int(status)).name


def nist_table(runs: list[NistRun]) -> str:
    """A line for each problem, the far start left, the near start right."""
    headers = ["problem", "level", "far start:\ndigits", "status", "steps", "near start:\ndigits", "status", "steps"]
    rows = [
        [run.problem.name, run.problem.level]
        + [cell for start in (0, 1) for cell in (run.digits[start], run.status[start], run.iterations[start])]
        for run in runs
    ]
    return tabulate(rows, headers, floatfmt=".1f")


def nist_totals(runs: list[NistRun]) -> str:
    digits = np.array([run.digits for run in runs])
    success = np.array([run.success for run in runs])
    return (
        f"{np.sum(digits >= 6)} of {digits.size} runs have 6 or more certified digits; "
        f"{np.sum(success)} report success, {np.sum(success & (digits < 4))} of these with fewer than 4 digits."
    )


# ---------------------------------------------------------------- images of single molecules

SIZE = 5
NAMES = ("amplitude", "x", "y", "width", "background")
NOISE = 17.0  # standard deviation of a pixel
SEED = 20240501


def gaussian(x, amplitude, x0, y0, width, background):
    """A spot of the given width: amplitude exp(-((x - x0)² + (y - y0)²) / (2 width²)) + background."""
    xx, yy = x
    return amplitude * np.exp(-((xx - x0) ** 2 + (yy - y0) ** 2) / (2 * width**2)) + background


@dataclass(frozen=True)
class Images:
    """`pixels` (B, 25) at the coordinates `x` (2, 25), made from the parameters `truth` (B, 5)."""

    x: np.ndarray
    pixels: np.ndarray
    truth: np.ndarray


def simulate(count: int) -> Images:
    """Images with Gaussian pixel noise, the same ones in every run."""
    rng = np.random.default_rng(SEED)
    middle = (SIZE - 1) / 2
    low = [300.0, middle - 0.5, middle - 0.5, 0.9, 5.0]
    high = [700.0, middle + 0.5, middle + 0.5, 1.1, 15.0]
    truth = rng.uniform(low, high, (count, 5))
    yy, xx = np.divmod(np.arange(SIZE * SIZE), SIZE)
    x = np.stack([xx, yy]).astype(float)
    pixels = gaussian(x, *truth.T[:, :, None]) + rng.normal(0, NOISE, (count, SIZE * SIZE))
    return Images(x, pixels, truth)


def guess(images: Images) -> np.ndarray:
    """Starts (B, 5) from the pixels alone: range, centre of brightness, width 1, darkest pixel."""
    background = images.pixels.min(axis=1)
    light = images.pixels - background[:, None]
    centre = light @ images.x.T / light.sum(axis=1)[:, None]
    return np.column_stack([light.max(axis=1), centre, np.ones(len(light)), background])


@dataclass(frozen=True)
class ImageFit:
    """Parameters and standard errors (B, 5), success (B,), iterations (B,), and the seconds it took."""

    x: np.ndarray
    stderr: np.ndarray
    success: np.ndarray
    status: np.ndarray
    iterations: np.ndarray
    first_seconds: float
    seconds: float

    def pulls(self, truth: np.ndarray) -> np.ndarray:
        """(fit - truth) / standard error of the fits that report success."""
        good = self.success
        return (self.x[good] - truth[good]) / self.stderr[good]


def fit_images(images: Images, dtype: str = "float64", device: str = "auto") -> ImageFit:
    """Fit all images twice: the first call compiles or loads the kernels, the second shows the speed."""
    start = guess(images)
    first_seconds, _ = _timed_fit("first call", images, start, dtype, device)
    seconds, result = _timed_fit("images", images, start, dtype, device)
    arrays = (np.asarray(a) for a in (result.x, result.stderr, result.success, result.status, result.nit))
    return ImageFit(*arrays, first_seconds=first_seconds, seconds=seconds)


def _timed_fit(label: str, images: Images, start: np.ndarray, dtype: str, device: str) -> tuple[float, bn.Result]:
    with tqdm(total=len(start), desc=label, unit="fit", unit_scale=True) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(done - bar.n)

        before = time.perf_counter()
        result = bn.curve_fit(gaussian, images.x, images.pixels, start, dtype=dtype, device=device, progress=progress)
        return time.perf_counter() - before, result


def image_report(images: Images, fit: ImageFit) -> str:
    count, degrees = len(fit.x), SIZE * SIZE - len(NAMES)
    counts = {_name(code): int(np.sum(fit.status == code)) for code in np.unique(fit.status)}
    pulls = fit.pulls(images.truth)
    error = fit.x[fit.success] - images.truth[fit.success]
    rows = [
        [name, np.sqrt(np.mean(error[:, i] ** 2)), np.mean(pulls[:, i]), np.std(pulls[:, i])]
        for i, name in enumerate(NAMES)
    ]
    statuses = ", ".join(f"{name} {number:,}" for name, number in counts.items())
    table = tabulate(
        rows,
        ["parameter", "RMS error", "mean of error/stderr", "width of error/stderr"],
        floatfmt=("", ".4f", "+.3f", ".3f"),
    )
    return (
        f"{count / fit.seconds:,.0f} fits/s: {fit.seconds:.2f} s for all; "
        f"the first call took {fit.first_seconds:.2f} s, it compiles the kernels or loads them from disk\n"
        f"{fit.success.mean():.3%} converged ({statuses}), {fit.iterations.mean():.1f} iterations on average\n"
        f"against the truth:\n{table}\n"
        f"Right standard errors give mean 0 and width {np.sqrt(degrees / (degrees - 2)):.3f} "
        f"(Student's t with {degrees} degrees of freedom)."
    )


def draw(images: Images, fit: ImageFit, path: Path) -> None:
    """Write the picture of `--plot`."""
    from batchnewton import plot

    shown = slice(0, min(8, len(fit.x)))
    fine = np.linspace(-0.5, SIZE - 0.5, 51)
    models = gaussian(np.meshgrid(fine, fine), *fit.x[shown].T[:, :, None, None])
    figure = plot.image_fits_and_pulls(
        images.pixels[shown].reshape(-1, SIZE, SIZE),
        models,
        centres=fit.x[shown, 1:3],
        pulls=fit.pulls(images.truth),
        names=NAMES,
    )
    figure.savefig(path, dpi=150)


# ---------------------------------------------------------------- device


def device_report() -> str:
    from batchnewton.installation import info

    found = info()
    return f"CPU: {platform.machine()}, {found['cpu']}.\nGPU: {'; '.join(found['gpus'])}.\nauto takes {found['auto']}."
