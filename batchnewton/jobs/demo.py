"""What `batchnewton demo` does: problems with certified answers, and a stack of images, fitted and checked."""

import os
import platform
import time
from dataclasses import dataclass
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
    digits: tuple[float, float]
    status: tuple[str, str]
    success: tuple[bool, bool]
    iterations: tuple[int, int]


def fit_nist(device: str = "auto") -> list[NistRun]:
    """Fit every NIST problem from its two starts, as a batch of two."""
    bar = tqdm(nist.problems(), desc="NIST", unit="problem", leave=False)
    return [_fit_one_nist(problem, device) for problem in bar]


def _fit_one_nist(problem: nist.NistProblem, device: str) -> NistRun:
    ydata = np.broadcast_to(problem.y, (2, len(problem.y)))
    result = bn.curve_fit(problem.formula, problem.x, ydata, problem.starts, device=device)
    far, near = range(2)
    return NistRun(
        problem,
        digits=tuple(problem.digits(result.x).tolist()),
        status=(_name(result.status[far]), _name(result.status[near])),
        success=tuple(np.asarray(result.success).tolist()),
        iterations=tuple(np.asarray(result.nit).tolist()),
    )


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
    """Fit all images; a first call with one image builds the kernel, so that both times are known."""
    start = guess(images)
    before = time.perf_counter()
    bn.curve_fit(gaussian, images.x, images.pixels[:1], start[:1], dtype=dtype, device=device)
    first_seconds = time.perf_counter() - before
    with tqdm(total=len(start), desc="images", unit="fit", unit_scale=True) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(done - bar.n)

        before = time.perf_counter()
        result = bn.curve_fit(gaussian, images.x, images.pixels, start, dtype=dtype, device=device, progress=progress)
        seconds = time.perf_counter() - before
    return ImageFit(
        *(np.asarray(a) for a in (result.x, result.stderr, result.success, result.status, result.nit)),
        first_seconds=first_seconds,
        seconds=seconds,
    )


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
        f"{count / fit.seconds:,.0f} fits/s: {fit.seconds:.2f} s for all, after {fit.first_seconds:.2f} s "
        f"for the first one (compiling, or loading the compiled kernel)\n"
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
    return (
        f"Used: the CPU ({platform.machine()}, {os.cpu_count()} logical cores).\n"
        "GPU: this version has no GPU engine yet, so there is nothing to install or to switch on.\n"
        "The same formulas are to run there with device='cuda' and the extra cuda12 or cuda13."
    )
