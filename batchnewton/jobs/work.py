"""A job opened and checked: its data, formula and options, what it does with a chunk, what its output will hold."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from batchnewton import Status, __version__, curve_fit
from batchnewton.curve import from_curve, parameter_names
from batchnewton.derive import derive
from batchnewton.options import options

from .arrays import Stack, open_stack
from .blocks import Grid
from .errors import JobError
from .files import TABLES, split_name, suffix
from .formula import Model, find_model
from .outputs import Layout
from .request import Request
from .stored import Stored
from .stream import Answers
from .tables import Groups, open_groups

CHUNK_BYTES = 32 * 2**20  # of data, as read and converted, and of answers
NAMES = ("chi_square", "status", "nit", "nfev")


@dataclass
class Work:
    """What is done with a chunk; goes to workers whole."""

    batch: Stack | Groups
    model: Model
    grid: Grid
    names: tuple[str, ...]
    options: dict[str, Any]
    stderr: bool

    def __call__(self, number: int) -> Answers:
        return self.solve(self.read(number))

    def read(self, number: int) -> dict[str, Any]:
        """Arguments of `curve_fit` for the problems of a chunk."""
        return self.batch.read(self.grid.block(number))

    def starts(self, arrays: dict[str, Any]) -> dict[str, Any]:
        """The same with starts, guessed where that is asked for."""
        if "p0" in arrays or self.model.guess is None:
            return arrays
        y = np.asarray(arrays["ydata"], float)
        if "mask" in arrays:
            y = np.where(arrays["mask"], y, np.nan)
        x = arrays["xdata"][:, 0] if "counts" in arrays else arrays["xdata"]
        if "counts" not in arrays and np.isnan(x).any():
            y = np.where(np.isnan(np.atleast_2d(x)).any(0), np.nan, y)
        return arrays | {"p0": checked_guess(self.model.starts(x, y), len(y), len(self.names))}

    def solve(self, arrays: dict[str, Any]) -> Answers:
        """Answers of the problems of a chunk, by name."""
        result = curve_fit(self.model.function, **self.starts(arrays), **self.options)
        found = dict(zip(self.names, result.x.T, strict=True))
        if self.stderr:
            found |= dict(zip((f"{name}_stderr" for name in self.names), result.stderr.T, strict=True))
        counts = {"status": result.status, "nit": result.nit, "nfev": result.nfev}
        answers = found | {"chi_square": 2 * result.fun} | counts
        return {name: np.ascontiguousarray(one) for name, one in answers.items()}


def checked_guess(found: Any, size: int, n: int) -> np.ndarray:
    """Starts as a guess returned them."""
    if isinstance(found, tuple | list):
        found = np.stack(np.broadcast_arrays(*found), -1)
    p0 = np.asarray(found, float)
    if p0.shape not in ((n,), (size, n)):
        raise JobError(f"the guess returned shape {p0.shape} for {size} curves; expected ({n},) or ({size}, {n})")
    return p0


def prepare(request: Request) -> tuple[Work, Layout]:
    """Open and check everything that a job needs, before anything is solved or written."""
    model = find_model(request.model, request.guess)
    names = parameter_names(model.function)
    p0 = request.start(names)
    batch = open_batch(request, p0)
    if names is None:
        extent = None if p0 is None else len(p0) if isinstance(p0, np.ndarray) else batch.p0.shape[-1]
        if extent is None:
            raise JobError(f"the parameters of {model.name} have no names; --p0 is needed")
        names = tuple(f"p{i}" for i in range(extent))
    taken = {*batch.dims, *NAMES, *batch.coordinates}
    shown = tuple(f"p_{name}" if name in taken else name for name in names)
    answers = 8 * len(names) * (1 + request.stderr) + 17
    target = request.chunk or min(1_000_000, max(1, CHUNK_BYTES // (batch.bytes_each + answers)))
    grid = Grid.of(batch.shape, target, () if request.chunk else batch.pieces)
    work = Work(batch, model, grid, shown, request.fit_options(names), request.stderr)
    return work, layout_of(work, request)


def open_batch(request: Request, p0: np.ndarray | str | None) -> Stack | Groups:
    """The data, as an array or as a table."""
    path, _ = split_name(request.input)
    if suffix(path) in TABLES:
        for option in ("mask", "axis"):
            if getattr(request, option) is not None:
                raise JobError(f"--{option} is for arrays; {path} is a table")
        return open_groups(path, request.by, request.x, request.y, p0, request.beside)
    for option in ("by", "y"):
        if getattr(request, option) is not None:
            raise JobError(f"--{option} is for tables ({', '.join(TABLES)}); {path} holds arrays")
    return open_stack(request.input, request.axis, request.x, p0, request.beside)


def layout_of(work: Work, request: Request) -> Layout:
    """What the result will hold, and how it was made."""
    batch, precision = work.batch, np.dtype("f4" if request.dtype == "float32" else "f8")
    variables = dict.fromkeys(work.names, precision)
    if work.stderr:
        variables |= dict.fromkeys((f"{name}_stderr" for name in work.names), precision)
    variables |= {"chi_square": precision, "status": np.dtype("i1"), "nit": np.dtype("i4"), "nfev": np.dtype("i4")}
    attributes: dict[str, dict[str, Any]] = {
        name: {"long_name": f"standard error of {name.removesuffix('_stderr')}"}
        for name in variables
        if name.endswith("_stderr")
    }
    squares = "sum of squared residuals, in units of sigma where that was given"
    loss = request.loss if request.loss not in (None, "linear") else None
    attributes["chi_square"] = {"long_name": f"twice the sum of loss={loss!r}" if loss else squares}
    attributes["status"] = {
        "flag_values": [int(one) for one in Status],
        "flag_meanings": " ".join(one.name for one in Status),
    }
    attributes["nit"] = {"long_name": "steps taken"}
    attributes["nfev"] = {"long_name": "evaluations of the formula and its derivatives"}
    return Layout(work.grid, batch.dims, variables, batch.coordinates, attributes, record(work, request))


def record(work: Work, request: Request) -> dict[str, Any]:
    """What the answers depend on; a job goes on only where all of it is the same."""
    batch, model = work.batch, work.model
    arrays = work.starts(batch.read(tuple(slice(0, 1) for _ in batch.shape)))
    given = {key: arrays.get(key) for key in ("xdata", "ydata", "p0", "sigma", "trials", "counts", "mask")}
    more = {key: work.options[key] for key in ("loss", "f_scale", "bounds", "fixed") if key in work.options}
    problem = from_curve(model.function, **given, **more)
    device = "cpu" if request.dask else request.device  # the workers may have another
    options(problem.kind, request.method, None, None, None, request.max_iter, request.dtype, device, None, False)
    program = derive(problem.fun, problem.inputs, problem.kind).source()
    asked = ("p0", "guess", "bounds", "fixed", "loss", "f_scale", "sigma", "trials", "mask", "x", "y", "by", "axis")
    asked += ("device", "dtype", "method", "max_iter", "absolute_sigma", "stderr")
    return {
        "model": {"name": model.name, "source": model.source, "derived": digest(program.encode())},
        "parameters": list(work.names),
        "input": {role: stamp(one) for role, one in batch.stored().items()},
        "options": {name: value for name in asked if (value := getattr(request, name)) is not None},
        "x": digest(arrays["xdata"].tobytes()) if isinstance(batch, Stack) else None,
        "chunk": list(work.grid.chunk),
        "versions": {"batchnewton": __version__, "numba": version("numba"), "machine": platform.machine()},
    }


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def stamp(source: Stored | Groups) -> dict[str, Any]:
    """Size and time of change of a file, or of all files in a folder, and what is read of it."""
    path = source.path
    stats = [one.stat() for one in path.rglob("*") if one.is_file()] if path.is_dir() else [path.stat()]
    found: dict[str, Any] = {"file": path.name, "size": sum(one.st_size for one in stats)}
    found["changed"] = max((one.st_mtime_ns for one in stats), default=0)
    if isinstance(source, Stored):
        found |= {"array": source.name, "shape": list(source.shape), "dtype": source.dtype.str}
        if "units" in source.attributes:
            found["units"] = source.attributes["units"]
    return found
