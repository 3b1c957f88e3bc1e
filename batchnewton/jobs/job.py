"""A job from its start to its end: what is left of it is solved chunk by chunk, then published."""

from __future__ import annotations

import errno
import functools
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from batchnewton import Status
from batchnewton.status import SUCCESS

from .blocks import Grid
from .checkpoint import Checkpoint, difference
from .errors import JobError, Refused
from .formula import failed_in
from .outputs import Layout, Sink, record_of, sink_for
from .progress import Progress
from .request import Request
from .stream import Answers, in_this_process, on_dask, written
from .work import Work, layout_of, prepare

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file has reached the largest size that is allowed here",
}


@dataclass(frozen=True)
class Report:
    """How a job ended: problems by status, fits a second of this run, chunks that were there already."""

    output: Path
    status: dict[str, int]
    rate: float
    resumed: int
    finished_before: bool = False


def run(request: Request) -> Report:
    """Do a job, or what is left of it.

    Raises
    ------
    JobError
        In one line, what is wrong and what is expected.  What was finished is kept.
    """
    output = request.output
    kind = sink_for(output)
    with Checkpoint(output) as checkpoint:
        try:
            begun = opened(request, checkpoint)
            if isinstance(begun, Report):
                return begun
            work, layout = begun
            sink = kind(checkpoint.data, layout)
            return solve_rest(request, work, sink, checkpoint)
        except (ValueError, TypeError) as error:  # a call that `curve_fit` refuses, a formula that cannot be traced
            raise JobError(str(error)) from error
        except OSError as error:
            if error.errno in FULL:
                kept = f"{FULL[error.errno]} ({output}); {len(checkpoint.done)} chunks are kept"
                raise JobError(f"{kept}: make room, then go on with --resume") from error
            raise JobError(f"{error.filename or output}: {error.strerror or error}") from error
        except (NameError, ArithmeticError, AttributeError, LookupError) as error:
            raise failed_in(request.model, error) or error from error
        finally:
            checkpoint.forget_empty()


def opened(request: Request, checkpoint: Checkpoint) -> tuple[Work, Layout] | Report:
    """The work, with the checkpoint at its beginning or where it was left; or that it is finished already."""
    output, before = request.output, checkpoint.recorded()
    if not request.resume and not request.overwrite:
        if before is not None:
            raise JobError(f"{output} was begun and not finished; --resume goes on, --overwrite begins anew")
        if output.exists():
            raise JobError(f"{output} exists; --overwrite replaces it")
    finished = record_of(output) if request.resume and output.exists() else None
    if request.resume and request.chunk is None and (before or finished):
        work, layout = prepare_as(request, (before or finished or {})["chunk"])
    else:
        work, layout = prepare(request)
    if request.resume and before is None and output.exists():
        changed = "it says not how it was made" if finished is None else difference(finished, layout.record)
        if changed:
            raise Refused(f"{output} is finished, but not of this job: {changed}; --overwrite replaces it")
        return Report(output, {}, 0.0, len(work.grid), finished_before=True)
    if request.resume and before is not None:
        changed = difference(before, layout.record)
        if changed:
            raise Refused(f"{output} was begun by another job: {changed}; --overwrite begins anew")
        if output.exists() and not checkpoint.data.exists() and difference(record_of(output), layout.record) is None:
            checkpoint.remove()
            return Report(output, {}, 0.0, len(work.grid), finished_before=True)
        checkpoint.resume()
    else:
        checkpoint.begin(layout.record)
    return work, layout


def prepare_as(request: Request, chunk: list[int]) -> tuple[Work, Layout]:
    """The work with chunks as they were."""
    work, layout = prepare(request)
    if len(chunk) == len(work.grid.shape) and list(work.grid.chunk) != chunk:
        work.grid = Grid(work.grid.shape, tuple(chunk))
        layout = layout_of(work, request)
    return work, layout


def solve_rest(request: Request, work: Work, sink: Sink, checkpoint: Checkpoint) -> Report:
    """Solve what is not finished, write it, publish the output."""
    resumed = len(checkpoint.done)
    todo = [number for number in range(len(work.grid)) if number not in checkpoint.done]
    progress = Progress(work.grid.size, *totals(checkpoint.done), quiet=request.quiet)

    def keep(number: int, answers: Answers) -> dict[str, int]:
        sink.put(number, answers)
        codes, counts = np.unique(answers["status"], return_counts=True)
        status = {Status(int(code)).name: int(count) for code, count in zip(codes, counts, strict=True)}
        checkpoint.mark(number, status)
        return status

    try:
        with closing(solved(request, work, todo)) as chunks:
            for status in written(chunks, keep):
                progress.add(*totals({0: status}))
    finally:
        progress.close()
    counts: dict[str, int] = {}
    for one in checkpoint.done.values():
        for name, count in one.items():
            counts[name] = counts.get(name, 0) + count
    checkpoint.publish(sink.finish())
    return Report(request.output, counts, progress.rate, resumed)


def solved(request: Request, work: Work, todo: list[int]) -> Generator[tuple[int, Answers]]:
    """Chunk after chunk, here or on a cluster."""
    if request.dask is None:
        yield from in_this_process(work.read, work.solve, todo)
    else:
        yield from on_dask(functools.partial(Work.__call__, work), todo, request.dask, request.workers)


def totals(done: dict[int, dict[str, int]]) -> tuple[int, int]:
    """Fits, and those that converged."""
    fits = sum(sum(one.values()) for one in done.values())
    return fits, sum(one.get(good.name, 0) for one in done.values() for good in SUCCESS)
