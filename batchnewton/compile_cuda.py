"""From a formula to a compiled CUDA kernel: as `compile`, for one phase and one number of lanes a problem."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from .compile import ONE_AT_A_TIME, TOLERANCES, _literal, _version, load, module_name
from .derive import Program, derive
from .fingerprint import Signature
from .kernels import cuda as text
from .kernels import cuda_derivatives as at_points
from .kernels import cuda_group as group
from .kernels.cache import source_hash
from .kernels.cuda_across import FAMILIES
from .kernels.cuda_layout import BLOCK, Way, layout, parked, widths
from .kernels.cuda_tiles import table
from .kernels.formula import PRESENT, computed_rows
from .kernels.layout import Layout
from .version import __version__


@dataclass(frozen=True)
class CudaKernel:
    """A generated module with its kernel, ``solve`` or ``evaluate``, and, where ``computed`` columns are worked out,
    ``prepare``."""

    program: Program
    module: ModuleType
    computed: int

    @property
    def signature(self) -> tuple[Any, ...]:
        """Numba types of the arguments of the kernel."""
        return self.module.SIGNATURE


def kernel(signature: Signature, kind: str, phase: str, dtype: np.dtype, way: Way) -> CudaKernel:
    """The kernel of one phase: ``signature``, ``kind``, ``phase`` and ``dtype`` as for `compile.kernel`."""
    with ONE_AT_A_TIME:
        return _kernel(signature, kind, phase, dtype, way)


def derivatives(signature: Signature, kind: str, dtype: np.dtype, lanes: int, listed: bool = False) -> CudaKernel:
    """The kernel for f, g and H at given points (``kind``: and what else), ``lanes`` threads a problem; ``listed``: for
    some problems (`kernels.cuda_derivatives`)."""
    with ONE_AT_A_TIME:
        return _derivatives(signature, kind, dtype, lanes, listed)


@functools.lru_cache(maxsize=256)
def _derivatives(signature: Signature, kind: str, dtype: np.dtype, lanes: int, listed: bool) -> CudaKernel:
    program = derive(signature.formula.function, signature.inputs, kind, signature.formula.name)
    where = at_points.values_layout(program, missing_on_cuda(signature))
    own = [f"SLOTS = {len(where.slots)}"]
    arrays = len(widths(program, where, "problem")) + len(widths(program, where, "point"))
    chosen = "I, I, " * listed
    types = f"({chosen}R, *[R] * {len(at_points.letters(kind))}, R, R, int64, *[R] * {arrays})"
    head = header(program, f"derivatives, {kind}", dtype, lanes, types, own, program.constants, where.slots)
    functions = at_points.evaluate_text(program, where, lanes, dtype.itemsize, kind, listed)
    module = load(module_name(program, "cuda_derivatives"), joined(head, program, where, functions))
    return CudaKernel(program, module, len(computed_rows(program)))


@functools.lru_cache(maxsize=256)
def _kernel(signature: Signature, kind: str, phase: str, dtype: np.dtype, way: Way) -> CudaKernel:
    formula = signature.formula
    program = derive(formula.function, signature.inputs, kind, formula.name)
    if kind == "root" and program.residuals != program.n:
        came = f"{formula.name} returns {program.residuals} residuals"
        raise ValueError(f"{came}; expected {program.n}, as many as unknowns")
    where = layout(program, missing_on_cuda(signature), signature.bounded, way.sees, phase)
    words = (group_text if way.grouped else module_text)(program, where, phase, dtype, way)
    module = load(module_name(program, f"cuda_{phase}"), words)
    return CudaKernel(program, module, len(computed_rows(program)))


def missing_on_cuda(signature: Signature) -> str | None:
    """How a kernel here learns which rows there are: by a mask where the CPU has gaps."""
    return signature.missing if signature.missing in PRESENT else "mask" if signature.missing else None


def module_text(program: Program, where: Layout, phase: str, dtype: np.dtype, way: Way) -> str:
    """The whole module: header, typed constants, slots, the generated functions, the kernels."""
    eps, before = (float(np.finfo(one).eps) for one in (dtype, way.before))
    parking = parked(program, dtype.itemsize, where.bounded, phase)
    functions, unrolled = text.solve_text(program, where, phase, way, parking, eps, before, TOLERANCES[dtype.name])
    places = dict(where.slots) | {name: at * BLOCK for at, name in enumerate(parking)}
    constants = dict(program.constants) | unrolled.constants
    own = [
        f"SLOTS = {len(where.slots)}",
        f"PARKED = {len(parking) * BLOCK}",
        f"take = warp.take if SIMULATED else cuda_warp.{'take_together(LANES)' if way.lanes > 1 else 'take'}",
    ]
    types = solve_types(program, where, way)
    return joined(header(program, phase, dtype, way.lanes, types, own, constants, places), program, where, functions)


def group_text(program: Program, where: Layout, phase: str, dtype: np.dtype, way: Way) -> str:
    """As `module_text`, for a group of lanes that shares a problem's matrix."""
    eps, before = (float(np.finfo(one).eps) for one in (dtype, way.before))
    functions, unrolled, mine, shared, cut = group.solve_text(
        program, where, phase, way, dtype.itemsize, eps, before, TOLERANCES[dtype.name]
    )
    problems = group.problems_of_a_block(shared["whole"], dtype.itemsize, way.lanes)
    own = [
        f"SLOTS = {len(mine.slots)}",
        f"WHOLE = {shared['whole']}",
        f"SHARED = {problems * shared['whole']}",
        f"THREADS = {problems * way.lanes}",
        f"TABLE = np.array({table(cut, way.lanes, shared)[0]}, np.int32)",
        "take = warp.take if SIMULATED else cuda_warp.take_together(LANES)",
        "sync = warp.sync if SIMULATED else cuda_factor.syncing(LANES)",
        *across(program, phase, shared, eps),
    ]
    constants = dict(program.constants) | unrolled.constants
    types = solve_types(program, where, way)
    head = header(program, phase, dtype, way.lanes, types, own, constants, mine.slots)
    return joined(head, program, where, functions)


def across(program: Program, phase: str, shared: dict[str, int], eps: float) -> list[str]:
    """What the lanes of a group do together, for this size."""
    family = FAMILIES[phase]
    names = ("f", "x_0", "g_0", "h_0_0", "r_0", "j_0_0", *family.vectors, *family.triangles)
    at = {name: shared[name] for name in names if name in shared}
    made = f"{family.file}.together(T, {program.n}, LANES, {at}, {eps}, sync)"
    return [f"{family.functions} = {made}"] if family.file else []


def solve_types(program: Program, where: Layout, way: Way) -> str:
    """Types of the arguments of ``solve``."""
    arrays = len(widths(program, where, "problem")) + len(widths(program, where, "point"))
    return f"(R, R, R, C, I, I, R, R, I, int64, *[REAL] * 4, *[R] * {arrays}{way.types})"


def joined(head: str, program: Program, where: Layout, functions: list[str]) -> str:
    """The module: its head, functions, kernels."""
    solve = [*functions[:-1], "@cuda.jit(**OPTIONS)\n" + functions[-1]]
    if computed_rows(program):
        row, prepare = text.prepare_text(program, where)
        solve += [row, "@cuda.jit(**OPTIONS)\n" + prepare]
    return "\n\n\n".join([head, *solve]) + "\n"


def header(
    program: Program,
    purpose: str,
    dtype: np.dtype,
    lanes: int,
    signature: str,
    own: list[str],
    constants: dict[str, float],
    places: dict[str, int],
) -> str:
    """What made the module, its imports, types, typed constants and slots."""
    counts = ", ".join(f"{count} {kind}" for kind, count in program.operations.items() if count)
    called = sorted(program.functions - {"sqrt", "fabs"})
    values = {"zero": 0.0, "one": 1.0, "half": 0.5} | constants
    return "\n".join(
        [
            f'"""{program.name}: n = {program.n}, {dtype.name}, {lanes} CUDA threads a problem; {purpose}.',
            "",
            f"Operations: {counts}.",
            f"Generated by batchnewton {__version__}, sources {source_hash()}; numba-cuda {_version('numba-cuda')}.",
            '"""',
            "",
            "import numpy as np",
            "from numba import cuda, float32, float64, int8, int32, int64, types, void",
            "",
            "from batchnewton.kernels import cuda_bfgs, cuda_factor, cuda_orthogonal, cuda_plain, cuda_warp",
            "from batchnewton.kernels.cuda_lower import SIMULATED, function, lanes, lowered",
            "",
            f"REAL = {dtype.name}",
            f"T = np.{dtype.name}",
            f"LANES, N = {lanes}, {program.n}",
            "W = 1",
            "OPTIONS = {} if SIMULATED else dict(cache=True, lto=False)",
            "R, C, I = REAL[::1], int8[::1], int32[::1]",
            f"SIGNATURE = {signature}",
            "",
            "warp = cuda_warp.Simulated(lambda: cuda, LANES)",
            "group = warp.group if SIMULATED else cuda_warp.group(LANES)",
            *own,
            "swap, plus = warp.swap, warp.plus",
            *(f'{name} = function("{name}", T)' for name in called),
            "sqrt, fabs = np.sqrt, np.abs",
            "",
            *(f"{name} = T({_literal(value)})" for name, value in values.items()),
            "",
            *(f"{name}_ = {at}" for name, at in places.items()),
        ]
    )
