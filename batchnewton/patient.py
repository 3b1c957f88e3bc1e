"""The patient path on GPUs: many searches side by side, two launches a trip (docs/design.md).

One kernel is the formula's: f, g, H where each search looks next.  The other is the same for all formulas: a thread
takes one search a trip further, by the text of the CPU.  Searches that have ended leave the list of those at work; how
many are left is asked every few trips only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import compile_cuda as compiler
from .arrays import rows_of
from .at_answers import unbounded
from .chunk import columns, single_or_double
from .device import LONGEST, SHARE, Feed, free_memory, out_of_memory, with_each
from .engine import block, blocks, lanes, shared_there, small_is_no_mistake
from .kernels import status, trust_state
from .kernels.cuda_derivatives import TOGETHER
from .kernels.history import COLUMNS
from .kinks import mark_kinks
from .options import Options
from .phases import HYBRID, best_so_far, candidates, with_evaluations_left
from .plan import method_of, record_length
from .problem import Problem
from .solution import Solution

AHEAD = 8  # trips between two looks at how many searches are left; an even number
WORK = 1 << 28  # bytes in which the threads of a GPU work, at most
SEEN = 1 << 27  # numbers in the histories of a chunk: 1 GB
MUCH = 1e8  # operations in a trip of all problems, from which on a GPU takes what the fast path left (not measured)
DOUBLE = np.dtype(np.float64)
KINDS = ("minimize", "least-squares", "root")  # in the order of ``kernels.trust_state``


def worthwhile(problem: Problem) -> bool:
    """Whether a GPU is to take what the fast path leaves of the batch.

    A search takes some hundred launches at worst, however few there are of them, so that small batches are better off
    on the CPU.  How many problems are left must not decide: what happens to one would depend on the others.
    """
    n, m = problem.n, problem.m
    return problem.whole * (m * (n + 1) * (n + 2) + 10.0 * n**3) >= MUCH


def solve(
    problem: Problem,
    at: np.ndarray,
    options: Options,
    gpus: Sequence[int],
    answer: Solution,
    stop: np.ndarray,
    seen: np.ndarray,
) -> None:
    """Trust-region Newton from their starts, for the problems ``at``, whose history so far is ``seen``.

    All of it in float64, whatever the precision of the answers, which hold the best points met so far (`patiently`).
    """
    if stop[0]:
        return
    able = with_evaluations_left(at, options, answer)
    answer.histories += [(at[~able], seen[~able])] * (options.history and not able.all())
    if able.any():
        search(problem, at[able], options, gpus, answer, stop, seen[able])
    if not stop[0]:
        mark_kinks(problem, at, answer)


def search(
    problem: Problem,
    at: np.ndarray,
    options: Options,
    gpus: Sequence[int],
    answer: Solution,
    stop: np.ndarray,
    seen: np.ndarray,
) -> None:
    """`solve`, of problems that have evaluations left."""
    feed = Feed(len(at))

    def work(gpu: int) -> None:
        with on_gpu(problem, gpu):
            search = Search(problem, options)
            length = search.length(-(-len(at) // len(gpus)))
            while not stop[0] and (part := feed.take(length)) is not None:
                search.run(at[part], answer, stop, seen[part])

    with_each(gpus, work, stop)


@contextmanager
def on_gpu(problem: Problem, gpu: int) -> Iterator[None]:
    """With this GPU; what arrays that lie there wait for is done."""
    from numba import cuda

    with cuda.gpus[gpu]:
        if problem.gpu is None:
            yield
            return
        import cupy

        with cupy.cuda.Device(gpu):
            cupy.cuda.get_current_stream().synchronize()
            yield


class Search:
    """The two kernels of the searches of one problem on one GPU, and what all searches share."""

    def __init__(self, problem: Problem, options: Options) -> None:
        from numba import cuda

        from .kernels import cuda_patient

        plain = unbounded(problem)  # bounds change no derivative
        self.cuda, self.kernels = cuda, cuda_patient
        self.problem, self.plain, self.options = problem, plain, options
        self.kind = KINDS.index(problem.kind)
        self.hybrid = problem.kind == "least-squares" and method_of(problem, options).patient != "exact"
        self.matrices = 1 if problem.kind == "minimize" else 2  # H; JᵀJ or J
        self.lanes = lanes(problem.n, problem.m, problem.whole, DOUBLE.itemsize)
        derive = HYBRID[problem.kind]
        kernel = compiler.derivatives(plain.signature, derive, DOUBLE, self.lanes, listed=True)
        self.evaluate, self.shared = kernel.module.evaluate, shared_there(plain, kernel, DOUBLE)
        self.work = min(WORK, int(SHARE * free_memory(cuda) / 4))
        self.width = record_length(options)
        self.threads = block()

    def length(self, wanted: int) -> int:
        """Searches for which there is memory, at most so many."""
        n, (args, data) = self.problem.n, columns(self.problem)
        numbers = sum(array[0].size for array in (*args, *data)) + (trust_state.VECTORS + 5) * n
        numbers += 2 * self.matrices * n * n + trust_state.SCALARS + 2 + self.width * COLUMNS
        each = numbers * DOUBLE.itemsize + 20
        fitting = (int(SHARE * free_memory(self.cuda)) - self.work) // each
        most = SEEN // (COLUMNS * self.width) if self.width else LONGEST
        return max(1, min(wanted, LONGEST, fitting, most))

    def run(self, at: np.ndarray, answer: Solution, stop: np.ndarray, seen: np.ndarray) -> None:
        """The problems ``at``, all of them at once, where there is memory for them; what is not finished when
        ``stop[0] != 0`` keeps NOT_RUN."""
        size = len(at)
        try:
            state = State(self, at, answer)
        except Exception as error:
            if not out_of_memory(error) or size < 2:
                raise
            for half in (slice(0, size // 2), slice(size // 2, size)):
                self.run(at[half], answer, stop, seen[half])
            return
        history = np.empty((size, self.width, COLUMNS))
        history[:, : seen.shape[1]] = seen[:, : self.width]
        there = self.cuda.to_device(history if self.width else np.empty((1, 1, COLUMNS)))
        with small_is_no_mistake():
            state.begin()
            left = size
            while left and not stop[0]:
                left = state.trips(left, there)
        state.keep(at, answer)
        answer.status[at[state.rows[0].copy_to_host()[:left]]] = status.NOT_RUN  # perhaps in a second attempt
        if self.width:
            found = there.copy_to_host()
            answer.histories += [(at, found[:, : answer.nfev[at].max()])]


class State:
    """Some searches on the device: their data and where they are."""

    def __init__(self, search: Search, at: np.ndarray, answer: Solution) -> None:
        self.search, problem = search, search.problem
        empty, size, n = search.cuda.device_array, len(at), problem.n
        args, data = columns(search.plain)
        self.size, self.x0 = size, self.sent(problem.x0, at)
        self.given = [self.sent(one, at).reshape(-1) for one in (*args, *data)]
        box = [np.full((1, n), -np.inf), np.full((1, n), np.inf)]
        self.box = [search.cuda.to_device(one) for one in box]
        if problem.box is not None:
            self.box = [self.sent(one, at) for one in problem.box]
        self.counts = [search.cuda.to_device(one[at]) for one in (answer.nit, answer.nfev)]
        self.best, self.lowest = map(search.cuda.to_device, best_so_far(at, answer))
        end, state = candidates(problem, at, answer)
        self.end, self.fun, self.state = search.cuda.to_device(end), empty(size, DOUBLE), search.cuda.to_device(state)
        self.attempt, self.rows = empty(size, np.int8), [empty(size, np.int32) for _ in range(2)]
        self.left = empty(AHEAD + 1, np.int32)
        self.value, self.groups = empty(size, DOUBLE), -(-size // TOGETHER)
        places, count = self.groups * TOGETHER, search.matrices
        self.scalars = empty((self.groups, trust_state.SCALARS, TOGETHER), DOUBLE)
        self.vectors, self.trial = (
            empty(trust_state.VECTORS * n * places, DOUBLE),
            empty(count * n * n * places, DOUBLE),
        )
        self.current = empty((count, self.groups, n, n, TOGETHER), DOUBLE)
        matrices, vectors = trust_state.ROOM
        most = max(1, search.work // (DOUBLE.itemsize * n * (matrices * n + vectors)) // search.threads)
        self.blocks = min(blocks(size, search.threads), most)
        threads = self.blocks * search.threads
        self.room = empty((matrices, n, n, threads), DOUBLE), empty((vectors, n, threads), DOUBLE)

    def sent(self, array: Any, at: np.ndarray) -> Any:
        """Some rows of an array, on the device and in float64."""
        cuda = self.search.cuda
        if self.search.problem.gpu is None:
            return cuda.to_device(single_or_double(rows_of(array, at), DOUBLE))
        import cupy

        there = cupy.ascontiguousarray(rows_of(cupy.asarray(array), at), DOUBLE)
        cupy.cuda.get_current_stream().synchronize()
        return cuda.as_cuda_array(there, sync=False)

    def begin(self) -> None:
        """All searches at their starts."""
        search, threads = self.search, self.search.threads
        search.kernels.begin[blocks(self.size, threads), threads](
            search.kind, search.hybrid, self.x0, self.scalars, self.whole_vectors(), self.fun, self.attempt,
            self.rows[0],
        )  # fmt: skip

    def whole_vectors(self) -> Any:
        """The vectors in their shape."""
        return self.vectors.reshape(trust_state.VECTORS, self.groups, self.search.problem.n, TOGETHER)

    def trips(self, running: int, history: Any) -> int:
        """Some trips of the ``running`` searches; how many of them go on."""
        search = self.search
        counts = np.zeros(AHEAD + 1, np.int32)
        counts[0] = running
        self.left.copy_to_device(counts)
        threads = block(search.lanes)
        count = blocks(running * search.lanes, threads)
        trips = min(self.blocks, blocks(running, search.threads))
        vectors, trial, answers = self.whole_vectors(), self.trial.reshape(self.current.shape), self.derived()
        limit = float(search.options.max_iter)
        for k in range(AHEAD):
            here, onward = self.rows[k % 2], self.rows[(k + 1) % 2]
            now, then = self.left[k : k + 1], self.left[k + 1 : k + 2]
            search.evaluate[count, threads](
                here, now, self.vector(trust_state.X), *answers, *search.shared, np.int64(search.problem.m), *self.given
            )  # fmt: skip
            search.kernels.trip[trips, search.threads](
                here, now, onward, then, search.kind, search.hybrid, limit, self.value, trial, self.current,
                self.scalars, vectors, self.x0, self.best, self.lowest, self.end, self.fun, self.state, *self.counts,
                self.attempt, *self.box, history, search.width, *self.room,
            )  # fmt: skip
        return int(self.left.copy_to_host()[AHEAD])

    def vector(self, which: int) -> Any:
        """One of the vectors of all searches, flat."""
        length = self.search.problem.n * self.groups * TOGETHER
        return self.vectors[which * length : (which + 1) * length]

    def derived(self) -> list[Any]:
        """Where the formula's kernel puts what it finds (`kernels.cuda_derivatives`), flat."""
        matrix = self.trial.size // self.search.matrices
        first, last = self.trial[:matrix], self.trial[-matrix:]
        if self.search.problem.kind == "root":
            return [self.vector(trust_state.RESIDUALS), last]
        return [self.value, self.vector(trust_state.G), first, *([last] if self.search.matrices > 1 else [])]

    def keep(self, at: np.ndarray, answer: Solution) -> None:
        """What was found, to the answers."""
        nit, nfev = (one.copy_to_host() for one in self.counts)
        x, fun, state = (one.copy_to_host() for one in (self.end, self.fun, self.state))
        answer.nit[at], answer.nfev[at] = nit, nfev
        answer.put_rounded(at, x, fun, state, rows_of(self.search.problem.x0, at))
