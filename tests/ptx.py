"""What NVIDIA's assembler says of a kernel: registers, stack, spills.  Needs numba-cuda and ptxas, no GPU."""

import re
import shutil
import subprocess
import tempfile
import types
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from problems import broyden

from batchnewton import compile_cuda, engine
from batchnewton.curve import from_curve
from batchnewton.function import from_function
from batchnewton.kernels.cuda_layout import BLOCK, Way
from batchnewton.methods import BRACKETED, METHODS, PHASES, Phase
from batchnewton.problem import Problem

REGISTERS = 65_536  # of a multiprocessor, sm_80 to sm_120
SHARED = {"sm_80": 164, "sm_90": 228, "sm_120": 100}  # KiB of shared memory of a multiprocessor
THREADS = {"sm_80": 2048, "sm_90": 2048, "sm_120": 1536}
EVERYWHERE = tuple(THREADS)


@dataclass(frozen=True)
class Assembled:
    """One kernel for one architecture."""

    architecture: str
    ptx: str
    registers: int
    stack: int
    spills: int
    shared: int
    threads: int

    @property
    def occupancy(self) -> float:
        """Share of a multiprocessor's threads that can be resident."""
        block = self.threads
        registers = -(-self.registers // 8) * 8 * block
        blocks = min(REGISTERS // registers, SHARED[self.architecture] * 1024 // (self.shared + 1024))
        return min(1.0, blocks * block / THREADS[self.architecture])


def tool(name: str) -> str | None:
    """Path of ptxas or nvdisasm: of the wheels nvidia-cuda-nvcc and nvidia-cuda-nvdisasm, or of an installed CUDA."""
    spec = find_spec("nvidia")
    folders = [Path(one) for one in (spec.submodule_search_locations or [])] if spec else []
    found = [str(path) for folder in folders for path in sorted(folder.glob(f"*/bin/{name}*"))]
    return found[0] if found else shutil.which(name)


def missing() -> str | None:
    """What is not there, and what to do about it."""
    if find_spec("numba_cuda") is None:
        return "numba-cuda is not installed (pip install -e .[test])"
    return None if tool("ptxas") else "ptxas is not there: nvidia-cuda-nvcc is not installed (pip install -e .[test])"


def assemble(
    problem: Problem,
    dtype: str,
    architecture: str = "sm_90",
    lanes: int = 1,
    phase: int = 0,
    keep: str | None = None,
    method: str | None = None,
    phases: Sequence[Phase] = (),
    **more: bool,
) -> Assembled:
    """Compile one phase of a problem's kernels, of the default method unless a method or ``phases`` are given; ``keep``
    is a file for the machine code."""
    staged = engine.staged_bytes(problem, np.dtype(dtype), lanes)
    phases = phases or (METHODS[problem.kind][method].phases if method else PHASES[problem.kind])
    step = (BRACKETED.phases if problem.bracketed else phases)[phase]
    way = Way(lanes, staged > 0, phase == 0, phase == 0, dtype, **more)
    found = compile_cuda.kernel(problem.signature, step.derive, step.step, np.dtype(dtype), way)
    threads = found.module.THREADS if way.grouped else BLOCK
    return assembled(found.module.solve, found.signature, architecture, threads, staged * BLOCK, keep)


def assemble_derivatives(problem: Problem, kind: str, dtype: str, lanes: int = 1, listed: bool = False) -> Assembled:
    """Compile the kernel for derivatives at given points; ``listed``: that of the patient path."""
    found = compile_cuda.derivatives(problem.signature, kind, np.dtype(dtype), lanes, listed)
    return assembled(found.module.evaluate, found.signature)


def assembled(
    kernel: Any,
    signature: Any,
    architecture: str = "sm_90",
    threads: int = BLOCK,
    dynamic: int = 0,
    keep: str | None = None,
) -> Assembled:
    """What becomes of a kernel; ``dynamic`` bytes of shared memory are asked for at its launch."""
    return from_ptx(compiled(kernel, signature, architecture), architecture, threads, dynamic, keep)


def compiled(kernel: Any, signature: Any, architecture: str) -> str:
    """Its PTX, which newer architectures take, too."""
    from numba import cuda

    capability = divmod(int(architecture[3:]), 10)
    device = types.SimpleNamespace(compute_capability=capability)  # for which functions that it calls are compiled
    with mock.patch("numba.cuda.dispatcher.get_current_device", lambda: device):
        return cuda.compile(kernel.py_func, signature, cc=capability, device=False, abi="numba")[0]


def from_ptx(ptx: str, architecture: str, threads: int = BLOCK, dynamic: int = 0, keep: str | None = None) -> Assembled:
    """What becomes of a kernel's PTX."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.ptx")
        path.write_text(ptx)
        command = [tool("ptxas"), "-v", f"-arch={architecture}", str(path), "-o", keep or str(Path(folder, "out"))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stderr[done.stderr.index("Compiling entry function") :]

    def number_before(words: str) -> int:
        match = re.search(rf"(\d+) {words}", said)
        return int(match[1]) if match else 0

    spills = number_before("bytes spill stores") + number_before("bytes spill loads")
    counts = (int(re.search(r"Used (\d+) registers", said)[1]), number_before("bytes stack frame"), spills)
    return Assembled(architecture, ptx, *counts, number_before("bytes smem") + dynamic, threads)


def check(kernel: Assembled, dtype: str) -> None:
    """All in registers, and nothing of float32 in float64."""
    assert (kernel.stack, kernel.spills) == (0, 0), f"{kernel.stack} bytes of stack, {kernel.spills} of spills"
    assert dtype == "float64" or ".f64" not in kernel.ptx


# ---- formulas of a given size


def exponentials(n: int) -> Problem:
    """n / 2 decays: light, and every pair of unknowns meets in the Hessian."""

    def model(t, *p):
        total = p[-1] * t if n % 2 else 0.0 * t
        for i in range(n // 2):
            total = total + p[2 * i] * np.exp(-p[2 * i + 1] * t)
        return total

    model.__name__ = f"exponentials{n}"
    return from_curve(model, np.linspace(0, 1, 40), np.zeros((4, 40)), np.ones((4, n)), None)


def chain(n: int) -> Problem:
    """Rosenbrock's function of n unknowns: no data."""

    def rosenbrock(x):
        return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(n - 1))

    rosenbrock.__name__ = f"chain{n}"
    return from_function("minimize", rosenbrock, np.ones((4, n)), (), ())


def equations(n: int) -> Problem:
    """Broyden's tridiagonal equations."""

    formula = broyden(n)
    formula.__name__ = f"equations{n}"
    return from_function("root", formula, -np.ones((4, n)), (), ())
