"""Small batches for every kind of kernel, solved on the CPU and on CUDA; run as a program, it pickles both.

The tests run it in Numba's CUDA simulator (``NUMBA_ENABLE_CUDASIM=1``), `gpu_check` uses the same cases on a GPU.
"""

import os
import pickle
import sys
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import simulator
import workloads
from problems import PROBLEMS

import batchnewton as bn
import batchnewton.special as special
from batchnewton import device, engine, gpus, phases, schedule

T = np.linspace(0, 5, 9)
if gpus.simulated():
    simulator.share_once()


@dataclass(frozen=True)
class Case:
    """A call that takes ``device`` and ``dtype``, how many threads are to work on each problem, and how many of the
    last digits may differ."""

    name: str
    solve: Callable[..., bn.Result]
    dtype: str = "float64"
    lanes: int = 1
    digits: int = 3


def decay(t, a, tau, c):
    return a * np.exp(-t / tau) + c


def fits(size: int = 6, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.stack([rng.uniform(0.5, 2, size), rng.uniform(0.5, 2, size), rng.uniform(0, 0.5, size)], 1)
    y = decay(T, *truth.T[:, :, None]) + rng.normal(0, 0.03, (size, len(T)))
    return dict(y=y, p0=np.stack([y[:, 0] - y[:, -1], np.ones(size), y[:, -1]], 1))


def curves(**options: Any) -> bn.Result:
    """Gauss-Newton, then the exact Hessian."""
    data = fits()
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def flawed(**options: Any) -> bn.Result:
    """NaN in one curve's data, a start where the formula is infinite, a start that cannot be left: among good ones."""
    data = fits()
    data["y"][1, 3] = np.nan
    data["p0"][2, 1] = 0.0
    data["p0"][4] = [0.0, 1e-3, 0.0]
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def two(**options: Any) -> bn.Result:
    """Two curves: every lane takes its time in the simulator."""
    data = fits(2)
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def two_lengths(**options: Any) -> bn.Result:
    """Curves of their own lengths."""
    data = fits(2)
    return bn.curve_fit(decay, T, data["y"], data["p0"], counts=[9, 6], **options)


def two_flawed(**options: Any) -> bn.Result:
    """NaN left out in one, nothing to be evaluated at the start of the other."""
    data = fits(2)
    data["y"][0, 3], data["p0"][1, 1] = np.nan, 0.0
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def weighted(**options: Any) -> bn.Result:
    """Columns of a problem's own; worked-out columns (log t); a value of the call."""

    def power(t, a, b, c):
        return a * (1 + t) ** b + c * np.log(2 + t)

    rng = np.random.default_rng(4)
    y = power(T, *np.array([[2.0], [-0.7], [0.3]])) + rng.normal(0, 0.01, (3, len(T)))
    return bn.curve_fit(power, T, y, [1.0, -0.5, 0.1], rng.uniform(0.01, 0.02, y.shape), **options)


def arguments(**options: Any) -> bn.Result:
    """Arrays of each problem, a number of the call, rows of several values."""
    rng = np.random.default_rng(5)
    rows, w = rng.normal(size=(4, 7, 2)), rng.normal(size=(4, 2))

    def residual(x, ridge, shift, row, y):
        return [row @ x + shift[0] * shift[1] - y, np.exp(ridge) * x[0]]

    y = np.einsum("bmk,bk->bm", rows, w)
    shift = rng.normal(size=(4, 2))
    return bn.least_squares(residual, np.zeros((4, 2)), (-2.0, shift), data=(rows, y), **options)


def missing(**options: Any) -> bn.Result:
    """NaN left out (a mask, in a second round), one curve with too few points."""
    data = fits()
    data["y"][1, 3] = data["y"][3, 5:] = np.nan
    data["y"][4, 2:] = np.nan
    return bn.curve_fit(decay, T, data["y"], data["p0"], **options)


def counted(**options: Any) -> bn.Result:
    """Curves of their own lengths."""
    data = fits()
    return bn.curve_fit(decay, T, data["y"], data["p0"], counts=[9, 7, 2, 8, 5, 9], **options)


def penalised(**options: Any) -> bn.Result:
    """A share of each row that does not change with the row."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(3, 9))
    return bn.minimize(lambda x, t: (x[0] - t) ** 4 + x[0] ** 2 + x[1] ** 2 * x[0] ** 2 + (x[1] - 1) ** 2,
                       np.ones((3, 2)), data=(rows,), **options)  # fmt: skip


def bounded(**options: Any) -> bn.Result:
    """Bounds that hold some unknowns, one fixed, a box per problem, some of them of no width."""
    data = fits()
    lower, upper = np.full((6, 3), -np.inf), np.full((6, 3), np.inf)
    lower[:, 1], upper[:, 1] = 0.9, 1.1
    upper[2, 0] = lower[2, 0] = 0.7
    lower[4, 2] = 0.45
    fixed = np.zeros((6, 3), bool)
    fixed[5, 2] = True
    return bn.curve_fit(decay, T, data["y"], data["p0"], bounds=(lower, upper), fixed=fixed, **options)


def boxed_valleys(**options: Any) -> bn.Result:
    """A minimum within, at a bound, in a corner."""
    a, b = np.linspace(0.5, 2, 5), np.geomspace(10, 200, 5)
    return bn.minimize(workloads.valley, [[-1.2, 1.0]] * 5, (a, b), bounds=([-2, -1], [1.1, 0.9]), **options)


def robust(**options: Any) -> bn.Result:
    """A loss, an outlier in each curve."""
    data = fits()
    data["y"][:, 4] += 1.0
    return bn.curve_fit(decay, T, data["y"], data["p0"], loss="soft_l1", f_scale=0.1, **options)


def photons(**options: Any) -> bn.Result:
    """Counts of photons: Fisher scoring settles the first; what it leaves of the second begins anew."""
    y = [[29, 16, 11, 6, 5, 3, 3, 1, 4], [60, 36, 29, 21, 20, 12, 8, 4, 12]]
    return bn.curve_fit(decay, T, np.array(y, float), [[30.0, 1, 2], [89.0, 6.4, 3.5]], loss="poisson", **options)


def masked(**options: Any) -> bn.Result:
    """A mask, several starts."""
    data = fits(4)
    mask = np.ones(data["y"].shape, bool)
    mask[0, 2] = mask[2, 5:] = False
    return bn.curve_fit(decay, T, data["y"], data["p0"], mask=mask, starts=data["p0"][:2] * 1.3, **options)


def remembered(solve: Callable[..., bn.Result]) -> Callable[..., bn.Result]:
    """The same call with its history."""

    def call(**options: Any) -> bn.Result:
        return solve(history=True, **options)

    return call


def valleys(**options: Any) -> bn.Result:
    """The exact Hessian, no data."""
    a, b = np.linspace(0.5, 2, 5), np.geomspace(10, 200, 5)
    return bn.minimize(workloads.valley, [[-1.2, 1.0]] * 5, (a, b), **options)


def kepler(**options: Any) -> bn.Result:
    """Roots."""
    return bn.root(lambda x, e: x[0] - e * np.sin(x[0]) - 1.0, [[1.0]] * 4, ([0.0, 0.5, 0.9, 0.99],), **options)


def broyden(**options: Any) -> bn.Result:
    """Roots of tridiagonal equations; one start is not finite."""

    def equations(x):
        low, high = [0.0, *x[:4]], [*x[1:], 0.0]
        return [(3 - 2 * x[i]) * x[i] - low[i] - 2 * high[i] + 1 for i in range(5)]

    x0 = -np.ones((3, 5))
    x0[1], x0[2, 1] = -0.6, np.nan
    return bn.root(equations, x0, **options)


def summed_roots(**options: Any) -> bn.Result:
    """Residuals that are sums over data: slopes and offsets of weighted lines."""
    w, y = np.random.default_rng(9).uniform(0.5, 1, (2, 2, 7))
    return bn.root(lambda x, t, w, y: [w * (x[0] + x[1] * t - y), w * t * (x[0] + x[1] * t - y)], [[0.0, 0.0]] * 2,
                   data=(bn.shared(T[:7]), w, y), **options)  # fmt: skip


def functions(**options: Any) -> bn.Result:
    """Special functions, of libdevice and of the package's own (derivatives of lgamma: digamma and trigamma)."""

    def term(x, t, y):
        bessel = np.log(special.i0e(x[0] * t)) + special.i1e(x[1])
        return (special.lgamma(x[0]) + bessel + np.tanh(x[1]) + special.erf(x[1] * t) - y) ** 2

    rng = np.random.default_rng(6)
    y = 0.4 + 0.1 * rng.normal(size=(3, 5))
    return bn.minimize(term, [[2.0, 0.5]] * 3, data=(bn.shared(T[:5]), y), **options)


def twelve(**options: Any) -> bn.Result:
    """More unknowns than a thread's registers hold: a polynomial in its values, and one that is not linear."""
    rng = np.random.default_rng(8)
    rows, x = rng.normal(size=(1, 14, 12)), rng.normal(size=(1, 12))
    y = np.einsum("bmk,bk->bm", rows, x) + 0.01 * rng.normal(size=(1, 14))
    return bn.least_squares(lambda x, row, y: row @ x - y, x + 0.1, data=(rows, y), **options)


def two_bounded(**options: Any) -> bn.Result:
    """One unknown at a bound, another fixed."""
    data = fits(2)
    fixed = [[False, False, False], [False, False, True]]
    bounds = ([-np.inf, 0.9, -np.inf], [np.inf, 1.1, np.inf])
    return bn.curve_fit(decay, T, data["y"], data["p0"], bounds=bounds, fixed=fixed, **options)


def boxed_valley(**options: Any) -> bn.Result:
    """A minimum at a bound, steps that are cut on the way."""
    return bn.minimize(workloads.valley, [[-1.2, 1.0]], ([1.6], [20.0]), bounds=([-2, -1], [1.1, 0.9]), **options)


def unseen(**options: Any) -> bn.Result:
    """An unknown that counts for nothing beside another in the second problem: no strict minimum."""
    bowl = lambda x, w: (x[0] - 1) ** 2 * (1 + x[0] ** 2) + w * ((x[1] - 1) ** 2 * (1 + x[1] ** 2))  # noqa: E731
    return bn.minimize(bowl, [[1.3, 1.3]] * 2, ([1.0, 1e-31],), **options)


def twelve_boxed(**options: Any) -> bn.Result:
    """The same with bounds that hold every third unknown, and one that is fixed."""
    rng = np.random.default_rng(8)
    rows, x = rng.normal(size=(1, 14, 12)), rng.normal(size=(1, 12))
    y = np.einsum("bmk,bk->bm", rows, x) + 0.01 * rng.normal(size=(1, 14))
    upper = np.where(np.arange(12) % 3, x + 1.0, x - 0.05)
    fixed = np.arange(12) == 7
    return bn.least_squares(lambda x, row, y: np.sinh(0.3 * (row @ x - y)), x + 0.1, data=(rows, y),
                            bounds=(-np.inf, upper), fixed=fixed, **options)  # fmt: skip


def resident(far: Any = 1.0, **more: Any) -> Callable[..., bn.Result]:
    """Curves that lie on the GPU where the GPU is asked for, with starts that are off by a factor; the answers come
    back as they are (`gpu_check` has the same with the libraries themselves, here a stand-in takes part)."""

    def solve(device: str, **options: Any) -> bn.Result:
        data = fits()
        data["y"][1, 3], data["p0"][2, 1] = np.nan, 0.0
        data["p0"] *= far
        if device == "cpu" or not gpus.simulated():
            return bn.curve_fit(decay, T, data["y"], data["p0"], device=device, **more, **options)
        import cupy_stub

        cupy = cupy_stub.install()
        result = bn.curve_fit(decay, T, cupy.asarray(data["y"]), cupy.asarray(data["p0"]), **more, **options)
        assert isinstance(result.x, cupy.ndarray) and isinstance(result.status, cupy.ndarray)
        stays = not {"bounds", "history", "method"} & {*more}
        assert stays == ("x" not in vars(result._solution))  # no copy of it on the host
        here = types.SimpleNamespace(**{name: getattr(result, name).get() for name in FIELDS})
        here.history = result.history and [one.get() for one in result.history]
        return here

    return solve


def with_settings(solve: Callable[..., bn.Result], **settings: Any) -> Callable[..., bn.Result]:
    """The same call while names of `batchnewton.device` or `batchnewton.engine` have other values."""

    def changed(**options: Any) -> bn.Result:
        where = {name: engine if hasattr(engine, name) else device for name in settings}
        before = {name: getattr(where[name], name) for name in settings}
        for name, value in settings.items():
            setattr(where[name], name, value)
        try:
            return solve(**options)
        finally:
            for name, value in before.items():
                setattr(where[name], name, value)

    return changed


def in_groups(solve: Callable[..., bn.Result]) -> Callable[..., bn.Result]:
    """The same call with the kernels for many unknowns, however few there are."""
    return with_settings(solve, ALONE={4: 0, 8: 0}, BY_NAME={})


def reordered(solve: Callable[..., bn.Result]) -> Callable[..., bn.Result]:
    """The same call; on CUDA the problems come in another order, the answers in their own."""
    real = schedule.on_gpus

    def shuffled(problem: Any, options: Any, which: Any, answer: Any, *more: Any) -> None:
        order = np.random.default_rng(3).permutation(problem.size)
        found = phases.Solution.empty(problem, options.dtype)
        real(problem.take(order), options, which, found, *more)
        answer.put(order, found)

    def call(**options: Any) -> bn.Result:
        with mock.patch.object(schedule, "on_gpus", shuffled):
            return solve(**options)

    return call


class SmallMemory(device.Slot):
    """A chunk of more than two problems finds no memory."""

    def __init__(self, engine: engine.Engine, problem: Any, length: int) -> None:
        if length > 2:
            raise RuntimeError("[2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")
        super().__init__(engine, problem, length)


def from_table(name: str) -> Callable[..., bn.Result]:
    """A problem of the table through its front door."""
    problem = next(one for one in PROBLEMS if one.name == name)

    def solve(**options: Any) -> bn.Result:
        if problem.kind == "root":
            return bn.root(problem.fun, problem.x0, problem.args, **options)
        return getattr(bn, problem.kind)(problem.fun, problem.x0, problem.args, data=problem.data, **options)

    return solve


TABLE = (
    "himmelblau", "wood", "poisson regression", "saddle", "x^4", "unbounded line", "log of a negative number",
    "rosenbrock residuals", "redundant parameters", "cosine, at its maximum", "colebrook", "no root, parabola",
)  # fmt: skip
CASES = [
    Case("curves", curves),
    Case("curves, float32", curves, "float32"),
    Case("curves, 4 lanes", curves, "float64", 4),
    Case("curves, chunks of 2", with_settings(curves, LONGEST=2)),
    Case("curves, little memory", with_settings(curves, Slot=SmallMemory, SHORTEST=1)),
    Case("flawed", flawed),
    Case("flawed, another order", reordered(flawed)),
    Case("flawed, blocks of 2 threads", with_settings(flawed, THREADS=2)),
    Case("flawed, float32, 2 lanes", flawed, "float32", 2),
    Case("flawed, float32, 2 lanes, another order", reordered(flawed), "float32", 2),
    Case("flawed, float32, 2 lanes, blocks of 8 threads", with_settings(flawed, THREADS=8), "float32", 2),
    Case("flawed, in pairs", in_groups(flawed), lanes=2),
    Case("flawed, in pairs, another order", in_groups(reordered(flawed)), lanes=2),
    Case("flawed, in pairs, blocks of 8 threads", with_settings(in_groups(flawed), THREADS=8), lanes=2),
    Case("weighted", weighted),
    Case("arguments", arguments),
    Case("arguments, 8 lanes", arguments, "float64", 8),
    Case("missing", missing),
    Case("missing, 4 lanes", missing, "float64", 4),
    Case("counted", counted),
    Case("counted, float32, 4 lanes", counted, "float32", 4),
    Case("penalised", penalised),
    Case("penalised, 4 lanes", penalised, "float64", 4),
    Case("bounded", bounded),
    Case("bounded, float32, 4 lanes", bounded, "float32", 4),
    Case("bounded, mixed", bounded, "mixed", digits=7),
    Case("boxed valleys", boxed_valleys),
    Case("robust", robust),
    Case("photons", photons, digits=7),
    Case("photons, in pairs, float32", in_groups(photons), "float32", 2),
    Case("masked, several starts", masked, digits=8),  # which of equal minima is kept is rounding
    Case("mixed", remembered(curves), "mixed", digits=7),
    Case("mixed, flawed", remembered(flawed), "mixed", digits=7),
    Case("mixed, 2 lanes, chunks of 2", with_settings(remembered(curves), LONGEST=2), "mixed", 2, digits=7),
    Case("mixed, valleys", valleys, "mixed", digits=7),
    Case("history, flawed", remembered(flawed)),
    Case("history, missing, float32, 2 lanes", remembered(missing), "float32", 2),
    Case("history, kepler", remembered(kepler)),
    Case("valleys", valleys),
    Case("valleys, float32", valleys, "float32"),
    Case("kepler", kepler),
    Case("kepler, float32", kepler, "float32"),
    Case("functions", functions),
    Case("functions, float32", functions, "float32"),
    Case("two curves, in groups of 4", in_groups(two), lanes=4),
    Case("two curves of their own lengths, in pairs", in_groups(two_lengths), "float32", 2),
    Case("two curves with NaN, in pairs, mixed", in_groups(two_flawed), "mixed", 2, digits=7),
    Case("penalised, in pairs", in_groups(penalised), lanes=2),
    Case("himmelblau, in pairs", in_groups(from_table("himmelblau")), lanes=2),
    Case("twelve unknowns, 8 lanes", twelve, lanes=8),
    Case("two bounded, in pairs", in_groups(two_bounded), lanes=2),
    Case("two bounded, in groups of 4, float32", in_groups(two_bounded), "float32", 4),
    Case("two bounded, in pairs, mixed", in_groups(two_bounded), "mixed", 2, digits=7),
    Case("an unknown that counts for nothing, in pairs", in_groups(unseen), lanes=2),
    Case("twelve unknowns in a box, 8 lanes", twelve_boxed, lanes=8),
    Case("a boxed valley, in pairs", in_groups(boxed_valley), lanes=2),
    Case("history, two curves, in pairs", in_groups(remembered(two)), lanes=2),
    Case("history, two bounded, in groups of 4, mixed", in_groups(remembered(two_bounded)), "mixed", 4, digits=7),
    Case("kepler, in pairs", in_groups(kepler), lanes=2),
    Case("broyden, in pairs", in_groups(broyden), lanes=2),
    Case("history, broyden, in groups of 4, float32", in_groups(remembered(broyden)), "float32", 4),
    Case("summed roots, in pairs", in_groups(summed_roots), lanes=2),
    Case("no root, parabola, in pairs", in_groups(from_table("no root, parabola")), lanes=2),
    Case("resident", resident()),
    Case("resident, mixed, history", resident(history=True), "mixed", digits=7),
    Case("resident, far", resident(far=(5, 6, -3)), digits=6),
    Case("resident, photons, bounds", resident(loss="poisson", bounds=(1e-3, [1.5, 1.5, 0.3]))),
    Case("resident, bounds", resident(bounds=(0.0, [1.5, 1.1, 0.3]))),
    *(Case(name, from_table(name)) for name in TABLE),
]
FIELDS = ("x", "fun", "status", "nit", "nfev")


def answers(case: Case, where: str) -> dict[str, np.ndarray]:
    """All answers of a case."""
    os.environ["BATCHNEWTON_CUDA_LANES"] = str(case.lanes)
    result = case.solve(device=where, dtype=case.dtype)
    size = np.size(result.status)
    found = {name: np.reshape(getattr(result, name), (size, -1) if name == "x" else size) for name in FIELDS}
    return found if result.history is None else found | {"history": np.stack(result.history, 2)}


def main(path: str, cases: list[Case]) -> None:
    warnings.simplefilter("ignore")  # NumPy's on infinities, in the simulator
    sys.setswitchinterval(1e-5)  # whose threads wait for each other some thousand times, each time for the interpreter
    done = {case.name: (answers(case, "cpu"), answers(case, "cuda")) for case in cases}
    with open(path, "wb") as file:
        pickle.dump(done, file)


if __name__ == "__main__":
    main(sys.argv[1], CASES)
