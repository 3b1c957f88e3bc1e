"""A stack of 5x5 images on disk larger than the memory allowed: `batchnewton fit` beside the same fits in memory.

    python asv_benchmarks/stack.py --fits 40_000_000 --folder /tmp/stack

makes the stack (Zarr, 100 bytes an image in float32, 200 in float64; kept for the next time), fits it by a job whose
address space is limited to a third of the stack, and fits as many of the same images in memory as are asked for (all by
default).  What it compares: wall time, processor time, peak memory, and every answer of the images that both have
fitted, bit for bit.

    python asv_benchmarks/stack.py --fits 100_000_000 --dtype float64 --memory-fits 5_000_000 --require 1.5 60 ...

fails unless the job on 20 GB stays below 1.5 GB resident and runs at 60 % of the speed in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

SIZE, PIECE, SEED = 5, 1_000_000, 20240501
SPOT = """import numpy as np

def spot(x, height, u, v, width, floor):
    row, column = x
    return height * np.exp(-((column - u) ** 2 + (row - v) ** 2) / (2 * width**2)) + floor
"""
ARENAS = {"MALLOC_ARENA_MAX": "2"}  # glibc reserves 64 MB of addresses a thread: no memory, but it counts for the limit
START = (500.0, 2.0, 2.0, 1.0, 10.0)
NAMES = ("height", "u", "v", "width", "floor")


def images(count: int, seed: int) -> np.ndarray:
    """Spots with the noise of a camera, (count, 5, 5) in float32."""
    rng = np.random.default_rng(seed)
    low, high = np.array([[300, 1.5, 1.5, 0.9, 5], [700, 2.5, 2.5, 1.1, 15]], np.float32)
    height, u, v, width, floor = (low + (high - low) * rng.random((count, 5), np.float32)).T[:, :, None]
    at = np.arange(SIZE, dtype=np.float32)
    rows, columns = (np.exp(-((at - middle) ** 2) / (2 * width**2)) for middle in (v, u))
    stack = height[:, :, None] * rows[:, :, None] * columns[:, None, :] + floor[:, :, None]
    stack += 17 * rng.standard_normal(stack.shape, np.float32)
    return stack


def make(path: Path, fits: int, dtype: str) -> None:
    """Write the stack piece by piece; the same images in every run and precision."""
    import zarr

    if path.exists() and (there := zarr.open_array(path, mode="r")).shape[0] == fits and there.dtype == dtype:
        return
    shutil.rmtree(path, ignore_errors=True)
    array = zarr.create_array(
        path,
        shape=(fits, SIZE, SIZE),
        chunks=(50_000, SIZE, SIZE),
        dtype=dtype,
        compressors=None,  # noise: nothing to save
    )
    for first in range(0, fits, PIECE):
        last = min(first + PIECE, fits)
        array[first:last] = images(last - first, SEED + first // PIECE)


def measured(work) -> dict[str, float]:
    """Seconds, processor seconds and peak memory of a function, in MB (1e6 bytes)."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    seconds = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    return seconds | {"resident": peak() / 1e6}


def peak() -> float:
    """Peak memory of this process in bytes; `getrusage` would count that of the process that started it, too."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * float(line.split()[1])


def request(folder: Path, stack: Path, output: Path, **more):
    from batchnewton.jobs.request import Request

    start = ",".join(map(str, START))
    given = dict(model=f"{folder}/spot.py:spot", input=str(stack), output=output, p0=start, axis="1,2")
    return Request(**given | dict(device="cpu", overwrite=True, quiet=True) | more)


def job(folder: Path, stack: Path, limit: float, **more) -> dict[str, float]:
    """The stack as a job, in an address space of ``limit`` bytes; the kernel is on disk already."""
    from batchnewton.jobs.job import run

    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    return measured(lambda: run(request(folder, stack, folder / "fits.zarr", **more)))


def in_memory(folder: Path, stack: Path, fits: int, dtype: str) -> dict[str, float]:
    """The same images in one array: one call, with the standard errors that the job has too."""
    import zarr

    from batchnewton import curve_fit
    from batchnewton.jobs.formula import find_model

    spot = find_model(f"{folder}/spot.py:spot").function
    y = np.asarray(zarr.open_array(stack, mode="r")[:fits]).reshape(-1, SIZE * SIZE)
    x = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0), indexing="ij")).reshape(2, -1)
    found = {}

    def work() -> None:
        result = curve_fit(spot, x, y, START, dtype=dtype, device="cpu")
        found["x"], found["stderr"] = result.x, result.stderr

    figures = measured(work)
    fitted = zarr.open_group(folder / "fits.zarr", mode="r")
    for i, name in enumerate(NAMES):
        for suffix, ours in (("", found["x"][:, i]), ("_stderr", found["stderr"][:, i])):
            stored = np.asarray(fitted[name + suffix][: len(y)])
            assert np.array_equal(stored, ours, equal_nan=True), f"{name}{suffix} differs"
    return figures


def asked() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--fits", type=int, default=40_000_000)
    add("--folder", type=Path, required=True, help="where the stack is made and the fits are written")
    add("--dtype", choices=["float32", "float64"], default="float32", help="of the stack and of the fits")
    add("--limit", type=float, help="bytes of address space of the job [default: a third of the stack]")
    add("--chunk", type=int, help="--chunk of the job")
    add("--memory-fits", type=int, help="how many images are fitted in memory [default: all]")
    add("--require", nargs=2, type=float, metavar=("GB", "PERCENT"), help="most resident, least share of the speed")
    add("--step", choices=["job", "memory"], help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    its = asked()
    stack, size = its.folder / "stack.zarr", its.fits * SIZE * SIZE * np.dtype(its.dtype).itemsize
    limit, compared = its.limit or size / 3, its.memory_fits or its.fits
    if its.step == "job":  # each in a process of its own, whose memory is then its own
        print(json.dumps(job(its.folder, stack, limit, dtype=its.dtype, chunk=its.chunk)))
    elif its.step == "memory":
        print(json.dumps(in_memory(its.folder, stack, compared, its.dtype)))
    else:
        prepare(its.folder, stack, its.fits, its.dtype)
        what = f"{its.fits:,} images in {its.dtype}, {size / 1e9:.2f} GB"
        print(f"{what}; limit of the job's address space {limit / 1e9:.2f} GB", flush=True)
        figures = {step: told(step, fits) for step, fits in (("job", its.fits), ("memory", compared))}
        share = 100 * figures["job"]["rate"] / figures["memory"]["rate"]
        print(f"the job runs at {share:.0f} % of the speed in memory; the answers are the same bits")
        if its.require:
            most, least = its.require
            kept = figures["job"]["resident"] <= 1e3 * most and share >= least
            print(f"required: at most {most:g} GB resident, at least {least:g} %: {'kept' if kept else 'MISSED'}")
            sys.exit(not kept)


def prepare(folder: Path, stack: Path, fits: int, dtype: str) -> None:
    """The formula, the stack, and the compiled kernels."""
    from batchnewton.jobs.job import run

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spot.py").write_text(SPOT)
    make(stack, fits, dtype)
    np.save(folder / "few.npy", images(1000, 0).astype(dtype))
    run(request(folder, folder / "few.npy", folder / "few.npz", dtype=dtype))


def told(step: str, fits: int) -> dict[str, float]:
    """What a step has measured, printed too."""
    command = [sys.executable, __file__, "--step", step, *sys.argv[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | ARENAS)
    one = json.loads(done.stdout.splitlines()[-1])
    one["rate"] = fits / one["seconds"]
    print(
        f"{step:7s} {fits:12,} fits {one['seconds']:7.1f} s, {one['cpu']:7.1f} s of processor time, "
        f"{one['rate']:9,.0f} fits/s, {one['resident']:6,.0f} MB resident",
        flush=True,
    )
    return one


if __name__ == "__main__":
    main()
