"""From a formula to a compiled kernel: trace, differentiate, generate a module, import it; cached in memory and on disk.

A generated module lies in the user's cache folder under the hash of its content, so that Numba's own on-disk cache
of machine code works on it and a second process compiles nothing.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import platformdirs

from .derive import Input, Program, derive
from .fingerprint import fingerprint
from .kernels import cpu, lanes
from .version import __version__

TOLERANCES = {  # limits that follow from the precision; see kernels/converge.py for the inequalities
    "float64": {"tight_f": 1e-20, "tight_x": 1e-11, "floor": 1e-6},
    "float32": {"tight_f": 1e-9, "tight_x": 2e-5, "floor": 1e-3},
}
OPTIONS = 'dict(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz", "arcp"})'


@dataclass(frozen=True)
class Kernel:
    """A compiled program: its functions are those of ``kernels/cpu.py``, ready for this formula."""

    program: Program
    module: ModuleType

    @property
    def solve(self) -> Callable[..., None]:
        return self.module.solve

    @property
    def solve_trust(self) -> Callable[..., None]:
        return self.module.solve_trust

    @property
    def derivatives(self) -> Callable[..., None]:
        return self.module.derivatives


def kernel(fun: Callable[..., Any], arguments: Sequence[Any], kind: str, phase: str, dtype: np.dtype) -> Kernel:
    """The kernel of a formula.

    Parameters
    ----------
    fun, arguments, kind
        As for `batchnewton.derive.derive`.
    phase : {"gauss-newton", "exact", "root", "trust", "derivatives"}
        What the kernel does with the derivatives (``kernels/step.py``).
    dtype : numpy.dtype
        float32 or float64.
    """
    return _kernel(fingerprint(fun), tuple(arguments), kind, phase, np.dtype(dtype).name)


@functools.lru_cache(maxsize=512)
def _kernel(fun: Any, arguments: tuple[Any, ...], kind: str, phase: str, dtype: str) -> Kernel:
    program = derive(fun.function, arguments, kind, fun.name)
    return Kernel(program, load(module_name(program, phase), module_text(program, phase, np.dtype(dtype))))


def module_name(program: Program, phase: str) -> str:
    """Readable beginning of the module's file name."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in program.name)
    return f"{plain[:40]}_{phase.replace('-', '_')}"


def module_text(program: Program, phase: str, dtype: np.dtype) -> str:
    """The whole module: header, constants, generated functions, the loops of ``kernels/cpu.py``."""
    total = program.operations["total"]
    where = lanes.layout(program, dtype.itemsize, phase in ("gauss-newton", "exact", "root"))
    constants = dict(program.constants)
    bodies = [lanes.evaluate_text(program, where, 4 if total <= 60 else 2 if total <= 120 else 1)]
    write = {"derivatives": _derivatives_text, "trust": _trust_text}.get(phase, _solve_text)
    more, loop = write(program, phase, dtype, constants)
    head = header(program, phase, dtype, where, constants)
    functions = ["\n".join(body) for body in (*bodies, *more)] + [inspect.getsource(loop).rstrip()]
    return "\n\n\n".join([head, *(f"@njit(**OPTIONS)\n{body}" for body in functions)]) + "\n"


Text = tuple[list[list[str]], Callable[..., None]]


def _solve_text(program: Program, phase: str, dtype: np.dtype, constants: dict[str, float]) -> Text:
    eps = float(np.finfo(dtype).eps)
    advance, text = lanes.advance_text(program, phase, eps, TOLERANCES[dtype.name])
    load, scales = lanes.load_text(program, True)
    constants |= text.constants | scales.constants
    return [load, advance, lanes.store_text(program)], cpu.solve


def _trust_text(program: Program, phase: str, dtype: np.dtype, constants: dict[str, float]) -> Text:
    gather, normal = lanes.gather_text(program)
    constants |= normal.constants
    return [lanes.load_text(program, False)[0], gather], cpu.solve_trust


def _derivatives_text(program: Program, phase: str, dtype: np.dtype, constants: dict[str, float]) -> Text:
    return [lanes.load_text(program, False)[0], lanes.store_derivatives_text(program)], cpu.derivatives


def header(program: Program, phase: str, dtype: np.dtype, where: lanes.Layout, constants: dict[str, float]) -> str:
    """What made the module, its imports, sizes, typed constants and slots."""
    single = "f32" if dtype.itemsize == 4 else "f64"
    counts = ", ".join(f"{count} {kind}" for kind, count in program.operations.items() if count)
    imports = [f"from batchnewton.kernels.vector_math import {name}_{single} as {name}" for name in sorted(program.functions | {"sqrt"})]
    values = {"zero": 0.0, "one": 1.0, "half": 0.5, "radius0": lanes.step.RADIUS * program.n**0.5} | constants
    return "\n".join(
        [
            f'"""{program.name}, {phase}: n = {program.n}, {dtype.name}, {where.lanes} lanes; operations: {counts}.',
            "",
            f'Generated by batchnewton {__version__}, sources {source_hash()}; numba {_version("numba")}.',
            '"""',
            "",
            "import numpy as np",
            "from numba import njit",
            "",
            "from batchnewton.kernels import status, trust",
            *imports,
            "",
            f"OPTIONS = {OPTIONS}",
            f"T = np.{dtype.name}",
            f"W = {where.lanes}",
            f"SLOTS = {len(where.slots)}",
            f"POINTS = {len(where.points)}",
            "",
            *(f"{name} = T({value!r})" if np.isfinite(value) else f'{name} = T("{value}")' for name, value in values.items()),
            "",
            *(f"{name}_ = {at}" for name, at in where.slots.items()),
        ]
    )


@functools.cache
def source_hash() -> str:
    """Hash of the kernels' sources: a change there must not find old machine code."""
    digest = hashlib.sha256()
    for file in sorted(Path(cpu.__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def load(name: str, text: str) -> ModuleType:
    """Write the module under the hash of its text, unless it is there already, and import it."""
    name = f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:20]}"
    if name in sys.modules:
        return sys.modules[name]
    path = cache_folder() / f"{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomically(path, text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(text, str(path), "exec"), module.__dict__)
    sys.modules[name] = module
    return module


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


@functools.cache
def cache_folder() -> Path:
    """The folder of generated modules, the user's alone: ``$BATCHNEWTON_CACHE``, or the platform's cache folder."""
    chosen = os.environ.get("BATCHNEWTON_CACHE") or platformdirs.user_cache_dir("batchnewton")
    folder = Path(chosen) / "kernels"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if private(folder) and os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="batchnewton-"))


def private(folder: Path) -> bool:
    """Whether nobody else can write to the folder (Windows: its access lists see to that)."""
    if not hasattr(os, "getuid"):
        return True
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
