"""From a formula to a compiled kernel: trace, differentiate, generate a module, import it; all of it cached.

A generated module lies in the user's cache folder under the hash of its content, its machine code beside it
(``kernels/machine.py``; of CUDA's Numba's own on-disk cache works on it), so that a second process compiles nothing.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import threading
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import llvmlite.binding
import numpy as np
from numba.core import config

from .announce import announced
from .derive import Program, derive
from .fingerprint import Signature
from .kernels import cpu, lanes, machine, patient
from .kernels.advance import advance_text
from .kernels.cache import keep_text, source_hash
from .kernels.doubt import DOUBT, SLIGHT
from .kernels.formula import computed_rows
from .kernels.layout import Layout, layout, places
from .version import __version__

TOLERANCES = {  # limits that follow from the precision; see kernels/converge.py for the inequalities
    "float64": {"tight_f": 1e-20, "tight_x": 1e-11, "floor": 1e-6, "ahead": 1e-9, "doubt": DOUBT, "slight": SLIGHT}
    | {"scant": SLIGHT, "least": 2.0**-1022},
    "float32": {"tight_f": 1e-12, "tight_x": 2e-5, "floor": 1e-3, "ahead": 4e-6, "doubt": 2e-4, "slight": 4e-6}
    | {"scant": 1e-10, "least": 2.0**-126},
}
ONE_AT_A_TIME = threading.RLock()  # two threads that meet the same formula compile it once


def forget_lock() -> None:
    """A fork while another thread held the lock would leave it held for ever."""
    global ONE_AT_A_TIME
    ONE_AT_A_TIME = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_lock)


@dataclass(frozen=True)
class Kernel:
    """The compiled functions of one formula, and where the loops of ``kernels/cpu.py`` find things."""

    program: Program
    lanes: int
    slots: int
    prepare: int
    computed: int
    enter: int
    evaluate: int
    advance: int
    state: np.ndarray
    outputs: np.ndarray

    @property
    def scale(self) -> float:
        """Factor of the summed f."""
        return self.program.scale

    @property
    def phase(self) -> list[int]:
        """A row of ``phases``, as ``cpu.solve_phases`` takes them."""
        return [getattr(self, name) for name in cpu.PHASE]

    def solve_trust(self, *arguments: Any) -> None:
        """``patient.solve_trust`` for this formula."""
        patient.solve_trust(
            self.prepare, self.computed, self.evaluate, self.slots, self.lanes, self.outputs, self.scale, *arguments
        )

    def derivatives(self, *arguments: Any) -> None:
        """``cpu.derivatives`` for this formula."""
        cpu.derivatives(
            self.prepare, self.computed, self.evaluate, self.slots, self.lanes, self.outputs, self.scale, *arguments
        )


def kernel(signature: Signature, kind: str, phase: str | None, dtype: np.dtype) -> Kernel:
    """The kernel of a formula.

    Parameters
    ----------
    signature : Signature
        What to trace, with which inputs, how data may be missing, whether there are bounds.
    kind
        As for `batchnewton.derive.derive`.
    phase : str, optional
        The iteration that uses the derivatives (``kernels/iterations.py``); None for the derivatives alone.
    dtype : numpy.dtype
        float32 or float64.
    """
    with ONE_AT_A_TIME:
        return _kernel(signature, kind, phase, dtype)


@functools.lru_cache(maxsize=512)
def _kernel(signature: Signature, kind: str, phase: str | None, dtype: np.dtype) -> Kernel:
    formula = signature.formula
    program = derive(formula.function, signature.inputs, kind, formula.name)
    if kind == "root" and program.residuals != program.n:
        came = f"{formula.name} returns {program.residuals} residuals"
        raise ValueError(f"{came}; expected {program.n}, as many as unknowns")
    where = layout(
        program,
        dtype.itemsize,
        phase is not None,
        signature.missing,
        vector_bytes(),
        signature.bounded,
        phase or "minimize",
    )
    with announced(f"compiling {formula.name} ({program.operations['total']} operations)"):
        entries = machine.load(module_name(program, phase or kind), module_text(program, where, phase, dtype))
    state = cpu.places(phase, lambda name: where.slots[name] // where.lanes) if phase else []
    return Kernel(
        program,
        where.lanes,
        len(where.slots),
        entries.get("prepare", 0),
        len(computed_rows(program)),
        entries.get("enter", 0),
        entries["evaluate"],
        entries.get("advance", 0),
        np.array(state, np.int64),
        np.array(places(program, where, kind), np.int64),
    )


@functools.cache
def vector_bytes() -> int:
    """Length of the vectors that the machine code may use: AVX-512 64, AVX 32, SSE and NEON 16."""
    features = getattr(config, "CPU_FEATURES", None) or llvmlite.binding.get_host_cpu_features().flatten()
    return 64 if "+avx512f" in features else 32 if "+avx," in features + "," else 16


def module_name(program: Program, purpose: str) -> str:
    """Readable beginning of the module's file name."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in program.name)
    return f"{plain[:40]}_{purpose.replace('-', '_')}"


def module_text(program: Program, where: Layout, phase: str | None, dtype: np.dtype) -> str:
    """The whole module: header, typed constants, slots, the generated functions."""
    constants = dict(program.constants)
    total = program.operations["total"]
    functions = lanes.prepare_text(program, where) if computed_rows(program) else []
    functions += lanes.evaluate_text(program, where, 4 if total <= 200 else 2 if total <= 500 else 1)
    if phase:
        eps = float(np.finfo(dtype).eps)
        advance, text = advance_text(program, phase, eps, TOLERANCES[dtype.name], where.bounded, where.slots)
        enter, start = lanes.enter_text(program, phase)
        functions += enter + advance
        constants |= text.constants | start.constants
    return "\n\n\n".join([header(program, phase, dtype, where, constants), *functions]) + "\n"


def header(program: Program, phase: str | None, dtype: np.dtype, where: Layout, constants: dict[str, float]) -> str:
    """What made the module, its imports, sizes, typed constants and slots."""
    single = "f32" if dtype.itemsize == 4 else "f64"
    counts = ", ".join(f"{count} {kind}" for kind, count in program.operations.items() if count)
    called = sorted(program.functions - {"sqrt", "fabs"})
    values = {"zero": 0.0, "one": 1.0, "half": 0.5} | constants
    return "\n".join(
        [
            f'"""{program.name}: n = {program.n}, {dtype.name}, {where.lanes} lanes; iteration: {phase or "none"}.',
            "",
            f"Operations: {counts}.",
            f"Generated by batchnewton {__version__}, sources {source_hash()}; llvmlite {_version('llvmlite')}.",
            '"""',
            "",
            "import numpy as np",
            "",
            "from batchnewton.kernels.machine import entry, lanes, lowered, positive_lanes",
            *(f"from batchnewton.kernels.vector_math import {name}_{single} as {name}" for name in called),
            "",
            f"T, int64 = np.{dtype.name}, np.int64",
            "sqrt, fabs = np.sqrt, np.abs",
            f"W = {where.lanes}",
            "ended_lanes = positive_lanes(W)",
            "",
            *(f"{name} = T({_literal(value)})" for name, value in values.items()),
            "",
            *(f"{name}_ = {at}" for name, at in where.slots.items()),
        ]
    )


def _literal(value: float) -> str:
    return repr(value) if np.isfinite(value) else f'"{value}"'


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def load(name: str, text: str) -> ModuleType:
    """Write the module under the hash of its text, unless it is there already, and import it."""
    path = keep_text(name, text)
    if path.stem in sys.modules:
        return sys.modules[path.stem]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # Numba looks it up by name when it loads cached machine code
    try:
        exec(compile(text, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module
