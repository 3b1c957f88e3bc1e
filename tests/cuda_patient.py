"""The patient path: small batches of hard problems for the CPU and CUDA, as in `cuda_cases`."""

import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from both_devices import FIELDS, Case, by, main, remembered, with_settings
from cuda_calls import T, counted, fits, flawed, missing, resident, twelve
from decays import decay

import batchnewton as bn
from batchnewton import patient


def quartic(x, a, b, c, d):
    return a * x[0] ** 4 + b * x[0] ** 2 + c * x[0] + d * x[1] ** 2


def ends(**options: Any) -> bn.Result:
    """A minimum, x⁴, two that have no least value, a saddle, two wells, a start that is not finite."""
    kinds = [[0, 1, 1, 1], [1, 0, 0, 1], [0, -1, 0, 1], [0, 0, 3, 1], [0, 1, 0, -1], [1, -1, 0, 1], [1, 1, 1, 1]]
    x0 = [[1.0, 1.0], [1.0, 0.5], [1.0, 0.0], [1.0, 2.0], [0.0, 0.0], [1e-6, 1.0], [np.nan, 1.0]]
    return bn.minimize(quartic, x0, tuple(np.array(kinds, float).T), **options)


def far(**options: Any) -> bn.Result:
    """Decays from starts far off: what Gauss-Newton does not lead to a minimum begins again with the exact Hessian."""
    data = fits()
    start = data["p0"] * np.array([[30, 0.02, -5], [-1, 40, 3], [0.1, 0.1, 10], [1, 1, 1], [-20, 3, 8], [5, 0.3, 1]])
    return bn.curve_fit(decay, T, data["y"], start, **options)


def systems(**options: Any) -> bn.Result:
    """Roots behind local minima of |F|: second and third searches."""
    starts = [[1.5, 1.0], [0.5, 0.0], [-3.0, 1.0]]
    return bn.root(lambda x, a: [x[0] ** 3 - 3 * x[0] + a, x[1] - x[0]], starts, ([3.0, 2.5, 3.0],), **options)


def no_roots(**options: Any) -> bn.Result:
    """One without a root, one with a Jacobian that vanishes at the start."""
    return bn.root(lambda x, a: [x[0] ** 2 + a], [[1.0], [0.0]], ([1.0, -4.0],), **options)


def on_gpu(solve: Callable[..., bn.Result], **settings: Any) -> Callable[..., bn.Result]:
    """The same call while the GPU takes what the fast path leaves, however little it is."""

    def call(**options: Any) -> bn.Result:
        with mock.patch.multiple(patient, **{"MUCH": 0.0, **settings}):
            return solve(**options)

    return call


def reversed_order(solve: Callable[..., bn.Result]) -> Callable[..., bn.Result]:
    """The same problems in chunks of one, the last one first."""

    class Backwards(patient.Feed):
        def take(self, length: int) -> slice | None:
            part = super().take(1)
            return part and slice(self.size - part.stop, self.size - part.start)

    return on_gpu(solve, Feed=Backwards)


class SmallMemory(patient.State):
    """More than two searches find no memory."""

    def __init__(self, search: patient.Search, at: np.ndarray, answer: Any) -> None:
        if len(at) > 2:
            raise RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")
        super().__init__(search, at, answer)


def interrupted(how: str, **more: Any) -> Callable[..., bn.Result]:
    """The same call; on CUDA a second one is stopped after some trips, by Ctrl-C or as by another GPU's failure, and
    what it had finished must be the same, the rest not run."""
    real, stops = patient.State.trips, []

    def trips(state: patient.State, *given: Any) -> int:
        stops.append(1)
        if len(stops) == 7 and how == "Ctrl-C":  # the first chunk takes fewer than 48 trips
            raise KeyboardInterrupt
        return real(state, *given)

    def solve(problem: Any, at: Any, options: Any, gpus: Any, answer: Any, stop: np.ndarray, seen: Any) -> None:
        def once(state: patient.State, running: int, history: Any) -> int:
            left = real(state, real(state, real(state, running, history), history), history)
            stop[0] = 1
            return left

        with mock.patch.object(patient.State, "trips", once):
            search = patient.Search(problem, options)
            search.run(at, answer, stop, seen)
        stop[0] = 0

    def call(device: str, **options: Any) -> bn.Result:
        whole = on_gpu(ends)(device=device, **more, **options)
        if device == "cpu":
            return whole
        if how == "Ctrl-C":
            with mock.patch.object(patient.State, "trips", trips):
                try:
                    on_gpu(ends, LONGEST=2)(device=device, **more, **options)
                    raise AssertionError("it was not interrupted")
                except bn.Interrupted as stopped:
                    part = stopped.result
        else:
            with mock.patch.object(patient, "solve", solve):
                part = on_gpu(ends)(device=device, **more, **options)
        ended = part.status != bn.Status.NOT_RUN
        assert 0 < ended.sum() < len(ended), part.status
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(part, name)[ended], getattr(whole, name)[ended], err_msg=name)
        assert not part.success[~ended].any()
        return whole

    return call


BOX = dict(method="trust-region", bounds=(-2.0, 1.5))
CASES = [
    Case("ends", on_gpu(ends)),
    Case("ends, float32", on_gpu(ends), "float32"),
    Case("ends, mixed", on_gpu(ends), "mixed", digits=7),
    Case("ends, history", on_gpu(remembered(ends))),
    Case("ends, few evaluations", on_gpu(by(ends, max_iter=20))),
    Case("ends, one evaluation", on_gpu(by(ends, max_iter=1))),
    Case("ends, two evaluations", on_gpu(by(ends, max_iter=2))),
    Case("ends in a box", on_gpu(by(ends, **BOX))),
    Case("ends in a box, history", on_gpu(remembered(by(ends, **BOX)))),
    Case("ends in a box, chunks of 2", on_gpu(by(ends, **BOX), LONGEST=2)),
    Case("ends in a box, blocks of 2 threads", with_settings(on_gpu(by(ends, **BOX)), THREADS=2)),
    Case("ends in a box, backwards", reversed_order(by(ends, **BOX))),
    Case("ends in a box, little memory", on_gpu(by(ends, **BOX), State=SmallMemory)),
    Case("ends in a box, interrupted", interrupted("Ctrl-C", **BOX)),
    Case("ends in a box, stopped", interrupted("stop", **BOX)),
    Case("ends in a box, two trips ahead", on_gpu(by(ends, **BOX), AHEAD=2)),
    Case("flawed", on_gpu(flawed)),
    Case("flawed, float32", on_gpu(flawed), "float32"),
    Case("flawed, mixed", on_gpu(remembered(flawed)), "mixed", digits=7),
    Case("flawed, exact", on_gpu(by(flawed, "newton"))),
    Case("far", on_gpu(far), digits=8),
    Case("far, in a box", on_gpu(by(far, "trust-region", bounds=(-5.0, 50.0))), digits=8),
    Case("missing, in a box", on_gpu(by(missing, "trust-region", bounds=(0.0, [1.5, 1.1, 0.3])))),
    Case("missing, one evaluation", on_gpu(by(missing, max_iter=1))),
    Case("counted, in a box, 2 lanes", on_gpu(by(counted, **BOX)), lanes=2),
    Case("twelve unknowns", on_gpu(by(twelve, "trust-region"))),
    Case("systems", on_gpu(systems), digits=6),  # where J is singular, a rounding chooses the way, not the root
    Case("systems, one evaluation, history", on_gpu(remembered(by(systems, max_iter=1)))),
    Case("no roots", on_gpu(by(no_roots, max_iter=70))),
    Case("resident, in a box", on_gpu(resident(method="trust-region", bounds=(0.0, [1.5, 1.1, 0.3])))),
    Case("resident, few evaluations, history", on_gpu(resident(max_iter=4, history=True))),
]

if __name__ == "__main__":
    main(sys.argv[1], CASES)
