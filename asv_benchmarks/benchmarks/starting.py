"""How long a process waits: for the import, for the first solve of a formula with an empty and with a full cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import ROOT
from .common import WORKLOADS

FIRST = """
import sys, time
sys.path[:0] = {folders!r}
import workloads
from peers_runners.ours import front_door
data = {{k: v.astype("{dtype}") for k, v in workloads.make("{workload}", 100).items()}}
start = time.perf_counter()
front_door("ours", "{workload}", data, dict(dtype="{dtype}"))
print(time.perf_counter() - start)
"""


class Import:
    """The import alone, and with it all that a solve needs."""

    def timeraw_import(self) -> str:
        return "import batchnewton"

    def timeraw_import_with_solver(self) -> str:
        return "from batchnewton import curve_fit"


class FirstSolve:
    """The first call of a process: where nothing has been compiled, and where another process has."""

    params = (WORKLOADS, ("float64", "float32"))
    param_names = ("workload", "dtype")
    timeout = 900

    def track_cold(self, workload: str, dtype: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            return first_call(workload, dtype, folder)

    def track_cached(self, workload: str, dtype: str) -> float:
        return min(first_call(workload, dtype) for _ in range(4))  # the first one may have to compile

    track_cold.unit = track_cached.unit = "s"  # type: ignore[attr-defined]


def first_call(workload: str, dtype: str, folder: str | None = None) -> float:
    """Seconds of the first call in a process of its own, whose cache is this folder; None: that of all benchmarks."""
    import batchnewton

    ours = Path(batchnewton.__file__).parents[1]  # the child takes the very same
    folders = [str(folder) for folder in (ours, ROOT / "tests", ROOT / "asv_benchmarks")]
    program = FIRST.format(workload=workload, dtype=dtype, folders=folders)
    environment = os.environ | ({"BATCHNEWTON_CACHE": folder} if folder else {})
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)
