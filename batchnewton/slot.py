"""A chunk on its way over a GPU: its stream, its buffers, and how its problems ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from . import pinned
from .engine import SINGLE, Arrays, Engine, sources
from .kernels import status
from .kernels.converge import CONVERGED, DOUBTFUL, ENDED, NOT_FINITE_AT_START
from .kernels.history import COLUMNS
from .problem import Problem

PART = 1 << 15  # problems of a chunk that one thread of the CPU takes
COUNT, DOUBLE = np.dtype(np.int32), np.dtype(np.float64)
NO_HISTORY, NO_TOP = np.empty((0, 0, 2)), np.empty(0)


class Answers(Protocol):
    """Arrays of the answers (see `solution.Solution`)."""

    x: np.ndarray
    fun: np.ndarray
    status: np.ndarray
    nit: np.ndarray
    nfev: np.ndarray
    histories: list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Ends:
    """How some problems left the GPU (``kernels/converge.py``), for what follows on the CPU.

    Attributes
    ----------
    rows : slice
        Which ones they are.
    code, top : numpy.ndarray
        How each left; the largest F at its starts, where there is a certificate to follow (else empty).
    seen : numpy.ndarray
        Their history so far; empty where none is kept.
    """

    rows: slice
    code: np.ndarray
    top: np.ndarray
    seen: np.ndarray

    @property
    def left(self) -> np.ndarray:
        """Which of them have no status yet."""
        return left_over(self.code)

    def parts(self) -> list[slice]:
        """Pieces, each for one thread, without those that have nothing left."""
        size, left = len(self.code), self.left
        pieces = [slice(at, min(at + PART, size)) for at in range(0, size, PART)]
        return [piece for piece in pieces if left[piece].any()]

    def of(self, some: slice) -> Ends:
        """One of the pieces."""
        rows = slice(self.rows.start + some.start, self.rows.start + some.stop)
        return Ends(rows, self.code[some], self.top[some], self.seen[some])


class Slot:
    """A stream with the buffers of one chunk, pinned on the host and on the device."""

    def __init__(self, engine: Engine, problem: Problem, length: int) -> None:
        cuda, dtype = engine.cuda, engine.dtype
        self.engine, self.sources = engine, sources(problem)
        self.stream = cuda.stream()
        self.rows: slice | None = None
        sizes = [length * array[0].size for array in self.sources]
        kinds = [(length, dtype), (length, np.dtype(np.int8)), (length, COUNT), (length, COUNT)]
        kinds += [(length * engine.width * COLUMNS, DOUBLE)] if engine.history else []
        host = [*((size, dtype) for size in sizes), (len(engine.steps), COUNT), *kinds]
        self.pinned = pinned.Arrays(cuda, [*host, (length, dtype)] if engine.judged else host)
        self.host_in = self.pinned.arrays[: len(sizes)]
        self.zeros, *self.host_out = self.pinned.arrays[len(sizes) :]
        self.zeros[:] = 0
        self.inputs = [cuda.device_array(size, dtype) for size in sizes]
        self.out = [cuda.device_array(size, kind) for size, kind in kinds]
        self.top = cuda.device_array(length, dtype)
        if engine.judged:
            self.out.append(self.top)
        self.queue = cuda.device_array(len(engine.steps), np.int32)
        rough = [*sizes, length, length] if engine.mixed else []
        self.rough = [cuda.device_array(size, SINGLE) for size in rough]
        self.kept: Any = cuda.device_array(sizes[0], dtype) if engine.renewed else None
        self.best = [cuda.device_array(size, dtype) for size in (sizes[0], length)] if engine.keeps else []
        self.ends = engine.room(length)

    def start(self, rows: slice) -> None:
        """Send a chunk on its way: copy in, all phases, copy out; nothing is waited for."""
        self.rows = rows
        size = rows.stop - rows.start
        stream = self.stream
        given = []
        for source, host, buffer in zip(self.sources, self.host_in, self.inputs, strict=True):
            part = source[rows]
            with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is infinite
                np.copyto(host[: part.size].reshape(part.shape), part, casting="same_kind")
            given.append(buffer[: part.size])
            given[-1].copy_to_device(host[: part.size], stream=stream)
        self.queue.copy_to_device(self.zeros, stream=stream)
        self.engine.launch(stream, self.arrays(size, given))
        given[0].copy_to_host(self.host_in[0][: given[0].size], stream=stream)
        for buffer, host in zip(self.out, self.host_out, strict=True):
            count = buffer.size // self.length * size
            buffer[:count].copy_to_host(host[:count], stream=stream)

    @property
    def length(self) -> int:
        """Problems for which there is room."""
        return self.top.size

    def arrays(self, size: int, given: Sequence[Any]) -> Arrays:
        """What the phases of a chunk of ``size`` problems work on."""
        x, *more = given
        fun, code, nit, nfev = (one[:size] for one in self.out[:4])
        counts, top = (code, nit, nfev, self.queue), self.top[:size]
        seen = self.out[4] if self.engine.history else None
        kept = self.kept[: x.size] if self.engine.renewed else None
        best = [one[: one.size // self.length * size] for one in self.best]
        if not self.engine.mixed:
            ends = [one[: one.size // self.length * size] for one in self.ends]
            return Arrays(x, fun, top, *counts, more, seen, x0=kept, best=best, ends=ends)
        copies = [one[: source.size] for one, source in zip(self.rough, given, strict=False)]
        rough = Arrays(copies[0], self.rough[-2], self.rough[-1], *counts, copies[1:], seen)
        return Arrays(x, fun, top, *counts, more, seen, rough, kept, best)

    def finish(self, answer: Answers, x0: np.ndarray) -> Ends:
        """Wait for the chunk and take its answers; how its problems ended."""
        rows = self.rows
        assert rows is not None
        self.stream.synchronize()
        size = rows.stop - rows.start
        fun, code, nit, nfev = (one[:size] for one in self.host_out[:4])
        x = self.host_in[0][: size * x0.shape[1]].reshape(size, -1)
        answer.x[rows], answer.fun[rows], answer.nit[rows], answer.nfev[rows] = x, fun, nit, nfev
        np.take(KNOWN, code, out=answer.status[rows], mode="clip")
        bad = np.flatnonzero(code == NOT_FINITE_AT_START)
        if bad.size:
            answer.x[rows][bad], answer.fun[rows][bad] = x0[rows][bad], np.nan
        self.rows = None
        top = self.host_out[-1][:size].copy() if self.engine.judged else NO_TOP
        if not self.engine.history:
            return Ends(rows, code.copy(), top, NO_HISTORY)
        seen = self.host_out[4][: size * self.engine.width * COLUMNS].reshape(size, -1, COLUMNS)[:, : nfev.max()].copy()
        answer.histories += [(np.arange(rows.start, rows.stop), seen)]
        return Ends(rows, code.copy(), top, seen)


def left_over(code: Any) -> Any:
    """Which of these ends give no status."""
    return (code != CONVERGED) & (code != NOT_FINITE_AT_START) & (code < ENDED)


def statuses(library: Any, code: Any) -> Any:
    """What these ends are, NOT_RUN where the CPU is to say it; arrays of NumPy or CuPy."""
    known = library.where(code >= ENDED, code - int(ENDED), status.NOT_RUN)
    known = library.where(code == DOUBTFUL, status.DOUBTED, known)
    known = library.where(code == NOT_FINITE_AT_START, status.NOT_FINITE_AT_START, known)
    return library.where(code == CONVERGED, status.CONVERGED, known).astype(np.int8)


KNOWN = statuses(np, np.arange(128, dtype=np.int8))
