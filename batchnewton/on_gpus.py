"""A batch on GPUs, from its starts to its answers: the fast path, what it leaves, and where the answers lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import device, in_place, patient
from .chosen import judge_ends
from .kernels import status
from .kernels.history import COLUMNS
from .options import Options
from .phases import mark_bounds, patiently, too_few
from .plan import attempts, method_of, record_length
from .problem import Problem
from .slot import Ends
from .solution import Solution
from .threads import for_each

PART = 1 << 10  # problems of the patient path that one thread of the CPU takes
NONE = np.zeros(0, np.int64)


class Batch:
    """The phases on GPUs, then, of large batches, the patient path; on the CPU what is left of small ones, and of a
    method by name what its certificate leaves open.

    Answers to arrays that lie on a GPU stay there, but where what follows the phases needs all of them on the host: a
    certificate, a history, marks at bounds.
    """

    def __init__(
        self, problem: Problem, options: Options, which: tuple[int, ...], answer: Solution, stop: np.ndarray
    ) -> None:
        self.problem, self.options, self.which, self.answer, self.stop = problem, options, which, answer, stop
        self.method, self.sequences = method_of(problem, options), attempts(problem, options, cuda=True)
        self.few = too_few(problem, options, slice(0, problem.size))
        self.alone = not self.sequences[-1]  # the patient path
        self.patient = self.method.patient is not None and (self.alone or patient.worthwhile(problem))
        judged = self.method.certificate is not None or options.history or problem.box is not None
        self.stays = problem.gpu is not None and not self.alone and not judged
        self.landed: in_place.Landed | None = None
        self.kept: list[tuple[np.ndarray, np.ndarray]] = []  # what waits for the patient path, with its history so far

    def enough(self, at: np.ndarray) -> np.ndarray:
        """Those of some problems that have enough points to be fitted."""
        return at if self.few is None else at[~self.few[at]]

    def solve(self, report: Callable[[int], None]) -> None:
        """Everything but what `finish` does."""
        problem, options = self.problem, self.options
        every = np.arange(problem.size) if self.alone or self.few is not None else NONE
        if self.few is not None and not self.enough(every).size:
            return
        if self.alone:
            self.answer.fun.fill(np.nan)  # no point has been met
            self.leave(self.enough(every))
        elif problem.gpu is not None:
            self.solve_in_place()
        else:
            arguments = options, self.which, self.answer, self.rest, self.stop, report
            device.solve(problem, self.sequences, *arguments)
        self.search_patiently()
        if self.alone or problem.gpu is not None:
            report(problem.size)

    def solve_in_place(self) -> None:
        """Arrays that lie on a GPU."""
        self.landed = landed = in_place.solve(self.problem, self.sequences, self.options)
        size, threads = self.problem.size, self.options.threads
        if self.stays:
            left = self.enough(landed.left)
            self.answer.take(landed.answers, left)
            pieces = [slice(first, first + PART) for first in range(0, len(left), PART)]
            for_each(lambda some: self.leave(left[some]), pieces, size, threads, self.stop, brief=False)
            return
        ends = landed.ends()
        self.answer.take(landed.answers)
        self.answer.histories += [(np.arange(size), ends.seen)] * self.options.history
        for_each(lambda some: self.rest(ends.of(some)), ends.parts(), size, threads, self.stop, brief=False)

    def rest(self, ends: Ends) -> int:
        """What the phases left of some problems; how many there were."""
        todo = ends.left.nonzero()[0]
        if self.few is not None:
            todo = todo[~self.few[ends.rows][todo]]
        if self.method.certificate:
            about = todo, ends.code, ends.top, ends.seen
            judge_ends(self.problem, ends.rows, self.options, self.answer, self.stop, *about)
        else:
            self.leave(ends.rows.start + todo, ends.seen[todo] if self.options.history else None)
        return len(ends.code)

    def leave(self, at: np.ndarray, seen: np.ndarray | None = None) -> int:
        """Problems to the patient path: on the GPUs, later, or on the CPU, at once; how many there are."""
        seen = np.empty((len(at), 0, COLUMNS)) if seen is None else seen
        if self.patient:
            self.kept.append((at, seen))
        elif at.size and not self.stop[0]:
            search_here(self.problem, at, self.options, self.answer, self.stop, seen)
        return len(at)

    def search_patiently(self) -> None:
        """The patient path on GPUs."""
        if not self.kept:
            return
        at = np.concatenate([rows for rows, _ in self.kept])
        seen = np.empty((len(at), max(part.shape[1] for _, part in self.kept), COLUMNS))
        first = 0
        for rows, part in self.kept:
            seen[first : first + len(rows), : part.shape[1]] = part
            first += len(rows)
        order = np.argsort(at)  # neighbours of a problem are where they were
        patient.solve(self.problem, at[order], self.options, self.which, self.answer, self.stop, seen[order])

    def finish(self, again: Callable[[np.ndarray], np.ndarray]) -> None:
        """Marks, and problems that cannot be solved; ``again`` solves those of the suspects that have NaN to be left
        out, and returns them."""
        problem, answer = self.problem, self.answer
        mark_bounds(problem, slice(0, problem.size), answer)
        few = NONE if self.few is None else np.flatnonzero(self.few)
        if self.few is not None:
            answer.refuse(problem, self.few, status.TOO_FEW_POINTS)
        if self.landed is None or not self.stays:
            again(np.flatnonzero(answer.status == status.NOT_FINITE_AT_START))
            return
        bad = again(self.enough(self.landed.bad))
        answer.stay(self.landed.answers, np.unique(np.concatenate([self.enough(self.landed.left), few, bad])))


def search_here(
    problem: Problem, at: np.ndarray, options: Options, answer: Solution, stop: np.ndarray, seen: np.ndarray
) -> None:
    """The patient path on the CPU for some problems, whose history so far is ``seen``."""
    history: Any = np.empty((len(at), record_length(options), COLUMNS)) if options.history else seen
    if options.history:
        history[:, : seen.shape[1]] = seen[:, : history.shape[1]]
    patiently(problem, at, options, answer, stop, history)
    answer.histories += [(at, history[:, : answer.nfev[at].max()])] * options.history
