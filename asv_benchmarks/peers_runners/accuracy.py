"""The data of the workloads, the best known costs, and the share of problems that a peer has solved."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import workloads

from .worker import CHECKED

BY_SCIPY = 200  # problems of which SciPy, slow and tight, gives a second opinion


def cache_folder(chosen: str | None) -> Path:
    """Where data and reference costs are kept from one run to the next."""
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(chosen) if chosen else Path(tempfile.gettempdir()) / f"batchnewton-peers-{owner}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def cached(folder: Path, workload: str, problems: int, what: str, make) -> Path:
    """A file of arrays, made once for these sources of the workloads."""
    recipe = hashlib.sha256(Path(workloads.__file__).read_bytes()).hexdigest()[:12]
    path = folder / f"{workload}_{problems}_{what}_{recipe}.npz"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(partial, **make())
        partial.replace(path)
    return path


def data_file(folder: Path, workload: str, problems: int) -> Path:
    return cached(folder, workload, problems, "data", lambda: workloads.make(workload, problems))


def first_rows(file: Path, count: int) -> workloads.Data:
    with np.load(file) as arrays:
        return {key: arrays[key] if key == "x" else arrays[key][:count] for key in arrays.files}


def best_known(folder: Path, workload: str, problems: int, found: list[np.ndarray]) -> np.ndarray:
    """Best cost of each of the first problems: of ours from the start and from the truth, of SciPy, and of ``found``.

    ``found`` are the solutions of all peers of this run: whoever finds a lower minimum sets the standard.
    """
    data = first_rows(data_file(folder, workload, problems), CHECKED)
    file = cached(folder, workload, problems, "best", lambda: {"cost": reference(workload, data)})
    with np.load(file) as arrays:
        best = arrays["cost"].copy()
    for x in found:
        cost = workloads.cost(workload, {k: v if k == "x" else v[: len(x)] for k, v in data.items()}, x)
        best[: len(x)] = np.fmin(best[: len(x)], cost)
    return best


def reference(workload: str, data: workloads.Data) -> np.ndarray:
    """A long and tight run: ours in float64 from start and truth, SciPy from both for some."""
    from .ours import front_door

    if workload == "W5":
        return np.zeros(len(data["p0"]))
    double = {key: value.astype(float) for key, value in data.items()}
    best = np.full(len(data["p0"]), np.inf)
    for start in ("p0", "truth"):
        x = front_door("ours", workload, double | {"p0": double[start]}, dict(threads=1)).x
        best = np.fmin(best, workloads.cost(workload, data, x))
    some = min(BY_SCIPY, len(best))
    best[:some] = np.fmin(best[:some], workloads.best_cost(workload, data, some))
    return best


def fraction_solved(workload: str, file: Path, x: np.ndarray, best: np.ndarray, dtype: str) -> float:
    """Share of the solutions x that pass the accuracy test of ``tests/workloads.py``."""
    data = first_rows(file, len(x))
    return float(workloads.solved(workload, data, x, best[: len(x)], dtype == "float32").mean())
